/* A chunk of steps: every thread walks through the operations, does its share of each, and meets the others. */

#include "train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

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

/* Σ w of the batch. */
static double weight_of_all(const pass *p) {
    double sum = 0;
    if (!p->data->weights) return (double)p->examples;
    for (int64_t e = 0; e < p->examples; e++) sum += weight_of(p, e);
    return sum;
}

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
        .rate = c->rates[i],
        .losses = c->w->losses,
        .correct = c->w->correct,
        .scratch = c->w->scratch,
        .scratch_size = p->scratch_size,
    };
    if (p->rule->kind == ADAM) {
        now.unbiased_rate = c->rates[i] / (1 - pow(p->rule->beta1, (double)now.step));
        now.unbias = 1 / (1 - pow(p->rule->beta2, (double)now.step));
    }
    if (p->rule->average) {
        const double d = p->rule->decay;
        now.average_share = (1 - d) / (1 - pow(d, (double)(now.step - p->rule->before)));
    }
    now.weight = weight_of_all(&now);
    now.loss_scale = (float)(1 / now.weight);
    if (p->rule->in_product) now.loss_scale *= -(float)now.rate; /* see descend */
    return now;
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
            for (int64_t e = 0; e < now.examples; e++) loss += weight_of(&now, e) * now.losses[e], correct += now.correct[e];
            c->losses[i] = loss / now.weight;
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
