/* The gradient of a convolution's parameters: dW[m, c, u, v] = Σ dz[m, i, j] x[c, s i + u, s j + v] over pixels and images.

   Why it is fast: a tile of maps by taps stays in registers while all pixels go by; each pixel of dz that is loaded
   serves all taps of the tile, each of x all maps. The images of a vector are added up once, at the end. */

#include "convolution.h"
#include "parts.h"
#include "shuffle.h"

#define TILE_TAPS 4

/* dW of a few maps by taps: all pixels go by, and the images of a vector are added up at the end. */
ALWAYS_INLINE void tile_of_taps(const int maps, const int taps, const operation *o, const float *dz, const float *x,
                                const int64_t *tap, float *dw, int64_t dw_row, int begin) {
    vector sum[TILE_MAPS][TILE_TAPS];
    UNROLLED for (int m = 0; m < maps; m++)
        for (int t = 0; t < taps; t++) sum[m][t] = splat(0);
    const int64_t step = o->stride * PAD, row = o->stride * o->x.row;
    for (int64_t i = 0; i < o->rows; i++)
        for (int64_t j = 0; j < o->columns; j++) {
            const float *x_here = x + i * row + j * step, *dz_here = dz + i * o->y.row + j * PAD;
            vector pixel[TILE_TAPS];
            for (int t = 0; t < taps; t++) pixel[t] = load(x_here + tap[t]);
            UNROLLED for (int m = 0; m < maps; m++) {
                const vector factor = load(dz_here + m * o->y.plane);
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
        for (int t = 0; t < taps; t++) dw[m * dw_row + t] = (begin ? 0 : dw[m * dw_row + t]) + all[m * taps + t];
}

typedef void taps_function(const operation *o, const float *dz, const float *x, const int64_t *tap, float *dw,
                           int64_t dw_row, int begin);
#define TAPS_TILE(M, T)                                                                                           \
    static void taps_##M##_##T(const operation *o, const float *dz, const float *x, const int64_t *tap, float *dw, \
                               int64_t dw_row, int begin) {                                                       \
        tile_of_taps(M, T, o, dz, x, tap, dw, dw_row, begin);                                                     \
    }
#define TAPS_TILES(M) TAPS_TILE(M, 1) TAPS_TILE(M, 2) TAPS_TILE(M, 3) TAPS_TILE(M, 4)
#define TAPS_NAMES(M) {taps_##M##_1, taps_##M##_2, taps_##M##_3, taps_##M##_4}
#if TILE_MAPS == 6
TAPS_TILES(1) TAPS_TILES(2) TAPS_TILES(3) TAPS_TILES(4) TAPS_TILES(5) TAPS_TILES(6)
static taps_function *const tap_tiles[TILE_MAPS][TILE_TAPS] = {TAPS_NAMES(1), TAPS_NAMES(2), TAPS_NAMES(3),
                                                              TAPS_NAMES(4), TAPS_NAMES(5), TAPS_NAMES(6)};
#else
TAPS_TILES(1) TAPS_TILES(2)
static taps_function *const tap_tiles[TILE_MAPS][TILE_TAPS] = {TAPS_NAMES(1), TAPS_NAMES(2)};
#endif

/* db: the sum of dz over pixels and images, in four sums that need not wait for each other. */
static void bias_gradient(const operation *o, const float *dz, float *db, int begin) {
    for (int64_t m = 0; m < o->out; m++) {
        vector sum[4] = {splat(0), splat(0), splat(0), splat(0)};
        for (int64_t i = 0; i < o->rows; i++) {
            const float *row = dz + place_of_row(o->y, m, i);
            int64_t j = 0;
            for (; j + 4 <= o->columns; j += 4)
                UNROLLED for (int k = 0; k < 4; k++) sum[k] += load(row + (j + k) * PAD);
            for (; j < o->columns; j++) sum[0] += load(row + j * PAD);
        }
        db[m] = (begin ? 0 : db[m]) + total(sum[0] + sum[1] + (sum[2] + sum[3]));
    }
}

/* dW[m, c, u, v] = Σ dz[m, i, j] x[c, s i + u, s j + v] over pixels and images, db[m] = Σ dz[m, i, j]. */
static void convolution_gradient(const operation *o, const pass *p, range part, int thread) {
    const int64_t side = o->side, fan_in = o->in * side * side;
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t lane = 0; lane < PAD; lane += LANES) {
            const int begin = lane == 0 && e % p->part == 0;
            const float *x = floats_of(p, o->x, e / PAD, thread) + lane, *dz = floats_of(p, o->y, e / PAD, thread) + lane;
            float *dw = part_of(o, p, o->out * fan_in + o->out, e);
            for (int64_t n = 0; n < tile_count(fan_in, TILE_TAPS); n++) {
                const range t = tile_range(fan_in, TILE_TAPS, n);
                int64_t tap[TILE_TAPS];
                for (int64_t i = t.first; i < t.last; i++)
                    tap[i - t.first] = i / (side * side) * o->x.plane + i / side % side * o->x.row + i % side * PAD;
                for (int64_t k = 0; k < tile_count(o->out, TILE_MAPS); k++) {
                    const range m = tile_range(o->out, TILE_MAPS, k);
                    tap_tiles[m.last - m.first - 1][t.last - t.first - 1](
                        o, dz + m.first * o->y.plane, x, tap, dw + m.first * fan_in + t.first, fan_in, begin);
                }
            }
            bias_gradient(o, dz, dw + o->out * fan_in, begin);
        }
}
