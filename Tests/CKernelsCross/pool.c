// SPDX-License-Identifier: Apache-2.0
// The threads: every part is done once, whoever does it; and how weights are fetched, as measured.
#include "check.h"
#include "pool.h"

enum { MOST_PARTS = 300 };

typedef struct tally {
  atomic_int done[MOST_PARTS];
  int32_t parts;
  bool slow;
} tally;

static void count_run(void *context, ck_run run, int worker) {
  tally *t = context;
  if (run.first >= run.last || run.last > run.near || run.near > t->parts) fail("parts %d to %d of %d", run.first, run.last, run.near);
  // Some threads stop in the middle of what they have taken, as if another program had their processor.
  if (t->slow && worker == 1 && run.first % 3 == 0) nanosleep(&(struct timespec){0, 20000}, NULL);
  for (int32_t part = run.first; part < run.last; part++) atomic_fetch_add(&t->done[part], 1);
}

static void count_part(void *context, int32_t part, int worker) {
  (void)worker;
  atomic_fetch_add(&((tally *)context)->done[part], 1);
}

static void check_parts(ck_pool *pool, int threads, int round) {
  static tally t;
  int32_t least = round % 5 * (round % 7), parts = (int32_t)((unsigned)round * 37u % MOST_PARTS);
  for (int32_t part = 0; part < MOST_PARTS; part++) atomic_store(&t.done[part], 0);
  t.parts = parts, t.slow = round % 50 == 0;
  if (round % 11 == 0) ck_pool_each(pool, parts, count_part, &t);
  else ck_pool_stages(pool, &(ck_stage){.parts = parts, .least = least, .run = count_run, .context = &t}, 1);
  for (int32_t part = 0; part < MOST_PARTS; part++) {
    int times = atomic_load(&t.done[part]);
    if (times != (part < parts)) fail("part %d of %d, %d threads, least %d: done %d times", part, parts, threads, least, times);
  }
  if (round % 200 == 0) ck_pool_rest(pool);
}

// A job of stages: none begins before the one before is done, and who runs a part has prepared itself for its stage, once.
typedef struct staged {
  struct stages *all;
  int number;
  int32_t parts;
  atomic_int done, prepared[8];
} staged;

typedef struct stages {
  staged stages[CK_MOST_STAGES];
  bool slow;
} stages;

static void prepare_stage(void *context, int worker) { atomic_fetch_add(&((staged *)context)->prepared[worker], 1); }

static void run_stage(void *context, ck_run run, int worker) {
  staged *s = context;
  if (atomic_load(&s->prepared[worker]) != 1) fail("stage %d: worker %d is prepared %d times", s->number, worker, atomic_load(&s->prepared[worker]));
  if (s->number) {
    const staged *before = &s->all->stages[s->number - 1];
    if (atomic_load(&before->done) != before->parts) fail("stage %d begins after %d of %d parts", s->number, atomic_load(&before->done), before->parts);
  }
  if (s->all->slow && (worker + s->number) % 2) nanosleep(&(struct timespec){0, 100000}, NULL);
  atomic_fetch_add(&s->done, run.last - run.first);
}

static void check_stages(ck_pool *pool, int threads, int round) {
  static stages all;
  ck_stage job[CK_MOST_STAGES];
  int count = 1 + round % CK_MOST_STAGES;
  all.slow = round % 40 == 0;
  for (int i = 0; i < count; i++) {
    staged *s = &all.stages[i];
    memset(s, 0, sizeof *s);
    s->all = &all, s->number = i, s->parts = (round * 7 + i * 13) % 5 ? 1 + (round * 31 + i * 17) % 40 : 1;
    job[i] = (ck_stage){.parts = s->parts, .least = (round + i) % 4, .run = run_stage, .prepare = prepare_stage, .context = s};
  }
  ck_pool_stages(pool, job, count);
  for (int i = 0; i < count; i++)
    if (atomic_load(&all.stages[i].done) != all.stages[i].parts)
      fail("stage %d of %d, %d threads: %d of %d parts", i, count, threads, atomic_load(&all.stages[i].done), all.stages[i].parts);
  // Workers that sleep, or are left out, when a job begins.
  if (round % 97 == 0) ck_pool_rest(pool);
  if (round % 211 == 0) ck_pool_limit(pool, 1 + round % threads);
}

static void wait_ns(int64_t ns) {
  for (int64_t end = ck_now_ns() + ns; ck_now_ns() < end;) {}
}

// Products of two sizes and numbers of tokens, each of which takes less time in a way of its own; others are too small, or of
// more tokens than are measured.
static void check_tuner(ck_way better, ck_way other) {
  ck_tuner tuner = {.trial = NULL};
  enum { SMALL = 1 << 20, LARGE = 8 << 20 };
  static const struct {
    size_t bytes;
    int32_t tokens;
  } products[] = {{LARGE, 1}, {SMALL, 1}, {LARGE, CK_TILE}, {1000, 1}, {LARGE, CK_TILE + 1}};
  const ck_way best[] = {better, other, other};
  for (int i = 0; i < 500; i++) {
    int kind = i % 5;
    ck_way way = ck_tuner_begin(&tuner, products[kind].bytes, products[kind].tokens);
    if (kind < 3) wait_ns(way == best[kind] ? 20000 : 40000);
    else if (tuner.trial) fail("a product of %zu bytes and %d tokens is on trial", products[kind].bytes, products[kind].tokens);
    ck_tuner_end(&tuner);
  }
  for (int kind = 0; kind < 3; kind++) {
    ck_way way = ck_tuner_begin(&tuner, products[kind].bytes, products[kind].tokens);
    if (way != best[kind]) fail("product %d: way %d; %d was better", kind, way, best[kind]);
  }
}

// More sizes than there are places for: the last ones are never on trial.
static void check_many_sizes(void) {
  ck_tuner tuner = {.trial = NULL};
  int trials = 0;
  for (int i = 0; i < 40000; i++) {
    ck_tuner_begin(&tuner, (size_t)(i % 40 + 1) << 20, 1);
    trials += tuner.trial != NULL;
    ck_tuner_end(&tuner);
  }
  if (trials > 40000 / 8) fail("%d of 40000 products are trials", trials);
}

// A worker that holds parts and does not run, as if another program had its processor, as long as `taken`.
typedef struct robbed {
  atomic_bool taken;
  atomic_int parts;  // that the worker has run
} robbed;

static void robbed_part(void *context, int32_t part, int worker) {
  (void)part;
  robbed *r = context;
  if (worker) atomic_fetch_add(&r->parts, 1);
  if (worker && atomic_load(&r->taken)) nanosleep(&(struct timespec){0, 3000000}, NULL);
  else wait_ns(20000);
}

static int robbed_parts(ck_pool *pool, robbed *r, int jobs) {
  atomic_store(&r->parts, 0);
  for (int i = 0; i < jobs; i++) ck_pool_each(pool, 8, robbed_part, r);
  return atomic_load(&r->parts);
}

// It is left out soon, and gets parts again when it has its processor again.
static void check_robbed(void) {
  ck_pool *pool = ck_pool_create(2);
  robbed r = {.taken = true};
  robbed_parts(pool, &r, 200);
  int parts = robbed_parts(pool, &r, 1000);
  if (parts > 100) fail("a worker without its processor has run %d of 8000 parts", parts);
  r.taken = false;
  parts = 0;
  for (int64_t end = ck_now_ns() + 20000000000; parts < 1000 && ck_now_ns() < end;) parts = robbed_parts(pool, &r, 1000);
  if (parts < 1000) fail("a worker that has its processor again has run %d of 8000 parts", parts);
  ck_pool_limit(pool, 1);
  parts = robbed_parts(pool, &r, 100);
  if (parts) fail("a worker above the limit has run %d parts", parts);
  ck_pool_limit(pool, 2);
  parts = 0;
  for (int64_t end = ck_now_ns() + 20000000000; !parts && ck_now_ns() < end;) parts = robbed_parts(pool, &r, 100);
  if (!parts) fail("a worker within the limit again runs nothing");
  ck_pool_destroy(pool);
}

// A worker that is left out and is waited for all the same, since it took parts just before: it is left out once.
static void check_dismissed_once(void) {
  ck_pool *pool = ck_pool_create(2);
  ck_pool_limit(pool, 1), ck_pool_limit(pool, 1);
  atomic_store(&pool->queues[1].busy, true);
  ck_pool_watch(pool);
  nanosleep(&(struct timespec){0, 50000000}, NULL);
  ck_pool_judge(pool);
  atomic_store(&pool->queues[1].busy, false);
  if (pool->dismissed != 1 || pool->standings[1].until) fail("%d workers of one are left out, for a while", pool->dismissed);
  ck_pool_destroy(pool);
}

static void nothing(void *context, int32_t part, int worker) { (void)context, (void)part, (void)worker; }

// The caller waits a little for another thread.
static void meet(void *context, int32_t part, int worker) {
  atomic_bool *met = context;
  if (worker != 0) atomic_store(met, true);
  if (part != 0 || worker != 0) return;
  for (int64_t end = ck_now_ns() + 1000000; !atomic_load(met) && ck_now_ns() < end;) {}
}

// Jobs that the caller does alone begin and end while the other thread falls asleep. It may miss one, but not all that follow.
static void check_sleepers(void) {
  ck_pool *pool = ck_pool_create(2);
  atomic_bool met = true;
  for (int round = 0; round < 5000 && met; round++) {
    wait_ns(49000 + round * 7 % 3000);
    for (int i = 0; i < 4; i++) ck_pool_each(pool, 2, nothing, NULL);
    met = false;
    for (int64_t end = ck_now_ns() + 10000000000; !met && ck_now_ns() < end;) ck_pool_each(pool, 2, meet, &met);
  }
  if (!met) fail("a thread that sleeps is not woken");
  ck_pool_destroy(pool);
}

void check_pool(void) {
  for (int threads = 1; threads <= 5; threads++) {
    ck_pool *pool = ck_pool_create(threads);
    for (int round = 0; round < 2000; round++) check_parts(pool, threads, round);
    for (int round = 0; round < 3000; round++) check_stages(pool, threads, round);
    ck_pool_destroy(pool);
  }
  check_sleepers();
  check_robbed();
  check_dismissed_once();
  for (int way = 0; way < CK_WAYS; way++) check_tuner((ck_way)way, (ck_way)((way + 1) % CK_WAYS));
  check_many_sizes();
}
