// SPDX-License-Identifier: Apache-2.0
// From MLX's row-wise bit stream to blocks of 16 rows.
//
// 4 bits: vector j of a group (64 bytes) holds inputs 8j..8j+7: byte 4r+i has input 8j+i of row r in its low half
// and input 8j+4+i in its high half. 8 bits: vector j holds inputs 4j..4j+3: byte 4r+i has input 4j+i of row r.
#include "kernels.h"

CK_NO_CONTRACTION

size_t ck_packed_bytes(const ck_weight *w) {
  if (w->format != CK_AFFINE) return 0;
  size_t group = ck_group_bytes(w->group, w->bits <= 4 ? 4 : 8, w->dtype);
  return ((size_t)ck_packed_blocks(w) * (size_t)(w->inputs / w->group) * group + 63) / 64 * 64;
}

int32_t ck_packed_blocks(const ck_weight *w) { return (w->rows + CK_BLOCK_ROWS - 1) / CK_BLOCK_ROWS; }

ck_packed ck_packed_view(const ck_weight *w, const void *data) {
  return (ck_packed){.rows = w->rows, .inputs = w->inputs, .group = w->group, .code_bits = w->bits <= 4 ? 4 : 8,
                     .dtype = w->dtype, .data = data};
}

// Eight codes of 4 bits in a word, as the low and high halves of four bytes.
static inline uint32_t interleave4(uint32_t word) {
  uint32_t low = word & 0xFFFF, high = word >> 16;
  low = (low & 0xF) | (low & 0xF0) << 4 | (low & 0xF00) << 8 | (low & 0xF000) << 12;
  high = (high & 0xF) | (high & 0xF0) << 4 | (high & 0xF00) << 8 | (high & 0xF000) << 12;
  return low | high << 4;
}

static inline uint32_t code_at(const uint8_t *row, int32_t index, int32_t bits) {
  size_t bit = (size_t)index * (size_t)bits;
  uint32_t word = row[bit / 8];
  if (bit % 8 + (size_t)bits > 8) word |= (uint32_t)row[bit / 8 + 1] << 8;
  return word >> bit % 8 & ((1u << bits) - 1);
}

static void pack_codes(const ck_weight *w, const uint8_t *row, int32_t first, int32_t lane, uint8_t *out) {
  if (w->bits == 4) {
    for (int32_t j = 0; j < w->group / 8; j++) {
      uint32_t word;
      memcpy(&word, row + (first + 8 * j) / 2, 4);
      word = interleave4(word);
      memcpy(out + 64 * j + 4 * lane, &word, 4);
    }
  } else if (w->bits == 8) {
    for (int32_t j = 0; j < w->group / 4; j++) memcpy(out + 64 * j + 4 * lane, row + first + 4 * j, 4);
  } else if (w->bits < 4) {
    for (int32_t i = 0; i < w->group; i++) {
      uint8_t code = (uint8_t)code_at(row, first + i, w->bits);
      out[64 * (i / 8) + 4 * lane + i % 4] |= (uint8_t)(code << (i % 8 < 4 ? 0 : 4));
    }
  } else {
    for (int32_t i = 0; i < w->group; i++)
      out[64 * (i / 4) + 4 * lane + i % 4] = (uint8_t)code_at(row, first + i, w->bits);
  }
}

void ck_packed_row(const ck_packed *m, int32_t row, float *out) {
  size_t step = ck_group_bytes(m->group, m->code_bits, m->dtype), lane = (size_t)row % CK_BLOCK_ROWS;
  size_t codes = (size_t)m->group * CK_BLOCK_ROWS * (size_t)m->code_bits / 8;
  const uint8_t *p = ck_block(m, row / CK_BLOCK_ROWS) + 4 * lane;
  for (int32_t g = 0; g < m->inputs / m->group; g++, p += step, out += m->group) {
    const uint8_t *tail = p - 4 * lane + codes;
    float s = ck_element(tail, m->dtype, lane), b = ck_element(tail, m->dtype, CK_BLOCK_ROWS + lane);
    for (int32_t i = 0; i < m->group; i++) {
      int32_t code = m->code_bits == 8 ? p[64 * (i / 4) + i % 4] : p[64 * (i / 8) + i % 4] >> (i % 8 < 4 ? 0 : 4) & 15;
      out[i] = s * (float)code + b;
    }
  }
}

void ck_pack(const ck_weight *w, void *destination, int32_t first, int32_t last) {
  int32_t code_bits = w->bits <= 4 ? 4 : 8, groups = w->inputs / w->group;
  size_t step = ck_group_bytes(w->group, code_bits, w->dtype), element = ck_dtype_bytes(w->dtype);
  size_t codes = (size_t)w->group * CK_BLOCK_ROWS * (size_t)code_bits / 8;
  size_t row_bytes = (size_t)w->inputs * (size_t)w->bits / 8;
  for (int32_t block = first; block < last; block++)
    for (int32_t g = 0; g < groups; g++) {
      uint8_t *out = (uint8_t *)destination + ((size_t)block * (size_t)groups + (size_t)g) * step;
      memset(out, 0, step);
      for (int32_t lane = 0; lane < CK_BLOCK_ROWS; lane++) {
        int32_t row = block * CK_BLOCK_ROWS + lane;
        if (row >= w->rows) break;
        pack_codes(w, (const uint8_t *)w->data + (size_t)row * row_bytes, g * w->group, lane, out);
        size_t source = ((size_t)row * (size_t)groups + (size_t)g) * element;
        memcpy(out + codes + (size_t)lane * element, (const uint8_t *)w->scales + source, element);
        memcpy(out + codes + (CK_BLOCK_ROWS + (size_t)lane) * element, (const uint8_t *)w->biases + source, element);
      }
    }
}
