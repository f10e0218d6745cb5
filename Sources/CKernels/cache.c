// SPDX-License-Identifier: Apache-2.0
// The paged cache: where a token's keys and values lie, and the way queries and keys go before they are stored.
#include "kernels.h"

size_t ck_cache_layer_bytes(int32_t page_tokens, int32_t kv_heads, int32_t key_size, int32_t value_size,
                            ck_dtype dtype) {
  return (size_t)page_tokens * (size_t)kv_heads * (size_t)(key_size + value_size) * ck_dtype_bytes(dtype);
}

enum { PIECE = 256 };  // elements narrowed at a time

// `count` elements of one head; neighbours are `step` elements apart.
static void store(const ck_kernels *kernels, uint8_t *array, ck_dtype dtype, size_t index, size_t step, const float *x,
                  int32_t count) {
  if (dtype == CK_F32) {
    for (int32_t i = 0; i < count; i++) memcpy(array + 4 * (index + (size_t)i * step), x + i, 4);
    return;
  }
  uint16_t halves[PIECE];
  for (int32_t first = 0; first < count; first += PIECE) {
    int32_t piece = ck_min(PIECE, count - first);
    kernels->narrow(x + first, halves, piece);
    uint8_t *out = array + 2 * (index + (size_t)first * step);
    if (step == 1) memcpy(out, halves, 2 * (size_t)piece);
    else
      for (int32_t i = 0; i < piece; i++) memcpy(out + 2 * (size_t)i * step, halves + i, 2);
  }
}

static void store_token(const ck_kernels *kernels, const ck_cache *c, const int32_t *pages, int32_t position,
                        const float *keys, const float *values) {
  uint8_t *page = c->base + (size_t)pages[position / c->page_tokens] * c->page_bytes;
  size_t slot = (size_t)(position % c->page_tokens), width = (size_t)c->page_tokens;
  size_t key_size = (size_t)c->key_size, value_size = (size_t)c->value_size;
  for (size_t g = 0; g < (size_t)c->kv_heads; g++) {
    store(kernels, page + c->key_offset, c->dtype, g * key_size * width + slot, width, keys + g * key_size, c->key_size);
    store(kernels, page + c->value_offset, c->dtype, (g * width + slot) * value_size, 1, values + g * value_size,
          c->value_size);
  }
}

void ck_cache_store(const ck_cache *c, const int32_t *pages, int32_t position, const float *keys, const float *values) {
  store_token(&ck_kernels_portable, c, pages, position, keys, values);
}

typedef struct job {
  const ck_kernels *kernels;
  const ck_attention *attention;
  const ck_heads *heads;
  const ck_attention_entry *entries;
  int count;
  int32_t tokens;
} job;

// Tokens prepared by one part; below SERIAL_TOKENS starting other threads costs more than it saves.
enum { PART_TOKENS = 8, SERIAL_TOKENS = 4 };

static void prepare(const job *j, float *x, int32_t count, const float *norm, size_t token) {
  const ck_heads *h = j->heads;
  int32_t size = j->attention->cache.key_size;
  size_t row = token * (size_t)h->rope_half;
  for (int32_t i = 0; i < count; i++, x += size) {
    if (norm) j->kernels->rms_norm(x, norm, h->norm_offset, h->norm_epsilon, size, x);
    if (h->cosine) j->kernels->rotate(x, h->cosine + row, h->sine + row, h->rope_half, h->interleaved);
  }
}

static void token_part(void *context, int32_t part, int worker) {
  (void)worker;
  const job *j = context;
  const ck_heads *h = j->heads;
  const ck_attention_entry *e = j->entries;
  int32_t first = part * PART_TOKENS, last = ck_min(first + PART_TOKENS, j->tokens), before = 0;
  for (int32_t t = first; t < last; t++) {
    for (; t - before >= e->tokens; e++) before += e->tokens;
    float *keys = h->keys + (size_t)t * h->key_stride;
    prepare(j, h->queries + (size_t)t * h->query_stride, j->attention->heads, h->query_norm, (size_t)t);
    prepare(j, keys, j->attention->cache.kv_heads, h->key_norm, (size_t)t);
    store_token(j->kernels, &j->attention->cache, e->pages, e->first_position + t - before, keys,
                h->values + (size_t)t * h->value_stride);
  }
}

void ck_attention_store(ck_pool *pool, ck_isa isa, const ck_attention *attention, const ck_heads *heads,
                        const ck_attention_entry *entries, int count) {
  job j = {ck_kernels_of(isa), attention, heads, entries, count, 0};
  for (int e = 0; e < count; e++) j.tokens += entries[e].tokens;
  int32_t parts = ck_ceil(j.tokens, PART_TOKENS);
  if (j.tokens < SERIAL_TOKENS)
    for (int32_t part = 0; part < parts; part++) token_part(&j, part, 0);
  else ck_pool_each(pool, parts, token_part, &j);
}
