// SPDX-License-Identifier: Apache-2.0
// MLX's affine quantization, bit for bit as its CPU backend: all in f32, true divisions, no fused multiply-add,
// ties to even. Formula: docs/quantization.md. Codes are chosen with the scale before it is narrowed.
#include "kernels.h"

#pragma STDC FP_CONTRACT OFF

static void store(void *array, ck_dtype dtype, size_t index, float value) {
  switch (dtype) {
    case CK_F32: memcpy((uint8_t *)array + 4 * index, &value, 4); break;
    case CK_F16: ck_f32_to_f16(&value, (uint8_t *)array + 2 * index, 1); break;
    case CK_BF16: ck_f32_to_bf16(&value, (uint8_t *)array + 2 * index, 1); break;
  }
}

// Writes `group` codes of `bits` bits; group * bits is a multiple of 8.
static void write_codes(const uint8_t *codes, int32_t group, int32_t bits, uint8_t *out) {
  uint32_t held = 0;
  int32_t count = 0;
  for (int32_t i = 0; i < group; i++) {
    held |= (uint32_t)codes[i] << count;
    for (count += bits; count >= 8; count -= 8, held >>= 8) *out++ = (uint8_t)held;
  }
}

static void quantize_group(const float *x, int32_t group, int32_t bits, uint8_t *codes, float *scale, float *bias) {
  float low = x[0], high = x[0], top = (float)((1 << bits) - 1);
  for (int32_t i = 1; i < group; i++) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
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
    codes[i] = (uint8_t)(q < 0 ? 0 : q > top ? top : q);
  }
  *scale = s;
  *bias = b;
}

size_t ck_affine_quantize(const void *x, ck_dtype dtype, int32_t rows, int32_t inputs, int32_t bits, int32_t group,
                          void *codes, void *scales, void *biases) {
  size_t groups = (size_t)rows * (size_t)(inputs / group), faults = 0;
  float values[128];
  uint8_t chosen[128];
  for (size_t g = 0; g < groups; g++) {
    for (int32_t i = 0; i < group; i++) {
      values[i] = ck_element(x, dtype, g * (size_t)group + (size_t)i);
      faults += !isfinite(values[i]);
    }
    if (faults) continue;
    float scale, bias;
    quantize_group(values, group, bits, chosen, &scale, &bias);
    write_codes(chosen, group, bits, (uint8_t *)codes + g * (size_t)(group * bits / 8));
    store(scales, dtype, g, scale);
    store(biases, dtype, g, bias);
  }
  return faults;
}
