// SPDX-License-Identifier: Apache-2.0
// MLX's affine quantization, bit for bit as its CPU backend: all in f32, true divisions, no fused multiply-add,
// ties to even. Formula: docs/quantization.md. Codes are chosen with the scale before it is narrowed.
//
// Every operation is one that IEEE 754 rounds in one way only, so the clones for wider vectors give the same bits.
#include "kernels.h"

CK_NO_CONTRACTION

#if defined(__x86_64__)
#define CK_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define CK_CLONES
#endif
// Inlined, so that each clone has its own.
#define CK_INLINE static inline __attribute__((always_inline))

enum { LANES = 16, LARGEST_GROUP = 128 };

static void store(void *array, ck_dtype dtype, size_t index, float value) {
  switch (dtype) {
    case CK_F32: memcpy((uint8_t *)array + 4 * index, &value, 4); break;
    case CK_F16: ck_f32_to_f16(&value, (uint8_t *)array + 2 * index, 1); break;
    case CK_BF16: ck_f32_to_bf16(&value, (uint8_t *)array + 2 * index, 1); break;
  }
}

// Writes `group` codes of `bits` bits; group * bits is a multiple of 8.
CK_INLINE void write_codes(const uint8_t *codes, int32_t group, int32_t bits, uint8_t *out) {
  if (bits == 8) {
    memcpy(out, codes, (size_t)group);
    return;
  }
  if (bits == 4) {
    for (int32_t i = 0; i < group / 2; i++) out[i] = (uint8_t)(codes[2 * i] | codes[2 * i + 1] << 4);
    return;
  }
  uint32_t held = 0;
  int32_t count = 0;
  for (int32_t i = 0; i < group; i++) {
    held |= (uint32_t)codes[i] << count;
    for (count += bits; count >= 8; count -= 8, held >>= 8) *out++ = (uint8_t)held;
  }
}

// The group as f32; returns how many of its elements are not finite.
CK_INLINE size_t widen(const void *x, ck_dtype dtype, size_t start, int32_t group, float *values) {
  switch (dtype) {
    case CK_F32: memcpy(values, (const uint8_t *)x + 4 * start, 4 * (size_t)group); break;
    case CK_F16: ck_f16_to_f32((const uint8_t *)x + 2 * start, values, (size_t)group); break;
    case CK_BF16: {
      uint16_t halves[LARGEST_GROUP];
      uint32_t words[LARGEST_GROUP];
      memcpy(halves, (const uint8_t *)x + 2 * start, 2 * (size_t)group);
      for (int32_t i = 0; i < group; i++) words[i] = (uint32_t)halves[i] << 16;
      memcpy(values, words, 4 * (size_t)group);
      break;
    }
  }
  uint32_t bits[LARGEST_GROUP], faults = 0;
  memcpy(bits, values, 4 * (size_t)group);
  for (int32_t i = 0; i < group; i++) faults += (bits[i] & 0x7F800000u) == 0x7F800000u;
  return faults;
}

// Least and greatest of a group, lane by lane first. Which zero wins makes no difference below.
CK_INLINE void range(const float *x, int32_t group, float *least, float *greatest) {
  float low[LANES], high[LANES];
  memcpy(low, x, sizeof low);
  memcpy(high, x, sizeof high);
  for (int32_t i = LANES; i < group; i += LANES)
    for (int32_t lane = 0; lane < LANES; lane++) {
      low[lane] = x[i + lane] < low[lane] ? x[i + lane] : low[lane];
      high[lane] = x[i + lane] > high[lane] ? x[i + lane] : high[lane];
    }
  for (int32_t lane = 1; lane < LANES; lane++) {
    low[0] = low[lane] < low[0] ? low[lane] : low[0];
    high[0] = high[lane] > high[0] ? high[lane] : high[0];
  }
  *least = low[0];
  *greatest = high[0];
}

CK_INLINE void quantize_group(const float *x, int32_t group, int32_t bits, uint8_t *codes, float *scale,
                                  float *bias) {
  float low, high, top = (float)((1 << bits) - 1);
  range(x, group, &low, &high);
  float s = (high - low) / top;
  s = s > 1e-7f ? s : 1e-7f;
  bool from_low = fabsf(low) > fabsf(high);
  s = from_low ? s : -s;
  float edge = from_low ? low : high, b = 0, steps = rintf(edge / s);
  if (steps != 0) {
    s = edge / steps;
    b = edge;
  }
  for (int32_t i = 0; i < group; i++) {
    float q = rintf((x[i] - b) / s);
    q = q < 0 ? 0 : q;
    codes[i] = (uint8_t)(int32_t)(q > top ? top : q);
  }
  *scale = s;
  *bias = b;
}

CK_CLONES
size_t ck_affine_quantize(const void *x, ck_dtype dtype, int32_t rows, int32_t inputs, int32_t bits, int32_t group,
                          void *codes, void *scales, void *biases) {
  size_t groups = (size_t)rows * (size_t)(inputs / group), faults = 0;
  float values[LARGEST_GROUP];
  uint8_t chosen[LARGEST_GROUP];
  for (size_t g = 0; g < groups; g++) {
    faults += widen(x, dtype, g * (size_t)group, group, values);
    if (faults) continue;
    float scale, bias;
    quantize_group(values, group, bits, chosen, &scale, &bias);
    write_codes(chosen, group, bits, (uint8_t *)codes + g * (size_t)(group * bits / 8));
    store(scales, dtype, g, scale);
    store(biases, dtype, g, bias);
  }
  return faults;
}
