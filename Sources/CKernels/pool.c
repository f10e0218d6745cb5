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
// claims are left, or when these do not come to an end: their owner may not be running. Of a job that gives each thread
// fewer than LOOK claims it does not even look at what others have left, which would hold up their next claim.
enum { SHARE = 2, STEAL = 8, LOOK = 32, PATIENCE_NS = 3000 };

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

// Takes parts from the front or the end of a queue: one, or of small ones a share of what is there; none when it is empty.
static ck_run claim(queue *q, bool front, bool greedy) {
  uint64_t ticket = atomic_load_explicit(&q->ticket, memory_order_acquire);
  while (has_parts(ticket)) {
    int32_t begin = front_of(ticket), end = end_of(ticket), least = least_of(ticket);
    if (!greedy && !front && end - begin < STEAL * least) break;
    int32_t count = least ? ck_min(ck_max((end - begin) / SHARE, least), end - begin) : 1;
    uint64_t rest = front ? ticket + (uint64_t)count : ticket - ((uint64_t)count << COUNT_BITS);
    if (atomic_compare_exchange_weak_explicit(&q->ticket, &ticket, rest, memory_order_acq_rel, memory_order_acquire))
      return front ? (ck_run){begin, begin + count, end} : (ck_run){end - count, end, end};
  }
  return (ck_run){0, 0, 0};
}

static int32_t run_claimed(ck_pool *pool, ck_run parts, int worker) {
  if (pool->runs) pool->runs(pool->context, parts, worker);
  else
    for (int32_t index = parts.first; index < parts.last; index++)
      if (pool->task) pool->task(pool->context, index, pool->threads);
      else pool->part(pool->context, index, worker);
  return parts.last - parts.first;
}

// Runs the thread's own parts, then what others have left. All are counted at once: threads that count one by one wait for
// one another.
static void run_parts(ck_pool *pool, int worker, bool greedy) {
  int32_t done = 0;
  int last = greedy || !atomic_load_explicit(&pool->brief, memory_order_relaxed) ? pool->threads : 1;
  if (worker) atomic_store_explicit(&pool->queues[worker].busy, true, memory_order_relaxed);
  for (int other = 0; other < last; other++) {
    queue *q = &pool->queues[(worker + other) % pool->threads];
    ck_run parts;
    while ((parts = claim(q, other == 0, greedy)).last) done += run_claimed(pool, parts, worker);
  }
  if (worker) {
    queue *own = &pool->queues[worker];
    atomic_store_explicit(&own->busy, false, memory_order_relaxed);
    if (done && atomic_load_explicit(&pool->caller_sleeps, memory_order_relaxed))
      atomic_store_explicit(&own->ended, ck_now_ns(), memory_order_relaxed);
  }
  if (done && atomic_fetch_sub(&pool->left, done) == done && atomic_load(&pool->caller_sleeps)) ck_wake(&pool->left, 1);
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
    while (atomic_load(&own->dismissed) && !atomic_load(&pool->stopping)) ck_sleep_on(&own->dismissed, 1);
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
    run_parts(pool, begin.worker, false);
  }
}

ck_pool *ck_pool_create(int threads) {
  if (threads < 1) threads = 1;
  ck_pool *pool = aligned_alloc(64, (sizeof(ck_pool) + 63) / 64 * 64);
  if (!pool) return NULL;
  *pool = (ck_pool){.threads = 1};
  pool->handles = calloc((size_t)threads, sizeof(pthread_t));
  pool->queues = aligned_alloc(64, (size_t)threads * sizeof(queue));
  pool->standings = calloc((size_t)threads, sizeof(standing));
  if (!pool->handles || !pool->queues || !pool->standings) {
    ck_pool_destroy(pool);
    return NULL;
  }
  for (int worker = 0; worker < threads; worker++) {
    atomic_init(&pool->queues[worker].ticket, 0);
    atomic_init(&pool->queues[worker].dismissed, 0);
    atomic_init(&pool->queues[worker].busy, false);
    atomic_init(&pool->queues[worker].ended, 0);
    for (int i = 0; i < CK_FETCHES; i++) atomic_init(&pool->queues[worker].lines[i], 0);
  }
  for (int worker = 1; worker < threads; worker++) {
    start *begin = malloc(sizeof(start));
    if (begin) *begin = (start){pool, worker};
    if (!begin || pthread_create(&pool->handles[worker], NULL, work, begin)) {
      free(begin);
      ck_pool_destroy(pool);
      return NULL;
    }
    pool->threads = worker + 1;
  }
  return pool;
}

static void wake_sleepers(ck_pool *pool) {
  if (!atomic_load_explicit(&pool->sleepers, memory_order_relaxed) || !atomic_exchange(&pool->sleepers, 0)) return;
  atomic_fetch_add(&pool->signal, 1);
  ck_wake(&pool->signal, pool->threads);
}

void ck_pool_destroy(ck_pool *pool) {
  if (!pool) return;
  atomic_store(&pool->stopping, true);
  atomic_store(&pool->resting, true);
  atomic_fetch_add(&pool->signal, 1);
  ck_wake(&pool->signal, pool->threads);
  for (int worker = 1; worker < pool->threads; worker++) {
    ck_pool_recall(pool, worker);
    pthread_join(pool->handles[worker], NULL);
  }
  free(pool->handles);
  free(pool->queues);
  free(pool->standings);
  free(pool);
}

int ck_pool_threads(const ck_pool *pool) { return pool->threads; }

static void wait_for_others(ck_pool *pool) {
  fetching ahead = take_ahead(&pool->queues[0]);
  fetch(&ahead, CALLER_LINES);
  while (ahead.left > 0) {
    if (!atomic_load_explicit(&pool->left, memory_order_acquire)) return;
    fetch(&ahead, STEP_LINES);
  }
  int64_t begin = 0, waited = 0;
  while (waited < REST_NS) {
    for (int look = 0; look < LOOKS; look++) {
      if (!atomic_load_explicit(&pool->left, memory_order_acquire)) return;
      pause_cpu();
    }
    if (waited > SPIN_NS) sched_yield();
    int64_t now = ck_now_ns(), before = waited;
    if (!begin) begin = now;
    waited = now - begin;
    if (before < PATIENCE_NS && waited >= PATIENCE_NS) run_parts(pool, 0, true);
  }
  ck_pool_watch(pool);
  atomic_store(&pool->caller_sleeps, 1);
  int left;
  while ((left = atomic_load(&pool->left)) > 0) ck_sleep_on(&pool->left, (unsigned)left);
  atomic_store(&pool->caller_sleeps, 0);
  ck_pool_judge(pool);
}

// Nothing here waits for another processor's cache: what is the same as before is not written, and no store has to be seen
// before the next. A worker that falls asleep meanwhile may be missed; the caller looks again before it waits.
static void run_all(ck_pool *pool, int32_t parts, int32_t least) {
#if defined(__linux__)
  int cpu = sched_getcpu();
  if (atomic_load_explicit(&pool->caller_cpu, memory_order_relaxed) != cpu)
    atomic_store_explicit(&pool->caller_cpu, cpu, memory_order_relaxed);
#endif
  if (atomic_load_explicit(&pool->resting, memory_order_relaxed))
    atomic_store_explicit(&pool->resting, false, memory_order_relaxed);
  atomic_store_explicit(&pool->left, parts, memory_order_relaxed);
  if (pool->dismissed) ck_pool_recall_due(pool);
  int shares = pool->threads - pool->dismissed, share = shares;
  atomic_store_explicit(&pool->brief, parts / shares < LOOK * least, memory_order_relaxed);
  pool->generation++;
  uint64_t mark = (pool->generation << 8 | (uint64_t)least) << (2 * COUNT_BITS);
  for (int worker = pool->threads - 1; worker >= 0; worker--) {
    if (pool->standings[worker].dismissed) continue;
    uint64_t end = (uint64_t)((int64_t)parts * share / shares);
    uint64_t front = (uint64_t)((int64_t)parts * --share / shares);
    atomic_store_explicit(&pool->queues[worker].ticket, mark | end << COUNT_BITS | front, memory_order_release);
  }
  wake_sleepers(pool);
  run_parts(pool, 0, false);
  wake_sleepers(pool);
  wait_for_others(pool);
}

// What the ticket can count; the caller does any more alone.
enum { MOST_PARTS = 1 << (COUNT_BITS - 1) };

void ck_pool_run(ck_pool *pool, ck_task task, void *context) {
  if (pool->threads == 1) {
    task(context, 0, 1);
    return;
  }
  pool->runs = NULL, pool->task = task, pool->context = context;
  run_all(pool, pool->threads, 0);
}

void ck_pool_each(ck_pool *pool, int32_t parts, ck_part part, void *context) {
  int32_t shared = pool->threads == 1 || parts <= 1 ? 0 : ck_min(parts, MOST_PARTS);
  if (shared) {
    pool->runs = NULL, pool->task = NULL, pool->part = part, pool->context = context;
    run_all(pool, shared, 0);
  }
  for (int32_t index = shared; index < parts; index++) part(context, index, 0);
}

void ck_pool_runs(ck_pool *pool, int32_t parts, int32_t least, ck_run_task task, void *context) {
  int32_t shared = pool->threads == 1 || parts <= 1 ? 0 : ck_min(parts, MOST_PARTS);
  if (shared) {
    pool->runs = task, pool->context = context;
    run_all(pool, shared, ck_min(least, 255));
  }
  if (shared < parts) task(context, (ck_run){shared, parts, parts}, 0);
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

ck_tuner *ck_pool_tuner(ck_pool *pool) { return &pool->tuner; }

void ck_pool_rest(ck_pool *pool) { atomic_store_explicit(&pool->resting, true, memory_order_relaxed); }
