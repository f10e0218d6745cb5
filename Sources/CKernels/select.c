// SPDX-License-Identifier: Apache-2.0
// Choosing among many logits without sorting them. Runs of 64 are compared with a bound first; only a run that holds
// something above it is looked at one by one. Comparisons with NaN are false, so NaN is never chosen.
#include "kernels.h"

enum { RUN = 64 };

// Whether any of RUN elements is >= least; the loop has no exit, so it becomes vector code.
static bool any_at_least(const float *x, float least) {
  int32_t found = 0;
  for (int i = 0; i < RUN; i++) found |= x[i] >= least;
  return found;
}

int32_t ck_argmax(const float *x, int32_t n) {
  int32_t best = 0;
  while (best < n - 1 && x[best] != x[best]) best++;
  for (int32_t first = best; first < n; first += RUN) {
    int32_t count = ck_min(RUN, n - first);
    if (count == RUN && !any_at_least(x + first, x[best])) continue;
    for (int32_t i = first; i < first + count; i++)
      if (x[i] > x[best]) best = i;
  }
  return best;
}

int32_t ck_at_least(const float *x, int32_t n, float least, int32_t *indices, int32_t capacity) {
  int32_t taken = 0;
  for (int32_t first = 0; first < n; first += RUN) {
    int32_t count = ck_min(RUN, n - first);
    if (count == RUN && !any_at_least(x + first, least)) continue;
    for (int32_t i = first; i < first + count; i++) {
      if (!(x[i] >= least)) continue;
      if (taken == capacity) return taken;
      indices[taken++] = i;
    }
  }
  return taken;
}

// Whether a comes after b in the result: smaller, or equal and later.
static bool after(const float *x, int32_t a, int32_t b) { return x[a] < x[b] || (x[a] == x[b] && a > b); }

// Restores the heap whose root is the last of the chosen ones.
static void sink(const float *x, int32_t *heap, int32_t size, int32_t at) {
  for (int32_t child; (child = 2 * at + 1) < size; at = child) {
    if (child + 1 < size && after(x, heap[child + 1], heap[child])) child++;
    if (!after(x, heap[child], heap[at])) return;
    int32_t index = heap[at];
    heap[at] = heap[child];
    heap[child] = index;
  }
}

int32_t ck_top_k(const float *x, int32_t n, int32_t k, int32_t *heap) {
  if (k > n) k = n;
  int32_t size = 0, i = 0;
  for (; i < n && size < k; i++)
    if (x[i] == x[i]) heap[size++] = i;
  for (int32_t at = size / 2 - 1; at >= 0; at--) sink(x, heap, size, at);
  while (size > 0 && i < n) {
    int32_t count = ck_min(RUN, n - i);
    if (count == RUN && !any_at_least(x + i, x[heap[0]])) {
      i += RUN;
      continue;
    }
    for (int32_t end = i + count; i < end; i++)
      if (x[i] > x[heap[0]]) {
        heap[0] = i;
        sink(x, heap, size, 0);
      }
  }
  for (int32_t left = size - 1; left > 0; left--) {
    int32_t index = heap[0];
    heap[0] = heap[left];
    heap[left] = index;
    sink(x, heap, left, 0);
  }
  return size;
}
