// SPDX-License-Identifier: Apache-2.0
// Which workers get parts. A worker whose processor another program takes away while it holds parts stops all others until it
// has it back, which is worse than doing without it. The caller, when it waits long, looks at that worker's processor time; if
// too much was taken from it, it gets no parts for a while, and for a longer while if that happens again at once.
#define _GNU_SOURCE
#include "pool.h"

// Lost time counts within a PERIOD of the caller's processor time. So much is forgiven; beyond that a worker may lose half of the
// part of that time that it is worth. A PAUSE is doubled each time, and forgotten after a period without one.
enum { PERIOD_NS = 100000000, FORGIVEN_NS = 2000000, PAUSE_NS = 20000000, MOST_PAUSE_NS = 1000000000 };

static void dismiss(ck_pool *pool, int worker) {
  if (pool->standings[worker].dismissed) return;
  pool->standings[worker].dismissed = true;
  pool->dismissed++;
  atomic_store(&pool->queues[worker].dismissed, 1);
}

void ck_pool_recall(ck_pool *pool, int worker) {
  if (!pool->standings[worker].dismissed) return;
  pool->standings[worker].dismissed = false;
  pool->dismissed--;
  atomic_store(&pool->queues[worker].dismissed, 0);
  ck_wake(&pool->queues[worker].dismissed, 1);
}

#if defined(__linux__)
// A thread's processor time; -1: unknown.
static int64_t cpu_ns(pthread_t thread) {
  clockid_t clock;
  struct timespec t;
  if (pthread_getcpuclockid(thread, &clock) || clock_gettime(clock, &t)) return -1;
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
#else
static int64_t cpu_ns(pthread_t thread) { return (void)thread, -1; }
#endif

void ck_pool_recall_due(ck_pool *pool) {
  int64_t now = ck_now_ns();
  for (int worker = 1; worker < pool->threads; worker++) {
    standing *s = &pool->standings[worker];
    if (!s->dismissed || !s->until || now < s->until) continue;
    s->begin = cpu_ns(pthread_self()), s->lost = 0;
    ck_pool_recall(pool, worker);
  }
}

void ck_pool_watch(ck_pool *pool) {
  for (int worker = 1; worker < pool->threads; worker++) {
    standing *s = &pool->standings[worker];
    bool busy = atomic_load_explicit(&pool->queues[worker].busy, memory_order_relaxed);
    s->waited = busy ? ck_now_ns() : 0;
    s->cpu = busy ? cpu_ns(pool->handles[worker]) : -1;
  }
}

void ck_pool_judge(ck_pool *pool) {
  int64_t now = ck_now_ns(), own = cpu_ns(pthread_self());
  for (int worker = 1; worker < pool->threads; worker++) {
    standing *s = &pool->standings[worker];
    // One that is dismissed may still have taken parts once more.
    if (s->cpu < 0 || s->dismissed) continue;
    int64_t ended = atomic_load_explicit(&pool->queues[worker].ended, memory_order_relaxed);
    int64_t lost = (ended > s->waited ? ended : now) - s->waited - (cpu_ns(pool->handles[worker]) - s->cpu);
    if (own - s->begin > PERIOD_NS) {
      if (own - s->begin > 2 * PERIOD_NS) s->pause = 0;
      s->begin = own - PERIOD_NS / 8, s->lost = 0;
    }
    s->lost += lost;
    if (s->lost < FORGIVEN_NS || s->lost * 2 * pool->threads < own - s->begin) continue;
    s->pause = s->pause ? s->pause : PAUSE_NS;
    s->until = now + s->pause;
    s->pause = 2 * s->pause < MOST_PAUSE_NS ? 2 * s->pause : MOST_PAUSE_NS;
    dismiss(pool, worker);
  }
}

void ck_pool_limit(ck_pool *pool, int threads) {
  for (int worker = 1; worker < pool->threads; worker++) {
    pool->standings[worker].until = 0;
    if (worker < threads) ck_pool_recall(pool, worker);
    else dismiss(pool, worker);
  }
}
