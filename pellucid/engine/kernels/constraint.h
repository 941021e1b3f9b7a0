/* What happens to theta when a step is done: weights into a unit are shortened, and the moving average takes theta in. */
#ifndef PELLUCID_CONSTRAINT_H
#define PELLUCID_CONSTRAINT_H

#include <math.h>

#include "plan.h"

/* What a row of weights is multiplied by, by the sum of its squares. */
static float shortening(const pass *p, double square) {
    const double norm = sqrt(square);
    return norm <= p->rule->max_norm ? 1 : (float)(p->rule->max_norm / norm);
}

/* w ← w · min(1, c / ‖w‖) where a unit's weights are one of `out` columns, and `in` rows lie x.row apart: PAD units at a
   time, so that rows are read a cache line at a time. */
static void max_norm_columns(const operation *o, const pass *p, range part, int thread) {
    part = share(o->out, PAD, thread, p->threads);
    for (int64_t unit = part.first; unit < part.last; unit += PAD) {
        float *w = p->arena + o->w + unit, factor[PAD];
        double square[PAD] = {0};
        for (int64_t k = 0; k < o->in; k++)
            for (int i = 0; i < PAD; i++) square[i] += (double)w[k * o->x.row + i] * w[k * o->x.row + i];
        for (int i = 0; i < PAD; i++) factor[i] = shortening(p, square[i]);
        for (int64_t k = 0; k < o->in; k++)
            for (int i = 0; i < PAD; i++) w[k * o->x.row + i] *= factor[i];
    }
}

/* The same where they are one of `out` rows of `in` numbers, as in theta. */
static void max_norm_rows(const operation *o, const pass *p, range part, int thread) {
    part = share(o->out, 1, thread, p->threads);
    for (int64_t unit = part.first; unit < part.last; unit++) {
        float *w = p->arena + o->w + unit * o->in;
        double square = 0;
        for (int64_t k = 0; k < o->in; k++) square += (double)w[k] * w[k];
        const float factor = shortening(p, square);
        for (int64_t k = 0; k < o->in; k++) w[k] *= factor;
    }
}

/* θ̄ ← θ̄ + (1 - d) / (1 - dᵗ) · (θ - θ̄), as pellucid/callbacks/averaging.py says. */
static void average(const operation *o, const pass *p, range part, int thread) {
    part = share(o->out, PAD, thread, p->threads);
    const float share_of_theta = (float)p->average_share, *restrict theta = p->arena + o->w;
    float *restrict mean = p->arena + o->w + p->rule->average;
    for (int64_t i = part.first; i < part.last; i++) mean[i] += share_of_theta * (theta[i] - mean[i]);
}

#endif
