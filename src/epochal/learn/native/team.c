/* Threads that share out the operations of a step, and hand over in well under a microsecond.
 *
 * They wait busily for a moment, as the next operation of a step follows soon, and then asleep. Only one
 * caller at a time has them; another one computes alone.
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

enum { MOST = 32, GLANCES = 64 };
static const double PATIENCE = 5e-4; /* seconds of waiting busily */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t called;
  atomic_bool taken;
  int size; /* threads, with the caller; 0 before the first call */
  atomic_int asleep;
  _Atomic uint64_t turn; /* number of the call times 64, and how many parts it has */
  atomic_int finished;
  Task *task;
  const void *data;
} team = {.lock = PTHREAD_MUTEX_INITIALIZER, .called = PTHREAD_COND_INITIALIZER};

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

/* Wait for another call than the one seen, and return it. */
static uint64_t next_turn(uint64_t seen) {
  const double until = seconds() + PATIENCE;
  uint64_t turn;
  do
    for (int i = 0; i < GLANCES; i++) {
      if ((turn = atomic_load_explicit(&team.turn, memory_order_acquire)) != seen) return turn;
      PAUSE();
    }
  while (!sched_yield() && seconds() < until);
  pthread_mutex_lock(&team.lock);
  atomic_fetch_add(&team.asleep, 1);
  while ((turn = atomic_load(&team.turn)) == seen) pthread_cond_wait(&team.called, &team.lock);
  atomic_fetch_sub(&team.asleep, 1);
  pthread_mutex_unlock(&team.lock);
  return turn;
}

static void *member(void *number) {
  const int own = (int)(intptr_t)number;
  uint64_t turn = 0;
  for (;;) {
    turn = next_turn(turn);
    const int parts = turn % 64;
    if (own >= parts) continue;
    team.task(team.data, own, parts);
    atomic_fetch_add_explicit(&team.finished, 1, memory_order_release);
  }
  return NULL;
}

static int processors(void) {
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
  if (parts > 1) {
    team.task = task;
    team.data = data;
    atomic_store(&team.finished, 0);
    atomic_store(&team.turn, (atomic_load(&team.turn) / 64 + 1) * 64 + parts);
    if (atomic_load(&team.asleep)) {
      pthread_mutex_lock(&team.lock);
      pthread_cond_broadcast(&team.called);
      pthread_mutex_unlock(&team.lock);
    }
  }
  task(data, 0, parts);
  for (int i = 1; atomic_load_explicit(&team.finished, memory_order_acquire) < parts - 1 && parts > 1; i++) {
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
