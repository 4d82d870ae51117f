/* The thread pool that shares the work of an operation.
 *
 * Between two operations of a step its threads spin for a moment, as the next one follows within microseconds, and
 * then sleep. Each thread takes the part with its own number first, since its cache holds what it wrote of that part in
 * the operation before. A thread that is done takes any part that is left, so that nobody waits for a thread that the
 * system has descheduled. The pool serves one caller at a time; a second caller computes alone. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "kernels.h"

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

/* Threads at most, as a bit stands for each; and checks between two calls of sched_yield. */
enum { MAX_THREADS = 32, SPINS = 64 };
static const double SPIN_SECONDS = 5e-4; /* before a thread sleeps */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t wake;
  int wanted; /* threads, the caller's included */
  int size;   /* threads that run, the caller's included; 0 before the first shared call, and after a fork */
  atomic_bool busy;
  atomic_int asleep;
  /* In one word, so that both change together: the number of the call (32 bits), and a bit for each part that nobody
   * has taken. */
  _Atomic uint64_t work;
  atomic_int finished; /* parts of the call that are done */
  atomic_bool failed;  /* whether a part returned false */
  Task *task;
  const void *data;
  int parts;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .wanted = 1};

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

static uint32_t call_of(uint64_t work) { return work >> 32; }
static uint32_t left_of(uint64_t work) { return work; }

/* Wait for another call than the one seen, and return its number. */
static uint32_t next_call(uint32_t seen) {
  const double until = seconds() + SPIN_SECONDS;
  uint32_t call;
  do
    for (int i = 0; i < SPINS; i++) {
      if ((call = call_of(atomic_load_explicit(&pool.work, memory_order_acquire))) != seen) return call;
      PAUSE();
    }
  while (!sched_yield() && seconds() < until);
  pthread_mutex_lock(&pool.lock);
  atomic_fetch_add(&pool.asleep, 1);
  while ((call = call_of(atomic_load(&pool.work))) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
  atomic_fetch_sub(&pool.asleep, 1);
  pthread_mutex_unlock(&pool.lock);
  return call;
}

/* Run parts of a call while there are any, if the thread's own part is left. The call cannot end before a part that
 * has been taken is done, so that task, data and parts belong to this call as long as they are read. */
static void run_parts(uint32_t call, int own) {
  uint64_t work = atomic_load(&pool.work);
  int part = own;
  if (!(left_of(work) >> own & 1)) return; /* the call has no such part, or another thread was faster */
  while (call_of(work) == call && left_of(work)) {
    if (!(left_of(work) >> part & 1)) part = __builtin_ctz(left_of(work));
    if (atomic_compare_exchange_weak(&pool.work, &work, work & ~(1ull << part))) {
      if (!pool.task(pool.data, part, pool.parts)) atomic_store(&pool.failed, true);
      atomic_fetch_add_explicit(&pool.finished, 1, memory_order_release);
      work = atomic_load(&pool.work);
    }
  }
}

static void *worker(void *number) {
  for (uint32_t call = 0;;) run_parts(call = next_call(call), (int)(intptr_t)number);
  return NULL;
}

/* Start the threads. Signals are for the threads of the program: a handler shall not run on the small stack, and at
 * the cost, of one of these. Those that report a fault in the thread itself cannot be blocked. */
static void start_threads(void) {
  sigset_t blocked, before;
  sigfillset(&blocked);
  const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&blocked, faults[i]);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  pool.size = 1;
  while (pool.size < pool.wanted && !pthread_create(&thread, &attributes, worker, (void *)(intptr_t)pool.size))
    pool.size++;
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool parallel(Task *task, const void *data, int most) {
  if (most < 2 || atomic_exchange(&pool.busy, true)) return task(data, 0, 1);
  if (!pool.size) start_threads();
  const int parts = MIN(most, pool.size);
  const uint32_t call = call_of(atomic_load(&pool.work)) + 1;
  pool.task = task;
  pool.data = data;
  pool.parts = parts;
  atomic_store(&pool.finished, 0);
  atomic_store(&pool.failed, false);
  atomic_store(&pool.work, (uint64_t)call << 32 | ((1ull << parts) - 1));
  if (atomic_load(&pool.asleep)) {
    pthread_mutex_lock(&pool.lock);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
  }
  run_parts(call, 0);
  for (int i = 1; atomic_load_explicit(&pool.finished, memory_order_acquire) < parts; i++) {
    PAUSE();
    if (i % SPINS == 0) sched_yield();
  }
  const bool done = !atomic_load(&pool.failed);
  atomic_store(&pool.busy, false);
  return done;
}

void part_range(long count, long unit, int part, int parts, long *begin, long *end) {
  const long units = (count + unit - 1) / unit;
  *begin = MIN(units * part / parts * unit, count);
  *end = MIN(units * (part + 1) / parts * unit, count);
}

/* Around a fork nobody may hold the lock. The child has none of the threads, and perhaps a call that will never end:
 * its pool is as before the first call. */
static void before_fork(void) { pthread_mutex_lock(&pool.lock); }
static void in_parent(void) { pthread_mutex_unlock(&pool.lock); }
static void in_child(void) {
  pthread_mutex_unlock(&pool.lock);
  pool.wake = (pthread_cond_t)PTHREAD_COND_INITIALIZER; /* the old one counts threads that are gone */
  pool.size = 0;
  atomic_store(&pool.asleep, 0);
  atomic_store(&pool.work, (uint64_t)call_of(atomic_load(&pool.work)) << 32);
  atomic_store(&pool.busy, false);
}

/* The pieces of a thread. */
typedef struct {
  float *start[SCRATCHES];
  size_t size[SCRATCHES];
} Pieces;

static _Thread_local Pieces *pieces;
static pthread_key_t at_thread_exit;

static void free_pieces(void *own) {
  for (int which = 0; which < SCRATCHES; which++) free(((Pieces *)own)->start[which]);
  free(own);
}

static bool add_pieces(void) {
  Pieces *new = calloc(1, sizeof *new);
  if (new && pthread_setspecific(at_thread_exit, new)) {
    free(new);
    new = NULL;
  }
  pieces = new;
  return new != NULL;
}

float *scratch(Scratch which, size_t floats) {
  if (!pieces && !add_pieces()) return NULL;
  if (pieces->size[which] < floats) {
    void *start = NULL;
    free(pieces->start[which]);
    pieces->start[which] = NULL;
    pieces->size[which] = 0;
    if (floats > SIZE_MAX / sizeof(float) || posix_memalign(&start, 64, floats * sizeof(float))) return NULL;
    pieces->start[which] = start;
    pieces->size[which] = floats;
  }
  return pieces->start[which];
}

bool thread_pool_prepare(int threads) {
  static bool prepared;
  pool.wanted = threads < 1 ? 1 : MIN(threads, MAX_THREADS);
  if (!prepared)
    prepared = !pthread_key_create(&at_thread_exit, free_pieces) && !pthread_atfork(before_fork, in_parent, in_child);
  return prepared;
}
