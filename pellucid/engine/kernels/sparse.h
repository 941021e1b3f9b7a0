/* The first layer on images whose pixels are mostly 0, as four fifths of MNIST's are: C = β C₀ + A B, where of A's rows
   only what is not 0 is kept.

   Why it is fast: a pixel that is 0 adds nothing to z and nothing to dW, so it is passed over. What is left of a row
   of A picks rows of B, and their sum stays in registers. The same loop nest serves forwards (A = X, a row for each
   example, B = W) and for the gradient (A = Xᵀ, a row for each pixel, B = dZ). W lies in panels of PANEL columns, and a
   thread has the same panels forwards and in the update, so that W and its moments stay in its own cache.

   A weight that is NaN or infinite is noticed where its pixel is not 0: 0 · ∞ is not computed. */

#include "descent.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define ABREAST 8 /* vectors summed at a time: enough to hide the time that a multiplication and addition takes */

/* A pixel that is not 0: its place in the row, and in the low byte what it is. */
typedef uint32_t entry;

ALWAYS_INLINE entry entry_of(int64_t place, uint32_t pixel) { return (uint32_t)place << 8 | pixel; }

ALWAYS_INLINE int64_t place_of(entry n) { return n >> 8; }

/* The batch as rows of entries: X, a row for each example, and Xᵀ, a row for each pixel, in which the examples of each
   thread stand together, behind the place where all examples before would end. The batches of odd and even steps lie
   apart, so that a thread may gather the next one while others still work on this one. */
typedef struct {
    entry *rows, *across;
    uint32_t *counts, *across_counts; /* (batch), and for the first example of each thread's (in) */
    int64_t in, room;                 /* from row to row */
} sparse_batch;

static sparse_batch batch_of(const operation *o, const pass *p, int64_t place) {
    const int64_t room = sparse_room(o->batch), rows = o->batch * o->in, across = o->in * room;
    entry *at = (entry *)(p->arena + place) + p->step % 2 * sparse_size(o->batch, o->in);
    return (sparse_batch){at, at + rows, at + rows + across, at + rows + across + o->batch, o->in, room};
}

/* Pixels that are not 0 become entries; returns how many. There must be room for all of them. */
ALWAYS_INLINE uint32_t put_pixels(entry *to, const uint8_t *pixels, int64_t in) {
    uint32_t count = 0;
    int64_t i = 0;
#if defined(__AVX512F__)
    __m512i places = _mm512_slli_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), 8);
    for (; i + 16 <= in; i += 16) { /* without a branch: nobody can foretell which pixels are 0 */
        const __m512i wide = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(pixels + i)));
        const __mmask16 lit = _mm512_test_epi32_mask(wide, wide);
        _mm512_storeu_si512(to + count, _mm512_maskz_compress_epi32(lit, _mm512_or_si512(places, wide)));
        count += (uint32_t)__builtin_popcount(lit);
        places = _mm512_add_epi32(places, _mm512_set1_epi32(16 << 8));
    }
#else
    for (; i + 8 <= in; i += 8) {
        uint64_t eight;
        memcpy(&eight, pixels + i, 8);
        if (eight == 0) continue;
        for (int j = 0; j < 8; j++) { /* each goes to the next free place, which is taken only if it is not 0 */
            to[count] = entry_of(i + j, pixels[i + j]);
            count += pixels[i + j] != 0;
        }
    }
#endif
    for (; i < in; i++)
        if (pixels[i]) to[count++] = entry_of(i, pixels[i]);
    return count;
}

/* This thread's part of the batch, as X and Xᵀ. */
static void gather_sparse(const operation *o, const pass *p, range part, int thread) {
    part = share(p->examples, 1, thread, p->threads);
    const sparse_batch x = batch_of(o, p, o->y.place);
    uint32_t *counts = x.across_counts + part.first * x.in;
    if (part.first == part.last) return;
    memset(counts, 0, (size_t)x.in * sizeof *counts);
    for (int64_t e = part.first; e < part.last; e++) {
        entry *row = x.rows + e * x.in;
        fetch_ahead(p, e, o->in);
        x.counts[e] = put_pixels(row, image_of(p, e, thread), o->in);
        for (const entry *n = row; n < row + x.counts[e]; n++) {
            const int64_t k = place_of(*n);
            x.across[k * x.room + part.first + counts[k]++] = entry_of(e, *n & 255);
        }
    }
}

/* What a pixel becomes: a look is cheaper than a conversion and a product. */
typedef struct {
    float of[256];
} values;

static values pixel_values(const dataset *data) {
    values v;
    for (int pixel = 0; pixel < 256; pixel++) v.of[pixel] = (float)pixel * data->scale;
    return v;
}

/* Part of a row of C, so many vectors wide: the entries pick rows of B. */
ALWAYS_INLINE void sparse_tile(const int vectors, const entry *row, int64_t count, const values *v, const float *b,
                               int64_t b_row, beginning begin, float *c) {
    vector sum[ABREAST];
    for (int j = 0; j < vectors; j++) sum[j] = begin.at ? begin.beta * load(begin.at + j * LANES) : splat(0);
    for (const entry *n = row; n < row + count; n++)
        for (int j = 0; j < vectors; j++) sum[j] += v->of[*n & 255] * load(b + place_of(*n) * b_row + j * LANES);
    for (int j = 0; j < vectors; j++) store(c + j * LANES, sum[j]);
}

/* One row of C; columns is a multiple of LANES. */
static void sparse_row(const entry *row, int64_t count, int64_t columns, const values *v, const float *b,
                       int64_t b_row, beginning begin, float *c) {
    while (columns > 0) {
        const int64_t left = columns / LANES, vectors = left >= ABREAST ? ABREAST : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        switch (vectors) {
            case ABREAST: sparse_tile(ABREAST, row, count, v, b, b_row, begin, c); break;
            case 4: sparse_tile(4, row, count, v, b, b_row, begin, c); break;
            case 2: sparse_tile(2, row, count, v, b, b_row, begin, c); break;
            default: sparse_tile(1, row, count, v, b, b_row, begin, c);
        }
        columns -= vectors * LANES, b += vectors * LANES, c += vectors * LANES;
        if (begin.at) begin.at += vectors * LANES;
    }
}

/* What a thread does of a kernel: for each panel of W so many of its rows, or so many examples. The threads share them as
   one long row of panels, so that each has about the same, whether there are more panels than threads or fewer. */
typedef struct {
    panel columns;
    range items;
    int64_t first, last; /* of what is left */
} panel_share;

static panel_share first_share(const operation *o, const pass *p, int64_t items, int thread) {
    const range part = share((padded(o->out) + PANEL - 1) / PANEL * items, 1, thread, p->threads);
    return (panel_share){.first = part.first, .last = part.last};
}

/* Whether there is a next panel. */
static int next_panel(panel_share *s, const operation *o, const pass *p, int64_t items) {
    if (s->first >= s->last) return 0;
    const int64_t column = s->first / items * PANEL, left = padded(o->out) - column, before = s->first % items;
    s->columns = (panel){p->arena + o->w + column * (o->in + 1), column, left < PANEL ? left : PANEL};
    s->items = (range){before, before + s->last - s->first < items ? before + s->last - s->first : items};
    s->first += s->items.last - s->items.first;
    return 1;
}

static void sparse_forward(const operation *o, const pass *p, range part, int thread) {
    (void)part;
    const sparse_batch x = batch_of(o, p, o->x.place);
    const values v = pixel_values(p->data);
    panel_share s = first_share(o, p, p->examples, thread);
    while (next_panel(&s, o, p, p->examples)) {
        const panel c = s.columns;
        for (int64_t e = s.items.first; e < s.items.last; e++)
            sparse_row(x.rows + e * x.in, x.counts[e], c.width, &v, c.w, c.width,
                       (beginning){c.w + o->in * c.width, 0, 1}, floats_of(p, o->y, e, thread) + c.column);
    }
}

/* The rows of Xᵀ dZ; a pixel that is 0 in the whole batch leaves its row as it is. */
static void sparse_rows(const operation *o, const pass *p, panel columns, range rows, float beta, float *to) {
    const sparse_batch x = batch_of(o, p, o->x.place);
    const values v = pixel_values(p->data);
    const int64_t width = columns.width, out = padded(o->out);
    const float *dz = p->arena + o->y.place + columns.column;
    if (beta == 0) memset(to, 0, (size_t)((rows.last - rows.first) * width) * sizeof *to);
    else if (beta != 1) for (int64_t i = 0; i < (rows.last - rows.first) * width; i++) to[i] *= beta;
    for (int t = 0; t < p->threads; t++) {
        const range part = share(p->examples, 1, t, p->threads);
        const uint32_t *counts = x.across_counts + part.first * x.in;
        if (part.first == part.last) continue;
        for (int64_t k = rows.first; k < rows.last && k < o->in; k++) {
            float *row = to + (k - rows.first) * width;
            if (counts[k])
                sparse_row(x.across + k * x.room + part.first, counts[k], width, &v, dz, out,
                           (beginning){row, width, 1}, row);
        }
    }
    if (rows.last > o->in) bias_row(o, p, columns, 1, to + (o->in - rows.first) * width);
}

#define EACH_PANEL(DO)                                                       \
    panel_share s = first_share(o, p, o->in + 1, thread);         \
    while (next_panel(&s, o, p, o->in + 1)) DO

static void sparse_descend(const operation *o, const pass *p, range part, int thread) {
    (void)part;
    EACH_PANEL(descend(o, p, s.columns, s.items, sparse_rows);)
}

static void sparse_update(const operation *o, const pass *p, range part, int thread) {
    (void)part;
    EACH_PANEL(update_strips(o, p, s.columns, s.items, SPARSE_STRIP, p->scratch + thread * p->scratch_size, sparse_rows);)
}

static void sparse_gradient(const operation *o, const pass *p, range part, int thread) {
    (void)part;
    EACH_PANEL(keep_gradient(o, p, s.columns, s.items, sparse_rows);)
}
