/* Activations, one example after the other; the backward pass needs only what the forward pass left, a.
   x and y may be the same place. */

#include "elementary.h"

/* y = f(x, w) for every number of the thread's examples. */
#define ELEMENTWISE(name, formula)                                                              \
    static void name(const operation *o, const pass *p, int thread, int threads) {              \
        const range part = share(p->examples, 1, thread, threads);                              \
        const int64_t row = padded(o->out), first = part.first * row, last = part.last * row;   \
        const float *xs = p->arena + o->x, *ws = p->arena + o->w;                               \
        float *ys = p->arena + o->y;                                                            \
        const float number = (float)o->number;                                                  \
        (void)ws, (void)number;                                                                 \
        INDEPENDENT for (int64_t i = first; i < last; i++) {                           \
            const float x = xs[i], w = ws[i];                                                   \
            (void)w;                                                                            \
            ys[i] = formula;                                                                    \
        }                                                                                       \
    }

/* clang-format off */
ELEMENTWISE(relu_forward, x <= 0 ? 0 : x) /* so that NaN stays NaN */
ELEMENTWISE(relu_backward, w > 0 ? x : 0)
ELEMENTWISE(leaky_relu_forward, x <= 0 ? number * x : x)
ELEMENTWISE(leaky_relu_backward, w > 0 ? x : number * x) /* the slope is at least 0, so a > 0 where z > 0 */
ELEMENTWISE(sigmoid_forward, logistic(x))
ELEMENTWISE(sigmoid_backward, x * w * (1 - w))
ELEMENTWISE(tanh_forward, hyperbolic_tangent(x))
ELEMENTWISE(tanh_backward, x * (1 - w * w))
ELEMENTWISE(dropout_backward, x * w)
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

static void softmax_forward(const operation *o, const pass *p, int thread, int threads) {
    const range part = share(p->examples, 1, thread, threads);
    for (int64_t e = part.first; e < part.last; e++) {
        const float *z = p->arena + o->x + e * padded(o->out);
        float *a = p->arena + o->y + e * padded(o->out);
        const float sum = exponentials(z, largest_of(z, o->out), a, o->out);
        for (int64_t i = 0; i < o->out; i++) a[i] /= sum;
    }
}

static void softmax_backward(const operation *o, const pass *p, int thread, int threads) {
    const range part = share(p->examples, 1, thread, threads);
    for (int64_t e = part.first; e < part.last; e++) {
        const float *da = p->arena + o->x + e * padded(o->out), *a = p->arena + o->w + e * padded(o->out);
        float *dz = p->arena + o->y + e * padded(o->out);
        float sum = 0;
        for (int64_t i = 0; i < o->out; i++) sum += a[i] * da[i];
        for (int64_t i = 0; i < o->out; i++) dz[i] = a[i] * (da[i] - sum);
        for (int64_t i = o->out; i < padded(o->out); i++) dz[i] = 0;
    }
}
