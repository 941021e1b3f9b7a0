/* The same convolution in eight versions, from the formula to the kernels that train; ladder.py builds and times them.

   x is (B, C, H, W) and z (B, M, H', W'); from the fourth version on, (B / 16, C, H, W, 16) and (B / 16, M, H', W', 16). */

#include <stdlib.h>
#include <string.h>

#include "convolution.h"
#include "peak.h"
#include "product.h"
#include "winograd_rows.h"

typedef struct {
    int64_t batch, channels, height, width, maps, side, rows, columns;
} sizes;

typedef void version(const sizes *s, const float *w, const float *bias, const float *x, float *z);

/* 1. The formula, as it stands. */
static void by_the_formula(const sizes *s, const float *w, const float *bias, const float *x, float *z) {
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t m = 0; m < s->maps; m++)
            for (int64_t i = 0; i < s->rows; i++)
                for (int64_t j = 0; j < s->columns; j++) {
                    float sum = bias[m];
                    for (int64_t c = 0; c < s->channels; c++)
                        for (int64_t u = 0; u < s->side; u++)
                            for (int64_t v = 0; v < s->side; v++)
                                sum += w[((m * s->channels + c) * s->side + u) * s->side + v] *
                                       x[((b * s->channels + c) * s->height + i + u) * s->width + j + v];
                    z[((b * s->maps + m) * s->rows + i) * s->columns + j] = sum;
                }
}

/* 2. Pixels innermost: the compiler puts those of a row into vectors, and one weight serves all of them. */
static void pixels_innermost(const sizes *s, const float *w, const float *bias, const float *x, float *z) {
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t m = 0; m < s->maps; m++)
            for (int64_t i = 0; i < s->rows; i++) {
                float *to = z + ((b * s->maps + m) * s->rows + i) * s->columns;
                for (int64_t j = 0; j < s->columns; j++) to[j] = bias[m];
                for (int64_t c = 0; c < s->channels; c++)
                    for (int64_t u = 0; u < s->side; u++)
                        for (int64_t v = 0; v < s->side; v++) {
                            const float weight = w[((m * s->channels + c) * s->side + u) * s->side + v];
                            const float *from = x + ((b * s->channels + c) * s->height + i + u) * s->width + v;
                            INDEPENDENT for (int64_t j = 0; j < s->columns; j++) to[j] += weight * from[j];
                        }
            }
}

/* 3. A matrix product: the windows of an image are written side by side, (C·K·K, H'·W'), and W is multiplied with them. */
static void matrix_product(const sizes *s, const float *w, const float *bias, const float *x, float *z) {
    const int64_t depth = s->channels * s->side * s->side, places = s->rows * s->columns, width = padded(places);
    float *windows = aligned_alloc(64, (size_t)((depth + s->maps) * width) * sizeof *windows);
    float *product_of = windows + depth * width;
    for (int64_t b = 0; b < s->batch; b++) {
        for (int64_t k = 0; k < depth; k++) {
            const int64_t c = k / (s->side * s->side), u = k / s->side % s->side, v = k % s->side;
            for (int64_t i = 0; i < s->rows; i++)
                memcpy(windows + k * width + i * s->columns,
                       x + ((b * s->channels + c) * s->height + i + u) * s->width + v, (size_t)s->columns * sizeof *x);
        }
        product(s->maps, width, depth, (left_factor){w, depth, 1}, windows, width, (beginning){0}, product_of, width);
        for (int64_t m = 0; m < s->maps; m++)
            for (int64_t n = 0; n < places; n++) z[(b * s->maps + m) * places + n] = product_of[m * width + n] + bias[m];
    }
    free(windows);
}

/* 4. Images in the lanes: one vector holds a pixel of 16 images. Nothing is copied and no pixel is left over, but each
      product waits for the sum before it. */
static void images_abreast(const sizes *s, const float *w, const float *bias, const float *x, float *z) {
    for (int64_t b = 0; b < s->batch / PAD; b++)
        for (int64_t m = 0; m < s->maps; m++)
            for (int64_t i = 0; i < s->rows; i++)
                for (int64_t j = 0; j < s->columns; j++)
                    for (int64_t lane = 0; lane < PAD; lane += LANES) {
                        vector sum = splat(bias[m]);
                        for (int64_t c = 0; c < s->channels; c++)
                            for (int64_t u = 0; u < s->side; u++)
                                for (int64_t v = 0; v < s->side; v++)
                                    sum += w[((m * s->channels + c) * s->side + u) * s->side + v] *
                                           load(x + (((b * s->channels + c) * s->height + i + u) * s->width + j + v) * PAD + lane);
                        store(z + (((b * s->maps + m) * s->rows + i) * s->columns + j) * PAD + lane, sum);
                    }
}

/* The geometry that the kernels of the engine are told. */
static operation operation_of(const sizes *s) {
    const int64_t row = s->width * PAD, row_of_z = s->columns * PAD;
    return (operation){
        .x = {0, s->channels * s->height * row, 0, s->height * row, row},
        .y = {0, s->maps * s->rows * row_of_z, 0, s->rows * row_of_z, row_of_z},
        .in = s->channels, .out = s->maps, .rows = s->rows, .columns = s->columns, .side = s->side, .stride = 1,
    };
}

/* 5 and 6. Tiles that stay in registers: so many maps by so many pixels. Each weight serves all pixels of the tile, each pixel all
   maps, and 24 sums wait for nobody. */
static void tiles_of(const int maps, const int pixels, const sizes *s, const float *w, const float *bias, const float *x,
                     float *z) {
    const operation o = operation_of(s);
    const int64_t taps = s->side * s->side, fan_in = s->channels * taps;
    const loop over[3] = {{s->channels, taps, o.x.plane}, {s->side, s->side, o.x.row}, {s->side, 1, PAD}};
    for (int64_t b = 0; b < s->batch / PAD; b++)
        for (int64_t lane = 0; lane < PAD; lane += LANES)
            for (int64_t i = 0; i < s->rows; i++)
                for (int64_t t = 0; t < tile_count(s->columns, pixels); t++)
                    for (int64_t n = 0; n < tile_count(s->maps, maps); n++) {
                        const range j = tile_range(s->columns, pixels, t), m = tile_range(s->maps, maps, n);
                        const target to = {z + b * o.y.unit + m.first * o.y.plane + i * o.y.row + j.first * PAD + lane,
                                           o.y.plane, PAD, 0, NULL};
                        map_tiles[m.last - m.first - 1][j.last - j.first - 1](
                            over, w + m.first * fan_in, fan_in, bias + m.first,
                            x + b * o.x.unit + i * o.x.row + j.first * PAD + lane, PAD, 0, &to);
                    }
}

static void tiles_of_pixels(const sizes *s, const float *w, const float *bias, const float *x, float *z) {
    tiles_of(1, TILE_PIXELS, s, w, bias, x, z);
}

static void tiles_of_maps_by_pixels(const sizes *s, const float *w, const float *bias, const float *x, float *z) {
    tiles_of(TILE_MAPS, TILE_PIXELS, s, w, bias, x, z);
}

/* U = G w Gᵀ as (64, maps, channels), as many pairs of map and channel at a time as there are in a vector. */
ALWAYS_INLINE void values_of_weights(const int window, int64_t pairs, const float *w, float *u) {
    for (int64_t n = 0; n < pairs; n += LANES) {
        vector taps[window * window];
        for (int t = 0; t < window * window; t++)
            for (int lane = 0; lane < LANES; lane++) taps[t][lane] = w[(n + lane) * window * window + t];
        evaluate_square(window, taps, u + n, pairs);
        for (int i = 0; i < PLACES; i++)
            store(u + i * pairs + n, weight_at[i / POINTS] * weight_at[i % POINTS] * load(u + i * pairs + n));
    }
}

/* Where tile t begins in images with such rows; the last ones of a row or column overlap with those before. */
ALWAYS_INLINE int64_t corner(const sizes *s, int64_t side, int64_t t, int64_t image_row) {
    const int64_t across = tile_count(s->columns, side), row = t / across * side, column = t % across * side;
    return (row < s->rows - side ? row : s->rows - side) * image_row +
           (column < s->columns - side ? column : s->columns - side) * PAD;
}

/* 7. Fewer multiplications (Winograd): of two polynomials the values at eight points are multiplied, in each direction, which
      makes a matrix product for each of the 64 pairs of points. winograd.h has what leads there and back: additions. */
ALWAYS_INLINE void by_winograd(const int window, const sizes *s, const float *w, const float *bias, const float *x, float *z) {
    const operation o = operation_of(s);
    const int side = POINTS + 1 - window;
    const int64_t pairs = s->maps * s->channels, count = tile_count(s->columns, side) * tile_count(s->rows, side);
    const int64_t step_v = s->channels * TILES_ABREAST * PAD + PAD, step_y = s->maps * TILES_ABREAST * PAD + PAD;
    float *u = aligned_alloc(64, (size_t)(PLACES * (pairs + step_v + step_y)) * sizeof *u);
    float *v = u + PLACES * pairs, *y = v + PLACES * step_v;
    values_of_weights(window, pairs, w, u);
    for (int64_t b = 0; b < s->batch / PAD; b++)
        for (int64_t n = 0; n < tile_count(count, TILES_ABREAST); n++) {
            const range tiles = tile_range(count, TILES_ABREAST, n);
            const int64_t abreast = (tiles.last - tiles.first) * PAD;
            for (int64_t c = 0; c < s->channels; c++) /* V = Bᵀ x B */
                for (int64_t k = 0; k < abreast; k += LANES) {
                    const float *from = x + b * o.x.unit + c * o.x.plane + corner(s, side, tiles.first + k / PAD, o.x.row) + k % PAD;
                    interpolate_square_transposed(from, (square){o.x.row, POINTS, POINTS}, v + c * abreast + k, step_v);
                }
            for (int64_t i = 0; i < PLACES; i++) /* Y = U V */
                product(s->maps, abreast, s->channels, (left_factor){u + i * pairs, s->channels, 1}, v + i * step_v, abreast,
                        (beginning){0}, y + i * step_y, abreast);
            for (int64_t m = 0; m < s->maps; m++) /* z = Aᵀ Y A */
                for (int64_t k = 0; k < abreast; k += LANES) {
                    vector tile[side * side];
                    evaluate_square_transposed(side, y + m * abreast + k, step_y, tile);
                    float *to = z + b * o.y.unit + m * o.y.plane + corner(s, side, tiles.first + k / PAD, o.y.row) + k % PAD;
                    for (int i = 0; i < side; i++)
                        for (int j = 0; j < side; j++) store(to + i * o.y.row + j * PAD, tile[i * side + j] + bias[m]);
                }
        }
    free(u);
}

static void fewer_multiplications(const sizes *s, const float *w, const float *bias, const float *x, float *z) {
    if (s->side == 3) by_winograd(3, s, w, bias, x, z);
    else by_winograd(5, s, w, bias, x, z);
}

/* 8. The same along the rows alone, as winograd_rows.h has it: in an arena, whose places are counted from where w lies. */
static void along_the_rows(const sizes *s, const float *w, const float *bias, const float *x, float *z) {
    const int64_t rows = s->maps * s->channels * s->side, weights = rows * s->side, before = padded(weights + s->maps);
    const int64_t scratch = before + padded(rows * POINTS), most_tiles = s->channels * s->height * s->columns;
    float *arena = aligned_alloc(64, (size_t)(scratch + most_tiles * POINTS * PAD) * sizeof *arena);
    memcpy(arena, w, (size_t)weights * sizeof *w);
    memcpy(arena + weights, bias, (size_t)s->maps * sizeof *bias);
    const pass p = {.arena = arena, .scratch = arena + scratch};
    operation o = operation_of(s), first = o;
    o.x.place = x - arena, o.y.place = z - arena, o.also.place = first.y.place = before;
    winograd_rows_weights(&first, &p, (range){0, s->batch}, 0);
    winograd_rows_forward(&o, &p, (range){0, s->batch}, 0);
    free(arena);
}

static const struct {
    const char *name;
    version *run;
    int abreast;
} versions[] = {
    {"the formula", by_the_formula, 0},
    {"pixels innermost", pixels_innermost, 0},
    {"a matrix product", matrix_product, 0},
    {"images in the lanes", images_abreast, 1},
    {"tiles of 4 pixels", tiles_of_pixels, 1},
    {"tiles of maps by pixels", tiles_of_maps_by_pixels, 1},
    {"fewer multiplications", fewer_multiplications, 1},
    {"fewer, along the rows alone", along_the_rows, 1},
};

const char *version_name(int number) { return number < (int)(sizeof versions / sizeof *versions) ? versions[number].name : NULL; }

int version_abreast(int number) { return versions[number].abreast; }

/* The forward pass so many times over. */
void run(int number, int64_t times, const sizes *s, const float *w, const float *bias, const float *x, float *z) {
    for (int64_t n = 0; n < times; n++) versions[number].run(s, w, bias, x, z);
}

/* So many rounds of products and sums that never leave the registers; returns how many there were. */
int64_t most(int64_t rounds, float *numbers) {
    double loss;
    int64_t of_a_round;
    const operation o = {.in = rounds};
    const pass p = {.arena = numbers, .scratch = numbers, .losses = &loss, .correct = &of_a_round};
    peak(&o, &p, (range){0, 1}, 0);
    return of_a_round * rounds;
}
