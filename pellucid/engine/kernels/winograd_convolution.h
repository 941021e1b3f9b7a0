/* The kernels of a convolution with stride 1 in Winograd's way, see winograd.h.

   Why they are fast: what is left to multiply are matrices, one pair for each place. Forwards V = Bᵀ x B of some tiles of
   all channels is multiplied with U = G w Gᵀ; backwards A dz Aᵀ with Uᵀ, and with V for the gradient. Each tile of 16
   images is 16 columns of such a product. */
#ifndef PELLUCID_WINOGRAD_CONVOLUTION_H
#define PELLUCID_WINOGRAD_CONVOLUTION_H

#include "convolution_gradient.h"
#include "parts.h"
#include "product.h"
#include "shuffle.h"
#include "winograd.h"

#define GROUP (2 * TILE_ROWS) /* rows of the product at a time: what they are made into stays in the cache until it is read */

/* The floats from a place to the next, of matrices of this size: one cache line more, so that a tile's places do not all fall
   on the same lines of the cache. */
ALWAYS_INLINE int64_t place_step(int64_t rows, int64_t columns) { return rows * columns + PAD; }

ALWAYS_INLINE range next_group(range group, int64_t count) {
    return (range){group.last, group.last + GROUP < count ? group.last + GROUP : count};
}

/* The tiles of a convolution's output, row by row. */
typedef struct {
    int64_t side, across, count; /* pixels of a tile of z, tiles in a row, and in all */
    int64_t rows, columns;       /* pixels of z */
} tiling;

ALWAYS_INLINE tiling tiling_of(int64_t window, int64_t rows, int64_t columns) {
    const int64_t side = POINTS + 1 - window, across = tile_count(columns, side);
    return (tiling){side, across, across * tile_count(rows, side), rows, columns};
}

/* The first pixel of tile t, in z or in x, whose rows are so long. */
ALWAYS_INLINE int64_t tile_place(tiling of, int64_t t, int64_t row) {
    return t / of.across * of.side * row + t % of.across * of.side * PAD;
}

/* What there is of tile t; x has as many more rows and columns than z as a window reaches over. */
ALWAYS_INLINE square tile_square(tiling of, int64_t t, int64_t row, int64_t more) {
    return (square){row, of.rows + more - t / of.across * of.side, of.columns + more - t % of.across * of.side};
}

/* U = G w Gᵀ as (places, maps, padded(channels)). */
ALWAYS_INLINE void weights_at_places(const int side, const operation *o, const pass *p, int thread) {
    const int64_t taps = side * side, width = padded(o->in), step = place_step(o->out, width);
    float *by_tap = p->scratch + thread * p->scratch_size;
    for (int64_t m = 0; m < o->out; m++) {
        transpose(width, taps, o->in, p->arena + o->w + m * o->in * taps, taps, by_tap, width);
        for (int64_t c = 0; c < width; c += LANES) {
            vector w[side * side];
            for (int t = 0; t < side * side; t++) w[t] = load(by_tap + t * width + c);
            float *u = floats_of(p, o->y, 0, thread) + m * width + c;
            evaluate_square(side, w, u, step);
            for (int i = 0; i < PLACES; i++)
                store(u + i * step, weight_at[i / POINTS] * weight_at[i % POINTS] * load(u + i * step));
        }
    }
}

/* V of some tiles as (places, channels, tiles, PAD). */
ALWAYS_INLINE void tiles_of_x(const operation *o, tiling of, range tiles, const float *x, float *v) {
    const int64_t width = (tiles.last - tiles.first) * PAD, step = place_step(o->in, width);
    for (int64_t c = 0; c < o->in; c++)
        for (int64_t t = tiles.first; t < tiles.last; t++)
            for (int64_t lane = 0; lane < PAD; lane += LANES)
                interpolate_square_transposed(x + c * o->x.plane + tile_place(of, t, o->x.row) + lane,
                                              tile_square(of, t, o->x.row, o->side - 1),
                                              v + c * width + (t - tiles.first) * PAD + lane, step);
}

/* A tile of z with its bias, rectified if so. */
ALWAYS_INLINE void leave_maps(const int side, const operation *o, square of, const vector *z, float *to) {
    for (int i = 0; i < side && i < of.rows; i++)
        for (int j = 0; j < side && j < of.columns; j++)
            store(to + i * of.row + j * PAD, o->relu ? rectified(z[i * side + j]) : z[i * side + j]);
}

/* The same, of which each square of 2×2 leaves the largest, and which it was. */
ALWAYS_INLINE void leave_pools(const int side, const operation *o, square of, const vector *z, float *to, int32_t *winner) {
    for (int i = 0; i + 1 < side && i + 1 < of.rows; i += 2)
        for (int j = 0; j + 1 < side && j + 1 < of.columns; j += 2) {
            const vector *first = z + i * side + j;
            const vector four[4] = {first[0], first[1], first[side], first[side + 1]};
            const int64_t at = i / 2 * of.row + j / 2 * PAD;
            pool(four, o->relu, to + at, winner + at);
        }
}

/* Some maps of some tiles of z from their values at all places. */
ALWAYS_INLINE void leave_tiles(const int window, const int pooled, const operation *o, const pass *p, tiling of, range tiles,
                               range maps, const float *y, int64_t step, int64_t unit, int thread) {
    const int side = POINTS + 1 - window;
    const float *bias = p->arena + o->w + o->out * o->in * window * window;
    for (int64_t m = maps.first; m < maps.last; m++)
        for (int64_t t = tiles.first; t < tiles.last; t++)
            for (int64_t lane = 0; lane < PAD; lane += LANES) {
                vector z[side * side];
                evaluate_square_transposed(side, y + ((m - maps.first) * (tiles.last - tiles.first) + t - tiles.first) * PAD + lane, step, z);
                for (int i = 0; i < side * side; i++) z[i] += bias[m];
                const int64_t at = m * o->y.plane + lane + (t / of.across * o->y.row + t % of.across * PAD) * (side / (1 + pooled));
                const square here = tile_square(of, t, o->y.row, 0);
                float *to = floats_of(p, o->y, unit, thread) + at;
                if (pooled) leave_pools(side, o, here, z, to, (int32_t *)floats_of(p, o->kept, unit, thread) + at);
                else leave_maps(side, o, here, z, to);
            }
}

ALWAYS_INLINE void winograd_forward_by(const int window, const int pooled, const operation *o, const pass *p, range part, int thread) {
    const tiling of = tiling_of(window, (1 + pooled) * o->rows, (1 + pooled) * o->columns);
    const int64_t depth = padded(o->in), u_step = place_step(o->out, depth);
    const float *u = floats_of(p, o->also, 0, thread);
    float *v = p->scratch + thread * p->scratch_size, *y = v + PLACES * place_step(o->in, TILES_ABREAST * PAD);
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t n = 0; n < tile_count(of.count, TILES_ABREAST); n++) {
            const range tiles = tile_range(of.count, TILES_ABREAST, n);
            const int64_t width = (tiles.last - tiles.first) * PAD;
            tiles_of_x(o, of, tiles, floats_of(p, o->x, e / PAD, thread), v);
            for (range maps = {0, 0}; (maps = next_group(maps, o->out)).first < o->out;) {
                const int64_t rows = maps.last - maps.first;
                for (int64_t i = 0; i < PLACES; i++)
                    product(rows, width, o->in, (left_factor){u + i * u_step + maps.first * depth, depth, 1},
                            v + i * place_step(o->in, width), width, (beginning){0}, y + i * place_step(rows, width), width);
                leave_tiles(window, pooled, o, p, of, tiles, maps, y, place_step(rows, width), e / PAD, thread);
            }
        }
}

/* A tile of dx at this row and column. Tiles overlap, so that each adds its pixels to what others left. */
ALWAYS_INLINE void add_tile(const operation *o, const vector x[POINTS][POINTS], int64_t row, int64_t column, float *dx) {
    const range i = {row < 0 ? -row : 0, o->height - row < POINTS ? o->height - row : POINTS};
    const range j = {column < 0 ? -column : 0, o->width - column < POINTS ? o->width - column : POINTS};
    for (int64_t k = i.first; k < i.last; k++) {
        float *to = dx + (row + k) * o->y.row + column * PAD;
        for (int64_t l = j.first; l < j.last; l++) store(to + l * PAD, load(to + l * PAD) + x[k][l]);
    }
}

/* B v Bᵀ of some tiles and channels, each where it belongs in dx. */
ALWAYS_INLINE void add_tiles(const int side, const operation *o, tiling of, range tiles, range channels, const float *v,
                             int64_t step, float *dx) {
    const int64_t width = (tiles.last - tiles.first) * PAD;
    for (int64_t c = channels.first; c < channels.last; c++)
        for (int64_t t = tiles.first; t < tiles.last; t++)
            for (int64_t lane = 0; lane < PAD; lane += LANES) {
                vector x[POINTS][POINTS];
                interpolate_square(v + (c - channels.first) * width + (t - tiles.first) * PAD + lane, step, x);
                add_tile(o, x, t / of.across * side - o->padding, t % of.across * side - o->padding, dx + c * o->y.plane + lane);
            }
}

/* A tile of dz; what lies outside is 0. */
ALWAYS_INLINE void tile_of_dz(const int side, const float *dz, square of, vector *y) {
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++)
            y[i * side + j] = i < of.rows && j < of.columns ? load(dz + i * of.row + j * PAD) : splat(0);
}

/* A dz Aᵀ of some tiles as (places, maps, tiles, PAD). */
ALWAYS_INLINE void tiles_of_dz(const int side, const operation *o, tiling of, range tiles, const float *dz, float *y) {
    const int64_t width = (tiles.last - tiles.first) * PAD;
    for (int64_t m = 0; m < o->out; m++)
        for (int64_t t = tiles.first; t < tiles.last; t++)
            for (int64_t lane = 0; lane < PAD; lane += LANES) {
                vector z[side * side];
                tile_of_dz(side, dz + m * o->x.plane + tile_place(of, t, o->x.row) + lane, tile_square(of, t, o->x.row, 0), z);
                evaluate_square(side, z, y + m * width + (t - tiles.first) * PAD + lane, place_step(o->out, width));
            }
}

ALWAYS_INLINE void winograd_backward_by(const int window, const operation *o, const pass *p, range part, int thread) {
    const int side = POINTS + 1 - window;
    const tiling of = tiling_of(window, o->rows, o->columns);
    const int64_t depth = padded(o->in), u_step = place_step(o->out, depth);
    const float *u = floats_of(p, o->also, 0, thread);
    float *y = p->scratch + thread * p->scratch_size, *v = y + PLACES * place_step(o->out, TILES_ABREAST * PAD);
    for (int64_t e = part.first; e < part.last; e += PAD) {
        float *dx = floats_of(p, o->y, e / PAD, thread);
        for (int64_t i = 0; i < o->in * o->height; i++)
            memset(dx + place_of_row(o->y, i / o->height, i % o->height), 0, (size_t)(o->width * PAD) * sizeof *dx);
        for (int64_t n = 0; n < tile_count(of.count, TILES_ABREAST); n++) {
            const range tiles = tile_range(of.count, TILES_ABREAST, n);
            const int64_t width = (tiles.last - tiles.first) * PAD;
            tiles_of_dz(side, o, of, tiles, floats_of(p, o->x, e / PAD, thread), y);
            for (range channels = {0, 0}; (channels = next_group(channels, o->in)).first < o->in;) {
                const int64_t rows = channels.last - channels.first;
                for (int64_t i = 0; i < PLACES; i++)
                    product(rows, width, o->out, (left_factor){u + i * u_step + channels.first, 1, depth},
                            y + i * place_step(o->out, width), width, (beginning){0}, v + i * place_step(rows, width), width);
                add_tiles(side, o, of, tiles, channels, v, place_step(rows, width), dx);
            }
        }
    }
}

/* A dz Aᵀ of some tiles as (places, tiles, PAD, padded(maps)): a vector holds maps of one image, the pixels of images are what
   the product sums over. */
ALWAYS_INLINE void maps_at_places(const int side, const operation *o, tiling of, range tiles, const float *dz, float *to) {
    const int64_t width = padded(o->out), step = place_step((tiles.last - tiles.first) * PAD, width);
    for (int64_t m = 0; m < o->out; m += LANES)
        for (int64_t t = tiles.first; t < tiles.last; t++)
            for (int64_t lane = 0; lane < PAD; lane += LANES) {
                const square here = tile_square(of, t, o->y.row, 0);
                vector pixels[LANES][side * side]; /* of each image */
                for (int i = 0; i < side; i++)
                    for (int j = 0; j < side; j++) {
                        const float *pixel = dz + m * o->y.plane + tile_place(of, t, o->y.row) + i * here.row + j * PAD + lane;
                        vector some[LANES];
                        for (int k = 0; k < LANES; k++)
                            some[k] = m + k < o->out && i < here.rows && j < here.columns ? load(pixel + k * o->y.plane) : splat(0);
                        turn_over(some);
                        for (int k = 0; k < LANES; k++) pixels[k][i * side + j] = some[k];
                    }
                for (int k = 0; k < LANES; k++)
                    evaluate_square(side, pixels[k], to + ((t - tiles.first) * PAD + lane + k) * width + m, step);
            }
}

/* dW of some maps and one channel from the gradient of U: Gᵀ dU G. */
ALWAYS_INLINE void leave_gradient(const int window, const operation *o, const float *du, int64_t step, int64_t maps, float *dw, int begin) {
    const int taps = window * window, room = (window * window + LANES - 1) / LANES * LANES;
    float scaled[PLACES * LANES], by_map[LANES * PLACES];
    vector w[window * window];
    for (int i = 0; i < PLACES; i++)
        store(scaled + i * LANES, weight_at[i / POINTS] * weight_at[i % POINTS] * load(du + i * step));
    evaluate_square_transposed(window, scaled, LANES, w);
    transpose(room, LANES, taps, (const float *)w, LANES, by_map, room);
    for (int64_t m = 0; m < maps; m++)
        for (int t = 0; t < taps; t++)
            dw[m * o->in * taps + t] = (begin ? 0 : dw[m * o->in * taps + t]) + by_map[m * room + t];
}

ALWAYS_INLINE void winograd_gradient_by(const int window, const operation *o, const pass *p, range part, int thread) {
    const int64_t taps = window * window, maps = padded(o->out), step = place_step(o->in, maps);
    const tiling of = tiling_of(window, o->rows, o->columns);
    float *du = p->scratch + thread * p->scratch_size, *v = du + PLACES * step, *y = v + PLACES * place_step(o->in, TILES_ABREAST * PAD);
    for (int64_t e = part.first; e < part.last; e += PAD) {
        const float *dz = floats_of(p, o->y, e / PAD, thread);
        float *dw = part_of(o, p, o->out * o->in * taps + o->out, e);
        for (int64_t n = 0; n < tile_count(of.count, TILES_ABREAST); n++) {
            const range tiles = tile_range(of.count, TILES_ABREAST, n);
            const int64_t depth = (tiles.last - tiles.first) * PAD;
            tiles_of_x(o, of, tiles, floats_of(p, o->x, e / PAD, thread), v);
            maps_at_places(POINTS + 1 - window, o, of, tiles, dz, y);
            for (int64_t i = 0; i < PLACES; i++)
                product(o->in, maps, depth, (left_factor){v + i * place_step(o->in, depth), depth, 1}, y + i * place_step(depth, maps),
                        maps, (beginning){n ? du + i * step : NULL, maps, 1}, du + i * step, maps);
        }
        for (int64_t m = 0; m < o->out; m += LANES)
            for (int64_t c = 0; c < o->in; c++)
                leave_gradient(window, o, du + c * maps + m, step, o->out - m < LANES ? o->out - m : LANES,
                               dw + (m * o->in + c) * taps, e % p->part == 0);
        for (int64_t lane = 0; lane < PAD; lane += LANES)
            bias_gradient(o, dz + lane, NULL, dw + o->out * o->in * taps, lane == 0 && e % p->part == 0);
    }
}

/* For each window that pays a kernel of its own, whose loops are of constant length. */
#define BY_WINDOW(name, call)                                                              \
    static void name(const operation *o, const pass *p, range part, int thread) {          \
        if (o->side == 3) call(3);                                                         \
        else if (o->side == 5) call(5);                                                    \
        else call(7);                                                                      \
    }
#define WEIGHTS(window) ((void)part, weights_at_places(window, o, p, thread))
#define FORWARD(window) winograd_forward_by(window, 0, o, p, part, thread)
#define POOL_FORWARD(window) winograd_forward_by(window, 1, o, p, part, thread)
#define BACKWARD(window) winograd_backward_by(window, o, p, part, thread)
#define GRADIENT(window) winograd_gradient_by(window, o, p, part, thread)
BY_WINDOW(winograd_weights, WEIGHTS)
BY_WINDOW(winograd_forward, FORWARD)
BY_WINDOW(winograd_pool_forward, POOL_FORWARD)
BY_WINDOW(winograd_backward, BACKWARD)
BY_WINDOW(winograd_gradient, GRADIENT)

#endif
