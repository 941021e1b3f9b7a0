/* What each step of a distorted image takes, on one core, for grey bytes of 28 × 28.

   Run: gcc -O3 -D_GNU_SOURCE -ffp-contract=fast -fno-math-errno -fno-trapping-math -march=native -mprefer-vector-width=512 \
            -Ipellucid/engine/kernels -o build/distortion benchmarks/distortion.c -lm && build/distortion */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan.h"
#include "vector.h"

#include "random.h"
#include "elastic.h"
#include "distort.h"

enum { SIDE = 28, AREA = SIDE * SIDE, TIMES = 2000, ROUNDS = 25 };

static float down[SIDE * SIDE], across[SIDE * 32], scratch[1 << 16] __attribute__((aligned(64)));
static uint8_t image[AREA];
static const float map[6] = {0.98f, 0.1f, 0.4f, -0.12f, 1.03f, 0.3f};
static const int64_t nothing_erased[4], index_of_image = 77;
static distortions bent = {0, 0, map, nothing_erased, &index_of_image, {1, 2}, 16, down, across};
static canvas c;

static double now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void noise(void) { noise_of(&bent, 77, (uint32_t *)c.corner, (float *)c.above); }
static void field(void) { field_of(&bent, 77, (uint32_t *)c.corner, (float *)c.under, (float *)c.above); }
static void places(void) { find_places(1, &bent, map, (float *)c.above, &c); }
static void rim(void) {
    memset(c.rimmed, 0, (SIDE + 3) * (SIDE + 3));
    copy_in(1, &bent, (char *)image, 1, &c);
}
static void looks(void) { look_up(1, &bent, &c); }
static void between_four(void) { blend(1, &bent, 1, 0, &c); }
static void all(void) { distort(1, &bent, 0, 1, (char *)image, scratch); }
static void affine(void) {
    distortions straight = bent;
    straight.indices = NULL;
    distort(1, &straight, 0, 1, (char *)image, scratch);
}

static void measure(const char *name, void (*step)(void)) {
    double best = 1;
    for (int round = 0; round < ROUNDS; round++) {
        const double began = now();
        for (int i = 0; i < TIMES; i++) step();
        const double seconds = (now() - began) / TIMES;
        if (seconds < best) best = seconds;
    }
    printf("%-34s %.2f µs\n", name, 1e6 * best);
}

int main(int count, char **arguments) {
    (void)arguments;
    bent.height = bent.width = SIDE - 1 + count; /* so that the compiler does not know it, as in a training */
    c = canvas_of(&bent, 1, 0, scratch);
    for (int i = 0; i < SIDE * 32; i++) across[i] = down[i % AREA] = 1.0f / SIDE;
    for (int i = 0; i < AREA; i++) image[i] = (uint8_t)rand();
    measure("u: random bytes", noise);
    measure("u and G u G", field);
    measure("q: where each pixel comes from", places);
    measure("the image into its rim", rim);
    measure("look up", looks);
    measure("between the four", between_four);
    measure("a bent image, all of it", all);
    measure("an affine map alone, all of it", affine);
    return 0;
}
