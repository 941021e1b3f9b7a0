/* Elementary functions of a float without branches, so that the compiler turns loops over them into vectors.

   Polynomials from Moshier's Cephes library (1992); each is within 2 units in the last place of the true value over
   the range that is named. */
#ifndef PELLUCID_ELEMENTARY_H
#define PELLUCID_ELEMENTARY_H

#include <math.h>

#include "vector.h"

typedef union {
    float value;
    int32_t bits;
} float_bits;

/* e^x = (1 + fraction) · power, where power is one of 2; for x from -87 to 88, at which it stops. NaN stays NaN. */
typedef struct {
    float fraction, power;
} exponential_parts;

ALWAYS_INLINE exponential_parts parts_of_exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float n = rintf(x * 1.44269504088896341f);
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f; /* x - n ln 2, with ln 2 in two parts */
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const float_bits power = {.bits = ((int32_t)(n == n ? n : 0) + 127) << 23};
    return (exponential_parts){p * r * r + r, power.value};
}

/* e^x; 0 below -87, where it would no longer be a normal number; it stops growing at 88; NaN stays NaN. */
ALWAYS_INLINE float exponential(float x) {
    const exponential_parts e = parts_of_exponential(x);
    return (e.fraction + 1.0f) * e.power * (x < -87.0f ? 0.0f : 1.0f);
}

/* e^x - 1, which keeps its digits near 0. */
ALWAYS_INLINE float exponential_less_1(float x) {
    const exponential_parts e = parts_of_exponential(x);
    return e.fraction * e.power + (e.power - 1.0f);
}

/* σ(x) = 1 / (1 + e^-x), with e^-|x| as in the reference. */
ALWAYS_INLINE float logistic(float x) {
    const float e = exponential(x > 0 ? -x : x);
    return (x > 0 ? 1.0f : e) / (1.0f + e);
}

/* tanh x: a polynomial near 0, where 1 - 2 / (e^2x + 1) would lose digits. */
ALWAYS_INLINE float hyperbolic_tangent(float x) {
    const float size = fabsf(x);
    const float s = x * x;
    float p = -5.70498872745e-3f;
    p = p * s + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    const float near_zero = p * s * x + x;
    const float far = 1.0f - 2.0f / (exponential(2.0f * size) + 1.0f);
    return size < 0.625f ? near_zero : (x < 0 ? -far : far);
}

/* ln(1 + m) = m - m²/2 + m³ · this, for m from √½ - 1 to √2 - 1. */
ALWAYS_INLINE float logarithm_polynomial(float m) {
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    return p * m + 3.3333331174e-1f;
}

/* ln(1 + x), for x from 0 to 1. */
ALWAYS_INLINE float logarithm_of_1_and(float x) {
    const float half = x > 0.414213562373095049f ? 0.6931471805599453f : 0.0f; /* ln 2 of (1 + x) / 2 · 2 */
    const float m = half > 0 ? 0.5f * (x - 1.0f) : x;
    return logarithm_polynomial(m) * m * m * m - 0.5f * m * m + m + half;
}

/* ln x, for normal x > 0. Near 1 all digits come from `below` = 1 - x, which the caller may know better than x tells. */
ALWAYS_INLINE float natural_logarithm(float x, float below) {
    float_bits b = {.value = x};
    float exponent = (float)((b.bits >> 23) - 126);
    b.bits = (b.bits & 0x007fffff) | 0x3f000000; /* the mantissa, in [0.5, 1) */
    const int small = b.value < 0.707106781186547524f;
    exponent = x > 0.75f ? 0.0f : exponent - (small ? 1.0f : 0.0f);
    const float m = x > 0.75f ? -below : (small ? b.value + b.value : b.value) - 1.0f;
    const float s = m * m;
    return (logarithm_polynomial(m) * m * s - 2.12194440e-4f * exponent - 0.5f * s) + m + 0.693359375f * exponent;
}

/* The derivative of x σ(x): s + x s (1 - s), where 1 - s = σ(-x). */
ALWAYS_INLINE float silu_slope(float x) {
    const float e = exponential(x > 0 ? -x : x), more = 1.0f / (1.0f + e), less = e * more;
    return (x > 0 ? more : less) + x * more * less;
}

/* φ(x), the density of the standard normal distribution. */
ALWAYS_INLINE float normal_density(float x) { return 0.398942280401432678f * exponential(-0.5f * x * x); }

/* Φ(x), its distribution function, to 1e-7: ½ + ½ erf(x / √2) near 0, and in the tails ½ erfc, by Press, Teukolsky,
   Vetterling, Flannery, "Numerical Recipes", 1992. */
ALWAYS_INLINE float normal_share(float x) {
    const float u = fabsf(x) * 0.707106781186547524f, s = u * u, t = 1.0f / (1.0f + 0.5f * u);
    float p = 7.853861353153693e-5f;
    p = p * s - 8.010193625184903e-4f;
    p = p * s + 5.188327685732524e-3f;
    p = p * s - 2.685381193529856e-2f;
    p = p * s + 1.128358514861418e-1f;
    p = p * s - 3.761262582423300e-1f;
    p = p * s + 1.128379165726710f;
    float q = 0.17087277f;
    q = q * t - 0.82215223f;
    q = q * t + 1.48851587f;
    q = q * t - 1.13520398f;
    q = q * t + 0.27886807f;
    q = q * t - 0.18628806f;
    q = q * t + 0.09678418f;
    q = q * t + 0.37409196f;
    q = q * t + 1.00002368f;
    q = q * t - 1.26551223f;
    const float tail = 0.5f * t * exponential(q - s), below = u < 1.0f ? 0.5f - 0.5f * p * u : tail;
    return x < 0 ? below : 1.0f - below;
}

/* cos and sin of 2π·turns, for turns in [0, 1): the quarter turn is split off, polynomials do the rest. */
ALWAYS_INLINE void turn(float turns, float *cosine, float *sine) {
    const float quarter = rintf(turns * 4.0f);
    const float angle = (turns - quarter * 0.25f) * 6.28318530717958648f; /* in [-π/4, π/4] */
    const float s = angle * angle;
    const float sin_here = ((-1.9515295891e-4f * s + 8.3321608736e-3f) * s - 1.6666654611e-1f) * s * angle + angle;
    const float cos_here = ((2.443315711809948e-5f * s - 1.388731625493765e-3f) * s + 4.166664568298827e-2f) * s * s -
                           0.5f * s + 1.0f;
    const int32_t q = (int32_t)quarter;
    const float across = q & 1 ? sin_here : cos_here;
    const float along = q & 1 ? cos_here : sin_here;
    *cosine = (q + 1) & 2 ? -across : across;
    *sine = q & 2 ? -along : along;
}

#endif
