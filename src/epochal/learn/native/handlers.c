/* The operations as XLA calls them (its foreign function interface). learn/native says what each is. */
#include <string.h>

#include "interface.h"
#include "native.h"

static const Array *argument(const Call *call, int number) { return call->arguments.arrays[number]; }
static const Array *result(const Call *call, int number) { return call->results.arrays[number]; }

/* An attribute, an int32; they come in the order of their names. */
static int32_t attribute(const Call *call, int number) { return *(int32_t *)call->attributes.values[number]->value; }

/* The version that is answered. What is used here is as old as the interface; so it is the version of
 * the XLA that asks, and compiled once this can be called by any. */
static int minor;

/* Whether this can be called by an XLA of this version; to be asked once, before anything else. */
int epochal_speaks(int its_major, int its_minor) {
  minor = its_minor;
  return its_major == INTERFACE;
}

/* Whether XLA only asks which interface this is made for; answer it. */
static bool asked(const Call *call) {
  if (!call->extension || call->extension->type != ASKS_FOR_METADATA) return false;
  Metadata *metadata = ((MetadataExtension *)call->extension)->metadata;
  metadata->version.major = INTERFACE;
  metadata->version.minor = minor;
  metadata->traits = 0;
  return true;
}

/* How many threads share so much work, if each has so much of it at the least. */
static int sharers(const Call *call, double work, double each) {
  return attribute(call, 0) ? (int)LEAST(work / each, 1e3) : 1;
}
static const double MULTIPLICATIONS = 5e5, NUMBERS = 8e3, OF_ADAM = 2e3;

static Matrix matrix(const Array *array, bool panels) {
  return (Matrix){array->data, array->shape[0], array->shape[1], panels || array->shape[1] <= PANEL};
}

/* Multiplications of a product, where a short side takes as long as one of 16. */
static double multiplications(const Product *o) {
  const long m = o->c.rows, n = o->c.columns, k = o->a_turned ? o->a.rows : o->a.columns;
  return (double)(m < 16 ? 16 : m) * (n < 16 ? 16 : n) * (k < 16 ? 16 : k);
}

/* Parts are nearly square, as what they read is least then; rather high than wide, as a thread has in its cache what
 * it wrote in the operation before: the same columns. */
static void part_of_product(const void *data, int part, int parts) {
  const Product *o = data;
  const long m = o->c.rows, n = o->c.columns, panels = (n + PANEL - 1) / PANEL;
  int across = 1;
  for (int i = 2; i <= LEAST(parts, panels); i++)
    if (parts % i == 0 && m * i + 2 * n * parts / i < m * across + 2 * n * parts / across) across = i;
  long row, rows_end, column, columns_end;
  span(m, 4, part / across, parts / across, &row, &rows_end);
  span(n, PANEL, part % across, across, &column, &columns_end);
  if (row < rows_end && column < columns_end) lanes->product(o, row, rows_end, column, columns_end);
}

typedef struct {
  const char *table;
  char *rows;
  const int32_t *numbers;
  long count, most; /* numbers, and rows of the table */
  size_t width;     /* bytes of a row */
} Rows;

static void some_of_rows(const void *data, int part, int parts) {
  const Rows *o = data;
  long from, to;
  span(o->count, 4, part, parts, &from, &to);
  for (long i = from, count; i < to; i += count) {
    const uint32_t number = o->numbers[i];
    /* At once those that follow each other. */
    for (count = 1; i + count < to && number + count < o->most && o->numbers[i + count] == number + count;) count++;
    memcpy(o->rows + i * o->width, o->table + LEAST(number, o->most - 1) * o->width, count * o->width);
  }
}

/* table, numbers -> the rows of these numbers. */
Nothing *epochal_rows(Call *call) {
  if (asked(call)) return NULL;
  const Array *table = argument(call, 0), *numbers = argument(call, 1);
  const Rows o = {.table = table->data, .rows = result(call, 0)->data, .numbers = numbers->data,
                  .count = numbers->shape[0], .most = table->shape[0], .width = attribute(call, 1)};
  /* Sooner than other work: the same thread multiplies these rows, if the first product is shared out. */
  shared(some_of_rows, &o, sharers(call, o.count * o.width / 4.0, NUMBERS / 4));
  return NULL;
}

/* Which of a layer's arrays are in panels, beside the weights: bits of attribute `stored`. */
enum { INPUTS = 1, OUTPUTS = 2 };

static void some_of_panels(const void *data, int part, int parts) {
  const Matrix *x = data, *y = x + 1;
  long from, to;
  span(x->rows, 4, part, parts, &from, &to);
  for (long i = from; i < to; i++)
    for (long j = 0; j < x->columns; j += PANEL) {
      const long width = LEAST(PANEL, x->columns - j);
      /* Of a known length it is no call, but a few instructions. */
      if (width == PANEL) memcpy(at(y, i, j), at(x, i, j), 4 * PANEL);
      else memcpy(at(y, i, j), at(x, i, j), 4 * width);
    }
}

/* x -> x in panels; or, if `stored` says that it is, row by row. */
Nothing *epochal_panels(Call *call) {
  if (asked(call)) return NULL;
  const bool back = attribute(call, 1) & INPUTS;
  const Matrix both[] = {matrix(argument(call, 0), back), matrix(result(call, 0), !back)};
  shared(some_of_panels, both, sharers(call, both->rows * both->columns, NUMBERS));
  return NULL;
}

/* x, W; or x, W, b; or x, W, b, (stream, limit), scale -> x W; with b, max(x W + b, 0) if attribute `unit` is set. */
Nothing *epochal_layer(Call *call) {
  if (asked(call)) return NULL;
  const int stored = attribute(call, 1);
  Product o = {.a = matrix(argument(call, 0), stored & INPUTS), .b = matrix(argument(call, 1), true),
               .c = matrix(result(call, 0), stored & OUTPUTS)};
  Dropout dropout;
  if (call->arguments.count > 2) o.ends = (Ends){.bias = argument(call, 2)->data, .relu = attribute(call, 2)};
  if (call->arguments.count > 4) {
    const uint32_t *words = argument(call, 3)->data;
    dropout = (Dropout){words[0], words[1], *(float *)argument(call, 4)->data};
    o.ends.dropout = &dropout;
  }
  shared(part_of_product, &o, sharers(call, multiplications(&o), MULTIPLICATIONS));
  return NULL;
}

/* What a layer hands back: the gradient of its inputs, if that is wanted, and those of its weights and biases. */
typedef struct {
  Product of_inputs, of_weights;      /* the first has no rows if it is not wanted */
  float *turned_weights, *turned_sums; /* where the second and its sums belong if it is turned; or NULL */
} Back;

static void part_of_back(const void *data, int part, int parts) {
  const Back *o = data;
  const Product *w = &o->of_weights;
  if (o->of_inputs.c.rows) part_of_product(&o->of_inputs, part, parts);
  if (!o->turned_weights) {
    part_of_product(w, part, parts);
    return;
  }
  long from, to;
  const long outputs = w->a.columns;
  span(w->c.columns, PANEL, part, parts, &from, &to);
  if (from < to) lanes->product(w, 0, w->c.rows, from, to);
  if (part == 0) lanes->sums(&w->a, 0, outputs, o->turned_sums);
  for (long i = from; i < to; i++)
    for (long j = 0; j < outputs; j++) o->turned_weights[i * outputs + j] = w->c.start[j * w->c.columns + i];
}

/* x, g; or x, g, W; or x, g, W, scale -> x^T g; the sums of g over rows; with W, g W^T; with a scale, that
 * times the scale, 0 where x is, and stored as x is. */
Nothing *epochal_back(Call *call) {
  if (asked(call)) return NULL;
  const int stored = attribute(call, 1);
  const Matrix x = matrix(argument(call, 0), stored & INPUTS), g = matrix(argument(call, 1), stored & OUTPUTS);
  const long inputs = x.columns, outputs = g.columns;
  Back o = {.of_weights = {.a = x, .b = g, .c = matrix(result(call, 0), true), .a_turned = true,
                           .sums = result(call, 1)->data}};
  if (outputs <= 12 && inputs >= 32) {
    /* Few outputs would leave most of a vector empty: g^T x, in one tile, and then turned. */
    const long high = outputs > 8 ? 12 : outputs > 4 ? 8 : 4;
    o.turned_weights = o.of_weights.c.start;
    o.turned_sums = o.of_weights.sums;
    const Matrix turned = {room(TURNED, high * inputs), high, inputs, false};
    o.of_weights = (Product){.a = g, .b = x, .c = turned, .a_turned = true};
  }
  /* A step of Adam follows. What it writes, other threads have read: it takes time until they give it up. */
  if (call->arguments.count > 2 && !o.turned_weights) o.of_weights.soon = argument(call, 2)->data;
  if (call->arguments.count > 2)
    o.of_inputs = (Product){.a = g, .b = matrix(argument(call, 2), true), .b_turned = true,
                            .c = matrix(result(call, 2), stored & INPUTS && call->arguments.count > 3)};
  if (call->arguments.count > 3)
    o.of_inputs.ends = (Ends){.units = x.start, .scale = *(float *)argument(call, 3)->data};
  const double work = multiplications(&o.of_weights) + (o.of_inputs.c.rows ? multiplications(&o.of_inputs) : 0);
  shared(part_of_back, &o, sharers(call, work, MULTIPLICATIONS));
  return NULL;
}

static void some_of_entropy(const void *data, int part, int parts) {
  const Entropy *o = data;
  long from, to;
  span(o->rows, 16, part, parts, &from, &to);
  lanes->entropy(o, from, to);
}

/* logits, labels, weights -> gradient, sums, own. */
Nothing *epochal_entropy(Call *call) {
  if (asked(call)) return NULL;
  const Array *logits = argument(call, 0);
  const Entropy o = {.logits = logits->data, .labels = argument(call, 1)->data, .weights = argument(call, 2)->data,
                     .rows = logits->shape[0], .classes = logits->shape[1], .gradient = result(call, 0)->data,
                     .sums = result(call, 1)->data, .own = result(call, 2)->data};
  shared(some_of_entropy, &o, sharers(call, o.rows * o.classes, NUMBERS));
  return NULL;
}

static void some_of_adam(const void *data, int part, int parts) {
  const Adam *o = data;
  long from, to;
  span(o->count, 16, part, parts, &from, &to);
  lanes->adam(o, from, to);
}

/* value, first, second, gradient, figures -> value, first, second, in their places. */
Nothing *epochal_adam(Call *call) {
  if (asked(call)) return NULL;
  const float *figures = argument(call, 4)->data;
  Adam o = {.gradient = argument(call, 3)->data, .value = result(call, 0)->data, .first = result(call, 1)->data,
            .second = result(call, 2)->data, .count = 1, .beta_1 = figures[0], .beta_2 = figures[1],
            .guard = figures[2], .correction_1 = figures[3], .correction_2 = figures[4], .rate = figures[5],
            .shrink = figures[6]};
  for (int i = 0; i < argument(call, 0)->rank; i++) o.count *= argument(call, 0)->shape[i];
  for (int i = 0; i < 3; i++)
    if (argument(call, i)->data != result(call, i)->data)
      memcpy(result(call, i)->data, argument(call, i)->data, 4 * o.count);
  shared(some_of_adam, &o, sharers(call, o.count, OF_ADAM));
  return NULL;
}
