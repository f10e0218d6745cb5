// SPDX-License-Identifier: Apache-2.0
// AVX-512 with VNNI: one vpdpbusd multiplies 16 rows by four inputs, the inputs broadcast from memory, so that no
// horizontal sum is ever needed. Weights of a vector are unpacked once for all tokens of a tile.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma,avx2"))), \
                             apply_to = function)
#define CK_HALF_VECTORS
#include "bodies.inc"

enum { PREFETCH_BYTES = 4096 };

// 16 scales or biases as f32.
INLINE __m512 widen16(const uint8_t *p, ck_dtype dtype) {
  if (dtype == CK_F32) return _mm512_loadu_ps(p);
  __m256i half = _mm256_loadu_si256((const __m256i *)p);
  if (dtype == CK_F16) return _mm512_cvtph_ps(half);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

INLINE __m512i four(const int8_t *x) {
  int32_t word;
  memcpy(&word, x, 4);
  return _mm512_set1_epi32(word);
}

// `vectors` vectors of codes times the same inputs of each token.
INLINE void accumulate(const uint8_t *p, int bits, int32_t vectors, const int8_t *x, size_t inputs, int tokens,
                       __m512i *c) {
  const __m512i low = _mm512_set1_epi8(15);
#pragma clang loop unroll_count(4)
  for (int32_t j = 0; j < vectors; j++) {
    __m512i v = _mm512_loadu_si512(p + 64 * j);
    if (bits == 8) {
      for (int t = 0; t < tokens; t++) c[t] = _mm512_dpbusd_epi32(c[t], v, four(x + (size_t)t * inputs + 4 * j));
    } else {
      __m512i v0 = _mm512_and_si512(v, low), v1 = _mm512_and_si512(_mm512_srli_epi16(v, 4), low);
      for (int t = 0; t < tokens; t++) c[t] = _mm512_dpbusd_epi32(c[t], v0, four(x + (size_t)t * inputs + 8 * j));
      for (int t = 0; t < tokens; t++) c[t] = _mm512_dpbusd_epi32(c[t], v1, four(x + (size_t)t * inputs + 8 * j + 4));
    }
  }
}

INLINE void finish(const ck_packed *m, const ck_output *o, int32_t block, size_t t, __m512 a) {
  int32_t n = block * CK_BLOCK_ROWS, left = m->rows - n;
  __mmask16 mask = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
  float *y = o->y + t * o->stride + n;
  if (o->bias) a = _mm512_add_ps(a, _mm512_maskz_loadu_ps(mask, o->bias + n));
  if (o->accumulate) a = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y), a);
  _mm512_mask_storeu_ps(y, mask, a);
}

INLINE void blocks(const ck_packed *m, int bits, ck_dtype dtype, int32_t first, int32_t last, const ck_activations *x,
                   int tokens, const ck_output *o) {
  int32_t groups = m->inputs / m->group, parts = m->group / x->group, vectors = x->group * bits / 32;
  size_t step = ck_group_bytes(m->group, bits, dtype), codes = step - 2 * CK_BLOCK_ROWS * ck_dtype_bytes(dtype);
  size_t inputs = (size_t)x->inputs, x_groups = inputs / (size_t)x->group;
  for (int32_t b = first; b < last; b++) {
    const uint8_t *p = m->data + (size_t)b * (size_t)groups * step;
    __m512 a[CK_TILE];
    for (int t = 0; t < tokens; t++) a[t] = _mm512_setzero_ps();
    for (int32_t g = 0; g < groups; g++, p += step) {
      if (tokens == 1)
        for (size_t z = 0; z < step; z += 64) _mm_prefetch((const char *)p + PREFETCH_BYTES + z, _MM_HINT_T0);
      __m512 s = widen16(p + codes, dtype), bias = widen16(p + codes + CK_BLOCK_ROWS * ck_dtype_bytes(dtype), dtype);
      for (int32_t part = 0; part < parts; part++) {
        __m512i c[CK_TILE];
        for (int t = 0; t < tokens; t++) c[t] = _mm512_setzero_si512();
        accumulate(p + 64 * part * vectors, bits, vectors, x->codes + g * m->group + part * x->group, inputs, tokens, c);
        size_t index = (size_t)(g * parts + part);
        for (int t = 0; t < tokens; t++) {
          const float *scale = x->scales + (size_t)t * x_groups + index, *total = x->sums + (size_t)t * x_groups + index;
          a[t] = _mm512_fmadd_ps(_mm512_mul_ps(s, _mm512_set1_ps(*scale)), _mm512_cvtepi32_ps(c[t]), a[t]);
          a[t] = _mm512_fmadd_ps(bias, _mm512_set1_ps(*total), a[t]);
        }
      }
    }
    for (int t = 0; t < tokens; t++) finish(m, o, b, (size_t)t, a[t]);
  }
}

#define FOR_TOKENS(N, BITS, DTYPE) \
  case N: blocks(m, BITS, DTYPE, first, last, x, N, o); break;
#define TILES(NAME, BITS, DTYPE)                                                                                    \
  static void NAME(const ck_packed *m, int32_t first, int32_t last, const ck_activations *x, int32_t tokens,        \
                   const ck_output *o) {                                                                            \
    switch (tokens) {                                                                                               \
      FOR_TOKENS(1, BITS, DTYPE) FOR_TOKENS(2, BITS, DTYPE) FOR_TOKENS(3, BITS, DTYPE) FOR_TOKENS(4, BITS, DTYPE)   \
      FOR_TOKENS(5, BITS, DTYPE) FOR_TOKENS(6, BITS, DTYPE) FOR_TOKENS(7, BITS, DTYPE) FOR_TOKENS(8, BITS, DTYPE)   \
    }                                                                                                               \
  }
TILES(tiles_4_f32, 4, CK_F32)
TILES(tiles_4_f16, 4, CK_F16)
TILES(tiles_4_bf16, 4, CK_BF16)
TILES(tiles_8_f32, 8, CK_F32)
TILES(tiles_8_f16, 8, CK_F16)
TILES(tiles_8_bf16, 8, CK_BF16)

static void packed(const ck_packed *m, int32_t first, int32_t last, const ck_activations *x, int32_t tokens,
                   const ck_output *o) {
  typedef void tiles(const ck_packed *, int32_t, int32_t, const ck_activations *, int32_t, const ck_output *);
  static tiles *const table[2][3] = {{tiles_4_f32, tiles_4_f16, tiles_4_bf16}, {tiles_8_f32, tiles_8_f16, tiles_8_bf16}};
  table[m->code_bits == 8][m->dtype](m, first, last, x, tokens, o);
}

const ck_kernels ck_kernels_avx512vnni = {quantize, packed, dots, widen, rms_norm, layer_norm, activate, add_scaled,
                                          log_sum_exp, attend};

#pragma clang attribute pop
#endif
