/* The gradient of a convolution's parameters: dW[m, c, u, v] = Σ dz[m, i, j] x[c, s i + u, s j + v] over pixels and images.

   Why it is fast: a tile of maps by taps stays in registers while all pixels go by; each pixel of dz that is loaded
   serves all taps of the tile, each of x all maps. The images of a vector are added up once, at the end. */

#ifndef PELLUCID_CONVOLUTION_GRADIENT_H
#define PELLUCID_CONVOLUTION_GRADIENT_H

#include "convolution.h"
#include "parts.h"
#include "shuffle.h"

#define TILE_TAPS 4

/* What dW is made of: dz, or behind a pooling da and who won; and where it lies. */
typedef struct {
    const float *dz;
    const int32_t *winner;
    float *dw;
    int64_t dw_row;
    int begin;
} gradient_of;

/* dW of a few maps by taps: all pixels go by, behind a pooling four for each number of da, and the images of a vector are
   added up at the end. */
ALWAYS_INLINE void tile_of_taps(const int maps, const int taps, const int pixels, const operation *o, const float *x,
                                const int64_t *tap, gradient_of of) {
    vector sum[TILE_MAPS][TILE_TAPS];
    UNROLLED for (int m = 0; m < maps; m++)
        for (int t = 0; t < taps; t++) sum[m][t] = splat(0);
    const int64_t step = o->stride * PAD, row = o->stride * o->x.row, side = pixels == 4 ? 2 : 1;
    for (int64_t i = 0; i < o->rows; i++)
        for (int64_t j = 0; j < o->columns; j++)
            UNROLLED for (int n = 0; n < pixels; n++) {
                const float *x_here = x + (side * i + n / 2) * row + (side * j + n % 2) * step;
                const int64_t here = i * o->y.row + j * PAD, won = i * o->kept.row + j * PAD;
                vector pixel[TILE_TAPS];
                for (int t = 0; t < taps; t++) pixel[t] = load(x_here + tap[t]);
                UNROLLED for (int m = 0; m < maps; m++) {
                    vector factor = load(of.dz + here + m * o->y.plane);
                    if (pixels > 1) factor = choose(*(const unaligned_mask *)(of.winner + won + m * o->kept.plane) == n, factor, splat(0));
                    for (int t = 0; t < taps; t++) sum[m][t] += factor * pixel[t];
                }
            }
    float all[TILE_MAPS * TILE_TAPS + LANES];
    for (int first = 0; first < maps * taps; first += LANES) {
        vector some[LANES];
        for (int i = 0; i < LANES; i++)
            some[i] = first + i < maps * taps ? sum[(first + i) / taps][(first + i) % taps] : splat(0);
        store(all + first, totals(some));
    }
    UNROLLED for (int m = 0; m < maps; m++)
        for (int t = 0; t < taps; t++) of.dw[m * of.dw_row + t] = (of.begin ? 0 : of.dw[m * of.dw_row + t]) + all[m * taps + t];
}

typedef void taps_function(const operation *o, const float *x, const int64_t *tap, gradient_of of);
#define TAPS_TILE(M, T, PIXELS)                                                                                        \
    static void taps_##M##_##T##_##PIXELS(const operation *o, const float *x, const int64_t *tap, gradient_of of) { \
        tile_of_taps(M, T, PIXELS, o, x, tap, of);                                                                  \
    }
#define TAPS_TILES(M)                                                                              \
    TAPS_TILE(M, 1, 1) TAPS_TILE(M, 2, 1) TAPS_TILE(M, 3, 1) TAPS_TILE(M, 4, 1)                    \
    TAPS_TILE(M, 1, 4) TAPS_TILE(M, 2, 4) TAPS_TILE(M, 3, 4) TAPS_TILE(M, 4, 4)
#define TAPS_NAMES(M) {{taps_##M##_1_1, taps_##M##_2_1, taps_##M##_3_1, taps_##M##_4_1}, {taps_##M##_1_4, taps_##M##_2_4, taps_##M##_3_4, taps_##M##_4_4}}
#if TILE_MAPS == 6
TAPS_TILES(1) TAPS_TILES(2) TAPS_TILES(3) TAPS_TILES(4) TAPS_TILES(5) TAPS_TILES(6)
static taps_function *const tap_tiles[TILE_MAPS][2][TILE_TAPS] = {TAPS_NAMES(1), TAPS_NAMES(2), TAPS_NAMES(3),
                                                                 TAPS_NAMES(4), TAPS_NAMES(5), TAPS_NAMES(6)};
#else
TAPS_TILES(1) TAPS_TILES(2)
static taps_function *const tap_tiles[TILE_MAPS][2][TILE_TAPS] = {TAPS_NAMES(1), TAPS_NAMES(2)};
#endif

/* db: the sum of dz over pixels and images, or of da where a pixel has won, in four sums that need not wait for each
   other. */
static void bias_gradient(const operation *o, const float *dz, const int32_t *winner, float *db, int begin) {
    for (int64_t m = 0; m < o->out; m++) {
        vector sum[4] = {splat(0), splat(0), splat(0), splat(0)};
        for (int64_t i = 0; i < o->rows; i++)
            for (int64_t j = 0; j < o->columns; j += 4)
                UNROLLED for (int k = 0; k < 4; k++) {
                    if (j + k >= o->columns) break;
                    vector gradient = load(dz + place_of_row(o->y, m, i) + (j + k) * PAD);
                    if (winner) {
                        const int32_t *won = winner + place_of_row(o->kept, m, i) + (j + k) * PAD;
                        gradient = choose(*(const unaligned_mask *)won < 4, gradient, splat(0));
                    }
                    sum[k] += gradient;
                }
        db[m] = (begin ? 0 : db[m]) + total(sum[0] + sum[1] + (sum[2] + sum[3]));
    }
}

/* dW[m, c, u, v] = Σ dz[m, i, j] x[c, s i + u, s j + v] over pixels and images, db[m] = Σ dz[m, i, j]. */
ALWAYS_INLINE void gradient_by(const int pooled, const operation *o, const pass *p, range part, int thread) {
    const int64_t side = o->side, fan_in = o->in * side * side;
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t lane = 0; lane < PAD; lane += LANES) {
            const int begin = lane == 0 && e % p->part == 0;
            const float *x = floats_of(p, o->x, e / PAD, thread) + lane, *dz = floats_of(p, o->y, e / PAD, thread) + lane;
            const int32_t *winner = pooled ? (const int32_t *)floats_of(p, o->kept, e / PAD, thread) + lane : NULL;
            float *dw = part_of(o, p, o->out * fan_in + o->out, e);
            for (int64_t n = 0; n < tile_count(fan_in, TILE_TAPS); n++) {
                const range t = tile_range(fan_in, TILE_TAPS, n);
                int64_t tap[TILE_TAPS];
                for (int64_t i = t.first; i < t.last; i++)
                    tap[i - t.first] = i / (side * side) * o->x.plane + i / side % side * o->x.row + i % side * PAD;
                for (int64_t k = 0; k < tile_count(o->out, TILE_MAPS); k++) {
                    const range m = tile_range(o->out, TILE_MAPS, k);
                    const gradient_of of = {dz + m.first * o->y.plane, pooled ? winner + m.first * o->kept.plane : NULL,
                                            dw + m.first * fan_in + t.first, fan_in, begin};
                    tap_tiles[m.last - m.first - 1][pooled][t.last - t.first - 1](o, x, tap, of);
                }
            }
            bias_gradient(o, dz, winner, dw + o->out * fan_in, begin);
        }
}

static void convolution_gradient(const operation *o, const pass *p, range part, int thread) { gradient_by(0, o, p, part, thread); }

/* Where nobody asks for dx, max pooling of 2×2 goes its way back here: dz, which is mostly 0, is never written. */
static void convolution_pool_gradient(const operation *o, const pass *p, range part, int thread) { gradient_by(1, o, p, part, thread); }

#endif
