/* The extension module pellucid.engine._native: a plan made in Python, run in C with the GIL released.

   Limited API of Python 3.11: one build serves every later version. Arrays come by the buffer protocol. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "train.h"

typedef struct {
    PyObject_HEAD
    Py_buffer operations, rule, arena;
    plan plan;
    workplace workplace;
    int busy;
} PlanObject;

/* Take a contiguous buffer of at least `count` items of `size` bytes; 0, or -1 with an exception set. */
static int take(PyObject *object, Py_buffer *buffer, int writable, int64_t count, size_t size, const char *name) {
    if (PyObject_GetBuffer(object, buffer, PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0))) return -1;
    if ((size_t)buffer->itemsize != size || buffer->len < count * (int64_t)size) {
        PyErr_Format(PyExc_ValueError, "%s: %lld items of %d bytes expected, %lld bytes with items of %lld came", name,
                     (long long)count, (int)size, (long long)buffer->len, (long long)buffer->itemsize);
        PyBuffer_Release(buffer);
        memset(buffer, 0, sizeof *buffer);
        return -1;
    }
    return 0;
}

static const instruction_set *find_set(const char *name) {
    for (const instruction_set *s = instruction_sets; s->name; s++)
        if (strcmp(s->name, name) == 0 && s->supported()) return s;
    PyErr_Format(PyExc_ValueError, "no kernels for the instruction set %s on this machine", name);
    return NULL;
}

/* No place of an operation may lie outside the arena; how far it reaches from there is engine/plan.py's word. */
static int check_operations(const PlanObject *self) {
    const int64_t size = self->arena.len / (int64_t)sizeof(float);
    for (int64_t i = 0; i < self->plan.count; i++) {
        const operation *o = &self->plan.operations[i];
        const int64_t places[] = {o->x, o->y, o->w};
        int wrong = o->kernel < 0 || o->kernel >= KERNEL_COUNT || o->in < 0 || o->out < 0;
        for (int n = 0; n < 3; n++) wrong |= places[n] < 0 || places[n] >= size;
        if (wrong) {
            PyErr_Format(PyExc_ValueError, "operation %lld is out of range", (long long)i);
            return -1;
        }
    }
    return 0;
}

static int plan_init(PlanObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"operations", "rule", "arena", "batch_size", "scratch_size", "threads", "instruction_set", NULL};
    PyObject *operations, *rule, *arena;
    long long batch_size, scratch_size;
    int threads;
    const char *set_name;
    if (self->plan.kernels) {
        PyErr_SetString(PyExc_RuntimeError, "a plan is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOLLis", names, &operations, &rule, &arena, &batch_size,
                                     &scratch_size, &threads, &set_name))
        return -1;
    const instruction_set *set = find_set(set_name);
    if (!set) return -1;
    if (batch_size < 1 || scratch_size < 0 || threads < 1) {
        PyErr_SetString(PyExc_ValueError, "batch_size and threads are at least 1");
        return -1;
    }
    if (take(operations, &self->operations, 0, 1, sizeof(operation), "operations") ||
        take(rule, &self->rule, 0, 1, sizeof(optimizer), "rule") ||
        take(arena, &self->arena, 1, 1, sizeof(float), "arena"))
        return -1;
    self->plan = (plan){self->operations.buf, self->operations.len / (int64_t)sizeof(operation), self->rule.buf,
                        self->arena.buf, batch_size, scratch_size, threads, set->kernels};
    if (check_operations(self)) return -1;
    if (workplace_open(&self->workplace, &self->plan)) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static void plan_dealloc(PlanObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    workplace_close(&self->workplace);
    if (self->operations.obj) PyBuffer_Release(&self->operations);
    if (self->rule.obj) PyBuffer_Release(&self->rule);
    if (self->arena.obj) PyBuffer_Release(&self->arena);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* The arguments of train as buffers. */
typedef struct {
    Py_buffer images, targets, order, rates, losses, correct;
} arrays;

static void release(arrays *a) {
    Py_buffer *all[] = {&a->images, &a->targets, &a->order, &a->rates, &a->losses, &a->correct};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->obj) PyBuffer_Release(all[i]);
}

static int check_order(const int64_t *order, int64_t count, int64_t images) {
    for (int64_t i = 0; i < count; i++)
        if (order[i] < 0 || order[i] >= images) {
            PyErr_Format(PyExc_IndexError, "order names example %lld of %lld", (long long)order[i], (long long)images);
            return -1;
        }
    return 0;
}

static PyObject *plan_train(PlanObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"images", "targets", "area", "channels", "outputs", "scale", "offset",
                            "order",  "rates",   "step", "losses",   "correct", NULL};
    PyObject *images, *targets, *order, *rates, *losses, *correct;
    dataset data = {0};
    long long area, channels, outputs, step;
    arrays a = {0};
    PyObject *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOLLLffOOLOO", names, &images, &targets, &area, &channels, &outputs,
                                     &data.scale, &data.offset, &order, &rates, &step, &losses, &correct))
        return NULL;
    if (PyObject_GetBuffer(images, &a.images, PyBUF_C_CONTIGUOUS)) goto done;
    const int64_t features = area * channels, item = a.images.itemsize;
    if ((item != 1 && item != 4) || features < 1 || outputs < 1 || a.images.len % (features * item)) {
        PyErr_SetString(PyExc_ValueError, "images: uint8 or float32 of area * channels numbers expected");
        goto done;
    }
    const int64_t count = a.images.len / (features * item);
    if (take(targets, &a.targets, 0, count * outputs, sizeof(float), "targets") ||
        take(order, &a.order, 0, 0, sizeof(int64_t), "order") || take(rates, &a.rates, 0, 0, sizeof(double), "rates"))
        goto done;
    const int64_t examples = a.order.len / (int64_t)sizeof(int64_t), steps = a.rates.len / (int64_t)sizeof(double);
    if (steps != (examples + self->plan.batch_size - 1) / self->plan.batch_size) {
        PyErr_SetString(PyExc_ValueError, "rates: one for each batch of order expected");
        goto done;
    }
    if (take(losses, &a.losses, 1, steps, sizeof(double), "losses") ||
        take(correct, &a.correct, 1, steps, sizeof(int64_t), "correct") ||
        check_order(a.order.buf, examples, count))
        goto done;
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "the plan is running already, in another thread");
        goto done;
    }
    data.pixels = item == 1 ? a.images.buf : NULL;
    data.values = item == 4 ? a.images.buf : NULL;
    data.targets = a.targets.buf;
    data.area = area, data.channels = channels, data.outputs = outputs;
    int failed;
    self->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    failed = train(&self->plan, &self->workplace, &data, a.order.buf, examples, a.rates.buf, steps, step, a.losses.buf,
                   a.correct.buf);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    if (failed) PyErr_SetString(PyExc_RuntimeError, "the system gives no more threads");
    else result = Py_NewRef(Py_None);
done:
    release(&a);
    return result;
}

static PyObject *plan_predict(PlanObject *self, PyObject *args) {
    PyObject *images, *theta, *outputs;
    dataset data = {0};
    long long area, channels;
    Py_buffer i = {0}, t = {0}, o = {0};
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "OOLLffO", &images, &theta, &area, &channels, &data.scale, &data.offset, &outputs))
        return NULL;
    const int64_t features = area * channels, width = self->plan.operations[self->plan.count - 1].out;
    if (PyObject_GetBuffer(images, &i, PyBUF_C_CONTIGUOUS) || take(theta, &t, 0, 0, sizeof(float), "theta") ||
        take(outputs, &o, 1, 0, sizeof(float), "outputs"))
        goto done;
    const int64_t count = features > 0 ? i.len / (features * i.itemsize) : 0;
    if ((i.itemsize != 1 && i.itemsize != 4) || i.len != count * features * i.itemsize ||
        o.len != count * width * (int64_t)sizeof(float)) {
        PyErr_SetString(PyExc_ValueError, "images (N, area * channels) of uint8 or float32, outputs (N, outputs)");
        goto done;
    }
    data.pixels = i.itemsize == 1 ? i.buf : NULL;
    data.values = i.itemsize == 4 ? i.buf : NULL;
    data.area = area, data.channels = channels;
    predict(&self->plan, &data, t.buf, count, o.buf); /* with the GIL held: a few µs, and the arena is for one at a time */
    result = Py_NewRef(Py_None);
done:
    if (i.obj) PyBuffer_Release(&i);
    if (t.obj) PyBuffer_Release(&t);
    if (o.obj) PyBuffer_Release(&o);
    return result;
}

static PyMethodDef plan_methods[] = {
    {"train", (PyCFunction)(void (*)(void))plan_train, METH_VARARGS | METH_KEYWORDS,
     "train(images, targets, area, channels, outputs, scale, offset, order, rates, step, losses, correct)\n--\n\n"
     "Take a step on each batch of `order`; losses and correct are filled in."},
    {"predict", (PyCFunction)plan_predict, METH_VARARGS,
     "predict(images, theta, area, channels, scale, offset, outputs)\n--\n\nFill in the outputs for images, at theta."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot plan_slots[] = {{Py_tp_init, plan_init},
                                   {Py_tp_dealloc, plan_dealloc},
                                   {Py_tp_methods, plan_methods},
                                   {Py_tp_doc, "Operations on an arena, with the threads that run them."},
                                   {0, NULL}};
static PyType_Spec plan_spec = {"pellucid.engine._native.Plan", sizeof(PlanObject), 0, Py_TPFLAGS_DEFAULT, plan_slots};

static int add_names(PyObject *module) {
    static const char *const kernel_names[] = {
#define NAME(name) #name,
        KERNELS(NAME)
#undef NAME
    };
    PyObject *kernels = PyTuple_New(KERNEL_COUNT), *sets = PyList_New(0);
    if (!kernels || !sets) return -1;
    for (int i = 0; i < KERNEL_COUNT; i++) PyTuple_SetItem(kernels, i, PyUnicode_FromString(kernel_names[i]));
    for (const instruction_set *s = instruction_sets; s->name; s++) {
        PyObject *name = s->supported() ? PyUnicode_FromString(s->name) : NULL;
        if (name && PyList_Append(sets, name)) return -1;
        Py_XDECREF(name);
    }
    return PyModule_AddObjectRef(module, "KERNELS", kernels) || PyModule_AddObjectRef(module, "INSTRUCTION_SETS", sets) ||
           PyModule_AddIntConstant(module, "PAD", PAD) ||
           PyModule_AddIntConstant(module, "OPERATION_BYTES", sizeof(operation)) ||
           PyModule_AddIntConstant(module, "RULE_BYTES", sizeof(optimizer));
}

static int exec_module(PyObject *module) {
    PyObject *type = PyType_FromSpec(&plan_spec);
    return !type || PyModule_AddObjectRef(module, "Plan", type) || add_names(module) ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, exec_module}, {0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", "The kernels of the native engine.", 0, NULL,
                                        module_slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
