/* A convolution with fewer multiplications: Winograd's, after Toom and Cook (S. Winograd, 1980; A. Lavin and S. Gray, 2016).

   Multiplying two polynomials takes as many multiplications as the product has coefficients, if each factor is evaluated at
   that many points, the values are multiplied, and the product is interpolated from its values. A convolution is the
   transpose of such a product: z = Aᵀ ((G w Gᵀ) ⊙ (Bᵀ x B)) A, where A and G evaluate polynomials and Bᵀ is the transpose
   of an interpolation. For 8 points a tile of 8×8 pixels of x gives 4×4 pixels of z with a window of 5×5, in 64
   multiplications and not 400; 6×6 pixels with a window of 3×3, in 64 and not 324. Its way back is the transpose again.

   Images that lie abreast are what it likes best: evaluating and interpolating are additions of vectors. With the points
   0, ±1, ±2, ±1/2 and ∞ its rounding errors are eight to eighteen times those of the plain sum, docs/convolution.md. */
#ifndef PELLUCID_WINOGRAD_H
#define PELLUCID_WINOGRAD_H

#include "vector.h"

#define PLACES (POINTS * POINTS) /* pairs of points, of which number 0 is 0 and the last is ∞ */

/* Of ±1, ±2 and ±1/2. */
static const float power[3][POINTS - 1] = {
    {1, 1, 1, 1, 1, 1, 1}, {1, 2, 4, 8, 16, 32, 64}, {1, 1.f / 2, 1.f / 4, 1.f / 8, 1.f / 16, 1.f / 32, 1.f / 64}};
/* What G's rows have beside the powers: 1 over the product of a point's distances from the others. */
static const float weight_at[POINTS] = {1,         -2.f / 9,  -2.f / 9,  1.f / 90,
                                        1.f / 90, 32.f / 45, 32.f / 45, 1};

/* v = A y: the values of Σ y[i] Xⁱ; at ∞ its last coefficient. A point and its negative share their halves. */
ALWAYS_INLINE void evaluate(const int count, const vector *y, vector *v) {
    v[0] = y[0];
    v[POINTS - 1] = y[count - 1];
    UNROLLED for (int k = 0; k < 3; k++) {
        vector even = y[0], odd = power[k][1] * y[1];
        UNROLLED for (int i = 2; i < count; i += 2) even += power[k][i] * y[i];
        UNROLLED for (int i = 3; i < count; i += 2) odd += power[k][i] * y[i];
        v[1 + 2 * k] = even + odd;
        v[2 + 2 * k] = even - odd;
    }
}

/* y = Aᵀ v. */
ALWAYS_INLINE void evaluate_transposed(const int count, const vector *v, vector *y) {
    vector sum[3], difference[3];
    UNROLLED for (int k = 0; k < 3; k++) {
        sum[k] = v[1 + 2 * k] + v[2 + 2 * k];
        difference[k] = v[1 + 2 * k] - v[2 + 2 * k];
    }
    UNROLLED for (int i = 0; i < count; i++) {
        const vector *half = i % 2 ? difference : sum;
        y[i] = half[0] + power[1][i] * half[1] + power[2][i] * half[2];
        if (i == 0) y[i] += v[0];
        if (i == count - 1) y[i] += v[POINTS - 1];
    }
}

/* v = Bᵀ x. */
ALWAYS_INLINE void interpolate_transposed(const vector *x, vector *v) {
    v[0] = x[0] - x[6] + 5.25f * (x[4] - x[2]);
    v[7] = x[7] - x[1] + 5.25f * (x[3] - x[5]);
    const vector even[3] = {x[2] + x[6] - 4.25f * x[4], x[6] + .25f * x[2] - 1.25f * x[4], x[6] + 4 * x[2] - 5 * x[4]};
    const vector odd[3] = {x[1] + x[5] - 4.25f * x[3], .5f * x[1] - 2.5f * x[3] + 2 * x[5], 2 * x[1] - 2.5f * x[3] + .5f * x[5]};
    UNROLLED for (int k = 0; k < 3; k++) {
        v[1 + 2 * k] = even[k] + odd[k];
        v[2 + 2 * k] = even[k] - odd[k];
    }
}

/* x = B v. */
ALWAYS_INLINE void interpolate(const vector *v, vector *x) {
    vector sum[3], difference[3];
    UNROLLED for (int k = 0; k < 3; k++) {
        sum[k] = v[1 + 2 * k] + v[2 + 2 * k];
        difference[k] = v[1 + 2 * k] - v[2 + 2 * k];
    }
    x[0] = v[0];
    x[1] = difference[0] + .5f * difference[1] + 2 * difference[2] - v[7];
    x[2] = sum[0] + .25f * sum[1] + 4 * sum[2] - 5.25f * v[0];
    x[3] = 5.25f * v[7] - 4.25f * difference[0] - 2.5f * (difference[1] + difference[2]);
    x[4] = 5.25f * v[0] - 4.25f * sum[0] - 1.25f * sum[1] - 5 * sum[2];
    x[5] = difference[0] + 2 * difference[1] + .5f * difference[2] - 5.25f * v[7];
    x[6] = sum[0] + sum[1] + sum[2] - v[0];
    x[7] = v[7];
}

/* The values of a square of count × count coefficients at all places, `step` apart: A y Aᵀ. */
ALWAYS_INLINE void evaluate_square(const int count, const vector *y, float *to, int64_t step) {
    vector half[POINTS][POINTS]; /* column by column */
    for (int j = 0; j < count; j++) {
        vector column[POINTS];
        UNROLLED for (int i = 0; i < count; i++) column[i] = y[i * count + j];
        evaluate(count, column, half[j]);
    }
    for (int i = 0; i < POINTS; i++) {
        vector row[POINTS], v[POINTS];
        UNROLLED for (int j = 0; j < count; j++) row[j] = half[j][i];
        evaluate(count, row, v);
        UNROLLED for (int j = 0; j < POINTS; j++) store(to + (i * POINTS + j) * step, v[j]);
    }
}

/* Aᵀ v A of the numbers at all places. */
ALWAYS_INLINE void evaluate_square_transposed(const int count, const float *from, int64_t step, vector *y) {
    vector half[POINTS][POINTS]; /* column by column */
    for (int j = 0; j < POINTS; j++) {
        vector column[POINTS];
        UNROLLED for (int i = 0; i < POINTS; i++) column[i] = load(from + (i * POINTS + j) * step);
        evaluate_transposed(count, column, half[j]);
    }
    for (int i = 0; i < count; i++) {
        vector row[POINTS];
        UNROLLED for (int j = 0; j < POINTS; j++) row[j] = half[j][i];
        evaluate_transposed(count, row, y + i * count);
    }
}

/* A square of pixels in an image, PAD apart in rows; beyond so many rows and columns there are none. */
typedef struct {
    int64_t row, rows, columns;
} square;

/* Bᵀ x B of a tile of x; what lies outside is 0. */
ALWAYS_INLINE void interpolate_square_transposed(const float *x, square of, float *to, int64_t step) {
    vector half[POINTS][POINTS]; /* row by row */
    for (int i = 0; i < POINTS; i++) {
        vector row[POINTS];
        UNROLLED for (int j = 0; j < POINTS; j++)
            row[j] = i < of.rows && j < of.columns ? load(x + i * of.row + j * PAD) : splat(0);
        interpolate_transposed(row, half[i]);
    }
    for (int j = 0; j < POINTS; j++) {
        vector column[POINTS], v[POINTS];
        UNROLLED for (int i = 0; i < POINTS; i++) column[i] = half[i][j];
        interpolate_transposed(column, v);
        UNROLLED for (int i = 0; i < POINTS; i++) store(to + (i * POINTS + j) * step, v[i]);
    }
}

/* B v Bᵀ of the numbers at all places. */
ALWAYS_INLINE void interpolate_square(const float *from, int64_t step, vector x[POINTS][POINTS]) {
    vector half[POINTS][POINTS]; /* column by column */
    for (int j = 0; j < POINTS; j++) {
        vector column[POINTS];
        UNROLLED for (int i = 0; i < POINTS; i++) column[i] = load(from + (i * POINTS + j) * step);
        interpolate(column, half[j]);
    }
    for (int i = 0; i < POINTS; i++) {
        vector row[POINTS];
        UNROLLED for (int j = 0; j < POINTS; j++) row[j] = half[j][i];
        interpolate(row, x[i]);
    }
}

#endif
