/* The batch: images picked from the data set by `order`, as floats in the rows of x. */

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
            const float *image = data->values + p->order[e] * features;
            for (int64_t c = 0; c < data->channels; c++)
                for (int64_t i = 0; i < data->area; i++) x[c * data->area + i] = image[i * data->channels + c];
        } else if (data->channels == 1) { /* grey: nothing to rearrange, so the loop becomes vectors */
            const uint8_t *image = data->pixels + p->order[e] * features;
            for (int64_t i = 0; i < features; i++) x[i] = (float)image[i] * data->scale + data->offset;
        } else {
            const uint8_t *image = data->pixels + p->order[e] * features;
            for (int64_t c = 0; c < data->channels; c++)
                for (int64_t i = 0; i < data->area; i++)
                    x[c * data->area + i] = (float)image[i * data->channels + c] * data->scale + data->offset;
        }
    }
}

/* The same for PAD images abreast; where the batch ends before, the rest of them is black. */
static void gather_abreast(const operation *o, const pass *p, range part, int thread) {
    const dataset *data = p->data;
    const int64_t channels = data->channels, features = data->area * channels;
    for (int64_t block = part.first; block < part.last; block += PAD)
        for (int64_t e = block; e < block + PAD; e++) {
            float *x = floats_of(p, o->y, block / PAD, thread) + e - block;
            const int64_t place = e < part.last ? p->order[e] * features : 0;
            if (e < part.last) fetch_ahead(p, e, features);
            for (int64_t c = 0; c < channels; c++)
                for (int64_t i = 0; i < o->rows; i++) {
                    float *row = x + c * o->y.plane + i * o->y.row;
                    const int64_t first = place + i * o->columns * channels + c;
                    if (e >= part.last) for (int64_t j = 0; j < o->columns; j++) row[j * PAD] = 0;
                    else if (data->values) for (int64_t j = 0; j < o->columns; j++) row[j * PAD] = data->values[first + j * channels];
                    else for (int64_t j = 0; j < o->columns; j++) row[j * PAD] = (float)data->pixels[first + j * channels] * data->scale + data->offset;
                }
        }
}
