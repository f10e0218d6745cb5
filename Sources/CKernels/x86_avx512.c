// SPDX-License-Identifier: Apache-2.0
// AVX-512 without VNNI: wide floats, products by the AVX2 instructions.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,f16c,fma,avx2"))), apply_to = function)
#define CK_HALF_VECTORS
#include "bodies.inc"
#include "packed_avx2.inc"

const ck_kernels ck_kernels_avx512 = {quantize, packed, dots, widen, rms_norm, layer_norm, activate, add_scaled,
                                  log_sum_exp, attend};

#pragma clang attribute pop
#endif
