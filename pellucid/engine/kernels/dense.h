/* The dense layer, with an example in each row: Z = X W + b, dW = Xᵀ dZ, dX = dZ Wᵀ. */

#include "descent.h"
#include "shuffle.h"

#define STRIP 48 /* rows of W whose dX they get at a time: whole tiles, and whole squares of 16 to transpose */

static void dense_forward(const operation *o, const pass *p, range part, int thread) {
    const int64_t in = padded(o->in), out = padded(o->out);
    const float *w = p->arena + o->w;
    const left_factor x = {floats_of(p, o->x, part.first, thread), in, 1};
    const beginning bias = {w + o->in * out, 0, 1};
    product(part.last - part.first, out, o->in, x, w, out, bias, floats_of(p, o->y, part.first, thread), out);
}

/* So many neighbouring outputs of one example: each number of x that is loaded serves all of them. */
ALWAYS_INLINE void outputs_of(const int count, int64_t in, const float *w, const float *x, const float *bias, float *z) {
    vector sums[4] = {splat(0), splat(0), splat(0), splat(0)};
    int64_t k = 0;
    for (; k + LANES <= in; k += LANES)
        for (int i = 0; i < count; i++) sums[i] += load(w + i * in + k) * load(x + k);
    for (int i = 0; i < count; i++) {
        z[i] = total(sums[i]) + bias[i];
        for (int64_t rest = k; rest < in; rest++) z[i] += w[i * in + rest] * x[rest];
    }
}

/* As many as a vector holds: their sums are added up together. */
static void vector_of_outputs(int64_t in, const float *w, const float *x, const float *bias, float *z) {
    vector sums[LANES];
    UNROLLED for (int i = 0; i < LANES; i++) sums[i] = splat(0);
    int64_t k = 0;
    for (; k + LANES <= in; k += LANES) {
        const vector factor = load(x + k);
        UNROLLED for (int i = 0; i < LANES; i++) sums[i] += load(w + i * in + k) * factor;
    }
    store(z, totals(sums) + load(bias));
    for (; k < in; k++)
        for (int i = 0; i < LANES; i++) z[i] += w[i * in + k] * x[k];
}

/* Z = X Wᵀ + b with W as (out, in), as it lies in theta: each number of W is read once, in the order of memory, and
   that is all that counts where the examples are few. */
static void dense_predict(const operation *o, const pass *p, range part, int thread) {
    const float *w = p->theta + o->w, *bias = w + o->in * o->out;
    for (int64_t i = 0, count; i < o->out; i += count, w += count * o->in) {
        const int64_t rest = o->out - i;
        count = rest >= LANES ? LANES : rest < 4 ? rest : 4;
        for (int64_t e = part.first; e < part.last; e++) {
            const float *x = floats_of(p, o->x, e, thread);
            float *z = floats_of(p, o->y, e, thread) + i;
            if (rest >= LANES) vector_of_outputs(o->in, w, x, bias + i, z);
            else if (rest == 1) outputs_of(1, o->in, w, x, bias + i, z);
            else if (rest == 2) outputs_of(2, o->in, w, x, bias + i, z);
            else if (rest == 3) outputs_of(3, o->in, w, x, bias + i, z);
            else outputs_of(4, o->in, w, x, bias + i, z);
        }
    }
}

/* dXᵀ = W dZᵀ: with examples in the lanes W is read as it lies, and no copy of it needs to be kept transposed. */
static void dense_backward(const operation *o, const pass *p, range part, int thread) {
    const int64_t in = padded(o->in), out = padded(o->out);
    const float *w = p->arena + o->w;
    float *dz_across = p->scratch + thread * p->scratch_size; /* (out, BLOCK) */
    float dx_across[STRIP * BLOCK] __attribute__((aligned(64)));
    for (int64_t e = part.first; e < part.last; e += BLOCK) {
        const int64_t height = part.last - e < BLOCK ? part.last - e : BLOCK;
        const int64_t lanes = padded(height);
        transpose(lanes, o->out, height, floats_of(p, o->x, e, thread), out, dz_across, lanes);
        for (int64_t k = 0; k < o->in; k += STRIP) {
            const int64_t rows = o->in - k < STRIP ? o->in - k : STRIP;
            const beginning zero = {0};
            product(rows, lanes, o->out, (left_factor){w + k * out, out, 1}, dz_across, lanes, zero, dx_across, lanes);
            const int64_t cleared = k + rows == o->in ? in - k : rows; /* the last strip also clears the padding */
            transpose(cleared, height, rows, dx_across, lanes, floats_of(p, o->y, e, thread) + k, in);
        }
    }
}

static void dense_rows(const operation *o, const pass *p, panel columns, range rows, float beta, float *to) {
    const int64_t in = padded(o->in), out = columns.width;
    const int64_t weights = (rows.last < o->in ? rows.last : o->in) - rows.first;
    if (weights > 0)
        product(weights, out, p->examples, (left_factor){p->arena + o->x.place + rows.first, 1, in}, p->arena + o->y.place, out,
                (beginning){beta == 0 ? NULL : to, out, beta}, to, out);
    if (rows.last > o->in) bias_row(o, p, columns, beta, to + (o->in - rows.first) * out);
}

static panel whole(const operation *o, const pass *p) { return (panel){p->arena + o->w, 0, padded(o->out)}; }

/* This thread's rows. */
static range own_rows(const operation *o, const pass *p, int thread) { return share(o->in + 1, TILE_ROWS, thread, p->threads); }

static void dense_descend(const operation *o, const pass *p, range part, int thread) {
    (void)part;
    descend(o, p, whole(o, p), own_rows(o, p, thread), dense_rows);
}

static void dense_update(const operation *o, const pass *p, range part, int thread) {
    (void)part;
    update_strips(o, p, whole(o, p), own_rows(o, p, thread), TILE_ROWS, p->scratch + thread * p->scratch_size, dense_rows);
}

static void dense_gradient(const operation *o, const pass *p, range part, int thread) {
    (void)part;
    keep_gradient(o, p, whole(o, p), own_rows(o, p, thread), dense_rows);
}
