/* Numbers that change places between vectors: squares of numbers turned over, and vectors that are added up.

   Both are the same network: in log₂ LANES rounds, pairs of vectors exchange their halves, quarters, eighths and so on. */
#ifndef PELLUCID_SHUFFLE_H
#define PELLUCID_SHUFFLE_H

#include "vector.h"

#if defined(__clang__)
#define SHUFFLE(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif
#define TO_4(X, n, h) X(n, h, 0), X(n, h, 1), X(n, h, 2), X(n, h, 3)
#define TO_8(X, n, h) TO_4(X, n, h), X(n, h, 4), X(n, h, 5), X(n, h, 6), X(n, h, 7)
#define TO_16(X, n, h)                                                                                       \
    TO_8(X, n, h), X(n, h, 8), X(n, h, 9), X(n, h, 10), X(n, h, 11), X(n, h, 12), X(n, h, 13), X(n, h, 14), X(n, h, 15)
#if LANES == 16
#define TO_LANES TO_16
#elif LANES == 8
#define TO_LANES TO_8
#else
#define TO_LANES TO_4
#endif

/* Of each block of 2h of the n numbers, the first halves of a and b one behind the other, or the second halves. */
#define FIRST_HALF(n, h, i) ((i) % (2 * (h)) < (h) ? (i) : (n) + (i) - (h))
#define SECOND_HALF(n, h, i) ((i) % (2 * (h)) < (h) ? (i) + (h) : (n) + (i))
#define FIRST_HALVES(a, b, h) SHUFFLE(mask, a, b, TO_LANES(FIRST_HALF, LANES, h))
#define SECOND_HALVES(a, b, h) SHUFFLE(mask, a, b, TO_LANES(SECOND_HALF, LANES, h))

#define FOLD(h) \
    for (int i = 0; i < h; i++) v[i] = FIRST_HALVES(v[i], v[i + h], h) + SECOND_HALVES(v[i], v[i + h], h)
#define EXCHANGE(h)                                                                                          \
    for (int i = 0; i < LANES; i++)                                                                          \
        if (!(i & h)) {                                                                                      \
            const vector first = FIRST_HALVES(v[i], v[i + h], h), second = SECOND_HALVES(v[i], v[i + h], h); \
            v[i] = first, v[i + h] = second;                                                                 \
        }

/* The sums of LANES vectors' numbers, in one vector; v is used up. */
ALWAYS_INLINE vector totals(vector v[LANES]) {
#if LANES == 16
    FOLD(8);
#endif
#if LANES >= 8
    FOLD(4);
#endif
    FOLD(2);
    FOLD(1);
    return v[0];
}

/* Number j of vector i changes places with number i of vector j. */
ALWAYS_INLINE void turn_over(vector v[LANES]) {
#if LANES == 16
    EXCHANGE(8)
#endif
#if LANES >= 8
    EXCHANGE(4)
#endif
    EXCHANGE(2)
    EXCHANGE(1)
}

typedef uint8_t bytes __attribute__((vector_size(16)));
typedef uint8_t unaligned_bytes __attribute__((vector_size(16), aligned(1), may_alias));

#define EXCHANGE_BYTES(h)                                                                        \
    for (int i = 0; i < 16; i++)                                                                 \
        if (!(i & h)) {                                                                          \
            const bytes first = SHUFFLE(bytes, v[i], v[i + h], TO_16(FIRST_HALF, 16, h));        \
            const bytes second = SHUFFLE(bytes, v[i], v[i + h], TO_16(SECOND_HALF, 16, h));      \
            v[i] = first, v[i + h] = second;                                                     \
        }

/* The same of 16 by 16 bytes. */
ALWAYS_INLINE void turn_over_bytes(bytes v[16]) {
    EXCHANGE_BYTES(8)
    EXCHANGE_BYTES(4)
    EXCHANGE_BYTES(2)
    EXCHANGE_BYTES(1)
}

/* to (columns, rows) = from (rows, columns) transposed; rows that are missing from `height` become 0. Whole vectors are read
   and written: rows is a multiple of LANES, and behind the columns of `from` there is room up to the next multiple. */
static void transpose(int64_t rows, int64_t columns, int64_t height, const float *from, int64_t from_row, float *to,
                      int64_t to_row) {
    for (int64_t i = 0; i < rows; i += LANES)
        for (int64_t j = 0; j < columns; j += LANES) {
            vector square[LANES];
            for (int k = 0; k < LANES; k++) square[k] = i + k < height ? load(from + (i + k) * from_row + j) : splat(0);
            turn_over(square);
            for (int k = 0; k < LANES && j + k < columns; k++) store(to + (j + k) * to_row + i, square[k]);
        }
}

#endif
