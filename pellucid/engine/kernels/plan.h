/* A plan: what one training step does, as a list of operations on an arena of floats.

   Vectors lie in rows: an example has a row for each tensor, `padded(width)` floats apart. Numbers beyond the width are
   0 in gradients and parameters and mean nothing in activations. A weight matrix of a dense layer lies as (in, out), that
   is one row for each input, with the bias as one more row behind it.

   Images lie abreast: (channels, height, width, PAD), the same pixel of PAD images in neighbouring floats, so that a
   vector holds one pixel of several images. Around each image there may be a rim of zeros that nobody writes. In the
   last images of a batch that does not fill them, gradients are 0. Parameters lie as in theta. */
#ifndef PELLUCID_PLAN_H
#define PELLUCID_PLAN_H

#include <stdint.h>

/* All of these stand in engine/plan.py too. */
#define PAD 16          /* floats: a cache line, and the widest vector; images abreast */
#define TILE_ROWS 6     /* rows of a tile of the matrix product */
#define PANEL 64        /* columns of the first layer's W that lie together where images are sparse, see sparse.h */
#define SPARSE_STRIP 24 /* rows of its gradient that an optimizer takes at a time */
#define BLOCK 64        /* examples that go backwards abreast, in the lanes of dZᵀ */
#define SUMMED 4096     /* numbers whose squares one thread sums: the sum is the same for any number of threads */
#define TILE_PIXELS 4   /* pixels of a tile of a convolution */
#define POINTS 8        /* of a convolution in Winograd's way, in each direction, see winograd.h */
#define TILES_ABREAST 4 /* of its tiles at a time: a tile of the product is as wide */

static inline int64_t padded(int64_t width) { return (width + PAD - 1) / PAD * PAD; }

/* Of a sparse batch, see sparse.h: the entries that a pixel has room for, an odd number of cache lines, so that pixels
   spread over the whole cache; and the floats that it takes. */
static inline int64_t sparse_room(int64_t batch) { return ((batch / PAD + 1) | 1) * PAD; }

static inline int64_t sparse_size(int64_t batch, int64_t in) { return batch * (2 * in + 1) + in * sparse_room(batch); }

/* A tensor of the batch: where it lies in the arena, and how far apart its parts are. */
typedef struct {
    int64_t place;      /* of images the first pixel, behind the rim */
    int64_t unit;       /* from an example to the next, or from PAD images abreast to the next PAD */
    int64_t thread;     /* from one thread's to the next's, where each has its own and unit is 0 */
    int64_t plane, row; /* of images: from a channel to the next, and from a row of pixels to the next */
} tensor;

/* One kernel's work. Python fills these in (engine/plan.py); the two declarations must agree. */
typedef struct {
    int64_t kernel;  /* place in the table of kernels */
    int64_t meet;    /* whether all threads must have finished what stands before */
    int64_t carry;   /* examples that a thread carries through neighbouring operations before it takes the next ones;
                        0: the kernel itself shares out its work */
    tensor x, y;     /* what it reads, what it writes */
    tensor kept;     /* a third one: a mask, the activation of a backward pass, who won a pooling */
    tensor also;     /* a fourth one: x of a backward pass that needs more than that */
    int64_t w;       /* place of the parameters, of a prediction in theta */
    int64_t sums;    /* place of the gradient's parts, see parts.h, or of statistics, of a prediction in the state */
    int64_t in, out; /* numbers of an example in x and y, or channels of images. At the end of a step: of gradients in
                        parts out is the parameters, and the first `in` of them are weights; of square_sum and
                        clipped_update out is the parameters, and the sums are of `in` of them */
    int64_t height, width, rows, columns; /* of images in x and y; of a backward pass, as in the forward pass */
    int64_t side, stride, padding;        /* of a window */
    int64_t relu;    /* whether y is rectified */
    int64_t batch;   /* examples that sparse rows have room for */
    double number;   /* slope, rate of dropout, deviation of noise; in an update the factor of the learning rate */
    uint32_t key[2]; /* of the counter generator */
} operation;

enum optimizer_kind { SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM, LION };

typedef struct {
    int64_t kind;
    int64_t in_product; /* whether the update is part of the product that makes the gradient, see descend */
    int64_t gradient, first, second, average; /* how far behind a parameter its gradient, moments and moving average lie
                                                 in the arena; 0: there is none */
    int64_t before;      /* steps that are not in the average */
    double momentum, beta1, beta2, rho, epsilon;
    double weight_decay; /* λ, joins the gradient */
    double shrink;       /* λ where the decay is decoupled: taken off theta itself */
    double l1, l2, clip_value, clip_norm, max_norm; /* of pellucid/descent.py; 0: off */
    double decay;        /* d of the average */
} optimizer;

/* The training data; pixels or values, the other is NULL. */
typedef struct {
    const uint8_t *pixels;
    const float *values;
    const float *targets;
    const float *weights;   /* of the examples; NULL: all weigh 1 */
    int64_t area, channels; /* an image is (area, channels), and becomes (channels, area) */
    float scale, offset;             /* x = pixel * scale + offset */
} dataset;

/* How the images of a run are distorted, see distort.h. */
typedef struct {
    int64_t height, width;
    const float *maps;         /* (examples, 2, 3): M and beside it o, for rows first */
    const int64_t *rectangles; /* (examples, 4): top, left, height and width of what is erased */
    const int64_t *indices;    /* (examples,) places in the data set; NULL where nothing is bent, and so is what follows */
    uint32_t key[2];           /* of the counter generator, for the seed and the epoch */
    int64_t radius;            /* of the Gaussian */
    const float *down, *across; /* G (height, height), and α / 128 times Gᵀ (width, padded(width)) */
} distortions;

/* The floats of scratch in which a thread distorts images and keeps PAD of them. */
static inline int64_t distortion_size(int64_t height, int64_t width, int64_t channels) {
    return PAD * padded(height * width * channels + PAD) + padded((height + 3) * (width + 3)) + (7 * height + 1) * padded(width);
}

/* What the kernels of one step share. */
typedef struct {
    float *arena;
    const float *theta, *state; /* of a prediction, which reads the parameters and running statistics where they are */
    const dataset *data;
    const optimizer *rule;
    const int64_t *order; /* the examples of the batch, as places in the data */
    const distortions *distortions; /* of the whole run, or NULL */
    int64_t before;       /* examples of the run before this batch */
    int64_t examples, ahead; /* of this batch, and how many follow in order */
    int threads;
    int64_t part;         /* examples that stay with one thread, and whose gradients it adds up, see parts.h */
    int64_t step;         /* 1, 2, ... over the whole training */
    double rate;
    double unbiased_rate, unbias; /* Adam's α / (1 - β₁ᵗ) and 1 / (1 - β₂ᵗ) */
    double average_share; /* of theta in its average: (1 - d) / (1 - dᵗ) */
    double weight;        /* of the batch: Σ w */
    float loss_scale;     /* of the gradient that the loss leaves */
    double *losses;       /* (examples,) */
    int64_t *correct;     /* (examples,) */
    float *scratch;       /* (threads, scratch_size) */
    int64_t scratch_size;
} pass;

/* A half-open range of examples, rows or numbers: one thread's share of a kernel's work. */
typedef struct {
    int64_t first, last;
} range;

/* `part`: the examples, where the kernel does not share out its work itself. */
typedef void kernel(const operation *o, const pass *p, range part, int thread);

/* The kernels in the order of the table; `pellucid info --plan` calls them by these names. */
#define KERNELS(X)                                                                                              \
    X(gather) X(gather_sparse) X(gather_abreast)                                                                \
    X(convolution_forward) X(convolution_pool_forward) X(convolution_backward) X(convolution_gradient)          \
    X(convolution_pool_gradient)                                                                                \
    X(winograd_weights) X(winograd_forward) X(winograd_pool_forward) X(winograd_backward) X(winograd_gradient)      \
    X(winograd_rows_weights) X(winograd_rows_forward) X(winograd_rows_pool_forward)                             \
    X(max_pool_forward) X(max_pool_backward) X(average_pool_forward) X(average_pool_backward)                   \
    X(flatten_forward) X(flatten_backward) X(global_average_forward) X(global_average_backward)                 \
    X(batch_norm_measure) X(batch_norm_abreast_measure) X(batch_norm_statistics)                                \
    X(batch_norm_forward) X(batch_norm_abreast_forward) X(batch_norm_pool_forward)                              \
    X(batch_norm_gradient) X(batch_norm_abreast_gradient) X(batch_norm_pool_gradient) X(batch_norm_means)       \
    X(batch_norm_backward) X(batch_norm_abreast_backward) X(batch_norm_pool_backward)                           \
    X(layer_norm_forward) X(layer_norm_backward) X(layer_norm_abreast_forward) X(layer_norm_abreast_backward)   \
    X(parts_descend) X(parts_update) X(parts_gradient)                                                          \
    X(gather_planes) X(copy_planes) X(unfold_planes) X(add_planes)                                              \
    X(max_pool_predict) X(average_pool_predict) X(global_average_predict)                                       \
    X(convolution_predict) X(dense_predict) X(batch_norm_predict) X(layer_norm_predict)                         \
    X(dense_forward) X(dense_backward) X(dense_descend) X(dense_update) X(dense_gradient)      \
    X(sparse_forward) X(sparse_descend) X(sparse_update) X(sparse_gradient)                                     \
    X(relu_forward) X(relu_backward) X(leaky_relu_forward) X(leaky_relu_backward)                               \
    X(sigmoid_forward) X(sigmoid_backward) X(tanh_forward) X(tanh_backward)                                     \
    X(softplus_forward) X(softplus_backward) X(elu_forward) X(elu_backward)                                     \
    X(silu_forward) X(silu_backward) X(gelu_forward) X(gelu_backward)                                           \
    X(softmax_forward) X(softmax_backward) X(softmax_abreast_forward) X(softmax_abreast_backward)               \
    X(dropout_forward) X(dropout_abreast_forward) X(dropout_backward) X(noise_forward) X(noise_abreast_forward) \
    X(add)                                                                                                      \
    X(cross_entropy) X(binary_cross_entropy) X(multi_label) X(squared_error)                                    \
    X(square_sum) X(clipped_update) X(max_norm_columns) X(max_norm_rows) X(average)                             \
    X(peak)

enum kernel_number {
#define NUMBER(name) KERNEL_##name,
    KERNELS(NUMBER)
#undef NUMBER
        KERNEL_COUNT
};

/* The share of `thread` in `count` units that are not to be torn apart in groups of `group`. */
static inline range share(int64_t count, int64_t group, int thread, int threads) {
    int64_t groups = (count + group - 1) / group;
    range part = {groups * thread / threads * group, groups * (thread + 1) / threads * group};
    if (part.last > count) part.last = count;
    return part;
}

/* The numbers of some examples, one by one: units of planes of rows of neighbours. */
typedef struct {
    int64_t first, last, planes, rows, run;
} extent;

static inline extent extent_of(const operation *o, range part) {
    if (o->rows) return (extent){part.first / PAD, (part.last + PAD - 1) / PAD, o->out, o->rows, o->columns * PAD};
    return (extent){part.first, part.first + 1, 1, 1, (part.last - part.first) * padded(o->out)}; /* rows have no gaps */
}

/* Where a tensor begins for an example, or for PAD images abreast, of this number. */
static inline float *floats_of(const pass *p, tensor t, int64_t unit, int thread) {
    return p->arena + t.place + unit * t.unit + thread * t.thread;
}

/* How much an example of the batch weighs. */
static inline float weight_of(const pass *p, int64_t e) { return p->data->weights ? p->data->weights[p->order[e]] : 1; }

static inline int64_t place_of_row(tensor t, int64_t plane, int64_t row) { return plane * t.plane + row * t.row; }

/* Where pixel number n of PAD images abreast stands, map after map. */
static inline float *pixel_of(const operation *o, const pass *p, tensor t, int64_t unit, int64_t n, int thread) {
    const int64_t row = n / o->columns;
    return floats_of(p, t, unit, thread) + place_of_row(t, row / o->rows, row % o->rows) + n % o->columns * PAD;
}

#endif
