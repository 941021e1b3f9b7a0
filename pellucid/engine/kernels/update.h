/* The optimizers on flat vectors: what a gradient does to theta. The formulas stand in pellucid/optimizers.py, those around
   them in pellucid/descent.py.

   Why it is fast: one loop over theta, its gradient and its moments, which the compiler turns into vectors; each number
   is read and written once, and the gradient is in the cache. What depends on the step alone is computed before. */
#ifndef PELLUCID_UPDATE_H
#define PELLUCID_UPDATE_H

#include <float.h>
#include <math.h>

#include "plan.h"

/* What the formulas are told of a step, in a layer. */
typedef struct {
    float rate;    /* α of the layer, of Adam α / (1 - β₁ᵗ) */
    float factor;  /* of the gradient, whose norm may be clipped */
    float decay;   /* λ that joins the gradient */
    float keep;    /* 1 - αλ where the decay is decoupled */
    float epsilon; /* a smaller one would be flushed to 0, and 0 / 0 come */
} terms;

static terms terms_of(const operation *o, const pass *p, float factor) {
    const optimizer *rule = p->rule;
    const double rate = rule->kind == ADAM ? p->unbiased_rate : p->rate;
    return (terms){(float)(o->number * rate), factor, (float)rule->weight_decay,
                   (float)(1 - o->number * p->rate * rule->shrink), fmaxf((float)rule->epsilon, FLT_MIN)};
}

static void sgd(terms t, float *restrict theta, const float *restrict gradient, int64_t count) {
    for (int64_t i = 0; i < count; i++) theta[i] -= t.rate * (t.factor * gradient[i] + t.decay * theta[i]);
}

static void momentum(terms t, const optimizer *rule, float *restrict theta, const float *restrict gradient,
                     float *restrict v, int64_t count) {
    const float mu = (float)rule->momentum;
    for (int64_t i = 0; i < count; i++) {
        v[i] = mu * v[i] + (t.factor * gradient[i] + t.decay * theta[i]);
        theta[i] -= t.rate * v[i];
    }
}

static void nesterov(terms t, const optimizer *rule, float *restrict theta, const float *restrict gradient,
                     float *restrict v, int64_t count) {
    const float mu = (float)rule->momentum;
    for (int64_t i = 0; i < count; i++) {
        const float g = t.factor * gradient[i] + t.decay * theta[i];
        v[i] = mu * v[i] + g;
        theta[i] -= t.rate * (g + mu * v[i]);
    }
}

/* Adagrad, v ← v + g², and RMSProp, v ← ρ v + (1 - ρ) g²: they keep so much of v, and take so much of g². */
static void scaled(terms t, float keep, float take, float *restrict theta, const float *restrict gradient,
                   float *restrict v, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const float g = t.factor * gradient[i] + t.decay * theta[i];
        v[i] = keep * v[i] + take * g * g;
        theta[i] -= t.rate * g / (sqrtf(v[i]) + t.epsilon);
    }
}

static void adam(terms t, const optimizer *rule, float unbias, float *restrict theta, const float *restrict gradient,
                 float *restrict m, float *restrict v, int64_t count) {
    const float beta1 = (float)rule->beta1, beta2 = (float)rule->beta2;
    const float rest1 = (float)(1 - rule->beta1), rest2 = (float)(1 - rule->beta2);
    for (int64_t i = 0; i < count; i++) {
        const float g = t.factor * gradient[i] + t.decay * theta[i];
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * g * g;
        theta[i] = t.keep * theta[i] - t.rate * m[i] / (sqrtf(unbias * v[i]) + t.epsilon);
    }
}

static void lion(terms t, const optimizer *rule, float *restrict theta, const float *restrict gradient,
                 float *restrict m, int64_t count) {
    const float beta1 = (float)rule->beta1, beta2 = (float)rule->beta2;
    const float rest1 = (float)(1 - rule->beta1), rest2 = (float)(1 - rule->beta2);
    for (int64_t i = 0; i < count; i++) {
        const float g = t.factor * gradient[i], mean = beta1 * m[i] + rest1 * g;
        theta[i] = t.keep * theta[i] - ((mean > 0 ? t.rate : 0.0f) - (mean < 0 ? t.rate : 0.0f));
        m[i] = beta2 * m[i] + rest2 * g;
    }
}

/* One step of the plan's optimizer on `count` numbers of theta, with `factor` times the gradient. */
static void update(const operation *o, const pass *p, float *theta, const float *gradient, int64_t count, float factor) {
    const optimizer *rule = p->rule;
    const terms t = terms_of(o, p, factor);
    float *first = theta + rule->first, *second = theta + rule->second;
    switch (rule->kind) {
        case SGD: sgd(t, theta, gradient, count); break;
        case MOMENTUM: momentum(t, rule, theta, gradient, first, count); break;
        case NESTEROV: nesterov(t, rule, theta, gradient, first, count); break;
        case ADAGRAD: scaled(t, 1, 1, theta, gradient, first, count); break;
        case RMSPROP: scaled(t, (float)rule->rho, (float)(1 - rule->rho), theta, gradient, first, count); break;
        case LION: lion(t, rule, theta, gradient, first, count); break;
        default: adam(t, rule, (float)p->unbias, theta, gradient, first, second, count);
    }
}

/* How many of the next `count` numbers are weights, where `left` are still to come. */
static int64_t weights_of(int64_t left, int64_t count) { return left < 0 ? 0 : left < count ? left : count; }

/* The gradient of the penalties, for the first `weights` numbers, and the clipping by value, for all. */
static void penalize(const pass *p, const float *restrict theta, float *restrict gradient, int64_t weights, int64_t count) {
    const float l1 = (float)p->rule->l1, l2 = (float)p->rule->l2, most = (float)p->rule->clip_value;
    if (l1 != 0 || l2 != 0)
        for (int64_t i = 0; i < weights; i++)
            gradient[i] += (theta[i] > 0 ? l1 : 0.0f) - (theta[i] < 0 ? l1 : 0.0f) + l2 * theta[i];
    if (most != 0)
        for (int64_t i = 0; i < count; i++) /* NaN stays NaN */
            gradient[i] = gradient[i] > most ? most : gradient[i] < -most ? -most : gradient[i];
}

/* What plain gradient descent leaves of weights, or of other numbers, where the update is in the product. */
static float left_of(const pass *p, int weights) {
    return (float)(1 - p->rate * (p->rule->weight_decay + (weights ? p->rule->l2 : 0)));
}

/* ‖g‖² of every SUMMED parameters; `out` of them lie at w. */
static void square_sum(const operation *o, const pass *p, range part, int thread) {
    part = share(o->out, SUMMED, thread, p->threads);
    const float *gradient = p->arena + o->w + p->rule->gradient;
    double *sums = (double *)(p->arena + o->y.place);
    for (int64_t start = part.first; start < part.last; start += SUMMED) {
        double sum = 0;
        for (int64_t i = start; i < part.last && i < start + SUMMED; i++) sum += (double)gradient[i] * gradient[i];
        sums[start / SUMMED] = sum;
    }
}

/* g ← g · min(1, clip_norm / (‖g‖ + 1e-6)), then the optimizer's step. */
static void clipped_update(const operation *o, const pass *p, range part, int thread) {
    const double *sums = (const double *)(p->arena + o->y.place);
    double square = 0;
    for (int64_t i = 0; i < (o->in + SUMMED - 1) / SUMMED; i++) square += sums[i];
    const double factor = p->rule->clip_norm / (sqrt(square) + 1e-6);
    part = share(o->out, PAD, thread, p->threads);
    float *theta = p->arena + o->w + part.first;
    update(o, p, theta, theta + p->rule->gradient, part.last - part.first, (float)(factor < 1 ? factor : 1));
}

#endif
