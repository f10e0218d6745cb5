// SPDX-License-Identifier: Apache-2.0
// Products with weights: how work is cut over threads, tokens and rows. The sums themselves are in the files of the
// instruction sets.
//
// A part is a run of rows of one matrix and a chunk of tokens: all of them, unless they are many. It is small enough to
// even out the threads; its weights and the chunk's inputs stay in the second-level cache while tiles pass over rows.
#include "products.h"

CK_NO_CONTRACTION

void ck_weight_row(const ck_weight *w, int32_t row, float *out) { ck_kernels_portable.widen(w, row, out); }

// ---- packed products ----

static int32_t rows_of(const ck_output *o) { return o->packed ? o->packed->rows : o->weight->rows; }

// A unit's output, its first and last row, and the row up to which the thread is likely to go on.
typedef struct unit {
  const ck_output *output;
  int32_t first, last, near;
} unit;

static unit unit_at(const ck_product *j, int32_t index, int32_t near) {
  const ck_output *o = j->outputs;
  for (; index * j->unit_rows >= rows_of(o); o++) {
    int32_t units = ck_ceil(rows_of(o), j->unit_rows);
    index -= units, near -= units;
  }
  int32_t first = index * j->unit_rows;
  return (unit){o, first, ck_min(first + j->unit_rows, rows_of(o)), ck_min(near * j->unit_rows, rows_of(o))};
}

// Adds the products with the rest of a tile's input.
static void add_rest(const ck_product *j, const ck_codes *codes, const ck_packed *m, int32_t block, int blocks, int32_t number,
                     ck_sums *sums) {
  ck_tile rest = ck_tile_of(&codes->rest, number);
  ck_sums more[2];
  j->kernels->products(m, block, blocks, ck_not_early, &rest, more);
  for (int i = 0; i < blocks; i++)
    for (int32_t t = 0; t < rest.tokens; t++)
      for (int32_t r = 0; r < CK_BLOCK_ROWS; r++) sums[i][t][r] += more[i][t][r];
}

// The rows that a product will be added to or stored in come from afar where tokens are many.
static void fetch_rows(const ck_output *o, int32_t row, int blocks, int32_t token, int32_t tokens) {
  const float *y = o->y + (size_t)token * o->stride + row;
  for (int32_t t = 0; t < tokens; t++, y += o->stride)
    for (int i = 0; i < blocks; i++) __builtin_prefetch(y + i * CK_BLOCK_ROWS, 1);
}

static void packed_unit(const ck_product *j, const ck_codes *codes, const unit *u, int32_t chunk) {
  int32_t begin = chunk * j->chunk_tiles, end = ck_min(begin + j->chunk_tiles, ck_ceil(j->tokens, CK_TILE));
  const ck_packed *m = u->output->packed;
  ck_early early = {ck_block(m, ck_ceil(u->near, CK_BLOCK_ROWS)), j->way};
  ck_sums sums[2];
  for (int32_t number = begin; number < end; number++) {
    ck_tile tile = ck_tile_of(&codes->tiles, number);
    int blocks;
    for (int32_t row = u->first; row < u->last; row += blocks * CK_BLOCK_ROWS) {
      blocks = number > begin && row + CK_BLOCK_ROWS < u->last ? 2 : 1;
      if (end - begin > 1) fetch_rows(u->output, row, blocks, number * CK_TILE, tile.tokens);
      j->kernels->products(m, row / CK_BLOCK_ROWS, blocks, number == begin ? early : ck_not_early, &tile, sums);
      if (u->output->fine) add_rest(j, codes, m, row / CK_BLOCK_ROWS, blocks, number, sums);
      for (int i = 0; i < blocks; i++)
        j->kernels->finish(u->output, m->rows, row + i * CK_BLOCK_ROWS, number * CK_TILE, tile.tokens, sums[i]);
    }
  }
}

static void packed_run(void *context, ck_run run, int worker) {
  const ck_product *j = context;
  ck_codes codes = j->coded.kernels ? ck_codes_of(&j->coded, worker) : j->codes;
  for (int32_t part = run.first; part < run.last; part++) {
    int32_t chunk = part / j->all_units, before = chunk * j->all_units;
    unit u = unit_at(j, part - before, ck_min(run.near - before, j->all_units));
    packed_unit(j, &codes, &u, chunk);
  }
}

// ---- f32 products ----

// Rows are widened a few at a time and serve all tokens.
enum { WIDE_FLOATS = 1 << 16 };

static int32_t wide_rows(int32_t inputs) { return ck_max(WIDE_FLOATS / ck_max(inputs, 1) / 4 * 4, 4); }
static size_t wide_floats(int32_t inputs) { return (size_t)wide_rows(inputs) * (size_t)inputs; }

static void store_dots(const ck_output *o, const float *dots, int32_t first, int32_t count, int32_t token,
                       int32_t tokens) {
  for (int32_t t = 0; t < tokens; t++) {
    float *y = o->y + (size_t)(token + t) * o->stride + first;
    for (int32_t r = 0; r < count; r++) {
      float value = dots[t * count + r] + (o->bias ? o->bias[first + r] : 0);
      y[r] = o->accumulate ? y[r] + value : value;
    }
  }
}

static void wide_unit(const ck_product *j, const ck_output *o, int32_t first, int32_t last, int worker) {
  enum { TOKENS = 48, ROWS = 64 };
  const ck_weight *w = o->weight;
  float *wide = j->wide + (size_t)worker * wide_floats(j->inputs), dots[TOKENS * ROWS];
  bool small = w->format == CK_MXFP8 && j->tokens == 1;
  bool direct = small || (w->format == CK_PLAIN && (w->dtype == CK_F32 || j->tokens == 1));
  // What is widened for one token stays in the first-level cache.
  int32_t step = !direct && j->tokens == 1 ? 4 : ck_min(ROWS, wide_rows(j->inputs));
  for (int32_t row = first; row < last; row += step) {
    ck_rows rows = {.data = wide, .dtype = CK_F32, .stride = (size_t)w->inputs, .count = ck_min(step, last - row)};
    if (direct) {
      rows.dtype = w->dtype;
      rows.stride *= (size_t)ck_max(w->row_step, 1);
      size_t first = (size_t)row * rows.stride;
      rows.data = (const uint8_t *)w->data + first * (small ? 1 : ck_dtype_bytes(w->dtype));
      if (small) rows.scales = (const uint8_t *)w->scales + first / 32;
    } else {
      for (int32_t r = 0; r < rows.count; r++) j->kernels->widen(w, row + r, wide + (size_t)r * rows.stride);
    }
    for (int32_t t = 0; t < j->tokens; t += TOKENS) {
      int32_t tokens = ck_min(TOKENS, j->tokens - t);
      j->kernels->dots(&rows, j->x + (size_t)t * j->x_stride, j->x_stride, tokens, j->inputs, dots, (size_t)rows.count);
      store_dots(o, dots, row, rows.count, t, tokens);
    }
  }
}

static void wide_run(void *context, ck_run run, int worker) {
  const ck_product *j = context;
  for (int32_t part = run.first; part < run.last; part++) {
    unit u = unit_at(j, part, run.near);
    wide_unit(j, u.output, u.first, u.last, worker);
  }
}

// ---- cutting ----

int32_t ck_unit_rows(int32_t grain, int32_t tokens) {
  return tokens > CK_TILE ? ck_max(grain, 2 * CK_BLOCK_ROWS) : grain;
}

int32_t ck_least_units(size_t bytes, int32_t tokens) {
  enum { MANY = 4 * CK_TILE, LEAST = 8 << 10 };
  return tokens < MANY ? LEAST / (int32_t)(bytes * (size_t)tokens + 1) + 1 : 0;
}

int32_t ck_chunk_tiles(int32_t inputs) {
  enum { MOST = 512 << 10 };
  return ck_max(MOST / (inputs * CK_TILE), 1);
}

// Cuts as product_stage and feed_packed do.
void ck_fetch_first(ck_pool *pool, int worker, const ck_expected *e) {
  int threads = ck_pool_threads(pool), matrices = e->hidden_group ? 1 : e->count;
  if (threads < 2 || e->count < 1) return;
  int32_t rows = ck_unit_rows(e->hidden_group ? e->hidden_group : CK_BLOCK_ROWS, e->tokens), all = 0, i = 0;
  for (int m = 0; m < matrices; m++) all += ck_ceil(e->matrices[m]->rows, rows);
  int32_t unit = (int32_t)((int64_t)all * worker / threads);
  for (; unit * rows >= e->matrices[i]->rows; i++) unit -= ck_ceil(e->matrices[i]->rows, rows);
  const ck_packed *m = e->matrices[i];
  int32_t block = unit * rows / CK_BLOCK_ROWS;
  size_t bytes = ck_block_bytes(m);
  ck_pool_ahead(pool, worker, 0, m->data + (size_t)block * bytes, (size_t)(ck_blocks(m->rows) - block) * bytes);
}

void ck_fetch_expected(ck_pool *pool) {
  ck_expected next = ck_pool_expected(pool);
  for (int worker = 0; worker < ck_pool_threads(pool); worker++) ck_fetch_first(pool, worker, &next);
}

ck_expected ck_expected_products(const ck_output *outputs, int count, int32_t tokens) {
  ck_expected e = {.tokens = tokens};
  for (int i = 0; i < count && i < CK_MOST_OUTPUTS && outputs[i].packed; i++) e.matrices[e.count++] = outputs[i].packed;
  return e;
}

ck_expected ck_expected_feed(const ck_feed_forward *block, int32_t tokens) {
  ck_expected e = {.tokens = tokens};
  if (block->gate.packed) e.matrices[e.count++] = block->gate.packed;
  if (block->up.packed) e.matrices[e.count++] = block->up.packed;
  if (block->down.packed) e.hidden_group = ck_activation_group(block->down.packed->group);
  else e.count = 0;
  return e;
}

void ck_expect(ck_pool *pool, const ck_output *outputs, int count, int32_t tokens) {
  ck_expected e = ck_expected_products(outputs, count, tokens);
  ck_pool_expect(pool, &e);
}

void ck_expect_feed(ck_pool *pool, const ck_feed_forward *block, int32_t tokens) {
  ck_expected e = ck_expected_feed(block, tokens);
  ck_pool_expect(pool, &e);
}

static size_t row_bytes(const ck_output *o) {
  if (o->packed) return ck_block_bytes(o->packed) / CK_BLOCK_ROWS;
  const ck_weight *w = o->weight;
  if (w->format == CK_PLAIN) return (size_t)w->inputs * ck_dtype_bytes(w->dtype);
  return (size_t)w->inputs * (size_t)(w->format == CK_AFFINE ? w->bits : ck_small_bits(w->format)) / 8;
}

static ck_stage product_stage(ck_product *j, ck_run_task task, int32_t grain, int32_t chunks) {
  j->unit_rows = ck_unit_rows(grain, j->tokens), j->all_units = 0;
  for (int i = 0; i < j->count; i++) j->all_units += ck_ceil(rows_of(&j->outputs[i]), j->unit_rows);
  size_t bytes = row_bytes(j->outputs) * (size_t)j->unit_rows;
  return (ck_stage){
      .parts = j->all_units * chunks, .least = ck_least_units(bytes, j->tokens), .run = task, .context = j};
}

static void quantize_for_product(void *context, int worker) { ck_quantize_own(&((const ck_product *)context)->coded, worker); }

ck_stage ck_packed_stage(ck_product *product) {
  product->chunk_tiles = ck_chunk_tiles(product->inputs);
  ck_stage stage = product_stage(product, packed_run, CK_BLOCK_ROWS, ck_ceil(product->tokens, product->chunk_tiles * CK_TILE));
  if (product->coded.kernels && product->coded.each) stage.prepare = quantize_for_product;
  for (int i = 0; i < product->count; i++)
    stage.weights += (size_t)ck_blocks(rows_of(&product->outputs[i])) * ck_block_bytes(product->outputs[i].packed);
  stage.way = &product->way;
  return stage;
}

// The activation group of an output's matrix; 0: products in f32.
static int32_t group_of(const ck_output *o) { return o->packed ? ck_activation_group(o->packed->group) : 0; }

bool ck_is_one_product(const ck_output *outputs, int count) {
  for (int i = 0; i < count; i++)
    if (!outputs[i].packed || group_of(&outputs[i]) != group_of(&outputs[0])) return false;
  return count > 0 && count <= CK_MOST_OUTPUTS;
}

ck_stage ck_project_stage(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, const ck_output *outputs, int count,
                          void *scratch) {
  bool fine = false;
  for (int i = 0; i < count; i++) fine = fine || outputs[i].fine;
  ck_coded_input coded = ck_code_input(pool, kernels, input, group_of(&outputs[0]), fine, scratch);
  ck_product *product = ck_pool_memory(pool, sizeof *product);
  product->kernels = kernels, product->coded = coded;
  product->inputs = input->inputs, product->tokens = input->tokens;
  product->count = count;
  memcpy(product->outputs, outputs, (size_t)count * sizeof *outputs);
  return ck_packed_stage(product);
}

static void packed_products(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, const ck_output *outputs, int count,
                            void *scratch) {
  ck_stage stage = ck_project_stage(pool, kernels, input, outputs, count, scratch);
  stage.next = ck_pool_expected(pool);
  ck_pool_weighted(pool, &stage, 1, input->tokens);
}

typedef struct norm_job {
  const ck_kernels *kernels;
  const ck_input *input;
  float *rows;
} norm_job;

static void norm_part(void *context, int32_t token, int worker) {
  (void)worker;
  const norm_job *j = context;
  ck_normed_input(j->kernels, j->input, token, j->rows + (size_t)token * (size_t)j->input->inputs);
}

static void wide_products(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, const ck_output *outputs,
                          int count, int threads, float *memory) {
  ck_product j = {.kernels = kernels, .count = count, .x = input->x, .x_stride = input->stride,
                   .inputs = input->inputs, .tokens = input->tokens, .wide = memory};
  memcpy(j.outputs, outputs, (size_t)count * sizeof *outputs);
  if (input->norm.kind != CK_NORM_NONE) {
    j.x = memory + (size_t)threads * wide_floats(input->inputs);
    j.x_stride = (size_t)input->inputs;
    norm_job norm = {kernels, input, (float *)j.x};
    ck_pool_each(pool, input->tokens, norm_part, &norm);
  }
  ck_stage stage = product_stage(&j, wide_run, j.tokens > 1 ? 64 : 16, 1);
  ck_pool_stages(pool, &stage, 1);
}

// ---- the door ----

size_t ck_linear_scratch(int32_t max_inputs, int32_t max_tokens, int threads) {
  size_t packed = ck_codes_bytes(max_inputs, max_tokens, threads);
  size_t most_wide = (size_t)ck_max(WIDE_FLOATS, 4 * max_inputs);
  size_t wide = ((size_t)threads * most_wide + (size_t)max_inputs * (size_t)max_tokens) * 4;
  return ck_round_up(packed > wide ? packed : wide);
}

void ck_project(ck_pool *pool, ck_isa isa, const ck_input *input, const ck_output *outputs, int count, void *scratch) {
  const ck_kernels *kernels = ck_kernels_of(isa);
  int threads = ck_pool_threads(pool);
  if (count > CK_MOST_OUTPUTS) count = CK_MOST_OUTPUTS;
  if (input->tokens < 1) return;
  static const int32_t kinds[] = {64, 32, 16, 0};
  for (int kind = 0; kind < 4; kind++) {
    ck_output chosen[CK_MOST_OUTPUTS];
    int taken = 0;
    for (int i = 0; i < count; i++)
      if (group_of(&outputs[i]) == kinds[kind]) chosen[taken++] = outputs[i];
    if (!taken) continue;
    if (!kinds[kind]) {
      wide_products(pool, kernels, input, chosen, taken, threads, scratch);
      continue;
    }
    packed_products(pool, kernels, input, chosen, taken, scratch);
  }
}

void ck_linear(ck_pool *pool, ck_isa isa, const ck_output *outputs, int count, const float *x, int32_t inputs,
               int32_t tokens, void *scratch) {
  ck_input input = {.x = x, .stride = (size_t)inputs, .inputs = inputs, .tokens = tokens};
  ck_project(pool, isa, &input, outputs, count, scratch);
}
