// SPDX-License-Identifier: Apache-2.0
// How weights are fetched before their use. What is best depends on the processor, which fetches by itself what it can
// guess, better or worse; on the product, whose rows lie in one long run or in several short ones; and under a virtual
// machine on the hour, since at times each core has a way to memory of its own and at times they share one that they fill.
// So it is measured: now and then the products of one size, of decoding one token, take turns at all ways. No result
// depends on it.
#include "products.h"

#include <stdlib.h>

// Products that are over too soon say nothing. Turns of a way in a trial; lengths of a trial from one to the next, few at first,
// when caches are cold and the first answer may be wrong.
enum { LEAST_BYTES = 64 << 10, LARGE_BYTES = 4 << 20, LARGE_TURNS = 3, FIRST_PERIOD = 4, MOST_PERIOD = 128 };

// NULL: too small, one size too many, or so many tokens that memory is not what they wait for.
static ck_tuned *tuned_of(ck_tuner *t, size_t bytes, int32_t tokens) {
  for (int i = 0; i < CK_TUNED && bytes >= LEAST_BYTES && tokens <= CK_TILE; i++) {
    ck_tuned *u = &t->tuned[tokens - 1][i];
    if (!u->bytes) u->bytes = bytes;
    if (u->bytes == bytes) return u;
  }
  return NULL;
}

static int32_t way_turns(const ck_tuned *u) { return u->bytes < LARGE_BYTES ? CK_TRIAL_TURNS : LARGE_TURNS; }

ck_way ck_tuner_begin(ck_tuner *t, size_t bytes, int32_t tokens) {
  t->trial = NULL;
  ck_tuned *u = tuned_of(t, bytes, tokens);
  if (!u) return CK_WAY_TWICE;
  int32_t trial = CK_WAYS * way_turns(u);
  if (u->turn >= trial) {
    if (++u->turn >= u->period * trial) u->turn = 0;
    return u->way;
  }
  t->trial = u;
  t->begin = ck_now_ns();
  return (ck_way)(u->turn % CK_WAYS);
}

static int by_size(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

// The way whose turn in the middle took least; another than until now has to be better by a hundredth.
static ck_way best_way(ck_tuned *u) {
  int32_t turns = way_turns(u);
  int64_t middle[CK_WAYS];
  for (int way = 0; way < CK_WAYS; way++) {
    qsort(u->taken[way], (size_t)turns, sizeof u->taken[way][0], by_size);
    middle[way] = u->taken[way][turns / 2];
  }
  ck_way best = u->way;
  for (int way = 0; way < CK_WAYS; way++)
    if (middle[way] < middle[best] - (best == u->way ? middle[best] / 100 : 0)) best = (ck_way)way;
  return best;
}

void ck_tuner_end(ck_tuner *t) {
  ck_tuned *u = t->trial;
  if (!u) return;
  u->taken[u->turn % CK_WAYS][u->turn / CK_WAYS] = ck_now_ns() - t->begin;
  if (++u->turn < CK_WAYS * way_turns(u)) return;
  u->way = best_way(u);
  u->period = u->period ? ck_min(2 * u->period, MOST_PERIOD) : FIRST_PERIOD;
}
