// SPDX-License-Identifier: Apache-2.0
// What linear.c and feed.c share: quantized inputs and products with them.
#pragma once
#include "kernels.h"

enum { CK_MOST_OUTPUTS = 8 };

// How weights are fetched, as measured for each size of product: see tuner.c. The caller's.
enum { CK_TUNED = 16, CK_TRIAL_TURNS = 16 };
typedef struct ck_tuned {
  size_t bytes;     // 0: of none yet
  ck_way way;       // the best one
  int32_t turn;     // products of this size until now, in this period
  int32_t period;   // how often a trial's length
  int64_t taken[CK_WAYS][CK_TRIAL_TURNS];  // nanoseconds
} ck_tuned;
typedef struct ck_tuner {
  ck_tuned tuned[CK_TILE][CK_TUNED];  // [tokens - 1]
  ck_tuned *trial;  // of the product that runs now, or NULL
  int64_t begin;    // its nanoseconds
} ck_tuner;

// The way for a product of tokens that reads so many bytes of weights; until ck_tuner_end it may be measured.
ck_way ck_tuner_begin(ck_tuner *tuner, size_t bytes, int32_t tokens);
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

// Work in parts so short that taking one costs something: at least `least` (up to 255) are taken at a time, at first more; 0:
// one by one.
typedef struct ck_stage {
  int32_t parts, least;
  ck_run_task run;
  void (*prepare)(void *context, int worker);  // by each thread before its first part; may be NULL
  void *context;
  ck_expected next;                            // what follows the stage
  size_t weights;                              // bytes of packed weights it reads
  ck_way *way;                                 // how it fetches them; may be NULL, to be that of another stage
} ck_stage;

// A job of stages, each of which begins when all parts of the one before are done, without a way back to the caller.
enum { CK_MOST_STAGES = 5 };
void ck_pool_stages(ck_pool *pool, const ck_stage *stages, int count);
// The same of stages that read packed weights, for so many tokens: all fetch them in one way, which may be measured.
void ck_pool_weighted(ck_pool *pool, const ck_stage *stages, int count, int32_t tokens);

// Memory for what the next job's stages are told, CK_JOB_BYTES in all. Threads fetch it at once when they begin: following
// pointers to what another has just written takes longer.
enum { CK_JOB_BYTES = 4096 };
void *ck_pool_memory(ck_pool *pool, size_t bytes);

void ck_pool_expect(ck_pool *pool, const ck_expected *expected);
// What was expected; it is not any more.
ck_expected ck_pool_expected(ck_pool *pool);
// What a thread fetches when it has done its parts: memory in up to CK_FETCHES places.
enum { CK_FETCHES = 2 };
void ck_pool_ahead(ck_pool *pool, int worker, int place, const void *memory, size_t bytes);
// That of one thread, the first weights it will need of an expected product.
void ck_fetch_first(ck_pool *pool, int worker, const ck_expected *expected);
// And of all threads, what was expected of the job that begins now; it is not any more.
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

// An input's codes, and those of what they leave of it (without tokens where nobody wants them).
typedef struct ck_codes {
  ck_tiles tiles, rest;
} ck_codes;

// An input of packed products.
typedef struct ck_coded_input {
  const ck_kernels *kernels;
  ck_input input;
  int32_t group;    // the activation group
  bool fine;        // with the rest
  bool each;        // each thread has codes of its own and makes them (ck_quantize_own) before it needs them
  uint8_t *memory;  // ck_codes_bytes
} ck_coded_input;

size_t ck_codes_bytes(int32_t inputs, int32_t tokens, int threads);
// Quantizes an input, the norm applied first; one of a few tokens only when the threads do.
ck_coded_input ck_code_input(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, int32_t group, bool fine,
                             void *memory);
void ck_quantize_own(const ck_coded_input *input, int worker);
// The codes that a thread reads.
ck_codes ck_codes_of(const ck_coded_input *input, int worker);

// Products of an input with some matrices.
typedef struct ck_product {
  const ck_kernels *kernels;
  int32_t inputs, tokens;
  int32_t unit_rows, all_units, chunk_tiles;
  ck_way way;
  ck_coded_input coded;   // packed products: of an input; or, if it has no kernels,
  ck_codes codes;         // of codes that are there
  const float *x;         // products in f32
  size_t x_stride;
  float *wide;            // some rows of weights for each worker
  int count;
  ck_output outputs[CK_MOST_OUTPUTS];
} ck_product;

// Whether an input's products with some matrices are one stage: all packed, and quantized in the same groups.
bool ck_is_one_product(const ck_output *outputs, int count);
// That stage, described in the pool's memory. `scratch`: ck_codes_bytes.
ck_stage ck_project_stage(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, const ck_output *outputs, int count,
                          void *scratch);
// The stage of products that are described.
ck_stage ck_packed_stage(ck_product *product);

// Whether a feed-forward block is two stages.
bool ck_feed_is_packed(const ck_feed_forward *block);
// These, described in the pool's memory. `scratch`: ck_codes_bytes and `hidden`: ck_tiles_bytes of its values.
void ck_feed_stages(ck_pool *pool, const ck_kernels *kernels, const ck_input *input, const ck_feed_forward *block, void *scratch,
                    void *hidden, ck_stage stages[2]);

// Token t of an entry, in a row of its own: queries of kv heads [first, last) prepared in place, their keys and values stored.
void ck_store_heads(const ck_kernels *kernels, const ck_attention *attention, const ck_heads *heads, const ck_attention_entry *entry,
                    int32_t t, size_t row, int32_t first, int32_t last);

// Attention as one stage, keys and values stored on the way: for a few tokens and a short past. False: it is not.
bool ck_attention_stage(ck_pool *pool, ck_isa isa, const ck_attention *attention, const ck_heads *heads,
                        const ck_attention_entry *entries, int count, void *scratch, ck_stage *stage);

ck_expected ck_expected_products(const ck_output *outputs, int count, int32_t tokens);
ck_expected ck_expected_feed(const ck_feed_forward *block, int32_t tokens);

// Rows of a unit of work, a multiple of `grain`: two blocks where tiles of tokens after the first find the weights in the
// cache.
int32_t ck_unit_rows(int32_t grain, int32_t tokens);

// The least number of units to take at once (ck_stage.least) where each reads so many bytes of weights.
int32_t ck_least_units(size_t bytes, int32_t tokens);

// Tiles whose codes stay in the second-level cache while a thread passes over the rows: tokens are cut into chunks of
// so many.
int32_t ck_chunk_tiles(int32_t inputs);
