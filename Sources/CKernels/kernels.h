// SPDX-License-Identifier: Apache-2.0
// The table of functions one instruction set provides, and small helpers every file shares.
#pragma once
#include "CKernels.h"
#include "compiler.h"

#include <math.h>
#include <string.h>

// A tile is what one packed product works on: up to 8 tokens and one or two blocks of 16 rows. Two blocks halve the
// loads of inputs, but read weights from two places: slower when they come from memory.
enum { CK_BLOCK_ROWS = 16, CK_TILE = 8, CK_ACTIVATION_GROUP = 64 };

// Up to 8 tokens quantized to int8: value = code * scale, symmetric within each activation group. Groups are
// outermost, so that a product reads straight on whatever the number of inputs (rows a power of two apart would
// compete for the same lines of the first-level cache).
typedef struct ck_tile {
  int8_t *codes;   // [inputs / group][tokens][group]
  float *scales;   // [inputs / group][tokens]
  float *sums;     // [inputs / group][tokens]: scale * sum of codes
  int32_t tokens, group;
} ck_tile;

// How weights that come from memory are fetched before their use.
typedef enum ck_way {
  CK_WAY_TWICE,  // into the second-level cache far ahead, from there into the first near ahead
  CK_WAY_PAGES,  // by the processor itself; only the next page's beginning, which it cannot guess
  CK_WAY_FAR,    // into the first-level cache, far ahead
  CK_WAY_NEAR,   // into it, not so far ahead
  CK_WAYS
} ck_way;

// Only weights before `until` are fetched.
typedef struct ck_early {
  const uint8_t *until;  // NULL: none are
  ck_way way;
} ck_early;
static const ck_early ck_not_early = {NULL, CK_WAY_PAGES};

// Sums of products of one tile: [token][row].
typedef float ck_sums[CK_TILE][CK_BLOCK_ROWS];

// Rows in memory as they lie in a file or widened: element (r, k) at data + (r * stride + k) * element size. With `scales`
// they are e4m3 numbers in groups of 32.
typedef struct ck_rows {
  const void *data;
  ck_dtype dtype;
  size_t stride;
  int32_t count;
  const uint8_t *scales;
} ck_rows;

// Some query rows of one sequence and kv head (all heads that share it, for tokens [first_token, last_token) of the
// entry) against positions [from, to), with the running softmax they end with: rows are [token][shared head].
typedef struct ck_span {
  const ck_attention_entry *entry;
  int32_t kv_head, first_token, last_token;
  int32_t from, to;       // from: the first position of a page
  float *tops, *totals;   // [rows]: largest score, sum of exp(score - top)
  float *sums;            // [rows, ck_value_stride]: sum of exp(score - top) * value
} ck_span;

typedef struct ck_kernels {
  // One token's row of n inputs into place `token` of a tile.
  void (*quantize)(const float *x, int32_t n, const ck_tile *tile, int32_t token);
  // `blocks` neighbouring packed blocks (1 or 2) times a tile.
  void (*products)(const ck_packed *matrix, int32_t block, int blocks, ck_early early, const ck_tile *x, ck_sums *out);
  // What follows a product of rows [row, row + 16): bias, accumulation, store; see ck_output.
  void (*finish)(const ck_output *output, int32_t rows, int32_t row, int32_t token, int32_t tokens,
                 float (*sums)[CK_BLOCK_ROWS]);
  // activation(gate) * up of 16 rows each, biases added first (NULL: none), into out[token * stride ..].
  void (*gate)(ck_activation activation, float (*gate)[CK_BLOCK_ROWS], const float *gate_bias, float (*up)[CK_BLOCK_ROWS],
               const float *up_bias, int32_t tokens, float *out, size_t stride);
  // Dot products of length n of all rows with inputs x + t * x_stride: out[t * out_stride + r].
  void (*dots)(const ck_rows *rows, const float *x, size_t x_stride, int32_t tokens, int32_t n, float *out,
               size_t out_stride);
  void (*widen)(const ck_weight *weight, int32_t row, float *out);
  void (*rms_norm)(const float *x, const float *w, float offset, float epsilon, int32_t n, float *y);
  void (*layer_norm)(const float *x, const float *w, const float *b, float epsilon, int32_t n, float *y);
  void (*activate)(ck_activation activation, const float *gate, const float *up, int32_t n, float *y);
  void (*sigmoid_gate)(const float *gate, int32_t n, float *y);
  void (*rotate)(float *x, const float *cosine, const float *sine, int32_t half, bool interleaved);
  void (*add_scaled)(float *y, const float *x, float factor, int32_t n);
  float (*log_sum_exp)(const float *x, int32_t n);
  void (*softmax)(float *x, int32_t n);
  void (*narrow)(const float *x, uint16_t *y, int32_t n);  // to f16, clamped to its finite range
  // A group of at most CK_CACHE_GROUP elements as so many codes, one a byte, with their scale and least element in f16.
  void (*encode)(const float *x, int32_t count, int32_t bits, uint8_t *codes, uint16_t *scale);
  // Computes a span's softmax and sums. `scratch`: ck_attention_scratch.
  void (*attend)(const ck_attention *attention, const ck_span *span, float *scratch);
  void (*join)(const ck_span *into, const ck_span *later, int32_t rows, int32_t stride);
  // One token of one value head of a gated delta net; `remembered` holds value_size floats, padded to 16.
  void (*recur)(float *state, const float *q, const float *k, const float *v, float decay, float beta, int32_t key_size,
                int32_t value_size, float *remembered, float *out);
  // Tokens [first, last) with panel `number`; x is the first token's row.
  void (*panel)(const ck_panel_output *output, int32_t number, const float *x, size_t x_stride, int32_t first, int32_t last);
} ck_kernels;

// The table of a file that defines all of these under their own names.
#define CK_KERNELS                                                                                               \
  {quantize, products, finish, gate, dots, widen, rms_norm, layer_norm, activate, sigmoid_gate, rotate, \
   add_scaled, log_sum_exp, softmax, narrow, encode, attend, join, recur, panel}

extern const ck_kernels ck_kernels_portable;
#if defined(__x86_64__)
extern const ck_kernels ck_kernels_avx2, ck_kernels_avxvnni, ck_kernels_avx512, ck_kernels_avx512vnni;
#elif defined(__aarch64__)
extern const ck_kernels ck_kernels_neon, ck_kernels_neon_dotprod, ck_kernels_neon_i8mm;
#endif

static inline const ck_kernels *ck_kernels_of(ck_isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case CK_ISA_AVX2: return &ck_kernels_avx2;
    case CK_ISA_AVXVNNI: return &ck_kernels_avxvnni;
    case CK_ISA_AVX512: return &ck_kernels_avx512;
    case CK_ISA_AVX512VNNI: return &ck_kernels_avx512vnni;
#elif defined(__aarch64__)
    case CK_ISA_NEON: return &ck_kernels_neon;
    case CK_ISA_NEON_DOTPROD: return &ck_kernels_neon_dotprod;
    case CK_ISA_NEON_I8MM: return &ck_kernels_neon_i8mm;
#endif
    default: return &ck_kernels_portable;
  }
}

static inline int32_t ck_min(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t ck_max(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int32_t ck_ceil(int32_t a, int32_t b) { return (a + b - 1) / b; }
static inline size_t ck_round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }
static inline int32_t ck_activation_group(int32_t weight_group) { return ck_min(weight_group, CK_ACTIVATION_GROUP); }
static inline int32_t ck_blocks(int32_t rows) { return ck_ceil(rows, CK_BLOCK_ROWS); }

static inline size_t ck_dtype_bytes(ck_dtype dtype) { return dtype == CK_F32 ? 4 : 2; }

// The f32 of the bits of a half (IEEE binary16), subnormals and specials included.
static inline float ck_half(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023, bits;
  if (exponent == 31) {
    bits = sign | 0x7F800000u | mantissa << 13;
  } else if (exponent) {
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  } else {
    float value = (float)mantissa * 0x1p-24f;
    memcpy(&bits, &value, 4);
    bits |= sign;
  }
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static inline float ck_bfloat(uint16_t h) {
  uint32_t bits = (uint32_t)h << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// The scale of a group of small floats: an exponent, of which 255 is no number; or, of NVFP4, an e4m3 number (a sign, four
// bits of exponent, three of fraction; 127 is no number).
static inline float ck_group_scale(ck_format format, uint8_t byte) {
  // The bits of a float32: those of 2^-127 are no exponent; an e4m3 number lacks a factor, the difference of the biases.
  uint32_t bits = format != CK_NVFP4 ? byte ? (uint32_t)byte << 23 : 1u << 22
                                     : (uint32_t)(byte & 128) << 24 | (uint32_t)(byte & 127) << 20;
  float value;
  memcpy(&value, &bits, 4);
  if (format == CK_NVFP4) return (byte & 127) == 127 ? NAN : value * 0x1p120f;
  return byte == 255 ? NAN : value;
}

// Element `index` of an array of any dtype and alignment.
static inline float ck_element(const void *array, ck_dtype dtype, size_t index) {
  uint16_t half;
  float value;
  switch (dtype) {
    case CK_F32: memcpy(&value, (const uint8_t *)array + 4 * index, 4); return value;
    case CK_F16: memcpy(&half, (const uint8_t *)array + 2 * index, 2); return ck_half(half);
    case CK_BF16: memcpy(&half, (const uint8_t *)array + 2 * index, 2); return ck_bfloat(half);
  }
  return 0;
}

// Twice the e2m1 number of each code, and CK_E2M1_ZERO more: integers without a sign, as products of codes want them.
#define CK_E2M1_CODES 12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0
enum { CK_E2M1_ZERO = 12 };

// Bytes of the codes of one group in a block, and of the scales (and biases) behind them.
static inline size_t ck_code_bytes(const ck_packed *m) {
  return (size_t)m->group * CK_BLOCK_ROWS * (size_t)m->code_bits / 8;
}
static inline size_t ck_group_bytes(const ck_packed *m) {
  return ck_code_bytes(m) + (m->e2m1 ? 1 : 2) * CK_BLOCK_ROWS * ck_dtype_bytes(m->dtype);
}

// What belongs to a code of 0: the bias of row `lane` in the group whose scales are at `tail`.
static inline float ck_bias_at(const ck_packed *m, const uint8_t *tail, size_t lane) {
  if (m->e2m1) return -(float)CK_E2M1_ZERO * ck_element(tail, m->dtype, lane);
  return ck_element(tail, m->dtype, CK_BLOCK_ROWS + lane);
}

// Bytes of one block of a packed matrix.
static inline size_t ck_block_bytes(const ck_packed *m) {
  return (size_t)(m->inputs / m->group) * ck_group_bytes(m);
}

// How far ahead weights are fetched in the ways that do so.
static inline size_t ck_early_distance(ck_way way) { return way == CK_WAY_NEAR ? 4096 : 8192; }

// Whether those used at p are to be fetched ahead of p, and not only beginnings of pages.
static inline bool ck_is_ahead(ck_early early, const uint8_t *p) {
  return early.until && early.way != CK_WAY_PAGES && p + ck_early_distance(early.way) < early.until;
}

static inline void ck_fetch_lines(const uint8_t *p, size_t bytes) {
  for (size_t z = 0; z < bytes; z += 64) __builtin_prefetch(p + z);
}

static inline void ck_fetch_twice(const uint8_t *p, size_t bytes) {
  enum { CLOSE = 1152 };
  size_t far = ck_early_distance(CK_WAY_TWICE);
  for (size_t z = 0; z < bytes; z += 64) __builtin_prefetch(p + far + z, 0, 2), __builtin_prefetch(p + CLOSE + z);
}

// Fetches the beginning of the next page, once in a page, where `bytes` at p are used now.
static inline void ck_fetch_page(const uint8_t *p, size_t bytes, const uint8_t *until) {
  enum { PAGE = 4096, HEAD = 512 };
  const uint8_t *next = p + PAGE, *page = (const uint8_t *)((uintptr_t)next & ~(uintptr_t)(PAGE - 1));
  if ((size_t)(next - page) >= bytes || page >= until) return;
  for (size_t z = 0; z < HEAD; z += 64) __builtin_prefetch(page + z, 0, 2);
}

// Fetches weights of which `bytes` at p are used now.
static inline void ck_fetch_early(const uint8_t *p, size_t bytes, ck_early early) {
  if (ck_is_ahead(early, p) && early.way == CK_WAY_TWICE) ck_fetch_twice(p, bytes);
  else if (ck_is_ahead(early, p)) ck_fetch_lines(p + ck_early_distance(early.way), bytes);
  else if (early.until) ck_fetch_page(p, bytes, early.until);
}

// Groups of a token's head in a cache of codes, bytes of its codes, and halves that belong to a group.
static inline size_t ck_cache_groups(int32_t size) { return (size_t)ck_ceil(size, CK_CACHE_GROUP); }
static inline size_t ck_cache_code_bytes(int32_t size, int32_t bits) {
  return (size_t)ck_ceil(size, 16) * (bits == 8 ? 16 : 8);
}
static inline size_t ck_cache_group_halves(int32_t bits) { return bits == 8 ? 1 : 2; }

// Bytes of one kv head in a page: of its keys, of its values.
static inline size_t ck_cache_head_bytes(const ck_cache *c, int32_t size, int32_t bits) {
  size_t token = bits ? ck_cache_code_bytes(size, bits) + 2 * ck_cache_groups(size) * ck_cache_group_halves(bits)
                      : (size_t)size * ck_dtype_bytes(c->dtype);
  return (size_t)c->page_tokens * token;
}
static inline size_t ck_key_head_bytes(const ck_cache *c) { return ck_cache_head_bytes(c, c->key_size, c->key_bits); }
static inline size_t ck_value_head_bytes(const ck_cache *c) {
  return ck_cache_head_bytes(c, c->value_size, c->value_bits);
}

// The page of a sequence that holds a position.
static inline uint8_t *ck_page(const ck_cache *c, const int32_t *pages, int32_t position) {
  return c->base + (size_t)pages[position / c->page_tokens] * c->page_bytes;
}

// Floats of a row of values, padded to whole vectors.
static inline int32_t ck_value_stride(const ck_cache *cache) { return (cache->value_size + 15) / 16 * 16; }

static inline const uint8_t *ck_block(const ck_packed *m, int32_t block) {
  return m->data + (size_t)block * ck_block_bytes(m);
}
