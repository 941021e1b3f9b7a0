/* A chunk of steps: every thread walks through the operations, does its share of each, and meets the others. */

#include "train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* Numbers below 1.2e-38 count as 0 while the kernels run: they would take a hundred times as long as others. */
static unsigned long flush_denormals(void) {
#if defined(__SSE__)
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
    return before;
#elif defined(__aarch64__)
    unsigned long before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (1ul << 24)));
    return before;
#else
    return 0;
#endif
}

static void restore_denormals(unsigned long before) {
#if defined(__SSE__)
    _mm_setcsr((unsigned)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

typedef struct {
    const plan *p;
    workplace *w;
    const dataset *data;
    const int64_t *order;
    int64_t examples;
    const distortions *distorted;
    const double *rates;
    int64_t steps, step;
    double *losses;
    int64_t *correct;
} chunk;

/* What the kernels of step `i` of the chunk are told. */
static pass pass_of(const chunk *c, int64_t i) {
    const plan *p = c->p;
    const int64_t rest = c->examples - i * p->batch_size;
    pass now = {
        .arena = p->arena,
        .data = c->data,
        .rule = p->rule,
        .order = c->order + i * p->batch_size,
        .distortions = c->distorted,
        .before = i * p->batch_size,
        .examples = rest < p->batch_size ? rest : p->batch_size,
        .ahead = rest < p->batch_size ? 0 : rest - p->batch_size,
        .threads = p->threads,
        .part = p->part,
        .step = c->step + i,
        .rate = (float)c->rates[i],
        .losses = c->w->losses,
        .correct = c->w->correct,
        .scratch = c->w->scratch,
        .scratch_size = p->scratch_size,
    };
    if (p->rule->kind == ADAM) {
        now.unbiased_rate = (float)(c->rates[i] / (1 - pow(p->rule->beta1, (double)now.step)));
        now.unbias = (float)(1 / (1 - pow(p->rule->beta2, (double)now.step)));
    }
    now.loss_scale = 1.0f / (float)now.examples;
    if (p->rule->kind == SGD && p->rule->clip_norm == 0) now.loss_scale *= -now.rate; /* see dense_descend */
    return now;
}

/* The operations from `n` on that a thread carries the same number of examples through, without meeting the others. */
static int64_t neighbours(const plan *p, int64_t n) {
    int64_t end = n + 1;
    while (end < p->count && !p->operations[end].meet && p->operations[end].carry == p->operations[n].carry) end++;
    return end;
}

static void run(const plan *p, const pass *now, int64_t n, range part, int thread) {
    p->kernels[p->operations[n].kernel](&p->operations[n], now, part, thread);
}

/* A few examples go through neighbouring operations while what they leave is still in the cache, then the next few. */
static void carry_through(const plan *p, const pass *now, int64_t n, int64_t end, range all, int64_t carry, int thread) {
    for (int64_t e = all.first; e < all.last; e += carry) {
        const range part = {e, e + carry < all.last ? e + carry : all.last};
        for (int64_t k = n; k < end; k++) run(p, now, k, part, thread);
    }
}

static void walk(void *context, int thread) {
    const chunk *c = context;
    const plan *p = c->p;
    const unsigned long before = flush_denormals();
    for (int64_t i = 0; i < c->steps; i++) {
        const pass now = pass_of(c, i);
        const range all = share(now.examples, p->part, thread, p->threads);
        for (int64_t n = 0, end; n < p->count; n = end) {
            const int64_t carry = p->operations[n].carry;
            end = neighbours(p, n);
            if (p->operations[n].meet) pool_meet(c->w->threads);
            if (carry) carry_through(p, &now, n, end, all, carry, thread);
            else for (int64_t k = n; k < end; k++) run(p, &now, k, all, thread);
        }
        if (thread == 0) { /* all have met since the losses were written, and will before they are written again */
            double loss = 0;
            int64_t correct = 0;
            for (int64_t e = 0; e < now.examples; e++) loss += now.losses[e], correct += now.correct[e];
            c->losses[i] = loss / (double)now.examples;
            c->correct[i] = correct;
        }
    }
    restore_denormals(before);
}

int train(const plan *p, workplace *w, const dataset *data, const int64_t *order, int64_t examples,
          const distortions *distorted, const double *rates, int64_t steps, int64_t step, double *losses, int64_t *correct) {
    chunk c = {p, w, data, order, examples, distorted, rates, steps, step, losses, correct};
    return pool_run(w->threads, walk, &c);
}

#define AT_ONCE 64 /* examples of a prediction */

int predict(const plan *p, const dataset *data, const float *theta, int64_t examples, float *outputs) {
    const operation *last = &p->operations[p->count - 1];
    const unsigned long before = flush_denormals();
    const int64_t at_once = p->batch_size < AT_ONCE ? p->batch_size : AT_ONCE;
    for (int64_t first = 0; first < examples; first += at_once) {
        int64_t order[AT_ONCE];
        const int64_t rest = examples - first, count = rest < at_once ? rest : at_once;
        const pass now = {.arena = p->arena, .theta = theta, .data = data, .order = order, .examples = count, .threads = 1};
        for (int64_t e = 0; e < count; e++) order[e] = first + e;
        for (int64_t n = 0; n < p->count; n++) run(p, &now, n, (range){0, count}, 0);
        for (int64_t e = 0; e < now.examples; e++)
            memcpy(outputs + (first + e) * last->out, p->arena + last->y.place + e * padded(last->out),
                   (size_t)last->out * sizeof(float));
    }
    float all = 0;
    for (int64_t i = 0; i < examples * last->out; i++) all += outputs[i] * 0; /* NaN, if one is NaN or infinite */
    restore_denormals(before);
    return all == 0;
}

int workplace_open(workplace *w, const plan *p) {
    const size_t batch = (size_t)p->batch_size, scratch = (size_t)p->scratch_size * (size_t)p->threads * sizeof(float);
    memset(w, 0, sizeof *w);
    w->threads = pool_new(p->threads);
    w->scratch = aligned_alloc(64, (scratch + 127) / 64 * 64);
    w->losses = calloc(batch, sizeof *w->losses);
    w->correct = calloc(batch, sizeof *w->correct);
    if (w->threads && w->scratch && w->losses && w->correct) return 0;
    workplace_close(w);
    return -1;
}

void workplace_close(workplace *w) {
    if (w->threads) pool_free(w->threads);
    free(w->scratch);
    free(w->losses);
    free(w->correct);
    memset(w, 0, sizeof *w);
}
