// SPDX-License-Identifier: Apache-2.0
// How far ahead of their use weights are fetched. Where memory answers slowly but gives much (each core its own way to
// it), near is too late; where the cores share a way that they fill, far only crowds it. Which holds can change under a
// virtual machine from one hour to the next, so it is measured: now and then the large products of decoding (most often
// the output matrix) take turns at both. No result depends on it.
#include "products.h"

static const size_t distances[2] = {4096, 8192};
enum { LEAST_BYTES = 4 << 20, PERIOD = 256, TRIALS = 12 };

const ck_tuner ck_new_tuner = {.distance = 8192};

size_t ck_tuner_begin(ck_tuner *t, size_t bytes) {
  t->begin = 0;
  if (bytes < LEAST_BYTES) return t->distance;
  int32_t turn = t->turn++ % PERIOD;
  if (turn == 0) t->bytes = bytes, t->best[0] = t->best[1] = INT64_MAX;
  // Only products of one size can be compared; the first may have to wait for its pages.
  if (turn >= TRIALS || bytes != t->bytes) return t->distance;
  t->begin = ck_now_ns();
  return distances[turn % 2];
}

void ck_tuner_end(ck_tuner *t) {
  if (!t->begin) return;
  int32_t turn = (t->turn - 1) % PERIOD;
  int64_t taken = ck_now_ns() - t->begin;
  if (taken < t->best[turn % 2]) t->best[turn % 2] = taken;
  if (turn != TRIALS - 1) return;
  // The other one has to be better by a hundredth.
  int now = t->distance == distances[1], other = !now;
  if (t->best[other] < t->best[now] - t->best[now] / 100) t->distance = distances[other];
}
