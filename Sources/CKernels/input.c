// SPDX-License-Identifier: Apache-2.0
// Inputs of packed products: norms and int8 codes.
//
// Many tokens are cut over the threads. A few are quantized by each thread for itself: fetching what another has just written
// takes longer.
#include "products.h"

CK_NO_CONTRACTION

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

// What the codes of one token of a tile leave of its input.
static void leave_rest(const ck_tile *tile, int32_t token, const float *x, int32_t inputs, float *rest) {
  for (int32_t g = 0; g < inputs / tile->group; g++, x += tile->group, rest += tile->group) {
    const int8_t *codes = tile->codes + (size_t)(g * tile->tokens + token) * (size_t)tile->group;
    float scale = tile->scales[g * tile->tokens + token];
    for (int32_t i = 0; i < tile->group; i++) rest[i] = x[i] - (float)codes[i] * scale;
  }
}

// Tile `number` of an input: its codes, and if there is room for it those of what they leave. row: [inputs].
static void quantize_tile(const ck_kernels *kernels, const ck_input *in, const ck_codes *codes, int32_t number, float *row) {
  int32_t first = number * CK_TILE, last = ck_min(first + CK_TILE, in->tokens);
  ck_tile tile = ck_tile_of(&codes->tiles, number), rest = {.tokens = 0};
  if (codes->rest.tokens) rest = ck_tile_of(&codes->rest, number);
  for (int32_t t = first; t < last; t++) {
    const float *x = ck_normed_input(kernels, in, t, row);
    kernels->quantize(x, in->inputs, &tile, t - first);
    if (!rest.tokens) continue;
    leave_rest(&tile, t - first, x, in->inputs, row);
    kernels->quantize(row, in->inputs, &rest, t - first);
  }
}

static size_t row_bytes(int32_t inputs) { return ck_round_up((size_t)inputs * 4); }

// What one thread needs to quantize some tokens for itself, away from others' lines.
static size_t own_bytes(int32_t inputs, int32_t tokens) {
  return 2 * ck_tiles_bytes(inputs, tokens) + row_bytes(inputs) + 64;
}

size_t ck_codes_bytes(int32_t inputs, int32_t tokens, int threads) {
  size_t together = 2 * ck_tiles_bytes(inputs, tokens) + (size_t)threads * row_bytes(inputs);
  size_t each = (size_t)threads * own_bytes(inputs, ck_min(tokens, CK_TILE));
  return together > each ? together : each;
}

static ck_codes codes_at(const ck_coded_input *c, uint8_t *memory) {
  const ck_input *in = &c->input;
  ck_codes codes = {.tiles = ck_tiles_at(memory, in->inputs, in->tokens, c->group)};
  memory += ck_tiles_bytes(in->inputs, in->tokens);
  if (c->fine) codes.rest = ck_tiles_at(memory, in->inputs, in->tokens, c->group);
  return codes;
}

// A worker's row behind the codes, whose memory is given.
static float *row_at(const ck_coded_input *c, uint8_t *memory, int worker) {
  const ck_input *in = &c->input;
  return (float *)(memory + 2 * ck_tiles_bytes(in->inputs, in->tokens) + (size_t)worker * row_bytes(in->inputs));
}

static uint8_t *own_memory(const ck_coded_input *c, int worker) {
  return c->memory + (size_t)worker * own_bytes(c->input.inputs, c->input.tokens);
}

ck_codes ck_codes_of(const ck_coded_input *c, int worker) { return codes_at(c, c->each ? own_memory(c, worker) : c->memory); }

void ck_quantize_own(const ck_coded_input *c, int worker) {
  ck_codes codes = ck_codes_of(c, worker);
  quantize_tile(c->kernels, &c->input, &codes, 0, row_at(c, own_memory(c, worker), 0));
}

static void tile_part(void *context, int32_t part, int worker) {
  const ck_coded_input *c = context;
  ck_codes codes = codes_at(c, c->memory);
  quantize_tile(c->kernels, &c->input, &codes, part, row_at(c, c->memory, worker));
}

ck_coded_input ck_code_input(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, int32_t group, bool fine,
                             void *memory) {
  ck_coded_input c = {.kernels = kernels, .input = *input, .group = group, .fine = fine, .memory = memory};
  c.each = input->tokens <= CK_TILE;
  if (!c.each) ck_pool_each(pool, ck_ceil(input->tokens, CK_TILE), tile_part, &c);
  return c;
}
