/* A convolution of few channels with stride 1 in Winograd's way along the rows alone, see winograd.h: a row of a window of 5 and
   8 pixels of x give 4 pixels of z in 8 multiplications, not 20; one of 7 gives 2 in 8, not 14.

   Why it is fast: in both directions the way back to z takes longer than is saved where only one channel is multiplied. So
   the sum over the rows of a window and over the channels is taken at the points, in registers, and the way back is 16
   operations for 4 pixels. */
#ifndef PELLUCID_WINOGRAD_ROWS_H
#define PELLUCID_WINOGRAD_ROWS_H

#include "winograd_convolution.h"

#define ROW_MAPS (TILE_MAPS / 2) /* maps at a time, 3 or 1: their sums at all points fill the registers */

/* In place of ∞ there is a 0 that nobody reads. */
static const float point[POINTS] = {0, 1, -1, 2, -2, 1.f / 2, -1.f / 2, 0};

/* U = w Gᵀ as (tiles of maps, channels, rows of the window, points, maps of the tile). */
static void winograd_rows_weights(const operation *o, const pass *p, range part, int thread) {
    (void)part;
    const int64_t side = o->side, rows = o->in * side;
    for (int64_t n = 0; n < tile_count(o->out, ROW_MAPS); n++) {
        const range maps = tile_range(o->out, ROW_MAPS, n);
        for (int64_t m = maps.first; m < maps.last; m++)
            for (int64_t row = 0; row < rows; row++) {
                const float *w = p->arena + o->w + (m * rows + row) * side;
                float value[POINTS] = {0}, *u = floats_of(p, o->y, 0, thread) + maps.first * rows * POINTS + m - maps.first;
                for (int64_t i = side - 1; i >= 0; i--)
                    for (int k = 0; k < POINTS; k++) value[k] = value[k] * point[k] + w[i];
                value[POINTS - 1] = w[side - 1];
                for (int k = 0; k < POINTS; k++) u[(row * POINTS + k) * (maps.last - maps.first)] = weight_at[k] * value[k];
            }
    }
}

/* V = x B as (channels, rows of x, tiles, points, LANES). */
ALWAYS_INLINE void rows_at_points(const operation *o, tiling of, const float *x, float *v) {
    const int64_t more = o->side - 1;
    for (int64_t c = 0; c < o->in; c++)
        for (int64_t i = 0; i < of.rows + more; i++)
            for (int64_t t = 0; t < of.across; t++, v += POINTS * LANES) {
                const float *first = x + c * o->x.plane + tile_place(of, t, o->x.row) + i * o->x.row;
                vector pixel[POINTS], at[POINTS];
                UNROLLED for (int j = 0; j < POINTS; j++)
                    pixel[j] = t * of.side + j < of.columns + more ? load(first + j * PAD) : splat(0);
                interpolate_transposed(pixel, at);
                UNROLLED for (int j = 0; j < POINTS; j++) store(v + j * LANES, at[j]);
            }
}

/* The part of V that some pixels of z come from: its first row in the first channel, and how far the others are. */
typedef struct {
    const float *v;
    int64_t channel, row;
} rows_of_v;

/* One row of a tile of z, of some maps: Aᵀ Σ U ⊙ V + b. */
ALWAYS_INLINE void row_of_maps(const int maps, const int window, const operation *o, const float *u, const float *bias,
                               rows_of_v from, vector z[ROW_MAPS][PLACES], const int first) {
    const int side = POINTS + 1 - window;
    vector sum[ROW_MAPS][POINTS];
    UNROLLED for (int m = 0; m < maps; m++)
        UNROLLED for (int k = 0; k < POINTS; k++) sum[m][k] = splat(0);
    for (int64_t c = 0; c < o->in; c++)
        for (int i = 0; i < window; i++)
            UNROLLED for (int k = 0; k < POINTS; k++) {
                const vector v = in_register(load(from.v + c * from.channel + i * from.row + k * LANES));
                UNROLLED for (int m = 0; m < maps; m++) sum[m][k] += *u++ * v;
            }
    UNROLLED for (int m = 0; m < maps; m++) {
        evaluate_transposed(side, sum[m], z[m] + first);
        UNROLLED for (int j = 0; j < side; j++) z[m][first + j] += bias[m];
    }
}

/* Some maps of a tile of one row, or of the two rows of a pooling. */
ALWAYS_INLINE void maps_of_rows(const int maps, const int window, const int pooled, const operation *o, const float *u,
                                const float *bias, rows_of_v from, square of, float *to, int32_t *winner) {
    const int side = POINTS + 1 - window;
    vector z[ROW_MAPS][PLACES];
    row_of_maps(maps, window, o, u, bias, from, z, 0);
    from.v += from.row;
    if (pooled) row_of_maps(maps, window, o, u, bias, from, z, side);
    for (int m = 0; m < maps; m++)
        if (pooled) leave_pools(side, o, of, z[m], to + m * o->y.plane, winner + m * o->y.plane);
        else leave_maps(side, o, of, z[m], to + m * o->y.plane);
}

ALWAYS_INLINE void winograd_rows_by(const int window, const int pooled, const operation *o, const pass *p, range part, int thread) {
    const tiling of = tiling_of(window, (1 + pooled) * o->rows, (1 + pooled) * o->columns);
    const float *bias = p->arena + o->w + o->out * o->in * window * window;
    const int64_t v_row = of.across * POINTS * LANES;
    float *v = p->scratch + thread * p->scratch_size;
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t lane = 0; lane < PAD; lane += LANES) {
            rows_at_points(o, of, floats_of(p, o->x, e / PAD, thread) + lane, v);
            for (int64_t i = 0; i < o->rows; i++)
                for (int64_t t = 0; t < of.across; t++) {
                    const rows_of_v from = {v + (1 + pooled) * i * v_row + t * POINTS * LANES, (of.rows + window - 1) * v_row, v_row};
                    const square here = {o->y.row, 1 + pooled, of.columns - t * of.side};
                    const int64_t at = i * o->y.row + t * of.side / (1 + pooled) * PAD + lane;
                    float *y = floats_of(p, o->y, e / PAD, thread) + at;
                    int32_t *winner = (int32_t *)floats_of(p, o->kept, e / PAD, thread) + at;
                    for (int64_t n = 0; n < tile_count(o->out, ROW_MAPS); n++) {
                        const range m = tile_range(o->out, ROW_MAPS, n);
                        const float *u = floats_of(p, o->also, 0, thread) + m.first * o->in * window * POINTS;
                        float *to = y + m.first * o->y.plane;
                        int32_t *who = winner + m.first * o->y.plane;
                        const int64_t maps = ROW_MAPS > 1 ? m.last - m.first : 1;
                        if (maps == 1) maps_of_rows(1, window, pooled, o, u, bias + m.first, from, here, to, who);
                        else if (maps == 2) maps_of_rows(2, window, pooled, o, u, bias + m.first, from, here, to, who);
                        else maps_of_rows(3, window, pooled, o, u, bias + m.first, from, here, to, who);
                    }
                }
        }
}

#define ROWS_FORWARD(window) winograd_rows_by(window, 0, o, p, part, thread)
#define ROWS_POOL_FORWARD(window) winograd_rows_by(window, 1, o, p, part, thread)
BY_WINDOW(winograd_rows_forward, ROWS_FORWARD)
BY_WINDOW(winograd_rows_pool_forward, ROWS_POOL_FORWARD)

#endif
