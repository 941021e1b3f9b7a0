/* Layer normalization: each example over all its numbers, whatever else is in the batch; a gain and a bias for each.

   Kept are μ and 1 / σ of each example: in rows beside each other, of images abreast PAD of the one and of the other. */

#include "parts.h"

/* Σ x - shift, or of the squares of it. */
ALWAYS_INLINE float row_sum(const float *x, int64_t count, float shift, int squared) {
    vector sum = splat(0);
    float rest = 0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        const vector apart = load(x + i) - shift;
        sum += squared ? apart * apart : apart;
    }
    for (; i < count; i++) rest += squared ? (x[i] - shift) * (x[i] - shift) : x[i] - shift;
    return total(sum) + rest;
}

static void layer_norm_forward(const operation *o, const pass *p, range part, int thread) {
    const float *gain = p->arena + o->w, *bias = gain + o->out;
    for (int64_t e = part.first; e < part.last; e++) {
        const float *x = floats_of(p, o->x, e, thread);
        float *a = floats_of(p, o->y, e, thread), *kept = floats_of(p, o->kept, e, thread);
        const float mean = row_sum(x, o->out, 0, 0) / (float)o->out;
        const float inverse = 1 / sqrtf(row_sum(x, o->out, mean, 1) / (float)o->out + (float)o->number);
        INDEPENDENT for (int64_t i = 0; i < o->out; i++) a[i] = gain[i] * ((x[i] - mean) * inverse) + bias[i];
        kept[0] = mean;
        kept[1] = inverse;
    }
}

/* What the parts add up is dgain, and dbias behind it, as they lie in theta; `also` is where x lies. */
static void layer_norm_backward(const operation *o, const pass *p, range part, int thread) {
    const float *gain = p->arena + o->w;
    for (int64_t e = part.first; e < part.last; e++) {
        const float *da = floats_of(p, o->x, e, thread), *x = floats_of(p, o->also, e, thread);
        const float *kept = floats_of(p, o->kept, e, thread), mean = kept[0], inverse = kept[1];
        float *dx = floats_of(p, o->y, e, thread), *dgain = part_of(o, p, 2 * o->out, e), *dbias = dgain + o->out;
        float sum = 0, product = 0;
        if (e % p->part == 0) memset(dgain, 0, (size_t)(2 * o->out) * sizeof *dgain);
        for (int64_t i = 0; i < o->out; i++) {
            const float n = (x[i] - mean) * inverse;
            sum += gain[i] * da[i];
            product += gain[i] * da[i] * n;
        }
        INDEPENDENT for (int64_t i = 0; i < o->out; i++) dgain[i] += da[i] * ((x[i] - mean) * inverse);
        INDEPENDENT for (int64_t i = 0; i < o->out; i++) dbias[i] += da[i];
        sum /= (float)o->out;
        product /= (float)o->out;
        INDEPENDENT for (int64_t i = 0; i < o->out; i++)
            dx[i] = (gain[i] * da[i] - sum - (x[i] - mean) * inverse * product) * inverse;
    }
}

static void layer_norm_abreast_forward(const operation *o, const pass *p, range part, int thread) {
    const int64_t pixels = o->out * o->rows * o->columns;
    const float *gain = p->arena + o->w, *bias = gain + pixels, share = 1 / (float)pixels;
    for (int64_t unit = part.first / PAD; unit * PAD < part.last; unit++)
        for (int64_t lane = 0; lane < PAD; lane += LANES) {
            vector mean = splat(0), inverse = splat(0);
            for (int64_t n = 0; n < pixels; n++) mean += load(pixel_of(o, p, o->x, unit, n, thread) + lane);
            mean *= share;
            for (int64_t n = 0; n < pixels; n++) {
                const vector apart = load(pixel_of(o, p, o->x, unit, n, thread) + lane) - mean;
                inverse += apart * apart;
            }
            for (int i = 0; i < LANES; i++) inverse[i] = 1 / sqrtf(inverse[i] * share + (float)o->number);
            for (int64_t n = 0; n < pixels; n++) {
                const vector x = load(pixel_of(o, p, o->x, unit, n, thread) + lane);
                store(pixel_of(o, p, o->y, unit, n, thread) + lane, gain[n] * ((x - mean) * inverse) + bias[n]);
            }
            float *kept = floats_of(p, o->kept, unit, thread) + lane;
            store(kept, mean);
            store(kept + PAD, inverse);
        }
}

/* Where the batch ends before PAD images do, da is 0, and so is dx. */
static void layer_norm_abreast_backward(const operation *o, const pass *p, range part, int thread) {
    const int64_t pixels = o->out * o->rows * o->columns;
    const float *gain = p->arena + o->w, share = 1 / (float)pixels;
    for (int64_t unit = part.first / PAD; unit * PAD < part.last; unit++)
        for (int64_t lane = 0; lane < PAD; lane += LANES) {
            const float *kept = floats_of(p, o->kept, unit, thread) + lane;
            const vector mean = load(kept), inverse = load(kept + PAD);
            const int begin = lane == 0 && unit * PAD % p->part == 0;
            float *dgain = part_of(o, p, 2 * pixels, unit * PAD), *dbias = dgain + pixels;
            vector sum = splat(0), product = splat(0);
            for (int64_t n = 0; n < pixels; n++) {
                const vector da = load(pixel_of(o, p, o->x, unit, n, thread) + lane);
                const vector here = da * ((load(pixel_of(o, p, o->also, unit, n, thread) + lane) - mean) * inverse);
                dgain[n] = (begin ? 0 : dgain[n]) + total(here);
                dbias[n] = (begin ? 0 : dbias[n]) + total(da);
                sum += gain[n] * da;
                product += gain[n] * here;
            }
            for (int64_t n = 0; n < pixels; n++) {
                const vector da = load(pixel_of(o, p, o->x, unit, n, thread) + lane);
                const vector x = load(pixel_of(o, p, o->also, unit, n, thread) + lane);
                store(pixel_of(o, p, o->y, unit, n, thread) + lane,
                      (gain[n] * da - sum * share - (x - mean) * inverse * (product * share)) * inverse);
            }
        }
}
