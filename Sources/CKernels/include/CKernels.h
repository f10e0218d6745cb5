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

typedef enum ck_isa { CK_ISA_PORTABLE = 0, CK_ISA_AVX2 = 1, CK_ISA_AVX512 = 2, CK_ISA_AVX512VNNI = 3 } ck_isa;
enum { CK_ISA_COUNT = 4 };

// The best set this processor has, or the one IMPETUS_ISA names if the processor has it.
ck_isa ck_isa_detect(void);
// Whether this processor can run a set.
bool ck_isa_supported(ck_isa isa);
// "portable", "avx2", "avx512", "avx512vnni".
const char *ck_isa_name(ck_isa isa);

// ---- threads ----

typedef struct ck_pool ck_pool;
typedef void (*ck_task)(void *context, int worker, int workers);

// Starts threads - 1 workers; the caller of ck_pool_run is worker 0. NULL when threads cannot be made.
ck_pool *ck_pool_create(int threads);
void ck_pool_destroy(ck_pool *pool);
int ck_pool_threads(const ck_pool *pool);
// Runs the task on every worker and returns when all are done. One caller at a time.
void ck_pool_run(ck_pool *pool, ck_task task, void *context);

// ---- weights as they lie in a file ----

typedef enum ck_dtype { CK_F32 = 0, CK_F16 = 1, CK_BF16 = 2 } ck_dtype;
typedef enum ck_format { CK_PLAIN = 0, CK_AFFINE = 1 } ck_format;

// A matrix [rows, inputs]. Pointers may have any alignment (mapped safetensors do).
typedef struct ck_weight {
  ck_format format;
  ck_dtype dtype;       // plain: of the elements; affine: of scales and biases
  int32_t rows, inputs;
  int32_t bits, group;  // affine: 2 3 4 5 6 8; 32 64 128, a divisor of inputs
  const void *data;     // plain: elements; affine: MLX's little-endian bit stream of codes, rows * inputs * bits / 8 bytes
  const void *scales;   // affine: [rows, inputs / group]
  const void *biases;   // affine: [rows, inputs / group]
} ck_weight;

// Row `row` as f32 [inputs]: exact for every format.
void ck_weight_row(const ck_weight *weight, int32_t row, float *out);

// ---- weights packed for the fast path (affine only) ----

// Blocks of 16 rows: for each group of inputs the codes of the 16 rows side by side (4 or 8 bits), then 16
// scales and 16 biases in their own type. Rows are padded with zeros to a multiple of 16.
typedef struct ck_packed {
  int32_t rows, inputs, group;
  int32_t code_bits;    // 4 or 8
  ck_dtype dtype;       // of scales and biases
  const uint8_t *data;  // 64-byte aligned
} ck_packed;

// Bytes the packed form of an affine weight needs, a multiple of 64; 0 for plain weights.
size_t ck_packed_bytes(const ck_weight *weight);
// Number of 16-row blocks.
int32_t ck_packed_blocks(const ck_weight *weight);
// Packs blocks [first, last) into the matrix's packed memory `destination` (its start).
void ck_pack(const ck_weight *weight, void *destination, int32_t first, int32_t last);
// The packed matrix at `data`, packed from a weight of this shape.
ck_packed ck_packed_view(const ck_weight *weight, const void *data);

// ---- products ----

// One matrix of a product: y[t * stride + n] = sum_k x[t, k] * w[n, k] (+ bias[n]) (+ what y held, if accumulate).
typedef struct ck_output {
  const ck_packed *packed;  // the fast path, or NULL
  const ck_weight *weight;  // used when packed is NULL: f32 activations, exact weights
  const float *bias;        // [rows] or NULL
  float *y;
  size_t stride;            // floats between tokens in y
  bool accumulate;
} ck_output;

// Products of the same input x [T, K] with `count` matrices in one dispatch. With packed matrices the input is
// quantized to int8 once per group. `scratch` holds ck_linear_scratch bytes, 64-byte aligned.
void ck_linear(ck_pool *pool, ck_isa isa, const ck_output *outputs, int count, const float *x, int32_t inputs,
               int32_t tokens, void *scratch);
size_t ck_linear_scratch(int32_t max_inputs, int32_t max_tokens, int threads);

// ---- norms, activations, rotations (x may equal y) ----

// y = x / rms(x) * (w + offset), over rows of n; w f32 or NULL.
void ck_rms_norm(ck_isa isa, const float *x, const float *w, float offset, float epsilon, int32_t n, float *y);
// y = (x - mean) / sd * w + b; w and b f32 or NULL.
void ck_layer_norm(ck_isa isa, const float *x, const float *w, const float *b, float epsilon, int32_t n, float *y);
// y = silu(gate) * up, gelu(gate) * up: in the forms the models use. up may be NULL: plain activation.
typedef enum ck_activation { CK_SILU = 0, CK_GELU = 1, CK_GELU_TANH = 2, CK_RELU = 3 } ck_activation;
void ck_activate(ck_isa isa, ck_activation kind, const float *gate, const float *up, int32_t n, float *y);
// Rotates the first 2 * half elements of a head. cosine and sine: [half]. Interleaved: pairs (2i, 2i+1), else (i, i + half).
void ck_rope(float *x, const float *cosine, const float *sine, int32_t half, bool interleaved);
// y += x * factor; x *= factor; x = cap * tanh(x / cap).
void ck_add_scaled(ck_isa isa, float *y, const float *x, float factor, int32_t n);
void ck_scale(float *x, float factor, int32_t n);
void ck_soft_cap(float *x, float cap, int32_t n);

// ---- logits ----

// Index of the largest element, the first of equals.
int32_t ck_argmax(const float *x, int32_t n);
// log(sum(exp(x))), stable.
float ck_log_sum_exp(ck_isa isa, const float *x, int32_t n);

// ---- attention over a paged cache ----

// A page holds `page_tokens` (a multiple of 16) positions. Within a page, this layer's keys begin at key_offset:
// [G][D][page_tokens] (transposed), its values at value_offset: [G][page_tokens][Dv]. Elements f16 or f32.
typedef struct ck_cache {
  uint8_t *base;           // page p begins at base + p * page_bytes
  size_t page_bytes;
  size_t key_offset, value_offset;
  int32_t page_tokens;
  int32_t kv_heads, key_size, value_size;
  ck_dtype dtype;          // CK_F16 or CK_F32
} ck_cache;

// Bytes one layer needs in a page.
size_t ck_cache_layer_bytes(int32_t page_tokens, int32_t kv_heads, int32_t key_size, int32_t value_size, ck_dtype dtype);

// Stores one token's keys [G, D] and values [G, Dv] at `position` of the sequence with this page table.
void ck_cache_store(const ck_cache *cache, const int32_t *pages, int32_t position, const float *keys, const float *values);

// One sequence's part of a step.
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
  size_t query_stride, out_stride;
} ck_attention;

// Causal attention of every entry's tokens to their own sequence's cache (their own keys stored already).
// `scratch` holds ck_attention_scratch bytes, 64-byte aligned.
void ck_attend(ck_pool *pool, ck_isa isa, const ck_attention *attention, const ck_attention_entry *entries, int count,
               void *scratch);
size_t ck_attention_scratch(const ck_attention *attention, int threads);

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
