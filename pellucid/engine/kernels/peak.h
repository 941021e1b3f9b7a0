/* How many multiplications and additions the machine can do at best: `in` rounds of a tile that never leaves its
   registers, on every thread. Benchmarks measure the other kernels by it. */

#include "vector.h"

static void peak(const operation *o, const pass *p, range part, int thread) {
    vector sums[TILE_ROWS * TILE_VECTORS];
    const vector factor = load(p->arena + o->x.place), addend = load(p->arena + o->x.place + PAD);
    (void)part;
    for (int i = 0; i < TILE_ROWS * TILE_VECTORS; i++) sums[i] = splat((float)i);
    for (int64_t k = 0; k < o->in; k++)
        UNROLLED for (int i = 0; i < TILE_ROWS * TILE_VECTORS; i++) sums[i] = sums[i] * factor + addend;
    vector sum = splat(0);
    for (int i = 0; i < TILE_ROWS * TILE_VECTORS; i++) sum += sums[i];
    store(p->scratch + thread * p->scratch_size, sum); /* so that it is not left out */
    if (thread == 0) p->losses[0] = 0, p->correct[0] = TILE_ROWS * TILE_VECTORS * LANES * 2; /* operations of a round and thread */
}
