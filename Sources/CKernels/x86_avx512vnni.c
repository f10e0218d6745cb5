// SPDX-License-Identifier: Apache-2.0
// AVX-512 with VNNI: one vpdpbusd multiplies 16 rows by four inputs, the inputs broadcast from memory, so that no
// horizontal sum is ever needed. Codes are unpacked once for all tokens of a tile.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma,avx2"))), \
                             apply_to = function)
#define CK_HALF_VECTORS
#define CK_FMA
enum { DOT_ROWS = 4, DOT_TOKENS = 4, SCORE_VECTORS = 2, TILE_ROWS = 8 };
#define PANEL_TOKENS 6
#define PANEL_VECTORS 4
#include "vector.inc"
#include "pointwise.inc"
#include "dots.inc"
#include "tiles.inc"
#include "codes.inc"
#include "attend.inc"
#include "recurrent.inc"
#include "panels.inc"

// 16 scales or biases as f32.
INLINE __m512 widen16(const uint8_t *p, ck_dtype dtype) {
  if (dtype == CK_F32) return _mm512_loadu_ps(p);
  __m256i half = _mm256_loadu_si256((const __m256i *)p);
  if (dtype == CK_F16) return _mm512_cvtph_ps(half);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

// The code of each half of a byte, or what stands for it.
INLINE __m512i numbers_of(__m512i codes, bool e2m1) {
  static const uint8_t numbers[16] = {CK_E2M1_CODES};
  return e2m1 ? _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)numbers)), codes) : codes;
}

INLINE __m512i four(const int8_t *x) {
  int32_t word;
  memcpy(&word, x, 4);
  return _mm512_set1_epi32(word);
}

// Code vector j of an activation group times inputs of each token. One or two tokens get several sums each, or they would
// wait for one another.
INLINE void dot_vector(const uint8_t *p, int bits, bool e2m1, int32_t group, const int8_t *x, int tokens, int chains,
                       int32_t j, __m512i a[4][CK_TILE]) {
  const __m512i low = _mm512_set1_epi8(15);
  __m512i v = _mm512_loadu_si512(p + 64 * j);
  if (bits == 8) {
    for (int t = 0; t < tokens; t++) {
      __m512i *sum = &a[j % chains][t];
      *sum = _mm512_dpbusd_epi32(*sum, v, four(x + t * group + 4 * j));
    }
    return;
  }
  __m512i v0 = numbers_of(_mm512_and_si512(v, low), e2m1);
  __m512i v1 = numbers_of(_mm512_and_si512(_mm512_srli_epi16(v, 4), low), e2m1);
  for (int t = 0; t < tokens; t++) {
    __m512i *sum = &a[2 * j % chains][t];
    *sum = _mm512_dpbusd_epi32(*sum, v0, four(x + t * group + 8 * j));
  }
  for (int t = 0; t < tokens; t++) {
    __m512i *sum = &a[(2 * j + 1) % chains][t];
    *sum = _mm512_dpbusd_epi32(*sum, v1, four(x + t * group + 8 * j + 4));
  }
}

// One activation group: c[t] = dot.
INLINE void dot_group(const uint8_t *p, int bits, bool e2m1, int32_t group, const int8_t *x, int tokens, __m512i *c) {
  enum { FEW = 2 };
  int32_t vectors = group * bits / 32;
  int chains = tokens > FEW ? 1 : 4 / tokens;
  __m512i a[4][CK_TILE];
  for (int i = 0; i < chains; i++)
    for (int t = 0; t < tokens; t++) a[i][t] = _mm512_setzero_si512();
  // Sums are registers only if which one is meant is known where the code is made.
  if (tokens <= FEW) {
#pragma clang loop unroll(full)
    for (int32_t j = 0; j < vectors; j++) dot_vector(p, bits, e2m1, group, x, tokens, chains, j, a);
  } else {
#pragma clang loop unroll_count(4)
    for (int32_t j = 0; j < vectors; j++) dot_vector(p, bits, e2m1, group, x, tokens, 1, j, a);
  }
  for (int t = 0; t < tokens; t++) {
    c[t] = a[0][t];
    for (int i = 1; i < chains; i++) c[t] = _mm512_add_epi32(c[t], a[i][t]);
  }
}

// The biases of 16 rows behind their scales.
INLINE __m512 bias16(ck_dtype dtype, bool e2m1, const uint8_t *tail, __m512 scales) {
  if (e2m1) return _mm512_mul_ps(scales, _mm512_set1_ps(-CK_E2M1_ZERO));
  return widen16(tail + CK_BLOCK_ROWS * ck_dtype_bytes(dtype), dtype);
}

// What a group adds to the sums of one token: scale * input scale * dot, then bias * sum of inputs.
INLINE __m512 add_group(__m512 sums, __m512i dot, __m512 scale, __m512 bias, float input_scale, float input_sum) {
  __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(input_scale));
  return _mm512_fmadd_ps(bias, _mm512_set1_ps(input_sum), _mm512_fmadd_ps(factor, _mm512_cvtepi32_ps(dot), sums));
}

#include "products_few.inc"

INLINE void block_products(const ck_packed *m, int bits, bool e2m1, const uint8_t *p, ck_early early, const ck_tile *x,
                           int32_t x_group, int tokens, ck_sums out) {
  int32_t groups = m->inputs / m->group, parts = m->group / x_group;
  size_t step = ck_group_bytes(m), codes = ck_code_bytes(m), part_bytes = (size_t)(x_group * bits * 2);
  const int8_t *in = x->codes;
  const float *scales = x->scales, *sums = x->sums;
  __m512 a[CK_TILE];
  for (int t = 0; t < tokens; t++) a[t] = _mm512_setzero_ps();
  for (int32_t g = 0; g < groups; g++, p += step) {
    ck_fetch_early(p, step, early);
    __m512 s = widen16(p + codes, m->dtype), bias = bias16(m->dtype, e2m1, p + codes, s);
    for (int32_t part = 0; part < parts; part++) {
      __m512i c[CK_TILE];
      dot_group(p + (size_t)part * part_bytes, bits, e2m1, x_group, in, tokens, c);
      for (int t = 0; t < tokens; t++) a[t] = add_group(a[t], c[t], s, bias, scales[t], sums[t]);
      in += tokens * x_group;
      scales += tokens, sums += tokens;
    }
  }
  for (int t = 0; t < tokens; t++) _mm512_storeu_ps(out[t], a[t]);
}

// Four inputs of one token times 16 rows of two blocks. The empty statement holds the compiler to this order: it would
// do all of one block first and keep every input in memory for the other.
INLINE void dot_pair(__m512i *a, __m512i *b, __m512i rows_a, __m512i rows_b, const int8_t *in) {
  __m512i input = four(in);
  *a = _mm512_dpbusd_epi32(*a, rows_a, input);
  *b = _mm512_dpbusd_epi32(*b, rows_b, input);
  __asm__ volatile("" : "+v"(*a), "+v"(*b));
}

// Two blocks, `next` bytes apart, times a full tile. Each input is loaded once for both; the sums of floats wait in
// memory while the registers hold those of integers.
INLINE void pair_products(const ck_packed *m, int bits, bool e2m1, const uint8_t *p, size_t next, const ck_tile *x,
                          int32_t x_group, ck_sums *out) {
  const __m512i low = _mm512_set1_epi8(15);
  int32_t groups = m->inputs / m->group, parts = m->group / x_group;
  size_t step = ck_group_bytes(m), codes = ck_code_bytes(m);
  const int8_t *in = x->codes;
  const float *scales = x->scales, *sums = x->sums;
  memset(out, 0, 2 * sizeof *out);
  for (int32_t g = 0; g < groups; g++, p += step) {
    const uint8_t *q = p;
    for (int32_t part = 0; part < parts; part++) {
      __m512i c[2][CK_TILE];
      for (int t = 0; t < CK_TILE; t++) c[0][t] = c[1][t] = _mm512_setzero_si512();
#pragma clang loop unroll(disable)
      for (int32_t k = 0; k < x_group; k += 32 / bits, q += 64) {
        __m512i v0 = _mm512_loadu_si512(q), v1 = _mm512_loadu_si512(q + next), w0 = v0, w1 = v1;
        if (bits == 4) {
          w0 = numbers_of(_mm512_and_si512(v0, low), e2m1), w1 = numbers_of(_mm512_and_si512(v1, low), e2m1);
          v0 = numbers_of(_mm512_and_si512(_mm512_srli_epi16(v0, 4), low), e2m1);
          v1 = numbers_of(_mm512_and_si512(_mm512_srli_epi16(v1, 4), low), e2m1);
        }
        for (int t = 0; t < CK_TILE; t++) dot_pair(&c[0][t], &c[1][t], w0, w1, in + t * x_group + k);
        if (bits == 8) continue;
        for (int t = 0; t < CK_TILE; t++) dot_pair(&c[0][t], &c[1][t], v0, v1, in + t * x_group + k + 4);
      }
      for (int i = 0; i < 2; i++) {
        const uint8_t *tail = p + (size_t)i * next + codes;
        __m512 s = widen16(tail, m->dtype), bias = bias16(m->dtype, e2m1, tail, s);
        for (int t = 0; t < CK_TILE; t++)
          _mm512_storeu_ps(out[i][t], add_group(_mm512_loadu_ps(out[i][t]), c[i][t], s, bias, scales[t], sums[t]));
      }
      in += CK_TILE * x_group;
      scales += CK_TILE, sums += CK_TILE;
    }
  }
}

#define SIZE(BITS, E2M1, GROUP, N) \
  case N: block_products(m, BITS, E2M1, p, early, x, GROUP, N, out[0]); break;
#define SIZES(NAME, BITS, E2M1, GROUP)                                                                             \
  static void NAME(const ck_packed *m, const uint8_t *p, int blocks, ck_early early, const ck_tile *x, ck_sums *out) { \
    if (blocks == 2 && x->tokens == CK_TILE) {                                                                     \
      pair_products(m, BITS, E2M1, p, ck_block_bytes(m), x, GROUP, out);                                           \
      return;                                                                                                      \
    }                                                                                                              \
    for (; blocks > 0; blocks--, p += ck_block_bytes(m), out++)                                                    \
      switch (x->tokens) {                                                                                         \
        SIZE(BITS, E2M1, GROUP, 1) SIZE(BITS, E2M1, GROUP, 2) SIZE(BITS, E2M1, GROUP, 3)                           \
        SIZE(BITS, E2M1, GROUP, 4) SIZE(BITS, E2M1, GROUP, 5) SIZE(BITS, E2M1, GROUP, 6)                           \
        SIZE(BITS, E2M1, GROUP, 7) SIZE(BITS, E2M1, GROUP, 8)                                                      \
      }                                                                                                            \
  }
SIZES(products_4_32, 4, false, 32)
SIZES(products_4_64, 4, false, 64)
SIZES(products_8_32, 8, false, 32)
SIZES(products_8_64, 8, false, 64)
SIZES(products_e2m1_16, 4, true, 16)
SIZES(products_e2m1_32, 4, true, 32)

static void products(const ck_packed *m, int32_t block, int blocks, ck_early early, const ck_tile *x, ck_sums *out) {
  const uint8_t *p = ck_block(m, block);
  size_t bytes = ck_block_bytes(m);
  few *f = few_of(m, x->tokens, early, p + bytes);
  for (; f && blocks > 0; blocks--, p += bytes, out++) f(m, p, early, x, *out);
  if (f) return;
  if (m->e2m1) {
    if (x->group == 32) products_e2m1_32(m, p, blocks, early, x, out);
    else products_e2m1_16(m, p, blocks, early, x, out);
  } else if (m->code_bits == 4) {
    if (x->group == 64) products_4_64(m, p, blocks, early, x, out);
    else products_4_32(m, p, blocks, early, x, out);
  } else {
    if (x->group == 64) products_8_64(m, p, blocks, early, x, out);
    else products_8_32(m, p, blocks, early, x, out);
  }
}

const ck_kernels ck_kernels_avx512vnni = CK_KERNELS;

#pragma clang attribute pop
#endif
