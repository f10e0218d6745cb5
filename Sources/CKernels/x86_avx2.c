// SPDX-License-Identifier: Apache-2.0
// AVX2 with FMA: every x86-64 server and laptop of the last ten years.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,f16c,fma"))), apply_to = function)
#define CK_HALF_VECTORS
#define CK_FMA
enum { DOT_ROWS = 2, DOT_TOKENS = 3, SCORE_VECTORS = 1, TILE_ROWS = 6, WIDE_ROWS = 8 };
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

typedef __m256i wint;
typedef __m256 wfloat;
INLINE wint wide_zero(void) { return _mm256_setzero_si256(); }
INLINE wint wide_load(const void *p) { return _mm256_loadu_si256(p); }
INLINE wint wide_set8(int8_t x) { return _mm256_set1_epi8(x); }
INLINE wint wide_set16(int16_t x) { return _mm256_set1_epi16(x); }
INLINE wint wide_set32(int32_t x) { return _mm256_set1_epi32(x); }
INLINE wint wide_table(const uint8_t *p) { return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p)); }
INLINE wint wide_choose(wint table, wint places) { return _mm256_shuffle_epi8(table, places); }
INLINE wint wide_and(wint a, wint b) { return _mm256_and_si256(a, b); }
INLINE wint wide_shift4(wint a) { return _mm256_srli_epi16(a, 4); }
INLINE wint wide_add16(wint a, wint b) { return _mm256_add_epi16(a, b); }
INLINE wint wide_add32(wint a, wint b) { return _mm256_add_epi32(a, b); }
INLINE wint wide_maddubs(wint a, wint b) { return _mm256_maddubs_epi16(a, b); }
INLINE wint wide_madd(wint a, wint b) { return _mm256_madd_epi16(a, b); }
INLINE wfloat wide_float(wint a) { return _mm256_cvtepi32_ps(a); }
INLINE wfloat wide_zero_float(void) { return _mm256_setzero_ps(); }
INLINE wfloat wide_splat(float x) { return _mm256_set1_ps(x); }
INLINE wfloat wide_mul(wfloat a, wfloat b) { return _mm256_mul_ps(a, b); }
INLINE wfloat wide_fma(wfloat a, wfloat b, wfloat c) { return _mm256_fmadd_ps(a, b, c); }
INLINE void wide_store(float *p, wfloat a) { _mm256_storeu_ps(p, a); }
INLINE wfloat wide_widen(const uint8_t *p, ck_dtype dtype) {
  if (dtype == CK_F32) return _mm256_loadu_ps((const float *)p);
  __m128i half = _mm_loadu_si128((const __m128i *)p);
  if (dtype == CK_F16) return _mm256_cvtph_ps(half);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}
#include "products_madd.inc"

const ck_kernels ck_kernels_avx2 = CK_KERNELS;

#pragma clang attribute pop
#endif
