// SPDX-License-Identifier: Apache-2.0
// Attention over a paged cache: how work is cut. A unit is a kv head and up to a few tokens of one sequence; its
// query rows (tokens times the query heads that share the kv head) pass over the pages together, in page order
// from the first visible one, so that a row's sums never depend on how units were cut.
#include "kernels.h"

size_t ck_cache_layer_bytes(int32_t page_tokens, int32_t kv_heads, int32_t key_size, int32_t value_size,
                            ck_dtype dtype) {
  return (size_t)page_tokens * (size_t)kv_heads * (size_t)(key_size + value_size) * ck_dtype_bytes(dtype);
}

static void store(uint8_t *array, ck_dtype dtype, size_t index, float value) {
  if (dtype == CK_F32) memcpy(array + 4 * index, &value, 4);
  else ck_f32_to_f16(&value, array + 2 * index, 1);
}

void ck_cache_store(const ck_cache *c, const int32_t *pages, int32_t position, const float *keys,
                    const float *values) {
  uint8_t *page = c->base + (size_t)pages[position / c->page_tokens] * c->page_bytes;
  size_t slot = (size_t)(position % c->page_tokens), width = (size_t)c->page_tokens;
  for (size_t g = 0; g < (size_t)c->kv_heads; g++) {
    size_t size = (size_t)c->key_size;
    for (size_t d = 0; d < size; d++)
      store(page + c->key_offset, c->dtype, (g * size + d) * width + slot, keys[g * size + d]);
    size = (size_t)c->value_size;
    for (size_t d = 0; d < size; d++)
      store(page + c->value_offset, c->dtype, (g * width + slot) * size + d, values[g * size + d]);
  }
}

// Query rows of a unit: enough to use a page well once it is in the first-level cache.
enum { UNIT_ROWS = 32 };

static int32_t unit_tokens(const ck_attention *a) {
  int32_t shared = a->heads / a->cache.kv_heads;
  return shared >= UNIT_ROWS ? 1 : UNIT_ROWS / shared;
}

typedef struct job {
  const ck_kernels *kernels;
  const ck_attention *attention;
  const ck_attention_entry *entries;
  int count;
  float *scratch;
  size_t scratch_floats;  // for each worker
} job;

static size_t worker_floats(const ck_attention *a) {
  size_t shared = (size_t)(a->heads / a->cache.kv_heads), rows = (size_t)unit_tokens(a) * shared;
  size_t width = (size_t)a->cache.page_tokens, sizes = (size_t)(a->cache.key_size + a->cache.value_size);
  return (width * sizes + rows * (width + (size_t)a->cache.value_size + 2) + 63) / 64 * 64;
}

size_t ck_attention_scratch(const ck_attention *a, int threads) { return worker_floats(a) * 4 * (size_t)threads; }

// Units are dealt out in turn; late tokens see more, so neighbours go to different workers.
static void task(void *context, int worker, int workers) {
  const job *j = context;
  float *scratch = j->scratch + (size_t)worker * j->scratch_floats;
  int32_t step = unit_tokens(j->attention), heads = j->attention->cache.kv_heads;
  int64_t unit = 0;
  for (int e = 0; e < j->count; e++)
    for (int32_t t = 0; t < j->entries[e].tokens; t += step)
      for (int32_t g = 0; g < heads; g++, unit++)
        if (unit % workers == worker)
          j->kernels->attend(j->attention, &j->entries[e], g, t, ck_min(t + step, j->entries[e].tokens), scratch);
}

void ck_attend(ck_pool *pool, ck_isa isa, const ck_attention *attention, const ck_attention_entry *entries, int count,
               void *scratch) {
  job j = {ck_kernels_of(isa), attention, entries, count, scratch, worker_floats(attention)};
  ck_pool_run(pool, task, &j);
}
