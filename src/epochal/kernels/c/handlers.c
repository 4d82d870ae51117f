/* The operations as XLA calls them, by its foreign function interface. kernels/ffi.py documents each of them. */
#include <stdio.h>
#include <string.h>

#include "kernels.h"
#include "xla_ffi.h"

typedef XLA_FFI_CallFrame Frame;
typedef XLA_FFI_Buffer Buffer;

_Static_assert(XLA_FFI_API_MAJOR == EPOCHAL_FFI_MAJOR, "XLA's interface has changed: look through this file");

static const Buffer *argument(const Frame *frame, int number) { return frame->args.args[number]; }
static const Buffer *result(const Frame *frame, int number) { return frame->rets.rets[number]; }

static XLA_FFI_Error *error(const Frame *frame, XLA_FFI_Error_Code code, const char *message) {
  XLA_FFI_Error_Create_Args args = {.message = message, .errc = code};
  args.struct_size = offsetof(XLA_FFI_Error_Create_Args, errc) + sizeof args.errc;
  return frame->api->XLA_FFI_Error_Create(&args);
}

/* No error, or that there was no memory for scratch. */
static XLA_FFI_Error *finish(const Frame *frame, bool done) {
  return done ? NULL : error(frame, XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "epochal: no memory to pack matrices");
}

/* Which matrices are in panels, beside the weights; and whether the outputs are few: bits of attribute `panels`. */
enum { INPUTS = 1, OUTPUTS = 2, FEW = 4 };

/* All attributes that there are, int32; what a call does not have is 0. */
typedef struct {
  int32_t parallel; /* whether threads share the work */
  int32_t panels, relu, row_bytes, folds;
  int32_t activation; /* of `enum Activation`; what is not behind IDENTITY is left to `relu` */
  int32_t repeats, first, levels; /* the width of blocks of columns that repeat; then the argument before says where */
  int32_t used; /* whether the last argument says which rows of the batch are in use */
} Attributes;

static int32_t *field_of(Attributes *attributes, const XLA_FFI_ByteSpan *name) {
#define IS(text) (name->len == sizeof text - 1 && !memcmp(name->ptr, text, sizeof text - 1))
  if (IS("parallel")) return &attributes->parallel;
  if (IS("panels")) return &attributes->panels;
  if (IS("relu")) return &attributes->relu;
  if (IS("activation")) return &attributes->activation;
  if (IS("folds")) return &attributes->folds;
  if (IS("repeats")) return &attributes->repeats;
  if (IS("first")) return &attributes->first;
  if (IS("levels")) return &attributes->levels;
  if (IS("used")) return &attributes->used;
  return IS("row_bytes") ? &attributes->row_bytes : NULL;
#undef IS
}

static long elements(const Buffer *buffer) {
  long count = 1;
  for (int i = 0; i < buffer->rank; i++) count *= buffer->dims[i];
  return count;
}

/* How many arguments, beside repeats and the rows in use, and results an operation takes. */
typedef struct {
  int fewest, most, results, most_results;
} Signature;

static XLA_FFI_Error *invalid(const Frame *frame, const char *what, const char *name, size_t length) {
  char message[100];
  snprintf(message, sizeof message, "epochal: %s%.*s", what, (int)MIN(length, 40), name);
  return error(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, message);
}

static XLA_FFI_Error *read_attributes(const Frame *frame, Attributes *attributes) {
  *attributes = (Attributes){0};
  for (int i = 0; i < frame->attrs.size; i++) {
    const XLA_FFI_ByteSpan *name = frame->attrs.names[i];
    const XLA_FFI_Scalar *value = frame->attrs.attrs[i];
    int32_t *field = field_of(attributes, name);
    if (!field || frame->attrs.types[i] != XLA_FFI_AttrType_SCALAR || value->dtype != XLA_FFI_DataType_S32)
      return invalid(frame, "no int32 attribute ", name->ptr, name->len);
    *field = *(const int32_t *)value->value;
  }
  return NULL;
}

/* Arguments beside repeats and the rows in use. */
static long arguments(const Frame *frame, const Attributes *attributes) {
  return frame->args.size - (attributes->used != 0) - (attributes->repeats != 0);
}

/* Which rows of a batch are in use, all int32: how many, then the place of each in the batch. NULL if all are. An
 * operation has only those in its arrays, one after the other, as if the arrays had no others. */
static const int32_t *rows_in_use(const Frame *frame, const Attributes *attributes) {
  const Buffer *used = attributes->used ? argument(frame, frame->args.size - 1) : NULL;
  return used && *(const int32_t *)used->data < elements(used) - 1 ? used->data : NULL;
}

static long limited(long rows, const int32_t *used) { return used ? MIN(MAX(*used, 1), rows) : rows; }

/* Read a call's attributes, and return whether the operation is to be computed. If not, `*answer` is what the handler
 * returns: XLA only asks for the version, there is nothing to compute, or the call cannot be right. */
static bool begin_with_empty(const Frame *frame, Signature signature, Attributes *attributes, XLA_FFI_Error **answer) {
  *answer = NULL;
  if (frame->extension_start && frame->extension_start->type == XLA_FFI_Extension_Metadata) {
    XLA_FFI_Metadata *metadata = ((XLA_FFI_Metadata_Extension *)frame->extension_start)->metadata;
    metadata->api_version.major_version = EPOCHAL_FFI_MAJOR;
    metadata->api_version.minor_version = EPOCHAL_FFI_MINOR;
    metadata->traits = 0;
    return false;
  }
  if (!simd) *answer = invalid(frame, "epochal_load has not been called", "", 0);
  else *answer = read_attributes(frame, attributes);
  if (*answer) return false;
  const long count = arguments(frame, attributes), results = frame->rets.size;
  const Buffer *used = attributes->used && frame->args.size ? argument(frame, frame->args.size - 1) : NULL;
  if (count < signature.fewest || count > signature.most || results < signature.results ||
      results > signature.most_results)
    *answer = invalid(frame, "too many or too few arrays", "", 0);
  else if (used && (elements(used) < 2 || elements(used) <= *(const int32_t *)used->data))
    *answer = invalid(frame, "more rows in use than there are", "", 0);
  if (*answer) return false;
  for (int i = 0; i < results; i++)
    if (elements(result(frame, i))) return true;
  return false;
}

/* The same for an operation of which no argument may be empty. */
static bool begin(const Frame *frame, Signature signature, Attributes *attributes, XLA_FFI_Error **answer) {
  if (!begin_with_empty(frame, signature, attributes, answer)) return false;
  for (int i = 0; i < frame->args.size && !*answer; i++)
    if (!elements(argument(frame, i))) *answer = invalid(frame, "an argument is empty", "", 0);
  return !*answer;
}

/* How many threads share so much work, if each has at least `each` of it. */
static int threads_for(const Attributes *attributes, double work, double each) {
  return attributes->parallel ? (int)MIN(work / each, 1e3) : 1;
}
static const double NUMBERS = 8e3, NUMBERS_OF_ADAM = 2e3;

static Matrix matrix(const Buffer *buffer, bool panels) {
  const long columns = buffer->dims[1];
  return (Matrix){buffer->data, buffer->dims[0], columns, panels || columns <= PANEL};
}

static Matrix rows_of(const Buffer *buffer, bool panels, const int32_t *used) {
  Matrix x = matrix(buffer, panels);
  x.rows = limited(x.rows, used);
  return x;
}

/* Multiplications of a product, where a short side takes as long as one of 16. */
static double multiplications(const Product *o) {
  const long m = o->c.rows, n = o->c.columns, k = o->a_transposed ? o->a.rows : o->a.columns;
  return (double)MAX(m, 16) * MAX(n, 16) * MAX(k, 16);
}

typedef struct {
  long row, rows_end, column, columns_end; /* no columns, if the part is empty */
} Part;

/* Parts are nearly square, since they read least then; rather by columns than by rows, since a thread's cache has the
 * same columns from the operation before. */
static Part part_of(const Matrix *c, int part, int parts) {
  const long m = c->rows, n = c->columns, panels = (n + PANEL - 1) / PANEL;
  int across = 1;
  for (int i = 2; i <= MIN(parts, panels); i++)
    if (parts % i == 0 && m * i + 2 * n * parts / i < m * across + 2 * n * parts / across) across = i;
  Part o;
  part_range(m, 4, part / across, parts / across, &o.row, &o.rows_end);
  part_range(n, PANEL, part % across, across, &o.column, &o.columns_end);
  if (o.row == o.rows_end) o.columns_end = o.column;
  return o;
}

static bool part_of_product(const void *data, int part, int parts) {
  const Product *o = data;
  const Part p = part_of(&o->c, part, parts);
  return p.column == p.columns_end || simd->product(o, p.row, p.rows_end, p.column, p.columns_end);
}

#include "repeats_handlers.h"

typedef struct {
  const char *table;
  char *rows;
  const int32_t *numbers;
  long count, table_rows; /* of numbers, and of the table */
  size_t row_bytes;
  Matrix panels; /* the rows, if they are to be in panels; or no columns */
} TakeRows;

/* Copy a row into panels, and prefetch another one. */
static void copy_to_panels(const void *row, const void *ahead, const Matrix *y, long i) {
  const float *from = row, *next = ahead;
  for (long j = 0; j < y->columns; j += PANEL) {
    const long width = MIN(PANEL, y->columns - j);
    /* A constant length is a few instructions instead of a call. */
    if (width == PANEL) memcpy(element(y, i, j), from + j, 4 * PANEL);
    else memcpy(element(y, i, j), from + j, 4 * width);
    __builtin_prefetch(next + j);
    if (width > PANEL / 2) __builtin_prefetch(next + j + PANEL / 2);
  }
}

static const char *row_of(const TakeRows *o, long i) {
  return o->table + MIN((long)(uint32_t)o->numbers[i], o->table_rows - 1) * o->row_bytes;
}

static bool part_of_rows(const void *data, int part, int parts) {
  const TakeRows *o = data;
  long begin_row, end_row;
  part_range(o->count, 4, part, parts, &begin_row, &end_row);
  for (long i = begin_row, count; i < end_row; i += count) {
    const long number = (uint32_t)o->numbers[i];
    if (o->panels.columns) {
      copy_to_panels(row_of(o, i), row_of(o, MIN(i + 2, end_row - 1)), &o->panels, i);
      count = 1;
      continue;
    }
    /* Rows that follow each other in the table are one copy. */
    for (count = 1; i + count < end_row && number + count < o->table_rows && o->numbers[i + count] == number + count;)
      count++;
    memcpy(o->rows + i * o->row_bytes, row_of(o, i), count * o->row_bytes);
  }
  return true;
}

/* table, numbers -> the rows of these numbers; in panels (float32 only) if attribute `panels` has OUTPUTS. */
XLA_FFI_Error *epochal_take_rows(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  if (!begin(frame, (Signature){2, 2, 1, 1}, &attributes, &answer)) return answer;
  const int32_t *used = rows_in_use(frame, &attributes);
  const Buffer *table = argument(frame, 0), *numbers = argument(frame, 1);
  TakeRows o = {.table = table->data, .rows = result(frame, 0)->data, .numbers = numbers->data,
                .count = limited(numbers->dims[0], used), .table_rows = table->dims[0], .row_bytes = attributes.row_bytes};
  if (attributes.panels & OUTPUTS) o.panels = rows_of(result(frame, 0), true, used);
  /* Shared out from less work on than elsewhere: the same thread multiplies these rows next. */
  const int threads = threads_for(&attributes, o.count * o.row_bytes / 4.0, NUMBERS / 4);
  return finish(frame, parallel(part_of_rows, &o, threads));
}

/* Row weights -> of each batch the rows whose weight is not 0, as `rows_in_use` returns them. A batch without any has
 * its first row. Behind the last place it is repeated. */
XLA_FFI_Error *epochal_used_rows(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  if (!begin(frame, (Signature){1, 1, 1, 1}, &attributes, &answer)) return answer;
  const Buffer *weights = argument(frame, 0), *batches = result(frame, 0);
  const long size = batches->dims[1] - 1;
  if (elements(weights) != batches->dims[0] * size) return invalid(frame, "no whole batches", "", 0);
  for (long number = 0; number < batches->dims[0]; number++) {
    const float *weight = (const float *)weights->data + number * size;
    int32_t *places = (int32_t *)batches->data + number * (size + 1) + 1, count = 0;
    places[0] = 0;
    for (long i = 0; i < size; i++)
      if (weight[i] != 0) places[count++] = (int32_t)i;
    if (!count) count = 1;
    places[-1] = count;
    for (long i = count; i < size; i++) places[i] = places[count - 1];
  }
  return NULL;
}

static bool part_of_panels(const void *data, int part, int parts) {
  const Matrix *x = data, *y = x + 1;
  long begin_row, end_row;
  part_range(x->rows, 4, part, parts, &begin_row, &end_row);
  for (long i = begin_row; i < end_row; i++)
    if (!x->panels) copy_to_panels(element(x, i, 0), element(x, MIN(i + 2, end_row - 1), 0), y, i);
    else
      for (long j = 0; j < x->columns; j += PANEL) memcpy(element(y, i, j), element(x, i, j), 4 * row_stride(x, j));
  return true;
}

/* x -> x in panels; or row by row, if attribute `panels` says by INPUTS that it is in panels. */
XLA_FFI_Error *epochal_change_layout(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  if (!begin(frame, (Signature){1, 1, 1, 1}, &attributes, &answer)) return answer;
  const bool back = attributes.panels & INPUTS;
  const int32_t *used = rows_in_use(frame, &attributes);
  const Matrix both[] = {rows_of(argument(frame, 0), back, used), rows_of(result(frame, 0), !back, used)};
  const int threads = threads_for(&attributes, (double)both->rows * both->columns, NUMBERS);
  return finish(frame, parallel(part_of_panels, both, threads));
}

/* The dropout that arguments from this number on describe, of the rows in use. */
static Dropout dropout_at(const Frame *frame, int number, const int32_t *used) {
  const uint32_t *words = argument(frame, number)->data;
  return (Dropout){words[0], words[1], *(const float *)argument(frame, number + 1)->data, used ? used + 1 : NULL};
}

/* x, W; or x, W, b; or x, W, b, (stream, limit), scale -> x W; with b, x W + b, or max(x W + b, 0) with `relu`. With
 * another unit, also x W + b before it. */
XLA_FFI_Error *epochal_dense(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  if (!begin(frame, (Signature){2, 5, 1, 2}, &attributes, &answer)) return answer;
  const int32_t *used = rows_in_use(frame, &attributes);
  const long count = arguments(frame, &attributes);
  Product o = {.a = rows_of(argument(frame, 0), attributes.panels & INPUTS, used), .b = matrix(argument(frame, 1), true),
               .c = rows_of(result(frame, 0), attributes.panels & OUTPUTS, used)};
  Dropout dropout;
  if (count > 2) o.epilogue = (Epilogue){.bias = argument(frame, 2)->data, .relu = attributes.relu};
  o.epilogue.activation = attributes.activation;
  if (frame->rets.size > 1) o.epilogue.before = result(frame, 1)->data;
  if (count > 4) {
    dropout = dropout_at(frame, 3, used);
    o.epilogue.dropout = &dropout;
  }
  const int threads = threads_for(&attributes, multiplications(&o), MULTIPLICATIONS);
  RepeatedProduct repeated = {.product = o};
  if (!read_repeats(&repeated.repeats, frame, &attributes, argument(frame, 0)->dims[0], &o.a))
    return invalid(frame, "sizes of repeats that do not fit", "", 0);
  if (!repeated.repeats.count) return finish(frame, parallel(part_of_product, &o, threads));
  repeated.product.accumulate = true;
  repeated.product.gap = repeated.repeats.first;
  repeated.product.gap_end = after_repeats(&repeated.repeats);
  return finish(frame, parallel(part_of_repeated_product, &repeated, threads));
}

/* The backward pass of a dense layer: the gradients of its inputs, if wanted, and of its weights and biases; or a step
 * of Adam with the gradient of the weights, which is then not written. */
typedef struct {
  Product of_inputs, of_weights;           /* the first has no rows if it is not wanted */
  float *transposed_weights, *column_sums; /* where the second belongs, and its sums, if it is transposed; or NULL */
  Adam adam;                               /* of the weights; or of no array */
  Repeats repeats;                         /* of the inputs; or no blocks */
  Matrix sums;                             /* of the gradient by blocks */
  Dropout dropout;                         /* of hidden values that are no ReLU */
} Backward;

/* With few outputs, each part has some of the inputs, and reads and writes only the weights of these. */
static bool part_of_few(const Backward *o, int part, int parts) {
  const Product *w = &o->of_weights, *x = &o->of_inputs;
  const long outputs = w->a.columns, inputs = w->c.columns;
  long begin_input, end_input;
  part_range(inputs, PANEL, part, parts, &begin_input, &end_input);
  if (part == 0) simd->column_sums(&w->a, &w->rows, 0, outputs, o->column_sums);
  if (begin_input == end_input) return true;
  if (x->c.rows && !simd->product(x, 0, x->c.rows, begin_input, end_input)) return false;
  if (!simd->product(w, 0, w->c.rows, begin_input, end_input)) return false;
  for (long i = begin_input; i < end_input; i++)
    for (long j = 0; j < outputs; j++) o->transposed_weights[i * outputs + j] = w->c.data[j * inputs + i];
  if (o->adam.weights) simd->adam(&o->adam, begin_input * outputs, end_input * outputs);
  return true;
}

static bool part_of_backward(const void *data, int part, int parts) {
  const Backward *o = data;
  if (o->transposed_weights) return part_of_few(o, part, parts);
  if (o->of_inputs.c.rows && !part_of_product(&o->of_inputs, part, parts)) return false;
  return part_of_product(&o->of_weights, part, parts);
}

/* Numbers of a gradient that stay in the second cache until the step of Adam. The tiles prefetch its weights and
 * moments, which arrive while the next tiles are computed. */
enum { GRADIENT_NUMBERS = 32768 };

/* The step of Adam with the gradient of some rows of the panel that begins with a column. */
static void adam_of_panel(const Adam *all, const Matrix *weights, const Product *w, const Part *p, long column) {
  const long offset = offset_of(weights, p->row, column);
  Adam adam = *all;
  adam.gradient = w->c.data + (offset_of(&w->c, p->row, column) - w->c_begin);
  adam.weights += offset;
  adam.first += offset;
  adam.second += offset;
  simd->adam(&adam, 0, (p->rows_end - p->row) * MIN(PANEL, w->c.columns - column));
}

/* Write a part of the gradient of the weights: by a product, and from sums where the inputs repeat. */
static bool gradient_of_weights(const Backward *o, const Product *w, const Part *p, long left, long right) {
  if (!o->repeats.count) return simd->product(w, p->row, p->rows_end, left, right);
  const long first = MAX(MIN(o->repeats.first, p->rows_end), p->row);
  const long after = MAX(MIN(after_repeats(&o->repeats), p->rows_end), p->row);
  if (p->row < first && !simd->product(w, p->row, first, left, right)) return false;
  simd->repeat_weights(&o->repeats, w, &o->sums, first, after, left, right);
  return after == p->rows_end || simd->product(w, after, p->rows_end, left, right);
}

/* A piece of the gradient after the other, each followed by its step of Adam. */
static bool part_of_fused_adam(const void *data, int part, int parts) {
  const Backward *o = data;
  const Matrix *weights = &o->of_weights.c;
  const Part p = part_of(weights, part, parts);
  if (p.column == p.columns_end) return true;
  const long down = MIN(p.rows_end - p.row, simd->gradient_rows);
  const long across = MAX(GRADIENT_NUMBERS / down / PANEL, 1) * PANEL;
  float *gradient = scratch(INTERMEDIATE, down * across);
  if (!gradient) return false;
  for (long left = p.column, right; left < p.columns_end; left = right) {
    right = MIN(left + across, p.columns_end);
    /* A narrow panel is a piece by itself, since its rows do not begin where those of the others do. */
    if (right - left > PANEL && down < weights->rows) right -= right % PANEL;
    for (long top = p.row; top < p.rows_end; top += down) {
      const Part piece = {top, MIN(top + down, p.rows_end), left, right};
      Product w = o->of_weights;
      w.c.data = gradient;
      w.c.rows = down;
      w.c_begin = offset_of(&w.c, top, left);
      if (!gradient_of_weights(o, &w, &piece, left, right)) return false;
      for (long j = left; j < right; j += PANEL) adam_of_panel(&o->adam, weights, &w, &piece, j);
    }
  }
  return true;
}

/* Where the results of a backward pass go. */
typedef struct {
  float *of_weights, *of_biases;
  const Buffer *of_inputs;
} Gradients;

/* Set up the backward pass of x, g, and W if the gradient of x is wanted. If x are hidden values, there are arguments
 * from number `chain` on. Return whether there is memory for it. */
static bool set_backward(Backward *o, const Frame *frame, const Attributes *attributes, const Buffer *w, int chain,
                         Gradients to) {
  const int panels = attributes->panels;
  const int32_t *used = rows_in_use(frame, attributes);
  const bool hidden = arguments(frame, attributes) > chain;
  const Matrix x = rows_of(argument(frame, 0), panels & INPUTS, used);
  const Matrix g = rows_of(argument(frame, 1), panels & OUTPUTS, used);
  const Places rows = {used ? used + 1 : NULL, argument(frame, 1)->dims[0]};
  const long inputs = x.columns, outputs = g.columns;
  *o = (Backward){.of_weights = {.a = x, .b = g, .c = {to.of_weights, inputs, outputs, true}, .a_transposed = true,
                                 .column_sums = to.of_biases, .rows = rows}};
  if (panels & FEW) {
    /* x^T g would leave most of a vector empty. g^T x is one tile high, and is transposed afterwards. */
    const long height = outputs > 8 ? 12 : outputs > 4 ? 8 : 4;
    float *transposed = scratch(INTERMEDIATE, (height + outputs) * inputs);
    if (!transposed) return false;
    o->transposed_weights = to.of_weights ? to.of_weights : transposed + height * inputs;
    o->column_sums = to.of_biases;
    o->of_weights = (Product){.a = g, .b = x, .c = {transposed, height, inputs, false}, .a_transposed = true,
                              .rows = rows};
  }
  if (w)
    o->of_inputs = (Product){.a = g, .b = matrix(w, true), .b_transposed = true,
                             .c = rows_of(to.of_inputs, panels & INPUTS && hidden, used)};
  Epilogue *epilogue = &o->of_inputs.epilogue;
  if (hidden && attributes->activation > IDENTITY) {
    *epilogue = (Epilogue){.activations = argument(frame, chain)->data, .activation = attributes->activation};
    if (arguments(frame, attributes) > chain + 2) {
      o->dropout = dropout_at(frame, chain + 1, used);
      epilogue->dropout = &o->dropout;
    }
  } else if (hidden) {
    *epilogue = (Epilogue){.activations = x.data, .scale = *(const float *)argument(frame, chain)->data};
  }
  return true;
}

static double multiplications_of_inputs(const Backward *o) {
  return o->of_inputs.c.rows ? multiplications(&o->of_inputs) : 0;
}

/* x, g; or x, g, W; or x, g, W, scale -> x^T g; the sums of g over rows; with W, g W^T; with a scale, that times the
 * scale where x > 0, and 0 elsewhere, with the layout of x. With another unit than ReLU there are, instead of the
 * scale, the arguments of the unit, and perhaps (stream, limit) and the scale of dropout. */
XLA_FFI_Error *epochal_dense_gradients(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  if (!begin(frame, (Signature){2, 6, 2, 3}, &attributes, &answer)) return answer;
  const bool wanted = arguments(frame, &attributes) > 2 && frame->rets.size > 2;
  const Gradients to = {result(frame, 0)->data, result(frame, 1)->data, wanted ? result(frame, 2) : NULL};
  Backward o;
  if (!set_backward(&o, frame, &attributes, wanted ? argument(frame, 2) : NULL, 3, to))
    return finish(frame, false);
  const double work = multiplications(&o.of_weights) + multiplications_of_inputs(&o);
  return finish(frame, parallel(part_of_backward, &o, threads_for(&attributes, work, MULTIPLICATIONS)));
}

static bool part_of_cross_entropy(const void *data, int part, int parts) {
  const CrossEntropy *o = data;
  long begin_row, end_row;
  part_range(o->rows, 16, part, parts, &begin_row, &end_row);
  return simd->cross_entropy(o, begin_row, end_row);
}

/* logits, labels, weights -> gradient, sums of exponentials, logits of the labels. */
XLA_FFI_Error *epochal_cross_entropy(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  if (!begin(frame, (Signature){3, 3, 3, 3}, &attributes, &answer)) return answer;
  const Buffer *logits = argument(frame, 0);
  const int32_t *used = rows_in_use(frame, &attributes);
  const CrossEntropy o = {.logits = logits->data, .labels = argument(frame, 1)->data,
                          .weights = argument(frame, 2)->data, .rows = limited(logits->dims[0], used),
                          .classes = logits->dims[1], .places = used ? used + 1 : NULL,
                          .batch = logits->dims[0],
                          .gradient = result(frame, 0)->data, .exponential_sums = result(frame, 1)->data,
                          .logits_of_labels = result(frame, 2)->data};
  /* The loss of a row that is not in use is log(1) - 0. */
  for (long i = 0; i < o.batch && used; i++) o.exponential_sums[i] = 1, o.logits_of_labels[i] = 0;
  const int threads = threads_for(&attributes, (double)o.rows * o.classes, NUMBERS);
  return finish(frame, parallel(part_of_cross_entropy, &o, threads));
}

/* A step of Adam on the arguments from `first` on: weights and both moments; with these figures. Three results, from
 * `to` on, are in their place; if XLA has made others, the arguments are copied there. */
static Adam adam_of(const Frame *frame, int first, int to, const float *figures) {
  Adam o = {.weights = result(frame, to)->data, .first = result(frame, to + 1)->data,
            .second = result(frame, to + 2)->data, .count = elements(result(frame, to)), .beta_1 = figures[0],
            .beta_2 = figures[1], .epsilon = figures[2], .correction_1 = figures[3], .correction_2 = figures[4],
            .rate = figures[5], .decay = figures[6]};
  for (int i = 0; i < 3; i++)
    if (o.count && argument(frame, first + i)->data != result(frame, to + i)->data)
      memcpy(result(frame, to + i)->data, argument(frame, first + i)->data, 4 * o.count);
  return o;
}

/* Steps of Adam on some arrays. */
enum { MOST_ARRAYS = 16 };
typedef struct {
  int count;
  Adam each[MOST_ARRAYS];
} Steps;

static bool part_of_adam(const void *data, int part, int parts) {
  const Steps *o = data;
  for (int i = 0; i < o->count; i++) {
    long begin_number, end_number;
    part_range(o->each[i].count, 16, part, parts, &begin_number, &end_number);
    simd->adam(&o->each[i], begin_number, end_number);
  }
  return true;
}

/* Of each array weights, first, second and gradient, then the figures of each -> of each weights, first and second, in
 * their places. */
XLA_FFI_Error *epochal_adam(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  const Signature signature = {5, 4 * MOST_ARRAYS + 1, 3, 3 * MOST_ARRAYS};
  if (!begin_with_empty(frame, signature, &attributes, &answer)) return answer;
  const int last = frame->args.size - 1, count = last / 4;
  const Buffer *figures = argument(frame, last);
  if (last % 4 || frame->rets.size != 3 * count || elements(figures) != 7 * count)
    return invalid(frame, "too many or too few arrays", "", 0);
  Steps o = {.count = count};
  double numbers = 0;
  for (int i = 0; i < count; i++) {
    o.each[i] = adam_of(frame, 4 * i, 3 * i, (const float *)figures->data + 7 * i);
    o.each[i].gradient = argument(frame, 4 * i + 3)->data;
    numbers += o.each[i].count;
  }
  return finish(frame, parallel(part_of_adam, &o, threads_for(&attributes, numbers, NUMBERS_OF_ADAM)));
}

/* x, g, W, first, second, figures; or these and, as above, what the chain rule needs -> W, first and second after a step
 * of Adam, in their places; the sums of g over rows; and if it is wanted g W^T as above, of W before the step. */
XLA_FFI_Error *epochal_fused_adam(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  if (!begin(frame, (Signature){6, 9, 4, 5}, &attributes, &answer)) return answer;
  const bool wanted = frame->rets.size > 4;
  const Gradients to = {NULL, result(frame, 3)->data, wanted ? result(frame, 4) : NULL};
  Backward o;
  if (!set_backward(&o, frame, &attributes, wanted ? argument(frame, 2) : NULL, 6, to))
    return finish(frame, false);
  o.adam = adam_of(frame, 2, 0, argument(frame, 5)->data);
  const double of_weights = multiplications(&o.of_weights), of_inputs = multiplications_of_inputs(&o);
  if (o.transposed_weights) {
    o.adam.gradient = o.transposed_weights;
    const int threads = threads_for(&attributes, of_weights + of_inputs, MULTIPLICATIONS);
    return finish(frame, parallel(part_of_backward, &o, threads));
  }
  /* The step writes the weights, so everybody has to have read them. */
  const int threads = threads_for(&attributes, of_inputs, MULTIPLICATIONS);
  const Matrix *g = &o.of_weights.b;
  if (!read_repeats(&o.repeats, frame, &attributes, argument(frame, 0)->dims[0], &o.of_weights.a))
    return invalid(frame, "sizes of repeats that do not fit", "", 0);
  if (o.repeats.count) {
    const long blocks = o.repeats.starts[o.repeats.count], sums = blocks * g->columns;
    o.sums = (Matrix){scratch(SHARED, sums + 8 * g->columns), blocks, g->columns, true};
    if (!o.sums.data) return finish(frame, false);
    simd->repeat_sums(&o.repeats, g, &o.sums);
    simd->column_sums(g, &o.of_weights.rows, 0, g->columns, o.of_weights.column_sums);
    o.of_weights.column_sums = NULL;
    if (wanted) simd->repeat_inputs(&o.repeats, &o.sums, &o.of_inputs.b, &o.of_inputs.c, o.sums.data + sums);
  }
  const RepeatedProduct others = {o.of_inputs, o.repeats};
  if (wanted && !(o.repeats.count ? parallel(part_of_other_inputs, &others, threads)
                                  : parallel(part_of_product, &o.of_inputs, threads)))
    return finish(frame, false);
  o.of_weights.prefetch = &o.adam;
  return finish(frame, parallel(part_of_fused_adam, &o, threads_for(&attributes, of_weights, MULTIPLICATIONS)));
}

#include "embedding_handlers.h"
