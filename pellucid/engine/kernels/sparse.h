/* The first layer on images whose pixels are mostly 0, as four fifths of MNIST's are: C = β C₀ + A B, where of A's rows
   only what is not 0 is kept.

   Why it is fast: a pixel that is 0 adds nothing to z and nothing to dW, so it is passed over. What is left of a row
   of A picks rows of B, and their sum stays in registers. The same loop nest serves forwards (A = X, a row for each
   example, B = W) and for the gradient (A = Xᵀ, a row for each pixel, B = dZ). A weight that is NaN or infinite is
   noticed where its pixel is not 0: 0 · ∞ is not computed. */

#include "descent.h"

#define ABREAST 8 /* vectors summed at a time: enough to hide the time that a multiplication and addition takes */

/* One number of a row: where it stands and what it is. */
typedef struct {
    uint32_t place;
    float value;
} entry;

/* Write an entry in one go. */
ALWAYS_INLINE void put(entry *to, uint32_t place, float value) {
    const entry whole = {place, value};
    uint64_t both;
    memcpy(&both, &whole, sizeof both);
    memcpy(to, &both, sizeof both);
}

/* Rows of entries; row i begins at entries[i * capacity] and has counts[i] of them. */
typedef struct {
    entry *entries;
    uint32_t *counts;
    int64_t capacity;
} sparse_rows;

/* In the arena lie X by examples, (batch, in), and behind it Xᵀ by pixels, (in, batch). */
static sparse_rows by_example(const operation *o, const pass *p, int64_t place) {
    const int64_t cells = o->batch * o->in;
    float *at = p->arena + place;
    return (sparse_rows){(entry *)at, (uint32_t *)(at + 4 * cells), o->in};
}

static sparse_rows by_pixel(const operation *o, const pass *p, int64_t place) {
    const int64_t batch = o->batch, cells = batch * o->in;
    float *at = p->arena + place;
    return (sparse_rows){(entry *)(at + 2 * cells), (uint32_t *)(at + 4 * cells + batch), batch};
}

ALWAYS_INLINE void sparse_tile(const int vectors, const entry *row, int64_t count, const float *b, int64_t b_row,
                               beginning begin, float *c) {
    vector sum[ABREAST];
    for (int j = 0; j < vectors; j++) sum[j] = begin.at ? begin.beta * load(begin.at + j * LANES) : splat(0);
    for (const entry *n = row; n < row + count; n++)
        for (int j = 0; j < vectors; j++) sum[j] += n->value * load(b + n->place * b_row + j * LANES);
    for (int j = 0; j < vectors; j++) store(c + j * LANES, sum[j]);
}

/* One row of C; columns is a multiple of LANES. */
static void sparse_row(const entry *row, int64_t count, int64_t columns, const float *b, int64_t b_row, beginning begin,
                       float *c) {
    while (columns > 0) {
        const int64_t left = columns / LANES, vectors = left >= ABREAST ? ABREAST : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        switch (vectors) {
            case ABREAST: sparse_tile(ABREAST, row, count, b, b_row, begin, c); break;
            case 4: sparse_tile(4, row, count, b, b_row, begin, c); break;
            case 2: sparse_tile(2, row, count, b, b_row, begin, c); break;
            default: sparse_tile(1, row, count, b, b_row, begin, c);
        }
        columns -= vectors * LANES, b += vectors * LANES, c += vectors * LANES;
        if (begin.at) begin.at += vectors * LANES;
    }
}

/* The batch, as what is not 0 of each image. */
static void gather_sparse(const operation *o, const pass *p, int thread, int threads) {
    const dataset *data = p->data;
    const range part = share(p->examples, 1, thread, threads);
    const sparse_rows x = by_example(o, p, o->y);
    float value_of[256]; /* a look is cheaper than a conversion and a product */
    for (int pixel = 0; pixel < 256; pixel++) value_of[pixel] = (float)pixel * data->scale;
    for (int64_t e = part.first; e < part.last; e++) {
        const uint8_t *image = data->pixels + p->order[e] * o->in;
        entry *row = x.entries + e * x.capacity;
        uint32_t count = 0;
        int64_t i = 0;
        fetch_ahead(p, e, o->in);
        for (; i + 8 <= o->in; i += 8) { /* each pixel goes to the next free entry, which is taken only if it is not 0 */
            uint64_t eight;
            memcpy(&eight, image + i, 8);
            if (eight == 0) continue;
            for (int j = 0; j < 8; j++) {
                put(row + count, (uint32_t)(i + j), value_of[image[i + j]]);
                count += image[i + j] != 0;
            }
        }
        for (; i < o->in; i++)
            if (image[i]) put(row + count++, (uint32_t)i, value_of[image[i]]);
        x.counts[e] = count;
    }
}

static void sparse_forward(const operation *o, const pass *p, int thread, int threads) {
    const range part = share(p->examples, 1, thread, threads);
    const sparse_rows x = by_example(o, p, o->x);
    const int64_t out = padded(o->out), panel = ABREAST * LANES;
    const float *w = p->arena + o->w, *bias = w + o->in * out;
    for (int64_t j = 0; j < out; j += panel) { /* a panel of W stays in the cache while the examples go by */
        const int64_t columns = out - j < panel ? out - j : panel;
        for (int64_t e = part.first; e < part.last; e++)
            sparse_row(x.entries + e * x.capacity, x.counts[e], columns, w + j, out, (beginning){bias + j, 0, 1},
                       p->arena + o->y + e * out + j);
    }
}

/* Xᵀ from X, for the pixels of `rows`. */
static void turn_rows(const operation *o, const pass *p, range rows) {
    const sparse_rows x = by_example(o, p, o->x), across = by_pixel(o, p, o->x);
    for (int64_t k = rows.first; k < rows.last && k < o->in; k++) across.counts[k] = 0;
    for (int64_t e = 0; e < p->examples; e++) {
        const entry *row = x.entries + e * x.capacity;
        int64_t low = 0, high = x.counts[e];
        while (low < high) { /* the first entry at or behind rows.first */
            const int64_t middle = (low + high) / 2;
            if (row[middle].place < rows.first) low = middle + 1;
            else high = middle;
        }
        for (; low < x.counts[e] && row[low].place < rows.last; low++) {
            const int64_t k = row[low].place;
            put(across.entries + k * across.capacity + across.counts[k]++, (uint32_t)e, row[low].value);
        }
    }
}

/* A pixel that is 0 in the whole batch leaves its row as it is. */
static void sparse_gradient_rows(const operation *o, const pass *p, range rows, float beta, float *to) {
    const sparse_rows across = by_pixel(o, p, o->x);
    const int64_t out = padded(o->out);
    for (int64_t k = rows.first; k < rows.last && k < o->in; k++) {
        float *row = to + (k - rows.first) * out;
        if (beta != 1 || across.counts[k])
            sparse_row(across.entries + k * across.capacity, across.counts[k], out, p->arena + o->y, out,
                       (beginning){beta == 0 ? NULL : row, out, beta}, row);
    }
    if (rows.last > o->in) bias_row(o, p, beta, to + (o->in - rows.first) * out);
}

static void sparse_descend(const operation *o, const pass *p, int thread, int threads) {
    const range rows = own_rows(o, thread, threads);
    turn_rows(o, p, rows);
    descend(o, p, rows, sparse_gradient_rows);
}

static void sparse_update(const operation *o, const pass *p, int thread, int threads) {
    const range rows = own_rows(o, thread, threads);
    turn_rows(o, p, rows);
    update_strips(o, p, rows, p->scratch + thread * p->scratch_size, sparse_gradient_rows);
}

static void sparse_gradient(const operation *o, const pass *p, int thread, int threads) {
    const range rows = own_rows(o, thread, threads);
    turn_rows(o, p, rows);
    keep_gradient(o, p, rows, sparse_gradient_rows);
}
