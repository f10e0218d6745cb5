// SPDX-License-Identifier: Apache-2.0
// The compute kernels: what Swift calls. Plain C behind it, one file per instruction set, chosen once.
//
// Letters: T tokens, N rows (outputs), K inputs, H query heads, G key/value heads, D head size.
// All matrices are row major. Nothing here allocates except ck_pool_create. Results do not depend on
// the number of threads, nor on how tokens are grouped into calls (batch-exact): every sum has one order.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- instruction sets ----

// In rising order of speed, among those one processor can have.
typedef enum ck_isa {
  CK_ISA_PORTABLE = 0,
  CK_ISA_AVX2 = 1, CK_ISA_AVXVNNI = 2, CK_ISA_AVX512 = 3, CK_ISA_AVX512VNNI = 4,  // x86-64
  CK_ISA_NEON = 5, CK_ISA_NEON_DOTPROD = 6, CK_ISA_NEON_I8MM = 7,                 // arm64
} ck_isa;
enum { CK_ISA_COUNT = 8 };

// What became of a wish for a set, as IMPETUS_ISA expresses it.
typedef enum ck_isa_wish {
  CK_WISH_NONE = 0,         // nothing wished: the best set was taken
  CK_WISH_GRANTED = 1,
  CK_WISH_UNKNOWN = 2,      // no such name: the best set was taken
  CK_WISH_UNSUPPORTED = 3,  // this processor lacks it: the best set was taken
} ck_isa_wish;
typedef struct ck_isa_choice {
  ck_isa isa;
  ck_isa_wish wish;
} ck_isa_choice;

// The set of this name; the best this processor has when the name is NULL, empty, unknown or not supported.
ck_isa_choice ck_isa_choose(const char *name);
// ck_isa_choose of the environment's IMPETUS_ISA.
ck_isa ck_isa_detect(void);
// Whether this processor can run a set.
bool ck_isa_supported(ck_isa isa);
// "portable", "avx2", "avxvnni", "avx512", "avx512vnni", "neon", "neon-dotprod", "neon-i8mm".
const char *ck_isa_name(ck_isa isa);

// ---- threads ----

// Workers spin for some 50 us after a task, then sleep. One caller at a time; a task may not start another.
typedef struct ck_pool ck_pool;
// Called once for each worker number 0 ..< workers. A thread that is late may have its number called by another,
// so that a busy processor or a quota of the group delays nothing but itself.
typedef void (*ck_task)(void *context, int worker, int workers);
// Called once for each part, on some thread; `worker` is that thread's number, for scratch memory.
typedef void (*ck_part)(void *context, int32_t part, int worker);

// Starts threads - 1 workers; the caller is worker 0. NULL when threads cannot be made.
ck_pool *ck_pool_create(int threads);
void ck_pool_destroy(ck_pool *pool);
int ck_pool_threads(const ck_pool *pool);
// Leaves all but so many threads out, the caller among them, until another limit: the parts are for the others. (Of itself the
// pool leaves out for a while a worker whose processor is taken away.)
void ck_pool_limit(ck_pool *pool, int threads);
// Runs the task for every worker number and returns when all are done.
void ck_pool_run(ck_pool *pool, ck_task task, void *context);
// Runs parts 0 ..< parts and returns when all are done. Each thread begins with a run of neighbours of its own.
void ck_pool_each(ck_pool *pool, int32_t parts, ck_part part, void *context);
// Lets the workers sleep at once instead of spinning: call it when no task follows soon.
void ck_pool_rest(ck_pool *pool);

// ---- weights as they lie in a file ----

typedef enum ck_dtype { CK_F32 = 0, CK_F16 = 1, CK_BF16 = 2 } ck_dtype;
// MXFP4, NVFP4: codes of 4 bits are e2m1 numbers; MXFP8: codes of 8 bits are e4m3 numbers. A group of a row shares a byte
// of scale: an exponent (2^(byte - 127), groups of 32) or, of NVFP4, an e4m3 number (groups of 16).
typedef enum ck_format { CK_PLAIN = 0, CK_AFFINE = 1, CK_MXFP4 = 2, CK_NVFP4 = 3, CK_MXFP8 = 4 } ck_format;

// Codes that share a byte of scale, and the bits of a code; of the last three.
static inline int32_t ck_small_group(ck_format format) { return format == CK_NVFP4 ? 16 : 32; }
static inline int32_t ck_small_bits(ck_format format) { return format == CK_MXFP8 ? 8 : 4; }

// A matrix [rows, inputs]. Pointers may have any alignment (mapped safetensors do).
typedef struct ck_weight {
  ck_format format;
  ck_dtype dtype;       // plain: of the elements; affine: of scales and biases
  int32_t rows, inputs;
  int32_t bits, group;  // affine: 2 3 4 5 6 8; 32 64 128, a divisor of inputs
  int32_t row_step;     // MXFP4, NVFP4, MXFP8: row r lies at place r * row_step; 0 is 1
  const void *data;     // plain: elements; else MLX's little-endian bit stream of codes, rows * inputs * bits / 8 bytes
  const void *scales;   // affine: [rows, inputs / group]; MXFP4, NVFP4, MXFP8: bytes
  const void *biases;   // affine: [rows, inputs / group]
} ck_weight;

// Row `row` as f32 [inputs]: exact for every format.
void ck_weight_row(const ck_weight *weight, int32_t row, float *out);

// ---- weights packed for the fast path (affine, MXFP4, NVFP4) ----

// Blocks of 16 rows: for each group of inputs the codes of the 16 rows side by side (4 or 8 bits), then 16
// scales and 16 biases in their own type. Rows are padded with zeros to a multiple of 16. Groups of e2m1 numbers have no
// biases, and half their scales, in bf16: the kernels multiply by twice the numbers, which are integers.
typedef struct ck_packed {
  int32_t rows, inputs, group;
  int32_t code_bits;    // 4 or 8
  bool e2m1;            // codes of 4 bits are e2m1 numbers
  ck_dtype dtype;       // of scales and biases
  const uint8_t *data;  // 64-byte aligned
} ck_packed;

// Bytes the packed form needs, a multiple of 64; 0 for formats that have none.
size_t ck_packed_bytes(const ck_weight *weight);
// Number of 16-row blocks.
int32_t ck_packed_blocks(const ck_weight *weight);
// Packs blocks [first, last) into the matrix's packed memory `destination` (its start).
void ck_pack(const ck_weight *weight, void *destination, int32_t first, int32_t last);
// The packed matrix at `data`, packed from a weight of this shape.
ck_packed ck_packed_view(const ck_weight *weight, const void *data);
// Row `row` as f32 [inputs]: exactly ck_weight_row of the weight it was packed from.
void ck_packed_row(const ck_packed *packed, int32_t row, float *out);

// ---- products ----

// One matrix of a product: y[t * stride + n] = sum_k x[t, k] * w[n, k] (+ bias[n]) (+ what y held, if accumulate).
typedef struct ck_output {
  const ck_packed *packed;  // the fast path, or NULL
  const ck_weight *weight;  // used when packed is NULL: f32 activations, exact weights
  const float *bias;        // [rows] or NULL
  float *y;
  size_t stride;            // floats between tokens in y
  bool accumulate;
  bool fine;                // with `packed`: the input as the sum of two int8 parts, for twice the work
} ck_output;

typedef enum ck_norm_kind { CK_NORM_NONE = 0, CK_NORM_RMS = 1, CK_NORM_LAYER = 2 } ck_norm_kind;
// A norm over rows of the input; see ck_rms_norm and ck_layer_norm.
typedef struct ck_norm {
  ck_norm_kind kind;
  const float *weight, *bias;  // [inputs] or NULL; bias: layer norm only
  float offset;                // added to the weight: rms norm only
  float epsilon;
} ck_norm;

// The input of a product, left as it is: the norm is applied on the way.
typedef struct ck_input {
  const float *x;  // [tokens, inputs]
  size_t stride;   // floats between tokens in x
  int32_t inputs, tokens;
  ck_norm norm;
} ck_input;

// Products of the same input with `count` matrices (1 to 8) at once. With packed matrices the input is quantized to
// int8 once, in groups of min(64, the matrix's group), and what that leaves of it once more where an output is fine. `scratch` holds ck_linear_scratch bytes, 64-byte aligned.
// y may not overlap x.
void ck_project(ck_pool *pool, ck_isa isa, const ck_input *input, const ck_output *outputs, int count, void *scratch);
// ck_project of x [tokens, inputs] without a norm.
void ck_linear(ck_pool *pool, ck_isa isa, const ck_output *outputs, int count, const float *x, int32_t inputs,
               int32_t tokens, void *scratch);
size_t ck_linear_scratch(int32_t max_inputs, int32_t max_tokens, int threads);

// Says which product of so many tokens will follow the next call (a product, a feed-forward block or attention): threads
// that have to wait at its end fetch the first weights meanwhile. Changes no result.
void ck_expect(ck_pool *pool, const ck_output *outputs, int count, int32_t tokens);

// After a product with a packed matrix: of each token's values those within `margin` of the largest (at most 16; within
// less if they are more) are computed again in f32, as if the matrix were not packed. Other matrices: does nothing.
// `scratch` holds 2 * threads * inputs floats.
void ck_refine(ck_pool *pool, ck_isa isa, const ck_input *input, const ck_output *output, float margin, void *scratch);

// ---- norms, activations, rotations (x may equal y) ----

// y = x / rms(x) * (w + offset), over rows of n; w f32 or NULL.
void ck_rms_norm(ck_isa isa, const float *x, const float *w, float offset, float epsilon, int32_t n, float *y);
// y = (x - mean) / sd * w + b; w and b f32 or NULL.
void ck_layer_norm(ck_isa isa, const float *x, const float *w, const float *b, float epsilon, int32_t n, float *y);
// y = silu(gate) * up, gelu(gate) * up: in the forms the models use. up may be NULL: plain activation.
// CK_CLAMPED_SWIGLU: gate * sigmoid(1.702 gate) * (up + 1), gate at most `limit`, up within +-limit; needs up.
typedef enum ck_activation_kind {
  CK_SILU = 0, CK_GELU = 1, CK_GELU_TANH = 2, CK_RELU = 3, CK_CLAMPED_SWIGLU = 4
} ck_activation_kind;
typedef struct ck_activation {
  ck_activation_kind kind;
  float limit;  // CK_CLAMPED_SWIGLU only
} ck_activation;
void ck_activate(ck_isa isa, ck_activation activation, const float *gate, const float *up, int32_t n, float *y);
// y = y * sigmoid(gate).
void ck_gate(ck_isa isa, const float *gate, int32_t n, float *y);

// A feed-forward block: down(activation(gate(x)) * up(x)), or down(activation(up(x))) when gate has no matrix
// (packed and weight NULL). Of gate and up only the matrix and the bias are read; the values between never leave
// the scratch, and with packed matrices they are quantized as they are made.
typedef struct ck_feed_forward {
  ck_activation activation;
  ck_output gate, up, down;
} ck_feed_forward;
// `scratch` holds ck_feed_scratch bytes, 64-byte aligned. down.y may not overlap the input, unless it
// accumulates and is the input itself.
void ck_feed(ck_pool *pool, ck_isa isa, const ck_input *input, const ck_feed_forward *block, void *scratch);
// As ck_expect.
void ck_expect_feed(ck_pool *pool, const ck_feed_forward *block, int32_t tokens);
size_t ck_feed_scratch(int32_t max_inputs, int32_t max_hidden, int32_t max_tokens, int threads);

// Rotates the first 2 * half elements of a head. cosine and sine: [half]. Interleaved: pairs (2i, 2i+1), else (i, i + half).
void ck_rope(float *x, const float *cosine, const float *sine, int32_t half, bool interleaved);
// y += x * factor; x *= factor; x = cap * tanh(x / cap).
void ck_add_scaled(ck_isa isa, float *y, const float *x, float factor, int32_t n);
void ck_scale(float *x, float factor, int32_t n);
void ck_soft_cap(float *x, float cap, int32_t n);

// ---- products with panels: many tokens, plain weights ----

// A plain matrix packed for an instruction set: panels of `width` rows, the rows side by side for each input. The last
// panel is filled up with zeros.
typedef struct ck_panels {
  int32_t rows, inputs, width;
  ck_dtype dtype;
  const void *data;  // 64-byte aligned
} ck_panels;

// Bytes the packed form needs (0 for weights that are not plain), its panels, and the packed matrix at `data`.
size_t ck_panels_bytes(ck_isa isa, const ck_weight *weight);
int32_t ck_panels_count(ck_isa isa, const ck_weight *weight);
ck_panels ck_panels_view(ck_isa isa, const ck_weight *weight, const void *data);
// Packs panels [first, last) into the matrix's packed memory `destination` (its start).
void ck_panels_pack(ck_isa isa, const ck_weight *weight, void *destination, int32_t first, int32_t last);

// y[t * stride + n] = activation(sum_k x[t, k] * w[n, k] + bias[n]) (+ what y held, if accumulate). In f32; every sum
// runs over k in order.
typedef struct ck_panel_output {
  const ck_panels *matrix;
  const float *bias;         // [rows] or NULL
  float *y;
  size_t stride;             // floats between tokens in y
  bool accumulate;
  bool activates;            // with an activation that needs no second input
  ck_activation activation;
} ck_panel_output;

// Products of the same input with `count` matrices (1 to 8) at once. y may not overlap x.
void ck_panel_products(ck_pool *pool, ck_isa isa, const ck_panel_output *outputs, int count, const float *x,
                       size_t x_stride, int32_t tokens);

// ---- logits ----

// Index of the largest element, the first of equals.
int32_t ck_argmax(const float *x, int32_t n);
// log(sum(exp(x))), stable.
float ck_log_sum_exp(ck_isa isa, const float *x, int32_t n);
// x = exp(x) / sum(exp(x)), stable.
void ck_softmax(ck_isa isa, float *x, int32_t n);
// Indices of the min(k, n) largest elements, largest first, of equals the first first; never NaN. Returns how many.
// One pass over x that keeps a heap of k: cheap for k up to some thousands.
int32_t ck_top_k(const float *x, int32_t n, int32_t k, int32_t *indices);
// Indices of elements >= least in rising order; stops at `capacity` of them. Returns how many.
int32_t ck_at_least(const float *x, int32_t n, float least, int32_t *indices, int32_t capacity);

// ---- attention over a paged cache ----

// A page holds `page_tokens` positions (a multiple of 16, at most 256; 64 is fastest). Within a page, this layer's keys begin at key_offset:
// [G][D][page_tokens] (transposed), its values at value_offset: [G][page_tokens][Dv]. Elements f16, f32 or codes.
//
// Codes: every CK_CACHE_GROUP elements of a token's head (the last group of a head may be shorter) share a scale in
// f16; 8 bits are signed and symmetric, 4 bits count up from the group's least element, in f16 behind the scale. The
// token's head is a row of bytes: with 8 bits a code each, padded to a multiple of 16; with 4 bits h = 16 bytes a group
// (8 where it has no more than 16 elements), byte i with code i in its low half and code h + i in its high half. A kv
// head's keys are the bytes of all tokens transposed, [bytes][page_tokens], then [groups][page_tokens] scales (4 bits:
// [groups][2][page_tokens]); values are the same with [page_tokens][bytes] in front.
enum { CK_CACHE_GROUP = 32 };
typedef struct ck_cache {
  uint8_t *base;           // page p begins at base + p * page_bytes
  size_t page_bytes;
  size_t key_offset, value_offset;
  int32_t page_tokens;
  int32_t kv_heads, key_size, value_size;
  ck_dtype dtype;          // CK_F16 or CK_F32; of no meaning for codes
  int32_t key_bits, value_bits;  // codes of 8 or 4 bits; 0: elements of dtype
} ck_cache;

// Bytes of one layer's keys in a page, and of its values. Both begin at multiples of 64.
size_t ck_cache_key_bytes(const ck_cache *cache);
size_t ck_cache_value_bytes(const ck_cache *cache);

// Stores one token's keys [G, D] and values [G, Dv] at `position` of the sequence with this page table. In f16 what
// is larger than 65504 is stored as 65504; so are the scales of codes.
void ck_cache_store(const ck_cache *cache, const int32_t *pages, int32_t position, const float *keys, const float *values);

// One sequence's part of a step. Entries of one call are different sequences.
typedef struct ck_attention_entry {
  const int32_t *pages;    // page numbers of the sequence
  int32_t first_position;  // position of its first token in this step
  int32_t tokens;
  const float *queries;    // [tokens, H * D], floats between tokens: query_stride
  float *out;              // [tokens, H * Dv], floats between tokens: out_stride
} ck_attention_entry;

typedef struct ck_attention {
  ck_cache cache;
  int32_t heads;           // H, a multiple of kv_heads
  float scale;
  float soft_cap;          // 0: none
  int32_t window;          // a token sees itself and the window - 1 before it; 0: all
  const float *sinks;      // [H] logits that take part in the softmax, or NULL
  bool bidirectional;      // a token sees all of its entry's, those behind it too: with a window, window - 1 of them
  size_t query_stride, out_stride;
} ck_attention;

// What happens to queries and keys before they meet: norm, rotation, storing. Rows are the tokens of all entries,
// one after the other (an entry's queries and out are not read here).
typedef struct ck_heads {
  float *queries;          // [tokens, H * D], changed in place
  float *keys;             // [tokens, G * D], changed in place
  const float *values;     // [tokens, G * Dv]
  size_t query_stride, key_stride, value_stride;  // floats between tokens
  const float *query_norm, *key_norm;  // rms norm over each head: [D] weights or NULL
  float norm_offset, norm_epsilon;
  const float *cosine, *sine;          // [tokens, rope_half] or NULL: no rotation
  int32_t rope_half;
  bool interleaved;
} ck_heads;

// Prepares queries in place and stores keys and values at each entry's positions.
void ck_attention_store(ck_pool *pool, ck_isa isa, const ck_attention *attention, const ck_heads *heads,
                        const ck_attention_entry *entries, int count);

// Causal attention of every entry's tokens to their own sequence's cache (their own keys stored already).
// `scratch` holds ck_attention_scratch bytes, 64-byte aligned.
void ck_attend(ck_pool *pool, ck_isa isa, const ck_attention *attention, const ck_attention_entry *entries, int count,
               void *scratch);
// As ck_expect.
void ck_expect_attention(ck_pool *pool, const ck_attention *attention, const ck_attention_entry *entries, int count);
size_t ck_attention_scratch(const ck_attention *attention, int threads);

// ---- a layer at once ----

// What a layer does with a few tokens after its projections, and the projections of the next one.
typedef struct ck_layer {
  ck_attention attention;
  ck_heads heads;                     // rows: the entries' tokens, one after the other
  const ck_attention_entry *entries;
  int entry_count;
  ck_input attended;                  // of the output matrix: what attention makes
  ck_output output;
  ck_input feed_input;
  ck_feed_forward feed;
  ck_input next;
  const ck_output *next_outputs;
  int next_count;
} ck_layer;

// Whether ck_run_layer can do this: all matrices are packed, the next projections in the same groups, and the tokens are few.
bool ck_layer_is_one_job(const ck_layer *layer);

// ck_attention_store, ck_attend, ck_project, ck_feed and ck_project, one after the other, with the same results. `scratch`: as
// they need it, together with ck_feed_scratch of the widest input.
void ck_run_layer(ck_pool *pool, ck_isa isa, const ck_layer *layer, void *scratch);

// ---- gated delta net ----

// A recurrent layer: a causal convolution and silu over queries, keys and values, then for each value head a matrix
// S [D, Dv]: S = decay * S; S += k (x) beta * (v - S'k); out = S'q, an rms norm over the head, times silu(its gate).
typedef struct ck_delta_net {
  int32_t key_heads, value_heads, key_size, value_size;  // value_heads: a multiple of key_heads
  int32_t kernel;            // tokens of the convolution, 2 or more
  const float *convolution;  // [channels, kernel]; channels: all queries, all keys, all values
  const float *decay;        // [value_heads]: log of the rate
  const float *time_bias;    // [value_heads]
  const float *norm;         // [value_size]
  float epsilon;
  size_t stride;             // floats between tokens of input and rates
} ck_delta_net;

// One sequence's part of a step.
typedef struct ck_delta_entry {
  float *state;        // [channels, kernel - 1] last inputs of the convolution, then [value_heads, D, Dv]; zeros at first
  const float *input;  // for each key head: query, key, values, gates of its value heads
  const float *rates;  // for each key head: beta of its value heads, then their decay's logits
  float *out;          // [tokens, value_heads * Dv]
  int32_t tokens;
} ck_delta_entry;

// Runs the entries' tokens in order and leaves the states behind them. `scratch`: ck_delta_scratch bytes.
void ck_delta_step(ck_pool *pool, ck_isa isa, const ck_delta_net *net, const ck_delta_entry *entries, int count,
                   void *scratch);
size_t ck_delta_scratch(const ck_delta_net *net, int threads);
// Floats of a sequence's state.
size_t ck_delta_state(const ck_delta_net *net);

// ---- numbers ----

void ck_f16_to_f32(const void *x, float *y, size_t n);
void ck_bf16_to_f32(const void *x, float *y, size_t n);
void ck_f32_to_f16(const float *x, void *y, size_t n);   // nearest, ties to even
void ck_f32_to_bf16(const float *x, void *y, size_t n);  // nearest, ties to even

// ---- quantization ----

// MLX's affine rule, bit for bit as its CPU backend (docs/quantization.md): rows of `inputs` elements of `dtype`.
// codes: rows * inputs * bits / 8 bytes; scales and biases: [rows, inputs / group] of the same dtype.
// Returns the number of elements that are not finite (the caller refuses the tensor when it is not 0).
size_t ck_affine_quantize(const void *x, ck_dtype dtype, int32_t rows, int32_t inputs, int32_t bits, int32_t group,
                          void *codes, void *scales, void *biases);

// ---- hashes ----

// SHA-256 of two texts of whole blocks of 64 bytes, side by side: `a` and `b` are the eight words each, before and after.
// False, and nothing done, where this processor has no instructions for it.
bool ck_sha256_pair(uint32_t *a, const void *x, uint32_t *b, const void *y, size_t blocks);

// ---- what the machine allows ----

// One pass over memory by all threads, in bytes a second; `bytes` should be several times the last cache.
double ck_ceiling_read(ck_pool *pool, ck_isa isa, const void *memory, size_t bytes);
// int8 multiply-adds from registers by all threads, each two operations, a second; 0 where nothing compares.
double ck_ceiling_dots(ck_pool *pool, ck_isa isa);
