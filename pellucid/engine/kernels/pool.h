/* A pool of threads that run one function together and meet on the way. */
#ifndef PELLUCID_POOL_H
#define PELLUCID_POOL_H

typedef struct pool pool;

/* A pool of `threads`, the calling one among them; NULL where the system gives no memory. */
pool *pool_new(int threads);

/* Run work(context, thread) on every thread of the pool, the caller as thread 0; returns when all have finished.
   Returns 0, or -1 where the system gives no threads. One caller at a time. */
int pool_run(pool *p, void (*work)(void *context, int thread), void *context);

/* Called by all threads from within work: no one goes on before all have come. */
void pool_meet(pool *p);

void pool_free(pool *p);

#endif
