/* What Python reads of the kernels: their names, the instruction sets, and the sizes that both must agree on. */
#ifndef PELLUCID_CONSTANTS_H
#define PELLUCID_CONSTANTS_H

#include <Python.h>

#include "train.h"

static PyObject *kernel_names(void) {
    static const char *const names[] = {
#define NAME(name) #name,
        KERNELS(NAME)
#undef NAME
    };
    PyObject *tuple = PyTuple_New(KERNEL_COUNT);
    for (int i = 0; tuple && i < KERNEL_COUNT; i++) PyTuple_SetItem(tuple, i, PyUnicode_FromString(names[i]));
    return tuple;
}

/* Those instruction sets that this machine has. */
static PyObject *set_names(void) {
    PyObject *list = PyList_New(0);
    for (const instruction_set *s = instruction_sets; list && s->name; s++) {
        PyObject *name = s->supported() ? PyUnicode_FromString(s->name) : NULL;
        if (name) PyList_Append(list, name);
        Py_XDECREF(name);
    }
    return list;
}

/* As engine/compiled.py has it. */
static PyObject *layout(void) {
    return Py_BuildValue("(iiiiiiiiiii)", PAD, TILE_ROWS, PANEL, SPARSE_STRIP, BLOCK, SUMMED, TILE_PIXELS, POINTS, TILES_ABREAST,
                         (int)sizeof(operation), (int)sizeof(optimizer));
}

#endif
