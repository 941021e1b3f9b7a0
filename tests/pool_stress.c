/* The pool under load, for ThreadSanitizer: pools of 1 to 5 threads, several at once, that meet thousands of times. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pool.h"

enum { MEETINGS = 100, RUNS = 30, MOST = 5 };

typedef struct {
    pool *threads;
    int count;
    long cells[MOST]; /* each written by one thread, read by all others after they have met */
    int wrong[MOST];
} work;

static void meet_often(void *context, int thread) {
    work *w = context;
    for (int round = 1; round <= MEETINGS; round++) {
        w->cells[thread] = round;
        pool_meet(w->threads);
        for (int other = 0; other < w->count; other++) w->wrong[thread] += w->cells[other] != round;
        pool_meet(w->threads);
    }
}

static void *use_a_pool(void *argument) {
    const int count = *(const int *)argument;
    work w = {.threads = pool_new(count), .count = count};
    long wrong = w.threads == NULL;
    for (int run = 0; run < RUNS && w.threads; run++) {
        wrong += pool_run(w.threads, meet_often, &w) != 0;
        if (run % 10 == 0) usleep(2000); /* so that the workers fall asleep and must be woken */
    }
    for (int thread = 0; thread < count; thread++) wrong += w.wrong[thread];
    if (w.threads) pool_free(w.threads);
    return (void *)wrong;
}

int main(void) {
    pthread_t users[MOST];
    int counts[MOST];
    long wrong = 0;
    for (int i = 0; i < MOST; i++) {
        counts[i] = i + 1;
        if (pthread_create(&users[i], NULL, use_a_pool, &counts[i])) return 1;
    }
    for (int i = 0; i < MOST; i++) {
        void *result;
        pthread_join(users[i], &result);
        wrong += (long)result;
    }
    printf("%d meetings of 1 to %d threads, %ld wrong\n", MEETINGS * RUNS * MOST, MOST, wrong);
    return wrong != 0;
}
