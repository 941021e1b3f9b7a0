/* Activations and whatever else is done number by number; the backward pass needs only what the forward pass left, a,
   or where it is said z. x and y may be the same place. */

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
ELEMENTWISE(softplus_forward, (x > 0 ? x : 0) + logarithm_of_1_and(exponential(x > 0 ? -x : x)))
ELEMENTWISE(softplus_backward, x * -exponential_less_1(-kept))
ELEMENTWISE(elu_forward, x > 0 ? x : exponential_less_1(x))
ELEMENTWISE(elu_backward, kept > 0 ? x : x * (kept + 1)) /* a > 0 where z > 0 */
ELEMENTWISE(silu_forward, x * logistic(x))
ELEMENTWISE(silu_backward, x * silu_slope(kept)) /* of z */
ELEMENTWISE(gelu_forward, x * normal_share(x))
ELEMENTWISE(gelu_backward, x * (normal_share(kept) + kept * normal_density(kept))) /* of z */
ELEMENTWISE(dropout_backward, x * kept)
ELEMENTWISE(add, x + kept)
/* clang-format on */
