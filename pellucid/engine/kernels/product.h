/* The matrix product, C = β C₀ + A B: the one loop nest that a dense network spends its time in.

   Why it is fast: a tile of C stays in registers while the whole depth goes by, so each element of A and B that is
   loaded is used as often as the registers allow; nothing is packed or copied first. A is read one number at a time
   and spread over a vector, which is why it may have any strides, and a transposed A costs nothing. */
#ifndef PELLUCID_PRODUCT_H
#define PELLUCID_PRODUCT_H

#include <stddef.h>

#include "vector.h"

/* A as it is read: A(i, k) = at[i * row + k * depth]. */
typedef struct {
    const float *at;
    int64_t row, depth;
} left_factor;

/* What a tile of C begins with: β · at[i * row + j], or 0 where at is NULL. With row = 0 it is one row for all. */
typedef struct {
    const float *at;
    int64_t row;
    float beta;
} beginning;

ALWAYS_INLINE void tile(const int rows, const int vectors, int64_t depth, left_factor a, const float *b,
                        int64_t b_row, beginning begin, float *c, int64_t c_row) {
    vector sum[TILE_ROWS][TILE_VECTORS];
    UNROLLED for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++)
            sum[i][j] = begin.at ? begin.beta * load(begin.at + i * begin.row + j * LANES) : splat(0);
    for (int64_t k = 0; k < depth; k++, b += b_row) {
        vector factor[TILE_VECTORS];
        for (int j = 0; j < vectors; j++) factor[j] = load(b + j * LANES);
        UNROLLED for (int i = 0; i < rows; i++) {
            const float spread = a.at[i * a.row + k * a.depth];
            for (int j = 0; j < vectors; j++) sum[i][j] += spread * factor[j];
        }
    }
    UNROLLED for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) store(c + i * c_row + j * LANES, sum[i][j]);
}

/* Tiles of constant size, so that the compiler keeps them in registers. */
typedef void tile_function(int64_t depth, left_factor a, const float *b, int64_t b_row, beginning begin, float *c,
                           int64_t c_row);
#define TILE(R, V)                                                                                                     \
    static void tile_##R##_##V(int64_t depth, left_factor a, const float *b, int64_t b_row, beginning begin, float *c, \
                               int64_t c_row) {                                                                        \
        tile(R, V, depth, a, b, b_row, begin, c, c_row);                                                               \
    }
#define TILES(V) TILE(1, V) TILE(2, V) TILE(3, V) TILE(4, V) TILE(5, V) TILE(6, V)
#define NAMES(V) {tile_1_##V, tile_2_##V, tile_3_##V, tile_4_##V, tile_5_##V, tile_6_##V}
#if TILE_VECTORS > 2
TILES(1) TILES(2) TILES(3) TILES(4)
static tile_function *const tiles[TILE_VECTORS][TILE_ROWS] = {NAMES(1), NAMES(2), NAMES(3), NAMES(4)};
#else
TILES(1) TILES(2)
static tile_function *const tiles[TILE_VECTORS][TILE_ROWS] = {NAMES(1), NAMES(2)};
#endif

/* C (rows, columns) = β C₀ + A (rows, depth) B (depth, columns); columns is a multiple of LANES. */
static void product(int64_t rows, int64_t columns, int64_t depth, left_factor a, const float *b, int64_t b_row,
                    beginning begin, float *c, int64_t c_row) {
    for (int64_t j = 0; j < columns; j += TILE_VECTORS * LANES) {
        int64_t vectors = (columns - j) / LANES < TILE_VECTORS ? (columns - j) / LANES : TILE_VECTORS;
        for (int64_t i = 0; i < rows; i += TILE_ROWS) {
            left_factor part = {a.at + i * a.row, a.row, a.depth};
            beginning from = {begin.at ? begin.at + i * begin.row + j : NULL, begin.row, begin.beta};
            int64_t height = rows - i < TILE_ROWS ? rows - i : TILE_ROWS;
            tiles[vectors - 1][height - 1](depth, part, b + j, b_row, from, c + i * c_row + j, c_row);
        }
    }
}

#endif
