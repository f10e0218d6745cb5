// SPDX-License-Identifier: Apache-2.0
// AVX-512 without VNNI: Skylake-X and its kin.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,f16c,fma,avx2"))), \
                             apply_to = function)
#define CK_HALF_VECTORS
#define CK_FMA
enum { DOT_ROWS = 4, DOT_TOKENS = 4, SCORE_VECTORS = 2, TILE_ROWS = 8, WIDE_ROWS = 16 };
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

typedef __m512i wint;
typedef __m512 wfloat;
INLINE wint wide_zero(void) { return _mm512_setzero_si512(); }
INLINE wint wide_load(const void *p) { return _mm512_loadu_si512(p); }
INLINE wint wide_set8(int8_t x) { return _mm512_set1_epi8(x); }
INLINE wint wide_set16(int16_t x) { return _mm512_set1_epi16(x); }
INLINE wint wide_set32(int32_t x) { return _mm512_set1_epi32(x); }
INLINE wint wide_table(const uint8_t *p) { return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)p)); }
INLINE wint wide_choose(wint table, wint places) { return _mm512_shuffle_epi8(table, places); }
INLINE wint wide_and(wint a, wint b) { return _mm512_and_si512(a, b); }
INLINE wint wide_shift4(wint a) { return _mm512_srli_epi16(a, 4); }
INLINE wint wide_add16(wint a, wint b) { return _mm512_add_epi16(a, b); }
INLINE wint wide_add32(wint a, wint b) { return _mm512_add_epi32(a, b); }
INLINE wint wide_maddubs(wint a, wint b) { return _mm512_maddubs_epi16(a, b); }
INLINE wint wide_madd(wint a, wint b) { return _mm512_madd_epi16(a, b); }
INLINE wfloat wide_float(wint a) { return _mm512_cvtepi32_ps(a); }
INLINE wfloat wide_zero_float(void) { return _mm512_setzero_ps(); }
INLINE wfloat wide_splat(float x) { return _mm512_set1_ps(x); }
INLINE wfloat wide_mul(wfloat a, wfloat b) { return _mm512_mul_ps(a, b); }
INLINE wfloat wide_fma(wfloat a, wfloat b, wfloat c) { return _mm512_fmadd_ps(a, b, c); }
INLINE void wide_store(float *p, wfloat a) { _mm512_storeu_ps(p, a); }
INLINE wfloat wide_widen(const uint8_t *p, ck_dtype dtype) {
  if (dtype == CK_F32) return _mm512_loadu_ps((const float *)p);
  __m256i half = _mm256_loadu_si256((const __m256i *)p);
  if (dtype == CK_F16) return _mm512_cvtph_ps(half);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
#include "products_madd.inc"

const ck_kernels ck_kernels_avx512 = CK_KERNELS;

#pragma clang attribute pop
#endif
