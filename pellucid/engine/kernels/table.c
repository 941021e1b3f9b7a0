/* All kernels, compiled for one instruction set; TABLE names it, such as kernels_v4. */

#include <string.h>

#include "plan.h"
#include "vector.h"

#include "random.h"
#include "elastic.h"
#include "distort.h"
#include "gather.h"
#include "dense.h"
#include "convolution.h"
#include "convolution_gradient.h"
#include "winograd_convolution.h"
#include "winograd_rows.h"
#include "pooling.h"
#include "flatten.h"
#include "batch_norm_backward.h"
#include "layer_norm.h"
#include "predict.h"
#include "sparse.h"
#include "constraint.h"
#include "activation.h"
#include "softmax.h"
#include "loss.h"
#include "peak.h"

kernel *const TABLE[KERNEL_COUNT] = {
#define PLACE(name) name,
    KERNELS(PLACE)
#undef PLACE
};
