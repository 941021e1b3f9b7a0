/* pellucid without Python: reads MNIST's IDX files, trains 784-128-64-10 and prints the test accuracy.

   Build and run: make c-demo. The kernels are those of the library; what engine/plan.py does there is done here by
   hand: places in the arena, the list of operations, the first weights. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "train.h"

enum { LAYERS = 3, BATCH = 32, EPOCHS = 5, CLASSES = 10, SIDE = 28, PIXELS = SIDE * SIDE, THREADS = 2 };
static const int64_t widths[LAYERS + 1] = {PIXELS, 128, 64, CLASSES};

typedef struct {
    uint8_t *images, *labels;
    int64_t count;
} digits;

static void fail(const char *path, const char *trouble) {
    fprintf(stderr, "%s %s.\n", path, trouble);
    exit(3);
}

/* Memory, all 0, that begins at a cache line. */
static void *memory(int64_t bytes) {
    void *start = aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64);
    if (!start) fail("memory:", "there is not enough");
    return memset(start, 0, (size_t)bytes);
}

/* The items of an IDX file with so many dimensions, each of `size` bytes; their number goes to `count`. */
static uint8_t *read_idx(const char *folder, const char *name, int dimensions, int64_t size, int64_t *count) {
    char path[4096];
    uint8_t header[16] = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file || fread(header, 1, (size_t)(4 + 4 * dimensions), file) != (size_t)(4 + 4 * dimensions))
        fail(path, "cannot be read");
    if (header[0] || header[1] || header[2] != 8 || header[3] != dimensions) fail(path, "is no IDX file of this kind");
    if (dimensions == 3 && (header[11] != SIDE || header[15] != SIDE)) fail(path, "has images of another size");
    *count = (int64_t)header[4] << 24 | header[5] << 16 | header[6] << 8 | header[7];
    uint8_t *bytes = memory(*count * size);
    if (fread(bytes, (size_t)size, (size_t)*count, file) != (size_t)*count) fail(path, "is cut short");
    fclose(file);
    return bytes;
}

static digits read_digits(const char *folder, const char *images, const char *labels) {
    digits read;
    int64_t count;
    read.images = read_idx(folder, images, 3, PIXELS, &read.count);
    read.labels = read_idx(folder, labels, 1, 1, &count);
    if (count != read.count) fail(labels, "has another number of items than the images");
    return read;
}

static uint64_t state = 1;

/* A uniform number in [0, 1), by Marsaglia's xorshift64* (2003, Vigna 2014). */
static double uniform(void) {
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (double)(state * 2685821657736338717ull >> 11) * 0x1p-53;
}

static void shuffle(int64_t *order, int64_t count) {
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = (int64_t)(uniform() * (double)(i + 1)), kept = order[i];
        order[i] = order[j], order[j] = kept;
    }
}

static int64_t used; /* of the arena */

static int64_t place(int64_t floats) {
    const int64_t at = used;
    used += padded(floats);
    return at;
}

/* A tensor of the batch: a row for each example. */
static tensor rows(int64_t at, int64_t width) { return (tensor){.place = at, .unit = padded(width)}; }

/* Where a weight of the first layer lies behind the first of them, see sparse.h. */
static int64_t in_panels(int64_t k, int64_t j) { return (j / PANEL * (PIXELS + 1) + k) * PANEL + j % PANEL; }

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: %s FOLDER   (with MNIST's four files, unpacked)\n", arguments[0]);
        return 2;
    }
    const digits train_set = read_digits(arguments[1], "train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    const digits test_set = read_digits(arguments[1], "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");

    int64_t weights[LAYERS];
    tensor outputs[LAYERS + 1], gradients[LAYERS + 1];
    for (int l = 0; l < LAYERS; l++) weights[l] = place((widths[l] + 1) * padded(widths[l + 1]));
    outputs[0] = rows(place(2 * sparse_size(BATCH, PIXELS)), PIXELS);
    for (int l = 1; l <= LAYERS; l++) outputs[l] = rows(place(BATCH * padded(widths[l])), widths[l]);
    for (int l = 1; l <= LAYERS; l++) gradients[l] = rows(place(BATCH * padded(widths[l])), widths[l]);
    float *arena = memory(used * (int64_t)sizeof(float));
    for (int l = 0; l < LAYERS; l++) /* He: normal numbers of variance 2 / fan_in, by Box and Muller's method */
        for (int64_t k = 0; k < widths[l]; k++)
            for (int64_t j = 0; j < widths[l + 1]; j++)
                arena[weights[l] + (l ? k * padded(widths[l + 1]) + j : in_panels(k, j))] = (float)(
                    sqrt(-4 * log(1 - uniform()) / (double)widths[l]) * cos(6.283185307179586 * uniform()));

    operation steps[32];
    int64_t n = 0;
    steps[n++] = (operation){.kernel = KERNEL_gather_sparse, .y = outputs[0], .in = PIXELS, .batch = BATCH};
    for (int l = 0; l < LAYERS; l++) { /* the sparse kernels share out their work themselves, the others carry the batch */
        const int64_t in = widths[l], out = widths[l + 1];
        steps[n++] = (operation){.kernel = l ? KERNEL_dense_forward : KERNEL_sparse_forward, .meet = l == 0, .carry = l ? BATCH : 0,
                                 .x = outputs[l], .y = outputs[l + 1], .w = weights[l], .in = in, .out = out, .batch = BATCH};
        if (l < LAYERS - 1)
            steps[n++] = (operation){.kernel = KERNEL_relu_forward, .meet = l == 0, .carry = BATCH, .x = outputs[l + 1],
                                     .y = outputs[l + 1], .in = out, .out = out};
    }
    const int64_t forward = n;
    steps[n++] = (operation){.kernel = KERNEL_cross_entropy, .carry = BATCH, .x = outputs[LAYERS], .y = gradients[LAYERS], .out = CLASSES};
    for (int l = LAYERS - 1; l > 0; l--) {
        const int64_t in = widths[l], out = widths[l + 1];
        steps[n++] = (operation){.kernel = KERNEL_dense_backward, .carry = BATCH, .x = gradients[l + 1], .y = gradients[l], .w = weights[l],
                                 .in = in, .out = out};
        steps[n++] = (operation){.kernel = KERNEL_relu_backward, .carry = BATCH, .x = gradients[l], .y = gradients[l],
                                 .kept = outputs[l], .in = in, .out = in};
    }
    for (int l = 0; l < LAYERS; l++)
        steps[n++] = (operation){.kernel = l ? KERNEL_dense_descend : KERNEL_sparse_descend, .batch = BATCH, .meet = l == 0, .x = outputs[l],
                                 .y = gradients[l + 1], .w = weights[l], .in = widths[l], .out = widths[l + 1]};

    const int64_t batches = (train_set.count + BATCH - 1) / BATCH;
    float *targets = memory(train_set.count * CLASSES * (int64_t)sizeof *targets);
    int64_t *order = memory((train_set.count + BATCH) * (int64_t)sizeof *order);
    double *rates = memory(batches * (int64_t)sizeof *rates), *losses = memory(batches * (int64_t)sizeof *losses);
    int64_t *correct = memory(batches * (int64_t)sizeof *correct);
    for (int64_t i = 0; i < train_set.count; i++) order[i] = i, targets[i * CLASSES + train_set.labels[i] % CLASSES] = 1;
    for (int64_t i = 0; i < batches; i++) rates[i] = 0.1;

    const instruction_set *cpu = instruction_sets;
    while (!cpu->supported()) cpu++;
    const optimizer rule = {.kind = SGD, .in_product = 1};
    const int64_t scratch = 128 * BLOCK; /* dZᵀ of the widest layer */
    const plan training = {steps, n, &rule, arena, BATCH, 1, scratch, THREADS, cpu->kernels};
    const dataset data = {.pixels = train_set.images, .targets = targets, .area = PIXELS, .channels = 1, .scale = 1 / 255.0f};
    workplace here;
    if (workplace_open(&here, &training)) return 1;
    printf("784-128-64-10 on %lld images, kernels %s, %d threads\n", (long long)train_set.count, cpu->name, THREADS);
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        struct timespec began, ended;
        double loss = 0;
        shuffle(order, train_set.count);
        timespec_get(&began, TIME_UTC);
        if (train(&training, &here, &data, order, train_set.count, NULL, rates, batches, 1 + (epoch - 1) * batches, losses,
                  correct))
            return 1;
        timespec_get(&ended, TIME_UTC);
        for (int64_t i = 0; i < batches; i++) loss += losses[i] / (double)batches;
        const double seconds = (double)(ended.tv_sec - began.tv_sec) + 1e-9 * (double)(ended.tv_nsec - began.tv_nsec);
        printf("epoch %d  loss %.4f  %.3f s\n", epoch, loss, seconds);
    }

    int64_t right = 0; /* forwards only, by one thread, a batch at a time */
    const dataset test = {.pixels = test_set.images, .targets = targets, .area = PIXELS, .channels = 1, .scale = 1 / 255.0f};
    for (int64_t i = 0; i < test_set.count; i += BATCH) {
        const pass now = {.arena = arena, .data = &test, .order = order, .examples = BATCH, .threads = 1, .part = 1};
        for (int64_t e = 0; e < BATCH; e++) order[e] = i + e < test_set.count ? i + e : i;
        for (int64_t o = 0; o < forward; o++) cpu->kernels[steps[o].kernel](&steps[o], &now, (range){0, BATCH}, 0);
        for (int64_t e = 0; e < BATCH && i + e < test_set.count; e++) {
            const float *z = floats_of(&now, outputs[LAYERS], e, 0);
            int best = 0;
            for (int k = 1; k < CLASSES; k++) best = z[k] > z[best] ? k : best;
            right += best == test_set.labels[i + e];
        }
    }
    printf("test accuracy %.2f%%\n", 100.0 * (double)right / (double)test_set.count);
    workplace_close(&here);
    return 0;
}
