/* A prediction: every thread carries some examples through all layers, then the next ones that nobody has taken yet. So the
   arena is as large as the threads are many, however many examples there are. */

#include <stdatomic.h>
#include <string.h>

#include "walk.h"

#define AT_ONCE 64 /* examples, at most: rows of a dense layer, so that its weights are read seldom */

typedef struct {
    const plan *p;
    const dataset *data;
    const float *theta, *state;
    int64_t examples, at_once;
    float *outputs, *scratch;
    atomic_llong taken; /* examples that some thread has begun with */
    atomic_int finite;
} answers;

static void forward(answers *a, int64_t first, int64_t count, int thread) {
    const plan *p = a->p;
    int64_t order[AT_ONCE];
    for (int64_t e = 0; e < count; e++) order[e] = first + e;
    const pass now = {.arena = p->arena, .theta = a->theta, .state = a->state, .data = a->data, .order = order,
                      .examples = count, .threads = p->threads, .scratch = a->scratch, .scratch_size = p->scratch_size};
    for (int64_t n = 0, end; n < p->count; n = end) {
        end = neighbours(p, n);
        carry_through(p, &now, n, end, (range){0, count}, p->operations[n].carry, thread);
    }
    const operation *last = &p->operations[p->count - 1];
    float sum = 0;
    for (int64_t e = 0; e < count; e++) {
        float *to = a->outputs + (first + e) * last->out;
        memcpy(to, floats_of(&now, last->y, e, thread), (size_t)last->out * sizeof *to);
        for (int64_t i = 0; i < last->out; i++) sum += to[i] * 0; /* NaN, if one is NaN or infinite */
    }
    if (sum != 0) atomic_store(&a->finite, 0);
}

static void answer(void *context, int thread) {
    answers *a = context;
    const unsigned long before = flush_denormals();
    for (int64_t first; (first = atomic_fetch_add(&a->taken, a->at_once)) < a->examples;)
        forward(a, first, a->examples - first < a->at_once ? a->examples - first : a->at_once, thread);
    restore_denormals(before);
}

/* Its share of the examples, in whole vectors of images abreast, and no more than the plan has room for. */
static int64_t at_once(const plan *p, int64_t examples) {
    const int64_t own = padded((examples + p->threads - 1) / p->threads), most = p->batch_size < AT_ONCE ? p->batch_size : AT_ONCE;
    return own < most ? own : most;
}

int predict(const plan *p, workplace *w, const dataset *data, const float *theta, const float *state, int64_t examples,
            float *outputs) {
    answers a = {p, data, theta, state, examples, at_once(p, examples), outputs, w->scratch, 0, 1};
    if (p->threads == 1 || examples <= a.at_once) answer(&a, 0);
    else if (pool_run(w->threads, answer, &a)) return -1;
    return atomic_load(&a.finite);
}
