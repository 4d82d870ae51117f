/* What benchmarks/many_cores.py loads in place of the thread pool: the parts of an operation run one after the other,
 * each timed, as if each had a core of its own. */
#define parallel parallel_by_threads
#include "thread_pool.c"
#undef parallel

static int cores = 1;
static double all_parts, longest_parts;
static long shared_calls;

/* Divide operations for so many cores from now on, and count from 0. */
void many_cores_begin(int number) {
  cores = number;
  all_parts = longest_parts = 0;
  shared_calls = 0;
}

/* Write the seconds of all parts, those of the longest part of each operation, and the number of operations that were
 * divided. */
void many_cores_read(double *figures) {
  figures[0] = all_parts;
  figures[1] = longest_parts;
  figures[2] = shared_calls;
}

bool parallel(Task *task, const void *data, int most) {
  const int parts = MAX(MIN(most, cores), 1);
  double longest = 0;
  bool done = true;
  for (int part = 0; part < parts; part++) {
    const double began = seconds();
    done &= task(data, part, parts);
    const double taken = seconds() - began;
    all_parts += taken;
    longest = MAX(longest, taken);
  }
  longest_parts += longest;
  shared_calls += parts > 1;
  return done;
}

static atomic_long arrived;

/* Wait for all threads of a call, so that none does the part of another. */
static bool wait_for_all(const void *data, int part, int parts) {
  (void)part, (void)parts;
  atomic_fetch_add(&arrived, 1);
  while (atomic_load(&arrived) < *(const long *)data) PAUSE();
  return true;
}

/* Seconds of a barrier: what threads need to begin and end an operation together, beyond its work; on the real threads. */
double many_cores_barrier(int threads, long calls) {
  double began = 0;
  atomic_store(&arrived, 0);
  for (long i = 0, all = 0; i <= calls; i++) {
    if (i == 1) began = seconds();
    all += threads;
    parallel_by_threads(wait_for_all, &all, threads);
  }
  return (seconds() - began) / calls;
}
