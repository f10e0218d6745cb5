// SPDX-License-Identifier: Apache-2.0
// The small operations between the products: dispatch, and what needs no special instructions.
#include "kernels.h"

void ck_rms_norm(ck_isa isa, const float *x, const float *w, float offset, float epsilon, int32_t n, float *y) {
  ck_kernels_of(isa)->rms_norm(x, w, offset, epsilon, n, y);
}

void ck_layer_norm(ck_isa isa, const float *x, const float *w, const float *b, float epsilon, int32_t n, float *y) {
  ck_kernels_of(isa)->layer_norm(x, w, b, epsilon, n, y);
}

void ck_activate(ck_isa isa, ck_activation activation, const float *gate, const float *up, int32_t n, float *y) {
  ck_kernels_of(isa)->activate(activation, gate, up, n, y);
}

void ck_gate(ck_isa isa, const float *gate, int32_t n, float *y) { ck_kernels_of(isa)->sigmoid_gate(gate, n, y); }

void ck_add_scaled(ck_isa isa, float *y, const float *x, float factor, int32_t n) {
  ck_kernels_of(isa)->add_scaled(y, x, factor, n);
}

float ck_log_sum_exp(ck_isa isa, const float *x, int32_t n) { return ck_kernels_of(isa)->log_sum_exp(x, n); }
void ck_softmax(ck_isa isa, float *x, int32_t n) { ck_kernels_of(isa)->softmax(x, n); }

void ck_rope(float *x, const float *cosine, const float *sine, int32_t half, bool interleaved) {
  ck_kernels_portable.rotate(x, cosine, sine, half, interleaved);
}

void ck_scale(float *x, float factor, int32_t n) {
  for (int32_t i = 0; i < n; i++) x[i] *= factor;
}

void ck_soft_cap(float *x, float cap, int32_t n) {
  for (int32_t i = 0; i < n; i++) x[i] = cap * tanhf(x[i] / cap);
}
