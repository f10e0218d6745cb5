// SPDX-License-Identifier: Apache-2.0
// What linear.c and feed.c share: quantized inputs and products with them.
#pragma once
#include "kernels.h"

enum { CK_MOST_OUTPUTS = 8 };

// A quantized input of any number of tokens: tiles of CK_TILE tokens, one after the other.
typedef struct ck_tiles {
  int32_t inputs, tokens, group;
  int8_t *codes;
  float *scales, *sums;
} ck_tiles;

size_t ck_tiles_bytes(int32_t inputs, int32_t tokens);
ck_tiles ck_tiles_at(void *memory, int32_t inputs, int32_t tokens, int32_t group);
ck_tile ck_tile_of(const ck_tiles *tiles, int32_t number);

// A token's input with its norm applied, in `row` if there is one.
const float *ck_normed_input(const ck_kernels *kernels, const ck_input *input, int32_t token, float *row);

// Quantizes an input into `memory` (ck_tiles_bytes), the norm applied first. rows: [threads, inputs] floats.
ck_tiles ck_quantize_input(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, int32_t group, void *memory,
                           float *rows);

// Products of a quantized input with matrices of its activation group.
void ck_packed_products(ck_pool *pool, const ck_kernels *kernels, const ck_tiles *tiles, const ck_output *outputs,
                        int count);

// Rows to give to a thread at a time, a multiple of `grain`, when a matrix meets this many tokens.
int32_t ck_unit_rows(int32_t rows, int32_t grain, size_t row_bytes, int32_t tokens, int threads);

// Tiles whose codes stay in the second-level cache while a thread passes over the rows: tokens are cut into chunks of
// so many.
int32_t ck_chunk_tiles(const ck_tiles *tiles);
