/* The batch: images picked from the data set by `order`, as floats in the rows of x. */

#include "shuffle.h"

/* Ask for the image that this thread will gather in the next batch: it lies anywhere in memory, which takes its time. */
static void fetch_ahead(const pass *p, int64_t e, int64_t bytes) {
    if (e >= p->ahead) return;
    const int64_t place = p->order[e + p->examples] * bytes;
    const char *image = p->data->pixels ? (const char *)p->data->pixels + place : (const char *)p->data->values + 4 * place;
    for (int64_t i = 0; i < (p->data->pixels ? bytes : 4 * bytes); i += 64) __builtin_prefetch(image + i);
}

static void gather(const operation *o, const pass *p, range part, int thread) {
    const dataset *data = p->data;
    const int64_t features = data->area * data->channels;
    for (int64_t e = part.first; e < part.last; e++) {
        float *x = floats_of(p, o->y, e, thread);
        fetch_ahead(p, e, features);
        if (data->values) {
            const float *image = image_of(p, e, thread);
            for (int64_t c = 0; c < data->channels; c++)
                for (int64_t i = 0; i < data->area; i++) x[c * data->area + i] = image[i * data->channels + c];
        } else if (data->channels == 1) { /* grey: nothing to rearrange, so the loop becomes vectors */
            const uint8_t *image = image_of(p, e, thread);
            for (int64_t i = 0; i < features; i++) x[i] = (float)image[i] * data->scale + data->offset;
        } else {
            const uint8_t *image = image_of(p, e, thread);
            for (int64_t c = 0; c < data->channels; c++)
                for (int64_t i = 0; i < data->area; i++)
                    x[c * data->area + i] = (float)image[i * data->channels + c] * data->scale + data->offset;
        }
    }
}

/* Neighbouring pixels of one colour of PAD images, abreast and as floats; an image that is missing is black. */
ALWAYS_INLINE void pixels_abreast(const dataset *data, const uint8_t *const images[PAD], int64_t first, float *x) {
    bytes square[PAD] = {{0}};
    for (int e = 0; e < PAD; e++)
        if (images[e]) square[e] = *(const unaligned_bytes *)(images[e] + first);
    turn_over_bytes(square);
    const uint8_t *pixels = (const uint8_t *)square;
    for (int n = 0; n < PAD * PAD; n++) x[n] = (float)pixels[n] * data->scale + data->offset;
}

/* A row of grey pixels, PAD at a time; the last ones overlap with those before. */
static void row_abreast(const dataset *data, const uint8_t *const images[PAD], int64_t first, int64_t width, float *x) {
    for (int64_t j = 0; j < width; j += PAD) {
        const int64_t from = j + PAD <= width ? j : width - PAD;
        pixels_abreast(data, images, first + from, x + from * PAD);
    }
}

/* The pixels of one channel in a row of one image, floats or bytes, PAD apart. */
static void row_of_one(const dataset *data, const void *image, int64_t first, int64_t width, float *x) {
    const int64_t step = data->channels;
    const float *values = (const float *)image + first;
    const uint8_t *pixels = (const uint8_t *)image + first;
    if (data->values) for (int64_t j = 0; j < width; j++) x[j * PAD] = values[j * step];
    else for (int64_t j = 0; j < width; j++) x[j * PAD] = (float)pixels[j * step] * data->scale + data->offset;
}

/* PAD images abreast; where the batch ends before, the rest of them is black. */
static void gather_abreast(const operation *o, const pass *p, range part, int thread) {
    const dataset *data = p->data;
    const int64_t features = data->area * data->channels;
    for (int64_t first = part.first; first < part.last; first += PAD) {
        const uint8_t *images[PAD] = {0};
        float *x = floats_of(p, o->y, first / PAD, thread);
        for (int64_t e = first; e < first + PAD && e < part.last; e++) {
            fetch_ahead(p, e, features);
            images[e - first] = image_of(p, e, thread);
        }
        for (int64_t c = 0; c < data->channels; c++)
            for (int64_t i = 0; i < o->rows; i++) {
                float *row = x + place_of_row(o->y, c, i);
                if (data->pixels && data->channels == 1 && o->columns >= PAD) {
                    row_abreast(data, images, i * o->columns, o->columns, row);
                    continue;
                }
                memset(row, 0, (size_t)(o->columns * PAD) * sizeof *row);
                for (int64_t e = first; e < first + PAD && e < part.last; e++)
                    row_of_one(data, images[e - first], i * o->columns * data->channels + c, o->columns, row + e - first);
            }
    }
}
