// SPDX-License-Identifier: Apache-2.0
// The small operations between the products: dispatch, and what needs no special instructions.
#include "kernels.h"

void ck_rms_norm(ck_isa isa, const float *x, const float *w, float offset, float epsilon, int32_t n, float *y) {
  ck_kernels_of(isa)->rms_norm(x, w, offset, epsilon, n, y);
}

void ck_layer_norm(ck_isa isa, const float *x, const float *w, const float *b, float epsilon, int32_t n, float *y) {
  ck_kernels_of(isa)->layer_norm(x, w, b, epsilon, n, y);
}

void ck_activate(ck_isa isa, ck_activation kind, const float *gate, const float *up, int32_t n, float *y) {
  ck_kernels_of(isa)->activate(kind, gate, up, n, y);
}

void ck_add_scaled(ck_isa isa, float *y, const float *x, float factor, int32_t n) {
  ck_kernels_of(isa)->add_scaled(y, x, factor, n);
}

float ck_log_sum_exp(ck_isa isa, const float *x, int32_t n) { return ck_kernels_of(isa)->log_sum_exp(x, n); }

void ck_rope(float *x, const float *cosine, const float *sine, int32_t half, bool interleaved) {
  for (int32_t i = 0; i < half; i++) {
    float *a = interleaved ? x + 2 * i : x + i, *b = interleaved ? x + 2 * i + 1 : x + i + half;
    float first = *a, second = *b;
    *a = first * cosine[i] - second * sine[i];
    *b = second * cosine[i] + first * sine[i];
  }
}

void ck_scale(float *x, float factor, int32_t n) {
  for (int32_t i = 0; i < n; i++) x[i] *= factor;
}

void ck_soft_cap(float *x, float cap, int32_t n) {
  for (int32_t i = 0; i < n; i++) x[i] = cap * tanhf(x[i] / cap);
}

int32_t ck_argmax(const float *x, int32_t n) {
  int32_t best = 0;
  for (int32_t i = 1; i < n; i++)
    if (x[i] > x[best]) best = i;
  return best;
}
