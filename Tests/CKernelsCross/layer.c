// SPDX-License-Identifier: Apache-2.0
// A layer as one job against the same in pieces.
#include "check.h"

typedef struct layer_shape {
  int32_t width, heads, kv_heads, size, hidden, bits, group, tokens, past;
  bool gated;
} layer_shape;

enum { PAGE_TOKENS = 32, PAGES = 36, ENTRIES = 3 };

typedef struct layer_memory {
  ck_layer layer;
  ck_attention_entry entries[ENTRIES];
  int32_t pages[ENTRIES][PAGES / ENTRIES];
  ck_output next[2];
  float *results[4];  // the residual stream, projections of the next layer, what attention makes, queries and keys
  size_t bytes[4];
} layer_memory;

static ck_output output_of(noise *random, const layer_shape *s, int32_t rows, int32_t inputs, float *y, bool accumulate) {
  ck_weight weight = random_affine(random, rows, inputs, s->bits, s->group, CK_BF16);
  ck_packed *packed = memory(sizeof *packed);
  *packed = packed_of(&weight);
  return (ck_output){.packed = packed, .bias = floats(random, (size_t)rows, 1), .y = y, .stride = (size_t)rows, .accumulate = accumulate};
}

static layer_memory make(const layer_shape *s) {
  noise random = noise_of(s->width + s->tokens);
  size_t tokens = (size_t)s->tokens, q = (size_t)(s->heads * s->size), k = (size_t)(s->kv_heads * s->size);
  size_t width = (size_t)s->width, half = (size_t)s->size / 2;
  layer_memory m = {.bytes = {tokens * width * 4, tokens * (q + k) * 4, tokens * q * 4, tokens * (q + 2 * k) * 4}};
  m.results[0] = floats(&random, tokens * width, 2), m.results[1] = memory(m.bytes[1]), m.results[2] = memory(m.bytes[2]);
  m.results[3] = floats(&random, tokens * (q + 2 * k), 2);
  ck_cache cache = {.page_tokens = PAGE_TOKENS, .kv_heads = s->kv_heads, .key_size = s->size, .value_size = s->size, .dtype = CK_F16};
  cache.value_offset = ck_cache_key_bytes(&cache);
  cache.page_bytes = cache.value_offset + ck_cache_value_bytes(&cache);
  cache.base = memory(PAGES * cache.page_bytes);
  ck_layer *l = &m.layer;
  l->attention = (ck_attention){.cache = cache, .heads = s->heads, .scale = 0.2f, .query_stride = q + 2 * k, .out_stride = q};
  l->heads = (ck_heads){.queries = m.results[3], .keys = m.results[3] + q, .values = m.results[3] + q + k, .query_stride = q + 2 * k,
                        .key_stride = q + 2 * k, .value_stride = q + 2 * k, .cosine = floats(&random, tokens * half, 1),
                        .sine = floats(&random, tokens * half, 1), .rope_half = (int32_t)half};
  ck_norm norm = {CK_NORM_RMS, floats(&random, width, 1), NULL, 1, 1e-6f};
  l->attended = (ck_input){.x = m.results[2], .stride = q, .inputs = (int32_t)q, .tokens = s->tokens};
  l->output = output_of(&random, s, s->width, (int32_t)q, m.results[0], true);
  l->feed_input = l->next = (ck_input){m.results[0], width, s->width, s->tokens, norm};
  l->feed = (ck_feed_forward){.activation = {CK_SILU, 0}, .up = output_of(&random, s, s->hidden, s->width, NULL, false),
                              .down = output_of(&random, s, s->width, s->hidden, m.results[0], true)};
  if (s->gated) l->feed.gate = output_of(&random, s, s->hidden, s->width, NULL, false);
  m.next[0] = output_of(&random, s, (int32_t)q, s->width, m.results[1], false);
  m.next[1] = output_of(&random, s, (int32_t)k, s->width, m.results[1] + tokens * q, false);
  m.next[0].fine = true;
  return m;
}

// The entries share the tokens: the first has more than one where there are enough.
static void run(const layer_shape *s, layer_memory *m, ck_pool *pool, ck_isa isa, bool once) {
  ck_layer *l = &m->layer;
  int32_t row = 0;
  l->entries = m->entries, l->entry_count = ck_min(ENTRIES, s->tokens);
  for (int page = 0; page < PAGES; page++) m->pages[page % ENTRIES][page / ENTRIES] = page * 5 % PAGES;
  l->next_outputs = m->next, l->next_count = 2;
  for (int e = 0; e < l->entry_count; e++) {
    int32_t count = e ? 1 : s->tokens - l->entry_count + 1;
    m->entries[e] = (ck_attention_entry){m->pages[e], s->past, count, m->results[3] + (size_t)row * l->attention.query_stride,
                                         m->results[2] + (size_t)row * l->attention.out_stride};
    row += count;
  }
  int threads = ck_pool_threads(pool), widest = ck_max(s->width, s->heads * s->size);
  size_t attention = ck_attention_scratch(&l->attention, threads), feed = ck_feed_scratch(widest, s->hidden, s->tokens, threads);
  size_t linear = ck_linear_scratch(widest, s->tokens, threads);
  void *scratch = memory(attention + feed + linear);
  if (once) {
    if (!ck_layer_is_one_job(l)) fail("a layer of packed matrices and %d tokens is not one job", s->tokens);
    ck_run_layer(pool, isa, l, scratch);
    return;
  }
  ck_attention_store(pool, isa, &l->attention, &l->heads, l->entries, l->entry_count);
  ck_attend(pool, isa, &l->attention, l->entries, l->entry_count, scratch);
  ck_project(pool, isa, &l->attended, &l->output, 1, scratch);
  ck_feed(pool, isa, &l->feed_input, &l->feed, scratch);
  ck_project(pool, isa, &l->next, l->next_outputs, l->next_count, scratch);
}

static void layer(ck_isa isa, const void *shape, results *out) {
  const layer_shape *s = shape;
  layer_memory pieces = make(s);
  ck_pool *pool = ck_pool_create(1);
  run(s, &pieces, pool, isa, false);
  ck_pool_destroy(pool);
  for (int threads = 1; threads <= 4; threads++) {
    layer_memory once = make(s);
    pool = ck_pool_create(threads);
    run(s, &once, pool, isa, true);
    ck_pool_destroy(pool);
    for (int i = 0; i < 4; i++)
      if (memcmp(pieces.results[i], once.results[i], once.bytes[i])) fail("%s: result %d of %d tokens, %d threads", ck_isa_name(isa), i, s->tokens, threads);
    size_t cache = PAGES * once.layer.attention.cache.page_bytes;
    if (memcmp(pieces.layer.attention.cache.base, once.layer.attention.cache.base, cache)) fail("%s: the cache after %d tokens", ck_isa_name(isa), s->tokens);
  }
  for (int i = 0; i < 4; i++) keep(out, pieces.results[i], pieces.bytes[i]);
}

void check_layers(void) {
  static const layer_shape shapes[] = {
      {.width = 192, .heads = 6, .kv_heads = 3, .size = 32, .hidden = 320, .bits = 4, .group = 64, .tokens = 1, .past = 40, .gated = true},
      {.width = 128, .heads = 4, .kv_heads = 1, .size = 48, .hidden = 256, .bits = 8, .group = 32, .tokens = 3, .past = 0, .gated = true},
      {.width = 256, .heads = 4, .kv_heads = 2, .size = 32, .hidden = 384, .bits = 4, .group = 128, .tokens = 8, .past = 90},
      // A past that is cut into spans, which is not done in one stage.
      {.width = 128, .heads = 2, .kv_heads = 1, .size = 64, .hidden = 192, .bits = 4, .group = 64, .tokens = 2, .past = 300, .gated = true},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) compare(layer, &shapes[i], "layer %zu", i);
}
