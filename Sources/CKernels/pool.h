// SPDX-License-Identifier: Apache-2.0
// What the pool is made of: for pool.c and standing.c.
#pragma once
#include "products.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

// Generation, least number of parts to take, end, front of the parts not yet claimed: 8, 8, 24, 24 bits. On a cache line of
// its own, as is the memory that the thread is to fetch when it has nothing else to do.
typedef struct queue {
  _Alignas(64) _Atomic uint64_t ticket;
  _Alignas(64) _Atomic(const char *) ahead[CK_FETCHES];
  atomic_int lines[CK_FETCHES];
  atomic_uint dismissed;      // not 0: its thread gets no parts, and sleeps on this
  _Alignas(64) atomic_bool busy;  // its thread holds parts
  _Atomic int64_t ended;      // nanoseconds at which it had none any more while the caller slept
  uint64_t prepared;          // its thread's: generation of the stage it has prepared itself for
} queue;

// What the caller knows of a worker, in nanoseconds.
typedef struct standing {
  int64_t begin, lost;        // processor time that others took from it since `begin`, in the caller's processor time
  int64_t until, pause;       // when it gets parts again; how long it will have none the next time
  int64_t waited, cpu;        // while the caller waits for it: since when, and its processor time then
  bool dismissed;             // as the worker's queue says; that line is the worker's
} standing;

struct ck_pool {
  int threads, started;                  // started: of them, the caller's included
  bool uneven;                           // some processors may be slower than others
  pthread_t *handles;
  queue *queues;                         // [threads]
  standing *standings;                   // [threads], the caller's
  int dismissed;                         // workers that are, the caller's
  _Alignas(64) _Atomic uint64_t left;    // stages of the job to come, parts of the one that runs not yet done: 32 bits each
  atomic_int caller_sleeps;
  atomic_uint turn;                      // changes when a caller that sleeps has to look again
  _Alignas(64) atomic_uint signal;       // changes when sleeping workers have to look again
  atomic_int sleepers;                   // not 0: somebody may sleep on `signal`
  atomic_bool resting, stopping;
  // The job, read only by holders of a claim and who opens a stage. Threads that get parts are fixed as long as it runs.
  _Alignas(64) ck_stage stages[CK_MOST_STAGES];
  int stage_count;
  ck_part part;                          // instead of the only stage's runs
  ck_task task;
  bool *shares;                          // [threads]: who gets parts
  int share_count;
  _Alignas(64) uint64_t generation;      // stages until now
  int stage;                             // the one that runs
  atomic_bool brief;                     // too few claims to look at others'
  _Alignas(64) uint8_t job[CK_JOB_BYTES];
  _Alignas(64) ck_expected expected;     // the caller's
  size_t job_bytes;                      // of `job` in use
  ck_tuner tuner;                        // the caller's
  atomic_int caller_cpu;
};

// Sleeps while the word has this value.
#if defined(__linux__)
static inline void ck_sleep_on(void *word, unsigned value) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0); }
static inline void ck_wake(void *word, int count) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0); }
#else
static inline void ck_sleep_on(void *word, unsigned value) {
  (void)word, (void)value;
  struct timespec nap = {0, 50000};
  nanosleep(&nap, NULL);
}
static inline void ck_wake(void *word, int count) { (void)word, (void)count; }
#endif

// Whether the machine has processors of several kinds: processors.c.
bool ck_processors_differ(void);

// ---- standing.c: all of it the caller's ----

void ck_pool_recall(ck_pool *pool, int worker);
// Those whose pause is over.
void ck_pool_recall_due(ck_pool *pool);
// The caller begins to wait long; the wait is over.
void ck_pool_watch(ck_pool *pool);
void ck_pool_judge(ck_pool *pool);
