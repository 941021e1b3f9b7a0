/* Max pooling. */

#include "vector.h"

/* a[c, i, j] = the largest of a window of x, and which of its pixels that was: the first of several, NaN before all. */
static void max_pool_forward(const operation *o, const pass *p, range part, int thread) {
    for (int64_t unit = part.first / PAD; unit * PAD < part.last; unit++)
        for (int64_t n = 0; n < o->out * o->rows * o->columns; n++) {
            const int64_t c = n / (o->rows * o->columns), i = n / o->columns % o->rows, j = n % o->columns;
            const float *x = floats_of(p, o->x, unit, thread) + c * o->x.plane + o->stride * (i * o->x.row + j * PAD);
            const int64_t to = place_of_row(o->y, c, i) + j * PAD;
            float *best = floats_of(p, o->y, unit, thread) + to;
            int32_t *winner = (int32_t *)floats_of(p, o->kept, unit, thread) + place_of_row(o->kept, c, i) + j * PAD;
            for (int lane = 0; lane < PAD; lane++) best[lane] = x[lane], winner[lane] = 0;
            for (int tap = 1; tap < o->side * o->side; tap++) {
                const float *pixel = x + tap / o->side * o->x.row + tap % o->side * PAD;
                for (int lane = 0; lane < PAD; lane++) {
                    const int better = !(pixel[lane] <= best[lane]) & (best[lane] == best[lane]);
                    best[lane] = better ? pixel[lane] : best[lane];
                    winner[lane] = better ? tap : winner[lane];
                }
            }
        }
}

/* dx = da at the pixel that won, 0 at the others. Windows may overlap, or leave pixels out. */
static void max_pool_backward(const operation *o, const pass *p, range part, int thread) {
    const int apart = o->side <= o->stride; /* windows that do not overlap: nothing to add up */
    for (int64_t unit = part.first / PAD; unit * PAD < part.last; unit++)
        for (int64_t c = 0; c < o->out; c++) {
            float *dx = floats_of(p, o->y, unit, thread) + c * o->y.plane;
            if (o->side != o->stride || o->rows * o->stride < o->height || o->columns * o->stride < o->width)
                for (int64_t i = 0; i < o->height; i++) memset(dx + i * o->y.row, 0, (size_t)(o->width * PAD) * sizeof *dx);
            for (int64_t i = 0; i < o->rows; i++) {
                const float *da = floats_of(p, o->x, unit, thread) + place_of_row(o->x, c, i);
                const int32_t *winner = (const int32_t *)floats_of(p, o->kept, unit, thread) + place_of_row(o->kept, c, i);
                float *row = dx + o->stride * i * o->y.row;
                for (int64_t j = 0; j < o->columns * PAD; j += LANES) {
                    const vector gradient = load(da + j);
                    const mask won = *(const unaligned_mask *)(winner + j);
                    float *window = row + j / PAD * o->stride * PAD + j % PAD;
                    for (int u = 0; u < o->side; u++)
                        for (int v = 0; v < o->side; v++) {
                            float *pixel = window + u * o->y.row + v * PAD;
                            const vector share = choose(won == u * (int32_t)o->side + v, gradient, splat(0));
                            store(pixel, apart ? share : load(pixel) + share);
                        }
                }
            }
        }
}
