// SPDX-License-Identifier: Apache-2.0
// Norms, activations, rotations, reductions and f32 dot products, over lengths that fill no vector.
#include "check.h"

#define COUNT(ARRAY) (int)(sizeof(ARRAY) / sizeof *(ARRAY))
static const int32_t lengths[] = {1, 3, 15, 16, 17, 40, 63, 64, 129, 576};
static const ck_dtype dtypes[] = {CK_F32, CK_F16, CK_BF16};

static void norms(ck_isa isa, const void *shape, results *out) {
  int32_t n = *(const int32_t *)shape;
  noise random = noise_of(n);
  const float *x = floats(&random, (size_t)n, 3), *w = floats(&random, (size_t)n, 1), *b = floats(&random, (size_t)n, 1);
  float *y = memory((size_t)n * 4);
  const ck_kernels *k = ck_kernels_of(isa);
  k->rms_norm(x, w, 1, 1e-5f, n, y), keep(out, y, (size_t)n * 4);
  k->rms_norm(x, NULL, 0, 1e-6f, n, y), keep(out, y, (size_t)n * 4);
  k->layer_norm(x, w, b, 1e-5f, n, y), keep(out, y, (size_t)n * 4);
  k->layer_norm(x, NULL, NULL, 1e-5f, n, y), keep(out, y, (size_t)n * 4);
}

static void reductions(ck_isa isa, const void *shape, results *out) {
  int32_t n = *(const int32_t *)shape;
  noise random = noise_of(n + 1);
  const float *x = floats(&random, (size_t)n, 60);
  float *y = memory((size_t)n * 4);
  const ck_kernels *k = ck_kernels_of(isa);
  float total = k->log_sum_exp(x, n);
  keep(out, &total, 4);
  memcpy(y, x, (size_t)n * 4), k->softmax(y, n), keep(out, y, (size_t)n * 4);
  k->add_scaled(y, x, 0.37f, n), keep(out, y, (size_t)n * 4);
}

static void activations(ck_isa isa, const void *shape, results *out) {
  int32_t n = *(const int32_t *)shape;
  noise random = noise_of(n + 2);
  const float *gate = floats(&random, (size_t)n, 12), *up = floats(&random, (size_t)n, 9);
  float *y = memory((size_t)n * 4);
  const ck_kernels *k = ck_kernels_of(isa);
  for (int kind = CK_SILU; kind <= CK_CLAMPED_SWIGLU; kind++) {
    ck_activation activation = {(ck_activation_kind)kind, 7};
    k->activate(activation, gate, up, n, y), keep(out, y, (size_t)n * 4);
    if (kind == CK_CLAMPED_SWIGLU) continue;
    k->activate(activation, gate, NULL, n, y), keep(out, y, (size_t)n * 4);
  }
  k->sigmoid_gate(gate, n, y), keep(out, y, (size_t)n * 4);
}

static void rotations(ck_isa isa, const void *shape, results *out) {
  int32_t half = *(const int32_t *)shape;
  noise random = noise_of(half + 3);
  float *x = floats(&random, 2 * (size_t)half, 2);
  const float *cosine = floats(&random, (size_t)half, 1), *sine = floats(&random, (size_t)half, 1);
  const ck_kernels *k = ck_kernels_of(isa);
  k->rotate(x, cosine, sine, half, false), keep(out, x, 8 * (size_t)half);
  k->rotate(x, cosine, sine, half, true), keep(out, x, 8 * (size_t)half);
}

static void narrowing(ck_isa isa, const void *shape, results *out) {
  int32_t n = *(const int32_t *)shape;
  noise random = noise_of(n + 4);
  float *x = floats(&random, (size_t)n, 1);
  // Everything between what is too small for a half and what is too large.
  for (int32_t i = 0; i < n; i++) x[i] = ldexpf(x[i], (int)(noise_bits(&random) >> 40) % 50 - 30);
  uint16_t *y = memory((size_t)n * 2);
  ck_kernels_of(isa)->narrow(x, y, n);
  keep(out, y, (size_t)n * 2);
}

typedef struct rows_shape {
  int32_t rows, tokens, n;
  ck_dtype dtype;
} rows_shape;

static void dot_products(ck_isa isa, const void *shape, results *out) {
  const rows_shape *s = shape;
  noise random = noise_of(s->rows * 100 + s->tokens);
  size_t stride = (size_t)s->n + 3;
  ck_weight w = random_plain(&random, s->rows, (int32_t)stride, s->dtype);
  const float *x = floats(&random, (size_t)s->tokens * stride, 1);
  float *y = memory((size_t)(s->tokens * s->rows) * 4);
  ck_rows rows = {w.data, s->dtype, stride, s->rows, NULL};
  ck_kernels_of(isa)->dots(&rows, x, stride, s->tokens, s->n, y, (size_t)s->rows);
  keep(out, y, (size_t)(s->tokens * s->rows) * 4);
}

static void widening(ck_isa isa, const void *shape, results *out) {
  const rows_shape *s = shape;
  noise random = noise_of(s->n);
  ck_weight plain = random_plain(&random, s->rows, s->n, s->dtype);
  float *y = memory((size_t)s->n * 4 + 4096);
  for (int32_t r = 0; r < s->rows; r++) ck_kernels_of(isa)->widen(&plain, r, y), keep(out, y, (size_t)s->n * 4);
  static const int32_t bits[] = {2, 3, 4, 5, 6, 8};
  for (int i = 0; i < COUNT(bits); i++) {
    ck_weight affine = random_affine(&random, 3, 192, bits[i], 64, s->dtype);
    ck_kernels_of(isa)->widen(&affine, 2, y), keep(out, y, 192 * 4);
  }
}

// Every half that is a number, through rows of f16.
static void halves(ck_isa isa, const void *shape, results *out) {
  (void)shape;
  uint16_t *all = memory(65536 * 2);
  for (int i = 0; i < 65536; i++) all[i] = (i & 0x7C00) == 0x7C00 && (i & 1023) ? 0 : (uint16_t)i;
  float *y = memory(65536 * 4);
  ck_weight row = {.format = CK_PLAIN, .dtype = CK_F16, .rows = 1, .inputs = 65536, .data = all};
  ck_kernels_of(isa)->widen(&row, 0, y);
  keep(out, y, 65536 * 4);
}

static void tile_ends(ck_isa isa, const void *shape, results *out) {
  int32_t rows = *(const int32_t *)shape;
  noise random = noise_of(rows);
  ck_sums sums, ups;
  float *y = floats(&random, 8 * 600, 1), *bias = floats(&random, 600, 1);
  for (int t = 0; t < CK_TILE; t++)
    for (int r = 0; r < CK_BLOCK_ROWS; r++) sums[t][r] = noise_float(&random), ups[t][r] = noise_float(&random);
  const ck_kernels *k = ck_kernels_of(isa);
  for (int kind = 0; kind < 4; kind++) {
    ck_output o = {.bias = kind & 1 ? bias : NULL, .y = y, .stride = 600, .accumulate = kind & 2};
    for (int32_t row = 0; row < rows; row += CK_BLOCK_ROWS) k->finish(&o, rows, row, 1, 7, sums);
    keep(out, y, 8 * 600 * 4);
  }
  k->gate((ck_activation){CK_SILU, 0}, sums, bias, ups, bias + 16, 8, y, 64), keep(out, y, 8 * 64 * 4);
  k->gate((ck_activation){CK_GELU_TANH, 0}, sums, NULL, NULL, NULL, 5, y, 16), keep(out, y, 5 * 16 * 4);
}

void check_vectors(void) {
  for (int i = 0; i < COUNT(lengths); i++) {
    compare(norms, &lengths[i], "norms of %d", lengths[i]);
    compare(reductions, &lengths[i], "reductions of %d", lengths[i]);
    compare(activations, &lengths[i], "activations of %d", lengths[i]);
    compare(rotations, &lengths[i], "rotations of %d", lengths[i]);
    compare(narrowing, &lengths[i], "halves from %d", lengths[i]);
    compare(tile_ends, &lengths[i], "what follows a tile of %d rows", lengths[i]);
    for (int d = 0; d < 3; d++) {
      rows_shape shape = {i + 1, 2, lengths[i], dtypes[d]};
      compare(widening, &shape, "rows of %d widened, type %d", lengths[i], dtypes[d]);
      for (shape.tokens = 1; shape.tokens <= 9; shape.tokens += 2)
        compare(dot_products, &shape, "%d rows of %d times %d, type %d", shape.rows, shape.n, shape.tokens, dtypes[d]);
    }
  }
  compare(halves, NULL, "halves");
}
