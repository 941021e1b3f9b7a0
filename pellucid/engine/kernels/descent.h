/* From gradient to step: what a layer with parameters does at the end of a step, whoever makes the rows of its gradient.

   A row belongs to an input, the last one to the bias. Each thread makes its own rows and moves its own parameters, so
   nobody waits; the order in which a row is summed does not depend on the number of threads. */
#ifndef PELLUCID_DESCENT_H
#define PELLUCID_DESCENT_H

#include "product.h"
#include "update.h"

/* Rows of Xᵀ dZ into `to`, added to β of what is there. */
typedef void row_maker(const operation *o, const pass *p, range rows, float beta, float *to);

/* db: the sum of dZ over the examples, added to β of what is there. */
static void bias_row(const operation *o, const pass *p, float beta, float *to) {
    static const float one = 1; /* the x of the bias */
    const int64_t out = padded(o->out);
    product(1, out, p->examples, (left_factor){&one, 0, 0}, p->arena + o->y, out,
            (beginning){beta == 0 ? NULL : to, out, beta}, to, out);
}

/* This thread's rows. */
static range own_rows(const operation *o, int thread, int threads) { return share(o->in + 1, TILE_ROWS, thread, threads); }

/* Plain gradient descent inside the product: the loss has scaled dZ by -α/B, so W ← (1 - αλ) W + Xᵀ dZ. */
ALWAYS_INLINE void descend(const operation *o, const pass *p, range rows, row_maker *make) {
    const float beta = (float)(1 - p->rate * p->rule->weight_decay);
    if (rows.first < rows.last) make(o, p, rows, beta, p->arena + o->w + rows.first * padded(o->out));
}

/* The gradient a strip at a time, and each strip's update while it is still in the cache. */
ALWAYS_INLINE void update_strips(const operation *o, const pass *p, range rows, float *strip, row_maker *make) {
    const int64_t out = padded(o->out);
    for (int64_t k = rows.first; k < rows.last; k += TILE_ROWS) {
        const int64_t end = k + TILE_ROWS < rows.last ? k + TILE_ROWS : rows.last;
        make(o, p, (range){k, end}, 0, strip);
        update(p, p->arena + o->w + k * out, strip, (end - k) * out, 1);
    }
}

/* The gradient whole, where its norm must be known before the update. */
ALWAYS_INLINE void keep_gradient(const operation *o, const pass *p, range rows, row_maker *make) {
    if (rows.first < rows.last) make(o, p, rows, 0, p->arena + o->w + p->rule->gradient + rows.first * padded(o->out));
}

#endif
