// SPDX-License-Identifier: Apache-2.0
// The table of functions one instruction set provides, and small helpers every file shares.
#pragma once
#include "CKernels.h"

#include <math.h>
#include <string.h>

enum { CK_BLOCK_ROWS = 16, CK_TILE = 8, CK_ACTIVATION_GROUP = 64 };

// An input quantized to int8: value = code * scale, symmetric, for each activation group of min(64, weight group).
typedef struct ck_activations {
  const int8_t *codes;   // [tokens, inputs]
  const float *scales;   // [tokens, inputs / group]
  const float *sums;     // [tokens, inputs / group]: scale * sum of codes
  int32_t inputs, group;
} ck_activations;

typedef struct ck_kernels {
  // One token's row of n inputs.
  void (*quantize)(const float *x, int32_t n, int32_t group, int8_t *codes, float *scales, float *sums);
  // Blocks [first, last) of a packed matrix times tokens [0, tokens): writes 16 floats a block and token.
  void (*packed)(const ck_packed *matrix, int32_t first, int32_t last, const ck_activations *x, int32_t tokens,
                 const ck_output *output);
  // Dot products of one f32 row with `tokens` inputs at x + t * inputs.
  void (*dots)(const float *row, const float *x, int32_t inputs, int32_t tokens, float *out);
  void (*widen)(const ck_weight *weight, int32_t row, float *out);
  void (*rms_norm)(const float *x, const float *w, float offset, float epsilon, int32_t n, float *y);
  void (*layer_norm)(const float *x, const float *w, const float *b, float epsilon, int32_t n, float *y);
  void (*activate)(ck_activation kind, const float *gate, const float *up, int32_t n, float *y);
  void (*add_scaled)(float *y, const float *x, float factor, int32_t n);
  float (*log_sum_exp)(const float *x, int32_t n);
  // Attention of query rows [first, last) of one kv head; see attention.c.
  void (*attend)(const ck_attention *attention, const ck_attention_entry *entry, int32_t kv_head, int32_t first_token,
                 int32_t last_token, float *scratch);
} ck_kernels;

extern const ck_kernels ck_kernels_portable;
#if defined(__x86_64__)
extern const ck_kernels ck_kernels_avx2, ck_kernels_avx512, ck_kernels_avx512vnni;
#endif

static inline const ck_kernels *ck_kernels_of(ck_isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case CK_ISA_PORTABLE: return &ck_kernels_portable;
    case CK_ISA_AVX2: return &ck_kernels_avx2;
    case CK_ISA_AVX512: return &ck_kernels_avx512;
    case CK_ISA_AVX512VNNI: return &ck_kernels_avx512vnni;
  }
#endif
  (void)isa;
  return &ck_kernels_portable;
}

static inline int32_t ck_min(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t ck_activation_group(int32_t weight_group) { return ck_min(weight_group, CK_ACTIVATION_GROUP); }

static inline size_t ck_dtype_bytes(ck_dtype dtype) { return dtype == CK_F32 ? 4 : 2; }

// The f32 of the bits of a half (IEEE binary16), subnormals and specials included.
static inline float ck_half(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023, bits;
  if (exponent == 31) {
    bits = sign | 0x7F800000u | mantissa << 13;
  } else if (exponent) {
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  } else {
    float value = (float)mantissa * 0x1p-24f;
    memcpy(&bits, &value, 4);
    bits |= sign;
  }
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static inline float ck_bfloat(uint16_t h) {
  uint32_t bits = (uint32_t)h << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// Element `index` of an array of any dtype and alignment.
static inline float ck_element(const void *array, ck_dtype dtype, size_t index) {
  uint16_t half;
  float value;
  switch (dtype) {
    case CK_F32: memcpy(&value, (const uint8_t *)array + 4 * index, 4); return value;
    case CK_F16: memcpy(&half, (const uint8_t *)array + 2 * index, 2); return ck_half(half);
    case CK_BF16: memcpy(&half, (const uint8_t *)array + 2 * index, 2); return ck_bfloat(half);
  }
  return 0;
}

// Bytes of one group in a block: codes, then scales and biases.
static inline size_t ck_group_bytes(int32_t group, int32_t code_bits, ck_dtype dtype) {
  return (size_t)group * CK_BLOCK_ROWS * (size_t)code_bits / 8 + 2 * CK_BLOCK_ROWS * ck_dtype_bytes(dtype);
}

// This worker's share of [0, count).
static inline void ck_share(int32_t count, int worker, int workers, int32_t *first, int32_t *last) {
  *first = (int32_t)((int64_t)count * worker / workers);
  *last = (int32_t)((int64_t)count * (worker + 1) / workers);
}
