/* From gradient to step: what a layer with parameters does at the end of a step, whoever makes the rows of its gradient.

   A row belongs to an input, the last one to the bias. Each thread makes its own rows and moves its own parameters, so
   nobody waits; the order in which a row is summed does not depend on the number of threads. */
#ifndef PELLUCID_DESCENT_H
#define PELLUCID_DESCENT_H

#include "product.h"
#include "update.h"

/* Columns of W that lie together in memory: the whole matrix, or one of the panels of sparse.h. */
typedef struct {
    float *w;
    int64_t column, width;
} panel;

/* Rows of Xᵀ dZ, in the panel's columns, into `to`, added to β of what is there. */
typedef void row_maker(const operation *o, const pass *p, panel columns, range rows, float beta, float *to);

/* db: the sum of dZ over the examples, added to β of what is there. */
static void bias_row(const operation *o, const pass *p, panel columns, float beta, float *to) {
    static const float one = 1; /* the x of the bias */
    product(1, columns.width, p->examples, (left_factor){&one, 0, 0}, p->arena + o->y.place + columns.column, padded(o->out),
            (beginning){beta == 0 ? NULL : to, columns.width, beta}, to, columns.width);
}

/* Plain gradient descent inside the product: the loss has scaled dZ by -α/B, so W ← (1 - αλ) W + Xᵀ dZ. */
ALWAYS_INLINE void descend(const operation *o, const pass *p, panel columns, range rows, row_maker *make) {
    const int64_t middle = rows.last < o->in ? rows.last : o->in; /* where the weights end */
    if (rows.first < middle)
        make(o, p, columns, (range){rows.first, middle}, left_of(p, 1), columns.w + rows.first * columns.width);
    if (rows.last > o->in) make(o, p, columns, (range){o->in, rows.last}, left_of(p, 0), columns.w + o->in * columns.width);
}

/* The penalties' gradient on that of some rows, and its clipping by value. */
static void penalize_rows(const operation *o, const pass *p, panel columns, range rows, float *gradient) {
    const int64_t width = columns.width, count = (rows.last - rows.first) * width;
    penalize(p, columns.w + rows.first * width, gradient, weights_of((o->in - rows.first) * width, count), count);
}

/* The gradient a strip at a time, and each strip's update while it is still in the cache. */
ALWAYS_INLINE void update_strips(const operation *o, const pass *p, panel columns, range rows, int64_t height,
                                 float *strip, row_maker *make) {
    for (int64_t k = rows.first; k < rows.last; k += height) {
        const int64_t end = k + height < rows.last ? k + height : rows.last;
        make(o, p, columns, (range){k, end}, 0, strip);
        penalize_rows(o, p, columns, (range){k, end}, strip);
        update(o, p, columns.w + k * columns.width, strip, (end - k) * columns.width, 1);
    }
}

/* The gradient whole, where its norm must be known before the update. */
ALWAYS_INLINE void keep_gradient(const operation *o, const pass *p, panel columns, range rows, row_maker *make) {
    float *gradient = columns.w + p->rule->gradient + rows.first * columns.width;
    make(o, p, columns, rows, 0, gradient);
    penalize_rows(o, p, columns, rows, gradient);
}

#endif
