/* Calls every operation through its handler, as XLA does, with random shapes, layouts and threads, and compares the
 * results with the formulas as plain loops in double precision. `make sanitize` builds it with sanitizers; a test does
 * without.
 *
 *   fuzz calls THREADS CALLERS ROUNDS SEED   callers at the same time, each with so many rounds of all operations
 *   fuzz memory THREADS CALLERS ROUNDS SEED  the same, while allocations fail at random
 *   fuzz fork THREADS CALLERS FORKS SEED     forks while callers are at work; each child calls an operation
 *
 * Built with -Dposix_memalign=fuzz_memalign -Dcalloc=fuzz_calloc, so that the kernels allocate by the functions here. */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels.h"
#include "xla_ffi.h"

typedef XLA_FFI_Error *Handler(XLA_FFI_CallFrame *);
Handler epochal_used_rows, epochal_take_rows, epochal_change_layout, epochal_dense, epochal_dense_gradients, epochal_cross_entropy,
    epochal_adam, epochal_fused_adam, epochal_embed, epochal_embedding_gradients,
    epochal_repeats;
const char *epochal_instruction_sets(void);
int epochal_load(const char *name, int threads);
int epochal_predict(const Prediction *o, int may_share);

enum { INPUTS = 1, OUTPUTS = 2, FEW = 4, MOST = 16 };

struct XLA_FFI_Error {
  int code;
};

static atomic_int failures_wanted; /* one in so many allocations fails; 0 for none */
static atomic_uint allocations;
static atomic_long refused; /* operations that reported it */

static bool fails(void) {
  const int one_in = atomic_load(&failures_wanted);
  return one_in && (atomic_fetch_add(&allocations, 1) * 2654435761u >> 8) % one_in == 0;
}

int fuzz_memalign(void **start, size_t alignment, size_t size) {
  if (fails()) return 12;
  *start = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  return *start ? 0 : 12;
}

void *fuzz_calloc(size_t count, size_t size) {
  void *start = fails() ? NULL : malloc(count * size);
  return start ? memset(start, 0, count * size) : NULL;
}

static void stop(const char *what, const char *where) {
  fprintf(stderr, "fuzz: %s: %s\n", where, what);
  abort();
}

/* ---------------------------------------------------------------- random numbers, arrays */

static _Thread_local uint64_t state;

static uint32_t draw(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}
static long between(long low, long high) { return low + draw() % (high - low + 1); }
static float normal(void) { return (float)(draw() % 20001) / 5000.0f - 2.0f; }

static long same_side; /* of all matrices, with work for several threads; or 0 */

/* A side of a matrix: less than a vector, a tile, a panel; some tiles; or more than a block. */
static long side(void) {
  if (same_side) return same_side;
  const int kind = draw() % 20;
  return kind < 8 ? between(1, 20) : kind < 14 ? between(1, 70) : kind < 19 ? between(60, 300) : between(500, 1100);
}

typedef struct {
  long rows, columns;
  float *data; /* of exactly this size, so that a sanitizer sees what lies beyond */
} Array;

/* Beside forks, arrays are parts of one piece of each thread: a sanitizer's allocator is not made for them. */
enum { ARENA = 1 << 20 };
static _Thread_local char *arena;
static _Thread_local size_t used;

static void *memory(size_t bytes) {
  if (same_side) {
    if (!arena) arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), used = 0;
    void *start = arena + used;
    used += (bytes + 63) / 64 * 64;
    if (arena == MAP_FAILED || used > ARENA) stop("no memory", "fuzz");
    return start;
  }
  void *start = malloc(bytes ? bytes : 1);
  if (!start) stop("no memory", "fuzz");
  return start;
}

/* Of the piece all at once: nothing is allocated between the first release of an operation's arrays and the last. */
static void release(void *start) {
  if (same_side) used = 0;
  else free(start);
}

static Array empty(long rows, long columns) { return (Array){rows, columns, memory(sizeof(float) * rows * columns)}; }

static Array drawn(long rows, long columns) {
  const Array a = empty(rows, columns);
  for (long i = 0; i < rows * columns; i++) a.data[i] = normal();
  return a;
}

/* Where a number lies, by the definition of panels. */
/* The order of drawing does not depend on the compiler. */
static Array any_array(void) {
  const long rows = side(), columns = side();
  return drawn(rows, columns);
}

static long place(const Array *a, bool panels, long row, long column) {
  if (!panels) return row * a->columns + column;
  const long first = column - column % PANEL, width = MIN(PANEL, a->columns - first);
  return first * a->rows + row * width + column % PANEL;
}
static float get(const Array *a, bool panels, long row, long column) { return a->data[place(a, panels, row, column)]; }

static _Thread_local uint64_t digest; /* of all results */

static void compare(const char *where, double found, double wanted, double scale) {
  uint64_t bits = 0; /* of a NaN, which is not the same everywhere */
  if (!isnan(found)) memcpy(&bits, &found, sizeof bits);
  digest = (digest ^ bits) * 0x100000001B3u + 1;
  if (isnan(wanted) ? isnan(found) : fabs(found - wanted) <= 1e-4 * (scale + fabs(wanted))) return;
  fprintf(stderr, "fuzz: %s: %.9g instead of %.9g\n", where, found, wanted);
  abort();
}

/* ---------------------------------------------------------------- calls */

static XLA_FFI_Error *create_error(XLA_FFI_Error_Create_Args *args) {
  XLA_FFI_Error *error = memory(sizeof *error);
  error->code = args->errc;
  return error;
}

/* A call frame, its arrays and its attributes. */
typedef struct {
  XLA_FFI_Buffer buffers[2 * MOST];
  int64_t dims[2 * MOST][2];
  XLA_FFI_ArgType arg_types[MOST];
  XLA_FFI_RetType ret_types[MOST];
  void *args[MOST], *rets[MOST];
  XLA_FFI_AttrType attr_types[MOST];
  XLA_FFI_ByteSpan names[MOST], *name_pointers[MOST];
  XLA_FFI_Scalar scalars[MOST];
  int32_t values[MOST];
  void *attrs[MOST];
  XLA_FFI_CallFrame frame;
} Call;

static const XLA_FFI_Api api = {.XLA_FFI_Error_Create = create_error};

static void *buffer(Call *call, int number, int rank, long rows, long columns, void *data) {
  call->dims[number][0] = rows;
  call->dims[number][1] = columns;
  call->buffers[number] = (XLA_FFI_Buffer){.struct_size = sizeof(XLA_FFI_Buffer), .dtype = XLA_FFI_DataType_F32,
                                           .data = data, .rank = rank, .dims = call->dims[number]};
  return &call->buffers[number];
}

static void argument(Call *call, int rank, long rows, long columns, void *data) {
  const int number = call->frame.args.size++;
  call->arg_types[number] = XLA_FFI_ArgType_BUFFER;
  call->args[number] = buffer(call, number, rank, rows, columns, data);
}
static void matrix_argument(Call *call, const Array *a) { argument(call, 2, a->rows, a->columns, a->data); }

static void result(Call *call, int rank, long rows, long columns, void *data) {
  const int number = call->frame.rets.size++;
  call->ret_types[number] = XLA_FFI_RetType_BUFFER;
  call->rets[number] = buffer(call, MOST + number, rank, rows, columns, data);
}
static void matrix_result(Call *call, const Array *a) { result(call, 2, a->rows, a->columns, a->data); }

static void attribute(Call *call, const char *name, int32_t value) {
  const int number = call->frame.attrs.size++;
  call->attr_types[number] = XLA_FFI_AttrType_SCALAR;
  call->names[number] = (XLA_FFI_ByteSpan){name, strlen(name)};
  call->name_pointers[number] = &call->names[number];
  call->values[number] = value;
  call->scalars[number] = (XLA_FFI_Scalar){XLA_FFI_DataType_S32, &call->values[number]};
  call->attrs[number] = &call->scalars[number];
}

static Call *new_call(void) {
  Call *call = memset(memory(sizeof *call), 0, sizeof *call);
  call->frame.struct_size = sizeof call->frame;
  call->frame.api = &api;
  call->frame.stage = XLA_FFI_ExecutionStage_EXECUTE;
  call->frame.args.types = call->arg_types, call->frame.args.args = call->args;
  call->frame.rets.types = call->ret_types, call->frame.rets.rets = call->rets;
  call->frame.attrs.types = call->attr_types, call->frame.attrs.names = call->name_pointers;
  call->frame.attrs.attrs = call->attrs;
  attribute(call, "parallel", same_side || draw() % 4);
  return call;
}

/* Call an operation; return whether it computed. It may not, if memory fails. */
static bool run(Handler *handler, Call *call, const char *where) {
  XLA_FFI_Error *error = handler(&call->frame);
  release(call);
  if (!error) return true;
  if (error->code != XLA_FFI_Error_Code_RESOURCE_EXHAUSTED || !atomic_load(&failures_wanted)) stop("an error", where);
  release(error);
  atomic_fetch_add(&refused, 1);
  return false;
}

/* Arrays of so many rows, perhaps as those of a larger batch, of which only they are in use and in memory: how many rows
 * the batch has, and the last argument of the operation, or NULL. */
typedef struct {
  long batch;
  int32_t *used;
} Limit;

static Limit limit(long rows) {
  if (draw() % 2) return (Limit){rows, NULL};
  const long batch = rows + between(0, 40);
  int32_t *used = memory(sizeof *used * (batch + 1)), *next = used + 1;
  used[0] = (int32_t)rows;
  for (long place = 0, left = rows; place < batch; place++)
    if ((long)(draw() % (batch - place)) < left) *next++ = (int32_t)place, left--;
  while (next < used + batch + 1) *next = next[-1], next++;
  return (Limit){batch, used};
}

static long place_in(const Limit *o, long row) { return o->used ? o->used[row + 1] : row; }

static void limit_argument(Call *call, const Limit *o) {
  if (!o->used) return;
  argument(call, 1, o->batch + 1, 1, o->used);
  attribute(call, "used", 1);
}
static void rows_argument(Call *call, const Limit *o, const Array *a) { argument(call, 2, o->batch, a->columns, a->data); }
static void rows_result(Call *call, const Limit *o, const Array *a) { result(call, 2, o->batch, a->columns, a->data); }

/* ---------------------------------------------------------------- operations */

static void try_used_rows(void) {
  const long batches = between(1, 9), size = between(1, 70);
  const Array weights = drawn(batches, size);
  int32_t *found = memory(sizeof *found * batches * (size + 1));
  for (long i = 0; i < batches * size; i++)
    if (draw() % 3 == 0 || i < size / 2) weights.data[i] = 0;
  Call *call = new_call();
  argument(call, 1, batches * size, 1, weights.data);
  result(call, 2, batches, size + 1, found);
  if (run(epochal_used_rows, call, "used_rows"))
    for (long b = 0; b < batches; b++) {
      long count = 0;
      const int32_t *of = found + b * (size + 1);
      for (long i = 0; i < size; i++)
        if (weights.data[b * size + i] != 0 && of[++count] != i) stop("another place", "used_rows");
      if (of[0] != MAX(count, 1) || (!count && of[1])) stop("another number", "used_rows");
      for (long i = of[0] + 1; i <= size; i++)
        if (of[i] != of[of[0]]) stop("no repetition", "used_rows");
    }
  release(weights.data), release(found);
}

static void try_take_rows(void) {
  const Array table = any_array();
  const long count = side();
  const bool panels = draw() % 2;
  int32_t *numbers = memory(sizeof *numbers * count);
  for (long i = 0; i < count; i++) numbers[i] = i && draw() % 3 ? numbers[i - 1] + 1 : between(-2, table.rows + 1);
  const Array rows = empty(count, table.columns);
  const Limit of = limit(count);
  Call *call = new_call();
  matrix_argument(call, &table);
  argument(call, 1, of.batch, 1, numbers);
  limit_argument(call, &of);
  rows_result(call, &of, &rows);
  attribute(call, "panels", panels ? OUTPUTS : 0);
  attribute(call, "row_bytes", sizeof(float) * table.columns);
  if (run(epochal_take_rows, call, "take_rows"))
    for (long i = 0; i < count; i++) {
      const bool known = numbers[i] >= 0 && numbers[i] < table.rows;
      for (long j = 0; j < table.columns; j++)
        if (get(&rows, panels, i, j) != get(&table, false, known ? numbers[i] : table.rows - 1, j))
          stop("another row", "take_rows");
    }
  release(table.data), release(rows.data), release(numbers), release(of.used);
}

static void try_change_layout(void) {
  const Array x = any_array(), y = empty(x.rows, x.columns);
  const bool back = draw() % 2;
  const Limit of = limit(x.rows);
  Call *call = new_call();
  rows_argument(call, &of, &x);
  limit_argument(call, &of);
  rows_result(call, &of, &y);
  attribute(call, "panels", back ? INPUTS : 0);
  if (run(epochal_change_layout, call, "change_layout"))
    for (long i = 0; i < x.rows; i++)
      for (long j = 0; j < x.columns; j++)
        if (get(&x, back, i, j) != get(&y, !back, i, j)) stop("another number", "change_layout");
  release(x.data), release(y.data), release(of.used);
}

static uint32_t mixed(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7FEB352Du;
  x ^= x >> 15;
  x *= 0x846CA68Bu;
  return x ^ x >> 16;
}

/* A hidden unit, and the derivative of one other than ReLU, at x. */
static double unit(double x, long kind) {
  switch (kind) {
    case RELU: return x > 0 ? x : 0;
    case IDENTITY: return x;
    case LOGISTIC: return 1 / (1 + exp(-x));
    case SILU: return x / (1 + exp(-x));
    case TANH: return tanh(x);
    default: return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x));
  }
}

static double slope(enum Activation kind, double x) {
  const double share = 1 / (1 + exp(-x));
  if (kind == SELU) return 1.0507009873554805 * (x > 0 ? 1 : 1.6732632423543772 * exp(x));
  if (kind == TANH) return 1 - tanh(x) * tanh(x);
  return kind == LOGISTIC ? share * (1 - share) : share * (1 + x * (1 - share));
}

static bool dropped(const uint32_t *words, long number) {
  return mixed((uint32_t)number * 0x9E3779B9u + words[0]) >> 8 < words[1];
}

static void try_dense(void) {
  const long rows = side(), inputs = side(), outputs = side();
  const int panels = draw() % 4, kind = draw() % 5; /* without bias, with it, ReLU, ReLU and dropout, another unit */
  const enum Activation activation = kind == 4 ? between(LOGISTIC, SELU) : RELU;
  const bool drop = kind == 3 || (kind == 4 && draw() % 2);
  const Array x = drawn(rows, inputs), w = drawn(inputs, outputs), b = drawn(1, outputs), y = empty(rows, outputs),
              before = empty(rows, outputs);
  uint32_t words[2] = {draw(), 1u << 22};
  float scale = 1.25f;
  const Limit of = limit(rows);
  Call *call = new_call();
  rows_argument(call, &of, &x);
  matrix_argument(call, &w);
  if (kind) argument(call, 1, outputs, 1, b.data);
  if (drop) argument(call, 1, 2, 1, words), argument(call, 0, 1, 1, &scale);
  limit_argument(call, &of);
  rows_result(call, &of, &y);
  if (kind == 4) rows_result(call, &of, &before);
  attribute(call, "panels", panels);
  attribute(call, "relu", kind == 2 || kind == 3);
  attribute(call, "activation", activation);
  if (run(epochal_dense, call, "dense"))
    for (long i = 0; i < rows; i++)
      for (long j = 0; j < outputs; j++) {
        double sum = 0;
        for (long k = 0; k < inputs; k++) sum += (double)get(&x, panels & INPUTS, i, k) * get(&w, true, k, j);
        if (kind) sum += b.data[j];
        if (kind == 4) {
          compare("dense, before the unit", get(&before, panels & OUTPUTS, i, j), sum, sqrt(inputs));
          sum = unit(sum, activation);
        } else if (kind > 1) sum = sum > 0 ? sum : 0;
        if (drop) sum = dropped(words, place_in(&of, i) * outputs + j) ? 0 : sum * scale;
        compare("dense", get(&y, panels & OUTPUTS, i, j), sum, sqrt(inputs));
      }
  release(x.data), release(w.data), release(b.data), release(y.data), release(before.data), release(of.used);
}

static const float figures[7] = {0.9f, 0.999f, 1e-8f, 0.1f, 0.001f, 0.01f, 0.2f};

/* Weights after a step of Adam with a gradient. */
static double stepped(double weights, double first, double second, double gradient, double *m, double *v) {
  *m = (double)figures[0] * first + (1 - (double)figures[0]) * gradient;
  *v = (double)figures[1] * second + (1 - (double)figures[1]) * gradient * gradient;
  const double step = *m / figures[3] / (sqrt(*v / figures[4]) + figures[2]);
  return weights - figures[5] * (step + figures[6] * weights);
}

static void try_adam(void) {
  const Array w = any_array(), m = drawn(w.rows, w.columns), v = drawn(w.rows, w.columns),
              g = drawn(w.rows, w.columns), before = empty(w.rows, w.columns);
  const long count = w.rows * w.columns;
  const Array result_m = empty(w.rows, w.columns); /* not in its place, as XLA may have it */
  for (long i = 0; i < count; i++) v.data[i] = 1 + v.data[i] * v.data[i];
  memcpy(before.data, w.data, sizeof(float) * count);
  Array v_before = empty(w.rows, w.columns);
  memcpy(v_before.data, v.data, sizeof(float) * count);
  Call *call = new_call();
  /* As one array, or as two, of which one may be empty. */
  const long cut = draw() % 2 ? count : between(0, count), ends[] = {0, cut, count};
  const int pieces = cut < count ? 2 : 1;
  float of_each[14];
  for (int i = 0; i < 7 * pieces; i++) of_each[i] = figures[i % 7];
  for (int i = 0; i < pieces; i++) {
    float *const arrays[] = {w.data, m.data, v.data, g.data}, *const to[] = {w.data, result_m.data, v.data};
    for (int k = 0; k < 4; k++) argument(call, 1, ends[i + 1] - ends[i], 1, arrays[k] + ends[i]);
    for (int k = 0; k < 3; k++) result(call, 1, ends[i + 1] - ends[i], 1, to[k] + ends[i]);
  }
  argument(call, 2, pieces, 7, of_each);
  if (run(epochal_adam, call, "adam"))
    for (long i = 0; i < count; i++) {
      double first, second;
      const double wanted = stepped(before.data[i], m.data[i], v_before.data[i], g.data[i], &first, &second);
      compare("adam, weights", w.data[i], wanted, 1);
      compare("adam, first moment", result_m.data[i], first, 1);
      compare("adam, second moment", v.data[i], second, 1);
    }
  release(w.data), release(m.data), release(v.data), release(g.data), release(before.data), release(result_m.data), release(v_before.data);
}

/* Both operations of a backward pass: gradients, or a step of Adam. */
static void try_backward(bool fused) {
  const long rows = side(), inputs = side(), outputs = draw() % 3 ? side() : between(1, 12);
  const int wanted = draw() % 4; /* no gradient of x; that; that of ReLU's values; that of another unit's */
  const enum Activation activation = wanted == 3 ? between(LOGISTIC, SELU) : RELU;
  const bool drop = wanted == 3 && draw() % 2;
  uint32_t words[2] = {draw(), 1u << 22};
  int panels = draw() % 4;
  if (inputs >= PANEL && outputs <= 12) panels |= FEW; /* what calls it sets this bit so */
  const Array x = drawn(rows, inputs), g = drawn(rows, outputs), w = drawn(inputs, outputs),
              m = drawn(inputs, outputs), v = drawn(inputs, outputs), of_w = empty(inputs, outputs),
              of_b = empty(1, outputs), of_x = empty(rows, inputs), m_after = empty(inputs, outputs),
              v_after = empty(inputs, outputs), before = drawn(rows, inputs);
  float scale = 1.5f;
  for (long i = 0; i < inputs * outputs; i++) v.data[i] = 1 + v.data[i] * v.data[i];
  const Limit of = limit(rows);
  Call *call = new_call();
  rows_argument(call, &of, &x), rows_argument(call, &of, &g);
  if (wanted || fused) matrix_argument(call, &w);
  if (fused) matrix_argument(call, &m), matrix_argument(call, &v), argument(call, 1, 7, 1, (void *)figures);
  if (wanted == 3) rows_argument(call, &of, &before);
  if (drop) argument(call, 1, 2, 1, words);
  if (wanted == 2 || drop) argument(call, 0, 1, 1, &scale);
  limit_argument(call, &of);
  matrix_result(call, &of_w);
  if (fused) matrix_result(call, &m_after), matrix_result(call, &v_after);
  result(call, 1, outputs, 1, of_b.data);
  if (wanted) rows_result(call, &of, &of_x);
  attribute(call, "panels", panels);
  attribute(call, "activation", activation);
  const char *where = fused ? "fused_adam" : "dense_gradients";
  if (run(fused ? epochal_fused_adam : epochal_dense_gradients, call, where)) {
    const bool x_panels = panels & INPUTS, g_panels = panels & OUTPUTS;
    for (long j = 0; j < outputs; j++) {
      double sum = 0;
      for (long i = 0; i < rows; i++) sum += get(&g, g_panels, i, j);
      compare(where, of_b.data[j], sum, sqrt(rows));
      for (long k = 0; k < inputs; k++) {
        double gradient = 0, first, second;
        for (long i = 0; i < rows; i++) gradient += (double)get(&x, x_panels, i, k) * get(&g, g_panels, i, j);
        const long here = place(&w, true, k, j);
        if (!fused) {
          compare(where, of_w.data[here], gradient, sqrt(rows));
          continue;
        }
        const double after = stepped(w.data[here], m.data[here], v.data[here], gradient, &first, &second);
        compare(where, m_after.data[here], first, sqrt(rows));
        compare(where, v_after.data[here], second, rows);
        compare(where, of_w.data[here], after, 1);
      }
    }
    for (long i = 0; i < rows && wanted; i++)
      for (long k = 0; k < inputs; k++) {
        double sum = 0;
        for (long j = 0; j < outputs; j++) sum += (double)get(&g, g_panels, i, j) * get(&w, true, k, j);
        if (wanted == 2) sum = get(&x, x_panels, i, k) > 0 ? sum * scale : 0;
        if (wanted == 3) sum *= slope(activation, get(&before, x_panels, i, k));
        if (drop) sum = dropped(words, place_in(&of, i) * inputs + k) ? 0 : sum * scale;
        compare(where, get(&of_x, x_panels && wanted > 1, i, k), sum, sqrt(outputs));
      }
  }
  release(x.data), release(g.data), release(w.data), release(m.data), release(v.data), release(of_w.data), release(of_b.data);
  release(of_x.data), release(m_after.data), release(v_after.data), release(before.data), release(of.used);
}

static void try_cross_entropy(void) {
  const Array logits = any_array(), gradient = empty(logits.rows, logits.columns);
  const long rows = logits.rows, classes = logits.columns;
  const Limit of = limit(rows);
  const Array weights = drawn(1, of.batch), sums = empty(1, of.batch), of_labels = empty(1, of.batch);
  int32_t *labels = memory(sizeof *labels * of.batch);
  for (long i = 0; i < of.batch; i++)
    labels[i] = draw() % 20 ? between(0, classes - 1) : draw() % 2 ? (int32_t)draw() : between(-3, classes + 3);
  Call *call = new_call();
  rows_argument(call, &of, &logits);
  argument(call, 1, of.batch, 1, labels), argument(call, 1, of.batch, 1, weights.data);
  limit_argument(call, &of);
  rows_result(call, &of, &gradient);
  result(call, 1, of.batch, 1, sums.data), result(call, 1, of.batch, 1, of_labels.data);
  if (run(epochal_cross_entropy, call, "cross_entropy"))
    for (long i = 0, next = 0; i < of.batch; i++) {
      if (next == rows || place_in(&of, next) != i) {
        compare("cross_entropy of a row not in use", log(sums.data[i]) - of_labels.data[i], 0, 0);
        continue;
      }
      const float *o = logits.data + next * classes, *found = gradient.data + next++ * classes;
      const bool known = labels[i] >= 0 && labels[i] < classes;
      double highest = -1e9, sum = 0;
      for (long j = 0; j < classes; j++) highest = fmax(highest, o[j]);
      for (long j = 0; j < classes; j++) sum += exp(o[j] - highest);
      const double loss = known ? log(sum) - (o[labels[i]] - highest) : NAN;
      compare("cross_entropy", log(sums.data[i]) - of_labels.data[i], loss, 1);
      for (long j = 0; j < classes; j++) {
        const double share = exp(o[j] - highest) / sum;
        const double wanted = known ? weights.data[i] * (share - (j == labels[i])) : NAN;
        compare("cross_entropy", found[j], wanted, 1);
      }
    }
  release(logits.data), release(gradient.data), release(weights.data), release(sums.data), release(of_labels.data);
  release(labels), release(of.used);
}

/* A call that cannot be right is an error, and no memory is touched. */
static void try_mistakes(void) {
  for (int mistake = 0; mistake < 4; mistake++) {
    Call *call = new_call();
    argument(call, 2, mistake == 0 ? 0 : 3, 3, NULL);
    if (mistake != 1) argument(call, 2, 3, 3, NULL);
    result(call, 2, 3, 3, NULL);
    attribute(call, mistake == 2 ? "panel" : "panels", 0);
    if (mistake == 3) call->scalars[1].dtype = XLA_FFI_DataType_F32;
    XLA_FFI_Error *error = epochal_dense(&call->frame);
    if (!error || error->code != XLA_FFI_Error_Code_INVALID_ARGUMENT) stop("no error", "mistakes");
    release(error), release(call);
  }
  for (int32_t many = 3; many < 6; many += 2) { /* more rows in use than places, and than rows */
    int32_t used[4] = {many};
    Call *call = new_call();
    argument(call, 2, 2, 3, NULL), argument(call, 2, 3, 3, NULL), argument(call, 1, many == 3 ? 3 : 4, 1, used);
    attribute(call, "used", 1);
    result(call, 2, 2, 3, NULL);
    XLA_FFI_Error *error = epochal_dense(&call->frame);
    if (!error || error->code != XLA_FFI_Error_Code_INVALID_ARGUMENT) stop("no error", "mistakes");
    release(error), release(call);
  }
  Call *call = new_call();
  XLA_FFI_Metadata metadata = {.struct_size = sizeof metadata};
  XLA_FFI_Metadata_Extension extension = {{sizeof extension, XLA_FFI_Extension_Metadata, NULL}, &metadata};
  call->frame.extension_start = &extension.extension_base;
  if (epochal_adam(&call->frame) || metadata.api_version.minor_version != EPOCHAL_FFI_MINOR) stop("no version", "mistakes");
  release(call);
}

#include "fuzz_predict.h"
#include "fuzz_embedding.h"
#include "fuzz_repeats.h"

static void round_of_all(void) {
  try_used_rows();
  try_take_rows();
  try_change_layout();
  try_dense();
  try_adam();
  try_backward(false);
  try_backward(true);
  try_cross_entropy();
  try_predict();
  try_embedding();
  try_repeats();
  try_mistakes();
  try_embedding_mistakes();
}

/* ---------------------------------------------------------------- callers, forks */

static atomic_bool ended;

typedef struct {
  uint64_t seed;
  long rounds; /* or -1: shared work until the end */
} Caller;

static void *caller(void *of) {
  const Caller *own = of;
  state = own->seed * 0x9E3779B97F4A7C15u + 1;
  for (long i = 0; own->rounds < 0 ? !atomic_load(&ended) : i < own->rounds; i++)
    if (own->rounds >= 0) round_of_all();
    else {
      try_adam();
      if (draw() % 2) usleep(2000); /* so that the threads of the pool sleep */
    }
  return NULL;
}

static void fork_once(void) {
  const pid_t child = fork();
  if (child < 0) stop("no process", "fork");
  if (child == 0) {
    alarm(30); /* ends a child that hangs */
    for (int i = 0; i < 6; i++) try_adam();
    _exit(0);
  }
  int status;
  if (waitpid(child, &status, 0) != child || status) stop(WIFSIGNALED(status) ? "the child hung" : "the child failed", "fork");
}

int main(int count, char **words) {
  if (count != 6) stop("calls|memory|fork THREADS CALLERS ROUNDS SEED", "usage");
  const int callers = MIN(16, atoi(words[3]));
  const long rounds = atol(words[4]);
  const bool forks = !strcmp(words[1], "fork");
  char name[32];
  pthread_t threads[16];
  Caller each[16];
  snprintf(name, sizeof name, "%s", epochal_instruction_sets());
  state = atol(words[5]) + 88172645463325252u;
  for (char *rest, *set = strtok_r(name, " ", &rest); set; set = strtok_r(NULL, " ", &rest)) {
    if (!epochal_load(set, atoi(words[2]))) stop("not loaded", set);
    atomic_store(&failures_wanted, strcmp(words[1], "memory") ? 0 : 4);
    atomic_store(&ended, false);
    same_side = forks ? 120 : 0;
    for (int i = 0; i < callers; i++) {
      each[i] = (Caller){draw(), forks ? -1 : rounds};
      if (pthread_create(&threads[i], NULL, caller, &each[i])) stop("no thread", "fuzz");
    }
    for (long i = 0; i < rounds && forks; i++) fork_once();
    atomic_store(&ended, true);
    for (int i = 0; i < callers; i++) pthread_join(threads[i], NULL);
    atomic_store(&failures_wanted, 0);
    same_side = 0;
    /* All is well afterwards, and every instruction set gives the same bits. */
    const uint64_t goes_on = state;
    state = atol(words[5]) + 1;
    digest = 0;
    for (long i = 0; i < MIN(rounds, 8); i++) round_of_all();
    state = goes_on;
    printf("%s %s: %016lx, %d callers, %ld rounds, %ld refused\n", words[1], set, (unsigned long)digest, callers, rounds,
           atomic_load(&refused));
  }
  return 0;
}
