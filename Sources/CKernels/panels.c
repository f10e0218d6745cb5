// SPDX-License-Identifier: Apache-2.0
// Matrices in f32, f16 or bf16 packed for products with many tokens: panels of as many rows as a register tile takes,
// side by side for each input. See panels.inc for the products; here they are packed and cut into parts.
#include "kernels.h"

// Rows of a panel.
static int32_t panel_width(ck_isa isa) { return isa == CK_ISA_AVX512 || isa == CK_ISA_AVX512VNNI ? 64 : 16; }

static int32_t panels_of(const ck_panels *m) { return ck_ceil(m->rows, m->width); }

ck_panels ck_panels_view(ck_isa isa, const ck_weight *w, const void *data) {
  return (ck_panels){.rows = w->rows, .inputs = w->inputs, .width = panel_width(isa), .dtype = w->dtype, .data = data};
}

size_t ck_panels_bytes(ck_isa isa, const ck_weight *w) {
  if (w->format != CK_PLAIN) return 0;
  ck_panels m = ck_panels_view(isa, w, NULL);
  return ck_round_up((size_t)panels_of(&m) * (size_t)(m.width * m.inputs) * ck_dtype_bytes(m.dtype));
}

int32_t ck_panels_count(ck_isa isa, const ck_weight *w) {
  ck_panels m = ck_panels_view(isa, w, NULL);
  return panels_of(&m);
}

void ck_panels_pack(ck_isa isa, const ck_weight *w, void *destination, int32_t first, int32_t last) {
  ck_panels m = ck_panels_view(isa, w, destination);
  size_t bytes = ck_dtype_bytes(m.dtype), width = (size_t)m.width, inputs = (size_t)m.inputs;
  for (int32_t number = first; number < last; number++) {
    uint8_t *panel = (uint8_t *)destination + (size_t)number * width * inputs * bytes;
    int32_t row = number * m.width, count = ck_min(m.width, m.rows - row);
    if (count < m.width) memset(panel, 0, width * inputs * bytes);
    for (int32_t r = 0; r < count; r++) {
      const uint8_t *from = (const uint8_t *)w->data + (size_t)(row + r) * inputs * bytes;
      uint8_t *to = panel + (size_t)r * bytes;
      for (size_t k = 0; k < inputs; k++) memcpy(to + k * width * bytes, from + k * bytes, bytes);
    }
  }
}

// ---- products ----

// A part is some panels of one matrix and a run of tokens whose inputs stay in the second-level cache.
enum { INPUT_BYTES = 192 << 10, TILE_TOKENS = 6, PARTS = 6, MOST_OUTPUTS = 8 };

typedef struct job {
  const ck_kernels *kernels;
  const ck_panel_output *outputs;
  int count;
  const float *x;
  size_t x_stride;
  int32_t tokens, unit_tokens, unit_panels;
  int32_t parts[MOST_OUTPUTS];  // of each output
} job;

static void part(void *context, int32_t number, int worker) {
  (void)worker;
  const job *j = context;
  int i = 0;
  for (; number >= j->parts[i]; i++) number -= j->parts[i];
  const ck_panel_output *o = &j->outputs[i];
  int32_t units = ck_ceil(panels_of(o->matrix), j->unit_panels);
  int32_t first = number / units * j->unit_tokens, last = ck_min(first + j->unit_tokens, j->tokens);
  int32_t panel = number % units * j->unit_panels, end = ck_min(panel + j->unit_panels, panels_of(o->matrix));
  for (; panel < end; panel++)
    j->kernels->panel(o, panel, j->x + (size_t)first * j->x_stride, j->x_stride, first, last);
}

void ck_panel_products(ck_pool *pool, ck_isa isa, const ck_panel_output *outputs, int count, const float *x,
                       size_t x_stride, int32_t tokens) {
  if (tokens < 1 || count < 1) return;
  if (count > MOST_OUTPUTS) count = MOST_OUTPUTS;
  int32_t inputs = outputs[0].matrix->inputs, wanted = PARTS * ck_pool_threads(pool), panels = 0, parts = 0;
  job j = {.kernels = ck_kernels_of(isa), .outputs = outputs, .count = count, .x = x, .x_stride = x_stride, .tokens = tokens};
  int32_t fits = ck_max(INPUT_BYTES / (4 * ck_max(inputs, 1)) / TILE_TOKENS, 2) * TILE_TOKENS;
  j.unit_tokens = ck_min(fits, ck_ceil(tokens, TILE_TOKENS) * TILE_TOKENS);
  for (int i = 0; i < count; i++) panels += panels_of(outputs[i].matrix);
  // As many panels in a part as leave each thread several parts.
  j.unit_panels = ck_max(panels * ck_ceil(tokens, j.unit_tokens) / wanted, 1);
  for (int i = 0; i < count; i++) {
    j.parts[i] = ck_ceil(tokens, j.unit_tokens) * ck_ceil(panels_of(outputs[i].matrix), j.unit_panels);
    parts += j.parts[i];
  }
  ck_pool_each(pool, parts, part, &j);
}
