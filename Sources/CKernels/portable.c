// SPDX-License-Identifier: Apache-2.0
// The kernels in plain C: what every processor runs, and what the fast ones are tested against.
#include "kernels.h"

enum { DOT_ROWS = 4, DOT_TOKENS = 1, SCORE_VECTORS = 1, TILE_ROWS = 4 };
#define PANEL_TOKENS 2
#define PANEL_VECTORS 1
#include "vector.inc"
#include "pointwise.inc"
#include "dots.inc"
#include "tiles.inc"
#include "codes.inc"
#include "attend.inc"
#include "recurrent.inc"
#include "panels.inc"

// The 16 integer sums of one activation group of one token. See pack.c for where a code lies.
static void group_dots(const uint8_t *codes, int32_t code_bits, bool e2m1, const int8_t *x, int32_t from, int32_t to,
                       int32_t *out) {
  static const uint8_t numbers[16] = {CK_E2M1_CODES};
  for (int lane = 0; lane < CK_BLOCK_ROWS; lane++) {
    int32_t total = 0;
    for (int32_t k = from; k < to; k++) {
      int32_t code;
      if (code_bits == 4) {
        uint8_t byte = codes[64 * (k / 8) + 4 * lane + k % 4];
        code = k % 8 < 4 ? byte & 15 : byte >> 4;
        if (e2m1) code = numbers[code];
      } else {
        code = codes[64 * (k / 4) + 4 * lane + k % 4];
      }
      total += code * x[k - from];
    }
    out[lane] = total;
  }
}

// One block: for each group of inputs scale * activation scale * dot, then bias * activation sum, both fused.
static void one_block(const ck_packed *m, const uint8_t *block, ck_early early, const ck_tile *x, ck_sums out) {
  (void)early;
  int32_t groups = m->inputs / m->group, parts = m->group / x->group;
  size_t step = ck_group_bytes(m), code_bytes = ck_code_bytes(m);
  for (int32_t t = 0; t < x->tokens; t++) {
    float *a = out[t];
    for (int lane = 0; lane < CK_BLOCK_ROWS; lane++) a[lane] = 0;
    for (int32_t g = 0; g < groups; g++) {
      const uint8_t *p = block + (size_t)g * step;
      for (int32_t part = 0; part < parts; part++) {
        size_t place = (size_t)(g * parts + part) * (size_t)x->tokens + (size_t)t;
        int32_t dot[CK_BLOCK_ROWS];
        const int8_t *in = x->codes + place * (size_t)x->group;
        group_dots(p, m->code_bits, m->e2m1, in, part * x->group, (part + 1) * x->group, dot);
        for (size_t lane = 0; lane < CK_BLOCK_ROWS; lane++) {
          float s = ck_element(p + code_bytes, m->dtype, lane);
          float bias = ck_bias_at(m, p + code_bytes, lane);
          a[lane] = fmaf(s * x->scales[place], (float)dot[lane], a[lane]);
          a[lane] = fmaf(bias, x->sums[place], a[lane]);
        }
      }
    }
  }
}

#include "each_block.inc"

const ck_kernels ck_kernels_portable = CK_KERNELS;
