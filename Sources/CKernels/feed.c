// SPDX-License-Identifier: Apache-2.0
// The feed-forward block: gate and up in one pass, activated and quantized tile by tile, then down.
#include "products.h"

typedef struct job {
  const ck_kernels *kernels;
  ck_feed_forward block;
  bool gated;
  ck_coded_input x;
  ck_tiles hidden;
  int32_t unit_rows;  // hidden rows of a part, a multiple of the hidden activation group
  int32_t units, chunk_tiles;
  ck_product down;    // whose way is that of gate and up too
} job;

// Groups of hidden values whose products come before their activation: all of the gate's, then all of up's, so that weights
// are read in long runs.
enum { MOST_GROUPS = 8, MOST_BLOCKS = MOST_GROUPS * CK_ACTIVATION_GROUP / CK_BLOCK_ROWS };

// `near`: the row up to which weights are fetched early, 0 for none.
static void row_products(const job *j, const ck_packed *m, const ck_tile *x, int32_t row, int32_t rows, int32_t near, ck_sums *out) {
  ck_early early = near ? (ck_early){ck_block(m, ck_ceil(near, CK_BLOCK_ROWS)), j->down.way} : ck_not_early;
  int32_t blocks = rows / CK_BLOCK_ROWS, step;
  for (int32_t b = 0; b < blocks; b += step) {
    step = near ? 1 : ck_min(2, blocks - b);
    j->kernels->products(m, row / CK_BLOCK_ROWS + b, step, early, x, &out[b]);
  }
}

// One activation group of hidden values of one tile: activation, codes.
static void activate_group(const job *j, const ck_tile *x, const ck_tile *hidden, int32_t row, ck_sums *gates, ck_sums *ups) {
  const ck_output *gate = &j->block.gate, *up = &j->block.up;
  int32_t group = hidden->group;
  float values[CK_TILE][CK_ACTIVATION_GROUP];
  for (int32_t r = 0; r < group; r += CK_BLOCK_ROWS) {
    float(*g)[CK_BLOCK_ROWS] = gates[r / CK_BLOCK_ROWS], (*u)[CK_BLOCK_ROWS] = ups[r / CK_BLOCK_ROWS];
    const float *up_bias = up->bias ? up->bias + row + r : NULL, *gate_bias = gate->bias ? gate->bias + row + r : NULL;
    if (j->gated)
      j->kernels->gate(j->block.activation, g, gate_bias, u, up_bias, x->tokens, &values[0][r], CK_ACTIVATION_GROUP);
    else
      j->kernels->gate(j->block.activation, u, up_bias, NULL, NULL, x->tokens, &values[0][r], CK_ACTIVATION_GROUP);
  }
  // The group's place within the tile, as a tile of this one group.
  size_t place = (size_t)(row / group) * (size_t)hidden->tokens;
  ck_tile here = {hidden->codes + place * (size_t)group, hidden->scales + place, hidden->sums + place, hidden->tokens, group};
  for (int32_t t = 0; t < hidden->tokens; t++) j->kernels->quantize(values[t], group, &here, t);
}

// Hidden rows [first, last) of one tile.
static void hidden_rows(const job *j, const ck_tile *x, const ck_tile *hidden, int32_t first, int32_t last, int32_t near) {
  ck_sums gates[MOST_BLOCKS], ups[MOST_BLOCKS];
  int32_t group = hidden->group, most = MOST_GROUPS * group;
  for (int32_t row = first; row < last; row += most) {
    int32_t rows = ck_min(most, last - row);
    if (j->gated) row_products(j, j->block.gate.packed, x, row, rows, near, gates);
    row_products(j, j->block.up.packed, x, row, rows, near, ups);
    for (int32_t r = 0; r < rows; r += group)
      activate_group(j, x, hidden, row + r, &gates[r / CK_BLOCK_ROWS], &ups[r / CK_BLOCK_ROWS]);
  }
}

static void hidden_run(void *context, ck_run run, int worker) {
  const job *j = context;
  ck_tiles in = ck_codes_of(&j->x, worker).tiles;
  int32_t rows = j->hidden.inputs, tiles = ck_ceil(in.tokens, CK_TILE), step;
  for (int32_t part = run.first; part < run.last; part += step) {
    int32_t chunk = part / j->units, before = chunk * j->units;
    // Parts of one tile are one run of rows.
    step = tiles == 1 ? run.last - part : 1;
    int32_t first = (part - before) * j->unit_rows, last = ck_min(first + step * j->unit_rows, rows);
    int32_t near = ck_min((run.near - before) * j->unit_rows, rows);
    int32_t begin = chunk * j->chunk_tiles, end = ck_min(begin + j->chunk_tiles, tiles);
    for (int32_t number = begin; number < end; number++) {
      ck_tile x = ck_tile_of(&in, number), hidden = ck_tile_of(&j->hidden, number);
      hidden_rows(j, &x, &hidden, first, last, number == begin ? near : 0);
    }
  }
}

static void quantize_for_feed(void *context, int worker) { ck_quantize_own(&((const job *)context)->x, worker); }

bool ck_feed_is_packed(const ck_feed_forward *block) {
  const ck_output *gate = &block->gate, *up = &block->up, *down = &block->down;
  bool gated = gate->packed || gate->weight;
  if (!up->packed || !down->packed || (gated && !gate->packed)) return false;
  return !gated || ck_activation_group(gate->packed->group) == ck_activation_group(up->packed->group);
}

void ck_feed_stages(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, const ck_feed_forward *block, void *scratch,
                    void *hidden, ck_stage stages[2]) {
  const ck_packed *up = block->up.packed, *down = block->down.packed;
  int32_t tokens = input->tokens, group = ck_activation_group(down->group);
  ck_coded_input x = ck_code_input(pool, kernels, input, ck_activation_group(up->group), false, scratch);
  job *j = ck_pool_memory(pool, sizeof *j);
  j->kernels = kernels, j->block = *block, j->gated = block->gate.packed != NULL;
  j->x = x, j->hidden = ck_tiles_at(hidden, down->inputs, tokens, group);
  j->unit_rows = ck_unit_rows(group, tokens), j->units = ck_ceil(down->inputs, j->unit_rows);
  j->chunk_tiles = ck_chunk_tiles(input->inputs);
  ck_product *product = &j->down;
  product->kernels = kernels, product->coded.kernels = NULL, product->codes = (ck_codes){.tiles = j->hidden};
  product->inputs = down->inputs, product->tokens = tokens;
  product->count = 1, product->outputs[0] = block->down, product->outputs[0].fine = false;
  size_t bytes = ck_block_bytes(up) / CK_BLOCK_ROWS * (size_t)(j->gated ? 2 * j->unit_rows : j->unit_rows);
  stages[0] = (ck_stage){.parts = j->units * ck_ceil(tokens, j->chunk_tiles * CK_TILE), .least = ck_least_units(bytes, tokens),
                         .run = hidden_run, .prepare = x.each ? quantize_for_feed : NULL, .context = j,
                         .next = ck_expected_products(&block->down, 1, tokens), .weights = bytes * (size_t)j->units};
  stages[1] = ck_packed_stage(product);
}

static void feed_packed(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, const ck_feed_forward *block,
                        uint8_t *scratch) {
  ck_stage stages[2];
  // Behind the codes of the input, which so lie where those of other products do: in the caches of their threads.
  uint8_t *hidden = scratch + ck_codes_bytes(input->inputs, input->tokens, ck_pool_threads(pool));
  ck_feed_stages(pool, kernels, input, block, scratch, hidden, stages);
  stages[1].next = ck_pool_expected(pool);
  ck_pool_weighted(pool, stages, 2, input->tokens);
}

// ---- the long way: matrices of several kinds ----

enum { CHUNK_TOKENS = 64 };

typedef struct activation_job {
  const ck_kernels *kernels;
  ck_activation activation;
  float *gate, *up;
  int32_t hidden;
  bool gated;
} activation_job;

static void activation_part(void *context, int32_t part, int worker) {
  (void)worker;
  const activation_job *j = context;
  size_t at = (size_t)part * (size_t)j->hidden;
  j->kernels->activate(j->activation, j->gated ? j->gate + at : j->up + at, j->gated ? j->up + at : NULL, j->hidden, j->up + at);
}

static size_t values_bytes(int32_t hidden, int32_t tokens) {
  return ck_round_up((size_t)hidden * (size_t)ck_min(tokens, CHUNK_TOKENS) * 4);
}

static void feed_mixed(ck_pool *pool, ck_isa isa, const ck_input *input, const ck_feed_forward *block, bool gated,
                       int32_t hidden, uint8_t *scratch) {
  size_t bytes = values_bytes(hidden, input->tokens);
  activation_job j = {ck_kernels_of(isa), block->activation, (float *)scratch, (float *)(scratch + bytes), hidden, gated};
  scratch += 2 * bytes;
  for (int32_t first = 0; first < input->tokens; first += CHUNK_TOKENS) {
    ck_input in = *input;
    in.x += (size_t)first * input->stride;
    in.tokens = ck_min(CHUNK_TOKENS, input->tokens - first);
    ck_output outputs[2] = {block->up, block->gate};
    outputs[0].y = j.up, outputs[1].y = j.gate;
    for (int i = 0; i < 2; i++) outputs[i].stride = (size_t)hidden, outputs[i].accumulate = false;
    ck_project(pool, isa, &in, outputs, gated ? 2 : 1, scratch);
    ck_pool_each(pool, in.tokens, activation_part, &j);
    ck_output down = block->down;
    down.y += (size_t)first * down.stride;
    ck_linear(pool, isa, &down, 1, j.up, hidden, in.tokens, scratch);
  }
}

size_t ck_feed_scratch(int32_t max_inputs, int32_t max_hidden, int32_t max_tokens, int threads) {
  size_t packed = ck_tiles_bytes(max_hidden, max_tokens) + ck_codes_bytes(max_inputs, max_tokens, threads);
  size_t mixed = 2 * values_bytes(max_hidden, max_tokens) +
                 ck_linear_scratch(ck_max(max_inputs, max_hidden), ck_min(max_tokens, CHUNK_TOKENS), threads);
  return packed > mixed ? packed : mixed;
}

void ck_feed(ck_pool *pool, ck_isa isa, const ck_input *input, const ck_feed_forward *block, void *scratch) {
  const ck_output *gate = &block->gate, *up = &block->up;
  if (input->tokens < 1) return;
  if (ck_feed_is_packed(block)) feed_packed(pool, ck_kernels_of(isa), input, block, scratch);
  else feed_mixed(pool, isa, input, block, gate->packed || gate->weight, up->packed ? up->packed->rows : up->weight->rows, scratch);
}
