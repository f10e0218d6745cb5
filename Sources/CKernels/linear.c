// SPDX-License-Identifier: Apache-2.0
// Products with weights: how work is cut over threads, tokens and rows. The sums themselves are in the files of the
// instruction sets.
//
// A part is a run of rows of one matrix and a chunk of tokens: all of them, unless they are many. It is small enough to
// even out the threads; its weights and the chunk's inputs stay in the second-level cache while tiles pass over rows.
#include "products.h"

CK_NO_CONTRACTION

void ck_weight_row(const ck_weight *w, int32_t row, float *out) { ck_kernels_portable.widen(w, row, out); }

// ---- the input ----

static size_t codes_bytes(int32_t inputs, int32_t tokens) { return ck_round_up((size_t)inputs * (size_t)tokens); }
static size_t scales_bytes(int32_t inputs, int32_t tokens) {
  return ck_round_up((size_t)(inputs / 16 + 1) * (size_t)tokens * 4);
}

size_t ck_tiles_bytes(int32_t inputs, int32_t tokens) {
  return codes_bytes(inputs, tokens) + 2 * scales_bytes(inputs, tokens);
}

ck_tiles ck_tiles_at(void *memory, int32_t inputs, int32_t tokens, int32_t group) {
  uint8_t *bytes = memory;
  ck_tiles tiles = {.inputs = inputs, .tokens = tokens, .group = group, .codes = memory};
  tiles.scales = (float *)(bytes + codes_bytes(inputs, tokens));
  tiles.sums = (float *)(bytes + codes_bytes(inputs, tokens) + scales_bytes(inputs, tokens));
  return tiles;
}

ck_tile ck_tile_of(const ck_tiles *tiles, int32_t number) {
  size_t first = (size_t)number * CK_TILE, groups = (size_t)(tiles->inputs / tiles->group);
  return (ck_tile){.codes = tiles->codes + first * (size_t)tiles->inputs,
                   .scales = tiles->scales + first * groups,
                   .sums = tiles->sums + first * groups,
                   .tokens = ck_min(CK_TILE, tiles->tokens - number * CK_TILE),
                   .group = tiles->group};
}

const float *ck_normed_input(const ck_kernels *k, const ck_input *input, int32_t token, float *row) {
  const float *x = input->x + (size_t)token * input->stride;
  const ck_norm *n = &input->norm;
  if (n->kind == CK_NORM_NONE) return x;
  if (n->kind == CK_NORM_LAYER) k->layer_norm(x, n->weight, n->bias, n->epsilon, input->inputs, row);
  else k->rms_norm(x, n->weight, n->offset, n->epsilon, input->inputs, row);
  return row;
}

typedef struct input_job {
  const ck_kernels *kernels;
  const ck_input *input;
  ck_tiles tiles, rest;  // rest: what the codes leave of the input, if anybody wants it
  float *rows;           // a row for each worker; or all rows, when the products are in f32
  bool wide;
} input_job;

// What the codes of one token of a tile leave of its input.
static void leave_rest(const ck_tile *tile, int32_t token, const float *x, int32_t inputs, float *rest) {
  for (int32_t g = 0; g < inputs / tile->group; g++, x += tile->group, rest += tile->group) {
    const int8_t *codes = tile->codes + (size_t)(g * tile->tokens + token) * (size_t)tile->group;
    float scale = tile->scales[g * tile->tokens + token];
    for (int32_t i = 0; i < tile->group; i++) rest[i] = x[i] - (float)codes[i] * scale;
  }
}

static void input_part(void *context, int32_t part, int worker) {
  const input_job *j = context;
  const ck_input *in = j->input;
  int32_t first = part * CK_TILE, last = ck_min(first + CK_TILE, in->tokens);
  for (int32_t t = first; t < last; t++) {
    float *row = j->rows + (size_t)(j->wide ? t : worker) * (size_t)in->inputs;
    const float *x = ck_normed_input(j->kernels, in, t, row);
    if (j->wide) continue;
    ck_tile tile = ck_tile_of(&j->tiles, part);
    j->kernels->quantize(x, in->inputs, &tile, t - first);
    if (!j->rest.tokens) continue;
    ck_tile rest = ck_tile_of(&j->rest, part);
    leave_rest(&tile, t - first, x, in->inputs, row);
    j->kernels->quantize(row, in->inputs, &rest, t - first);
  }
}

static void run_input(ck_pool *pool, input_job *j) {
  int32_t parts = ck_ceil(j->input->tokens, CK_TILE);
  if (parts > 1) ck_pool_each(pool, parts, input_part, j);
  else input_part(j, 0, 0);
}

ck_tiles ck_quantize_input(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, int32_t group, void *memory,
                           float *rows) {
  input_job j = {.kernels = kernels, .input = input, .rows = rows,
                 .tiles = ck_tiles_at(memory, input->inputs, input->tokens, group)};
  run_input(pool, &j);
  return j.tiles;
}

// ---- packed products ----

typedef struct product_job {
  const ck_kernels *kernels;
  const ck_output *outputs;
  int count;
  ck_tiles tiles, rest;       // packed products; rest: for fine outputs
  const float *x;             // f32 products
  size_t x_stride;
  int32_t inputs, tokens;
  int32_t chunk_tiles;        // packed products
  ck_way way;                 // of packed products
  float *wide;                // f32 products: WIDE_FLOATS for each worker
  int32_t unit_rows, all_units;
} product_job;

static int32_t rows_of(const ck_output *o) { return o->packed ? o->packed->rows : o->weight->rows; }

// A unit's output, its first and last row, and the row up to which the thread is likely to go on.
typedef struct unit {
  const ck_output *output;
  int32_t first, last, near;
} unit;

static unit unit_at(const product_job *j, int32_t index, int32_t near) {
  const ck_output *o = j->outputs;
  for (; index * j->unit_rows >= rows_of(o); o++) {
    int32_t units = ck_ceil(rows_of(o), j->unit_rows);
    index -= units, near -= units;
  }
  int32_t first = index * j->unit_rows;
  return (unit){o, first, ck_min(first + j->unit_rows, rows_of(o)), ck_min(near * j->unit_rows, rows_of(o))};
}

// Adds the products with the rest of a tile's input.
static void add_rest(const product_job *j, const ck_packed *m, int32_t block, int blocks, int32_t number, ck_sums *sums) {
  ck_tile rest = ck_tile_of(&j->rest, number);
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

static void packed_unit(const product_job *j, const unit *u, int32_t chunk) {
  int32_t begin = chunk * j->chunk_tiles, end = ck_min(begin + j->chunk_tiles, ck_ceil(j->tokens, CK_TILE));
  const ck_packed *m = u->output->packed;
  ck_early early = {ck_block(m, ck_ceil(u->near, CK_BLOCK_ROWS)), j->way};
  ck_sums sums[2];
  for (int32_t number = begin; number < end; number++) {
    ck_tile tile = ck_tile_of(&j->tiles, number);
    int blocks;
    for (int32_t row = u->first; row < u->last; row += blocks * CK_BLOCK_ROWS) {
      blocks = number > begin && row + CK_BLOCK_ROWS < u->last ? 2 : 1;
      if (end - begin > 1) fetch_rows(u->output, row, blocks, number * CK_TILE, tile.tokens);
      j->kernels->products(m, row / CK_BLOCK_ROWS, blocks, number == begin ? early : ck_not_early, &tile, sums);
      if (u->output->fine) add_rest(j, m, row / CK_BLOCK_ROWS, blocks, number, sums);
      for (int i = 0; i < blocks; i++)
        j->kernels->finish(u->output, m->rows, row + i * CK_BLOCK_ROWS, number * CK_TILE, tile.tokens, sums[i]);
    }
  }
}

static void packed_run(void *context, ck_run run, int worker) {
  (void)worker;
  const product_job *j = context;
  for (int32_t part = run.first; part < run.last; part++) {
    int32_t chunk = part / j->all_units, before = chunk * j->all_units;
    unit u = unit_at(j, part - before, ck_min(run.near - before, j->all_units));
    packed_unit(j, &u, chunk);
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

static void wide_unit(const product_job *j, const ck_output *o, int32_t first, int32_t last, int worker) {
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
  const product_job *j = context;
  for (int32_t part = run.first; part < run.last; part++) {
    unit u = unit_at(j, part, run.near);
    wide_unit(j, u.output, u.first, u.last, worker);
  }
}

// ---- cutting ----

int32_t ck_unit_rows(int32_t grain, int32_t tokens) {
  return tokens > CK_TILE ? ck_max(grain, 2 * CK_BLOCK_ROWS) : grain;
}

void ck_run_units(ck_pool *pool, int32_t units, size_t bytes, int32_t tokens, ck_run_task task, void *context) {
    enum { MANY = 4 * CK_TILE, LEAST = 8 << 10 };
  int32_t least = LEAST / (int32_t)(bytes * (size_t)tokens + 1) + 1;
  ck_pool_runs(pool, units, tokens < MANY ? least : 0, task, context);
}

int32_t ck_chunk_tiles(const ck_tiles *tiles) {
  enum { MOST = 512 << 10 };
  return ck_max(MOST / (tiles->inputs * CK_TILE), 1);
}

// Cuts as run_products and feed_packed do.
void ck_fetch_first(ck_pool *pool, const ck_expected *e) {
  int threads = ck_pool_threads(pool), matrices = e->hidden_group ? 1 : e->count;
  if (threads < 2 || e->count < 1) return;
  int32_t rows = ck_unit_rows(e->hidden_group ? e->hidden_group : CK_BLOCK_ROWS, e->tokens), all = 0;
  for (int i = 0; i < matrices; i++) all += ck_ceil(e->matrices[i]->rows, rows);
  for (int worker = 0; worker < threads; worker++) {
    int32_t unit = (int32_t)((int64_t)all * worker / threads), i = 0;
    for (; unit * rows >= e->matrices[i]->rows; i++) unit -= ck_ceil(e->matrices[i]->rows, rows);
    const ck_packed *m = e->matrices[i];
    int32_t block = unit * rows / CK_BLOCK_ROWS;
    size_t bytes = ck_block_bytes(m);
    ck_pool_ahead(pool, worker, 0, m->data + (size_t)block * bytes, (size_t)(ck_blocks(m->rows) - block) * bytes);
  }
}

void ck_fetch_expected(ck_pool *pool) {
  ck_expected next = ck_pool_expected(pool);
  ck_fetch_first(pool, &next);
}

void ck_expect(ck_pool *pool, const ck_output *outputs, int count, int32_t tokens) {
  ck_expected e = {.tokens = tokens};
  for (int i = 0; i < count && i < CK_MOST_OUTPUTS && outputs[i].packed; i++) e.matrices[e.count++] = outputs[i].packed;
  ck_pool_expect(pool, &e);
}

void ck_expect_feed(ck_pool *pool, const ck_feed_forward *block, int32_t tokens) {
  ck_expected e = {.tokens = tokens};
  if (block->gate.packed) e.matrices[e.count++] = block->gate.packed;
  if (block->up.packed) e.matrices[e.count++] = block->up.packed;
  if (block->down.packed) e.hidden_group = ck_activation_group(block->down.packed->group);
  else e.count = 0;
  ck_pool_expect(pool, &e);
}

static size_t row_bytes(const ck_output *o) {
  if (o->packed) return ck_block_bytes(o->packed) / CK_BLOCK_ROWS;
  const ck_weight *w = o->weight;
  if (w->format == CK_PLAIN) return (size_t)w->inputs * ck_dtype_bytes(w->dtype);
  return (size_t)w->inputs * (size_t)(w->format == CK_AFFINE ? w->bits : ck_small_bits(w->format)) / 8;
}

static void run_products(ck_pool *pool, product_job *j, ck_run_task task, int32_t grain, int32_t chunks) {
  j->unit_rows = ck_unit_rows(grain, j->tokens);
  for (int i = 0; i < j->count; i++) j->all_units += ck_ceil(rows_of(&j->outputs[i]), j->unit_rows);
  size_t bytes = row_bytes(j->outputs) * (size_t)j->unit_rows;
  ck_run_units(pool, j->all_units * chunks, bytes, j->tokens, task, j);
}

static void packed_products(ck_pool *pool, product_job *j) {
  j->inputs = j->tiles.inputs, j->tokens = j->tiles.tokens, j->chunk_tiles = ck_chunk_tiles(&j->tiles);
  ck_fetch_expected(pool);
  size_t bytes = 0;
  for (int i = 0; i < j->count; i++) bytes += (size_t)ck_blocks(rows_of(&j->outputs[i])) * ck_block_bytes(j->outputs[i].packed);
  ck_tuner *tuner = ck_pool_tuner(pool);
  j->way = ck_tuner_begin(tuner, bytes, j->tokens == 1);
  run_products(pool, j, packed_run, CK_BLOCK_ROWS, ck_ceil(j->tokens, j->chunk_tiles * CK_TILE));
  ck_tuner_end(tuner);
}

void ck_packed_product(ck_pool *pool, const ck_kernels *kernels, const ck_tiles *tiles, const ck_output *output) {
  ck_output coarse = *output;
  coarse.fine = false;
  product_job j = {.kernels = kernels, .outputs = &coarse, .count = 1, .tiles = *tiles};
  packed_products(pool, &j);
}

static void wide_products(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, const ck_output *outputs,
                          int count, int threads, float *memory) {
  product_job j = {.kernels = kernels, .outputs = outputs, .count = count, .x = input->x, .x_stride = input->stride,
                   .inputs = input->inputs, .tokens = input->tokens, .wide = memory};
  if (input->norm.kind != CK_NORM_NONE) {
    j.x = memory + (size_t)threads * wide_floats(input->inputs);
    j.x_stride = (size_t)input->inputs;
    input_job norm = {.kernels = kernels, .input = input, .rows = (float *)j.x, .wide = true};
    run_input(pool, &norm);
  }
  run_products(pool, &j, wide_run, j.tokens > 1 ? 64 : 16, 1);
}

// ---- the door ----

size_t ck_linear_scratch(int32_t max_inputs, int32_t max_tokens, int threads) {
  size_t packed = 2 * ck_tiles_bytes(max_inputs, max_tokens) + ck_round_up((size_t)threads * (size_t)max_inputs * 4);
  size_t most_wide = (size_t)ck_max(WIDE_FLOATS, 4 * max_inputs);
  size_t wide = ((size_t)threads * most_wide + (size_t)max_inputs * (size_t)max_tokens) * 4;
  return ck_round_up(packed > wide ? packed : wide);
}

// The activation group of an output's matrix; 0: products in f32.
static int32_t group_of(const ck_output *o) { return o->packed ? ck_activation_group(o->packed->group) : 0; }

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
    bool fine = false;
    for (int i = 0; i < taken; i++) fine = fine || chosen[i].fine;
    size_t bytes = ck_tiles_bytes(input->inputs, input->tokens);
    uint8_t *rest = (uint8_t *)scratch + bytes;
    input_job codes = {.kernels = kernels, .input = input, .rows = (float *)(rest + bytes),
                       .tiles = ck_tiles_at(scratch, input->inputs, input->tokens, kinds[kind])};
    if (fine) codes.rest = ck_tiles_at(rest, input->inputs, input->tokens, kinds[kind]);
    run_input(pool, &codes);
    product_job job = {.kernels = kernels, .outputs = chosen, .count = taken, .tiles = codes.tiles, .rest = codes.rest};
    packed_products(pool, &job);
  }
}

void ck_linear(ck_pool *pool, ck_isa isa, const ck_output *outputs, int count, const float *x, int32_t inputs,
               int32_t tokens, void *scratch) {
  ck_input input = {.x = x, .stride = (size_t)inputs, .inputs = inputs, .tokens = tokens};
  ck_project(pool, isa, &input, outputs, count, scratch);
}
