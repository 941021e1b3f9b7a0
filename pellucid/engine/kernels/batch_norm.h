/* Batch normalization: a = gain · n + bias, n = (x − μ) / σ, where μ and σ are those of the whole batch.

   Each part of the batch leaves the mean of its numbers and the sum of their squared deviations from it; the threads
   meet, and these are joined in the order of the parts. So the numbers are read from memory once, no digits are lost
   where μ is large, and no sum depends on the number of threads. The way back does the same with Σ da and Σ da n.
   Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979. */

#include "parts.h"

#define RUNNING_SHARE 0.1 /* weight of the new in the running statistics: MOMENTUM in pellucid/layers/normalization.py */

typedef struct {
    double count, mean, squares; /* squares: Σ (x - mean)² */
} moments;

ALWAYS_INLINE moments joined(moments a, moments b) {
    const double count = a.count + b.count, apart = b.mean - a.mean, share = b.count / count;
    return (moments){count, a.mean + apart * share, a.squares + b.squares + apart * apart * a.count * share};
}

/* Numbers of a feature or map in so many examples. */
ALWAYS_INLINE int64_t numbers_in(const operation *o, int64_t examples) { return o->rows ? examples * o->rows * o->columns : examples; }

/* What the part of example e leaves: the means of all features, and behind them their squares. */
ALWAYS_INLINE float *moments_of(const operation *o, const pass *p, int64_t e) { return part_of(o, p, 2 * padded(o->out), e); }

static void batch_norm_measure(const operation *o, const pass *p, range part, int thread) {
    for (int64_t first = part.first; first < part.last; first += p->part) {
        const int64_t last = first + p->part < part.last ? first + p->part : part.last;
        float *mean = moments_of(o, p, first), *squares = mean + padded(o->out);
        memset(mean, 0, (size_t)(2 * padded(o->out)) * sizeof *mean);
        for (int64_t e = first; e < last; e++) {
            const float *x = floats_of(p, o->x, e, thread);
            INDEPENDENT for (int64_t i = 0; i < o->out; i++) mean[i] += x[i];
        }
        for (int64_t i = 0; i < o->out; i++) mean[i] /= (float)(last - first);
        for (int64_t e = first; e < last; e++) {
            const float *x = floats_of(p, o->x, e, thread);
            INDEPENDENT for (int64_t i = 0; i < o->out; i++) squares[i] += (x[i] - mean[i]) * (x[i] - mean[i]);
        }
    }
}

#define SUMS 4 /* sums that do not wait for each other */

/* Σ x - shift, or of the squares of it, over the pixels of the first `images` of PAD images abreast. */
ALWAYS_INLINE float pixel_sum(const operation *o, const float *plane, int64_t row, int64_t images, float shift, int squared) {
    vector sum[SUMS] = {splat(0), splat(0), splat(0), splat(0)};
    for (int64_t i = 0; i < o->rows; i++) {
        const float *x = plane + i * row;
        int64_t j = 0;
        for (; j + SUMS * LANES <= o->columns * PAD; j += SUMS * LANES)
            for (int k = 0; k < SUMS; k++) {
                const vector apart = load(x + j + k * LANES) - shift;
                sum[k] += squared ? apart * apart : apart;
            }
        for (int k = 0; k < SUMS - 1; k++, j += LANES) {
            if (j >= o->columns * PAD) break;
            const vector apart = load(x + j) - shift;
            sum[k] += squared ? apart * apart : apart;
        }
    }
    return total_of_images(sum, SUMS, images);
}

static void batch_norm_abreast_measure(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e += PAD) {
        const int64_t images = part.last - e < PAD ? part.last - e : PAD;
        const double before = (double)numbers_in(o, e % p->part), count = (double)numbers_in(o, images);
        float *mean = moments_of(o, p, e), *squares = mean + padded(o->out);
        for (int64_t c = 0; c < o->out; c++) {
            const float *x = floats_of(p, o->x, e / PAD, thread) + c * o->x.plane;
            const float middle = pixel_sum(o, x, o->x.row, images, 0, 0) / (float)count;
            moments all = {count, middle, pixel_sum(o, x, o->x.row, images, middle, 1)};
            if (before > 0) all = joined((moments){before, mean[c], squares[c]}, all);
            mean[c] = (float)all.mean;
            squares[c] = (float)all.squares;
        }
    }
}

/* μ and 1 / σ of each feature, at w, and the running statistics, at y: mean and variance. */
static void batch_norm_statistics(const operation *o, const pass *p, range part, int thread) {
    float *mean = p->arena + o->w, *inverse = mean + padded(o->out);
    float *running_mean = p->arena + o->y.place, *running_variance = running_mean + padded(o->out);
    part = share(o->out, PAD, thread, p->threads);
    for (int64_t c = part.first; c < part.last; c++) {
        moments all = {0, 0, 0};
        for (int64_t e = 0; e < p->examples; e += p->part) {
            const int64_t examples = p->examples - e < p->part ? p->examples - e : p->part;
            const float *own = moments_of(o, p, e);
            all = joined(all, (moments){(double)numbers_in(o, examples), own[c], own[padded(o->out) + c]});
        }
        mean[c] = (float)all.mean;
        inverse[c] = (float)(1 / sqrt(all.squares / all.count + o->number));
        if (all.count == 1) continue; /* a single number has no variance */
        running_mean[c] += (float)(RUNNING_SHARE * (all.mean - running_mean[c]));
        running_variance[c] += (float)(RUNNING_SHARE * (all.squares / (all.count - 1) - running_variance[c]));
    }
}

/* What the forward pass of a feature needs: a = (x - mean) · scale + bias. */
typedef struct {
    float mean, inverse, scale, bias;
} normalizer;

ALWAYS_INLINE normalizer normalizer_of(const operation *o, const pass *p, int64_t c) {
    const float *statistics = p->arena + o->sums, *gain = p->arena + o->w, *bias = gain + o->out;
    const float inverse = statistics[padded(o->out) + c];
    return (normalizer){statistics[c], inverse, gain[c] * inverse, bias[c]};
}

ALWAYS_INLINE float rectify_if(int64_t relu, float a) { return relu && a <= 0 ? 0 : a; }

static void batch_norm_forward(const operation *o, const pass *p, range part, int thread) {
    const float *mean = p->arena + o->sums, *inverse = mean + padded(o->out);
    const float *gain = p->arena + o->w, *bias = gain + o->out;
    for (int64_t e = part.first; e < part.last; e++) {
        const float *x = floats_of(p, o->x, e, thread);
        float *a = floats_of(p, o->y, e, thread);
        INDEPENDENT for (int64_t i = 0; i < o->out; i++)
            a[i] = rectify_if(o->relu, (x[i] - mean[i]) * (gain[i] * inverse[i]) + bias[i]);
    }
}

static void batch_norm_abreast_forward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t c = 0; c < o->out; c++) {
            const normalizer n = normalizer_of(o, p, c);
            for (int64_t i = 0; i < o->rows; i++) {
                const float *x = floats_of(p, o->x, e / PAD, thread) + place_of_row(o->x, c, i);
                float *a = floats_of(p, o->y, e / PAD, thread) + place_of_row(o->y, c, i);
                INDEPENDENT for (int64_t j = 0; j < o->columns * PAD; j++)
                    a[j] = rectify_if(o->relu, (x[j] - n.mean) * n.scale + n.bias);
            }
        }
}

/* Normalized, rectified, and the largest of windows of 2×2: what loses is never written. Kept are the winners, 0 to 3,
   or 4 where ReLU leaves nothing, and in as many planes behind them the n of the winners. */
static void batch_norm_pool_forward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t c = 0; c < o->out; c++) {
            const normalizer n = normalizer_of(o, p, c);
            for (int64_t i = 0; i < o->rows; i++) {
                const float *x = floats_of(p, o->x, e / PAD, thread) + place_of_row(o->x, c, 2 * i);
                float *a = floats_of(p, o->y, e / PAD, thread) + place_of_row(o->y, c, i);
                float *kept = floats_of(p, o->kept, e / PAD, thread) + place_of_row(o->kept, c, i);
                float *kept_n = kept + o->out * o->kept.plane;
                for (int64_t j = 0; j < o->columns * PAD; j += LANES) {
                    const float *window = x + 2 * (j / PAD * PAD) + j % PAD;
                    vector apart = load(window) - n.mean, best = apart * n.scale + n.bias;
                    mask winner = (mask)splat(0);
                    for (int tap = 1; tap < 4; tap++) {
                        const vector other = load(window + tap / 2 * o->x.row + tap % 2 * PAD) - n.mean;
                        const vector value = other * n.scale + n.bias;
                        const mask better = ~(value <= best) & (best == best);
                        best = choose(better, value, best);
                        apart = choose(better, other, apart);
                        winner = (better & tap) | (~better & winner);
                    }
                    const mask gone = best <= splat(0);
                    store(a + j, choose(gone, splat(0), best));
                    *(unaligned_mask *)(kept + j) = (gone & 4) | (~gone & winner);
                    store(kept_n + j, apart * n.inverse);
                }
            }
        }
}
