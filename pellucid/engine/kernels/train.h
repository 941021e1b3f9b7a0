/* Training by a plan, and the choice of the kernels that run it. */
#ifndef PELLUCID_TRAIN_H
#define PELLUCID_TRAIN_H

#include "plan.h"
#include "pool.h"

typedef struct {
    const operation *operations;
    int64_t count;
    const optimizer *rule;
    float *arena;
    int64_t batch_size;
    int64_t part; /* examples that are not torn apart between threads */
    int64_t scratch_size; /* floats of scratch for each thread */
    int threads;
    kernel *const *kernels; /* of one instruction set */
} plan;

/* What a plan needs beside itself: made once, used at every call. */
typedef struct {
    pool *threads;
    float *scratch;
    double *losses;
    int64_t *correct;
} workplace;

/* 0, or -1 where memory or threads are lacking; then there is nothing to close. */
int workplace_open(workplace *w, const plan *p);
void workplace_close(workplace *w);

/* Take steps on the examples of `order`, a batch at a time, with one learning rate each; `step` is the number of the
   first. Where there are distortions, one for each of these examples, their images go through them. Leaves the mean loss
   of each step before its update, and how many examples were right. Returns 0, or -1 where the system gives no threads. */
int train(const plan *p, workplace *w, const dataset *data, const int64_t *order, int64_t examples,
          const distortions *distorted, const double *rates, int64_t steps, int64_t step, double *losses, int64_t *correct);

/* The outputs (examples, outputs) of a plan that only goes forwards; the last operation writes them. Parameters and running
   statistics that the plan has not packed are read from theta and state. Returns whether all outputs are finite, or -1
   where the system gives no threads. */
int predict(const plan *p, workplace *w, const dataset *data, const float *theta, const float *state, int64_t examples,
            float *outputs);

/* An instruction set that the kernels were compiled for. */
typedef struct {
    const char *name;
    kernel *const *kernels;
    int (*supported)(void);
} instruction_set;

extern const instruction_set instruction_sets[]; /* the best first; the end has no name */

#endif
