// SPDX-License-Identifier: Apache-2.0
// The paged cache: where a token's keys and values lie, and the way queries and keys go before they are stored.
#include "kernels.h"

size_t ck_cache_key_bytes(const ck_cache *c) {
  return ck_round_up((size_t)c->kv_heads * ck_key_head_bytes(c));
}

size_t ck_cache_value_bytes(const ck_cache *c) {
  return ck_round_up((size_t)c->kv_heads * ck_value_head_bytes(c));
}

enum { PIECE = 256 };  // elements narrowed at a time

// `count` elements of one head; neighbours are `step` elements apart.
static void store_elements(const ck_kernels *kernels, uint8_t *array, ck_dtype dtype, size_t index, size_t step, const float *x,
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

// `size` elements of one head as codes of token `slot`, transposed for keys.
static void store_codes(const ck_kernels *kernels, const ck_cache *c, uint8_t *head, size_t slot, bool transposed,
                        const float *x, int32_t size, int32_t bits) {
  size_t width = (size_t)c->page_tokens, bytes = ck_cache_code_bytes(size, bits), halves = ck_cache_group_halves(bits);
  size_t step = transposed ? width : 1, first = transposed ? slot : slot * bytes;
  size_t group_bytes = CK_CACHE_GROUP * (size_t)bits / 8;
  uint8_t *scales = head + width * bytes;
  for (size_t g = 0; g < ck_cache_groups(size); g++) {
    uint8_t codes[CK_CACHE_GROUP];
    uint16_t scale[2];
    size_t done = g * CK_CACHE_GROUP;
    kernels->encode(x + done, ck_min(CK_CACHE_GROUP, size - (int32_t)done), bits, codes, scale);
    size_t at = g * group_bytes, count = bytes - at < group_bytes ? bytes - at : group_bytes;
    if (bits == 4)
      for (size_t i = 0; i < count; i++) codes[i] = (uint8_t)(codes[i] | codes[count + i] << 4);
    for (size_t i = 0; i < count; i++) head[first + (at + i) * step] = codes[i];
    for (size_t h = 0; h < halves; h++) memcpy(scales + 2 * ((g * halves + h) * width + slot), &scale[h], 2);
  }
}

// One head of token `slot`: transposed for keys.
static void store(const ck_kernels *kernels, const ck_cache *c, uint8_t *head, size_t slot, bool transposed,
                  const float *x, int32_t size, int32_t bits) {
  size_t width = (size_t)c->page_tokens;
  if (bits) store_codes(kernels, c, head, slot, transposed, x, size, bits);
  else if (transposed) store_elements(kernels, head, c->dtype, slot, width, x, size);
  else store_elements(kernels, head, c->dtype, slot * (size_t)size, 1, x, size);
}

// kv heads [first, last) of a token.
static void store_token(const ck_kernels *kernels, const ck_cache *c, const int32_t *pages, int32_t position,
                        const float *keys, const float *values, int32_t first, int32_t last) {
  uint8_t *page = ck_page(c, pages, position);
  size_t slot = (size_t)(position % c->page_tokens);
  for (int32_t g = first; g < last; g++) {
    uint8_t *key_head = page + c->key_offset + (size_t)g * ck_key_head_bytes(c);
    uint8_t *value_head = page + c->value_offset + (size_t)g * ck_value_head_bytes(c);
    store(kernels, c, key_head, slot, true, keys + (size_t)g * (size_t)c->key_size, c->key_size, c->key_bits);
    store(kernels, c, value_head, slot, false, values + (size_t)g * (size_t)c->value_size, c->value_size, c->value_bits);
  }
}

void ck_cache_store(const ck_cache *c, const int32_t *pages, int32_t position, const float *keys, const float *values) {
  store_token(&ck_kernels_portable, c, pages, position, keys, values, 0, c->kv_heads);
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

static void prepare(const ck_kernels *kernels, const ck_heads *h, float *x, int32_t size, int32_t count, const float *norm,
                    size_t token) {
  size_t row = token * (size_t)h->rope_half;
  for (int32_t i = 0; i < count; i++, x += size) {
    if (norm) kernels->rms_norm(x, norm, h->norm_offset, h->norm_epsilon, size, x);
    if (h->cosine) kernels->rotate(x, h->cosine + row, h->sine + row, h->rope_half, h->interleaved);
  }
}

void ck_store_heads(const ck_kernels *kernels, const ck_attention *a, const ck_heads *h, const ck_attention_entry *e, int32_t t,
                    size_t token, int32_t first, int32_t last) {
  int32_t size = a->cache.key_size, shared = a->heads / a->cache.kv_heads;
  float *queries = h->queries + token * h->query_stride, *keys = h->keys + token * h->key_stride;
  prepare(kernels, h, queries + (size_t)(first * shared) * (size_t)size, size, (last - first) * shared, h->query_norm, token);
  prepare(kernels, h, keys + (size_t)first * (size_t)size, size, last - first, h->key_norm, token);
  store_token(kernels, &a->cache, e->pages, e->first_position + t, keys, h->values + token * h->value_stride, first, last);
}

static void token_part(void *context, int32_t part, int worker) {
  (void)worker;
  const job *j = context;
  const ck_attention_entry *e = j->entries;
  int32_t first = part * PART_TOKENS, last = ck_min(first + PART_TOKENS, j->tokens), before = 0;
  for (int32_t t = first; t < last; t++) {
    for (; t - before >= e->tokens; e++) before += e->tokens;
    ck_store_heads(j->kernels, j->attention, j->heads, e, t - before, (size_t)t, 0, j->attention->cache.kv_heads);
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
