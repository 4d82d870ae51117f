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
static const double MULTIPLICATIONS = 1e6, NUMBERS = 8e3;

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

static void multiply(const Call *call, const Product *o) {
  shared(part_of_product, o, sharers(call, (double)o->m * o->n * o->k, MULTIPLICATIONS));
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
  multiply(call, &o);
  return NULL;
}

/* g, W; or g, W, h, scale -> g W^T; with h, scaled, and 0 where h is. */
Nothing *epochal_inputs(Call *call) {
  if (asked(call)) return NULL;
  const Array *g = argument(call, 0), *w = argument(call, 1);
  const long k = g->shape[1];
  Product o = {.a = g->data, .b = w->data, .c = result(call, 0)->data, .a_row = k, .a_k = 1, .b_k = 1, .b_column = k,
               .m = g->shape[0], .n = w->shape[0], .k = k};
  if (call->arguments.count > 2) o.ends = (Ends){.units = argument(call, 2)->data, .scale = *(float *)argument(call, 3)->data};
  multiply(call, &o);
  return NULL;
}

/* x, g -> x^T g, and the sums of g over rows. */
Nothing *epochal_slopes(Call *call) {
  if (asked(call)) return NULL;
  const Array *x = argument(call, 0), *g = argument(call, 1);
  const long rows = x->shape[0], inputs = x->shape[1], outputs = g->shape[1];
  float *of_weights = result(call, 0)->data, *of_bias = result(call, 1)->data;
  if (outputs > 12 || inputs < 32) {
    multiply(call, &(Product){.a = x->data, .b = g->data, .c = of_weights, .a_row = 1, .a_k = inputs, .b_k = outputs,
                              .b_column = 1, .m = inputs, .n = outputs, .k = rows, .sums = of_bias});
    return NULL;
  }
  /* Few outputs would leave most of a vector empty: g^T x, and then turned. */
  float *turned = room(TURNED, outputs * inputs);
  multiply(call, &(Product){.a = g->data, .b = x->data, .c = turned, .a_row = 1, .a_k = outputs, .b_k = inputs,
                            .b_column = 1, .m = outputs, .n = inputs, .k = rows});
  lanes->sums(g->data, rows, outputs, of_bias);
  for (long i = 0; i < inputs; i++)
    for (long j = 0; j < outputs; j++) of_weights[i * outputs + j] = turned[j * inputs + i];
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
