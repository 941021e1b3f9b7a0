/* The extension module pellucid.engine._native: a plan made in Python, run in C with the GIL released.

   Limited API of Python 3.11: one build serves every later version. Arrays come by the buffer protocol. */

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "constants.h"
#include "train.h"

typedef struct {
    PyObject_HEAD
    Py_buffer operations, rule, arena;
    plan plan;
    workplace workplace;
    pid_t busy;                 /* the process whose thread runs the plan; a fork begins with nobody */
    int64_t features, outputs;  /* of the data that the plan is for; outputs is 0 where it only predicts */
    int64_t parameters, statistics; /* of theta and state, as far as a prediction reads them */
    int sparse;
} PlanObject;

static const instruction_set *find_set(const char *name) {
    for (const instruction_set *s = instruction_sets; s->name; s++)
        if (strcmp(s->name, name) == 0 && s->supported()) return s;
    PyErr_Format(PyExc_ValueError, "no kernels for the instruction set %s on this machine", name);
    return NULL;
}

/* The numbers of theta that it reads from w on; 0 where w is a place in the arena. */
static int64_t read_of_theta(const operation *o) {
    switch (o->kernel) {
    case KERNEL_convolution_predict: return (o->in * o->side * o->side + 1) * o->out;
    case KERNEL_dense_predict: return (o->in + 1) * o->out;
    case KERNEL_batch_norm_predict: return 2 * o->out;
    case KERNEL_layer_norm_predict: return 2 * o->out * (o->rows ? o->rows * o->columns : 1);
    default: return 0;
    }
}

/* The numbers of the state that it reads from sums on. */
static int64_t read_of_state(const operation *o) { return o->kernel == KERNEL_batch_norm_predict ? 2 * o->out : 0; }

/* What the data must look like, by the operations that read them. */
static void read_shape(PlanObject *self) {
    for (int64_t i = 0; i < self->plan.count; i++) {
        const operation *o = &self->plan.operations[i];
        if (o->kernel == KERNEL_gather) self->features = o->out;
        if (o->kernel == KERNEL_gather_abreast) self->features = o->out * o->rows * o->columns;
        if (o->kernel == KERNEL_gather_sparse) self->features = o->in, self->sparse = 1;
        if (o->kernel >= KERNEL_cross_entropy && o->kernel <= KERNEL_squared_error) /* a loss */
            self->outputs = o->out;
        if (o->kernel == KERNEL_gather_planes) self->features = o->out * o->rows * o->columns;
        const int64_t parameters = read_of_theta(o), statistics = read_of_state(o);
        if (parameters && self->parameters < o->w + parameters) self->parameters = o->w + parameters;
        if (statistics && self->statistics < o->sums + statistics) self->statistics = o->sums + statistics;
        if (o->kernel == KERNEL_peak) self->features = self->outputs = 1;
    }
}

/* No place of an operation may lie outside the arena; how far it reaches from there is engine/plan.py's word. */
static int check_operations(const PlanObject *self) {
    const int64_t size = self->arena.len / (int64_t)sizeof(float);
    for (int64_t i = 0; i < self->plan.count; i++) {
        const operation *o = &self->plan.operations[i];
        const int64_t w = read_of_theta(o) ? 0 : o->w, sums = read_of_state(o) ? 0 : o->sums;
        const int64_t places[] = {o->x.place, o->y.place, o->kept.place, o->also.place, w, sums};
        int wrong = o->kernel < 0 || o->kernel >= KERNEL_COUNT || o->in < 0 || o->out < 0 || o->carry < 0 || o->w < 0 || o->sums < 0;
        for (int n = 0; n < 6; n++) wrong |= places[n] < 0 || places[n] >= size;
        if (wrong) {
            PyErr_Format(PyExc_ValueError, "operation %lld is out of range", (long long)i);
            return -1;
        }
    }
    return 0;
}

static int plan_init(PlanObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"operations", "rule", "arena", "batch_size", "part", "scratch_size", "threads", "instruction_set", NULL};
    PyObject *operations, *rule, *arena;
    long long batch_size, part, scratch_size;
    int threads;
    const char *set_name;
    if (self->operations.obj) {
        PyErr_SetString(PyExc_RuntimeError, "a plan is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOLLLis", names, &operations, &rule, &arena, &batch_size,
                                     &part, &scratch_size, &threads, &set_name))
        return -1;
    const instruction_set *set = find_set(set_name);
    if (!set) return -1;
    if (batch_size < 1 || part < 1 || scratch_size < 0 || threads < 1) {
        PyErr_SetString(PyExc_ValueError, "batch_size, part and threads are at least 1");
        return -1;
    }
    if (take(operations, &self->operations, 0, 1, sizeof(operation), NULL, "operations") ||
        take(rule, &self->rule, 0, 1, sizeof(optimizer), NULL, "rule") ||
        take(arena, &self->arena, 1, 1, sizeof(float), "f", "arena"))
        return -1;
    self->plan = (plan){self->operations.buf, self->operations.len / (int64_t)sizeof(operation), self->rule.buf,
                        self->arena.buf, batch_size, part, scratch_size, threads, set->kernels};
    if (check_operations(self)) return -1;
    read_shape(self);
    if (workplace_open(&self->workplace, &self->plan)) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static void plan_dealloc(PlanObject *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    workplace_close(&self->workplace);
    if (self->operations.obj) PyBuffer_Release(&self->operations);
    if (self->rule.obj) PyBuffer_Release(&self->rule);
    if (self->arena.obj) PyBuffer_Release(&self->arena);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* Take the images, bytes or floats, and see that they are those of the plan; how many, or -1 with an exception set. */
static int64_t take_images(const PlanObject *self, PyObject *object, Py_buffer *buffer, dataset *data) {
    if (!self->workplace.threads) {
        PyErr_SetString(PyExc_RuntimeError, "the plan was never made");
        return -1;
    }
    if (PyObject_GetBuffer(object, buffer, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)) return -1;
    const char kind = buffer->format ? buffer->format[0] : 'B';
    const int64_t item = buffer->itemsize, features = self->features;
    const int fits = (kind == 'B' && item == 1) || (kind == 'f' && item == 4 && !self->sparse);
    if (!fits || data->area < 1 || data->channels < 1 || data->area != features / data->channels ||
        features % data->channels || buffer->len % (features * item) || (uintptr_t)buffer->buf % (size_t)item) {
        PyErr_Format(PyExc_ValueError, "images: uint8 or float32 of %lld numbers each expected", (long long)features);
        return -1;
    }
    data->pixels = item == 1 ? buffer->buf : NULL;
    data->values = item == 4 ? buffer->buf : NULL;
    return buffer->len / (features * item);
}

static PyObject *plan_train(PlanObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"images", "targets", "area", "channels", "scale", "offset", "order", "rates", "step",
                            "losses", "correct", "distortions", "weights", NULL};
    PyObject *images, *targets, *order, *rates, *losses, *correct, *distorted = Py_None, *weights = Py_None;
    distortions how = {0};
    dataset data = {0};
    long long area, channels, step;
    training_arrays a = {0};
    PyObject *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOLLffOOLOO|OO", names, &images, &targets, &area, &channels, &data.scale,
                                     &data.offset, &order, &rates, &step, &losses, &correct, &distorted, &weights))
        return NULL;
    data.area = area, data.channels = channels;
    const int64_t count = take_images(self, images, &a.images, &data);
    if (count < 0 || take(targets, &a.targets, 0, count * self->outputs, sizeof(float), "f", "targets") ||
        (weights != Py_None && take(weights, &a.weights, 0, count, sizeof(float), "f", "weights")) ||
        take(order, &a.order, 0, 0, sizeof(int64_t), "lq", "order") ||
        take(rates, &a.rates, 0, 0, sizeof(double), "d", "rates"))
        goto done;
    const int64_t examples = a.order.len / (int64_t)sizeof(int64_t), steps = a.rates.len / (int64_t)sizeof(double);
    if (!self->outputs || steps != (examples + self->plan.batch_size - 1) / self->plan.batch_size) {
        PyErr_SetString(PyExc_ValueError, "a plan of a training and a rate for each batch of order expected");
        goto done;
    }
    if (take(losses, &a.losses, 1, steps, sizeof(double), "d", "losses") ||
        take(correct, &a.correct, 1, steps, sizeof(int64_t), "lq", "correct") ||
        check_order(a.order.buf, examples, count) ||
        (distorted != Py_None &&
         take_distortions(distorted, &a.distorted, examples, &data, self->plan.scratch_size, &how)))
        goto done;
    if (self->busy == getpid()) {
        PyErr_SetString(PyExc_RuntimeError, "the plan is running already, in another thread");
        goto done;
    }
    data.targets = a.targets.buf, data.weights = a.weights.buf;
    int failed;
    self->busy = getpid();
    Py_BEGIN_ALLOW_THREADS
    failed = train(&self->plan, &self->workplace, &data, a.order.buf, examples, how.maps ? &how : NULL, a.rates.buf,
                   steps, step, a.losses.buf, a.correct.buf);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    if (failed) PyErr_SetString(PyExc_RuntimeError, "the system gives no more threads");
    else result = Py_NewRef(Py_None);
done:
    release_training(&a);
    return result;
}

static PyObject *plan_predict(PlanObject *self, PyObject *args) {
    PyObject *images, *theta, *state, *outputs;
    dataset data = {0};
    long long area, channels;
    Py_buffer i = {0}, t = {0}, s = {0}, o = {0};
    PyObject *result = NULL;
    int finite;
    if (!PyArg_ParseTuple(args, "OOOLLffO", &images, &theta, &state, &area, &channels, &data.scale, &data.offset, &outputs))
        return NULL;
    data.area = area, data.channels = channels;
    const int64_t count = take_images(self, images, &i, &data);
    const int64_t width = count < 0 ? 0 : self->plan.operations[self->plan.count - 1].out;
    if (count < 0 || take(theta, &t, 0, self->parameters, sizeof(float), "f", "theta") ||
        take(state, &s, 0, self->statistics, sizeof(float), "f", "state") ||
        take(outputs, &o, 1, count * width, sizeof(float), "f", "outputs"))
        goto done;
    if (self->outputs) {
        PyErr_SetString(PyExc_ValueError, "a plan of a prediction expected");
        goto done;
    }
    if (self->parameters) { /* with the GIL held: it takes some µs, the arena is for one at a time, and nobody moves theta */
        finite = predict(&self->plan, &self->workplace, &data, t.buf, s.buf, count, o.buf);
    } else {
        if (self->busy == getpid()) {
            PyErr_SetString(PyExc_RuntimeError, "the plan is running already, in another thread");
            goto done;
        }
        self->busy = getpid();
        Py_BEGIN_ALLOW_THREADS
        finite = predict(&self->plan, &self->workplace, &data, t.buf, s.buf, count, o.buf);
        Py_END_ALLOW_THREADS
        self->busy = 0;
    }
    if (finite < 0) PyErr_SetString(PyExc_RuntimeError, "the system gives no more threads");
    else result = PyBool_FromLong(finite);
done:
    if (i.obj) PyBuffer_Release(&i);
    if (t.obj) PyBuffer_Release(&t);
    if (s.obj) PyBuffer_Release(&s);
    if (o.obj) PyBuffer_Release(&o);
    return result;
}

/* Copy one vector into another, as long at least; whether that changes it, or -1 with an exception set. */
static int copy_into(PyObject *to, PyObject *from) {
    Py_buffer t = {0}, f = {0};
    int changed = -1;
    if (take(from, &f, 0, 0, sizeof(float), "f", "from") ||
        take(to, &t, 1, f.len / (int64_t)sizeof(float), sizeof(float), "f", "to"))
        goto done;
    changed = memcmp(t.buf, f.buf, (size_t)f.len) != 0;
    if (changed) memcpy(t.buf, f.buf, (size_t)f.len);
done:
    if (t.obj) PyBuffer_Release(&t);
    if (f.obj) PyBuffer_Release(&f);
    return changed;
}

static PyObject *copy(PyObject *module, PyObject *args) {
    PyObject *to[2], *from[2];
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO", &to[0], &from[0], &to[1], &from[1])) return NULL;
    const int first = copy_into(to[0], from[0]), second = first < 0 ? -1 : copy_into(to[1], from[1]);
    return second < 0 ? NULL : PyBool_FromLong(first | second);
}

static PyMethodDef plan_methods[] = {
    {"train", (PyCFunction)(void (*)(void))plan_train, METH_VARARGS | METH_KEYWORDS,
     "train(images, targets, area, channels, scale, offset, order, rates, step, losses, correct, distortions=None, "
     "weights=None)\n--\n\n"
     "Take a step on each batch of `order`; losses and correct are filled in."},
    {"predict", (PyCFunction)plan_predict, METH_VARARGS,
     "predict(images, theta, state, area, channels, scale, offset, outputs)\n--\n\nFill in the outputs for images, at theta and state; whether all are finite."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot plan_slots[] = {{Py_tp_init, plan_init},
                                   {Py_tp_dealloc, plan_dealloc},
                                   {Py_tp_methods, plan_methods},
                                   {Py_tp_doc, "Operations on an arena, with the threads that run them."},
                                   {0, NULL}};
static PyType_Spec plan_spec = {"pellucid.engine._native.Plan", sizeof(PlanObject), 0, Py_TPFLAGS_DEFAULT, plan_slots};

/* Add an object to the module, and give up one's own reference to it. */
static int add(PyObject *module, const char *name, PyObject *object) {
    const int failed = !object || PyModule_AddObjectRef(module, name, object);
    Py_XDECREF(object);
    return failed;
}

static int exec_module(PyObject *module) {
    return add(module, "Plan", PyType_FromSpec(&plan_spec)) || add(module, "KERNELS", kernel_names()) ||
                   add(module, "INSTRUCTION_SETS", set_names()) || add(module, "LAYOUT", layout())
               ? -1
               : 0;
}

static PyMethodDef methods[] = {
    {"copy", copy, METH_VARARGS,
     "copy(theta, from_theta, state, from_state)\n--\n\nCopy both with the GIL held, so that no prediction sees half of them; "
     "whether anything changes."},
    {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, exec_module}, {0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", "The kernels of the native engine.", 0, methods,
                                        module_slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
