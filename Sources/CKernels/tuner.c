// SPDX-License-Identifier: Apache-2.0
// How weights are fetched before their use. What is best depends on the processor, which fetches by itself what it can
// guess, better or worse; on the product, whose rows lie in one long run or in several short ones; and under a virtual
// machine on the hour, since at times each core has a way to memory of its own and at times they share one that they fill.
// So it is measured: now and then the products of one size, of decoding one token, take turns at all ways. No result
// depends on it.
#include "products.h"

// Products that are over too soon say nothing. A way's turns in a trial; turns from one trial to the next.
enum { LEAST_BYTES = 64 << 10, LARGE_BYTES = 4 << 20, LARGE_TURNS = 3, SMALL_TURNS = 16, PERIOD = 128 };

// NULL: too small, one size too many, or so many tokens that memory is not what they wait for.
static ck_tuned *tuned_of(ck_tuner *t, size_t bytes, int32_t tokens) {
  for (int i = 0; i < CK_TUNED && bytes >= LEAST_BYTES && tokens <= CK_TILE; i++) {
    ck_tuned *u = &t->tuned[tokens - 1][i];
    if (!u->bytes) u->bytes = bytes;
    if (u->bytes == bytes) return u;
  }
  return NULL;
}

static int32_t trial_turns(const ck_tuned *u) { return CK_WAYS * (u->bytes < LARGE_BYTES ? SMALL_TURNS : LARGE_TURNS); }

ck_way ck_tuner_begin(ck_tuner *t, size_t bytes, int32_t tokens) {
  t->trial = NULL;
  ck_tuned *u = tuned_of(t, bytes, tokens);
  if (!u) return CK_WAY_TWICE;
  if (u->turn >= trial_turns(u)) {
    if (++u->turn >= PERIOD * trial_turns(u)) u->turn = 0;
    return u->way;
  }
  if (u->turn == 0)
    for (int way = 0; way < CK_WAYS; way++) u->best[way] = INT64_MAX;
  t->trial = u;
  t->begin = ck_now_ns();
  return (ck_way)(u->turn % CK_WAYS);
}

void ck_tuner_end(ck_tuner *t) {
  ck_tuned *u = t->trial;
  if (!u) return;
  int64_t taken = ck_now_ns() - t->begin;
  int tried = u->turn++ % CK_WAYS;
  if (taken < u->best[tried]) u->best[tried] = taken;
  if (u->turn < trial_turns(u)) return;
  // Another way has to be better by a hundredth.
  for (int way = 0; way < CK_WAYS; way++)
    if (u->best[way] < u->best[u->way] - u->best[u->way] / 100) u->way = (ck_way)way;
}
