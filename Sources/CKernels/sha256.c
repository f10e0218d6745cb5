// SPDX-License-Identifier: Apache-2.0
// SHA-256 of two texts at once. A single one waits for its own last step most of the time: the processor's SHA
// instructions take four cycles each and could begin every second one.
#include "CKernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

// Leaf 7, bit 29 of ebx; the shuffles belong to every processor that has it.
static bool has_sha(void) {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

// FIPS 180-4, section 4.2.2.
static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// The eight words as the instructions want them.
typedef struct lane {
  __m128i abef, cdgh;
  __m128i words[4];
} lane;

#define SHA __attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline

SHA void open_lane(lane *l, const uint32_t *state) {
  __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
  __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
  l->abef = _mm_alignr_epi8(cdab, efgh, 8);
  l->cdgh = _mm_blend_epi16(efgh, cdab, 0xF0);
}

SHA void close_lane(const lane *l, uint32_t *state) {
  __m128i feba = _mm_shuffle_epi32(l->abef, 0x1B);
  __m128i dchg = _mm_shuffle_epi32(l->cdgh, 0xB1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

SHA void load_words(lane *l, const uint8_t *text) {
  const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  for (int i = 0; i < 4; i++)
    l->words[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(text + 16 * i)), order);
}

// Four rounds, and the words of the four rounds that come sixteen later.
SHA void rounds(lane *l, int step) {
  __m128i *w = l->words;
  __m128i sum = _mm_add_epi32(w[step & 3], _mm_load_si128((const __m128i *)constants + step));
  l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, sum);
  l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(sum, 0x0E));
  if (step >= 12) return;
  __m128i middle = _mm_alignr_epi8(w[(step + 3) & 3], w[(step + 2) & 3], 4);
  __m128i next = _mm_add_epi32(_mm_sha256msg1_epu32(w[step & 3], w[(step + 1) & 3]), middle);
  w[step & 3] = _mm_sha256msg2_epu32(next, w[(step + 3) & 3]);
}

__attribute__((target("sha,sse4.1,ssse3"))) static void pair(uint32_t *a, const uint8_t *x, uint32_t *b,
                                                             const uint8_t *y, size_t blocks) {
  lane one, two;
  open_lane(&one, a);
  open_lane(&two, b);
  for (; blocks > 0; blocks--, x += 64, y += 64) {
    __m128i abef = one.abef, cdgh = one.cdgh, abef2 = two.abef, cdgh2 = two.cdgh;
    load_words(&one, x);
    load_words(&two, y);
#pragma clang loop unroll(full)
    for (int step = 0; step < 16; step++) {
      rounds(&one, step);
      rounds(&two, step);
    }
    one.abef = _mm_add_epi32(one.abef, abef);
    one.cdgh = _mm_add_epi32(one.cdgh, cdgh);
    two.abef = _mm_add_epi32(two.abef, abef2);
    two.cdgh = _mm_add_epi32(two.cdgh, cdgh2);
  }
  close_lane(&one, a);
  close_lane(&two, b);
}

bool ck_sha256_pair(uint32_t *a, const void *x, uint32_t *b, const void *y, size_t blocks) {
  if (!has_sha()) return false;
  pair(a, x, b, y, blocks);
  return true;
}

#else

bool ck_sha256_pair(uint32_t *a, const void *x, uint32_t *b, const void *y, size_t blocks) {
  (void)a, (void)x, (void)b, (void)y, (void)blocks;
  return false;
}

#endif
