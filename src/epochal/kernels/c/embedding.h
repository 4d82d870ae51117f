/* The embedding for one instruction set: its values, for training and predictions, and the gradients of its parameters.
 * simd.h includes this file, with its macros. The formulas are those of nn/embedding.py and nn/target_embedding.py.
 *
 * Each number of a result is summed in the order of the rows, or of the bin edges, by one thread, so that all
 * instruction sets and numbers of threads give the same bits. */

/* Vectors are computed in pieces of eight numbers; the last piece may have fewer. */
enum { FN(PIECE) = 8 };
typedef float FN(pieces) __attribute__((vector_size(32)));
typedef float FN(unaligned_pieces) __attribute__((vector_size(32), aligned(4), may_alias));
#define Piece FN(pieces)

/* Call a function with each piece of `size` numbers, by its first number and its width, which is mostly a constant. */
#define FOR_PIECES(size, function, ...)                                                                               \
  for (long first_ = 0; first_ < (size); first_ += FN(PIECE)) {                                                       \
    if ((size) - first_ >= FN(PIECE)) function(__VA_ARGS__, first_, FN(PIECE));                                       \
    else function(__VA_ARGS__, first_, (size) - first_);                                                              \
  }

INLINE Piece FN(load_piece)(const float *from, const long width) {
  if (width == FN(PIECE)) return (Piece)*(const FN(unaligned_pieces) *)from;
  Piece x = {0};
  for (long s = 0; s < width; s++) x[s] = from[s];
  return x;
}

INLINE void FN(store_piece)(float *to, Piece x, const long width) {
  if (width == FN(PIECE)) *(FN(unaligned_pieces) *)to = x;
  else
    for (long s = 0; s < width; s++) to[s] = x[s];
}

INLINE void FN(add_piece)(float *to, Piece x, const long width) {
  FN(store_piece)(to, FN(load_piece)(to, width) + x, width);
}

/* The interval of a position among bin edges, and how far the position is in it. */
INLINE long FN(interval)(float position, long intervals, float *part) {
  const long below = MAX(MIN((long)position, intervals - 1), 0);
  *part = position - (float)below;
  return below;
}

/* Write a piece of a numeric column's vector: the line and the bend, `part` behind the edge that is `low`. */
INLINE void FN(number_piece)(const float *slope, const float *offset, const float *low, long size, float value,
                             float part, float *to, long first, const long width) {
  const Piece below = FN(load_piece)(low + first, width), above = FN(load_piece)(low + size + first, width);
  const Piece line = value * FN(load_piece)(slope + first, width) + FN(load_piece)(offset + first, width);
  FN(store_piece)(to + first, line + (below + part * (above - below)), width);
}

INLINE void FN(product_piece)(const float *x, const float *y, float *to, long first, const long width) {
  FN(store_piece)(to + first, FN(load_piece)(x + first, width) * FN(load_piece)(y + first, width), width);
}

/* The row of a table for a number that a row of the data has; always one of its rows. */
INLINE long FN(row_in)(float number, long rows) { return MAX(MIN((long)number, rows - 1), 0); }

/* The table of target statistics for a row's fold. */
INLINE const float *FN(table_of)(const Inputs *in, const Member *m, float fold) {
  return m->target_table + FN(row_in)(fold, in->folds) * in->entries * in->statistics;
}

/* Write the statistics of a text: means over its words, their largest log-odds, and log(1 + their number). */
INLINE void FN(text_statistics)(const Inputs *in, const float *table, const float *entries, float *to) {
  const long statistics = in->statistics;
  long number = 0;
  for (long s = 0; s < 2 * statistics; s++) to[s] = 0;
  for (long w = 0; w < in->words; w++) {
    const long entry = MIN((long)entries[w], in->entries - 1);
    if (entry <= 0) continue;
    const float *row = table + entry * statistics;
    for (long s = 0; s < statistics; s++) to[s] += row[s];
    for (long s = 0; s + 1 < statistics; s++) {
      float *most = to + statistics + s;
      *most = number && !(row[s] > *most) ? *most : row[s];
    }
    number++;
  }
  const float divisor = number ? (float)number : 1.0f;
  for (long s = 0; s < statistics; s++) to[s] /= divisor;
  to[2 * statistics - 1] = in->log_counts[number];
}

/* Write what the first layer gets of a row. */
static TARGET void FN(embed)(const Inputs *in, const Member *m, const float *x, float *to) {
  const long size = in->size, numbers = in->numbers, plain = in->plain;
  const float *position = x + numbers + plain + (m->fine ? numbers : 0);
  const float *code = x + 3 * numbers + plain, *entry = code + in->categories + 1;
  for (long f = 0; f < numbers; f++, to += size) {
    float part;
    const long below = FN(interval)(position[f], m->intervals, &part);
    const float *low = m->edges + (f * (m->intervals + 1) + below) * size;
    FOR_PIECES(size, FN(number_piece), m->slope + f * size, m->offset + f * size, low, size, x[f], part, to);
  }
  for (long c = 0; c < in->categories; c++, to += size) {
    const float *level = m->levels + FN(row_in)(code[c], in->levels) * size;
    FOR_PIECES(size, FN(product_piece), level, m->level_scale + c * size, to);
  }
  for (long p = 0; p < plain; p++) *to++ = x[numbers + p] * m->plain[p];
  if (!in->names && !in->texts) return;
  const float *table = FN(table_of)(in, m, entry[-1]);
  for (long n = 0; n < in->names; n++, entry++, to += in->statistics) {
    const float *row = table + FN(row_in)(*entry, in->entries) * in->statistics;
    FOR_PIECES(in->statistics, FN(product_piece), row, m->name_scale + n * in->statistics, to);
  }
  for (long t = 0; t < in->texts; t++, entry += in->words, to += 2 * in->statistics) {
    FN(text_statistics)(in, table, entry, to);
    FOR_PIECES(2 * in->statistics, FN(product_piece), to, m->word_scale + 2 * t * in->statistics, to);
  }
}

/* Write a piece of a column's vectors at its edges, the sums of its increments and its own vectors, times the scale;
 * and the same of its slope and offset. */
INLINE void FN(scale_piece)(const Embedding *o, long f, long first, const long width) {
  const long size = o->inputs.size, intervals = o->member.intervals, place = f * size + first;
  const float *increment = o->increments + f * intervals * size + first;
  const float *vector = o->bin_vectors + f * (intervals + 1) * size + first;
  float *edge = o->scaled_edges + f * (intervals + 1) * size + first;
  const Piece scale = FN(load_piece)(o->scale + place, width);
  Piece sum = {0};
  for (long k = 0; k <= intervals; k++, vector += size, edge += size) {
    FN(store_piece)(edge, (sum + FN(load_piece)(vector, width)) * scale, width);
    if (k < intervals) sum += FN(load_piece)(increment + k * size, width);
  }
  FN(store_piece)(o->scaled_slope + place, FN(load_piece)(o->slope + place, width) * scale, width);
  FN(store_piece)(o->scaled_offset + place, FN(load_piece)(o->offset + place, width) * scale, width);
}

/* Multiply the vectors of some numeric columns by their scales. */
static TARGET void FN(scale_numbers)(const Embedding *o, long column, long columns_end) {
  for (long f = column; f < columns_end; f++) FOR_PIECES(o->inputs.size, FN(scale_piece), o, f)
}

static TARGET void FN(embed_rows)(const Embedding *o, long row, long rows_end) {
  for (long i = row; i < rows_end; i++) FN(embed)(&o->inputs, &o->member, o->x + i * o->features, o->y + i * o->width);
}

/* Write the gradients of a piece of a numeric column's vectors. First the sums over the rows, as if the scale were 1: of
 * the slope, the offset, and at each bin edge. Then from the last edge to the first: the gradient of an increment is the
 * sum at all edges behind it, and that of the scale is the sum of each parameter times its own. */
INLINE void FN(number_gradients_piece)(const EmbeddingGradients *o, long f, long first, const long width) {
  const Embedding *e = &o->embedding;
  const long size = e->inputs.size, intervals = e->member.intervals, place = f * size + first;
  const float *x = e->x + f, *gradient = o->gradient + place;
  const long position = e->inputs.numbers * (e->member.fine ? 2 : 1) + e->inputs.plain;
  const float *increment = e->increments + f * intervals * size + first;
  const float *vector = e->bin_vectors + f * (intervals + 1) * size + first;
  float *of_edges = o->bin_vectors + f * (intervals + 1) * size + first;
  float *of_increment = o->increments + f * intervals * size + first;
  Piece of_slope = {0}, of_offset = {0}, behind = {0}, at_edges = {0};
  for (long k = 0; k <= intervals; k++) FN(store_piece)(of_edges + k * size, (Piece){0}, width);
  for (long i = 0; i < e->rows; i++, x += e->features, gradient += e->width) {
    float part;
    float *low = of_edges + FN(interval)(x[position], intervals, &part) * size;
    const Piece g = FN(load_piece)(gradient, width);
    of_slope += *x * g;
    of_offset += g;
    FN(add_piece)(low, (1.0f - part) * g, width);
    FN(add_piece)(low + size, part * g, width);
  }
  const Piece scale = FN(load_piece)(e->scale + place, width);
  Piece of_scale = of_slope * FN(load_piece)(e->slope + place, width);
  of_scale += of_offset * FN(load_piece)(e->offset + place, width);
  for (long k = intervals; k >= 0; k--) {
    const Piece edge = FN(load_piece)(of_edges + k * size, width);
    at_edges += edge * FN(load_piece)(vector + k * size, width);
    behind += edge;
    FN(store_piece)(of_edges + k * size, edge * scale, width);
    if (!k) break;
    of_scale += behind * FN(load_piece)(increment + (k - 1) * size, width);
    FN(store_piece)(of_increment + (k - 1) * size, behind * scale, width);
  }
  FN(store_piece)(o->slope + place, of_slope * scale, width);
  FN(store_piece)(o->offset + place, of_offset * scale, width);
  FN(store_piece)(o->scale + place, of_scale + at_edges, width);
}

static TARGET void FN(number_gradients)(const EmbeddingGradients *o, long column, long columns_end) {
  for (long f = column; f < columns_end; f++)
    FOR_PIECES(o->embedding.inputs.size, FN(number_gradients_piece), o, f)
}

/* Add a piece of the gradients of a category's vectors, row by row, to those of its levels and of its scale. */
INLINE void FN(category_gradients_piece)(const EmbeddingGradients *o, long c, long first, const long width) {
  const Embedding *e = &o->embedding;
  const Inputs *in = &e->inputs;
  const long size = in->size, place = (in->numbers + c) * size + first;
  const float *code = e->x + 3 * in->numbers + in->plain + c, *gradient = o->gradient + place;
  const Piece scale = FN(load_piece)(e->scale + place, width);
  Piece of_scale = {0};
  for (long i = 0; i < e->rows; i++, code += e->features, gradient += e->width) {
    const long level = FN(row_in)(*code, in->levels) * size + first;
    const Piece g = FN(load_piece)(gradient, width);
    of_scale += g * FN(load_piece)(e->member.levels + level, width);
    FN(add_piece)(o->levels + level, g * scale, width);
  }
  FN(store_piece)(o->scale + place, of_scale, width);
}

INLINE void FN(add_products)(float *restrict sums, const float *x, const float *y, long count) {
  for (long i = 0; i < count; i++) sums[i] += x[i] * y[i];
}

/* Add a row to the gradients of plain features and of target statistics; `statistics` has room for those of a text. */
INLINE void FN(add_others)(const EmbeddingGradients *o, const float *x, const float *gradient, float *statistics) {
  const Inputs *in = &o->embedding.inputs;
  const float *entry = x + 3 * in->numbers + in->plain + in->categories + 1;
  gradient += (in->numbers + in->categories) * in->size;
  FN(add_products)(o->plain, x + in->numbers, gradient, in->plain);
  gradient += in->plain;
  if (!in->names && !in->texts) return;
  const float *table = FN(table_of)(in, &o->embedding.member, entry[-1]);
  for (long n = 0; n < in->names; n++, entry++, gradient += in->statistics) {
    const float *row = table + FN(row_in)(*entry, in->entries) * in->statistics;
    FN(add_products)(o->name_scale + n * in->statistics, row, gradient, in->statistics);
  }
  for (long t = 0; t < in->texts; t++, entry += in->words, gradient += 2 * in->statistics) {
    FN(text_statistics)(in, table, entry, statistics);
    FN(add_products)(o->word_scale + 2 * t * in->statistics, statistics, gradient, 2 * in->statistics);
  }
}

INLINE void FN(clear)(float *sums, long count) {
  for (long i = 0; i < count; i++) sums[i] = 0;
}

/* Write the gradients of everything but numeric columns. */
static TARGET bool FN(other_gradients)(const EmbeddingGradients *o) {
  const Embedding *e = &o->embedding;
  const Inputs *in = &e->inputs;
  float *statistics = scratch(INTERMEDIATE, 2 * in->statistics + 1);
  if (!statistics) return false;
  FN(clear)(o->levels, in->levels * in->size);
  FN(clear)(o->plain, in->plain);
  FN(clear)(o->name_scale, in->names * in->statistics);
  FN(clear)(o->word_scale, 2 * in->texts * in->statistics);
  for (long c = 0; c < in->categories; c++) FOR_PIECES(in->size, FN(category_gradients_piece), o, c)
  for (long i = 0; i < e->rows; i++) FN(add_others)(o, e->x + i * e->features, o->gradient + i * e->width, statistics);
  return true;
}
