/* From images abreast to the rows of a dense layer: flattening, and global average pooling. */

#include "vector.h"

/* Images abreast become rows, map after map. */
static void flatten_forward(const operation *o, const pass *p, range part, int thread) {
    const int64_t area = o->height * o->width;
    for (int64_t e = part.first; e < part.last; e++) {
        const float *x = floats_of(p, o->x, e / PAD, thread) + e % PAD;
        float *a = floats_of(p, o->y, e, thread);
        for (int64_t c = 0; c < o->in; c++)
            for (int64_t i = 0; i < o->height; i++)
                for (int64_t j = 0; j < o->width; j++)
                    a[c * area + i * o->width + j] = x[place_of_row(o->x, c, i) + j * PAD];
    }
}

/* Rows become images abreast; where the batch ends before, the gradient is 0. */
static void flatten_backward(const operation *o, const pass *p, range part, int thread) {
    const int64_t area = o->height * o->width;
    for (int64_t e = part.first; e < (part.last + PAD - 1) / PAD * PAD; e++) {
        const float *da = floats_of(p, o->x, e, thread);
        float *dx = floats_of(p, o->y, e / PAD, thread) + e % PAD;
        for (int64_t c = 0; c < o->in; c++)
            for (int64_t i = 0; i < o->height; i++)
                for (int64_t j = 0; j < o->width; j++)
                    dx[place_of_row(o->y, c, i) + j * PAD] = e < part.last ? da[c * area + i * o->width + j] : 0;
    }
}

/* a[c] = the mean of map c. */
static void global_average_forward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t c = 0; c < o->in; c++) {
            float mean[PAD] = {0};
            for (int64_t i = 0; i < o->height; i++) {
                const float *x = floats_of(p, o->x, e / PAD, thread) + place_of_row(o->x, c, i);
                for (int64_t j = 0; j < o->width * PAD; j += PAD)
                    for (int lane = 0; lane < PAD; lane++) mean[lane] += x[j + lane];
            }
            for (int64_t lane = 0; lane < PAD && e + lane < part.last; lane++)
                floats_of(p, o->y, e + lane, thread)[c] = mean[lane] / (float)(o->height * o->width);
        }
}

/* Each pixel gets da / HW; where the batch ends before PAD images do, 0. */
static void global_average_backward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e += PAD)
        for (int64_t c = 0; c < o->in; c++) {
            float gradient[PAD] = {0};
            for (int64_t lane = 0; lane < PAD && e + lane < part.last; lane++)
                gradient[lane] = floats_of(p, o->x, e + lane, thread)[c] / (float)(o->height * o->width);
            for (int64_t i = 0; i < o->height; i++) {
                float *dx = floats_of(p, o->y, e / PAD, thread) + place_of_row(o->y, c, i);
                for (int64_t j = 0; j < o->width; j++) memcpy(dx + j * PAD, gradient, sizeof gradient);
            }
        }
}
