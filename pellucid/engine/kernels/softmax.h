/* Softmax, over the numbers of a row or the channels of each pixel. */

#include "elementary.h"

/* The largest of `count` numbers. */
static float largest_of(const float *values, int64_t count) {
    float largest = values[0];
    for (int64_t i = 1; i < count; i++) largest = values[i] > largest ? values[i] : largest;
    return largest;
}

/* a = e^(z - largest) and the sum of them; z and a may be the same place. The padding is taken along, in whole vectors,
   and not counted. */
static float exponentials(const float *z, float largest, float *a, int64_t count) {
    float sum = 0;
    INDEPENDENT for (int64_t i = 0; i < padded(count); i++) a[i] = exponential(z[i] - largest);
    for (int64_t i = 0; i < count; i++) sum += a[i];
    return sum;
}

static void softmax_forward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e++) {
        const float *z = floats_of(p, o->x, e, thread);
        float *a = floats_of(p, o->y, e, thread);
        const float sum = exponentials(z, largest_of(z, o->out), a, o->out);
        for (int64_t i = 0; i < o->out; i++) a[i] /= sum;
    }
}

static void softmax_backward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e++) {
        const float *da = floats_of(p, o->x, e, thread), *a = floats_of(p, o->kept, e, thread);
        float *dz = floats_of(p, o->y, e, thread);
        float sum = 0;
        for (int64_t i = 0; i < o->out; i++) sum += a[i] * da[i];
        for (int64_t i = 0; i < o->out; i++) dz[i] = a[i] * (da[i] - sum);
        for (int64_t i = o->out; i < padded(o->out); i++) dz[i] = 0;
    }
}

/* The same over the channels of each pixel of PAD images abreast. */
static void softmax_abreast_forward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t unit = part.first / PAD; unit * PAD < part.last; unit++)
        for (int64_t i = 0; i < o->rows; i++)
            for (int64_t j = 0; j < o->columns; j++) {
                const float *z = floats_of(p, o->x, unit, thread) + i * o->x.row + j * PAD;
                float *a = floats_of(p, o->y, unit, thread) + i * o->y.row + j * PAD;
                float largest[PAD], sum[PAD] = {0};
                memcpy(largest, z, sizeof largest);
                for (int64_t c = 1; c < o->out; c++)
                    for (int k = 0; k < PAD; k++) largest[k] = z[c * o->x.plane + k] > largest[k] ? z[c * o->x.plane + k] : largest[k];
                for (int64_t c = 0; c < o->out; c++)
                    for (int k = 0; k < PAD; k++) {
                        const float e = exponential(z[c * o->x.plane + k] - largest[k]);
                        a[c * o->y.plane + k] = e;
                        sum[k] += e;
                    }
                for (int64_t c = 0; c < o->out; c++)
                    for (int k = 0; k < PAD; k++) a[c * o->y.plane + k] /= sum[k];
            }
}

static void softmax_abreast_backward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t unit = part.first / PAD; unit * PAD < part.last; unit++)
        for (int64_t i = 0; i < o->rows; i++)
            for (int64_t j = 0; j < o->columns; j++) {
                const float *da = floats_of(p, o->x, unit, thread) + i * o->x.row + j * PAD;
                const float *a = floats_of(p, o->kept, unit, thread) + i * o->kept.row + j * PAD;
                float *dz = floats_of(p, o->y, unit, thread) + i * o->y.row + j * PAD, sum[PAD] = {0};
                for (int64_t c = 0; c < o->out; c++)
                    for (int k = 0; k < PAD; k++) sum[k] += a[c * o->kept.plane + k] * da[c * o->x.plane + k];
                for (int64_t c = 0; c < o->out; c++)
                    for (int k = 0; k < PAD; k++)
                        dz[c * o->y.plane + k] = a[c * o->kept.plane + k] * (da[c * o->x.plane + k] - sum[k]);
            }
}
