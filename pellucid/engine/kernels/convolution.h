/* The convolution, z[m, i, j] = b[m] + Σ W[m, c, u, v] x[c, s i + u, s j + v], and its way back to x.

   Why it is fast: a vector holds the same pixel of several images, so each weight that is loaded is multiplied with whole
   vectors; nothing is copied, rearranged or filled up first, whatever the sizes. A tile of maps by pixels stays in registers while all
   channels and taps go by. The way back is the same loop nest: dx[c] is a convolution of dz with W turned by 180°. */

#ifndef PELLUCID_CONVOLUTION_H
#define PELLUCID_CONVOLUTION_H

#include "vector.h"

/* One of three nested loops: how often it turns, and how far W and x move each time. */
typedef struct {
    int64_t count, w, x;
} loop;

/* Where a tile's results go. */
typedef struct {
    float *z;
    int64_t plane, step; /* from a map to the next, from a pixel to the next */
    int64_t relu;
    int32_t *winner; /* of pooling: which pixel was the largest; in the same arrangement */
} target;

/* One tap: its weights for each map, its pixels `first` to `last`, `step` apart in rows of `columns` that stand `drop` apart. */
ALWAYS_INLINE void add_tap(const int maps, const int first, const int last, const int columns, const float *w,
                           int64_t w_row, const float *x, int64_t step, int64_t drop, vector sum[TILE_MAPS][TILE_PIXELS]) {
    vector pixel[TILE_PIXELS];
    for (int j = first; j < last; j++) pixel[j] = load(x + j / columns * drop + j % columns * step);
    UNROLLED for (int i = 0; i < maps; i++) {
        const float weight = w[i * w_row];
        for (int j = first; j < last; j++) sum[i][j] += weight * pixel[j];
    }
}

/* Of a tile at the edge of dx only some pixels meet a tap: at the left the first tap meets all four, the next one three and so
   on; at the right the last tap meets all four. */
enum edge { NO_EDGE, LEFT_EDGE, RIGHT_EDGE };

/* The sums of `maps` by `pixels`, begun with the bias. */
ALWAYS_INLINE void convolve(const int maps, const int pixels, const int columns, const enum edge edge, const loop *over,
                            const float *w, int64_t w_row, const float *bias, const float *x, int64_t step,
                            int64_t drop, vector sum[TILE_MAPS][TILE_PIXELS]) {
    UNROLLED for (int i = 0; i < maps; i++)
        for (int j = 0; j < pixels; j++) sum[i][j] = splat(bias ? bias[i] : 0);
    for (int64_t c = 0; c < over[0].count; c++, w += over[0].w, x += over[0].x) {
        const float *w_u = w, *x_u = x;
        for (int64_t u = 0; u < over[1].count; u++, w_u += over[1].w, x_u += over[1].x) {
            const float *w_v = w_u, *x_v = x_u;
            if (edge == NO_EDGE) {
                for (int64_t v = 0; v < over[2].count; v++, w_v += over[2].w, x_v += over[2].x)
                    add_tap(maps, 0, pixels, columns, w_v, w_row, x_v, step, drop, sum);
                continue;
            }
            UNROLLED for (int v = 0; v < TILE_PIXELS; v++) {
                if (edge == LEFT_EDGE ? v >= over[2].count : v < TILE_PIXELS - over[2].count) continue;
                const int first = edge == LEFT_EDGE ? v : 0, last = edge == LEFT_EDGE ? TILE_PIXELS : v + 1;
                add_tap(maps, first, last, columns, w_v, w_row, x_v, step, drop, sum);
                w_v += over[2].w, x_v += over[2].x;
            }
        }
    }
}

ALWAYS_INLINE vector rectified(vector z) { return choose(z <= splat(0), splat(0), z); } /* so that NaN stays NaN */

ALWAYS_INLINE void tile_of_maps(const int maps, const int pixels, const enum edge edge, const loop *over, const float *w, int64_t w_row,
                                const float *bias, const float *x, int64_t step, const target *to) {
    vector sum[TILE_MAPS][TILE_PIXELS];
    convolve(maps, pixels, pixels, edge, over, w, w_row, bias, x, step, 0, sum);
    UNROLLED for (int i = 0; i < maps; i++)
        for (int j = 0; j < pixels; j++)
            store(to->z + i * to->plane + j * to->step, to->relu ? rectified(sum[i][j]) : sum[i][j]);
}

/* Of four pixels the largest, and which it was: 0 to 3, or 4 where it was rectified away. The first of several wins; NaN
   wins over all. */
ALWAYS_INLINE void pool(const vector four[4], int relu, float *to, int32_t *which) {
    vector best = four[0];
    mask winner = (mask)splat(0);
    UNROLLED for (int j = 1; j < 4; j++) {
        const mask better = ~(four[j] <= best) & (best == best);
        best = choose(better, four[j], best);
        winner = (better & j) | (~better & winner);
    }
    if (relu) {
        const mask gone = best <= splat(0);
        best = choose(gone, splat(0), best);
        winner = (gone & 4) | (~gone & winner);
    }
    store(to, best);
    *(unaligned_mask *)which = winner;
}

ALWAYS_INLINE void tile_of_pools(const int maps, const loop *over, const float *w, int64_t w_row, const float *bias,
                                 const float *x, int64_t step, int64_t drop, const target *to) {
    vector sum[TILE_MAPS][TILE_PIXELS];
    convolve(maps, 4, 2, NO_EDGE, over, w, w_row, bias, x, step, drop, sum);
    UNROLLED for (int i = 0; i < maps; i++) pool(sum[i], to->relu, to->z + i * to->plane, to->winner + i * to->plane);
}

/* Tiles of constant size, so that the compiler keeps them in registers. */
typedef void maps_function(const loop *over, const float *w, int64_t w_row, const float *bias, const float *x,
                           int64_t step, int64_t drop, const target *to);
#define MAPS_TILE(M, P, EDGE)                                                                                     \
    static void maps_##M##_##P##EDGE(const loop *over, const float *w, int64_t w_row, const float *bias,            \
                                     const float *x, int64_t step, int64_t drop, const target *to) {                \
        (void)drop;                                                                                                 \
        tile_of_maps(M, P, EDGE, over, w, w_row, bias, x, step, to);                                                \
    }
#define POOL_TILE(M)                                                                                              \
    static void pools_##M(const loop *over, const float *w, int64_t w_row, const float *bias, const float *x,     \
                          int64_t step, int64_t drop, const target *to) {                                         \
        tile_of_pools(M, over, w, w_row, bias, x, step, drop, to);                                                \
    }
#define MAPS_TILES(M)                                                                                             \
    MAPS_TILE(M, 1, NO_EDGE) MAPS_TILE(M, 2, NO_EDGE) MAPS_TILE(M, 3, NO_EDGE) MAPS_TILE(M, 4, NO_EDGE)           \
    MAPS_TILE(M, 4, LEFT_EDGE) MAPS_TILE(M, 4, RIGHT_EDGE) POOL_TILE(M)
#define MAPS_NAMES(M)                                                                                             \
    {maps_##M##_1NO_EDGE, maps_##M##_2NO_EDGE, maps_##M##_3NO_EDGE, maps_##M##_4NO_EDGE, maps_##M##_4LEFT_EDGE,   \
     maps_##M##_4RIGHT_EDGE, pools_##M}
enum tile_kind { WHOLE = TILE_PIXELS - 1, AT_LEFT, AT_RIGHT, POOLED, TILE_KINDS }; /* before them, fewer pixels */
#if TILE_MAPS == 6
MAPS_TILES(1) MAPS_TILES(2) MAPS_TILES(3) MAPS_TILES(4) MAPS_TILES(5) MAPS_TILES(6)
static maps_function *const map_tiles[TILE_MAPS][TILE_KINDS] = {MAPS_NAMES(1), MAPS_NAMES(2), MAPS_NAMES(3),
                                                                MAPS_NAMES(4), MAPS_NAMES(5), MAPS_NAMES(6)};
#else
MAPS_TILES(1) MAPS_TILES(2)
static maps_function *const map_tiles[TILE_MAPS][TILE_KINDS] = {MAPS_NAMES(1), MAPS_NAMES(2)};
#endif

/* Tile number `i` of those that `count` things fall into, all about as large, none larger than `most`. */
ALWAYS_INLINE range tile_range(int64_t count, int64_t most, int64_t i) {
    const int64_t tiles = (count + most - 1) / most;
    return (range){count * i / tiles, count * (i + 1) / tiles};
}

ALWAYS_INLINE int64_t tile_count(int64_t count, int64_t most) { return (count + most - 1) / most; }

/* All maps of some pixels, which are a row in x and z. */
ALWAYS_INLINE void all_maps(int64_t maps, int64_t kind, const loop *over, const float *w, int64_t w_row,
                            const float *bias, const float *x, int64_t step, int64_t drop, target to) {
    for (int64_t t = 0; t < tile_count(maps, TILE_MAPS); t++) {
        const range m = tile_range(maps, TILE_MAPS, t);
        const target here = {to.z + m.first * to.plane, to.plane, to.step, to.relu,
                             to.winner ? to.winner + m.first * to.plane : NULL};
        map_tiles[m.last - m.first - 1][kind](over, w + m.first * w_row, w_row, bias ? bias + m.first : NULL, x, step,
                                              drop, &here);
    }
}

static void convolution_forward(const operation *o, const pass *p, range part, int thread) {
    const int64_t side = o->side, taps = side * side, fan_in = o->in * taps, step = o->stride * PAD;
    const float *w = p->arena + o->w, *bias = w + o->out * fan_in;
    const loop over[3] = {{o->in, taps, o->x.plane}, {side, side, o->x.row}, {side, 1, PAD}};
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t lane = 0; lane < PAD; lane += LANES) {
            const float *x = floats_of(p, o->x, e / PAD, thread) + lane;
            float *z = floats_of(p, o->y, e / PAD, thread) + lane;
            for (int64_t i = 0; i < o->rows; i++)
                for (int64_t t = 0; t < tile_count(o->columns, TILE_PIXELS); t++) {
                    const range j = tile_range(o->columns, TILE_PIXELS, t);
                    const target to = {z + i * o->y.row + j.first * PAD, o->y.plane, PAD, o->relu, NULL};
                    all_maps(o->out, j.last - j.first - 1, over, w, fan_in, bias,
                             x + i * o->stride * o->x.row + j.first * step, step, 0, to);
                }
        }
}

/* With max pooling of 2×2 behind it, whose windows are the tiles: what loses is never written. */
static void convolution_pool_forward(const operation *o, const pass *p, range part, int thread) {
    const int64_t side = o->side, taps = side * side, fan_in = o->in * taps, step = o->stride * PAD;
    const float *w = p->arena + o->w, *bias = w + o->out * fan_in;
    const loop over[3] = {{o->in, taps, o->x.plane}, {side, side, o->x.row}, {side, 1, PAD}};
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t lane = 0; lane < PAD; lane += LANES) {
            const float *x = floats_of(p, o->x, e / PAD, thread) + lane;
            float *a = floats_of(p, o->y, e / PAD, thread) + lane;
            int32_t *winner = (int32_t *)floats_of(p, o->kept, e / PAD, thread) + lane;
            for (int64_t i = 0; i < o->rows; i++)
                for (int64_t j = 0; j < o->columns; j++) {
                    const int64_t at = i * o->y.row + j * PAD;
                    const target to = {a + at, o->y.plane, PAD, o->relu, winner + at};
                    all_maps(o->out, POOLED, over, w, fan_in, bias, x + 2 * (i * o->stride * o->x.row + j * step), step,
                             o->stride * o->x.row, to);
                }
        }
}

/* The taps at which a window of the forward pass can have met pixels `first` to `last` of a row (or column) of x, counted
   with the padding, which all are in the same place of the stride: v ≡ first (mod s), 0 ≤ (pixel − v) / s < count. */
ALWAYS_INLINE range taps_of(int64_t first, int64_t last, int64_t side, int64_t stride, int64_t count) {
    int64_t least = first - (count - 1) * stride, most = last < side - 1 ? last : side - 1;
    least = least < 0 ? 0 : least;
    least += (first - least) % stride;
    return (range){least, most};
}

/* A tile of pixels of dx in a row: which they are, and how the tile meets the edges. */
typedef struct {
    int64_t first, last, kind;
} row_tile;

/* Number `t` of the tiles in a row of dx of `count` pixels. Where windows reach over neither edge, the outermost tiles pass
   over what they cannot meet. */
ALWAYS_INLINE row_tile row_tile_of(int64_t count, int64_t t, int edges) {
    if (edges && t == 0) return (row_tile){0, TILE_PIXELS, AT_LEFT};
    if (edges && t == 1) return (row_tile){count - TILE_PIXELS, count, AT_RIGHT};
    const int64_t before = edges ? TILE_PIXELS : 0;
    const range tile = tile_range(count - 2 * before, TILE_PIXELS, edges ? t - 2 : t);
    return (row_tile){before + tile.first, before + tile.last, tile.last - tile.first - 1};
}

ALWAYS_INLINE int64_t row_tile_count(int64_t count, int edges) {
    return edges ? 2 + tile_count(count - 2 * TILE_PIXELS, TILE_PIXELS) : tile_count(count, TILE_PIXELS);
}

/* dx[c, i, j] = Σ W[m, c, u, v] dz[m, (i − u) / s, (j − v) / s] where that is a place of dz; beside dz there are zeros,
   as many as a tile may touch. With a stride, neighbours in a tile are s pixels apart: they meet the same taps. */
static void convolution_backward(const operation *o, const pass *p, range part, int thread) {
    const int64_t side = o->side, taps = side * side, s = o->stride;
    const float *w = p->arena + o->w;
    const int edges = s == 1 && o->padding == 0 && o->columns >= TILE_PIXELS && o->width >= 2 * TILE_PIXELS;
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t lane = 0; lane < PAD; lane += LANES) {
            const float *dz = floats_of(p, o->x, e / PAD, thread) + lane;
            float *dx = floats_of(p, o->y, e / PAD, thread) + lane;
            for (int64_t i = 0; i < o->height; i++) {
                const int64_t i_rim = i + o->padding;
                const range u = taps_of(i_rim, i_rim, side, s, o->rows);
                const int64_t rows = u.last < u.first ? 0 : (u.last - u.first) / s + 1;
                for (int64_t begin = 0; begin < s && begin < o->width; begin++) {
                    const int64_t count = (o->width - begin + s - 1) / s;
                    for (int64_t t = 0; t < row_tile_count(count, edges); t++) {
                        const row_tile tile = row_tile_of(count, t, edges);
                        const int64_t j = begin + s * tile.first, j_rim = j + o->padding;
                        const range v = taps_of(j_rim, j_rim + s * (tile.last - tile.first - 1), side, s, o->columns);
                        const loop over[3] = {{o->out, o->in * taps, o->x.plane},
                                              {rows, s * side, -o->x.row},
                                              {v.last < v.first ? 0 : (v.last - v.first) / s + 1, s, -PAD}};
                        const target to = {dx + i * o->y.row + j * PAD, o->y.plane, s * PAD, 0, NULL};
                        const int64_t from_row = (i_rim - u.first) / s, from_column = (j_rim - v.first) / s;
                        all_maps(o->in, tile.kind, over, w + u.first * side + v.first, taps, NULL,
                                 dz + from_row * o->x.row + from_column * PAD, PAD, 0, to);
                    }
                }
            }
        }
}

#endif
