/* How a thread goes through the operations of a plan: in their order, some examples at a time. */
#ifndef PELLUCID_WALK_H
#define PELLUCID_WALK_H

#include "train.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* Numbers below 1.2e-38 count as 0 while the kernels run: they would take a hundred times as long as others. */
static inline unsigned long flush_denormals(void) {
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

static inline void restore_denormals(unsigned long before) {
#if defined(__SSE__)
    _mm_setcsr((unsigned)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

/* The operations from `n` on that a thread carries the same number of examples through, without meeting the others. */
static inline int64_t neighbours(const plan *p, int64_t n) {
    int64_t end = n + 1;
    while (end < p->count && !p->operations[end].meet && p->operations[end].carry == p->operations[n].carry) end++;
    return end;
}

static inline void run(const plan *p, const pass *now, int64_t n, range part, int thread) {
    p->kernels[p->operations[n].kernel](&p->operations[n], now, part, thread);
}

/* A few examples go through neighbouring operations while what they leave is still in the cache, then the next few. */
static inline void carry_through(const plan *p, const pass *now, int64_t n, int64_t end, range all, int64_t carry, int thread) {
    for (int64_t e = all.first; e < all.last; e += carry) {
        const range part = {e, e + carry < all.last ? e + carry : all.last};
        for (int64_t k = n; k < end; k++) run(p, now, k, part, thread);
    }
}

#endif
