/* The way back through batch normalization: dx = (g − mean(g) − n · mean(g n)) / σ with g = gain · da, over the batch.

   Σ da n and Σ da, which are also the gradients of gain and bias, are summed in parts; see batch_norm.h. */

#include "batch_norm.h"

/* What a part adds up: dgain, and dbias behind it, as they lie in theta. */
ALWAYS_INLINE float *gradients_of(const operation *o, const pass *p, int64_t e) { return part_of(o, p, 2 * o->out, e); }

static void batch_norm_gradient(const operation *o, const pass *p, range part, int thread) {
    const float *mean = p->arena + o->w, *inverse = mean + padded(o->out);
    for (int64_t e = part.first; e < part.last; e++) {
        const float *da = floats_of(p, o->x, e, thread), *x = floats_of(p, o->kept, e, thread);
        float *dgain = gradients_of(o, p, e), *dbias = dgain + o->out;
        if (e % p->part == 0) memset(dgain, 0, (size_t)(2 * o->out) * sizeof *dgain);
        INDEPENDENT for (int64_t i = 0; i < o->out; i++) dgain[i] += da[i] * ((x[i] - mean[i]) * inverse[i]);
        INDEPENDENT for (int64_t i = 0; i < o->out; i++) dbias[i] += da[i];
    }
}

ALWAYS_INLINE void add_gradients(const operation *o, const pass *p, int64_t e, int64_t c, float gain, float bias) {
    float *dgain = gradients_of(o, p, e) + c, *dbias = dgain + o->out;
    *dgain = (e % p->part == 0 ? 0 : *dgain) + gain;
    *dbias = (e % p->part == 0 ? 0 : *dbias) + bias;
}

/* Where the batch ends before PAD images do, da is 0. */
static void batch_norm_abreast_gradient(const operation *o, const pass *p, range part, int thread) {
    const float *mean = p->arena + o->w, *inverse = mean + padded(o->out);
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t c = 0; c < o->out; c++) {
            vector product[2] = {splat(0), splat(0)}, sum[2] = {splat(0), splat(0)};
            for (int64_t i = 0; i < o->rows; i++) {
                const float *da = floats_of(p, o->x, e / PAD, thread) + place_of_row(o->x, c, i);
                const float *x = floats_of(p, o->kept, e / PAD, thread) + place_of_row(o->kept, c, i);
                for (int64_t j = 0; j < o->columns * PAD; j += 2 * LANES)
                    for (int k = 0; k < 2 && j + k * LANES < o->columns * PAD; k++) {
                        const vector gradient = load(da + j + k * LANES);
                        product[k] += gradient * (load(x + j + k * LANES) - mean[c]);
                        sum[k] += gradient;
                    }
            }
            add_gradients(o, p, e, c, total(product[0] + product[1]) * inverse[c], total(sum[0] + sum[1]));
        }
}

/* Behind max pooling only the winners have a gradient. */
static void batch_norm_pool_gradient(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t c = 0; c < o->out; c++) {
            vector product = splat(0), sum = splat(0);
            for (int64_t i = 0; i < o->rows; i++) {
                const float *da = floats_of(p, o->x, e / PAD, thread) + place_of_row(o->x, c, i);
                const float *kept = floats_of(p, o->kept, e / PAD, thread) + place_of_row(o->kept, c, i);
                const float *n = kept + o->out * o->kept.plane;
                for (int64_t j = 0; j < o->columns * PAD; j += LANES) {
                    const mask won = *(const unaligned_mask *)(kept + j) < 4;
                    const vector gradient = choose(won, load(da + j), splat(0));
                    product += gradient * load(n + j);
                    sum += gradient;
                }
            }
            add_gradients(o, p, e, c, total(product), total(sum));
        }
}

/* From the sums to what each feature's dx = scale · da - offset - slope · (x - μ) needs, at y. */
static void batch_norm_means(const operation *o, const pass *p, range part, int thread) {
    const float *inverse = p->arena + o->kept.place + padded(o->out), *gain = p->arena + o->w;
    float *scale = p->arena + o->y.place, *offset = scale + padded(o->out), *slope = offset + padded(o->out);
    const double count = (double)numbers_in(o, p->examples);
    part = share(o->out, PAD, thread, p->threads);
    for (int64_t c = part.first; c < part.last; c++) {
        double dgain = 0, dbias = 0;
        for (int64_t e = 0; e < p->examples; e += p->part) {
            dgain += gradients_of(o, p, e)[c];
            dbias += gradients_of(o, p, e)[o->out + c];
        }
        scale[c] = gain[c] * inverse[c];
        offset[c] = (float)(scale[c] * (dbias / count));
        slope[c] = (float)(scale[c] * (dgain / count) * inverse[c]);
    }
}

static void batch_norm_backward(const operation *o, const pass *p, range part, int thread) {
    const float *mean = p->arena + o->sums, *scale = p->arena + o->w;
    const float *offset = scale + padded(o->out), *slope = offset + padded(o->out);
    for (int64_t e = part.first; e < part.last; e++) {
        const float *da = floats_of(p, o->x, e, thread), *x = floats_of(p, o->kept, e, thread);
        float *dx = floats_of(p, o->y, e, thread);
        INDEPENDENT for (int64_t i = 0; i < o->out; i++) dx[i] = scale[i] * da[i] - offset[i] - slope[i] * (x[i] - mean[i]);
    }
}

static void batch_norm_abreast_backward(const operation *o, const pass *p, range part, int thread) {
    const float *mean = p->arena + o->sums, *scale = p->arena + o->w;
    const float *offset = scale + padded(o->out), *slope = offset + padded(o->out);
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t c = 0; c < o->out; c++)
            for (int64_t i = 0; i < o->rows; i++) {
                const float *da = floats_of(p, o->x, e / PAD, thread) + place_of_row(o->x, c, i);
                const float *x = floats_of(p, o->kept, e / PAD, thread) + place_of_row(o->kept, c, i);
                float *dx = floats_of(p, o->y, e / PAD, thread) + place_of_row(o->y, c, i);
                const float k = scale[c], b = offset[c], s = slope[c], m = mean[c];
                INDEPENDENT for (int64_t j = 0; j < o->columns * PAD; j++) dx[j] = k * da[j] - b - s * (x[j] - m);
                clear_images(dx, o->columns, part.last - e);
            }
}

/* Behind max pooling of 2×2: da goes to the winners, which are kept, and x is `also`; pixels that no window reaches have
   a dx too, for they have moved the means. */
static void batch_norm_pool_backward(const operation *o, const pass *p, range part, int thread) {
    const float *mean = p->arena + o->sums, *scale = p->arena + o->w;
    const float *offset = scale + padded(o->out), *slope = offset + padded(o->out);
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t c = 0; c < o->out; c++)
            for (int64_t i = 0; i < o->height; i++) {
                const float *da = floats_of(p, o->x, e / PAD, thread) + place_of_row(o->x, c, i / 2);
                const float *winner = floats_of(p, o->kept, e / PAD, thread) + place_of_row(o->kept, c, i / 2);
                const float *x = floats_of(p, o->also, e / PAD, thread) + place_of_row(o->also, c, i);
                float *dx = floats_of(p, o->y, e / PAD, thread) + place_of_row(o->y, c, i);
                const int64_t reached = i / 2 < o->rows ? 2 * o->columns * PAD : 0;
                for (int64_t j = 0; j < o->width * PAD; j += LANES) {
                    vector share = splat(0);
                    if (j < reached) {
                        const int64_t at = j / (2 * PAD) * PAD + j % PAD;
                        const mask won = *(const unaligned_mask *)(winner + at) == (int32_t)(i % 2 * 2 + j / PAD % 2);
                        share = choose(won, scale[c] * load(da + at), splat(0));
                    }
                    store(dx + j, share - offset[c] - slope[c] * (load(x + j) - mean[c]));
                }
                clear_images(dx, o->width, part.last - e);
            }
}
