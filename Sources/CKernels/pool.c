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
#define _GNU_SOURCE
#include "CKernels.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

// After SPIN_NS of pure spinning a thread yields between looks; after REST_NS it sleeps.
enum { SPIN_NS = 20000, REST_NS = 50000, LOOKS = 16 };
enum { COUNT_BITS = 24, COUNT_MASK = (1 << COUNT_BITS) - 1 };

// Generation, end, front of the parts not yet claimed: 16, 24, 24 bits. On a cache line of its own.
typedef struct queue {
  _Alignas(64) _Atomic uint64_t ticket;
} queue;

struct ck_pool {
  int threads;
  pthread_t *handles;
  queue *queues;                         // [threads]
  _Alignas(64) atomic_int left;          // parts not yet done
  atomic_int caller_sleeps;
  _Alignas(64) atomic_uint signal;       // changes when sleeping workers have to look again
  atomic_int sleepers;                   // not 0: somebody may sleep on `signal`
  atomic_bool resting, stopping;
  _Alignas(64) ck_part part;             // these are read only by holders of a claim
  ck_task task;
  void *context;
  uint64_t generation;
  atomic_int caller_cpu;
};

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

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#if defined(__linux__)
static void sleep_on(void *word, unsigned value) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0); }
static void wake(void *word, int count) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0); }

static void leave_callers_cpu(const ck_pool *pool, const cpu_set_t *allowed) {
  int caller = atomic_load_explicit(&pool->caller_cpu, memory_order_relaxed);
  if (sched_getcpu() != caller || CPU_COUNT(allowed) < 2) return;
  cpu_set_t others = *allowed;
  CPU_CLR(caller, &others);
  if (CPU_COUNT(&others) > 0) sched_setaffinity(0, sizeof others, &others);
}
#else
static void sleep_on(void *word, unsigned value) {
  (void)word, (void)value;
  struct timespec nap = {0, 50000};
  nanosleep(&nap, NULL);
}
static void wake(void *word, int count) { (void)word, (void)count; }
#endif

static int32_t front_of(uint64_t ticket) { return (int32_t)(ticket & COUNT_MASK); }
static int32_t end_of(uint64_t ticket) { return (int32_t)(ticket >> COUNT_BITS & COUNT_MASK); }
static bool has_parts(uint64_t ticket) { return front_of(ticket) < end_of(ticket); }

// Takes a part from the front or the end of a queue; -1 when it is empty.
static int32_t claim(queue *q, bool front) {
  uint64_t ticket = atomic_load_explicit(&q->ticket, memory_order_acquire);
  while (has_parts(ticket)) {
    uint64_t rest = front ? ticket + 1 : ticket - (1 << COUNT_BITS);
    if (atomic_compare_exchange_weak_explicit(&q->ticket, &ticket, rest, memory_order_acq_rel, memory_order_acquire))
      return front ? front_of(ticket) : end_of(ticket) - 1;
  }
  return -1;
}

static void run_part(ck_pool *pool, int32_t index, int worker) {
  if (pool->task) pool->task(pool->context, index, pool->threads);
  else pool->part(pool->context, index, worker);
  if (atomic_fetch_sub(&pool->left, 1) == 1 && atomic_load(&pool->caller_sleeps)) wake(&pool->left, 1);
}

// Runs the thread's own parts, then what others have left.
static void run_parts(ck_pool *pool, int worker) {
  int32_t index;
  while ((index = claim(&pool->queues[worker], true)) >= 0) run_part(pool, index, worker);
  for (int other = 1; other < pool->threads; other++) {
    queue *q = &pool->queues[(worker + other) % pool->threads];
    while ((index = claim(q, false)) >= 0) run_part(pool, index, worker);
  }
}

// Looks for parts for a while; true when there may be some.
static bool spin_for_parts(ck_pool *pool, queue *own) {
  int64_t begin = now_ns(), waited = 0;
  while (waited < REST_NS && !atomic_load_explicit(&pool->resting, memory_order_relaxed)) {
    for (int look = 0; look < LOOKS; look++) {
      if (has_parts(atomic_load_explicit(&own->ticket, memory_order_relaxed))) return true;
      pause_cpu();
    }
    if (waited > SPIN_NS) sched_yield();
    waited = now_ns() - begin;
  }
  return false;
}

// Returns when there may be parts to claim, or the pool stops. Waking takes longer than many a task, so who was woken
// in vain spins for the next one.
static void wait_for_parts(ck_pool *pool, queue *own) {
  while (!spin_for_parts(pool, own)) {
    atomic_store(&pool->sleepers, 1);
    unsigned signal = atomic_load(&pool->signal);
    if (has_parts(atomic_load(&own->ticket)) || atomic_load(&pool->stopping)) return;
    sleep_on(&pool->signal, signal);
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
    wait_for_parts(pool, &pool->queues[begin.worker]);
    if (atomic_load(&pool->stopping)) return NULL;
#if defined(__linux__)
    leave_callers_cpu(pool, &allowed);
#endif
    run_parts(pool, begin.worker);
  }
}

ck_pool *ck_pool_create(int threads) {
  if (threads < 1) threads = 1;
  ck_pool *pool = aligned_alloc(64, (sizeof(ck_pool) + 63) / 64 * 64);
  if (!pool) return NULL;
  *pool = (ck_pool){.threads = 1};
  pool->handles = calloc((size_t)threads, sizeof(pthread_t));
  pool->queues = aligned_alloc(64, (size_t)threads * sizeof(queue));
  if (!pool->handles || !pool->queues) {
    ck_pool_destroy(pool);
    return NULL;
  }
  for (int worker = 0; worker < threads; worker++) atomic_init(&pool->queues[worker].ticket, 0);
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
  if (!atomic_load(&pool->sleepers) || !atomic_exchange(&pool->sleepers, 0)) return;
  atomic_fetch_add(&pool->signal, 1);
  wake(&pool->signal, pool->threads);
}

void ck_pool_destroy(ck_pool *pool) {
  if (!pool) return;
  atomic_store(&pool->stopping, true);
  atomic_store(&pool->resting, true);
  atomic_fetch_add(&pool->signal, 1);
  wake(&pool->signal, pool->threads);
  for (int worker = 1; worker < pool->threads; worker++) pthread_join(pool->handles[worker], NULL);
  free(pool->handles);
  free(pool->queues);
  free(pool);
}

int ck_pool_threads(const ck_pool *pool) { return pool->threads; }

static void wait_for_others(ck_pool *pool) {
  int64_t begin = 0, waited = 0;
  while (waited < REST_NS) {
    for (int look = 0; look < LOOKS; look++) {
      if (!atomic_load_explicit(&pool->left, memory_order_acquire)) return;
      pause_cpu();
    }
    if (waited > SPIN_NS) sched_yield();
    int64_t now = now_ns();
    if (!begin) begin = now;
    waited = now - begin;
  }
  atomic_store(&pool->caller_sleeps, 1);
  int left;
  while ((left = atomic_load(&pool->left)) > 0) sleep_on(&pool->left, (unsigned)left);
  atomic_store(&pool->caller_sleeps, 0);
}

static void run(ck_pool *pool, int32_t parts) {
#if defined(__linux__)
  atomic_store_explicit(&pool->caller_cpu, sched_getcpu(), memory_order_relaxed);
#endif
  atomic_store_explicit(&pool->resting, false, memory_order_relaxed);
  atomic_store_explicit(&pool->left, parts, memory_order_relaxed);
  pool->generation++;
  for (int worker = pool->threads - 1; worker >= 0; worker--) {
    uint64_t front = (uint64_t)((int64_t)parts * worker / pool->threads);
    uint64_t end = (uint64_t)((int64_t)parts * (worker + 1) / pool->threads);
    atomic_store(&pool->queues[worker].ticket, pool->generation << (2 * COUNT_BITS) | end << COUNT_BITS | front);
  }
  wake_sleepers(pool);
  run_parts(pool, 0);
  wait_for_others(pool);
}

void ck_pool_run(ck_pool *pool, ck_task task, void *context) {
  if (pool->threads == 1) {
    task(context, 0, 1);
    return;
  }
  pool->task = task;
  pool->context = context;
  run(pool, pool->threads);
}

void ck_pool_each(ck_pool *pool, int32_t parts, ck_part part, void *context) {
  if (pool->threads == 1 || parts <= 1) {
    for (int32_t index = 0; index < parts; index++) part(context, index, 0);
    return;
  }
  enum { MOST = 1 << (COUNT_BITS - 1) };  // what the ticket can count; the caller does any more alone
  pool->task = NULL;
  pool->part = part;
  pool->context = context;
  run(pool, parts < MOST ? parts : MOST);
  for (int32_t index = MOST; index < parts; index++) part(context, index, 0);
}

void ck_pool_rest(ck_pool *pool) { atomic_store_explicit(&pool->resting, true, memory_order_relaxed); }
