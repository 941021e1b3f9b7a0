/* The pool: threads wait by spinning for as long as a step's halves may differ, then they sleep. */

#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define SPINS 4000 /* about 50 to 100 µs; a sleeper needs about 10 µs to wake, on a quiet machine */

typedef void work_function(void *context, int thread);

/* A number that goes up; threads wait until it is no longer what they have seen. */
typedef struct {
    atomic_uint value;
    atomic_int sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} signal_number;

struct pool {
    int threads, started; /* workers that run: threads - 1, or 0 before the first run */
    pid_t process;        /* that the workers belong to; a fork has none of them */
    pthread_t *workers;
    work_function *work; /* NULL asks the workers to leave */
    void *context;
    signal_number begin, met;
    atomic_int arrived;
};

typedef struct {
    pool *p;
    int thread;
    unsigned seen; /* the value of `begin` when the worker was made */
} worker;

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb"); /* yield takes no time at all on many cores */
#endif
}

static void signal_init(signal_number *s) {
    atomic_init(&s->value, 0);
    atomic_init(&s->sleepers, 0);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
}

static void signal_destroy(signal_number *s) {
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->changed);
}

static void signal_raise(signal_number *s) {
    atomic_fetch_add(&s->value, 1);
    if (atomic_load(&s->sleepers)) {
        pthread_mutex_lock(&s->mutex); /* a sleeper that has counted itself sleeps already, or will see the value */
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->mutex);
    }
}

static void signal_wait(signal_number *s, unsigned seen) {
    for (int spin = 0; spin < SPINS; spin++) {
        if (atomic_load_explicit(&s->value, memory_order_acquire) != seen) return;
        relax();
    }
    pthread_mutex_lock(&s->mutex);
    atomic_fetch_add(&s->sleepers, 1);
    while (atomic_load(&s->value) == seen) pthread_cond_wait(&s->changed, &s->mutex);
    atomic_fetch_sub(&s->sleepers, 1);
    pthread_mutex_unlock(&s->mutex);
}

void pool_meet(pool *p) {
    if (p->threads == 1) return;
    const unsigned seen = atomic_load(&p->met.value);
    if (atomic_fetch_add(&p->arrived, 1) == p->threads - 1) {
        atomic_store(&p->arrived, 0);
        signal_raise(&p->met);
    } else {
        signal_wait(&p->met, seen);
    }
}

static void *serve(void *argument) {
    const worker me = *(worker *)argument;
    free(argument);
    for (unsigned seen = me.seen;; seen++) {
        signal_wait(&me.p->begin, seen);
        if (!me.p->work) return NULL;
        me.p->work(me.p->context, me.thread);
        pool_meet(me.p);
    }
}

static void begin_work(pool *p, work_function *work, void *context) {
    p->work = work;
    p->context = context;
    signal_raise(&p->begin);
}

static void stop(pool *p) {
    begin_work(p, NULL, NULL);
    for (int i = 0; i < p->started; i++) pthread_join(p->workers[i], NULL);
    p->started = 0;
}

static int start(pool *p) {
    p->process = getpid();
    for (p->started = 0; p->started < p->threads - 1; p->started++) {
        worker *me = malloc(sizeof *me);
        if (me) *me = (worker){p, p->started + 1, atomic_load(&p->begin.value)};
        if (!me || pthread_create(&p->workers[p->started], NULL, serve, me)) {
            free(me);
            stop(p);
            return -1;
        }
    }
    return 0;
}

static void init(pool *p) {
    p->started = 0;
    atomic_init(&p->arrived, 0);
    signal_init(&p->begin);
    signal_init(&p->met);
}

pool *pool_new(int threads) {
    pool *p = malloc(sizeof *p);
    if (!p) return NULL;
    p->threads = threads;
    p->process = getpid();
    p->workers = malloc(sizeof(pthread_t) * (size_t)threads);
    if (!p->workers) {
        free(p);
        return NULL;
    }
    init(p);
    return p;
}

int pool_run(pool *p, work_function *work, void *context) {
    if (p->process != getpid()) init(p); /* after a fork: the workers stayed behind, and so did who held the locks */
    if (!p->started && start(p)) return -1;
    begin_work(p, work, context);
    work(context, 0);
    pool_meet(p);
    return 0;
}

void pool_free(pool *p) {
    if (p->process == getpid()) {
        stop(p);
        signal_destroy(&p->begin);
        signal_destroy(&p->met);
    }
    free(p->workers);
    free(p);
}
