// SPDX-License-Identifier: Apache-2.0
// Numbers, memory and matrices for the checks.
#include "check.h"

#include <stdlib.h>

noise noise_of(int seed) { return (noise){(uint64_t)seed * 0x9E3779B97F4A7C15u | 1}; }

uint64_t noise_bits(noise *n) {
  n->state ^= n->state << 13;
  n->state ^= n->state >> 7;
  n->state ^= n->state << 17;
  return n->state;
}

float noise_float(noise *n) { return (float)(int32_t)(noise_bits(n) >> 32) * 0x1p-31f; }

enum { MOST = 4096 };
static void *held[MOST];
static int holding;

void *memory(size_t bytes) {
  bytes = (bytes + 127) / 64 * 64;
  void *p = aligned_alloc(64, bytes);
  if (!p || holding == MOST) abort();
  memset(p, 0, bytes);
  return held[holding++] = p;
}

void release(void) {
  while (holding) free(held[--holding]);
}

float *floats(noise *n, size_t count, float size) {
  float *values = memory(count * 4);
  for (size_t i = 0; i < count; i++) values[i] = noise_float(n) * size;
  return values;
}

void *stored(const float *values, size_t count, ck_dtype dtype) {
  void *p = memory(count * 4);
  if (dtype == CK_F32) memcpy(p, values, count * 4);
  else if (dtype == CK_F16) ck_f32_to_f16(values, p, count);
  else ck_f32_to_bf16(values, p, count);
  return p;
}

ck_weight random_plain(noise *n, int32_t rows, int32_t inputs, ck_dtype dtype) {
  size_t count = (size_t)rows * (size_t)inputs;
  return (ck_weight){.format = CK_PLAIN, .dtype = dtype, .rows = rows, .inputs = inputs,
                     .data = stored(floats(n, count, 1), count, dtype)};
}

ck_weight random_affine(noise *n, int32_t rows, int32_t inputs, int32_t bits, int32_t group, ck_dtype dtype) {
  size_t bytes = (size_t)rows * (size_t)inputs * (size_t)bits / 8, groups = (size_t)rows * (size_t)(inputs / group);
  uint8_t *codes = memory(bytes);
  for (size_t i = 0; i < bytes; i++) codes[i] = (uint8_t)(noise_bits(n) >> 24);
  float *scales = floats(n, groups, 1), *biases = floats(n, groups, 0.2f);
  for (size_t i = 0; i < groups; i++) {
    scales[i] = (scales[i] * 0.5f + 0.6f) / (float)(1 << bits);
    biases[i] = -scales[i] * (float)(1 << (bits - 1)) * (1 + biases[i]);
  }
  return (ck_weight){.format = CK_AFFINE, .dtype = dtype, .rows = rows, .inputs = inputs, .bits = bits, .group = group,
                     .data = codes, .scales = stored(scales, groups, dtype), .biases = stored(biases, groups, dtype)};
}

ck_weight random_small(noise *n, int32_t rows, int32_t inputs, ck_format format) {
  size_t count = (size_t)rows * (size_t)inputs, bytes = format == CK_MXFP8 ? count : count / 2;
  size_t groups = count / (format == CK_NVFP4 ? 16 : 32);
  uint8_t *codes = memory(bytes), *scales = memory(groups);
  for (size_t i = 0; i < bytes; i++) codes[i] = (uint8_t)(noise_bits(n) >> 24);
  for (size_t i = 0; format == CK_MXFP8 && i < bytes; i++)
    if ((codes[i] & 127) == 127) codes[i] = 0;  // not a number
  // Exponents around 1/8; e4m3 numbers of 0.25 to 1.875.
  for (size_t i = 0; i < groups; i++)
    scales[i] = (uint8_t)(format == CK_NVFP4 ? 40 + (noise_bits(n) >> 40) % 24 : 122 + (noise_bits(n) >> 40) % 5);
  return (ck_weight){.format = format, .rows = rows, .inputs = inputs, .data = codes, .scales = scales};
}

ck_packed packed_of(const ck_weight *weight) {
  void *data = memory(ck_packed_bytes(weight));
  ck_pack(weight, data, 0, ck_packed_blocks(weight));
  return ck_packed_view(weight, data);
}
