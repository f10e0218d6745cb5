// SPDX-License-Identifier: Apache-2.0
// arm64 with dot products: Cortex-A76, Neoverse N1, Apple M1 and what came after them.
#if defined(__aarch64__)
#include "kernels.h"

#include <arm_neon.h>

CK_ARM_BEGIN("dotprod", "arch=armv8.2-a+dotprod")
#define CK_HALF_VECTORS
enum { DOT_ROWS = 2, DOT_TOKENS = 2, SCORE_VECTORS = 1, TILE_ROWS = 6, SIGNED_CODES = 1 };
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
  int8x16_t c = vreinterpretq_s8_u8(codes);
  switch (lane) {
    case 0: return vdotq_laneq_s32(sum, c, x, 0);
    case 1: return vdotq_laneq_s32(sum, c, x, 1);
    case 2: return vdotq_laneq_s32(sum, c, x, 2);
    default: return vdotq_laneq_s32(sum, c, x, 3);
  }
}

static void one_block(const ck_packed *m, const uint8_t *p, ck_early early, const ck_tile *x, ck_sums out) {
  (void)early;
  if (m->code_bits == 8) block_products(m, 8, false, p, x, out);
  else if (m->e2m1) block_products(m, 4, true, p, x, out);
  else block_products(m, 4, false, p, x, out);
}
#include "each_block.inc"

const ck_kernels ck_kernels_neon_dotprod = CK_KERNELS;

CK_ARM_END
#endif
