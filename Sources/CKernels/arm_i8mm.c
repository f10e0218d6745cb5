// SPDX-License-Identifier: Apache-2.0
// arm64 with products of int8 matrices: Neoverse V1 and N2, Apple M2 and what came after them. usmmla multiplies two
// rows by two tokens over eight inputs: twice the work of a dot product. A token left alone takes dot products.
#if defined(__aarch64__)
#include "kernels.h"

#include <arm_neon.h>

CK_ARM_BEGIN("dotprod,i8mm", "arch=armv8.2-a+dotprod+i8mm")
#define CK_HALF_VECTORS
enum { DOT_ROWS = 2, DOT_TOKENS = 2, SCORE_VECTORS = 1, TILE_ROWS = 6, SIGNED_CODES = 0 };
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
#include "products_neon.inc"
#include "dots_neon.inc"

INLINE int32x4_t dot_lane(int32x4_t sum, uint8x16_t codes, int8x16_t x, int lane) {
  switch (lane) {
    case 0: return vusdotq_laneq_s32(sum, codes, x, 0);
    case 1: return vusdotq_laneq_s32(sum, codes, x, 1);
    case 2: return vusdotq_laneq_s32(sum, codes, x, 2);
    default: return vusdotq_laneq_s32(sum, codes, x, 3);
  }
}

// Eight rows are four pairs; tokens come in up to four pairs. A vector of sums is row 0 of tokens 0 and 1, then row 1.
enum { ROW_PAIRS = 4, TOKEN_PAIRS = 4 };
typedef int32x4_t pair_sums[ROW_PAIRS][TOKEN_PAIRS];

// The codes of eight inputs of two rows side by side, for eight rows; `p` is the place of the first of them.
INLINE void row_pairs(const uint8_t *p, int bits, bool e2m1, uint8x16_t *rows) {
  for (int q = 0; q < 2; q++, p += 16) {
    uint8x16_t codes = vld1q_u8(p), first, second;
    if (bits == 4) first = vandq_u8(codes, vdupq_n_u8(15)), second = vshrq_n_u8(codes, 4);
    else first = codes, second = vld1q_u8(p + 64);
    first = numbers_of(first, e2m1), second = numbers_of(second, e2m1);
    uint32x4_t a = vreinterpretq_u32_u8(first), b = vreinterpretq_u32_u8(second);
    rows[2 * q] = vreinterpretq_u8_u32(vzip1q_u32(a, b));
    rows[2 * q + 1] = vreinterpretq_u8_u32(vzip2q_u32(a, b));
  }
}

// One activation group of 2 * pairs tokens.
INLINE void pair_dots(const uint8_t *p, int bits, bool e2m1, int32_t group, const int8_t *x, int pairs, pair_sums c) {
  for (int r = 0; r < ROW_PAIRS; r++)
    for (int t = 0; t < pairs; t++) c[r][t] = vdupq_n_s32(0);
  for (int32_t k = 0; k < group; k += 16, p += 32 * bits) {
    int8x16_t in[2][TOKEN_PAIRS];  // eight inputs of two tokens side by side, and the next eight
    for (int t = 0; t < pairs; t++) {
      int64x2_t a = vreinterpretq_s64_s8(vld1q_s8(x + 2 * t * group + k));
      int64x2_t b = vreinterpretq_s64_s8(vld1q_s8(x + (2 * t + 1) * group + k));
      in[0][t] = vreinterpretq_s8_s64(vtrn1q_s64(a, b));
      in[1][t] = vreinterpretq_s8_s64(vtrn2q_s64(a, b));
    }
    CK_UNROLL
    for (int eight = 0; eight < 2; eight++) {
      uint8x16_t rows[ROW_PAIRS];
      row_pairs(p + 16 * bits * eight, bits, e2m1, rows);
      for (int r = 0; r < ROW_PAIRS; r++)
        for (int t = 0; t < pairs; t++) c[r][t] = vusmmlaq_s32(c[r][t], rows[r], in[eight][t]);
    }
  }
}

// Each of four numbers twice.
INLINE void twice(float32x4_t v, float32x4_t *out) { out[0] = vzip1q_f32(v, v), out[1] = vzip2q_f32(v, v); }
INLINE float32x4_t two(const float *p) { return vcombine_f32(vld1_f32(p), vld1_f32(p)); }

// Rows [8 * half ..] of a block times 2 * pairs tokens of a tile, from `token` on.
INLINE void pair_products(const ck_packed *m, int bits, bool e2m1, const uint8_t *p, int half, const ck_tile *x,
                          int32_t token, int pairs, ck_sums out) {
  int32_t groups = m->inputs / m->group, parts = m->group / x->group, group = x->group;
  size_t codes = ck_code_bytes(m), tail = ck_group_bytes(m) - codes, part_bytes = codes / (size_t)parts;
  const int8_t *in = x->codes + (size_t)token * (size_t)group;
  const float *scales = x->scales + token, *sums = x->sums + token;
  float32x4_t a[ROW_PAIRS][TOKEN_PAIRS];
  for (int r = 0; r < ROW_PAIRS; r++)
    for (int t = 0; t < pairs; t++) a[r][t] = vdupq_n_f32(0);
  for (int32_t g = 0; g < groups; g++, p += tail) {
    float32x4_t scale[ROW_PAIRS], bias[ROW_PAIRS];
    for (int q = 0; q < 2; q++) {
      float32x4_t scales = widen4(p + codes, m->dtype, 2 * half + q);
      twice(scales, scale + 2 * q);
      twice(bias4(m, e2m1, p + codes, 2 * half + q, scales), bias + 2 * q);
    }
    for (int32_t part = 0; part < parts; part++, p += part_bytes) {
      pair_sums c;
      pair_dots(p + 32 * half, bits, e2m1, group, in, pairs, c);
      for (int t = 0; t < pairs; t++)
        for (int r = 0; r < ROW_PAIRS; r++) {
          a[r][t] = vfmaq_f32(a[r][t], vmulq_f32(scale[r], two(scales + 2 * t)), vcvtq_f32_s32(c[r][t]));
          a[r][t] = vfmaq_f32(a[r][t], bias[r], two(sums + 2 * t));
        }
      in += (size_t)x->tokens * (size_t)group;
      scales += x->tokens, sums += x->tokens;
    }
  }
  for (int t = 0; t < pairs; t++)
    for (int q = 0; q < 2; q++) {
      vst1q_f32(out[token + 2 * t] + 8 * half + 4 * q, vuzp1q_f32(a[2 * q][t], a[2 * q + 1][t]));
      vst1q_f32(out[token + 2 * t + 1] + 8 * half + 4 * q, vuzp2q_f32(a[2 * q][t], a[2 * q + 1][t]));
    }
}

INLINE void both_halves(const ck_packed *m, int bits, bool e2m1, const uint8_t *p, const ck_tile *x, int32_t token,
                        int pairs, ck_sums out) {
  for (int half = 0; half < 2; half++) pair_products(m, bits, e2m1, p, half, x, token, pairs, out);
}

INLINE void all_products(const ck_packed *m, int bits, bool e2m1, const uint8_t *p, const ck_tile *x, ck_sums out) {
  int32_t token = 0;
  for (; x->tokens - token >= 8; token += 8) both_halves(m, bits, e2m1, p, x, token, 4, out);
  int32_t left = (x->tokens - token) / 2;
  switch (left) {
    case 3: both_halves(m, bits, e2m1, p, x, token, 3, out); break;
    case 2: both_halves(m, bits, e2m1, p, x, token, 2, out); break;
    case 1: both_halves(m, bits, e2m1, p, x, token, 1, out); break;
  }
  token += 2 * left;
  if (token < x->tokens) token_products(m, bits, e2m1, p, x, token, 1, out);
}

static void one_block(const ck_packed *m, const uint8_t *p, ck_early early, const ck_tile *x, ck_sums out) {
  (void)early;
  if (m->code_bits == 8) all_products(m, 8, false, p, x, out);
  else if (m->e2m1) all_products(m, 4, true, p, x, out);
  else all_products(m, 4, false, p, x, out);
}
#include "each_block.inc"

const ck_kernels ck_kernels_neon_i8mm = CK_KERNELS;

CK_ARM_END
#endif
