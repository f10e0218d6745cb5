// SPDX-License-Identifier: Apache-2.0
// AVX2 with AVX-VNNI: client processors without AVX-512, from Alder Lake on. vpdpbusd multiplies eight rows by four
// inputs, the inputs broadcast from memory; both halves of a block take each input while it is in a register.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,f16c,fma,avxvnni"))), apply_to = function)
#define CK_HALF_VECTORS
#define CK_FMA
enum { DOT_ROWS = 2, DOT_TOKENS = 3, SCORE_VECTORS = 1, TILE_ROWS = 6 };
#define PANEL_TOKENS 6
#define PANEL_VECTORS 1
#include "vector.inc"
#include "pointwise.inc"
#include "dots.inc"
#include "tiles.inc"
#include "codes.inc"
#include "attend.inc"
#include "recurrent.inc"
#include "panels.inc"

enum { HALF_ROWS = 8, MOST_TOKENS = 4 };

// Eight scales or biases as f32.
INLINE __m256 widen8(const uint8_t *p, ck_dtype dtype) {
  if (dtype == CK_F32) return _mm256_loadu_ps((const float *)p);
  __m128i half = _mm_loadu_si128((const __m128i *)p);
  if (dtype == CK_F16) return _mm256_cvtph_ps(half);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

INLINE __m256i four(const int8_t *x) {
  int32_t word;
  memcpy(&word, x, 4);
  return _mm256_set1_epi32(word);
}

// Sums of both halves of the rows.
typedef __m256i integer_sums[MOST_TOKENS][2];

// Four inputs of one token times both halves. The empty statement holds the compiler to this order: it would do all of
// one half first and keep every input in memory for the other.
INLINE void dot_halves(__m256i *sums, const __m256i *rows, const int8_t *in) {
  __m256i input = four(in);
  for (int half = 0; half < 2; half++) sums[half] = _mm256_dpbusd_avx_epi32(sums[half], rows[half], input);
  __asm__ volatile("" : "+x"(sums[0]), "+x"(sums[1]));
}

// One activation group of `tokens` tokens, at most 4. One token alone takes two sums of each half, or they would wait
// for one another.
INLINE void dot_group(const uint8_t *p, int bits, bool e2m1, int32_t group, const int8_t *x, int tokens, integer_sums c) {
  static const uint8_t numbers[16] = {CK_E2M1_CODES};
  const __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)numbers));
  const __m256i low = _mm256_set1_epi8(15);
  __m256i other[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (int t = 0; t < tokens; t++) c[t][0] = c[t][1] = _mm256_setzero_si256();
  for (int32_t k = 0; k < group; k += 8, p += 16 * bits) {
    __m256i first[2], second[2];
    for (int half = 0; half < 2; half++) {
      __m256i v = _mm256_loadu_si256((const __m256i *)(p + 32 * half));
      first[half] = bits == 4 ? _mm256_and_si256(v, low) : v;
      second[half] = bits == 4 ? _mm256_and_si256(_mm256_srli_epi16(v, 4), low)
                               : _mm256_loadu_si256((const __m256i *)(p + 64 + 32 * half));
      if (e2m1) first[half] = _mm256_shuffle_epi8(table, first[half]), second[half] = _mm256_shuffle_epi8(table, second[half]);
    }
    for (int t = 0; t < tokens; t++) dot_halves(c[t], first, x + t * group + k);
    for (int t = 0; t < tokens; t++) dot_halves(tokens == 1 ? other : c[t], second, x + t * group + k + 4);
  }
  if (tokens == 1)
    for (int half = 0; half < 2; half++) c[0][half] = _mm256_add_epi32(c[0][half], other[half]);
}

// A block times tokens [token, token + tokens) of a tile.
INLINE void token_products(const ck_packed *m, int bits, bool e2m1, const uint8_t *p, ck_early early, const ck_tile *x,
                           int32_t token, int tokens, ck_sums out) {
  int32_t groups = m->inputs / m->group, parts = m->group / x->group, group = x->group;
  size_t step = ck_group_bytes(m), element = ck_dtype_bytes(m->dtype);
  size_t codes = ck_code_bytes(m), part_bytes = codes / (size_t)parts;
  const int8_t *in = x->codes + (size_t)token * (size_t)group;
  const float *scales = x->scales + token, *sums = x->sums + token;
  __m256 a[MOST_TOKENS][2];
  for (int t = 0; t < tokens; t++) a[t][0] = a[t][1] = _mm256_setzero_ps();
  for (int32_t g = 0; g < groups; g++, p += step) {
    ck_fetch_early(p, step, early);
    for (int32_t part = 0; part < parts; part++) {
      integer_sums c;
      dot_group(p + (size_t)part * part_bytes, bits, e2m1, group, in, tokens, c);
      for (int half = 0; half < 2; half++) {
        const uint8_t *tail = p + codes + (size_t)(HALF_ROWS * half) * element;
        __m256 s = widen8(tail, m->dtype);
        __m256 bias = e2m1 ? _mm256_mul_ps(s, _mm256_set1_ps(-CK_E2M1_ZERO)) : widen8(tail + CK_BLOCK_ROWS * element, m->dtype);
        for (int t = 0; t < tokens; t++) {
          __m256 factor = _mm256_mul_ps(s, _mm256_set1_ps(scales[t]));
          a[t][half] = _mm256_fmadd_ps(factor, _mm256_cvtepi32_ps(c[t][half]), a[t][half]);
          a[t][half] = _mm256_fmadd_ps(bias, _mm256_set1_ps(sums[t]), a[t][half]);
        }
      }
      in += (size_t)x->tokens * (size_t)group;
      scales += x->tokens, sums += x->tokens;
    }
  }
  for (int t = 0; t < tokens; t++)
    for (int half = 0; half < 2; half++) _mm256_storeu_ps(out[token + t] + HALF_ROWS * half, a[t][half]);
}

INLINE void block_products(const ck_packed *m, int bits, bool e2m1, const uint8_t *p, ck_early early, const ck_tile *x,
                           ck_sums out) {
  int32_t token = 0;
  for (; x->tokens - token >= 4; token += 4) token_products(m, bits, e2m1, p, token == 0 ? early : ck_not_early, x, token, 4, out);
  switch (x->tokens - token) {
    case 3: token_products(m, bits, e2m1, p, token == 0 ? early : ck_not_early, x, token, 3, out); break;
    case 2: token_products(m, bits, e2m1, p, token == 0 ? early : ck_not_early, x, token, 2, out); break;
    case 1: token_products(m, bits, e2m1, p, token == 0 ? early : ck_not_early, x, token, 1, out); break;
  }
}

static void one_block(const ck_packed *m, const uint8_t *p, ck_early early, const ck_tile *x, ck_sums out) {
  if (m->code_bits == 8) block_products(m, 8, false, p, early, x, out);
  else if (m->e2m1) block_products(m, 4, true, p, early, x, out);
  else block_products(m, 4, false, p, early, x, out);
}
#include "each_block.inc"

const ck_kernels ck_kernels_avxvnni = CK_KERNELS;

#pragma clang attribute pop
#endif
