// SPDX-License-Identifier: Apache-2.0
// A layer after its projections, and the next one's projections, as one job: decoding a few tokens, threads would else spend
// much of their time on beginning and ending jobs.
#include "products.h"

bool ck_layer_is_one_job(const ck_layer *l) {
  int32_t tokens = l->attended.tokens;
  return tokens >= 1 && tokens <= CK_TILE && ck_is_one_product(&l->output, 1) && ck_feed_is_packed(&l->feed) &&
         ck_is_one_product(l->next_outputs, l->next_count);
}

void ck_run_layer(ck_pool *pool, ck_isa isa, const ck_layer *l, void *scratch) {
  const ck_kernels *kernels = ck_kernels_of(isa);
  int32_t tokens = l->attended.tokens, widest = ck_max(l->attended.inputs, l->next.inputs);
  uint8_t *hidden = (uint8_t *)scratch + ck_codes_bytes(widest, tokens, ck_pool_threads(pool));
  ck_stage stages[CK_MOST_STAGES];
  int count = 0;
  ck_expected output = ck_expected_products(&l->output, 1, tokens);
  if (ck_attention_stage(pool, isa, &l->attention, &l->heads, l->entries, l->entry_count, scratch, &stages[0])) {
    stages[count++].next = output;
  } else {
    ck_attention_store(pool, isa, &l->attention, &l->heads, l->entries, l->entry_count);
    ck_pool_expect(pool, &output);
    ck_attend(pool, isa, &l->attention, l->entries, l->entry_count, scratch);
  }
  stages[count] = ck_project_stage(pool, kernels, &l->attended, &l->output, 1, scratch);
  stages[count++].next = ck_expected_feed(&l->feed, tokens);
  ck_feed_stages(pool, kernels, &l->feed_input, &l->feed, scratch, hidden, &stages[count]);
  count += 2;
  stages[count - 1].next = ck_expected_products(l->next_outputs, l->next_count, tokens);
  stages[count++] = ck_project_stage(pool, kernels, &l->next, l->next_outputs, l->next_count, scratch);
  ck_pool_weighted(pool, stages, count, tokens);
}
