// SPDX-License-Identifier: Apache-2.0
// AVX2 with FMA: every x86-64 server and laptop of the last ten years.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,f16c,fma"))), apply_to = function)
#define CK_HALF_VECTORS
#include "bodies.inc"
#include "packed_avx2.inc"

const ck_kernels ck_kernels_avx2 = {quantize, packed, dots, widen, rms_norm, layer_norm, activate, add_scaled,
                                  log_sum_exp, attend};

#pragma clang attribute pop
#endif
