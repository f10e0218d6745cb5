// SPDX-License-Identifier: Apache-2.0
// Conversions between float formats, to nearest with ties to even.
#include "kernels.h"

void ck_f16_to_f32(const void *x, float *y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = ck_element(x, CK_F16, i);
}

void ck_bf16_to_f32(const void *x, float *y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = ck_element(x, CK_BF16, i);
}

static uint16_t to_half(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  uint32_t sign = bits >> 16 & 0x8000;
  bits &= 0x7FFFFFFF;
  if (bits > 0x7F800000) return (uint16_t)(sign | 0x7E00);
  if (bits >= 0x477FF000) return (uint16_t)(sign | 0x7C00);  // rounds to infinity
  if (bits < 0x38800000) {                                   // subnormal: units of 2^-24
    float magnitude;
    memcpy(&magnitude, &bits, 4);
    return (uint16_t)(sign | (uint32_t)lrintf(magnitude * 0x1p24f));
  }
  bits += 0xFFF + (bits >> 13 & 1);
  return (uint16_t)(sign | (bits - 0x38000000) >> 13);
}

static uint16_t to_bfloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

void ck_f32_to_f16(const float *x, void *y, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint16_t half = to_half(x[i]);
    memcpy((uint8_t *)y + 2 * i, &half, 2);
  }
}

void ck_f32_to_bf16(const float *x, void *y, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint16_t half = to_bfloat(x[i]);
    memcpy((uint8_t *)y + 2 * i, &half, 2);
  }
}
