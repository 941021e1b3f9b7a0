/* Losses: of each example the loss, whether it was classified right, and the gradient where the backward pass begins.
   The formulas stand in pellucid/losses.py; loss_scale is the mean's 1 / Σ w, times -α where the update is in the product. */

/* The class of an output: the first largest, or of a single output whether it is above ½. */
static int64_t decide(const float *outputs, int64_t count) {
    if (count == 1) return outputs[0] > 0.5f;
    int64_t first = 0;
    for (int64_t i = 1; i < count; i++)
        if (outputs[i] > outputs[first]) first = i;
    return first;
}

typedef struct {
    const float *y; /* targets */
    float *z, *dz;
    float scale; /* of its gradient */
} example;

static example example_of(const operation *o, const pass *p, int64_t e, int thread) {
    return (example){p->data->targets + p->order[e] * o->out, floats_of(p, o->x, e, thread), floats_of(p, o->y, e, thread),
                     p->loss_scale * weight_of(p, e)};
}

static void clear_padding(const operation *o, float *row) {
    for (int64_t i = o->out; i < padded(o->out); i++) row[i] = 0;
}

static void cross_entropy(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e++) {
        const example at = example_of(o, p, e, thread);
        const float largest = largest_of(at.z, o->out);
        const float sum = exponentials(at.z, largest, at.dz, o->out);
        float chosen = 0;
        for (int64_t i = 0; i < o->out; i++) chosen += at.y[i] * (at.z[i] - largest);
        p->losses[e] = logf(sum) - chosen;
        p->correct[e] = decide(at.z, o->out) == decide(at.y, o->out);
        for (int64_t i = 0; i < o->out; i++) at.dz[i] = (at.dz[i] / sum - at.y[i]) * at.scale;
        clear_padding(o, at.dz);
    }
}

/* Each output is a question of its own; where each is also an answer, all of them must be right. */
ALWAYS_INLINE void questions(const operation *o, const pass *p, range part, int thread, int all) {
    for (int64_t e = part.first; e < part.last; e++) {
        const example at = example_of(o, p, e, thread);
        float loss = 0;
        int64_t right = 0;
        for (int64_t i = 0; i < o->out; i++) {
            const float z = at.z[i], tail = exponential(z > 0 ? -z : z);
            loss += (z > 0 ? z : 0) - at.y[i] * z + log1pf(tail);
            at.dz[i] = (z > 0 ? 1.0f : tail) / (1.0f + tail);
            right += (at.dz[i] > 0.5f) == (at.y[i] > 0.5f);
        }
        p->losses[e] = loss;
        p->correct[e] = all ? right == o->out : decide(at.dz, o->out) == decide(at.y, o->out);
        for (int64_t i = 0; i < o->out; i++) at.dz[i] = (at.dz[i] - at.y[i]) * at.scale;
        clear_padding(o, at.dz);
    }
}

static void binary_cross_entropy(const operation *o, const pass *p, range part, int thread) { questions(o, p, part, thread, 0); }
static void multi_label(const operation *o, const pass *p, range part, int thread) { questions(o, p, part, thread, 1); }

/* On outputs a: the link stands before it and takes da on to dz behind it. */
static void squared_error(const operation *o, const pass *p, range part, int thread) {
    for (int64_t e = part.first; e < part.last; e++) {
        const example at = example_of(o, p, e, thread);
        float loss = 0;
        for (int64_t i = 0; i < o->out; i++) {
            const float difference = at.z[i] - at.y[i];
            loss += difference * difference;
            at.dz[i] = 2 * difference * at.scale;
        }
        clear_padding(o, at.dz);
        p->losses[e] = loss;
        p->correct[e] = decide(at.z, o->out) == decide(at.y, o->out);
    }
}
