// SPDX-License-Identifier: Apache-2.0
// What linear.c and feed.c share: quantized inputs and products with them.
#pragma once
#include "kernels.h"

enum { CK_MOST_OUTPUTS = 8 };

// How weights are fetched, as measured for each size of product: see tuner.c. The caller's.
enum { CK_TUNED = 16 };
typedef struct ck_tuned {
  size_t bytes;     // 0: of none yet
  ck_way way;       // the best one
  int32_t turn;     // products of this size until now, in this period
  int64_t best[CK_WAYS];  // nanoseconds
} ck_tuned;
typedef struct ck_tuner {
  ck_tuned tuned[CK_TUNED];
  ck_tuned *trial;  // of the product that runs now, or NULL
  int64_t begin;    // its nanoseconds
} ck_tuner;

ck_tuner *ck_pool_tuner(ck_pool *pool);
// The way for a product that reads so many bytes; to be measured (until ck_tuner_end), it may be a trial of another one.
ck_way ck_tuner_begin(ck_tuner *tuner, size_t bytes, bool measured);
void ck_tuner_end(ck_tuner *tuner);
int64_t ck_now_ns(void);

// The product that will follow a job, for threads that wait meanwhile.
typedef struct ck_expected {
  const ck_packed *matrices[CK_MOST_OUTPUTS];
  int count;       // 0: nobody knows
  int32_t tokens;
  int32_t hidden_group;  // of a feed-forward block, whose gate and up the matrices are: how its values are quantized; else 0
} ck_expected;

// Parts [first, last) that a thread runs in one go; those up to `near` are likely to be its next.
typedef struct ck_run {
  int32_t first, last, near;
} ck_run;
typedef void (*ck_run_task)(void *context, ck_run run, int worker);

// ck_pool_each for parts so short that taking one costs something: at least `least` (up to 255) are taken at a time, at
// first more; 0: one by one.
void ck_pool_runs(ck_pool *pool, int32_t parts, int32_t least, ck_run_task task, void *context);

void ck_pool_expect(ck_pool *pool, const ck_expected *expected);
// What was expected; it is not any more.
ck_expected ck_pool_expected(ck_pool *pool);
// What a thread fetches when it has done its parts of the next job: memory in up to CK_FETCHES places.
enum { CK_FETCHES = 2 };
void ck_pool_ahead(ck_pool *pool, int worker, int place, const void *memory, size_t bytes);
// That for all threads: the first weights each will need of an expected product.
void ck_fetch_first(ck_pool *pool, const ck_expected *expected);
// And what was expected of the job that begins now; it is not any more.
void ck_fetch_expected(ck_pool *pool);

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

// The product of a quantized input with a matrix of its activation group.
void ck_packed_product(ck_pool *pool, const ck_kernels *kernels, const ck_tiles *tiles, const ck_output *output);

// Rows of a unit of work, a multiple of `grain`: two blocks where tiles of tokens after the first find the weights in the
// cache.
int32_t ck_unit_rows(int32_t grain, int32_t tokens);

// Runs units that each read so many bytes of weights and meet so many tokens.
void ck_run_units(ck_pool *pool, int32_t units, size_t bytes, int32_t tokens, ck_run_task task, void *context);

// Tiles whose codes stay in the second-level cache while a thread passes over the rows: tokens are cut into chunks of
// so many.
int32_t ck_chunk_tiles(const ck_tiles *tiles);
