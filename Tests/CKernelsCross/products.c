// SPDX-License-Identifier: Apache-2.0
// Packed products: tiles of every size, whole layers in pieces and by several threads, feed-forward blocks, and MLX's
// quantization. These use nothing but operations IEEE 754 rounds in one way, so their bits are in the checksum.
#include "check.h"

static const int32_t all_bits[] = {2, 3, 4, 5, 6, 8}, all_groups[] = {32, 64, 128};
static const ck_dtype all_dtypes[] = {CK_F32, CK_F16, CK_BF16};

typedef struct matrix_shape {
  int32_t rows, inputs, bits, group;
  ck_dtype dtype;
  ck_format format;
} matrix_shape;

static ck_weight matrix_of(noise *random, const matrix_shape *s, int32_t rows, int32_t inputs) {
  if (s->format != CK_AFFINE) return random_small(random, rows, inputs, s->format);
  return random_affine(random, rows, inputs, s->bits, s->group, s->dtype);
}

static ck_tile tile_of(int32_t inputs, int32_t tokens, int32_t group) {
  size_t groups = (size_t)(inputs / group * tokens);
  return (ck_tile){memory((size_t)(inputs * tokens)), memory(groups * 4), memory(groups * 4), tokens, group};
}

// All of a matrix comes from memory, as if more followed, in one way or another. What is fetched in vain need not be there.
static ck_early early_of(const ck_packed *m, int32_t way) {
  return (ck_early){ck_block(m, ck_blocks(m->rows)) + (1 << 16), (ck_way)(way % CK_WAYS)};
}

// However weights are fetched: the same sums.
static void fetched(ck_isa isa, const ck_packed *packed, int32_t block, const ck_tile *tile, const ck_sums sums) {
  for (int way = 0; way < CK_WAYS; way++) {
    ck_sums again;
    ck_kernels_of(isa)->products(packed, block, 1, early_of(packed, way), tile, &again);
    if (memcmp(sums, again, (size_t)tile->tokens * sizeof again[0])) fail("%s: fetched in way %d", ck_isa_name(isa), way);
  }
}

static void tiles(ck_isa isa, const void *shape, results *out) {
  const matrix_shape *s = shape;
  const ck_kernels *k = ck_kernels_of(isa);
  noise random = noise_of(s->rows * s->bits + s->group);
  ck_weight weight = matrix_of(&random, s, s->rows, s->inputs);
  ck_packed packed = packed_of(&weight);
  for (int32_t tokens = 1; tokens <= CK_TILE; tokens++) {
    ck_tile tile = tile_of(s->inputs, tokens, ck_activation_group(s->group));
    for (int32_t t = 0; t < tokens; t++) {
      float *x = floats(&random, (size_t)s->inputs, ldexpf(1, (int)(noise_bits(&random) >> 40) % 40 - 20));
      if (t == 3) memset(x, 0, (size_t)tile.group * 4);
      k->quantize(x, s->inputs, &tile, t);
    }
    size_t groups = (size_t)(s->inputs / tile.group * tokens);
    keep(out, tile.codes, groups * (size_t)tile.group), keep(out, tile.scales, groups * 4), keep(out, tile.sums, groups * 4);
    // Alone and in pairs: the same sums.
    for (int pair = 1; pair <= 2; pair++)
      for (int32_t block = 0; block + pair <= ck_blocks(s->rows); block++) {
        ck_sums sums[2];
        k->products(&packed, block, pair, ck_not_early, &tile, sums);
        if (pair == 1) fetched(isa, &packed, block, &tile, sums[0]);
        for (int i = 0; i < pair; i++) keep(out, sums[i], (size_t)tokens * sizeof sums[i][0]);
      }
  }
  if (isa == CK_ISA_PORTABLE) add_to_checksum(out->bytes, out->count);
}

// Codes at both ends of their range, where a sum of 16 bits would overflow if it could.
static void extremes(ck_isa isa, const void *shape, results *out) {
  const matrix_shape *s = shape;
  noise random = noise_of(1);
  ck_weight weight = matrix_of(&random, s, s->rows, s->inputs);
  memset((void *)weight.data, s->format == CK_AFFINE ? 255 : 0x77, (size_t)(s->rows * s->inputs * s->bits / 8));
  ck_packed packed = packed_of(&weight);
  for (int sign = -1; sign <= 1; sign += 2) {
    ck_tile tile = tile_of(s->inputs, CK_TILE, ck_activation_group(s->group));
    float *x = memory((size_t)s->inputs * 4);
    for (int32_t i = 0; i < s->inputs; i++) x[i] = (float)sign;
    for (int32_t t = 0; t < CK_TILE; t++) ck_kernels_of(isa)->quantize(x, s->inputs, &tile, t);
    ck_sums sums[1];
    ck_kernels_of(isa)->products(&packed, 0, 1, early_of(&packed, sign + 1), &tile, sums);
    keep(out, sums, sizeof sums);
  }
}

enum { TOKENS = 67 };

// Two matrices and the norm before them; whole, in pieces, by one thread and by three: always the same bits.
static void layers(ck_isa isa, const void *shape, results *out) {
  const matrix_shape *s = shape;
  noise random = noise_of(s->bits + s->group);
  ck_weight a = matrix_of(&random, s, s->rows, s->inputs);
  ck_weight b = random_plain(&random, s->rows + 5, s->inputs, s->dtype);
  if (s->format != CK_AFFINE && s->inputs % 32 == 0) b = random_small(&random, s->rows + 5, s->inputs, CK_MXFP8);
  ck_packed packed = packed_of(&a);
  size_t width = (size_t)(2 * s->rows + 5), inputs = (size_t)s->inputs;
  const float *x = floats(&random, TOKENS * inputs, 2), *bias = floats(&random, width, 1);
  const float *norm = floats(&random, inputs, 1);
  float *whole = NULL;
  for (int threads = 1; threads <= 3; threads += 2) {
    ck_pool *pool = ck_pool_create(threads);
    void *scratch = memory(ck_linear_scratch(s->inputs, TOKENS, threads));
    for (int32_t step = TOKENS; step > 0; step = step * 2 / 5) {
      float *y = memory(TOKENS * width * 4);
      for (int32_t first = 0; first < TOKENS; first += step) {
        float *here = y + (size_t)first * width;
        bool fine = s->rows % 2;
        ck_output outputs[2] = {{.packed = &packed, .weight = &a, .bias = bias, .y = here, .stride = width, .fine = fine},
                                {.weight = &b, .y = here + s->rows, .stride = width}};
        ck_input input = {x + (size_t)first * inputs, inputs, s->inputs, ck_min(step, TOKENS - first),
                          {CK_NORM_RMS, norm, NULL, 1, 1e-6f}};
        ck_project(pool, isa, &input, outputs, 2, scratch);
        outputs[0].accumulate = true;
        ck_project(pool, isa, &input, outputs, 1, scratch);
      }
      if (!whole) whole = y;
      else if (memcmp(whole, y, TOKENS * width * 4)) fail("%s: pieces of %d, %d threads", ck_isa_name(isa), step, threads);
    }
    ck_pool_destroy(pool);
  }
  keep(out, whole, TOKENS * width * 4);
}

// A feed-forward block of packed matrices, and one whose last matrix is plain.
static void blocks(ck_isa isa, const void *shape, results *out) {
  const matrix_shape *s = shape;
  noise random = noise_of(s->bits * s->group);
  int32_t hidden = 3 * s->group;
  size_t inputs = (size_t)s->inputs;
  ck_weight gate = matrix_of(&random, s, hidden, s->inputs);
  ck_weight up = matrix_of(&random, s, hidden, s->inputs);
  ck_weight down = matrix_of(&random, s, s->inputs, hidden);
  ck_weight plain = random_plain(&random, s->inputs, hidden, s->dtype);
  ck_packed packed[3] = {packed_of(&gate), packed_of(&up), packed_of(&down)};
  const float *x = floats(&random, TOKENS * inputs, 2), *bias = floats(&random, (size_t)hidden, 1);
  ck_pool *pool = ck_pool_create(2);
  void *scratch = memory(ck_feed_scratch(s->inputs, hidden, TOKENS, 2));
  for (int kind = 0; kind < 3; kind++) {
    float *y = memory(TOKENS * inputs * 4);
    ck_feed_forward block = {.activation = {kind ? CK_GELU_TANH : CK_SILU, 0}, .up = {.packed = &packed[1], .weight = &up, .bias = bias}};
    if (kind < 2) block.gate = (ck_output){.packed = &packed[0], .weight = &gate, .bias = bias};
    block.down = (ck_output){.packed = kind == 1 ? NULL : &packed[2], .weight = kind == 1 ? &plain : &down, .y = y, .stride = inputs};
    ck_input input = {.x = x, .stride = inputs, .inputs = s->inputs, .tokens = TOKENS};
    ck_feed(pool, isa, &input, &block, scratch);
    keep(out, y, TOKENS * inputs * 4);
  }
  ck_pool_destroy(pool);
}

// A code as the formats define it.
static float small_float(int code, int bits) {
  static const float numbers[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  float size = numbers[code & 7];
  if (bits == 8) {
    int exponent = code >> 3 & 15;
    size = exponent ? (1 + (float)(code & 7) / 8) * exp2f((float)(exponent - 7)) : (float)(code & 7) * exp2f(-9);
  }
  return code >> (bits - 1) ? -size : size;
}

// Rows as they are stored and as they are packed, of a matrix whose rows take turns with another's.
static void small_rows(ck_isa isa, const void *shape, results *out) {
  const matrix_shape *s = shape;
  noise random = noise_of(s->rows + s->group);
  ck_weight weight = random_small(&random, 2 * s->rows, s->inputs, s->format);
  weight.rows = s->rows, weight.row_step = 2;
  ck_packed packed = {0};
  if (ck_packed_bytes(&weight)) packed = packed_of(&weight);
  float *stored = memory((size_t)s->inputs * 4), *own = memory((size_t)s->inputs * 4);
  for (int32_t row = 0; row < s->rows; row++) {
    ck_kernels_of(isa)->widen(&weight, row, stored);
    if (packed.data) ck_packed_row(&packed, row, own);
    keep(out, stored, (size_t)s->inputs * 4);
    for (int32_t i = 0; i < s->inputs; i++) {
      size_t place = (size_t)(2 * row * s->inputs + i), byte = place * (size_t)s->bits / 8;
      int code = ((const uint8_t *)weight.data)[byte], scale = ((const uint8_t *)weight.scales)[place / (size_t)s->group];
      if (s->bits == 4) code = code >> (place % 2 ? 4 : 0) & 15;
      float expected = small_float(code, s->bits) * (s->format == CK_NVFP4 ? small_float(scale, 8) : exp2f((float)(scale - 127)));
      if (stored[i] != expected || (packed.data && own[i] != expected))
        fail("row %d, element %d: %g and %g instead of %g", row, i, stored[i], own[i], expected);
    }
  }
}

void check_products(void) {
  static const int32_t rows[] = {1, 16, 33};
  for (int b = 0; b < 6; b++)
    for (int g = 0; g < 3; g++)
      for (int d = 0; d < 3; d++) {
        // Rows and groups in one odd combination for each kind of matrix.
        matrix_shape s = {rows[(b + g + d) % 3], all_groups[g] * (1 + (b + d) % 3), all_bits[b], all_groups[g], all_dtypes[d],
                          CK_AFFINE};
#define WHAT "%d x %d, %d bits, groups of %d, type %d", s.rows, s.inputs, s.bits, s.group, s.dtype
        compare(tiles, &s, "tiles of " WHAT);
        compare(extremes, &s, "extremes of " WHAT);
        if ((b + g + d) % 2) compare(layers, &s, "layers of " WHAT);
        else compare(blocks, &s, "blocks of " WHAT);
      }
  for (int f = CK_MXFP4; f <= CK_NVFP4; f++)
    for (int r = 0; r < 3; r++) {
      int32_t group = f == CK_MXFP4 ? 32 : 16;
      matrix_shape s = {rows[r], group * (1 + 2 * r), 4, group, CK_BF16, f};
      compare(tiles, &s, "tiles of e2m1 " WHAT);
      compare(extremes, &s, "extremes of e2m1 " WHAT);
      compare(layers, &s, "layers of e2m1 " WHAT);
      compare(blocks, &s, "blocks of e2m1 " WHAT);
    }
  for (int f = CK_MXFP4; f <= CK_MXFP8; f++) {
    int32_t group = f == CK_NVFP4 ? 16 : 32;
    matrix_shape s = {5, 3 * group, f == CK_MXFP8 ? 8 : 4, group, CK_BF16, f};
    compare(small_rows, &s, "rows of small floats, " WHAT);
  }
}

// Quantization has one implementation for all sets; it must not depend on the processor.
void check_quantization(void) {
  enum { ROWS = 7, INPUTS = 384 };
  noise random = noise_of(5);
  for (int b = 0; b < 6; b++)
    for (int g = 0; g < 3; g++)
      for (int d = 0; d < 3; d++) {
        float *x = floats(&random, ROWS * INPUTS, 3);
        memset(x + 128, 0, 512);
        void *values = stored(x, ROWS * INPUTS, all_dtypes[d]);
        uint8_t *codes = memory(ROWS * INPUTS), *scales = memory(ROWS * INPUTS), *biases = memory(ROWS * INPUTS);
        if (ck_affine_quantize(values, all_dtypes[d], ROWS, INPUTS, all_bits[b], all_groups[g], codes, scales, biases))
          fail("quantization finds numbers that are not finite");
        add_to_checksum(codes, ROWS * INPUTS), add_to_checksum(scales, ROWS * INPUTS), add_to_checksum(biases, ROWS * INPUTS);
        release();
      }
}
