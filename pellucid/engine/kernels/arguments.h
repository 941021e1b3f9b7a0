/* What Python hands over: buffers, checked before a kernel sees them. */
#ifndef PELLUCID_ARGUMENTS_H
#define PELLUCID_ARGUMENTS_H

#include <Python.h>

#include <string.h>

#include "plan.h"

/* Take a contiguous buffer of at least `count` items of `size` bytes whose format is one of `kinds` (NULL: any); 0, or
   -1 with an exception set. */
static int take(PyObject *object, Py_buffer *buffer, int writable, int64_t count, size_t size, const char *kinds,
                const char *name) {
    if (PyObject_GetBuffer(object, buffer, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0))) return -1;
    const char kind = buffer->format ? buffer->format[0] : 'B';
    const int other = kinds && (strlen(buffer->format ? buffer->format : "B") != 1 || !strchr(kinds, kind));
    if (other || (size_t)buffer->itemsize != size || buffer->len / (int64_t)size < count || (uintptr_t)buffer->buf % (size < 8 ? size : 8)) {
        PyErr_Format(PyExc_ValueError, "%s: %lld items of %d bytes expected, %lld bytes with items of %lld (%s) came", name,
                     (long long)count, (int)size, (long long)buffer->len, (long long)buffer->itemsize,
                     buffer->format ? buffer->format : "B");
        PyBuffer_Release(buffer);
        memset(buffer, 0, sizeof *buffer);
        return -1;
    }
    return 0;
}

/* The buffers of distortions. */
typedef struct {
    Py_buffer maps, rectangles, indices, down, across;
} distortion_arrays;

static void release_distortions(distortion_arrays *a) {
    Py_buffer *all[] = {&a->maps, &a->rectangles, &a->indices, &a->down, &a->across};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->obj) PyBuffer_Release(all[i]);
}

/* Take the distortions of so many examples: (height, width, maps, rectangles), and where there is an elastic field
   (..., indices, key, radius, down, across), see plan.h; 0, or -1 with an exception set. */
static int take_distortions(PyObject *tuple, distortion_arrays *a, int64_t examples, const dataset *data,
                            int64_t scratch_size, distortions *d) {
    PyObject *maps, *rectangles, *indices = NULL, *down, *across;
    long long height, width, radius = 0;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "distortions: a tuple expected");
        return -1;
    }
    if (!PyArg_ParseTuple(tuple, "LLOO|O(II)LOO", &height, &width, &maps, &rectangles, &indices, &d->key[0], &d->key[1],
                          &radius, &down, &across))
        return -1;
    if (height < 1 || width < 1 || height > data->area || data->area % height || width != data->area / height ||
        data->area > INT32_MAX / 16 || scratch_size < distortion_size(height, width, data->channels) || radius < 0 ||
        (indices && PyTuple_Size(tuple) != 9)) {
        PyErr_SetString(PyExc_ValueError, "distortions: those of the plan's images expected");
        return -1;
    }
    if (take(maps, &a->maps, 0, 6 * examples, sizeof(float), "f", "maps") ||
        take(rectangles, &a->rectangles, 0, 4 * examples, sizeof(int64_t), "lq", "rectangles"))
        return -1;
    if (indices && (take(indices, &a->indices, 0, examples, sizeof(int64_t), "lq", "indices") ||
                    take(down, &a->down, 0, height * height, sizeof(float), "f", "down") ||
                    take(across, &a->across, 0, width * padded(width), sizeof(float), "f", "across")))
        return -1;
    d->height = height, d->width = width, d->radius = radius;
    d->maps = a->maps.buf, d->rectangles = a->rectangles.buf, d->indices = a->indices.buf;
    d->down = a->down.buf, d->across = a->across.buf;
    return 0;
}

/* The buffers of a training. */
typedef struct {
    Py_buffer images, targets, order, rates, losses, correct, weights;
    distortion_arrays distorted;
} training_arrays;

static void release_training(training_arrays *a) {
    Py_buffer *all[] = {&a->images, &a->targets, &a->order, &a->rates, &a->losses, &a->correct, &a->weights};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->obj) PyBuffer_Release(all[i]);
    release_distortions(&a->distorted);
}

static int check_order(const int64_t *order, int64_t count, int64_t images) {
    for (int64_t i = 0; i < count; i++)
        if (order[i] < 0 || order[i] >= images) {
            PyErr_Format(PyExc_IndexError, "order names example %lld of %lld", (long long)order[i], (long long)images);
            return -1;
        }
    return 0;
}

#endif
