/* The instruction sets that the kernels were compiled for, best first, and whether this machine has them. */

#include <stddef.h>

#include "train.h"

static int always(void) { return 1; }

#if defined(PELLUCID_ONE_SET) /* compiled once, for the machine that it is compiled on: make c-demo */
extern kernel *const kernels_here[];
const instruction_set instruction_sets[] = {{"of this machine", kernels_here, always}, {NULL, NULL, always}};
#elif defined(__x86_64__)
extern kernel *const kernels_v4[], *const kernels_v3[], *const kernels_v2[];

static int has_v2(void) { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"); }
static int has_v3(void) {
    return has_v2() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}
static int has_v4(void) {
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}

const instruction_set instruction_sets[] = {
    {"v4", kernels_v4, has_v4}, {"v3", kernels_v3, has_v3}, {"v2", kernels_v2, has_v2}, {NULL, NULL, always}};
#elif defined(__aarch64__)
extern kernel *const kernels_neon[];
const instruction_set instruction_sets[] = {{"neon", kernels_neon, always}, {NULL, NULL, always}};
#else
extern kernel *const kernels_generic[];
const instruction_set instruction_sets[] = {{"generic", kernels_generic, always}, {NULL, NULL, always}};
#endif
