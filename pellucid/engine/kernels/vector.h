/* Vectors of floats, as wide as the instruction set has them. The source is compiled once for each instruction set. */
#ifndef PELLUCID_VECTOR_H
#define PELLUCID_VECTOR_H

#include <stdint.h>

#include "plan.h"

#if defined(__AVX512F__)
#define LANES 16       /* floats in a vector */
#define TILE_VECTORS 4 /* vectors abreast in a tile: 6 × 4 sums, 4 vectors and a broadcast fill 29 of 32 registers */
#define TILE_MAPS 6    /* of a convolution, by 4 pixels or taps */
#elif defined(__AVX__)
#define LANES 8
#define TILE_VECTORS 2 /* 6 × 2 sums, 2 vectors and a broadcast fill 15 of 16 registers */
#define TILE_MAPS 2
#elif defined(__aarch64__)
#define LANES 4
#define TILE_VECTORS 4
#define TILE_MAPS 6
#else
#define LANES 4
#define TILE_VECTORS 2
#define TILE_MAPS 2
#endif

/* Before a loop whose steps touch nothing of each other, though the compiler cannot know. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* Before a loop of a constant number of turns: its tile's sums stay in registers from beginning to end only if GCC takes it
   apart early. */
#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 24")
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef float vector __attribute__((vector_size(4 * LANES)));
typedef float unaligned_vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

ALWAYS_INLINE vector load(const float *from) { return *(const unaligned_vector *)from; }

ALWAYS_INLINE void store(float *to, vector value) { *(unaligned_vector *)to = value; }

ALWAYS_INLINE vector splat(float value) { return value - (vector){0}; }

/* The same, kept in a register until its last use: GCC likes to load it again and again, and each load takes a cycle. */
ALWAYS_INLINE vector in_register(vector value) {
#if defined(__AVX512F__)
    __asm__("" : "+v"(value));
#endif
    return value;
}

/* What a comparison of vectors says: -1 where it is true, 0 where not. */
typedef int32_t mask __attribute__((vector_size(4 * LANES)));
typedef int32_t unaligned_mask __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

ALWAYS_INLINE vector choose(mask condition, vector yes, vector no) {
    return (vector)((condition & (mask)yes) | (~condition & (mask)no));
}

/* The sum of a vector's numbers, by halves; each line is one addition of vectors. */
#define ADD_HALVES(half) \
    if (LANES > half) for (int i = 0; i < half; i++) part[i] += part[i + half];

ALWAYS_INLINE float total(vector v) {
    float part[LANES];
    store(part, v);
    ADD_HALVES(8) ADD_HALVES(4) ADD_HALVES(2) ADD_HALVES(1)
    return part[0];
}

/* The sum of vectors whose numbers are those of PAD images abreast, of so many of the images. */
ALWAYS_INLINE float total_of_images(const vector *sums, int count, int64_t images) {
    float lanes[PAD] = {0}, sum = 0;
    for (int k = 0; k < count; k++)
        for (int i = 0; i < LANES; i++) lanes[(k * LANES + i) % PAD] += sums[k][i];
    for (int i = 0; i < PAD; i++) sum += i < images ? lanes[i] : 0;
    return sum;
}

/* A row of pixels of PAD images abreast of which there are only so many: the others become 0. */
ALWAYS_INLINE void clear_images(float *row, int64_t columns, int64_t images) {
    if (images < PAD)
        for (int64_t j = 0; j < columns; j++)
            for (int64_t i = images; i < PAD; i++) row[j * PAD + i] = 0;
}

#endif
