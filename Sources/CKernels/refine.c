// SPDX-License-Identifier: Apache-2.0
// The likeliest logits once more, with the input as it is: what a packed product adds to them is noise of its rounded
// input, which decides where two tokens are near. A few rows are read again, far fewer than the product read.
#include "products.h"

enum { MOST = 16 };

typedef struct refine_job {
  const ck_kernels *kernels;
  const ck_input *input;
  const ck_output *output;
  float margin;
  float *rows;  // for each worker two rows of inputs: the input's and the matrix's
} refine_job;

// The logits within the margin of the largest; within less of it, if they are too many.
static int32_t likeliest(const float *logits, int32_t count, float margin, int32_t *indices) {
  float top = logits[ck_argmax(logits, count)];
  for (int tries = 0; tries < 8; tries++, margin /= 2) {
    int32_t taken = ck_at_least(logits, count, top - margin, indices, MOST + 1);
    if (taken <= MOST) return taken;
  }
  return 0;
}

static void refine_part(void *context, int32_t token, int worker) {
  const refine_job *j = context;
  const ck_output *o = j->output;
  int32_t inputs = j->input->inputs, indices[MOST + 1];
  float *logits = o->y + (size_t)token * o->stride, *row = j->rows + 2 * (size_t)worker * (size_t)inputs;
  int32_t count = likeliest(logits, o->packed->rows, j->margin, indices);
  // A single one is the largest whatever its value is worth.
  if (count < 2) return;
  const float *x = ck_normed_input(j->kernels, j->input, token, row);
  ck_rows rows = {.data = row + inputs, .dtype = CK_F32, .stride = (size_t)inputs, .count = 1};
  for (int32_t i = 0; i < count; i++) {
    float dot;
    ck_packed_row(o->packed, indices[i], row + inputs);
    j->kernels->dots(&rows, x, (size_t)inputs, 1, inputs, &dot, 1);
    logits[indices[i]] = dot + (o->bias ? o->bias[indices[i]] : 0);
  }
}

void ck_refine(ck_pool *pool, ck_isa isa, const ck_input *input, const ck_output *output, float margin, void *scratch) {
  if (!output->packed || input->tokens < 1) return;
  refine_job j = {ck_kernels_of(isa), input, output, margin, scratch};
  ck_pool_each(pool, input->tokens, refine_part, &j);
}
