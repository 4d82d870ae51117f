/* Threads that share out the operations of a step, and hand over without waking each other.
 *
 * They wait busily for a moment, as the next operation of a step follows soon, and then asleep. Each takes the part
 * of its own number first, since its cache has what it wrote of that part before. Who is free then takes what
 * is left, so that nobody waits for a thread whose processor is at other work. Only one caller at a time has
 * them; another one computes alone.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "native.h"

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#else
#define PAUSE() __asm__ volatile("yield")
#endif

/* Threads at the most, a bit for each, and looks between two times that a thread makes room. */
enum { MOST = 32, GLANCES = 64 };
static const double PATIENCE = 5e-4; /* seconds of waiting busily */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t called;
  atomic_bool taken;
  int size; /* threads, with the caller; 0 before the first call */
  atomic_int asleep;
  /* In one word, so that they belong together: the number of the call (32 bits), and which of its parts are left,
   * a bit for each. */
  _Atomic uint64_t work;
  atomic_int finished; /* parts of the call that are done */
  Task *task;
  const void *data;
  int parts;
} team = {.lock = PTHREAD_MUTEX_INITIALIZER, .called = PTHREAD_COND_INITIALIZER};

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

static uint32_t call_of(uint64_t work) { return work >> 32; }
static uint32_t left_of(uint64_t work) { return work; }

/* Wait for another call than the one seen, and return its number. */
static uint32_t another(uint32_t seen) {
  const double until = seconds() + PATIENCE;
  uint32_t call;
  do
    for (int i = 0; i < GLANCES; i++) {
      if ((call = call_of(atomic_load_explicit(&team.work, memory_order_acquire))) != seen) return call;
      PAUSE();
    }
  while (!sched_yield() && seconds() < until);
  pthread_mutex_lock(&team.lock);
  atomic_fetch_add(&team.asleep, 1);
  while ((call = call_of(atomic_load(&team.work))) == seen) pthread_cond_wait(&team.called, &team.lock);
  atomic_fetch_sub(&team.asleep, 1);
  pthread_mutex_unlock(&team.lock);
  return call;
}

/* Take parts of a call while there are any, if the own one is left. A part that has been taken keeps the call from
 * its end, so that what is read of it then is its own. */
static void take(uint32_t call, int own) {
  uint64_t work = atomic_load(&team.work);
  int part = own;
  if (!(left_of(work) >> own & 1)) return; /* there is none for this thread, or another one was faster */
  while (call_of(work) == call && left_of(work)) {
    if (!(left_of(work) >> part & 1)) part = __builtin_ctz(left_of(work));
    if (atomic_compare_exchange_weak(&team.work, &work, work & ~(1ull << part))) {
      team.task(team.data, part, team.parts);
      atomic_fetch_add_explicit(&team.finished, 1, memory_order_release);
      work = atomic_load(&team.work);
    }
  }
}

static void *member(void *number) {
  for (uint32_t call = 0;;) take(call = another(call), (int)(intptr_t)number);
  return NULL;
}

/* How many threads there may be: EPOCHAL_NATIVE_THREADS, or one for each processor of this process. */
static int processors(void) {
  const char *wanted = getenv("EPOCHAL_NATIVE_THREADS");
  if (wanted && atoi(wanted) > 0) return atoi(wanted);
#ifdef __linux__
  cpu_set_t set;
  if (!sched_getaffinity(0, sizeof set, &set)) return CPU_COUNT(&set);
#endif
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static void gather(void) {
  const int wanted = LEAST(MOST, processors());
  team.size = 1;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  while (team.size < wanted && !pthread_create(&thread, &attributes, member, (void *)(intptr_t)team.size)) team.size++;
  pthread_attr_destroy(&attributes);
}

void shared(Task *task, const void *data, int most) {
  if (most < 2 || atomic_exchange(&team.taken, true)) {
    task(data, 0, 1);
    return;
  }
  if (!team.size) gather();
  const int parts = LEAST(most, team.size);
  const uint32_t call = call_of(atomic_load(&team.work)) + 1;
  team.task = task;
  team.data = data;
  team.parts = parts;
  atomic_store(&team.finished, 0);
  atomic_store(&team.work, (uint64_t)call << 32 | ((1ull << parts) - 1));
  if (atomic_load(&team.asleep)) {
    pthread_mutex_lock(&team.lock);
    pthread_cond_broadcast(&team.called);
    pthread_mutex_unlock(&team.lock);
  }
  take(call, 0);
  for (int i = 1; atomic_load_explicit(&team.finished, memory_order_acquire) < parts; i++) {
    PAUSE();
    if (i % GLANCES == 0) sched_yield();
  }
  atomic_store(&team.taken, false);
}

void span(long count, long unit, int part, int parts, long *from, long *to) {
  const long units = (count + unit - 1) / unit;
  *from = LEAST(units * part / parts * unit, count);
  *to = LEAST(units * (part + 1) / parts * unit, count);
}

typedef struct {
  float *start[2];
  size_t size[2];
} Rooms;

static _Thread_local Rooms *rooms;
static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void give_back(void *own) {
  for (int which = 0; which < 2; which++) free(((Rooms *)own)->start[which]);
  free(own);
}
static void prepare(void) { pthread_key_create(&at_end, give_back); }

float *room(int which, size_t floats) {
  if (!rooms) {
    pthread_once(&once, prepare);
    if (!(rooms = calloc(1, sizeof *rooms))) abort();
    pthread_setspecific(at_end, rooms);
  }
  if (rooms->size[which] < floats) {
    free(rooms->start[which]);
    rooms->size[which] = floats;
    /* As XLA does where memory is at its end: there is nobody to tell. */
    if (posix_memalign((void **)&rooms->start[which], 64, 4 * floats)) abort();
  }
  return rooms->start[which];
}
