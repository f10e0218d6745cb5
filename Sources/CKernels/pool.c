// SPDX-License-Identifier: Apache-2.0
// A fixed pool of threads for tasks of microseconds. The caller is worker 0; the others spin a short while after a
// task, then sleep on a futex.
//
// Each thread has a queue: a run of parts, taken by its owner from the front and by threads that have finished theirs
// from the back. (Handing out parts in turn makes neighbours of what two threads read, and each one's prefetcher then
// fetches the other's memory: measured, two threads no faster than one.) A queue is one 64-bit ticket, so that a claim
// is a single exchange which a late thread can try at any time without touching what it may no longer read. A thread
// that was never scheduled costs nothing; the caller waits only for parts somebody has begun.
//
// Nothing is pinned, but a worker that finds itself on the caller's processor excludes that one from its own mask:
// some kernels leave both there for many milliseconds while another processor idles.
//
// A worker that keeps the others waiting because another program has its processor is left out for a while: standing.c.
#define _GNU_SOURCE
#include "pool.h"

#include <sched.h>
#include <stdlib.h>

// After SPIN_NS of pure spinning a thread yields between looks; after REST_NS it sleeps.
enum { SPIN_NS = 20000, REST_NS = 50000, LOOKS = 16 };
// Lines of memory that are fetched between two looks; by the caller at least, which has work to do; by each thread at most.
enum { STEP_LINES = 4, CALLER_LINES = 16, MOST_LINES = 512 };
enum { COUNT_BITS = 24, COUNT_MASK = (1 << COUNT_BITS) - 1 };

// Of small parts a thread takes half of what its queue has at once, and fewer and fewer: each claim holds up the reading of
// memory. What another has fetched already is slow to take over, so of small parts a thread takes others' only where STEAL
// claims are left, or when these do not come to an end: their owner may not be running. Of a stage that gives each thread
// fewer than BRIEF claims it takes all it has at once, unless some processors are slower than others, and does not even look at
// what others have left, which would hold up their next claim.
enum { SHARE = 2, STEAL = 8, BRIEF = 32, PATIENCE_NS = 3000 };

typedef struct start {
  ck_pool *pool;
  int worker;
} start;

static inline void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

int64_t ck_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#if defined(__linux__)
static void leave_callers_cpu(const ck_pool *pool, const cpu_set_t *allowed) {
  int caller = atomic_load_explicit(&pool->caller_cpu, memory_order_relaxed);
  if (sched_getcpu() != caller || CPU_COUNT(allowed) < 2) return;
  cpu_set_t others = *allowed;
  CPU_CLR(caller, &others);
  if (CPU_COUNT(&others) > 0) sched_setaffinity(0, sizeof others, &others);
}
#endif

static int32_t front_of(uint64_t ticket) { return (int32_t)(ticket & COUNT_MASK); }
static int32_t end_of(uint64_t ticket) { return (int32_t)(ticket >> COUNT_BITS & COUNT_MASK); }
static int32_t least_of(uint64_t ticket) { return (int32_t)(ticket >> (2 * COUNT_BITS) & 255); }
static bool has_parts(uint64_t ticket) { return front_of(ticket) < end_of(ticket); }

// Takes parts from the front or the end of a queue: one, or of small ones a share of what is there, or all; none when it is empty.
static ck_run claim(queue *q, bool front, bool greedy, bool all) {
  uint64_t ticket = atomic_load_explicit(&q->ticket, memory_order_acquire);
  while (has_parts(ticket)) {
    int32_t begin = front_of(ticket), end = end_of(ticket), least = least_of(ticket);
    if (!greedy && !front && end - begin < STEAL * least) break;
    int32_t count = least ? ck_min(ck_max(all ? end - begin : (end - begin) / SHARE, least), end - begin) : 1;
    uint64_t rest = front ? ticket + (uint64_t)count : ticket - ((uint64_t)count << COUNT_BITS);
    if (atomic_compare_exchange_weak_explicit(&q->ticket, &ticket, rest, memory_order_acq_rel, memory_order_acquire))
      return front ? (ck_run){begin, begin + count, end} : (ck_run){end - count, end, end};
  }
  return (ck_run){0, 0, 0};
}

// What the caller has written for a stage.
static void fetch_job(const ck_pool *pool, const ck_stage *stage) {
  enum { STAGE_LINES = 2, JOB_LINES = 10 };
  __builtin_prefetch(&pool->generation);
  for (int line = 0; line < STAGE_LINES; line++) __builtin_prefetch((const char *)stage + 64 * line);
  const char *job = stage == pool->stages ? (const char *)pool->job : stage->context;
  for (int line = 0; line < JOB_LINES; line++) __builtin_prefetch(job + 64 * line);
}

static int32_t run_claimed(ck_pool *pool, ck_run parts, int worker) {
  const ck_stage *stage = &pool->stages[pool->stage];
  queue *own = &pool->queues[worker];
  if (stage->prepare && own->prepared != pool->generation) {
    own->prepared = pool->generation;
    stage->prepare(stage->context, worker);
  }
  if (stage->run) stage->run(stage->context, parts, worker);
  else
    for (int32_t index = parts.first; index < parts.last; index++)
      if (pool->task) pool->task(stage->context, index, pool->threads);
      else pool->part(stage->context, index, worker);
  return parts.last - parts.first;
}

// Hands out the parts of the stage that begins, and looks at nothing after the last: as soon as all have an owner they may be
// done, and another stage or job begun. Nothing here waits for another processor's cache: no store has to be
// seen before the next.
static void open_stage(ck_pool *pool) {
  const ck_stage *stage = &pool->stages[pool->stage];
  int32_t parts = stage->parts, least = stage->least;
  int shares = pool->share_count, share = shares;
  uint64_t later = (uint64_t)(pool->stage_count - 1 - pool->stage);
  atomic_store_explicit(&pool->left, later << 32 | (uint64_t)parts, memory_order_relaxed);
  atomic_store_explicit(&pool->brief, parts / shares < BRIEF * least, memory_order_relaxed);
  pool->generation++;
  uint64_t mark = (pool->generation << 8 | (uint64_t)least) << (2 * COUNT_BITS);
  for (int worker = pool->threads - 1; worker >= 0; worker--) {
    if (!pool->shares[worker]) continue;
    uint64_t end = (uint64_t)((int64_t)parts * share / shares);
    uint64_t front = (uint64_t)((int64_t)parts * --share / shares);
    if (front == end) continue;
    atomic_store_explicit(&pool->queues[worker].ticket, mark | end << COUNT_BITS | front, memory_order_release);
    if (!front) return;
  }
}

static void wake_sleepers(ck_pool *pool) {
  if (!atomic_load_explicit(&pool->sleepers, memory_order_relaxed) || !atomic_exchange(&pool->sleepers, 0)) return;
  atomic_fetch_add(&pool->signal, 1);
  ck_wake(&pool->signal, pool->threads);
}

// All parts of a stage are done. After the last the caller goes on at once: what it has for the next job is not looked at.
static void end_stage(ck_pool *pool, bool last) {
  if (!last) {
    pool->stage++;
    open_stage(pool);
    wake_sleepers(pool);
    atomic_thread_fence(memory_order_seq_cst);
  }
  if (!atomic_load(&pool->caller_sleeps)) return;
  atomic_fetch_add(&pool->turn, 1);
  ck_wake(&pool->turn, 1);
}

// What a thread needs that has done its parts, which are not counted yet and so hold the stage.
static void fetch_next(ck_pool *pool, int worker) {
  const ck_stage *stage = &pool->stages[pool->stage];
  if (stage->next.count) ck_fetch_first(pool, worker, &stage->next);
  if (pool->stage + 1 < pool->stage_count) fetch_job(pool, stage + 1);
}

// Runs the thread's own parts, then what others have left. All are counted at once: threads that count one by one wait for
// one another.
static void run_parts(ck_pool *pool, int worker, bool greedy) {
  int32_t done = 0;
  bool brief = atomic_load_explicit(&pool->brief, memory_order_relaxed);
  int last = greedy || !brief ? pool->threads : 1;
  if (worker) atomic_store_explicit(&pool->queues[worker].busy, true, memory_order_relaxed);
  for (int other = 0; other < last; other++) {
    queue *q = &pool->queues[(worker + other) % pool->threads];
    ck_run parts;
    while ((parts = claim(q, other == 0, greedy, brief && !other && !pool->uneven)).last) done += run_claimed(pool, parts, worker);
  }
  if (done) fetch_next(pool, worker);
  if (worker) {
    queue *own = &pool->queues[worker];
    atomic_store_explicit(&own->busy, false, memory_order_relaxed);
    if (done && atomic_load_explicit(&pool->caller_sleeps, memory_order_relaxed))
      atomic_store_explicit(&own->ended, ck_now_ns(), memory_order_relaxed);
  }
  if (!done) return;
  uint64_t left = atomic_fetch_sub(&pool->left, (uint64_t)done) - (uint64_t)done;
  if (!(uint32_t)left) end_stage(pool, !left);
}

// Lines to fetch, taken from a queue.
typedef struct fetching {
  const char *next[CK_FETCHES];
  int lines[CK_FETCHES], left;
} fetching;

static fetching take_ahead(queue *q) {
  fetching f = {.left = 0};
  for (int i = 0; i < CK_FETCHES; i++) {
    if (!atomic_load_explicit(&q->lines[i], memory_order_relaxed)) continue;
    f.lines[i] = atomic_exchange_explicit(&q->lines[i], 0, memory_order_relaxed);
    f.next[i] = atomic_load_explicit(&q->ahead[i], memory_order_relaxed);
    f.left += f.lines[i];
  }
  return f;
}

static void fetch(fetching *f, int lines) {
  for (int i = 0; i < CK_FETCHES; i++)
    for (; f->lines[i] > 0 && lines > 0; f->lines[i]--, f->left--, lines--, f->next[i] += 64)
      __builtin_prefetch(f->next[i], 0, 2);
}

// Looks for parts for a while; true when there may be some.
static bool spin_for_parts(ck_pool *pool, int worker) {
  queue *own = &pool->queues[worker];
  fetching ahead = take_ahead(own);
  while (ahead.left > 0) {
    if (has_parts(atomic_load_explicit(&own->ticket, memory_order_relaxed))) return true;
    fetch(&ahead, STEP_LINES);
  }
  int64_t begin = ck_now_ns(), waited = 0;
  while (waited < REST_NS && !atomic_load_explicit(&pool->resting, memory_order_relaxed) &&
         !atomic_load_explicit(&own->dismissed, memory_order_relaxed)) {
    for (int look = 0; look < LOOKS; look++) {
      if (has_parts(atomic_load_explicit(&own->ticket, memory_order_relaxed))) return true;
      pause_cpu();
    }
    if (waited > SPIN_NS) sched_yield();
    int64_t before = waited;
    waited = ck_now_ns() - begin;
    if (before < PATIENCE_NS && waited >= PATIENCE_NS) run_parts(pool, worker, true);
  }
  return false;
}

// Returns when there may be parts to claim, or the pool stops. Waking takes longer than many a task, so who was woken
// in vain spins for the next one.
static void wait_for_parts(ck_pool *pool, int worker) {
  queue *own = &pool->queues[worker];
  while (!spin_for_parts(pool, worker)) {
    // One that is dismissed while a job has stages to come may still get parts of them.
    while (atomic_load(&own->dismissed) && !has_parts(atomic_load(&own->ticket)) && !atomic_load(&pool->stopping))
      ck_sleep_on(&own->dismissed, 1);
    // The signal as it was before anybody could know of the sleep: who takes `sleepers` changes it afterwards.
    unsigned signal = atomic_load(&pool->signal);
    atomic_store(&pool->sleepers, 1);
    if (has_parts(atomic_load(&own->ticket)) || atomic_load(&pool->stopping)) return;
    ck_sleep_on(&pool->signal, signal);
    if (atomic_load(&pool->stopping)) return;
  }
}

static void *work(void *argument) {
  start begin = *(start *)argument;
  free(argument);
  ck_pool *pool = begin.pool;
#if defined(__linux__)
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
#endif
  for (;;) {
    wait_for_parts(pool, begin.worker);
    if (atomic_load(&pool->stopping)) return NULL;
#if defined(__linux__)
    leave_callers_cpu(pool, &allowed);
#endif
    fetch_job(pool, pool->stages);
    run_parts(pool, begin.worker, false);
  }
}

ck_pool *ck_pool_create(int threads) {
  if (threads < 1) threads = 1;
  ck_pool *pool = aligned_alloc(64, (sizeof(ck_pool) + 63) / 64 * 64);
  if (!pool) return NULL;
  *pool = (ck_pool){.threads = threads, .started = 1, .uneven = ck_processors_differ()};
  pool->handles = calloc((size_t)threads, sizeof(pthread_t));
  pool->queues = aligned_alloc(64, (size_t)threads * sizeof(queue));
  pool->standings = calloc((size_t)threads, sizeof(standing));
  pool->shares = calloc((size_t)threads, sizeof(bool));
  if (!pool->handles || !pool->queues || !pool->standings || !pool->shares) {
    ck_pool_destroy(pool);
    return NULL;
  }
  for (int worker = 0; worker < threads; worker++) {
    atomic_init(&pool->queues[worker].ticket, 0);
    atomic_init(&pool->queues[worker].dismissed, 0);
    atomic_init(&pool->queues[worker].busy, false);
    atomic_init(&pool->queues[worker].ended, 0);
    for (int i = 0; i < CK_FETCHES; i++) atomic_init(&pool->queues[worker].lines[i], 0);
    pool->queues[worker].prepared = 0;
  }
  for (int worker = 1; worker < threads; worker++) {
    start *begin = malloc(sizeof(start));
    if (begin) *begin = (start){pool, worker};
    if (!begin || pthread_create(&pool->handles[worker], NULL, work, begin)) {
      free(begin);
      ck_pool_destroy(pool);
      return NULL;
    }
    pool->started = worker + 1;
  }
  return pool;
}

void ck_pool_destroy(ck_pool *pool) {
  if (!pool) return;
  atomic_store(&pool->stopping, true);
  atomic_store(&pool->resting, true);
  atomic_fetch_add(&pool->signal, 1);
  ck_wake(&pool->signal, pool->threads);
  for (int worker = 1; worker < pool->started; worker++) {
    ck_pool_recall(pool, worker);
    pthread_join(pool->handles[worker], NULL);
  }
  free(pool->handles);
  free(pool->queues);
  free(pool->standings);
  free(pool->shares);
  free(pool);
}

int ck_pool_threads(const ck_pool *pool) { return pool->threads; }

// Whether the caller has something to do: parts of a stage, or go on.
static bool caller_is_wanted(ck_pool *pool) {
  return !atomic_load_explicit(&pool->left, memory_order_acquire) ||
         has_parts(atomic_load_explicit(&pool->queues[0].ticket, memory_order_relaxed));
}

// Of each stage that begins meanwhile it takes what nobody has: whose parts they are may sleep.
static void sleep_for_others(ck_pool *pool) {
  ck_pool_watch(pool);
  atomic_store(&pool->caller_sleeps, 1);
  for (uint64_t looked = atomic_load(&pool->left) >> 32; !caller_is_wanted(pool);) {
    unsigned turn = atomic_load(&pool->turn);
    uint64_t later = atomic_load(&pool->left) >> 32;
    if (later != looked) run_parts(pool, 0, true);
    else if (!caller_is_wanted(pool)) ck_sleep_on(&pool->turn, turn);
    looked = later;
  }
  atomic_store(&pool->caller_sleeps, 0);
  ck_pool_judge(pool);
}

static void wait_for_others(ck_pool *pool) {
  fetching ahead = take_ahead(&pool->queues[0]);
  fetch(&ahead, CALLER_LINES);
  while (ahead.left > 0) {
    if (caller_is_wanted(pool)) return;
    fetch(&ahead, STEP_LINES);
  }
  int64_t begin = 0, waited = 0;
  while (waited < REST_NS) {
    for (int look = 0; look < LOOKS; look++) {
      if (caller_is_wanted(pool)) return;
      pause_cpu();
    }
    if (waited > SPIN_NS) sched_yield();
    int64_t now = ck_now_ns(), before = waited;
    if (!begin) begin = now;
    waited = now - begin;
    if (before < PATIENCE_NS && waited >= PATIENCE_NS) run_parts(pool, 0, true);
  }
  sleep_for_others(pool);
}

// Who gets parts of a job: all but the dismissed.
static void choose_shares(ck_pool *pool) {
  if (pool->dismissed) ck_pool_recall_due(pool);
  if (pool->share_count == pool->threads - pool->dismissed && !pool->dismissed) return;
  pool->share_count = pool->threads - pool->dismissed;
  for (int worker = 0; worker < pool->threads; worker++) pool->shares[worker] = !pool->standings[worker].dismissed;
}

// Runs the job in pool->stages. What is the same as before is not written. A worker that falls asleep meanwhile may be missed;
// the caller looks again before it waits.
static void run_all(ck_pool *pool, int count) {
#if defined(__linux__)
  int cpu = sched_getcpu();
  if (atomic_load_explicit(&pool->caller_cpu, memory_order_relaxed) != cpu)
    atomic_store_explicit(&pool->caller_cpu, cpu, memory_order_relaxed);
#endif
  if (atomic_load_explicit(&pool->resting, memory_order_relaxed))
    atomic_store_explicit(&pool->resting, false, memory_order_relaxed);
  choose_shares(pool);
  pool->stage = 0, pool->stage_count = count;
  open_stage(pool);
  wake_sleepers(pool);
  do {
    run_parts(pool, 0, false);
    wake_sleepers(pool);
    wait_for_others(pool);
  } while (atomic_load_explicit(&pool->left, memory_order_acquire));
}

// What the ticket can count; the caller does any more alone.
enum { MOST_PARTS = 1 << (COUNT_BITS - 1) };

static void run_only_stage(ck_pool *pool, int32_t parts, ck_task task, ck_part part, void *context) {
  pool->task = task, pool->part = part;
  pool->stages[0] = (ck_stage){.parts = parts, .context = context};
  run_all(pool, 1);
}

void ck_pool_run(ck_pool *pool, ck_task task, void *context) {
  if (pool->threads == 1) task(context, 0, 1);
  else run_only_stage(pool, pool->threads, task, NULL, context);
}

void ck_pool_each(ck_pool *pool, int32_t parts, ck_part part, void *context) {
  int32_t shared = pool->threads == 1 || parts <= 1 ? 0 : ck_min(parts, MOST_PARTS);
  if (shared) run_only_stage(pool, shared, NULL, part, context);
  for (int32_t index = shared; index < parts; index++) part(context, index, 0);
}

static void run_alone(const ck_stage *stage) {
  if (stage->parts < 1) return;
  if (stage->prepare) stage->prepare(stage->context, 0);
  stage->run(stage->context, (ck_run){0, stage->parts, stage->parts}, 0);
}

void ck_pool_stages(ck_pool *pool, const ck_stage *stages, int count) {
  bool alone = pool->threads == 1 || (count == 1 && stages[0].parts <= 1);
  for (int i = 0; i < count; i++) alone = alone || stages[i].parts < 1 || stages[i].parts > MOST_PARTS;
  for (int i = 0; i < count; i++)
    if (alone) run_alone(&stages[i]);
    else pool->stages[i] = stages[i], pool->stages[i].least = ck_min(stages[i].least, 255);
  if (!alone) run_all(pool, count);
  pool->job_bytes = 0;
}

void ck_pool_weighted(ck_pool *pool, const ck_stage *stages, int count, int32_t tokens) {
  size_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += stages[i].weights;
  ck_way way = ck_tuner_begin(&pool->tuner, bytes, tokens);
  for (int i = 0; i < count; i++)
    if (stages[i].way) *stages[i].way = way;
  ck_pool_stages(pool, stages, count);
  ck_tuner_end(&pool->tuner);
}

void ck_pool_ahead(ck_pool *pool, int worker, int place, const void *memory, size_t bytes) {
  queue *q = &pool->queues[worker];
  atomic_store_explicit(&q->ahead[place], memory, memory_order_relaxed);
  atomic_store_explicit(&q->lines[place], (int)(ck_min((int32_t)(bytes / 64), MOST_LINES)), memory_order_relaxed);
}

void ck_pool_expect(ck_pool *pool, const ck_expected *expected) { pool->expected = *expected; }

ck_expected ck_pool_expected(ck_pool *pool) {
  ck_expected expected = pool->expected;
  pool->expected.count = 0;
  return expected;
}

void *ck_pool_memory(ck_pool *pool, size_t bytes) {
  void *memory = pool->job + pool->job_bytes;
  pool->job_bytes += ck_round_up(bytes);
  return pool->job_bytes <= CK_JOB_BYTES ? memory : NULL;
}

void ck_pool_rest(ck_pool *pool) { atomic_store_explicit(&pool->resting, true, memory_order_relaxed); }
