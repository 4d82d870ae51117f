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
static const double MULTIPLICATIONS = 5e5, NUMBERS = 8e3;

/* Multiplications of a product, where a short side takes as long as one of 16. */
static double multiplications(const Product *o) {
  return (double)(o->m < 16 ? 16 : o->m) * (o->n < 16 ? 16 : o->n) * (o->k < 16 ? 16 : o->k);
}

/* Parts are as square as can be: what they read is least then. */
static void part_of_product(const void *data, int part, int parts) {
  const Product *o = data;
  int across = 1;
  for (int i = 2; i <= parts; i++)
    if (parts % i == 0 && o->m * i + o->n * parts / i < o->m * across + o->n * parts / across) across = i;
  long row, rows_end, column, columns_end;
  span(o->m, 4, part / across, parts / across, &row, &rows_end);
  span(o->n, 32, part % across, across, &column, &columns_end);
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
  for (long i = from; i < to; i++) {
    const uint32_t number = o->numbers[i];
    memcpy(o->rows + i * o->width, o->table + LEAST(number, o->most - 1) * o->width, o->width);
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

/* x, W; or x, W, b; or x, W, b, (stream, limit), scale -> x W; with b, max(x W + b, 0) if attribute `unit` is set. */
Nothing *epochal_layer(Call *call) {
  if (asked(call)) return NULL;
  const Array *x = argument(call, 0), *w = argument(call, 1);
  const long k = x->shape[1], n = w->shape[1];
  Product o = {.a = x->data, .b = w->data, .c = result(call, 0)->data, .a_row = k, .a_k = 1, .b_k = n, .b_column = 1,
               .m = x->shape[0], .n = n, .k = k};
  Dropout dropout;
  if (call->arguments.count > 2) o.ends = (Ends){.bias = argument(call, 2)->data, .relu = attribute(call, 1)};
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
  if (o->of_inputs.m) part_of_product(&o->of_inputs, part, parts);
  if (!o->turned_weights) {
    part_of_product(w, part, parts);
    return;
  }
  long from, to;
  span(w->n, 32, part, parts, &from, &to);
  if (from < to) lanes->product(w, 0, w->m, from, to);
  if (part == 0) lanes->sums(w->a, w->k, w->a_k, o->turned_sums);
  for (long i = from; i < to; i++)
    for (long j = 0; j < w->a_k; j++) o->turned_weights[i * w->a_k + j] = w->c[j * w->n + i];
}

/* x, g; or x, g, W; or x, g, W, scale -> x^T g; the sums of g over rows; with W, g W^T; with a scale, that
 * times the scale, and 0 where x is. */
Nothing *epochal_back(Call *call) {
  if (asked(call)) return NULL;
  const Array *x = argument(call, 0), *g = argument(call, 1);
  const long rows = x->shape[0], inputs = x->shape[1], outputs = g->shape[1];
  Back o = {.of_weights = {.a = x->data, .b = g->data, .c = result(call, 0)->data, .a_row = 1, .a_k = inputs,
                           .b_k = outputs, .b_column = 1, .m = inputs, .n = outputs, .k = rows,
                           .sums = result(call, 1)->data}};
  if (outputs <= 12 && inputs >= 32) {
    /* Few outputs would leave most of a vector empty: g^T x, in one tile, and then turned. */
    const long high = outputs > 8 ? 12 : outputs > 4 ? 8 : 4;
    o.turned_weights = o.of_weights.c;
    o.turned_sums = o.of_weights.sums;
    o.of_weights = (Product){.a = g->data, .b = x->data, .c = room(TURNED, high * inputs), .a_row = 1,
                             .a_k = outputs, .b_k = inputs, .b_column = 1, .m = high, .n = inputs, .k = rows};
  }
  if (call->arguments.count > 2)
    o.of_inputs = (Product){.a = g->data, .b = argument(call, 2)->data, .c = result(call, 2)->data, .a_row = outputs,
                            .a_k = 1, .b_k = 1, .b_column = outputs, .m = rows, .n = inputs, .k = outputs};
  if (call->arguments.count > 3) o.of_inputs.ends = (Ends){.units = x->data, .scale = *(float *)argument(call, 3)->data};
  const double work = multiplications(&o.of_weights) + (o.of_inputs.m ? multiplications(&o.of_inputs) : 0);
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
  shared(some_of_adam, &o, sharers(call, o.count, NUMBERS));
  return NULL;
}
