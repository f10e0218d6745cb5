// SPDX-License-Identifier: Apache-2.0
// AVX-512 with VNNI: one vpdpbusd multiplies 16 rows by four inputs, the inputs broadcast from memory, so that no
// horizontal sum is ever needed. Codes are unpacked once for all tokens of a tile, and an input once broadcast serves
// two blocks.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma,avx2"))), \
                             apply_to = function)
#define CK_HALF_VECTORS
#define CK_FMA
enum { DOT_ROWS = 4, DOT_TOKENS = 4, SCORE_VECTORS = 4 };
#include "vector.inc"
#include "pointwise.inc"
#include "dots.inc"
#include "tiles.inc"
#include "attend.inc"

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

// One activation group of `blocks` blocks and `tokens` tokens: c[block][token] = dot.
INLINE void dot_group(const uint8_t *const *p, int blocks, int bits, int32_t group, const int8_t *x, int tokens,
                      __m512i (*c)[CK_TILE]) {
  const __m512i low = _mm512_set1_epi8(15);
  int32_t vectors = group * bits / 32;
#pragma clang loop unroll_count(2)
  for (int32_t j = 0; j < vectors; j++) {
    __m512i v[2], u[2];
    for (int b = 0; b < blocks; b++) {
      v[b] = _mm512_loadu_si512(p[b] + 64 * j);
      if (bits == 8) continue;
      u[b] = _mm512_and_si512(_mm512_srli_epi16(v[b], 4), low);
      v[b] = _mm512_and_si512(v[b], low);
    }
    const int8_t *in = x + (bits == 8 ? 4 : 8) * j;
    for (int t = 0; t < tokens; t++) {
      __m512i four_inputs = four(in + t * group);
      for (int b = 0; b < blocks; b++) c[b][t] = _mm512_dpbusd_epi32(c[b][t], v[b], four_inputs);
    }
    if (bits == 8) continue;
    for (int t = 0; t < tokens; t++) {
      __m512i four_inputs = four(in + t * group + 4);
      for (int b = 0; b < blocks; b++) c[b][t] = _mm512_dpbusd_epi32(c[b][t], u[b], four_inputs);
    }
  }
}

INLINE void block_products(const ck_packed *m, int blocks, int bits, const uint8_t *first, const uint8_t *second,
                           size_t advance, const ck_tile *x, int32_t x_group, int tokens, ck_sums out) {
  int32_t groups = m->inputs / m->group, parts = m->group / x_group;
  size_t step = ck_group_bytes(m->group, bits, m->dtype), element = ck_dtype_bytes(m->dtype);
  size_t codes = step - 2 * CK_BLOCK_ROWS * element, part_bytes = (size_t)(x_group * bits / 2 * 4);
  int32_t ahead = ck_min(PREFETCH_BYTES / (int32_t)step + 1, groups);
  const uint8_t *p[2] = {first, second};
  const int8_t *in = x->codes;
  const float *scales = x->scales, *sums = x->sums;
  __m512 a[2][CK_TILE];
  for (int b = 0; b < blocks; b++)
    for (int t = 0; t < tokens; t++) a[b][t] = _mm512_setzero_ps();
  for (int32_t g = 0; g < groups; g++) {
    // Ahead within the block, then at the blocks that will be asked for next.
    size_t next = (size_t)ahead * step + (g + ahead < groups ? 0 : advance - (size_t)groups * step);
    for (int b = 0; b < blocks; b++)
      for (size_t z = 0; z < step; z += 64) _mm_prefetch((const char *)p[b] + next + z, _MM_HINT_T0);
    __m512 s[2], bias[2];
    for (int b = 0; b < blocks; b++) {
      s[b] = widen16(p[b] + codes, m->dtype);
      bias[b] = widen16(p[b] + codes + CK_BLOCK_ROWS * element, m->dtype);
    }
    for (int32_t part = 0; part < parts; part++) {
      __m512i c[2][CK_TILE];
      for (int b = 0; b < blocks; b++)
        for (int t = 0; t < tokens; t++) c[b][t] = _mm512_setzero_si512();
      const uint8_t *at[2] = {p[0] + (size_t)part * part_bytes, blocks > 1 ? p[1] + (size_t)part * part_bytes : NULL};
      dot_group(at, blocks, bits, x_group, in, tokens, c);
      for (int t = 0; t < tokens; t++)
        for (int b = 0; b < blocks; b++) {
          a[b][t] = _mm512_fmadd_ps(_mm512_mul_ps(s[b], _mm512_set1_ps(scales[t])), _mm512_cvtepi32_ps(c[b][t]), a[b][t]);
          a[b][t] = _mm512_fmadd_ps(bias[b], _mm512_set1_ps(sums[t]), a[b][t]);
        }
      in += tokens * x_group;
      scales += tokens, sums += tokens;
    }
    for (int b = 0; b < blocks; b++) p[b] += step;
  }
  for (int b = 0; b < blocks; b++)
    for (int t = 0; t < tokens; t++) _mm512_storeu_ps(out[b][t], a[b][t]);
}

#define SIZE(N)                                                                      \
  case N:                                                                            \
    if (x->group == 64) block_products(m, BLOCKS, BITS, first, second, advance, x, 64, N, out); \
    else block_products(m, BLOCKS, BITS, first, second, advance, x, 32, N, out);     \
    break;
#define SIZES                  \
  switch (x->tokens) {         \
    SIZE(1) SIZE(2) SIZE(3) SIZE(4) SIZE(5) SIZE(6) SIZE(7) SIZE(8) \
  }
#define ARGUMENTS                                                                                              \
  const ck_packed *m, const uint8_t *first, const uint8_t *second, size_t advance, const ck_tile *x, ck_sums out

#define BLOCKS 1
#define BITS 4
static void one_4(ARGUMENTS) { SIZES }
#undef BITS
#define BITS 8
static void one_8(ARGUMENTS) { SIZES }
#undef BLOCKS
#define BLOCKS 2
static void two_8(ARGUMENTS) { SIZES }
#undef BITS
#define BITS 4
static void two_4(ARGUMENTS) { SIZES }

static void products(ARGUMENTS) {
  if (m->code_bits == 4) {
    if (second) two_4(m, first, second, advance, x, out);
    else one_4(m, first, second, advance, x, out);
  } else {
    if (second) two_8(m, first, second, advance, x, out);
    else one_8(m, first, second, advance, x, out);
  }
}

const ck_kernels ck_kernels_avx512vnni = CK_KERNELS;

#pragma clang attribute pop
#endif
