/* The field of an elastic distortion: d = α G u Gᵀ, random bytes smoothed along both axes.

   Why it is fast: the generator fills whole vectors, since no word waits for another; and smoothing is two products
   with matrices that stay in the cache, by the loop nest of a dense layer, which passes over what lies outside of the
   Gaussian's band. The fields for rows and for columns go through them together.

   Source: Simard, Steinkraus, Platt, "Best practices for convolutional neural networks", 2003. */

#include "product.h"

/* 128 u of the image at this place of the data set: rows in turn of the field for rows and of that for columns, which
   have `padded(width)` numbers; those beyond the width mean nothing. */
static void noise_of(const distortions *d, int64_t index, uint32_t *words, float *u) {
    const int64_t area = d->height * d->width, row = padded(d->width);
    words_of(d->key, index, 1, (2 * area + 3) / 4, words);
    const uint8_t *bytes = (const uint8_t *)words; /* the lowest byte of each word first */
    for (int64_t i = 0; i < d->height; i++)
        for (int field = 0; field < 2; field++, u += row) {
            const uint8_t *from = bytes + field * area + i * d->width;
            INDEPENDENT
            for (int64_t j = 0; j < row; j++) u[j] = (float)from[j] - 127.5f;
        }
}

/* The displacements, lying as u. */
static void field_of(const distortions *d, int64_t index, uint32_t *words, float *half_smooth, float *field) {
    const int64_t row = padded(d->width), both = 2 * row;
    const beginning zero = {0};
    noise_of(d, index, words, field);
    for (int64_t i = 0; i < d->height; i += TILE_ROWS) {
        const int64_t rows = d->height - i < TILE_ROWS ? d->height - i : TILE_ROWS;
        const int64_t first = i < d->radius ? 0 : i - d->radius;
        const int64_t last = d->height - i - rows < d->radius ? d->height : i + rows + d->radius;
        product(rows, both, last - first, (left_factor){d->down + i * d->height + first, d->height, 1},
                field + first * both, both, zero, half_smooth + i * both, both);
    }
    for (int64_t j = 0; j < row; j += TILE_VECTORS * LANES) {
        const int64_t columns = row - j < TILE_VECTORS * LANES ? row - j : TILE_VECTORS * LANES;
        const int64_t first = j < d->radius ? 0 : j - d->radius;
        const int64_t last = d->width - j - columns < d->radius ? d->width : j + columns + d->radius;
        product(2 * d->height, columns, last - first, (left_factor){half_smooth + first, row, 1},
                d->across + first * row + j, row, zero, field + j, row);
    }
}
