/* Gradients in parts: what many examples share, such as a convolution's W, each part of the batch adds up by itself, and the update
   adds up the parts, in their order. So nobody waits for anybody, and no sum depends on the number of threads. */
#ifndef PELLUCID_PARTS_H
#define PELLUCID_PARTS_H

#include "update.h"
#include "vector.h"

/* Where the part of example e stands, `count` numbers. */
ALWAYS_INLINE float *part_of(const operation *o, const pass *p, int64_t count, int64_t e) {
    return p->arena + o->sums + e / p->part * padded(count);
}

#define AT_A_TIME 256 /* numbers that are added up, so that they stay in the cache */

/* The gradient of numbers `first` to `last`, the sum of all parts. */
ALWAYS_INLINE void add_parts(const operation *o, const pass *p, int64_t first, int64_t last, float *to) {
    for (int64_t i = first; i < last; i++) to[i - first] = part_of(o, p, o->out, 0)[i];
    for (int64_t e = p->part; e < p->examples; e += p->part) {
        const float *more = part_of(o, p, o->out, e);
        for (int64_t i = first; i < last; i++) to[i - first] += more[i];
    }
}

/* Plain gradient descent, where the loss has scaled the gradient by -α/B. */
static void parts_descend(const operation *o, const pass *p, range part, int thread) {
    float sum[AT_A_TIME];
    part = share(o->out, PAD, thread, p->threads);
    for (int64_t i = part.first; i < part.last; i += AT_A_TIME) {
        const int64_t end = i + AT_A_TIME < part.last ? i + AT_A_TIME : part.last;
        const int64_t weights = weights_of(o->in - i, end - i);
        const float left = left_of(p, 1), left_of_others = left_of(p, 0);
        float *w = p->arena + o->w + i;
        add_parts(o, p, i, end, sum);
        for (int64_t k = 0; k < weights; k++) w[k] = left * w[k] + sum[k];
        for (int64_t k = weights; k < end - i; k++) w[k] = left_of_others * w[k] + sum[k];
    }
}

static void parts_update(const operation *o, const pass *p, range part, int thread) {
    float sum[AT_A_TIME];
    part = share(o->out, PAD, thread, p->threads);
    for (int64_t i = part.first; i < part.last; i += AT_A_TIME) {
        const int64_t end = i + AT_A_TIME < part.last ? i + AT_A_TIME : part.last;
        float *w = p->arena + o->w + i;
        add_parts(o, p, i, end, sum);
        penalize(p, w, sum, weights_of(o->in - i, end - i), end - i);
        update(o, p, w, sum, end - i, 1);
    }
}

/* The gradient whole, where its norm must be known before the update. */
static void parts_gradient(const operation *o, const pass *p, range part, int thread) {
    part = share(o->out, PAD, thread, p->threads);
    if (part.first >= part.last) return;
    const int64_t count = part.last - part.first;
    float *w = p->arena + o->w + part.first, *gradient = w + p->rule->gradient;
    add_parts(o, p, part.first, part.last, gradient);
    penalize(p, w, gradient, weights_of(o->in - part.first, count), count);
}

#endif
