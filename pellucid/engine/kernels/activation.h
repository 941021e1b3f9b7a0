/* Activations, one example after the other; the backward pass needs only what the forward pass left, a.
   x and y may be the same place. */

#include "elementary.h"

/* y = f(x, kept) for every number of the thread's examples. */
#define ELEMENTWISE(name, formula)                                                                                 \
    static void name(const operation *o, const pass *p, range part, int thread) {                                  \
        const extent all = extent_of(o, part);                                                                     \
        const float number = (float)o->number;                                                                     \
        (void)number;                                                                                              \
        for (int64_t unit = all.first; unit < all.last; unit++)                                                    \
            for (int64_t plane = 0; plane < all.planes; plane++)                                                   \
                for (int64_t row = 0; row < all.rows; row++) {                                                     \
                    const float *xs = floats_of(p, o->x, unit, thread) + place_of_row(o->x, plane, row);           \
                    const float *ks = floats_of(p, o->kept, unit, thread) + place_of_row(o->kept, plane, row);     \
                    float *ys = floats_of(p, o->y, unit, thread) + place_of_row(o->y, plane, row);                 \
                    INDEPENDENT for (int64_t i = 0; i < all.run; i++) {                                            \
                        const float x = xs[i], kept = ks[i];                                                       \
                        (void)kept;                                                                                \
                        ys[i] = formula;                                                                           \
                    }                                                                                              \
                }                                                                                                  \
    }

/* clang-format off */
ELEMENTWISE(relu_forward, x <= 0 ? 0 : x) /* so that NaN stays NaN */
ELEMENTWISE(relu_backward, kept > 0 ? x : 0)
ELEMENTWISE(leaky_relu_forward, x <= 0 ? number * x : x)
ELEMENTWISE(leaky_relu_backward, kept > 0 ? x : number * x) /* the slope is at least 0, so a > 0 where z > 0 */
ELEMENTWISE(sigmoid_forward, logistic(x))
ELEMENTWISE(sigmoid_backward, x * kept * (1 - kept))
ELEMENTWISE(tanh_forward, hyperbolic_tangent(x))
ELEMENTWISE(tanh_backward, x * (1 - kept * kept))
ELEMENTWISE(dropout_backward, x * kept)
/* clang-format on */

/* The largest of `count` numbers. */
static float largest_of(const float *values, int64_t count) {
    float largest = values[0];
    for (int64_t i = 1; i < count; i++) largest = values[i] > largest ? values[i] : largest;
    return largest;
}

/* a = e^(z - largest) and the sum of them; z and a may be the same place. The padding is taken along, in whole vectors,
   and not counted. */
static float exponentials(const float *z, float largest, float *a, int64_t count) {
    float sum = 0;
    INDEPENDENT for (int64_t i = 0; i < padded(count); i++) a[i] = exponential(z[i] - largest);
    for (int64_t i = 0; i < count; i++) sum += a[i];
    return sum;
}

static void softmax_forward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e++) {
        const float *z = floats_of(p, o->x, e, thread);
        float *a = floats_of(p, o->y, e, thread);
        const float sum = exponentials(z, largest_of(z, o->out), a, o->out);
        for (int64_t i = 0; i < o->out; i++) a[i] /= sum;
    }
}

static void softmax_backward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e++) {
        const float *da = floats_of(p, o->x, e, thread), *a = floats_of(p, o->kept, e, thread);
        float *dz = floats_of(p, o->y, e, thread);
        float sum = 0;
        for (int64_t i = 0; i < o->out; i++) sum += a[i] * da[i];
        for (int64_t i = 0; i < o->out; i++) dz[i] = a[i] * (da[i] - sum);
        for (int64_t i = o->out; i < padded(o->out); i++) dz[i] = 0;
    }
}
