// SPDX-License-Identifier: Apache-2.0
// Attention with all its options, a text at once and in steps; and recurrent layers.
#include "check.h"

typedef struct attention_shape {
  int32_t heads, kv_heads, size, value_size, tokens, window;
  ck_dtype dtype;
  float cap;
  bool sinks, bidirectional, interleaved;
  int32_t key_bits, value_bits;
} attention_shape;

enum { PAGE_TOKENS = 32, PAGES = 10 };

// The cache's pages in an order of their own.
static const int32_t pages[PAGES] = {3, 0, 9, 1, 2, 8, 4, 7, 5, 6};

typedef struct attention_inputs {
  ck_attention attention;
  float *queries, *keys, *values, *norm, *cosine, *sine;
  int32_t half;
} attention_inputs;

static attention_inputs prepare(const attention_shape *s) {
  noise random = noise_of(s->heads * 1000 + s->size + s->window);
  size_t tokens = (size_t)s->tokens, q = (size_t)(s->heads * s->size), k = (size_t)(s->kv_heads * s->size);
  attention_inputs in = {.half = s->size / 4};
  in.queries = floats(&random, tokens * q, 2), in.keys = floats(&random, tokens * k, 2);
  in.values = floats(&random, tokens * (size_t)(s->kv_heads * s->value_size), 2);
  in.norm = floats(&random, (size_t)s->size, 1);
  in.cosine = floats(&random, tokens * (size_t)in.half, 1), in.sine = floats(&random, tokens * (size_t)in.half, 1);
  ck_cache cache = {.page_tokens = PAGE_TOKENS, .kv_heads = s->kv_heads, .key_size = s->size,
                    .value_size = s->value_size, .dtype = s->dtype, .key_bits = s->key_bits, .value_bits = s->value_bits};
  cache.value_offset = ck_cache_key_bytes(&cache);
  cache.page_bytes = cache.value_offset + ck_cache_value_bytes(&cache);
  cache.base = memory(PAGES * cache.page_bytes);
  in.attention = (ck_attention){.cache = cache, .heads = s->heads, .scale = 0.21f, .soft_cap = s->cap,
                                .window = s->window, .bidirectional = s->bidirectional, .query_stride = q,
                                .out_stride = (size_t)(s->heads * s->value_size)};
  if (s->sinks) in.attention.sinks = floats(&random, (size_t)s->heads, 3);
  return in;
}

static void step(ck_pool *pool, ck_isa isa, const attention_shape *s, attention_inputs *in, int32_t first, int32_t count,
                 float *out, void *scratch) {
  const ck_attention *a = &in->attention;
  size_t at = (size_t)first, key_stride = (size_t)(s->kv_heads * s->size), value_stride = (size_t)(s->kv_heads * s->value_size);
  ck_attention_entry entry = {pages, first, count, in->queries + at * a->query_stride, out + at * a->out_stride};
  ck_heads heads = {.queries = in->queries + at * a->query_stride, .keys = in->keys + at * key_stride,
                    .values = in->values + at * value_stride, .query_stride = a->query_stride, .key_stride = key_stride,
                    .value_stride = value_stride, .query_norm = in->norm, .key_norm = s->sinks ? NULL : in->norm,
                    .norm_offset = 1, .norm_epsilon = 1e-6f, .cosine = in->cosine + at * (size_t)in->half,
                    .sine = in->sine + at * (size_t)in->half, .rope_half = in->half, .interleaved = s->interleaved};
  ck_attention_store(pool, isa, a, &heads, &entry, 1);
  ck_attend(pool, isa, a, &entry, 1, scratch);
}

static void attention(ck_isa isa, const void *shape, results *out) {
  const attention_shape *s = shape;
  float *whole = NULL;
  size_t bytes = (size_t)(s->tokens * s->heads * s->value_size) * 4;
  for (int32_t threads = 1; threads <= 3; threads += 2) {
    attention_inputs in = prepare(s);
    ck_pool *pool = ck_pool_create(threads);
    void *scratch = memory(ck_attention_scratch(&in.attention, threads));
    float *y = memory(bytes);
    int32_t most = threads == 1 || s->bidirectional ? s->tokens : 1;
    for (int32_t first = 0; first < s->tokens; first += most, most = threads == 1 ? most : most % 45 + 2)
      step(pool, isa, s, &in, first, ck_min(most, s->tokens - first), y, scratch);
    if (!whole) whole = y;
    else if (memcmp(whole, y, bytes)) fail("%s: attention in steps differs", ck_isa_name(isa));
    keep(out, in.attention.cache.base, PAGES * in.attention.cache.page_bytes);
    ck_pool_destroy(pool);
  }
  keep(out, whole, bytes);
}

// What a cache of codes gives away of the output, against one of floats. Values are within 2: half a step of their codes
// is 2 / 15 or 2 / 254, and scores hardly differ with this scale, a little more with keys of 4 bits.
static void check_loss(const attention_shape *s) {
  double most = (s->value_bits == 4 ? 0.14 : 0.01) + (s->key_bits == 4 ? 0.01 : 0);
  attention_shape shapes[2] = {*s, *s};
  shapes[1].dtype = CK_F32, shapes[1].key_bits = shapes[1].value_bits = 0;
  size_t count = (size_t)(s->tokens * s->heads * s->value_size);
  float *y[2];
  for (int i = 0; i < 2; i++) {
    attention_inputs in = prepare(&shapes[i]);
    in.attention.scale = 0.1f / (float)s->size;
    ck_pool *pool = ck_pool_create(1);
    y[i] = memory(count * 4);
    void *scratch = memory(ck_attention_scratch(&in.attention, 1));
    step(pool, ck_isa_choose(NULL).isa, &shapes[i], &in, 0, s->tokens, y[i], scratch);
    ck_pool_destroy(pool);
  }
  double worst = 0;
  for (size_t i = 0; i < count; i++) worst = fmax(worst, fabs((double)y[0][i] - (double)y[1][i]));
  if (worst == 0 || !(worst < most))
    fail("%d and %d bits of %d x %d are off by %g", s->key_bits, s->value_bits, s->kv_heads, s->size, worst);
  release();
}

void check_attention(void) {
  static const attention_shape shapes[] = {
      {.heads = 4, .kv_heads = 2, .size = 32, .value_size = 32, .tokens = 75},
      {.heads = 9, .kv_heads = 3, .size = 64, .value_size = 64, .tokens = 290, .dtype = CK_F16},
      {.heads = 3, .kv_heads = 3, .size = 24, .value_size = 40, .tokens = 50, .dtype = CK_F16, .interleaved = true},
      {.heads = 8, .kv_heads = 1, .size = 16, .value_size = 16, .tokens = 100, .window = 40, .sinks = true},
      {.heads = 2, .kv_heads = 1, .size = 128, .value_size = 128, .tokens = 33, .cap = 3, .dtype = CK_F16, .sinks = true},
      {.heads = 2, .kv_heads = 2, .size = 36, .value_size = 36, .tokens = 70, .bidirectional = true},
      {.heads = 6, .kv_heads = 2, .size = 32, .value_size = 32, .tokens = 300, .window = 24, .bidirectional = true},
      {.heads = 1, .kv_heads = 1, .size = 16, .value_size = 8, .tokens = 5, .dtype = CK_F16, .window = 2},
  };
  static const attention_shape coded[] = {
      {.heads = 9, .kv_heads = 3, .size = 64, .value_size = 64, .tokens = 290},
      {.heads = 4, .kv_heads = 2, .size = 20, .value_size = 20, .tokens = 75},
      {.heads = 3, .kv_heads = 3, .size = 80, .value_size = 80, .tokens = 50, .interleaved = true},
      {.heads = 8, .kv_heads = 1, .size = 96, .value_size = 96, .tokens = 100, .window = 40, .sinks = true},
      {.heads = 4, .kv_heads = 2, .size = 128, .value_size = 128, .tokens = 130, .cap = 3, .sinks = true},
      {.heads = 2, .kv_heads = 1, .size = 256, .value_size = 256, .tokens = 40},
      {.heads = 4, .kv_heads = 1, .size = 576, .value_size = 512, .tokens = 37},
      {.heads = 2, .kv_heads = 2, .size = 36, .value_size = 42, .tokens = 70, .bidirectional = true},
      {.heads = 2, .kv_heads = 1, .size = 16, .value_size = 8, .tokens = 75, .window = 2},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    compare(attention, &shapes[i], "attention %zu", i);
  for (size_t i = 0; i < sizeof coded / sizeof *coded; i++)
    for (int32_t keys = 4; keys <= 8; keys += 4)
      for (int32_t values = 4; values <= 8; values += 4) {
        attention_shape shape = coded[i];
        shape.key_bits = keys, shape.value_bits = values;
        compare(attention, &shape, "attention %zu with %d and %d bits", i, keys, values);
        check_loss(&shape);
      }
}

typedef struct delta_shape {
  int32_t key_heads, value_heads, key_size, value_size, kernel, tokens;
} delta_shape;

static void recurrent(ck_isa isa, const void *shape, results *out) {
  const delta_shape *s = shape;
  noise random = noise_of(s->key_size);
  size_t values = (size_t)(s->value_heads * s->value_size), keys = (size_t)(s->key_heads * s->key_size);
  size_t stride = 2 * keys + 2 * values, tokens = (size_t)s->tokens, heads = (size_t)s->value_heads;
  ck_delta_net net = {.key_heads = s->key_heads, .value_heads = s->value_heads, .key_size = s->key_size,
                      .value_size = s->value_size, .kernel = s->kernel, .epsilon = 1e-6f, .stride = stride,
                      .convolution = floats(&random, (2 * keys + values) * (size_t)s->kernel, 1),
                      .decay = floats(&random, heads, 1), .time_bias = floats(&random, heads, 1),
                      .norm = floats(&random, (size_t)s->value_size, 1)};
  size_t state_bytes = ck_delta_state(&net) * 4;
  ck_delta_entry entry = {.state = memory(state_bytes), .input = floats(&random, tokens * stride, 2),
                          .rates = floats(&random, tokens * stride, 2), .out = memory(tokens * values * 4),
                          .tokens = s->tokens};
  ck_pool *pool = ck_pool_create(2);
  ck_delta_step(pool, isa, &net, &entry, 1, memory(ck_delta_scratch(&net, 2)));
  ck_pool_destroy(pool);
  keep(out, entry.out, tokens * values * 4), keep(out, entry.state, state_bytes);
}

void check_recurrent(void) {
  static const delta_shape shapes[] = {{1, 2, 16, 16, 4, 5}, {2, 2, 24, 20, 2, 9}, {2, 4, 64, 48, 4, 3}, {1, 1, 8, 3, 3, 2}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    compare(recurrent, &shapes[i], "recurrent layer %zu", i);
}
