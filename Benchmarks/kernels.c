// SPDX-License-Identifier: Apache-2.0
// What the kernels reach beside what the machine allows: no model, weights are noise, shapes are real.
//
//   clang -O3 -fno-math-errno -std=gnu2x -ISources/CKernels/include Benchmarks/kernels.c Sources/CKernels/*.c -lm -lpthread -o kernels
//   ./kernels [135m|0.5b|1.5b] [threads] [seconds a line] [l|a]   IMPETUS_ISA=... chooses the instruction set
//   l: only the linear layers; a: all but them
//
// Every figure is the best of many short runs, for a whole model the sum of the best of each kind of piece: other jobs
// only ever make a run slower. Every layer has weights of its own. Limits are measured in between.
#define _GNU_SOURCE
#include "CKernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *memory(size_t bytes) {
  void *p = mmap(NULL, bytes + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) exit(1);
  madvise(p, bytes + (2 << 20), MADV_HUGEPAGE);
  return p;
}

typedef struct shape {
  const char *name;
  int width, hidden, heads, kv_heads, head_size, layers, vocabulary;
} shape;
static const shape shapes[] = {{"135m", 576, 1536, 9, 3, 64, 30, 49152},
                               {"0.5b", 896, 4864, 14, 2, 64, 24, 151936},
                               {"1.5b", 1536, 8960, 12, 2, 128, 28, 151936}};

static ck_isa isa;
static ck_pool *pool;
static int threads = 2;
static double patience = 1.5;
static shape model;
static float *x, *y, *z;
static void *scratch;
static size_t weight_bytes;

// ---- limits ----

static uint8_t *weights;
static volatile int64_t sink;
#define PIECE ((size_t)1 << 18)

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void read_part(void *context, int32_t part, int worker) {
  (void)context, (void)worker;
  const __m256i *p = (const __m256i *)(weights + (size_t)part * PIECE);
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (size_t i = 0; i < PIECE / 32; i += 4) {
    a = _mm256_add_epi32(a, p[i]), b = _mm256_add_epi32(b, p[i + 1]);
    c = _mm256_add_epi32(c, p[i + 2]), d = _mm256_add_epi32(d, p[i + 3]);
    _mm_prefetch((const char *)(p + i) + 4096, _MM_HINT_T0);
    _mm_prefetch((const char *)(p + i) + 4160, _MM_HINT_T0);
  }
  sink += _mm256_extract_epi32(_mm256_add_epi32(_mm256_add_epi32(a, b), _mm256_add_epi32(c, d)), 0);
}
#define TURNS 20000
__attribute__((target("avx512f,avx512vnni"))) static void vnni_part(void *context, int32_t part, int worker) {
  (void)context, (void)part, (void)worker;
  __m512i c[12], a = _mm512_set1_epi8(3);
  for (int i = 0; i < 12; i++) c[i] = _mm512_setzero_si512();
  for (int k = 0; k < TURNS; k++)
    for (int i = 0; i < 12; i++) {
      c[i] = _mm512_dpbusd_epi32(c[i], a, a);
      __asm__ volatile("" : "+v"(c[i]));
    }
  for (int i = 0; i < 12; i++) sink += _mm512_reduce_add_epi32(c[i]);
}
__attribute__((target("avx512f"))) static void fma_part(void *context, int32_t part, int worker) {
  (void)context, (void)part, (void)worker;
  __m512 c[12], a = _mm512_set1_ps(1.01f);
  for (int i = 0; i < 12; i++) c[i] = a;
  for (int k = 0; k < TURNS; k++)
    for (int i = 0; i < 12; i++) {
      c[i] = _mm512_fmadd_ps(c[i], a, a);
      __asm__ volatile("" : "+v"(c[i]));
    }
  for (int i = 0; i < 12; i++) sink += (int64_t)_mm512_reduce_add_ps(c[i]) & 1;
}
#endif

static double once_read(void) {
  size_t parts = weight_bytes / PIECE;
  double begin = now();
#if defined(__x86_64__)
  ck_pool_each(pool, (int32_t)parts, read_part, NULL);
#endif
  return (double)(parts * PIECE) / (now() - begin) / 1e9;
}
static double once_vnni(void) {
  double begin = now();
#if defined(__x86_64__)
  ck_pool_each(pool, 8 * threads, vnni_part, NULL);
#endif
  return 8.0 * threads * TURNS * 12 * 128 / (now() - begin) / 1e9;
}
static double once_fma(void) {
  double begin = now();
#if defined(__x86_64__)
  ck_pool_each(pool, 8 * threads, fma_part, NULL);
#endif
  return 8.0 * threads * TURNS * 12 * 32 / (now() - begin) / 1e9;
}

// ---- linear layers of a whole model ----

typedef struct layer {
  ck_packed q, k, v, o, gate, up, down;
} layer;
static layer layers[64];
static ck_packed head;

static ck_packed matrix(int rows, int inputs, int bits, int group, size_t *at) {
  ck_weight w = {.format = CK_AFFINE, .dtype = CK_BF16, .rows = rows, .inputs = inputs, .bits = bits, .group = group};
  ck_packed m = ck_packed_view(&w, weights + *at);
  *at += ck_packed_bytes(&w);
  return m;
}

static void make_model(int bits, int group) {
  size_t at = 0;
  int q = model.heads * model.head_size, kv = model.kv_heads * model.head_size;
  for (int l = 0; l < model.layers; l++)
    layers[l] = (layer){.q = matrix(q, model.width, bits, group, &at), .k = matrix(kv, model.width, bits, group, &at),
                        .v = matrix(kv, model.width, bits, group, &at), .o = matrix(model.width, q, bits, group, &at),
                        .gate = matrix(model.hidden, model.width, bits, group, &at),
                        .up = matrix(model.hidden, model.width, bits, group, &at),
                        .down = matrix(model.width, model.hidden, bits, group, &at)};
  head = matrix(model.vocabulary, model.width, bits, group, &at);
  weight_bytes = at;
}

static double operations(int tokens) {
  double n = 0;
  int q = model.heads * model.head_size, kv = model.kv_heads * model.head_size;
  n += (double)model.width * (2 * q + 2 * kv) + 3.0 * model.width * model.hidden;
  return 2 * n * model.layers * tokens;
}

enum { PIECES = 4 };
static double best_piece[PIECES];  // q k v, output, feed-forward, head

static double ended(int piece, double begin) {
  double end = now();
  if (end - begin < best_piece[piece]) best_piece[piece] = end - begin;
  return end;
}

static void step(int tokens, bool logits) {
  static float norm[16384];
  ck_input in = {.x = x, .stride = (size_t)model.width, .inputs = model.width, .tokens = tokens,
                 .norm = {.kind = CK_NORM_RMS, .weight = norm, .offset = 1, .epsilon = 1e-5f}};
  int q = model.heads * model.head_size, kv = model.kv_heads * model.head_size;
  size_t stride = (size_t)(q + 2 * kv);
  for (int l = 0; l < model.layers; l++) {
    layer *m = &layers[l];
    double begin = now();
    ck_output qkv[3] = {{.packed = &m->q, .y = y, .stride = stride},
                        {.packed = &m->k, .y = y + q, .stride = stride},
                        {.packed = &m->v, .y = y + q + kv, .stride = stride}};
    ck_project(pool, isa, &in, qkv, 3, scratch);
    begin = ended(0, begin);
    ck_input attended = {.x = y, .stride = stride, .inputs = q, .tokens = tokens};
    ck_output o = {.packed = &m->o, .y = z, .stride = (size_t)model.width, .accumulate = true};
    ck_project(pool, isa, &attended, &o, 1, scratch);
    begin = ended(1, begin);
    ck_feed_forward feed = {.activation = {.kind = CK_SILU}, .gate = {.packed = &m->gate}, .up = {.packed = &m->up},
                            .down = {.packed = &m->down, .y = z, .stride = (size_t)model.width, .accumulate = true}};
    ck_feed(pool, isa, &in, &feed, scratch);
    ended(2, begin);
  }
  if (!logits) return;
  ck_output out = {.packed = &head, .y = y, .stride = (size_t)model.vocabulary};
  double begin = now();
  ck_project(pool, isa, &in, &out, 1, scratch);
  ended(3, begin);
}

static int step_tokens;
static double best_step(int tokens) {
  bool logits = tokens < 64;
  for (int i = 0; i < PIECES; i++) best_piece[i] = 1e9;
  double end = now() + patience;
  for (int i = 0; i < 3 || now() < end; i++) step(tokens, logits);
  double sum = (best_piece[0] + best_piece[1] + best_piece[2]) * model.layers + (logits ? best_piece[3] : 0);
  return sum;
}

static double least(double (*once)(void)) {
  double best = 1e9, end = now() + patience;
  for (int i = 0; i < 3 || now() < end; i++) {
    double t = once();
    if (t < best) best = t;
  }
  return best;
}
static double most(double (*once)(void), double seconds) {
  double best = 0, end = now() + seconds;
  do {
    double t = once();
    if (t > best) best = t;
  } while (now() < end);
  return best;
}

// One thread on weights that stay in its second-level cache: what the kernels do where memory does not hold them up.
static ck_packed small;
static ck_pool *alone;
static double once_cached(void) {
  ck_output o = {.packed = &small, .y = y, .stride = (size_t)small.rows};
  double begin = now();
  ck_linear(alone, isa, &o, 1, x, small.inputs, 1, scratch);
  return now() - begin;
}

static void measure_cached(int bits, int group) {
  size_t row = (size_t)(model.width * bits / 8 + model.width / group * 4), at = 0;
  small = matrix((int)((600 << 10) / row / 16 * 16), model.width, bits, group, &at);
  alone = ck_pool_create(1);
  double t = least(once_cached);
  printf("%d bit g%-3d in the cache, one thread: %.1f GB/s\n", bits, group, (double)at / t / 1e9);
  ck_pool_destroy(alone);
}

static void measure_linear(int bits, int group) {
  measure_cached(bits, group);
  make_model(bits, group);
  double read = most(once_read, patience / 2);
  double decode = best_step(1);
  double again = most(once_read, patience / 2);
  if (again > read) read = again;
  double gb = (double)weight_bytes / decode / 1e9;
  printf("%d bit g%-3d decode %8.1f tok/s %6.1f GB/s  = %3.0f %% of read %.1f GB/s   (us: qkv %.1f o %.1f feed %.1f head %.0f)\n",
         bits, group, 1 / decode, gb, 100 * gb / read, read, best_piece[0] * 1e6, best_piece[1] * 1e6, best_piece[2] * 1e6,
         best_piece[3] * 1e6);
  for (int tokens = 2; tokens <= 16; tokens *= 2) {
    double t = best_step(tokens);
    printf("           batch %-2d %7.1f tok/s %6.1f GB/s\n", tokens, tokens / t, (double)weight_bytes / t / 1e9);
  }
  for (int tokens = 64; tokens <= 512; tokens *= 8) {
    double peak = most(once_vnni, patience / 2), prefill = best_step(tokens), peak_again = most(once_vnni, patience / 2);
    if (peak_again > peak) peak = peak_again;
    double gop = operations(tokens) / prefill / 1e9;
    printf("          prefill %3d %7.0f tok/s %6.0f GOP/s = %3.0f %% of vnni %.0f GOP/s   (us: qkv %.0f o %.0f feed %.0f)\n",
           tokens, tokens / prefill, gop, 100 * gop / peak, peak, best_piece[0] * 1e6, best_piece[1] * 1e6, best_piece[2] * 1e6);
  }
  fflush(stdout);
}

// ---- attention ----

// Every layer and sequence has a cache of its own, laid out as the engine does: a page holds all layers.
enum { MOST_ENTRIES = 16, MOST_PAGES = 128 };
static ck_attention attention;
static ck_attention_entry entries[MOST_ENTRIES];
static int entry_count;
static int32_t page_numbers[MOST_ENTRIES][MOST_PAGES];
static size_t layer_bytes;
static double once_attend(void) {
  double begin = now();
  for (int l = 0; l < model.layers; l++) {
    ck_attention a = attention;
    a.cache.key_offset += (size_t)l * layer_bytes, a.cache.value_offset += (size_t)l * layer_bytes;
    ck_attend(pool, isa, &a, entries, entry_count, scratch);
  }
  return (now() - begin) / model.layers;
}

static void measure_attention(int position, int tokens, int count, ck_dtype dtype) {
  ck_cache c = {.page_tokens = 64, .kv_heads = model.kv_heads, .key_size = model.head_size,
                .value_size = model.head_size, .dtype = dtype};
  size_t element = dtype == CK_F32 ? 4 : 2;
  layer_bytes = ck_cache_key_bytes(&c) + ck_cache_value_bytes(&c);
  c.page_bytes = layer_bytes * (size_t)model.layers;
  c.value_offset = ck_cache_key_bytes(&c);
  int pages = (position + tokens + 63) / 64, width = model.heads * model.head_size;
  size_t bytes_all = (size_t)pages * (size_t)count * c.page_bytes;
  c.base = memory(bytes_all);
  memset(c.base, 0, bytes_all);
  attention = (ck_attention){.cache = c, .heads = model.heads, .scale = 0.1f, .query_stride = (size_t)width,
                             .out_stride = (size_t)width};
  entry_count = count;
  for (int e = 0; e < count; e++) {
    for (int i = 0; i < pages; i++) page_numbers[e][i] = i * count + e;
    entries[e] = (ck_attention_entry){.pages = page_numbers[e], .first_position = position, .tokens = tokens,
                                      .queries = x + e * width, .out = y + e * width};
  }
  double t = least(once_attend), sees = position + (tokens + 1) / 2.0;
  double flop = 4.0 * count * width * sees * tokens;
  double bytes = (double)count * (position + tokens) * c.kv_heads * c.key_size * 2 * (double)element;
  printf("attention %2d x %4d+%-4d %s  %8.1f us a layer  %6.1f GFLOP/s  %5.1f GB/s\n", count, position, tokens,
         dtype == CK_F32 ? "f32" : "f16", t * 1e6, flop / t / 1e9, bytes / t / 1e9);
  fflush(stdout);
  munmap(c.base, bytes_all + (2 << 20));
}

// ---- plain matrices ----

static ck_weight plain;
static double once_plain(void) {
  ck_output o = {.weight = &plain, .y = y, .stride = (size_t)plain.rows};
  double begin = now();
  ck_linear(pool, isa, &o, 1, x, plain.inputs, step_tokens, scratch);
  return now() - begin;
}

static void measure_plain(ck_format format, ck_dtype dtype, const char *name) {
  plain = (ck_weight){.format = format, .dtype = dtype, .rows = model.hidden, .inputs = model.width, .bits = 4, .group = 64,
                      .data = weights, .scales = weights, .biases = weights};
  double peak = most(once_fma, patience / 4);
  for (step_tokens = 1; step_tokens <= 512; step_tokens *= 8) {
    double t = least(once_plain), flop = 2.0 * plain.rows * plain.inputs * step_tokens;
    printf("%s %4d tokens %8.1f us  %6.1f GFLOP/s = %3.0f %% of fma %.0f\n", name, step_tokens, t * 1e6, flop / t / 1e9,
           100 * flop / t / 1e9 / peak, peak);
  }
  fflush(stdout);
}

// ---- the rest ----

static void nothing(void *context, int worker, int workers) { (void)context, (void)worker, (void)workers; }
static double once_dispatch(void) {
  double begin = now();
  for (int i = 0; i < 100; i++) ck_pool_run(pool, nothing, NULL);
  return (now() - begin) / 100;
}

static int quantize_bits;
static void quantize_part(void *context, int32_t part, int worker) {
  (void)context, (void)worker;
  ck_affine_quantize(weights + (size_t)part * 16 * 4096 * 2, CK_BF16, 16, 4096, quantize_bits, 64, y + (size_t)part * 65536,
                     z + (size_t)part * 2048, z + (size_t)part * 2048 + 1024);
}
static double once_quantize(void) {
  double begin = now();
  ck_pool_each(pool, 32, quantize_part, NULL);
  return now() - begin;
}

int main(int count, char **arguments) {
  model = shapes[1];
  for (int i = 0; count > 1 && i < 3; i++)
    if (!strcmp(arguments[1], shapes[i].name)) model = shapes[i];
  if (count > 2) threads = atoi(arguments[2]);
  if (count > 3) patience = atof(arguments[3]);
  isa = ck_isa_detect();
  pool = ck_pool_create(threads);
  size_t most_weights = (size_t)(operations(1) / 2 + (double)model.vocabulary * model.width) * 5 / 4 + (64 << 20);
  weights = memory(most_weights);
  for (size_t i = 0; i < most_weights; i += 4) *(uint32_t *)(weights + i) = 0x3c113c22u ^ (uint32_t)(i * 2654435761u >> 24);
  int widest = model.hidden > 2 * model.width ? model.hidden : 2 * model.width;
  x = memory((size_t)widest * 512 * 4), y = memory((size_t)(widest + model.vocabulary) * 512 * 4);
  z = memory((size_t)widest * 512 * 4);
  for (int i = 0; i < widest * 512; i++) x[i] = (float)(i * 7919 % 2001 - 1000) / 500;
  scratch = memory(ck_linear_scratch(widest, 512, threads) + ck_feed_scratch(model.width, widest, 512, threads) + (64 << 20));
  printf("%s shapes, %s, %d threads\n", model.name, ck_isa_name(isa), threads);
  printf("dispatch %.2f us\n", least(once_dispatch) * 1e6);
  bool all = count < 5;
  if (all || strchr(arguments[4], 'l')) measure_linear(4, 64), measure_linear(8, 64);
  if (!all && !strchr(arguments[4], 'a')) return 0;
  measure_attention(0, 512, 1, CK_F16);
  measure_attention(4096, 512, 1, CK_F16);
  measure_attention(0, 512, 1, CK_F32);
  measure_attention(512, 1, 1, CK_F16);
  measure_attention(4096, 1, 1, CK_F16);
  measure_attention(512, 1, 16, CK_F16);
  measure_attention(4096, 1, 16, CK_F16);
  for (size_t i = 0; i < (64 << 20); i += 4) *(uint32_t *)(weights + i) = 0x3c113c22u ^ (uint32_t)(i * 2654435761u >> 24);
  measure_plain(CK_PLAIN, CK_BF16, "bf16");
  measure_plain(CK_AFFINE, CK_BF16, "exact 4 bit");
  for (quantize_bits = 4; quantize_bits <= 8; quantize_bits += 4)
    printf("affine quantize %d bit  %.2f GB/s of bf16\n", quantize_bits, 32.0 * 16 * 4096 * 2 / least(once_quantize) / 1e9);
}
