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

typedef struct {
  long row, rows_end, column, columns_end; /* no columns, if it is empty */
} Part;

/* Parts are nearly square, as what they read is least then; rather high than wide, as a thread has in its cache what
 * it wrote in the operation before: the same columns. */
static Part part_of(const Matrix *c, int part, int parts) {
  const long m = c->rows, n = c->columns, panels = (n + PANEL - 1) / PANEL;
  int across = 1;
  for (int i = 2; i <= LEAST(parts, panels); i++)
    if (parts % i == 0 && m * i + 2 * n * parts / i < m * across + 2 * n * parts / across) across = i;
  Part o;
  span(m, 4, part / across, parts / across, &o.row, &o.rows_end);
  span(n, PANEL, part % across, across, &o.column, &o.columns_end);
  if (o.row == o.rows_end) o.columns_end = o.column;
  return o;
}

static void part_of_product(const void *data, int part, int parts) {
  const Product *o = data;
  const Part p = part_of(&o->c, part, parts);
  if (p.column < p.columns_end) lanes->product(o, p.row, p.rows_end, p.column, p.columns_end);
}

/* Which of a layer's arrays are in panels, beside the weights: bits of attribute `stored`. */
enum { INPUTS = 1, OUTPUTS = 2 };

typedef struct {
  const char *table;
  char *rows;
  const int32_t *numbers;
  long count, most; /* numbers, and rows of the table */
  size_t width;     /* bytes of a row */
  Matrix panels;    /* the rows, if they are to be in panels; or no columns */
} Rows;

/* A row of numbers into panels; another one is asked for meanwhile. */
static void into_panels(const void *row, const void *ahead, const Matrix *y, long i) {
  const float *from = row, *next = ahead;
  for (long j = 0; j < y->columns; j += PANEL) {
    const long width = LEAST(PANEL, y->columns - j);
    /* Of a known length it is no call, but a few instructions. */
    if (width == PANEL) memcpy(at(y, i, j), from + j, 4 * PANEL);
    else memcpy(at(y, i, j), from + j, 4 * width);
    __builtin_prefetch(next + j);
    __builtin_prefetch(next + j + PANEL / 2);
  }
}

static const char *row_of(const Rows *o, long i) {
  return o->table + LEAST((uint32_t)o->numbers[i], o->most - 1) * o->width;
}

static void some_of_rows(const void *data, int part, int parts) {
  const Rows *o = data;
  long from, to;
  span(o->count, 4, part, parts, &from, &to);
  for (long i = from, count; i < to; i += count) {
    const uint32_t number = o->numbers[i];
    if (o->panels.columns) {
      into_panels(row_of(o, i), row_of(o, LEAST(i + 2, to - 1)), &o->panels, i);
      count = 1;
      continue;
    }
    /* At once those that follow each other. */
    for (count = 1; i + count < to && number + count < o->most && o->numbers[i + count] == number + count;) count++;
    memcpy(o->rows + i * o->width, row_of(o, i), count * o->width);
  }
}

/* table, numbers -> the rows of these numbers; if attribute `stored` says so, of float32 and in panels. */
Nothing *epochal_rows(Call *call) {
  if (asked(call)) return NULL;
  const Array *table = argument(call, 0), *numbers = argument(call, 1);
  Rows o = {.table = table->data, .rows = result(call, 0)->data, .numbers = numbers->data,
            .count = numbers->shape[0], .most = table->shape[0], .width = attribute(call, 2)};
  if (attribute(call, 1) & OUTPUTS) o.panels = matrix(result(call, 0), true);
  /* Sooner than other work: the same thread multiplies these rows, if the first product is shared out. */
  shared(some_of_rows, &o, sharers(call, o.count * o.width / 4.0, NUMBERS / 4));
  return NULL;
}

static void some_of_panels(const void *data, int part, int parts) {
  const Matrix *x = data, *y = x + 1;
  long from, to;
  span(x->rows, 4, part, parts, &from, &to);
  for (long i = from; i < to; i++)
    if (!x->panels) into_panels(at(x, i, 0), at(x, LEAST(i + 2, to - 1), 0), y, i);
    else
      for (long j = 0; j < x->columns; j += PANEL) memcpy(at(y, i, j), at(x, i, j), 4 * width_at(x, j));
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

/* What a layer hands back: the gradient of its inputs, if that is wanted, and those of its weights and biases; or
 * a step of Adam with that of its weights, which is written nowhere then. */
typedef struct {
  Product of_inputs, of_weights;       /* the first has no rows if it is not wanted */
  float *turned_weights, *turned_sums; /* where the second and its sums belong if it is turned; or NULL */
  Adam adam;                           /* of no array, or of the weights */
} Back;

/* Where there are few outputs: each part has some inputs, and reads and writes nothing of the weights but theirs. */
static void part_of_few(const Back *o, int part, int parts) {
  const Product *w = &o->of_weights, *x = &o->of_inputs;
  const long outputs = w->a.columns, inputs = w->c.columns;
  long from, to;
  span(inputs, PANEL, part, parts, &from, &to);
  if (part == 0) lanes->sums(&w->a, 0, outputs, o->turned_sums);
  if (from == to) return;
  if (x->c.rows) lanes->product(x, 0, x->c.rows, from, to);
  lanes->product(w, 0, w->c.rows, from, to);
  for (long i = from; i < to; i++)
    for (long j = 0; j < outputs; j++) o->turned_weights[i * outputs + j] = w->c.start[j * inputs + i];
  if (o->adam.value) lanes->adam(&o->adam, from * outputs, to * outputs);
}

static void part_of_back(const void *data, int part, int parts) {
  const Back *o = data;
  if (o->turned_weights) {
    part_of_few(o, part, parts);
    return;
  }
  if (o->of_inputs.c.rows) part_of_product(&o->of_inputs, part, parts);
  part_of_product(&o->of_weights, part, parts);
}

/* So many numbers of a gradient are in the second cache until a step is taken with them, and its weights and moments,
 * which were asked for with each tile: while they come, the next products are computed. */
enum { NEAR = 32768 };

static void part_of_descent(const void *data, int part, int parts) {
  const Back *o = data;
  const Matrix *c = &o->of_weights.c;
  const Part p = part_of(c, part, parts);
  const long most = NEAR / c->rows / PANEL * PANEL, each = most ? most : PANEL;
  float *near = room(TURNED, c->rows * each);
  for (long left = p.column, right; left < p.columns_end; left = right) {
    right = LEAST(left + each, p.columns_end);
    Product w = o->of_weights;
    Adam adam = o->adam;
    w.c.start = near - (at(c, p.row, left) - c->start);
    adam.gradient = w.c.start;
    lanes->product(&w, p.row, p.rows_end, left, right);
    for (long j = left; j < right; j += PANEL) {
      const long from = at(c, p.row, j) - c->start;
      lanes->adam(&adam, from, from + (p.rows_end - p.row) * LEAST(PANEL, c->columns - j));
    }
  }
}

/* Attribute `stored` has a bit for few outputs, too. */
enum { FEW = 4 };

/* What follows from x, g, and W if the gradient of x is wanted, and from a scale if x are hidden values; the gradients go to
 * these places. */
static Back back_of(const Call *call, const Array *w, const float *scale, float *of_weights, float *of_biases,
                    const Array *of_inputs) {
  const int stored = attribute(call, 1);
  const Matrix x = matrix(argument(call, 0), stored & INPUTS), g = matrix(argument(call, 1), stored & OUTPUTS);
  const long inputs = x.columns, outputs = g.columns;
  const Matrix weights = {of_weights, inputs, outputs, true};
  Back o = {.of_weights = {.a = x, .b = g, .c = weights, .a_turned = true, .sums = of_biases}};
  if (stored & FEW) {
    /* They would leave most of a vector empty: g^T x, in one tile, and then turned. */
    const long high = outputs > 8 ? 12 : outputs > 4 ? 8 : 4;
    float *turned = room(TURNED, (high + outputs) * inputs);
    o.turned_weights = of_weights ? of_weights : turned + high * inputs;
    o.turned_sums = of_biases;
    o.of_weights = (Product){.a = g, .b = x, .c = {turned, high, inputs, false}, .a_turned = true};
  }
  if (w)
    o.of_inputs = (Product){.a = g, .b = matrix(w, true), .b_turned = true,
                            .c = matrix(of_inputs, stored & INPUTS && scale)};
  if (scale) o.of_inputs.ends = (Ends){.units = x.start, .scale = *scale};
  return o;
}

static double of_inputs(const Back *o) { return o->of_inputs.c.rows ? multiplications(&o->of_inputs) : 0; }

/* x, g; or x, g, W; or x, g, W, scale -> x^T g; the sums of g over rows; with W, g W^T; with a scale, that
 * times the scale, 0 where x is, and stored as x is. */
Nothing *epochal_back(Call *call) {
  if (asked(call)) return NULL;
  const long count = call->arguments.count;
  const Back o = back_of(call, count > 2 ? argument(call, 2) : NULL, count > 3 ? argument(call, 3)->data : NULL,
                         result(call, 0)->data, result(call, 1)->data, count > 2 ? result(call, 2) : NULL);
  shared(part_of_back, &o, sharers(call, multiplications(&o.of_weights) + of_inputs(&o), MULTIPLICATIONS));
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

/* A step of Adam on the call's arguments from the first one on: value, first, second; with these figures. The results,
 * the first ones, are in their places; if XLA has made others, they are copied there. */
static Adam step_of(const Call *call, int from, const float *figures) {
  Adam o = {.value = result(call, 0)->data, .first = result(call, 1)->data, .second = result(call, 2)->data, .count = 1,
            .beta_1 = figures[0], .beta_2 = figures[1], .guard = figures[2], .correction_1 = figures[3],
            .correction_2 = figures[4], .rate = figures[5], .shrink = figures[6]};
  for (int i = 0; i < result(call, 0)->rank; i++) o.count *= result(call, 0)->shape[i];
  for (int i = 0; i < 3; i++)
    if (argument(call, from + i)->data != result(call, i)->data)
      memcpy(result(call, i)->data, argument(call, from + i)->data, 4 * o.count);
  return o;
}

/* value, first, second, gradient, figures -> value, first, second, in their places. */
Nothing *epochal_adam(Call *call) {
  if (asked(call)) return NULL;
  Adam o = step_of(call, 0, argument(call, 4)->data);
  o.gradient = argument(call, 3)->data;
  shared(some_of_adam, &o, sharers(call, o.count, OF_ADAM));
  return NULL;
}

/* x, g, W, first, second, figures; or these and a scale -> W, first and second after a step of Adam, in their places; the
 * sums of g over rows; and g W^T as above, of W before, if it is wanted. */
Nothing *epochal_descent(Call *call) {
  if (asked(call)) return NULL;
  const bool wanted = call->results.count > 4;
  Back o = back_of(call, wanted ? argument(call, 2) : NULL, call->arguments.count > 6 ? argument(call, 6)->data : NULL, NULL,
                   result(call, 3)->data, wanted ? result(call, 4) : NULL);
  o.adam = step_of(call, 2, argument(call, 5)->data);
  const double of_weights = multiplications(&o.of_weights);
  if (o.turned_weights) {
    o.adam.gradient = o.turned_weights;
    shared(part_of_back, &o, sharers(call, of_weights + of_inputs(&o), MULTIPLICATIONS));
    return NULL;
  }
  /* Nobody may write weights that others still read. */
  if (wanted) shared(part_of_product, &o.of_inputs, sharers(call, of_inputs(&o), MULTIPLICATIONS));
  o.of_weights.c.start = o.adam.value; /* where it would be; nothing is written there */
  o.of_weights.soon = &o.adam;
  shared(part_of_descent, &o, sharers(call, of_weights, MULTIPLICATIONS));
  return NULL;
}
