/* The counter generator Philox4x32-10, and the layers that draw from it: dropout and Gaussian noise.

   A number depends on the key (seed, purpose, layer) and the counter (element, position in the batch, step) alone, so
   threads, engines and resumed runs draw the same ones.
   Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011. */

#include "elementary.h"

/* Four words of the counter (group of four elements, position in the batch, step). */
ALWAYS_INLINE void four_words(const uint32_t key[2], int64_t step, uint32_t group, uint32_t position, uint32_t words[4]) {
    uint32_t c0 = group, c1 = position, c2 = (uint32_t)step, c3 = (uint32_t)((uint64_t)step >> 32);
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
    words[0] = c0, words[1] = c1, words[2] = c2, words[3] = c3;
}

/* The words of the elements 0 to `count` of one example. No group waits for the one before, so the loop becomes vectors. */
static void words_of(const uint32_t key[2], int64_t position, int64_t step, int64_t count, uint32_t *words) {
    for (int64_t group = 0; group < (count + 3) / 4; group++) {
        uint32_t four[4];
        four_words(key, step, (uint32_t)group, (uint32_t)position, four);
        for (int i = 0; i < 4; i++) words[4 * group + i] = four[i];
    }
}

/* Those of four neighbouring elements of PAD examples, as images lie abreast. */
static void words_abreast(const operation *o, const pass *p, int64_t group, int64_t position, uint32_t words[4][PAD]) {
    for (int lane = 0; lane < PAD; lane++) {
        uint32_t four[4];
        four_words(o->key, p->step, (uint32_t)group, (uint32_t)(position + lane), four);
        for (int i = 0; i < 4; i++) words[i][lane] = four[i];
    }
}

/* What is kept, and the first of the 2³² words that keeps its element. */
typedef struct {
    float kept;
    uint32_t threshold;
} chance;

static chance chance_of(double rate) {
    const double limit = rint(rate * 4294967296.0);
    return (chance){(float)(1 / (1 - rate)), limit < 4294967295.0 ? (uint32_t)limit : 4294967295u};
}

/* y = m x with m = kept / (1 - rate); m is kept for the backward pass. */
static void dropout_forward(const operation *o, const pass *p, range part, int thread) {
    uint32_t *words = (uint32_t *)(p->scratch + thread * p->scratch_size);
    const chance c = chance_of(o->number);
    for (int64_t e = part.first; e < part.last; e++) {
        const float *x = floats_of(p, o->x, e, thread);
        float *y = floats_of(p, o->y, e, thread), *m = floats_of(p, o->kept, e, thread);
        words_of(o->key, e, p->step, o->out, words);
        for (int64_t i = 0; i < o->out; i++) m[i] = words[i] >= c.threshold ? c.kept : 0.0f;
        for (int64_t i = 0; i < o->out; i++) y[i] = x[i] * m[i];
    }
}

static void dropout_abreast_forward(const operation *o, const pass *p, range part, int thread) {
    const chance c = chance_of(o->number);
    const int64_t pixels = o->out * o->rows * o->columns;
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t first = 0; first < pixels; first += 4) {
            uint32_t words[4][PAD];
            words_abreast(o, p, first / 4, e, words);
            for (int64_t n = first; n < pixels && n < first + 4; n++) {
                const float *x = pixel_of(o, p, o->x, e / PAD, n, thread);
                float *y = pixel_of(o, p, o->y, e / PAD, n, thread), *m = pixel_of(o, p, o->kept, e / PAD, n, thread);
                for (int i = 0; i < PAD; i++) m[i] = words[n - first][i] >= c.threshold ? c.kept : 0.0f;
                for (int i = 0; i < PAD; i++) y[i] = x[i] * m[i];
            }
        }
}

/* Two independent numbers of the standard normal distribution from two words, by Box and Muller's method (1958). */
ALWAYS_INLINE void normal_pair(uint32_t first, uint32_t second, float *one, float *other) {
    float cosine, sine;
    const float u = ((float)first + 0.5f) * 0x1p-32f, below = ((float)~first + 0.5f) * 0x1p-32f;
    const float r = sqrtf(-2.0f * natural_logarithm(u, below));
    turn((float)second * 0x1p-32f, &cosine, &sine);
    *one = r * cosine;
    *other = r * sine;
}

/* y = x + σ n. */
static void noise_forward(const operation *o, const pass *p, range part, int thread) {
    uint32_t *words = (uint32_t *)(p->scratch + thread * p->scratch_size);
    float *normal = (float *)words + padded(o->out);
    const float sigma = (float)o->number;
    for (int64_t e = part.first; e < part.last; e++) {
        const float *x = floats_of(p, o->x, e, thread);
        float *y = floats_of(p, o->y, e, thread);
        words_of(o->key, e, p->step, o->out, words);
        for (int64_t i = 0; i < o->out; i += 2) normal_pair(words[i], words[i + 1], &normal[i], &normal[i + 1]);
        for (int64_t i = 0; i < o->out; i++) y[i] = x[i] + sigma * normal[i];
    }
}

static void noise_abreast_forward(const operation *o, const pass *p, range part, int thread) {
    const int64_t pixels = o->out * o->rows * o->columns;
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t first = 0; first < pixels; first += 4) {
            uint32_t words[4][PAD];
            float normal[4][PAD];
            words_abreast(o, p, first / 4, e, words);
            for (int k = 0; k < 4; k += 2)
                for (int i = 0; i < PAD; i++) normal_pair(words[k][i], words[k + 1][i], &normal[k][i], &normal[k + 1][i]);
            for (int64_t n = first; n < pixels && n < first + 4; n++) {
                const float *x = pixel_of(o, p, o->x, e / PAD, n, thread);
                float *y = pixel_of(o, p, o->y, e / PAD, n, thread);
                for (int i = 0; i < PAD; i++) y[i] = x[i] + (float)o->number * normal[n - first][i];
            }
        }
}
