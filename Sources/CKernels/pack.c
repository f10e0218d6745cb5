// SPDX-License-Identifier: Apache-2.0
// From MLX's row-wise bit stream to blocks of 16 rows.
//
// 4 bits: vector j of a group (64 bytes) holds inputs 8j..8j+7: byte 4r+i has input 8j+i of row r in its low half
// and input 8j+4+i in its high half. 8 bits: vector j holds inputs 4j..4j+3: byte 4r+i has input 4j+i of row r.
#include "kernels.h"

CK_NO_CONTRACTION

size_t ck_packed_bytes(const ck_weight *w) {
  if (w->format == CK_PLAIN || w->format == CK_MXFP8) return 0;
  ck_packed m = ck_packed_view(w, NULL);
  return ck_round_up((size_t)ck_packed_blocks(w) * ck_block_bytes(&m));
}

int32_t ck_packed_blocks(const ck_weight *w) { return (w->rows + CK_BLOCK_ROWS - 1) / CK_BLOCK_ROWS; }

ck_packed ck_packed_view(const ck_weight *w, const void *data) {
  ck_packed m = {.rows = w->rows, .inputs = w->inputs, .group = w->group, .code_bits = w->bits <= 4 ? 4 : 8,
                 .dtype = w->dtype, .data = data};
  if (w->format == CK_AFFINE) return m;
  m.group = ck_small_group(w->format);
  m.code_bits = 4, m.e2m1 = true, m.dtype = CK_BF16;
  return m;
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

// Codes of a group of a row, from its element `first` on, into a lane of a block.
static void pack_codes(const uint8_t *row, int32_t bits, int32_t group, int32_t first, int32_t lane, uint8_t *out) {
  if (bits == 4) {
    for (int32_t j = 0; j < group / 8; j++) {
      uint32_t word;
      memcpy(&word, row + (first + 8 * j) / 2, 4);
      word = interleave4(word);
      memcpy(out + 64 * j + 4 * lane, &word, 4);
    }
  } else if (bits == 8) {
    for (int32_t j = 0; j < group / 4; j++) memcpy(out + 64 * j + 4 * lane, row + first + 4 * j, 4);
  } else if (bits < 4) {
    for (int32_t i = 0; i < group; i++) {
      uint8_t code = (uint8_t)code_at(row, first + i, bits);
      out[64 * (i / 8) + 4 * lane + i % 4] |= (uint8_t)(code << (i % 8 < 4 ? 0 : 4));
    }
  } else {
    for (int32_t i = 0; i < group; i++)
      out[64 * (i / 4) + 4 * lane + i % 4] = (uint8_t)code_at(row, first + i, bits);
  }
}

void ck_packed_row(const ck_packed *m, int32_t row, float *out) {
  static const uint8_t numbers[16] = {CK_E2M1_CODES};
  size_t step = ck_group_bytes(m), lane = (size_t)row % CK_BLOCK_ROWS;
  const uint8_t *p = ck_block(m, row / CK_BLOCK_ROWS) + 4 * lane;
  for (int32_t g = 0; g < m->inputs / m->group; g++, p += step, out += m->group) {
    const uint8_t *tail = p - 4 * lane + ck_code_bytes(m);
    float s = ck_element(tail, m->dtype, lane), b = m->e2m1 ? 0 : ck_bias_at(m, tail, lane);
    for (int32_t i = 0; i < m->group; i++) {
      int32_t code = m->code_bits == 8 ? p[64 * (i / 4) + i % 4] : p[64 * (i / 8) + i % 4] >> (i % 8 < 4 ? 0 : 4) & 15;
      out[i] = s * (float)(m->e2m1 ? numbers[code] - CK_E2M1_ZERO : code) + b;
    }
  }
}

// Scales (and biases) of group `place` of the weight into a lane behind a group's codes.
static void pack_tail(const ck_weight *w, const ck_packed *m, size_t place, size_t lane, uint8_t *tail) {
  size_t element = ck_dtype_bytes(m->dtype);
  if (m->e2m1) {
    float half = 0.5f * ck_group_scale(w->format, ((const uint8_t *)w->scales)[place]);
    ck_f32_to_bf16(&half, (uint16_t *)(void *)(tail + lane * element), 1);
    return;
  }
  memcpy(tail + lane * element, (const uint8_t *)w->scales + place * element, element);
  memcpy(tail + (CK_BLOCK_ROWS + lane) * element, (const uint8_t *)w->biases + place * element, element);
}

void ck_pack(const ck_weight *w, void *destination, int32_t first, int32_t last) {
  ck_packed m = ck_packed_view(w, destination);
  int32_t groups = m.inputs / m.group, bits = m.e2m1 ? 4 : w->bits, row_step = ck_max(w->row_step, 1);
  size_t step = ck_group_bytes(&m), row_bytes = (size_t)w->inputs * (size_t)bits / 8;
  for (int32_t block = first; block < last; block++)
    for (int32_t g = 0; g < groups; g++) {
      uint8_t *out = (uint8_t *)destination + ((size_t)block * (size_t)groups + (size_t)g) * step;
      memset(out, 0, step);
      for (int32_t lane = 0; lane < CK_BLOCK_ROWS; lane++) {
        int32_t row = block * CK_BLOCK_ROWS + lane;
        if (row >= w->rows) break;
        size_t place = (size_t)row * (size_t)row_step;
        pack_codes((const uint8_t *)w->data + place * row_bytes, bits, m.group, g * m.group, lane, out);
        pack_tail(w, &m, place * (size_t)groups + (size_t)g, (size_t)lane, out + ck_code_bytes(&m));
      }
    }
}
