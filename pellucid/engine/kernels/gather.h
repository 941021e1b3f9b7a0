/* The batch: images picked from the data set by `order`, as floats in the rows of x. */

/* Ask for the image that this thread will gather in the next batch: it lies anywhere in memory, which takes its time. */
static void fetch_ahead(const pass *p, int64_t e, int64_t bytes) {
    if (e >= p->ahead) return;
    const int64_t place = p->order[e + p->examples] * bytes;
    const char *image = p->data->pixels ? (const char *)p->data->pixels + place : (const char *)p->data->values + 4 * place;
    for (int64_t i = 0; i < (p->data->pixels ? bytes : 4 * bytes); i += 64) __builtin_prefetch(image + i);
}

static void gather(const operation *o, const pass *p, int thread, int threads) {
    const dataset *data = p->data;
    const int64_t features = data->area * data->channels;
    const range part = share(p->examples, 1, thread, threads);
    for (int64_t e = part.first; e < part.last; e++) {
        float *x = p->arena + o->y + e * padded(o->out);
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
