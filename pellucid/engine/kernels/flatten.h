/* The seam between images abreast and the rows of dense layers: squares of images by pixels are turned over. */

#include "shuffle.h"

/* The pixels of an image, one after the other: map after map, each row after row. */
typedef struct {
    int64_t offset, i, j; /* of the next pixel: where it stands, its row and column */
} pixel_walk;

ALWAYS_INLINE int64_t next_pixel(pixel_walk *at, const operation *o, tensor t) {
    const int64_t here = at->offset;
    at->offset += PAD;
    if (++at->j < o->width) return here;
    at->j = 0, at->offset += t.row - o->width * PAD;
    if (++at->i < o->height) return here;
    at->i = 0, at->offset += t.plane - o->height * t.row;
    return here;
}

/* Images abreast become rows. */
static void flatten_forward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e += LANES) {
        const float *x = floats_of(p, o->x, e / PAD, thread) + e % PAD;
        pixel_walk at = {0};
        for (int64_t n = 0; n < o->out; n += LANES) {
            vector square[LANES];
            for (int k = 0; k < LANES; k++) square[k] = n + k < o->out ? load(x + next_pixel(&at, o, o->x)) : splat(0);
            turn_over(square);
            for (int k = 0; k < LANES && e + k < part.last; k++) store(floats_of(p, o->y, e + k, thread) + n, square[k]);
        }
    }
}

/* Rows become images abreast; where the batch ends before, the gradient is 0. */
static void flatten_backward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < (part.last + PAD - 1) / PAD * PAD; e += LANES) {
        float *dx = floats_of(p, o->y, e / PAD, thread) + e % PAD;
        pixel_walk at = {0};
        for (int64_t n = 0; n < o->out; n += LANES) {
            vector square[LANES];
            for (int k = 0; k < LANES; k++)
                square[k] = e + k < part.last ? load(floats_of(p, o->x, e + k, thread) + n) : splat(0);
            turn_over(square);
            for (int k = 0; k < LANES && n + k < o->out; k++) store(dx + next_pixel(&at, o, o->y), square[k]);
        }
    }
}
