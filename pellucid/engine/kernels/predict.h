/* One image, without others beside it: a vector holds neighbouring pixels.

   An image lies in planes, one for each channel, whose rows may be longer than it is wide: zeros for a convolution, or
   numbers that mean nothing behind the last column. Parameters are read from theta, as they lie there. */

/* The image as floats, in its planes. */
static void gather_planes(const operation *o, const pass *p, range part, int thread) {
    const dataset *data = p->data;
    const int64_t channels = data->channels, first = p->order[part.first] * data->area * channels;
    float *x = floats_of(p, o->y, part.first, thread);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < o->rows; i++) {
            float *row = x + place_of_row(o->y, c, i);
            const int64_t from = first + i * o->columns * channels + c;
            if (data->values) for (int64_t j = 0; j < o->columns; j++) row[j] = data->values[from + j * channels];
            else if (channels == 1) for (int64_t j = 0; j < o->columns; j++) row[j] = (float)data->pixels[from + j] * data->scale + data->offset;
            else for (int64_t j = 0; j < o->columns; j++) row[j] = (float)data->pixels[from + j * channels] * data->scale + data->offset;
        }
}

/* The same image in other planes: with zeros around it, or without gaps. */
static void copy_planes(const operation *o, const pass *p, range part, int thread) {
    for (int64_t c = 0; c < o->out; c++)
        for (int64_t i = 0; i < o->rows; i++)
            memcpy(floats_of(p, o->y, part.first, thread) + place_of_row(o->y, c, i),
                   floats_of(p, o->x, part.first, thread) + place_of_row(o->x, c, i), (size_t)o->columns * sizeof(float));
}

/* What each tap of a window meets, as a plane of its own: a convolution with a stride becomes one of single pixels. */
static void unfold_planes(const operation *o, const pass *p, range part, int thread) {
    const int64_t side = o->side;
    for (int64_t tap = 0; tap < o->in * side * side; tap++)
        for (int64_t i = 0; i < o->rows; i++) {
            const int64_t c = tap / (side * side), u = tap / side % side, v = tap % side;
            const float *x = floats_of(p, o->x, part.first, thread) + place_of_row(o->x, c, i * o->stride + u) + v;
            float *row = floats_of(p, o->y, part.first, thread) + place_of_row(o->y, tap, i);
            for (int64_t j = 0; j < o->columns; j++) row[j] = x[j * o->stride];
        }
}

/* z[m] = b[m] + Σ W[m, c, u, v] · x[c], moved by u rows and v columns: rows follow each other without a break, so z is one
   long vector, and the few numbers between its rows mean nothing. The tiles are those of many images abreast. */
static void convolution_predict(const operation *o, const pass *p, range part, int thread) {
    const int64_t side = o->side, taps = side * side, fan_in = o->in * taps;
    const float *w = p->theta + o->w, *bias = w + o->out * fan_in;
    const loop over[3] = {{o->in, taps, o->x.plane}, {side, side, o->x.row}, {side, 1, 1}};
    const float *x = floats_of(p, o->x, part.first, thread);
    float *z = floats_of(p, o->y, part.first, thread);
    const int64_t vectors = ((o->rows - 1) * o->x.row + o->columns + LANES - 1) / LANES;
    for (int64_t t = 0; t < tile_count(vectors, TILE_PIXELS); t++) {
        const range j = tile_range(vectors, TILE_PIXELS, t);
        const target to = {z + j.first * LANES, o->y.plane, LANES, o->relu, NULL};
        all_maps(o->out, j.last - j.first - 1, over, w, fan_in, bias, x + j.first * LANES, LANES, 0, to);
    }
}

/* The larger of two numbers each; NaN, where one is. */
ALWAYS_INLINE vector larger(vector a, vector b) { return choose((b > a) | (b != b), b, a); }

/* The larger of each pair of neighbours in two vectors. */
ALWAYS_INLINE vector larger_of_pairs(vector first, vector second) {
    float pairs[2 * LANES], best[LANES];
    store(pairs, first);
    store(pairs + LANES, second);
    for (int i = 0; i < LANES; i++) best[i] = (pairs[2 * i + 1] > pairs[2 * i]) | (pairs[2 * i + 1] != pairs[2 * i + 1]) ? pairs[2 * i + 1] : pairs[2 * i];
    return load(best);
}

/* The same image before and behind a pooling: one of its planes. */
typedef struct {
    const float *x;
    float *a;
    int64_t x_row, a_row, rows, columns;
} pooled_plane;

/* Windows of 2×2, a vector of them at a time. Where the rows of y follow each other without a break, the last vector of
   a row may go beyond: what it spoils is written later. */
ALWAYS_INLINE void pairs_of(const pooled_plane o, const int gaps) {
    for (int64_t i = 0; i < o.rows; i++)
        for (int64_t j = 0; j < o.columns; j += LANES) {
            const float *top = o.x + 2 * i * o.x_row + 2 * j, *bottom = top + o.x_row;
            float *a = o.a + i * o.a_row + j;
            const vector best = larger_of_pairs(larger(load(top), load(bottom)), larger(load(top + LANES), load(bottom + LANES)));
            if (!gaps || o.columns - j >= LANES) store(a, best);
            else for (int64_t k = 0; k < o.columns - j; k++) a[k] = ((const float *)&best)[k];
        }
}

static void pool_pairs(pooled_plane o) {
    if (o.a_row > o.columns) pairs_of(o, 1);
    else pairs_of(o, 0);
}

/* Windows of any size, one after the other. */
static void pool_windows(pooled_plane o, int64_t side, int64_t stride) {
    for (int64_t i = 0; i < o.rows; i++)
        for (int64_t j = 0; j < o.columns; j++) {
            const float *window = o.x + stride * (i * o.x_row + j);
            float best = *window;
            for (int64_t u = 0; u < side; u++)
                for (int64_t v = 0; v < side; v++) {
                    const float pixel = window[u * o.x_row + v];
                    best = (pixel > best) | (pixel != pixel) ? pixel : best;
                }
            o.a[i * o.a_row + j] = best;
        }
}

ALWAYS_INLINE pooled_plane plane_of(const operation *o, const pass *p, int64_t c, int64_t e, int thread) {
    return (pooled_plane){floats_of(p, o->x, e, thread) + c * o->x.plane, floats_of(p, o->y, e, thread) + c * o->y.plane,
                          o->x.row, o->y.row, o->rows, o->columns};
}

static void max_pool_predict(const operation *o, const pass *p, range part, int thread) {
    for (int64_t c = 0; c < o->out; c++) {
        const pooled_plane plane = plane_of(o, p, c, part.first, thread);
        if (o->side == 2 && o->stride == 2) pool_pairs(plane);
        else pool_windows(plane, o->side, o->stride);
    }
}

/* A plane of means: each of its windows added up tap by tap, many windows at a time. */
ALWAYS_INLINE void average_windows(pooled_plane o, const int64_t side, const int64_t stride) {
    const float area = (float)(side * side);
    for (int64_t i = 0; i < o.rows; i++) {
        float *a = o.a + i * o.a_row;
        for (int64_t j = 0; j < o.columns; j++) a[j] = 0;
        for (int64_t tap = 0; tap < side * side; tap++) {
            const float *x = o.x + (stride * i + tap / side) * o.x_row + tap % side;
            INDEPENDENT for (int64_t j = 0; j < o.columns; j++) a[j] += x[j * stride];
        }
        for (int64_t j = 0; j < o.columns; j++) a[j] /= area;
    }
}

static void average_pool_predict(const operation *o, const pass *p, range part, int thread) {
    for (int64_t c = 0; c < o->out; c++) {
        const pooled_plane plane = plane_of(o, p, c, part.first, thread);
        if (o->side == 2 && o->stride == 2) average_windows(plane, 2, 2);
        else average_windows(plane, o->side, o->stride);
    }
}

static void global_average_predict(const operation *o, const pass *p, range part, int thread) {
    for (int64_t c = 0; c < o->out; c++) {
        float sum = 0;
        for (int64_t i = 0; i < o->height; i++)
            sum += row_sum(floats_of(p, o->x, part.first, thread) + place_of_row(o->x, c, i), o->width, 0, 0);
        floats_of(p, o->y, part.first, thread)[c] = sum / (float)(o->height * o->width);
    }
}

/* The ends of both ways of a residual block. */
static void add_planes(const operation *o, const pass *p, range part, int thread) {
    for (int64_t c = 0; c < o->out; c++)
        for (int64_t i = 0; i < o->rows; i++) {
            const float *x = floats_of(p, o->x, part.first, thread) + place_of_row(o->x, c, i);
            const float *other = floats_of(p, o->kept, part.first, thread) + place_of_row(o->kept, c, i);
            float *y = floats_of(p, o->y, part.first, thread) + place_of_row(o->y, c, i);
            INDEPENDENT for (int64_t j = 0; j < o->columns; j++) y[j] = x[j] + other[j];
        }
}

/* By the running statistics: a plane, whose gaps are taken along, or a number of each row. */
static void batch_norm_predict(const operation *o, const pass *p, range part, int thread) {
    const float *gain = p->theta + o->w, *bias = gain + o->out, *mean = p->state + o->sums, *variance = mean + o->out;
    const float epsilon = (float)o->number;
    for (int64_t e = part.first; e < part.last; e++) {
        const float *x = floats_of(p, o->x, e, thread);
        float *a = floats_of(p, o->y, e, thread);
        if (!o->rows) INDEPENDENT for (int64_t i = 0; i < o->out; i++)
            a[i] = rectify_if(o->relu, (x[i] - mean[i]) * (gain[i] / sqrtf(variance[i] + epsilon)) + bias[i]);
        else for (int64_t c = 0; c < o->out; c++, x += o->x.plane, a += o->y.plane) {
            const float middle = mean[c], scale = gain[c] / sqrtf(variance[c] + epsilon), shift = bias[c];
            INDEPENDENT for (int64_t n = 0; n < (o->rows - 1) * o->x.row + o->columns; n++)
                a[n] = rectify_if(o->relu, (x[n] - middle) * scale + shift);
        }
    }
}

/* Each example over all its numbers: a row of them, or the rows of all planes. */
static void layer_norm_predict(const operation *o, const pass *p, range part, int thread) {
    const int64_t lines = o->rows ? o->out * o->rows : 1, run = o->rows ? o->columns : o->out, height = o->rows ? o->rows : 1;
    const float count = (float)(lines * run);
    for (int64_t e = part.first; e < part.last; e++) {
        const float *x = floats_of(p, o->x, e, thread), *gain = p->theta + o->w, *bias = gain + lines * run;
        float mean = 0, squares = 0, *a = floats_of(p, o->y, e, thread);
        for (int64_t n = 0; n < lines; n++) mean += row_sum(x + place_of_row(o->x, n / height, n % height), run, 0, 0);
        mean /= count;
        for (int64_t n = 0; n < lines; n++) squares += row_sum(x + place_of_row(o->x, n / height, n % height), run, mean, 1);
        const float inverse = 1 / sqrtf(squares / count + (float)o->number);
        for (int64_t n = 0; n < lines; n++, gain += run, bias += run) {
            const float *from = x + place_of_row(o->x, n / height, n % height);
            float *to = a + place_of_row(o->y, n / height, n % height);
            INDEPENDENT for (int64_t j = 0; j < run; j++) to[j] = gain[j] * ((from[j] - mean) * inverse) + bias[j];
        }
    }
}
