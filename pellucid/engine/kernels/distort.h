/* Distorted images: the pixel at p is the old image at q = M p + o + d(p), between four pixels; then a rectangle is
   erased. data/distortion.py is the specification.

   Why it is fast: the image is copied into a rim of zeros, so that nothing outside of it needs a test. Of the three
   loops over the pixels the first and the last are vectors; the one between does nothing but look up, and fetches
   neighbours in pairs. Rows are filled up to whole vectors. */

/* What one image takes of its thread's scratch, see distortion_size: a place among PAD that are kept, and what it needs
   on the way. */
typedef struct {
    char *image;         /* as it comes out, with room behind it for what the last row writes over its end */
    char *rimmed;        /* a colour of the original, a row and column of zeros before it and two behind */
    char *row;           /* of one colour */
    int32_t *corner;     /* (height, row): the pixel above and left of q, in `rimmed` */
    float *below, *right; /* (height, row): how far q lies from it */
    char *above, *under; /* (height, row): pairs of pixels, those of the corner and those below */
} canvas;

static canvas canvas_of(const distortions *d, int64_t channels, int64_t n, float *at) {
    const int64_t image = padded(d->height * d->width * channels + PAD), rows = d->height * padded(d->width);
    float *rimmed = at + PAD * image, *row = rimmed + padded((d->height + 3) * (d->width + 3));
    float *places = row + padded(d->width), *pairs = places + 3 * rows;
    return (canvas){(char *)(at + n % PAD * image), (char *)rimmed, (char *)row, (int32_t *)places, places + rows,
                    places + 2 * rows, (char *)pairs, (char *)(pairs + 2 * rows)};
}

/* A coordinate as one in `rimmed`; NaN becomes 0. */
ALWAYS_INLINE vector within_rim(vector coordinate, int64_t size) {
    const vector shifted = coordinate + 1.0f, most = splat((float)(size + 1));
    const vector positive = choose(shifted > splat(0), shifted, splat(0));
    return choose(positive < most, positive, most);
}

/* Where each pixel comes from. */
ALWAYS_INLINE void find_places(const int bent, const distortions *d, const float *map, const float *field, const canvas *to) {
    static const float lanes[PAD] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const int64_t row = padded(d->width);
    const int32_t rimmed_row = (int32_t)d->width + 3;
    for (int64_t i = 0; i < d->height; i++)
        for (int64_t j = 0; j < row; j += LANES) {
            const vector columns = load(lanes) + (float)j;
            vector y = map[0] * (float)i + map[1] * columns + map[2], x = map[3] * (float)i + map[4] * columns + map[5];
            if (bent) y += load(field + 2 * i * row + j), x += load(field + (2 * i + 1) * row + j);
            y = within_rim(y, d->height), x = within_rim(x, d->width);
            const mask top = __builtin_convertvector(y, mask), left = __builtin_convertvector(x, mask);
            *(unaligned_mask *)(to->corner + i * row + j) = top * rimmed_row + left;
            store(to->below + i * row + j, y - __builtin_convertvector(top, vector));
            store(to->right + i * row + j, x - __builtin_convertvector(left, vector));
        }
}

/* One colour of an image whose numbers have `size` bytes, into the rim of zeros. */
ALWAYS_INLINE void copy_in(const int size, const distortions *d, const char *image, int64_t channels, const canvas *to) {
    for (int64_t i = 0; i < d->height; i++) {
        char *row = to->rimmed + ((i + 1) * (d->width + 3) + 1) * size;
        const char *from = image + i * d->width * channels * size;
        if (channels == 1) memcpy(row, from, (size_t)(d->width * size));
        else for (int64_t j = 0; j < d->width; j++) memcpy(row + j * size, from + j * channels * size, (size_t)size);
    }
}

ALWAYS_INLINE void look_up(const int size, const distortions *d, const canvas *c) {
    const int64_t row = padded(d->width);
    const char *upper = c->rimmed, *lower = upper + (d->width + 3) * size;
    for (int64_t i = 0; i < d->height * row; i += row)
        for (int64_t n = i; n < i + d->width; n++) {
            memcpy(c->above + 2 * n * size, upper + (int64_t)c->corner[n] * size, (size_t)(2 * size));
            memcpy(c->under + 2 * n * size, lower + (int64_t)c->corner[n] * size, (size_t)(2 * size));
        }
}

/* Between a and b above, c and d below. */
ALWAYS_INLINE float between(float a, float b, float c, float d, float right, float below) {
    const float upper = a + (b - a) * right, lower = c + (d - c) * right;
    return upper + (lower - upper) * below;
}

static void blend_bytes(int64_t count, int64_t first, const canvas *c, uint8_t *to) {
    const uint16_t *above = (const uint16_t *)c->above + first, *under = (const uint16_t *)c->under + first;
    const float *right = c->right + first, *below = c->below + first;
    INDEPENDENT
    for (int64_t j = 0; j < count; j++) {
        const float value = between(above[j] & 255, above[j] >> 8, under[j] & 255, under[j] >> 8, right[j], below[j]);
        to[j] = (uint8_t)(int32_t)(value + 0.5f);
    }
}

static void blend_floats(int64_t count, int64_t first, const canvas *c, float *to) {
    const float *above = (const float *)c->above + 2 * first, *under = (const float *)c->under + 2 * first;
    const float *right = c->right + first, *below = c->below + first;
    INDEPENDENT
    for (int64_t j = 0; j < count; j++)
        to[j] = between(above[2 * j], above[2 * j + 1], under[2 * j], under[2 * j + 1], right[j], below[j]);
}

/* One colour of the distorted image. A grey row may write over its end: the next one comes there. */
ALWAYS_INLINE void blend(const int size, const distortions *d, int64_t channels, int64_t channel, const canvas *c) {
    for (int64_t i = 0; i < d->height; i++) {
        char *to = c->image + (i * d->width * channels + channel) * size, *row = channels == 1 ? to : c->row;
        if (size == 1) blend_bytes(padded(d->width), i * padded(d->width), c, (uint8_t *)row);
        else blend_floats(padded(d->width), i * padded(d->width), c, (float *)row);
        if (channels > 1)
            for (int64_t j = 0; j < d->width; j++) memcpy(to + j * channels * size, row + j * size, (size_t)size);
    }
}

static int64_t at_most(int64_t number, int64_t most) { return number < 0 ? 0 : number < most ? number : most; }

static void erase(const distortions *d, const int64_t *rectangle, int64_t pixel_size, char *image) {
    const int64_t top = at_most(rectangle[0], d->height), left = at_most(rectangle[1], d->width);
    const int64_t rows = at_most(rectangle[2], d->height - top), columns = at_most(rectangle[3], d->width - left);
    for (int64_t i = top; i < top + rows; i++)
        memset(image + (i * d->width + left) * pixel_size, 0, (size_t)(columns * pixel_size));
}

/* The image distorted as example n of the run. */
ALWAYS_INLINE const char *distort(const int size, const distortions *d, int64_t n, int64_t channels, const char *image,
                                  float *scratch) {
    const canvas c = canvas_of(d, channels, n, scratch);
    const float *map = d->maps + 6 * n;
    if (d->indices) {
        float *field = (float *)c.above, *half_smooth = (float *)c.under;
        field_of(d, d->indices[n], (uint32_t *)c.corner, half_smooth, field);
        find_places(1, d, map, field, &c);
    } else {
        find_places(0, d, map, NULL, &c);
    }
    memset(c.rimmed, 0, (size_t)((d->height + 3) * (d->width + 3) * size));
    for (int64_t channel = 0; channel < channels; channel++) {
        copy_in(size, d, image + channel * size, channels, &c);
        look_up(size, d, &c);
        blend(size, d, channels, channel, &c);
    }
    erase(d, d->rectangles + 4 * n, channels * size, c.image);
    return c.image;
}

/* The image of an example of the batch, bytes or floats: where it lies, or distorted in the thread's scratch, until PAD
   more have been asked for. */
static const void *image_of(const pass *p, int64_t e, int thread) {
    const dataset *data = p->data;
    const int64_t place = p->order[e] * data->area * data->channels, n = p->before + e;
    if (!p->distortions) return data->pixels ? (const void *)(data->pixels + place) : data->values + place;
    float *scratch = p->scratch + thread * p->scratch_size;
    if (data->pixels) return distort(1, p->distortions, n, data->channels, (const char *)(data->pixels + place), scratch);
    return distort(4, p->distortions, n, data->channels, (const char *)(data->values + place), scratch);
}
