/* The optimizers on flat vectors: what a gradient does to theta. The formulas stand in pellucid/optimizers.py. */
#ifndef PELLUCID_UPDATE_H
#define PELLUCID_UPDATE_H

#include <float.h>
#include <math.h>

#include "plan.h"

static void sgd(const pass *p, float *restrict theta, const float *restrict gradient, int64_t count, float factor) {
    const float rate = p->rate, decay = (float)p->rule->weight_decay;
    for (int64_t i = 0; i < count; i++) theta[i] -= rate * (factor * gradient[i] + decay * theta[i]);
}

static void momentum(const pass *p, float *restrict theta, const float *restrict gradient, float *restrict velocity,
                     int64_t count, float factor) {
    const float rate = p->rate, decay = (float)p->rule->weight_decay, mu = (float)p->rule->momentum;
    for (int64_t i = 0; i < count; i++) {
        velocity[i] = mu * velocity[i] + (factor * gradient[i] + decay * theta[i]);
        theta[i] -= rate * velocity[i];
    }
}

static void nesterov(const pass *p, float *restrict theta, const float *restrict gradient, float *restrict velocity,
                     int64_t count, float factor) {
    const float rate = p->rate, decay = (float)p->rule->weight_decay, mu = (float)p->rule->momentum;
    for (int64_t i = 0; i < count; i++) {
        const float g = factor * gradient[i] + decay * theta[i];
        velocity[i] = mu * velocity[i] + g;
        theta[i] -= rate * (g + mu * velocity[i]);
    }
}

static void adam(const pass *p, float *restrict theta, const float *restrict gradient, float *restrict m,
                 float *restrict v, int64_t count, float factor) {
    const optimizer *rule = p->rule;
    const float decay = (float)rule->weight_decay, keep = (float)(1 - p->rate * rule->shrink);
    const float beta1 = (float)rule->beta1, beta2 = (float)rule->beta2;
    const float epsilon = fmaxf((float)rule->epsilon, FLT_MIN); /* a smaller one would be flushed to 0, and 0 / 0 come */
    const float rest1 = (float)(1 - rule->beta1), rest2 = (float)(1 - rule->beta2);
    const float rate = p->unbiased_rate, unbias = p->unbias;
    for (int64_t i = 0; i < count; i++) {
        const float g = factor * gradient[i] + decay * theta[i];
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * g * g;
        theta[i] = keep * theta[i] - rate * m[i] / (sqrtf(unbias * v[i]) + epsilon);
    }
}

/* One step of the plan's optimizer on `count` numbers of theta, with `factor` times the gradient. */
static void update(const pass *p, float *theta, const float *gradient, int64_t count, float factor) {
    float *first = theta + p->rule->first, *second = theta + p->rule->second;
    switch (p->rule->kind) {
        case SGD: sgd(p, theta, gradient, count, factor); break;
        case MOMENTUM: momentum(p, theta, gradient, first, count, factor); break;
        case NESTEROV: nesterov(p, theta, gradient, first, count, factor); break;
        default: adam(p, theta, gradient, first, second, count, factor);
    }
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
    for (int64_t i = 0; i < (o->out + SUMMED - 1) / SUMMED; i++) square += sums[i];
    const double factor = p->rule->clip_norm / (sqrt(square) + 1e-6);
    part = share(o->out, PAD, thread, p->threads);
    float *theta = p->arena + o->w + part.first;
    update(p, theta, theta + p->rule->gradient, part.last - part.first, (float)(factor < 1 ? factor : 1));
}

#endif
