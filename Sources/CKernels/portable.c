// SPDX-License-Identifier: Apache-2.0
// The kernels in plain C: what every processor runs, and what the fast ones are tested against.
#include "kernels.h"

#include "bodies.inc"

// The 16 sums of a block and one group of one token, as integers.
static void group_dots(const uint8_t *codes, int32_t code_bits, const int8_t *x, int32_t from, int32_t to,
                       int32_t *out) {
  for (int lane = 0; lane < CK_BLOCK_ROWS; lane++) {
    int32_t total = 0;
    for (int32_t k = from; k < to; k++) {
      int32_t code;
      if (code_bits == 4) {
        uint8_t byte = codes[64 * (k / 8) + 4 * lane + k % 4];
        code = k % 8 < 4 ? byte & 15 : byte >> 4;
      } else {
        code = codes[64 * (k / 4) + 4 * lane + k % 4];
      }
      total += code * x[k];
    }
    out[lane] = total;
  }
}

static void packed(const ck_packed *m, int32_t first, int32_t last, const ck_activations *x, int32_t tokens,
                   const ck_output *o) {
  int32_t groups = m->inputs / m->group, parts = m->group / x->group;
  size_t step = ck_group_bytes(m->group, m->code_bits, m->dtype);
  size_t code_bytes = (size_t)m->group * CK_BLOCK_ROWS * (size_t)m->code_bits / 8;
  for (int32_t b = first; b < last; b++)
    for (int32_t t = 0; t < tokens; t++) {
      float a[CK_BLOCK_ROWS] = {0};
      for (int32_t g = 0; g < groups; g++) {
        const uint8_t *p = m->data + ((size_t)b * (size_t)groups + (size_t)g) * step;
        for (int32_t part = 0; part < parts; part++) {
          int32_t dot[CK_BLOCK_ROWS], index = t * (x->inputs / x->group) + g * parts + part;
          group_dots(p, m->code_bits, x->codes + (size_t)t * (size_t)x->inputs + g * m->group, part * x->group,
                     (part + 1) * x->group, dot);
          for (size_t lane = 0; lane < CK_BLOCK_ROWS; lane++) {
            float s = ck_element(p + code_bytes, m->dtype, lane);
            float bias = ck_element(p + code_bytes, m->dtype, CK_BLOCK_ROWS + lane);
            a[lane] = fmaf(s * x->scales[index], (float)dot[lane], a[lane]);
            a[lane] = fmaf(bias, x->sums[index], a[lane]);
          }
        }
      }
      for (int32_t lane = 0; lane < CK_BLOCK_ROWS && b * CK_BLOCK_ROWS + lane < m->rows; lane++) {
        int32_t n = b * CK_BLOCK_ROWS + lane;
        float value = a[lane] + (o->bias ? o->bias[n] : 0), *y = o->y + (size_t)t * o->stride + n;
        *y = o->accumulate ? *y + value : value;
      }
    }
}

const ck_kernels ck_kernels_portable = {quantize, packed, dots, widen, rms_norm, layer_norm, activate, add_scaled,
                                        log_sum_exp, attend};
