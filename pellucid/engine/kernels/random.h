/* The counter generator Philox4x32-10, and the layers that draw from it: dropout and Gaussian noise.

   A number depends on the key (seed, purpose, layer) and the counter (element, position in the batch, step) alone, so
   threads, engines and resumed runs draw the same ones.
   Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011. */

#include "elementary.h"

/* The words of the elements 0 to `count` of one example. No group waits for the one before, so the loop becomes vectors. */
static void words_of(const uint32_t key[2], int64_t position, int64_t step, int64_t count, uint32_t *words) {
    for (int64_t group = 0; group < (count + 3) / 4; group++) {
        uint32_t c0 = (uint32_t)group, c1 = (uint32_t)position;
        uint32_t c2 = (uint32_t)step, c3 = (uint32_t)((uint64_t)step >> 32);
        uint32_t k0 = key[0], k1 = key[1];
        for (int round = 0; round < 10; round++) {
            const uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
            const uint32_t c1_before = c1, c3_before = c3;
            c0 = (uint32_t)(b >> 32) ^ c1_before ^ k0;
            c1 = (uint32_t)b;
            c2 = (uint32_t)(a >> 32) ^ c3_before ^ k1;
            c3 = (uint32_t)a;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        words[4 * group] = c0;
        words[4 * group + 1] = c1;
        words[4 * group + 2] = c2;
        words[4 * group + 3] = c3;
    }
}

/* y = m x with m = kept / (1 - rate); m is kept for the backward pass. */
static void dropout_forward(const operation *o, const pass *p, range part, int thread) {
    uint32_t *words = (uint32_t *)(p->scratch + thread * p->scratch_size);
    const double limit = rint(o->number * 4294967296.0);
    const uint32_t threshold = limit < 4294967295.0 ? (uint32_t)limit : 4294967295u;
    const float kept = (float)(1 / (1 - o->number));
    for (int64_t e = part.first; e < part.last; e++) {
        const float *x = floats_of(p, o->x, e, thread);
        float *y = floats_of(p, o->y, e, thread), *m = floats_of(p, o->kept, e, thread);
        words_of(o->key, e, p->step, o->out, words);
        for (int64_t i = 0; i < o->out; i++) m[i] = words[i] >= threshold ? kept : 0.0f;
        for (int64_t i = 0; i < o->out; i++) y[i] = x[i] * m[i];
    }
}

/* y = x + σ n, with n by Box and Muller's method (1958): two words make two independent normal numbers. */
static void noise_forward(const operation *o, const pass *p, range part, int thread) {
    uint32_t *words = (uint32_t *)(p->scratch + thread * p->scratch_size);
    float *normal = (float *)words + padded(o->out);
    const float sigma = (float)o->number;
    for (int64_t e = part.first; e < part.last; e++) {
        const float *x = floats_of(p, o->x, e, thread);
        float *y = floats_of(p, o->y, e, thread);
        words_of(o->key, e, p->step, o->out, words);
        for (int64_t i = 0; i < o->out; i += 2) {
            float cosine, sine;
            const float u = ((float)words[i] + 0.5f) * 0x1p-32f, below = ((float)~words[i] + 0.5f) * 0x1p-32f;
            const float r = sqrtf(-2.0f * natural_logarithm(u, below));
            turn((float)words[i + 1] * 0x1p-32f, &cosine, &sine);
            normal[i] = r * cosine;
            normal[i + 1] = r * sine;
        }
        for (int64_t i = 0; i < o->out; i++) y[i] = x[i] + sigma * normal[i];
    }
}
