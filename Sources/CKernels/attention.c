// SPDX-License-Identifier: Apache-2.0
// Attention over a paged cache: how work is cut.
//
// A unit is a kv head and some tokens of one sequence; its query rows (tokens times the heads that share the kv head)
// pass over the pages together. Positions are cut into spans of about 256 at fixed places; each span has a softmax of
// its own and the spans are joined in order. So a row's result is the same alone or among others, and when few units
// would leave threads idle (decoding), spans of one unit are computed in parallel and joined afterwards.
#include "products.h"

// Query rows of a unit: enough to pay for widening a page. Positions of a span. Bytes kept for parallel spans.
enum { UNIT_ROWS = 64, SPAN_POSITIONS = 256, PARALLEL_BYTES = 2 << 20 };

static int32_t shared_heads(const ck_attention *a) { return a->heads / a->cache.kv_heads; }
static int32_t unit_tokens(const ck_attention *a) { return ck_max(UNIT_ROWS / shared_heads(a), 1); }
static int32_t span_positions(const ck_attention *a) {
  return ck_max(SPAN_POSITIONS / a->cache.page_tokens, 1) * a->cache.page_tokens;
}

typedef struct job {
  const ck_kernels *kernels;
  const ck_attention *attention;
  const ck_attention_entry *entries;
  int count;
  float *scratch, *partials;
  size_t work_floats, state_floats;  // for each worker; of a unit's running softmax
  size_t rows;                       // most query rows of a unit in this call
  int32_t units;
} job;

static size_t unit_rows(const ck_attention *a) { return (size_t)unit_tokens(a) * (size_t)shared_heads(a); }

static size_t state_floats(const ck_attention *a, size_t rows) {
  return ck_round_up(rows * ((size_t)ck_value_stride(&a->cache) + 2) * 4) / 4;
}

static size_t work_floats(const ck_attention *a) {
  size_t page = (size_t)a->cache.page_tokens * (size_t)ck_max(a->cache.key_size, ck_value_stride(&a->cache));
  return ck_round_up((page + unit_rows(a) * (size_t)span_positions(a)) * 4) / 4;
}

size_t ck_attention_scratch(const ck_attention *a, int threads) {
  return (size_t)threads * (work_floats(a) + 2 * state_floats(a, unit_rows(a))) * 4 + PARALLEL_BYTES;
}

static void place_state(const job *j, ck_span *span, float *memory) {
  span->sums = memory;
  span->tops = memory + j->rows * (size_t)ck_value_stride(&j->attention->cache);
  span->totals = span->tops + j->rows;
}

// One past the last position any of the unit's rows sees.
static int32_t end_of(const ck_attention *a, const ck_span *unit) {
  int32_t tokens = unit->entry->tokens, last = a->window ? ck_min(unit->last_token + a->window - 1, tokens) : tokens;
  return unit->entry->first_position + (a->bidirectional ? last : unit->last_token);
}

static int32_t units_of(const ck_attention *a, const ck_attention_entry *e) {
  return ck_ceil(e->tokens, unit_tokens(a)) * a->cache.kv_heads;
}

// Unit `index` of all entries. Within an entry the latest tokens come first: they see most.
static ck_span unit_at(const job *j, int32_t index) {
  const ck_attention *a = j->attention;
  const ck_attention_entry *e = j->entries;
  for (; index >= units_of(a, e); e++) index -= units_of(a, e);
  int32_t step = unit_tokens(a), chunk = ck_ceil(e->tokens, step) - 1 - index / a->cache.kv_heads;
  ck_span unit = {.entry = e, .kv_head = index % a->cache.kv_heads, .first_token = chunk * step};
  unit.last_token = ck_min(unit.first_token + step, e->tokens);
  return unit;
}

// First and last span any row of the unit sees something of.
static void spans_of(const ck_attention *a, const ck_span *unit, int32_t *first, int32_t *last) {
  int32_t low = unit->entry->first_position + unit->first_token, high = end_of(a, unit);
  int32_t oldest = a->window ? ck_max(low - a->window + 1, 0) : 0, length = span_positions(a);
  *first = oldest / length;
  *last = (high - 1) / length;
}

static void bound(const ck_attention *a, ck_span *span, int32_t number) {
  int32_t length = span_positions(a), high = end_of(a, span), width = a->cache.page_tokens;
  span->from = number * length;
  span->to = ck_min(span->from + length, high);
  if (!a->window) return;
  // Pages nobody sees are skipped.
  int32_t oldest = ck_max(span->entry->first_position + span->first_token - a->window + 1, 0);
  span->from = ck_max(span->from, oldest / width * width);
}

static void begin(const ck_attention *a, ck_span *total) {
  int32_t shared = shared_heads(a), rows = (total->last_token - total->first_token) * shared;
  for (int32_t r = 0; r < rows; r++) {
    total->tops[r] = a->sinks ? a->sinks[total->kv_head * shared + r % shared] : -INFINITY;
    total->totals[r] = a->sinks ? 1 : 0;
  }
  memset(total->sums, 0, (size_t)rows * (size_t)ck_value_stride(&a->cache) * 4);
}

static void end(const ck_attention *a, const ck_span *total) {
  int32_t shared = shared_heads(a), rows = (total->last_token - total->first_token) * shared;
  int32_t stride = ck_value_stride(&a->cache), size = a->cache.value_size;
  for (int32_t r = 0; r < rows; r++) {
    float *out = total->entry->out + (size_t)(total->first_token + r / shared) * a->out_stride +
                 (size_t)(total->kv_head * shared + r % shared) * (size_t)size;
    float factor = total->totals[r] > 0 ? 1 / total->totals[r] : 0;
    const float *sums = total->sums + (size_t)r * (size_t)stride;
    for (int32_t d = 0; d < size; d++) out[d] = sums[d] * factor;
  }
}

// A whole unit on one thread.
static void unit_part(void *context, int32_t part, int worker) {
  const job *j = context;
  const ck_attention *a = j->attention;
  float *work = j->scratch + (size_t)worker * (j->work_floats + 2 * j->state_floats);
  ck_span total = unit_at(j, part), span = total;
  place_state(j, &total, work + j->work_floats);
  place_state(j, &span, work + j->work_floats + j->state_floats);
  int32_t first, last, rows = (total.last_token - total.first_token) * shared_heads(a);
  spans_of(a, &total, &first, &last);
  begin(a, &total);
  for (int32_t number = first; number <= last; number++) {
    bound(a, &span, number);
    j->kernels->attend(a, &span, work);
    j->kernels->join(&total, &span, rows, ck_value_stride(&a->cache));
  }
  end(a, &total);
}

// One that stores the unit's keys and values first. Rows of heads are the entries' tokens, one after the other.
typedef struct whole_job {
  job job;
  ck_attention attention;
  ck_heads heads;
  ck_attention_entry entries[CK_TILE];
} whole_job;

static void whole_run(void *context, ck_run run, int worker) {
  const whole_job *w = context;
  for (int32_t part = run.first; part < run.last; part++) {
    ck_span unit = unit_at(&w->job, part);
    int32_t row = 0;
    for (const ck_attention_entry *e = w->entries; e < unit.entry; e++) row += e->tokens;
    for (int32_t t = 0; t < unit.entry->tokens; t++)
      ck_store_heads(w->job.kernels, &w->attention, &w->heads, unit.entry, t, (size_t)(row + t), unit.kv_head, unit.kv_head + 1);
    unit_part((void *)&w->job, part, worker);
  }
}

// The unit and span of a part when spans are computed in parallel.
static ck_span span_at(const job *j, int32_t part) {
  for (int32_t index = 0;; index++) {
    ck_span unit = unit_at(j, index);
    int32_t first, last;
    spans_of(j->attention, &unit, &first, &last);
    if (part > last - first) {
      part -= last - first + 1;
      continue;
    }
    bound(j->attention, &unit, first + part);
    return unit;
  }
}

static void span_part(void *context, int32_t part, int worker) {
  const job *j = context;
  ck_span span = span_at(j, part);
  place_state(j, &span, j->partials + (size_t)part * j->state_floats);
  j->kernels->attend(j->attention, &span, j->scratch + (size_t)worker * (j->work_floats + 2 * j->state_floats));
}

static void join_spans(const job *j) {
  const ck_attention *a = j->attention;
  int32_t part = 0;
  for (int32_t index = 0; index < j->units; index++) {
    ck_span total = unit_at(j, index), span = total;
    place_state(j, &total, j->scratch + j->work_floats);
    int32_t first, last, rows = (total.last_token - total.first_token) * shared_heads(a);
    spans_of(a, &total, &first, &last);
    begin(a, &total);
    for (int32_t number = first; number <= last; number++, part++) {
      place_state(j, &span, j->partials + (size_t)part * j->state_floats);
      j->kernels->join(&total, &span, rows, ck_value_stride(&a->cache));
    }
    end(a, &total);
  }
}

// Parts when every span is one, or 0 if that is not worth it or does not fit.
static int32_t parallel_spans(const job *j, int threads) {
  if (j->units >= 4 * threads) return 0;
  int32_t parts = 0;
  for (int32_t index = 0; index < j->units; index++) {
    ck_span unit = unit_at(j, index);
    int32_t first, last;
    spans_of(j->attention, &unit, &first, &last);
    parts += last - first + 1;
  }
  return parts > j->units && (size_t)parts * j->state_floats * 4 <= PARALLEL_BYTES ? parts : 0;
}

static job job_of(const ck_attention *attention, const ck_attention_entry *entries, int count) {
  job j = {.attention = attention, .entries = entries, .count = count, .work_floats = work_floats(attention)};
  int32_t most = 0;
  for (int e = 0; e < count; e++) {
    j.units += units_of(attention, &entries[e]);
    most = ck_max(most, ck_min(entries[e].tokens, unit_tokens(attention)));
  }
  j.rows = (size_t)most * (size_t)shared_heads(attention);
  j.state_floats = state_floats(attention, j.rows);
  return j;
}

void ck_expect_attention(ck_pool *pool, const ck_attention *attention, const ck_attention_entry *entries, int count) {
  const ck_cache *c = &attention->cache;
  int threads = ck_pool_threads(pool);
  job j = job_of(attention, entries, count);
  if (threads < 2 || j.units < 1) return;
  int32_t spans = parallel_spans(&j, threads);
  for (int worker = 0; worker < threads; worker++) {
    int32_t first, last, part = (int32_t)((int64_t)(spans ? spans : j.units) * worker / threads);
    ck_span span = spans ? span_at(&j, part) : unit_at(&j, part);
    if (!spans) {
      spans_of(attention, &span, &first, &last);
      bound(attention, &span, first);
    }
    const uint8_t *page = ck_page(c, span.entry->pages, span.from);
    size_t keys = ck_key_head_bytes(c), values = ck_value_head_bytes(c), head = (size_t)span.kv_head;
    ck_pool_ahead(pool, worker, 0, page + c->key_offset + head * keys, keys);
    ck_pool_ahead(pool, worker, 1, page + c->value_offset + head * values, values);
  }
}

void ck_attend(ck_pool *pool, ck_isa isa, const ck_attention *attention, const ck_attention_entry *entries, int count,
               void *scratch) {
  int threads = ck_pool_threads(pool);
  job j = job_of(attention, entries, count);
  j.kernels = ck_kernels_of(isa), j.scratch = scratch;
  j.partials = j.scratch + (size_t)threads * (j.work_floats + 2 * j.state_floats);
  int32_t parts = parallel_spans(&j, threads);
  ck_fetch_expected(pool);
  if (!parts) {
    ck_pool_each(pool, j.units, unit_part, &j);
    return;
  }
  ck_pool_each(pool, parts, span_part, &j);
  join_spans(&j);
}

bool ck_attention_stage(ck_pool *pool, ck_isa isa, const ck_attention *attention, const ck_heads *heads,
                        const ck_attention_entry *entries, int count, void *scratch, ck_stage *stage) {
  if (count > CK_TILE || attention->bidirectional) return false;
  // All tokens of an entry in one unit: no other thread needs what it stores.
  for (int e = 0; e < count; e++)
    if (entries[e].tokens > unit_tokens(attention)) return false;
  job j = job_of(attention, entries, count);
  if (parallel_spans(&j, ck_pool_threads(pool))) return false;
  whole_job *w = ck_pool_memory(pool, sizeof *w);
  w->attention = *attention, w->heads = *heads;
  memcpy(w->entries, entries, (size_t)count * sizeof *entries);
  w->job = j;
  w->job.kernels = ck_kernels_of(isa), w->job.scratch = scratch;
  w->job.attention = &w->attention, w->job.entries = w->entries;
  *stage = (ck_stage){.parts = j.units, .run = whole_run, .context = w};
  return true;
}
