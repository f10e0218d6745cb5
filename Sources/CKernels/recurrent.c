// SPDX-License-Identifier: Apache-2.0
// Gated delta nets: how work is cut. A part is one key head of one sequence, with the value heads that share it; tokens
// follow one another, so a sequence's states are the same whatever else is in the step.
#include "kernels.h"

static size_t shared_heads(const ck_delta_net *n) { return (size_t)(n->value_heads / n->key_heads); }
static size_t key_width(const ck_delta_net *n) { return (size_t)n->key_heads * (size_t)n->key_size; }
static size_t channels(const ck_delta_net *n) {
  return 2 * key_width(n) + (size_t)n->value_heads * (size_t)n->value_size;
}

size_t ck_delta_state(const ck_delta_net *n) {
  return channels(n) * (size_t)(n->kernel - 1) +
         (size_t)n->value_heads * (size_t)n->key_size * (size_t)n->value_size;
}

// Of a worker: query, key, values of a key head, what a value head remembers.
static size_t work_floats(const ck_delta_net *n) {
  size_t values = shared_heads(n) * (size_t)n->value_size;
  return (2 * (size_t)n->key_size + values + (size_t)n->value_size + 15 + 15) / 16 * 16;
}

size_t ck_delta_scratch(const ck_delta_net *n, int threads) { return ck_round_up((size_t)threads * work_floats(n) * 4); }

typedef struct job {
  const ck_kernels *kernels;
  const ck_delta_net *net;
  const ck_delta_entry *entries;
  float *scratch;
} job;

// The convolution of `count` channels from `first` on, then silu. The past of each moves on by one token.
static void convolve(const ck_delta_net *n, float *past, size_t first, size_t count, const float *x, float *y) {
  size_t kernel = (size_t)n->kernel;
  for (size_t c = 0; c < count; c++) {
    const float *w = n->convolution + (first + c) * kernel;
    float *p = past + (first + c) * (kernel - 1), sum = 0;
    for (size_t i = 0; i + 1 < kernel; i++) sum += w[i] * p[i];
    sum += w[kernel - 1] * x[c];
    memmove(p, p + 1, (kernel - 2) * sizeof *p);
    p[kernel - 2] = x[c];
    y[c] = sum / (1 + expf(-sum));
  }
}

// x = x / |x| * factor.
static void unit(float *x, int32_t count, float factor) {
  float square = 0;
  for (int32_t i = 0; i < count; i++) square += x[i] * x[i];
  float scale = factor / sqrtf(square + 1e-6f);
  for (int32_t i = 0; i < count; i++) x[i] *= scale;
}

static float softplus(float x) { return x > 20 ? x : log1pf(expf(x)); }

static void head_part(void *context, int32_t part, int worker) {
  const job *j = context;
  const ck_delta_net *n = j->net;
  const ck_delta_entry *e = &j->entries[part / n->key_heads];
  size_t head = (size_t)(part % n->key_heads), shared = shared_heads(n);
  size_t key = (size_t)n->key_size, value = (size_t)n->value_size, values = shared * value;
  float *q = j->scratch + (size_t)worker * work_floats(n), *k = q + key, *v = k + key, *remembered = v + values;
  float *states = e->state + channels(n) * (size_t)(n->kernel - 1) + head * shared * key * value;
  for (int32_t t = 0; t < e->tokens; t++) {
    const float *input = e->input + (size_t)t * n->stride + head * 2 * (key + values);
    const float *rates = e->rates + (size_t)t * n->stride + head * 2 * shared;
    float *out = e->out + (size_t)t * (size_t)n->value_heads * value + head * values;
    convolve(n, e->state, head * key, key, input, q);
    convolve(n, e->state, key_width(n) + head * key, key, input + key, k);
    convolve(n, e->state, 2 * key_width(n) + head * values, values, input + 2 * key, v);
    unit(q, n->key_size, 1 / sqrtf((float)key));
    unit(k, n->key_size, 1);
    for (size_t s = 0; s < shared; s++) {
      size_t number = head * shared + s;
      float beta = 1 / (1 + expf(-rates[s]));
      float decay = expf(-expf(n->decay[number]) * softplus(rates[shared + s] + n->time_bias[number]));
      float *y = out + s * value;
      j->kernels->recur(states + s * key * value, q, k, v + s * value, decay, beta, n->key_size, n->value_size,
                        remembered, y);
      j->kernels->rms_norm(y, n->norm, 0, n->epsilon, n->value_size, y);
      const float *gate = input + 2 * key + values + s * value;
      for (size_t d = 0; d < value; d++) y[d] *= gate[d] / (1 + expf(-gate[d]));
    }
  }
}

void ck_delta_step(ck_pool *pool, ck_isa isa, const ck_delta_net *net, const ck_delta_entry *entries, int count,
                   void *scratch) {
  job j = {ck_kernels_of(isa), net, entries, scratch};
  ck_pool_each(pool, count * net->key_heads, head_part, &j);
}
