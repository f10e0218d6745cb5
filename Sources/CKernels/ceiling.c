// SPDX-License-Identifier: Apache-2.0
// What this machine allows: reading memory, and int8 products from registers. No kernel can be faster than these.
#include "CKernels.h"
#include "compiler.h"

#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { PIECE = 1 << 18, TURNS = 20000, CHAINS = 12, TASKS = 8 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Keeps results alive; each part writes to its worker's own line.
typedef struct sinks {
  const uint8_t *memory;
  struct { _Alignas(64) volatile int64_t value; } of[256];
} sinks;

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void read_avx2(void *context, int32_t part, int worker) {
  sinks *s = context;
  const __m256i *p = (const __m256i *)(s->memory + (size_t)part * PIECE);
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (size_t i = 0; i < PIECE / 32; i += 4) {
    a = _mm256_add_epi32(a, p[i]), b = _mm256_add_epi32(b, p[i + 1]);
    c = _mm256_add_epi32(c, p[i + 2]), d = _mm256_add_epi32(d, p[i + 3]);
    _mm_prefetch((const char *)(p + i) + 4096, _MM_HINT_T0);
    _mm_prefetch((const char *)(p + i) + 4160, _MM_HINT_T0);
  }
  s->of[worker & 255].value += _mm256_extract_epi32(_mm256_add_epi32(_mm256_add_epi32(a, b), _mm256_add_epi32(c, d)), 0);
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) static void dots_vnni(void *context, int32_t part, int worker) {
  (void)part;
  sinks *s = context;
  __m512i c[CHAINS], a = _mm512_set1_epi8(3);
  for (int i = 0; i < CHAINS; i++) c[i] = _mm512_setzero_si512();
  for (int k = 0; k < TURNS; k++)
    for (int i = 0; i < CHAINS; i++) {
      c[i] = _mm512_dpbusd_epi32(c[i], a, a);
      __asm__ volatile("" : "+v"(c[i]));
    }
  for (int i = 0; i < CHAINS; i++) s->of[worker & 255].value += _mm512_reduce_add_epi32(c[i]);
}

__attribute__((target("avx2,avxvnni"))) static void dots_avxvnni(void *context, int32_t part, int worker) {
  (void)part;
  sinks *s = context;
  __m256i c[CHAINS], a = _mm256_set1_epi8(3);
  for (int i = 0; i < CHAINS; i++) c[i] = _mm256_setzero_si256();
  for (int k = 0; k < TURNS; k++)
    for (int i = 0; i < CHAINS; i++) {
      c[i] = _mm256_dpbusd_avx_epi32(c[i], a, a);
      __asm__ volatile("" : "+x"(c[i]));
    }
  for (int i = 0; i < CHAINS; i++) s->of[worker & 255].value += _mm256_extract_epi32(c[i], 0);
}

__attribute__((target("avx2"))) static void dots_avx2(void *context, int32_t part, int worker) {
  (void)part;
  sinks *s = context;
  __m256i c[CHAINS], a = _mm256_set1_epi8(3), ones = _mm256_set1_epi16(1);
  for (int i = 0; i < CHAINS; i++) c[i] = _mm256_setzero_si256();
  for (int k = 0; k < TURNS; k++)
    for (int i = 0; i < CHAINS; i++) {
      __m256i product = _mm256_maddubs_epi16(a, a);
      __asm__ volatile("" : "+x"(product));
      c[i] = _mm256_add_epi32(c[i], _mm256_madd_epi16(product, ones));
    }
  for (int i = 0; i < CHAINS; i++) s->of[worker & 255].value += _mm256_extract_epi32(c[i], 0);
}
#endif

#if defined(__aarch64__)
static void read_neon(void *context, int32_t part, int worker) {
  sinks *s = context;
  const int32_t *p = (const int32_t *)(s->memory + (size_t)part * PIECE);
  int32x4_t sums[4] = {0};
  for (size_t i = 0; i < PIECE / 4; i += 16)
    for (size_t v = 0; v < 4; v++) sums[v] = vaddq_s32(sums[v], vld1q_s32(p + i + 4 * v));
  s->of[worker & 255].value += vaddvq_s32(vaddq_s32(vaddq_s32(sums[0], sums[1]), vaddq_s32(sums[2], sums[3])));
}

// CHAINS sums, each increased TURNS times by what an instruction makes of a.
#define DOTS(NAME, VECTOR, STEP)                                    \
  static void NAME(void *context, int32_t part, int worker) {       \
    (void)part;                                                     \
    sinks *s = context;                                             \
    int8x16_t a = vdupq_n_s8(1);                                    \
    VECTOR c[CHAINS] = {0};                                         \
    for (int k = 0; k < TURNS; k++)                                 \
      for (int i = 0; i < CHAINS; i++) {                            \
        c[i] = STEP;                                                \
        __asm__ volatile("" : "+w"(c[i]));                          \
      }                                                             \
    for (int i = 0; i < CHAINS; i++) s->of[worker & 255].value += c[i][0]; \
  }

DOTS(dots_neon, int16x8_t, vmlal_s8(c[i], vget_low_s8(a), vget_low_s8(a)))
CK_ARM_BEGIN("dotprod", "arch=armv8.2-a+dotprod")
DOTS(dots_dotprod, int32x4_t, vdotq_s32(c[i], a, a))
CK_ARM_END
CK_ARM_BEGIN("i8mm", "arch=armv8.2-a+i8mm")
DOTS(dots_i8mm, int32x4_t, vusmmlaq_s32(c[i], vreinterpretq_u8_s8(a), a))
CK_ARM_END
#endif

static void read_portable(void *context, int32_t part, int worker) {
  sinks *s = context;
  const uint64_t *p = (const uint64_t *)(s->memory + (size_t)part * PIECE);
  uint64_t sum = 0;
  for (size_t i = 0; i < PIECE / 8; i++) sum += p[i];
  s->of[worker & 255].value += (int64_t)sum;
}

double ck_ceiling_read(ck_pool *pool, ck_isa isa, const void *memory, size_t bytes) {
  sinks s = {.memory = memory};
  ck_part read = read_portable;
#if defined(__x86_64__)
  if (isa != CK_ISA_PORTABLE) read = read_avx2;
#elif defined(__aarch64__)
  if (isa != CK_ISA_PORTABLE) read = read_neon;
#endif
  int32_t parts = (int32_t)(bytes / PIECE);
  double begin = now();
  ck_pool_each(pool, parts, read, &s);
  (void)isa;
  return (double)parts * PIECE / (now() - begin);
}

// The int8 instruction of a set, and the operations of one.
typedef struct dots {
  ck_part part;
  int operations;
} dots;

static dots dots_of(ck_isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case CK_ISA_AVX2: case CK_ISA_AVX512: return (dots){dots_avx2, 64};
    case CK_ISA_AVXVNNI: return (dots){dots_avxvnni, 64};
    case CK_ISA_AVX512VNNI: return (dots){dots_vnni, 128};
#elif defined(__aarch64__)
    case CK_ISA_NEON: return (dots){dots_neon, 16};
    case CK_ISA_NEON_DOTPROD: return (dots){dots_dotprod, 32};
    case CK_ISA_NEON_I8MM: return (dots){dots_i8mm, 64};
#endif
    default: return (dots){NULL, 0};
  }
}

double ck_ceiling_dots(ck_pool *pool, ck_isa isa) {
  dots d = dots_of(isa);
  if (!d.part) return 0;
  sinks s = {0};
  int32_t parts = TASKS * ck_pool_threads(pool);
  double begin = now();
  ck_pool_each(pool, parts, d.part, &s);
  return (double)parts * TURNS * CHAINS * d.operations / (now() - begin);
}
