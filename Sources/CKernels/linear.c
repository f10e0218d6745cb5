// SPDX-License-Identifier: Apache-2.0
// Products with weights: how the work is cut over threads, tokens and rows. The sums themselves are in bodies.inc
// and the files of the instruction sets.
#include "kernels.h"

void ck_weight_row(const ck_weight *w, int32_t row, float *out) { ck_kernels_portable.widen(w, row, out); }

// Tokens of a plain product that share one widened row: their inputs stay in the second-level cache.
enum { PLAIN_TOKENS = 64 };

typedef struct job {
  const ck_kernels *kernels;
  const ck_output *outputs;
  int count;
  const float *x;
  int32_t inputs, tokens;
  int32_t group;              // of the quantized input; 0: none
  int8_t *codes;
  float *scales, *sums;
  float *rows;                // [workers, inputs + PLAIN_TOKENS]
} job;

static void quantize_tokens(const job *j, int32_t first, int32_t last) {
  int32_t groups = j->inputs / j->group;
  for (int32_t t = first; t < last; t++)
    j->kernels->quantize(j->x + (size_t)t * (size_t)j->inputs, j->inputs, j->group,
                         j->codes + (size_t)t * (size_t)j->inputs, j->scales + (size_t)t * (size_t)groups,
                         j->sums + (size_t)t * (size_t)groups);
}

static void quantize_task(void *context, int worker, int workers) {
  const job *j = context;
  int32_t first, last;
  ck_share(j->tokens, worker, workers, &first, &last);
  quantize_tokens(j, first, last);
}

static void plain_rows(const job *j, const ck_output *o, int32_t first, int32_t last, float *row) {
  float *sums = row + j->inputs;
  for (int32_t n = first; n < last; n++) {
    j->kernels->widen(o->weight, n, row);
    for (int32_t t = 0; t < j->tokens; t += PLAIN_TOKENS) {
      int32_t tokens = ck_min(PLAIN_TOKENS, j->tokens - t);
      j->kernels->dots(row, j->x + (size_t)t * (size_t)j->inputs, j->inputs, tokens, sums);
      for (int32_t i = 0; i < tokens; i++) {
        float value = sums[i] + (o->bias ? o->bias[n] : 0);
        float *y = o->y + (size_t)(t + i) * o->stride + n;
        *y = o->accumulate ? *y + value : value;
      }
    }
  }
}

// Blocks whose packed bytes stay in the second-level cache while all tokens pass over them.
static int32_t resident_blocks(const ck_packed *m) {
  size_t block = (size_t)(m->inputs / m->group) * ck_group_bytes(m->group, m->code_bits, m->dtype);
  size_t fit = ((size_t)192 << 10) / (block ? block : 1);
  return fit < 1 ? 1 : (int32_t)fit;
}

static void packed_blocks(const job *j, const ck_output *o, int32_t first, int32_t last) {
  int32_t groups = j->inputs / j->group;
  int32_t step = j->tokens > CK_TILE ? resident_blocks(o->packed) : last - first;
  for (int32_t b = first; b < last; b += step)
    for (int32_t t = 0; t < j->tokens; t += CK_TILE) {
      ck_activations x = {j->codes + (size_t)t * (size_t)j->inputs, j->scales + (size_t)t * (size_t)groups,
                          j->sums + (size_t)t * (size_t)groups, j->inputs, j->group};
      ck_output part = *o;
      part.y += (size_t)t * o->stride;
      j->kernels->packed(o->packed, b, ck_min(b + step, last), &x, ck_min(CK_TILE, j->tokens - t), &part);
    }
}

static void product_task(void *context, int worker, int workers) {
  const job *j = context;
  float *row = j->rows + (size_t)worker * (size_t)(j->inputs + PLAIN_TOKENS);
  for (int i = 0; i < j->count; i++) {
    const ck_output *o = &j->outputs[i];
    int32_t first, last;
    if (o->packed) {
      ck_share((o->packed->rows + CK_BLOCK_ROWS - 1) / CK_BLOCK_ROWS, worker, workers, &first, &last);
      packed_blocks(j, o, first, last);
    } else {
      ck_share(o->weight->rows, worker, workers, &first, &last);
      plain_rows(j, o, first, last, row);
    }
  }
}

static size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t ck_linear_scratch(int32_t max_inputs, int32_t max_tokens, int threads) {
  size_t elements = (size_t)max_inputs * (size_t)max_tokens;
  return round_up(elements) + 2 * round_up(elements / 32 * 4 + 4) +
         round_up((size_t)threads * (size_t)(max_inputs + PLAIN_TOKENS) * 4);
}

// The activation group the packed matrices of one product share; matrices of another group get a pass of their own.
static int32_t next_group(const ck_output *outputs, int count, const bool *done) {
  for (int i = 0; i < count; i++)
    if (!done[i] && outputs[i].packed) return ck_activation_group(outputs[i].packed->group);
  return 0;
}

void ck_linear(ck_pool *pool, ck_isa isa, const ck_output *outputs, int count, const float *x, int32_t inputs,
               int32_t tokens, void *scratch) {
  enum { MOST = 8 };
  bool done[MOST] = {false};
  for (int left = count < MOST ? count : MOST; left > 0;) {
    int32_t group = next_group(outputs, count, done);
    ck_output chosen[MOST];
    int taken = 0;
    for (int i = 0; i < count && i < MOST; i++) {
      int32_t own = outputs[i].packed ? ck_activation_group(outputs[i].packed->group) : group;
      if (done[i] || own != group) continue;
      chosen[taken++] = outputs[i];
      done[i] = true;
    }
    left -= taken;
    uint8_t *memory = scratch;
    size_t elements = (size_t)inputs * (size_t)tokens;
    job j = {ck_kernels_of(isa), chosen, taken, x, inputs, tokens, group, NULL, NULL, NULL, NULL};
    j.codes = (int8_t *)memory;
    j.scales = (float *)(memory += round_up(elements));
    j.sums = (float *)(memory += round_up(elements / 32 * 4 + 4));
    j.rows = (float *)(memory + round_up(elements / 32 * 4 + 4));
    if (group && tokens >= 8) ck_pool_run(pool, quantize_task, &j);
    else if (group) quantize_tokens(&j, 0, tokens);
    ck_pool_run(pool, product_task, &j);
  }
}
