// SPDX-License-Identifier: Apache-2.0
// arm64 without dot products (Cortex-A72 and older): codes of four bits times inputs fit 16-bit sums for 17 inputs of
// each lane, so that 64 inputs need no widening in between. Codes of 8 bits are taken as two of 4. E2m1 numbers go up to 24,
// but have groups of at most 32 inputs.
#if defined(__aarch64__)
#include "kernels.h"

#include <arm_neon.h>

#define CK_HALF_VECTORS
enum { DOT_ROWS = 2, DOT_TOKENS = 2, SCORE_VECTORS = 1, TILE_ROWS = 6 };
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

// Sums of four rows from products of 16 codes: lanes of `low` belong to rows 0 0 0 0 1 1 1 1, of `high` to 2 and 3.
INLINE int32x4_t row_sums(int16x8_t low, int16x8_t high) { return vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)); }

// Rows 4 * quad on, for one token. An activation group is at most 64 inputs: 16 products in each lane.
INLINE int32x4_t quad_dots(const uint8_t *p, int bits, bool e2m1, int32_t group, const int8_t *x, int quad) {
  int16x8_t low = vdupq_n_s16(0), high = low, low_16 = low, high_16 = low;
  p += 16 * quad;
  for (int32_t k = 0; k < group; k += 32 / bits, p += 64) {
    uint8x16_t codes = vld1q_u8(p);
    int8x16_t first = vreinterpretq_s8_u8(numbers_of(vandq_u8(codes, vdupq_n_u8(15)), e2m1));
    int8x16_t second = vreinterpretq_s8_u8(numbers_of(vshrq_n_u8(codes, 4), e2m1));
    int32_t words[2];
    memcpy(words, x + k, bits == 4 ? 8 : 4);
    int8x16_t in = vreinterpretq_s8_s32(vdupq_n_s32(words[0]));
    low = vmlal_s8(low, vget_low_s8(first), vget_low_s8(in));
    high = vmlal_high_s8(high, first, in);
    if (bits == 4) {
      in = vreinterpretq_s8_s32(vdupq_n_s32(words[1]));
      low = vmlal_s8(low, vget_low_s8(second), vget_low_s8(in));
      high = vmlal_high_s8(high, second, in);
    } else {
      low_16 = vmlal_s8(low_16, vget_low_s8(second), vget_low_s8(in));
      high_16 = vmlal_high_s8(high_16, second, in);
    }
  }
  int32x4_t sums = row_sums(low, high);
  return bits == 4 ? sums : vmlaq_n_s32(sums, row_sums(low_16, high_16), 16);
}

INLINE void dot_group(const uint8_t *p, int bits, bool e2m1, int32_t group, const int8_t *x, int tokens, integer_sums c) {
  for (int q = 0; q < QUADS; q++)
    for (int t = 0; t < tokens; t++) c[t][q] = quad_dots(p, bits, e2m1, group, x + t * group, q);
}

static void one_block(const ck_packed *m, const uint8_t *p, ck_early early, const ck_tile *x, ck_sums out) {
  (void)early;
  if (m->code_bits == 8) block_products(m, 8, false, p, x, out);
  else if (m->e2m1) block_products(m, 4, true, p, x, out);
  else block_products(m, 4, false, p, x, out);
}
#include "each_block.inc"

const ck_kernels ck_kernels_neon = CK_KERNELS;
#endif
