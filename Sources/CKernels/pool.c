// SPDX-License-Identifier: Apache-2.0
// A fixed pool of threads for tasks of microseconds: workers spin a short while, then sleep on a futex.
// The caller is worker 0. Nothing is pinned, but a worker that wakes on the caller's processor excludes that one
// from its own mask: some kernels leave both there for many milliseconds while another processor idles.
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

enum { SPIN_ROUNDS = 64, SPIN_PAUSES = 16, YIELD_ROUNDS = 8 };

struct ck_pool {
  int threads;
  pthread_t *handles;
  ck_task task;
  void *context;
  _Alignas(64) atomic_uint generation;  // a new value starts a task
  atomic_int sleeping;                  // workers in the futex
  _Alignas(64) atomic_int running;      // workers not yet done
  atomic_int waiting;                   // whether the caller sleeps until running is 0
  atomic_bool stopping;
  atomic_int caller_cpu;                // where the caller ran when the task began
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

#if defined(__linux__)
static void sleep_on(void *word, unsigned value) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0); }
static void wake(void *word, int count) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0); }
#else
static void sleep_on(void *word, unsigned value) {
  (void)word; (void)value;
  struct timespec nap = {0, 50000};
  nanosleep(&nap, NULL);
}
static void wake(void *word, int count) { (void)word; (void)count; }
#endif

#if defined(__linux__)
static void leave_callers_cpu(const ck_pool *pool, const cpu_set_t *allowed) {
  int caller = atomic_load_explicit(&pool->caller_cpu, memory_order_relaxed);
  if (CPU_COUNT(allowed) < 2 || sched_getcpu() != caller) return;
  cpu_set_t others = *allowed;
  CPU_CLR(caller, &others);
  if (CPU_COUNT(&others) > 0) sched_setaffinity(0, sizeof others, &others);
}
#endif

static unsigned wait_for_task(ck_pool *pool, unsigned seen) {
  for (int round = 0; round < SPIN_ROUNDS + YIELD_ROUNDS; round++) {
    for (int i = 0; i < SPIN_PAUSES; i++) {
      unsigned now = atomic_load_explicit(&pool->generation, memory_order_acquire);
      if (now != seen) return now;
      pause_cpu();
    }
    if (round >= SPIN_ROUNDS) sched_yield();
  }
  atomic_fetch_add(&pool->sleeping, 1);
  unsigned now;
  while ((now = atomic_load(&pool->generation)) == seen) sleep_on(&pool->generation, seen);
  atomic_fetch_sub(&pool->sleeping, 1);
  return now;
}

static void *work(void *argument) {
  start begin = *(start *)argument;
  free(argument);
  ck_pool *pool = begin.pool;
  unsigned seen = 0;
#if defined(__linux__)
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
#endif
  for (;;) {
    seen = wait_for_task(pool, seen);
    if (atomic_load(&pool->stopping)) return NULL;
#if defined(__linux__)
    leave_callers_cpu(pool, &allowed);
#endif
    pool->task(pool->context, begin.worker, pool->threads);
    if (atomic_fetch_sub(&pool->running, 1) == 1 && atomic_load(&pool->waiting)) wake(&pool->running, 1);
  }
}

ck_pool *ck_pool_create(int threads) {
  if (threads < 1) threads = 1;
  ck_pool *pool = aligned_alloc(64, (sizeof(ck_pool) + 63) / 64 * 64);
  if (!pool) return NULL;
  *pool = (ck_pool){.threads = 1};
  pool->handles = calloc((size_t)threads, sizeof(pthread_t));
  if (!pool->handles) { free(pool); return NULL; }
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

void ck_pool_destroy(ck_pool *pool) {
  if (!pool) return;
  atomic_store(&pool->stopping, true);
  atomic_fetch_add(&pool->generation, 1);
  wake(&pool->generation, pool->threads);
  for (int worker = 1; worker < pool->threads; worker++) pthread_join(pool->handles[worker], NULL);
  free(pool->handles);
  free(pool);
}

int ck_pool_threads(const ck_pool *pool) { return pool->threads; }

void ck_pool_run(ck_pool *pool, ck_task task, void *context) {
  if (pool->threads == 1) {
    task(context, 0, 1);
    return;
  }
  pool->task = task;
  pool->context = context;
#if defined(__linux__)
  atomic_store_explicit(&pool->caller_cpu, sched_getcpu(), memory_order_relaxed);
#endif
  atomic_store(&pool->running, pool->threads - 1);
  atomic_fetch_add(&pool->generation, 1);
  if (atomic_load(&pool->sleeping) > 0) wake(&pool->generation, pool->threads);
  task(context, 0, pool->threads);
  for (int round = 0; round < SPIN_ROUNDS + YIELD_ROUNDS; round++) {
    for (int i = 0; i < SPIN_PAUSES; i++) {
      if (!atomic_load_explicit(&pool->running, memory_order_acquire)) return;
      pause_cpu();
    }
    if (round >= SPIN_ROUNDS) sched_yield();
  }
  atomic_store(&pool->waiting, 1);
  int left;
  while ((left = atomic_load(&pool->running)) > 0) sleep_on(&pool->running, (unsigned)left);
  atomic_store(&pool->waiting, 0);
}
