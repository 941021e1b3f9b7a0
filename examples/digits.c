/* pellucid without Python: reads MNIST's IDX files, trains 784-128-64-10 and prints the test accuracy.

   Build and run: make c-demo. The kernels are those of the library; what engine/plan.py does there is done here by
   hand: places in the arena, the list of operations, the first weights. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "train.h"

enum { LAYERS = 3, BATCH = 32, EPOCHS = 5, CLASSES = 10, PIXELS = 784 };
static const int64_t widths[LAYERS + 1] = {PIXELS, 128, 64, CLASSES};

typedef struct {
    uint8_t *bytes;
    int64_t count;
} idx;

/* The bytes behind the header of an IDX file with this magic number, and how many items they are. */
static idx read_idx(const char *folder, const char *name, int magic) {
    char path[4096];
    uint8_t header[16];
    const size_t length = magic == 2051 ? 16 : 8, item = magic == 2051 ? PIXELS : 1;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file || fread(header, 1, length, file) != length || header[2] != 8 ||
        header[3] != magic - 2048) {
        fprintf(stderr, "%s is no IDX file of this kind.\n", path);
        exit(3);
    }
    const int64_t count = (int64_t)header[4] << 24 | header[5] << 16 | header[6] << 8 | header[7];
    idx content = {malloc((size_t)count * item), count};
    if (!content.bytes || fread(content.bytes, item, (size_t)count, file) != (size_t)count) {
        fprintf(stderr, "%s is cut short.\n", path);
        exit(3);
    }
    fclose(file);
    return content;
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

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: %s FOLDER   (with MNIST's four files, unpacked)\n", arguments[0]);
        return 2;
    }
    const idx images = read_idx(arguments[1], "train-images-idx3-ubyte", 2051);
    const idx labels = read_idx(arguments[1], "train-labels-idx1-ubyte", 2049);
    const idx test_images = read_idx(arguments[1], "t10k-images-idx3-ubyte", 2051);
    const idx test_labels = read_idx(arguments[1], "t10k-labels-idx1-ubyte", 2049);

    int64_t weights[LAYERS], outputs[LAYERS + 1], gradients[LAYERS + 1];
    for (int l = 0; l < LAYERS; l++) weights[l] = place((widths[l] + 1) * padded(widths[l + 1]));
    outputs[0] = place(BATCH * PIXELS * 4 + BATCH + PIXELS);
    for (int l = 1; l <= LAYERS; l++) outputs[l] = place(BATCH * padded(widths[l]));
    for (int l = 0; l <= LAYERS; l++) gradients[l] = place(BATCH * padded(widths[l]));
    float *arena = aligned_alloc(64, (size_t)used * sizeof(float));
    memset(arena, 0, (size_t)used * sizeof(float));
    for (int l = 0; l < LAYERS; l++) /* He: normal numbers of variance 2 / fan_in, by Box and Muller's method */
        for (int64_t k = 0; k < widths[l]; k++)
            for (int64_t j = 0; j < widths[l + 1]; j++)
                arena[weights[l] + k * padded(widths[l + 1]) + j] = (float)(
                    sqrt(-4 * log(1 - uniform()) / (double)widths[l]) * cos(6.283185307179586 * uniform()));

    operation steps[32];
    int64_t n = 0;
    steps[n++] = (operation){.kernel = KERNEL_gather_sparse, .meet = 1, .y = outputs[0], .in = PIXELS, .number = BATCH};
    for (int l = 0; l < LAYERS; l++) {
        const int64_t in = widths[l], out = widths[l + 1], z = outputs[l + 1];
        steps[n++] = (operation){l ? KERNEL_dense_forward : KERNEL_sparse_forward, .x = outputs[l], .y = z, .w = weights[l], .in = in, .out = out, .number = BATCH};
        if (l < LAYERS - 1) steps[n++] = (operation){KERNEL_relu_forward, .x = z, .y = z, .in = out, .out = out};
    }
    const int64_t forward = n;
    steps[n++] = (operation){KERNEL_cross_entropy, .x = outputs[LAYERS], .y = gradients[LAYERS], .out = CLASSES};
    for (int l = LAYERS - 1; l > 0; l--) {
        const int64_t in = widths[l], out = widths[l + 1], dz = gradients[l];
        steps[n++] = (operation){KERNEL_dense_backward, .x = gradients[l + 1], .y = dz, .w = weights[l], .in = in, .out = out};
        steps[n++] = (operation){KERNEL_relu_backward, .x = dz, .y = dz, .w = outputs[l], .in = in, .out = in};
    }
    for (int l = 0; l < LAYERS; l++)
        steps[n++] = (operation){l ? KERNEL_dense_descend : KERNEL_sparse_descend, .number = BATCH,  .meet = l == 0, .x = outputs[l], .y = gradients[l + 1],
                                 .w = weights[l], .in = widths[l], .out = widths[l + 1]};

    float *targets = calloc((size_t)images.count * CLASSES, sizeof *targets);
    int64_t *order = malloc((size_t)images.count * sizeof *order);
    for (int64_t i = 0; i < images.count; i++) order[i] = i, targets[i * CLASSES + labels.bytes[i] % CLASSES] = 1;
    const int64_t batches = (images.count + BATCH - 1) / BATCH;
    double *rates = malloc((size_t)batches * sizeof *rates), *losses = malloc((size_t)batches * sizeof *losses);
    int64_t *correct = malloc((size_t)batches * sizeof *correct);
    for (int64_t i = 0; i < batches; i++) rates[i] = 0.1;

    const instruction_set *cpu = instruction_sets;
    while (!cpu->supported()) cpu++;
    const optimizer rule = {.kind = SGD};
    const plan training = {steps, n, &rule, arena, BATCH, (BATCH + 64) * 128, 2, cpu->kernels};
    const dataset data = {images.bytes, NULL, targets, PIXELS, 1, CLASSES, 1 / 255.0f, 0};
    workplace here;
    if (workplace_open(&here, &training)) return 1;
    printf("784-128-64-10 on %lld images, kernels %s, 2 threads\n", (long long)images.count, cpu->name);
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        struct timespec began, ended;
        double loss = 0;
        shuffle(order, images.count);
        timespec_get(&began, TIME_UTC);
        if (train(&training, &here, &data, order, images.count, rates, batches, 1 + (epoch - 1) * batches, losses, correct))
            return 1;
        timespec_get(&ended, TIME_UTC);
        for (int64_t i = 0; i < batches; i++) loss += losses[i] / (double)batches;
        const double seconds = (double)(ended.tv_sec - began.tv_sec) + 1e-9 * (double)(ended.tv_nsec - began.tv_nsec);
        printf("epoch %d  loss %.4f  %.3f s\n", epoch, loss, seconds);
    }

    int64_t right = 0; /* forwards only, by one thread, a batch at a time */
    const dataset test = {test_images.bytes, NULL, targets, PIXELS, 1, CLASSES, 1 / 255.0f, 0};
    for (int64_t i = 0; i < test_images.count; i += BATCH) {
        const pass now = {.arena = arena, .data = &test, .order = order, .examples = BATCH};
        for (int64_t e = 0; e < BATCH; e++) order[e] = i + e < test_images.count ? i + e : i;
        for (int64_t o = 0; o < forward; o++) cpu->kernels[steps[o].kernel](&steps[o], &now, 0, 1);
        for (int64_t e = 0; e < BATCH && i + e < test_images.count; e++) {
            const float *z = arena + outputs[LAYERS] + e * padded(CLASSES);
            int best = 0;
            for (int k = 1; k < CLASSES; k++) best = z[k] > z[best] ? k : best;
            right += best == test_labels.bytes[i + e];
        }
    }
    printf("test accuracy %.2f%%\n", 100.0 * (double)right / (double)test_images.count);
    workplace_close(&here);
    return 0;
}
