/* Products of which some columns of A repeat, for one instruction set: simd.h includes this file, with its macros.
 *
 * A category's vector stands in each row that has its level. A block is such a vector. Its numbers times W are computed
 * once, and added to each row that has it; in the backward pass the gradients of these rows are summed first. Each number
 * is summed in the order of the columns, the categories, the blocks or the rows, by one thread.
 *
 * All functions go panel by panel of the other matrix, so that the sums of all blocks stay in the first cache. */

#define FOR_VECTORS(width) UNROLL(8) for (int v = 0; v < (width); v += LANES)
/* Call a function with the panel that has a column, and its width, which is mostly a constant. */
#define WITH_PANEL(columns, column, function, ...)                                                                    \
  do {                                                                                                                \
    if ((columns) - (column) >= PANEL) function(__VA_ARGS__, column, PANEL);                                          \
    else function(__VA_ARGS__, column, (columns) - (column));                                                         \
  } while (0)
#define REST(width) MIN(LANES, (width) - v)

INLINE void FN(add_blocks)(const Product *o, const Repeats *r, float *sums, long row, long rows_end, long column,
                           const long width) {
  const long blocks = r->count, stride = row_stride(&o->b, column), to_stride = row_stride(&o->c, column);
  for (long c = 0; c < blocks; c++) {
    const long k = r->first + c * r->width;
    const float *w = element(&o->b, k, column);
    for (long d = r->starts[c]; d < r->starts[c + 1]; d++) {
      const float *x = o->a.data + r->rows[d] * o->a.columns + k;
      Vector sum[PANEL / LANES] = {{0}};
      for (long s = 0; s < r->width; s++)
        FOR_VECTORS(width) sum[v / LANES] = FMA(x[s], FN(load)(w + s * stride + v, REST(width)), sum[v / LANES]);
      FOR_VECTORS(width) VECTOR_AT(sums + d * PANEL + v) = sum[v / LANES];
    }
  }
  const int32_t *own = r->numbers + row * blocks;
  float *to = element(&o->c, row, column);
  for (long i = row; i < rows_end; i++, to += to_stride) {
    Vector sum[PANEL / LANES] = {{0}};
    for (long c = 0; c < blocks; c++, own++) FOR_VECTORS(width) sum[v / LANES] += LOAD(sums + *own * PANEL + v);
    FOR_VECTORS(width) FN(store)(to + v, sum[v / LANES], REST(width));
  }
}

/* Begin C with the sums of its rows' blocks times B; `column` begins a panel. */
static TARGET bool FN(repeat_values)(const Product *o, const Repeats *r, long row, long rows_end, long column,
                                     long columns_end) {
  float *sums = scratch(INTERMEDIATE, (long)r->starts[r->count] * PANEL);
  if (!sums) return false;
  for (long j = column; j < columns_end; j += PANEL)
    WITH_PANEL(o->c.columns, j, FN(add_blocks), o, r, sums, row, rows_end);
  return true;
}

INLINE void FN(add_gradients)(const Repeats *r, const Matrix *g, const Matrix *sums, long column, const long width) {
  const long stride = row_stride(g, column);
  float *begin = element(sums, 0, column);
  const float *from = element(g, 0, column);
  for (long n = 0; n < sums->rows * width; n++) begin[n] = 0;
  const int32_t *own = r->numbers;
  for (long i = 0; i < g->rows; i++, from += stride) {
    Vector of_row[PANEL / LANES];
    FOR_VECTORS(width) of_row[v / LANES] = FN(load)(from + v, REST(width));
    for (long c = 0; c < r->count; c++, own++) {
      float *to = begin + *own * width;
      FOR_VECTORS(width) FN(store)(to + v, FN(load)(to + v, REST(width)) + of_row[v / LANES], REST(width));
    }
  }
}

/* Sum the rows of a matrix by the blocks that they have; the sums are in panels. */
static TARGET void FN(repeat_sums)(const Repeats *r, const Matrix *g, const Matrix *sums) {
  for (long j = 0; j < g->columns; j += PANEL) WITH_PANEL(g->columns, j, FN(add_gradients), r, g, sums);
}

INLINE void FN(block_weights)(const Repeats *r, const Product *w, const Matrix *sums, long row, long rows_end,
                              long column, const long width) {
  const float *begin = element(sums, 0, column);
  for (long k = row; k < rows_end; k++) {
    const long c = (k - r->first) / r->width;
    Vector sum[PANEL / LANES] = {{0}};
    for (long d = r->starts[c]; d < r->starts[c + 1]; d++) {
      const float x = w->a.data[r->rows[d] * w->a.columns + k];
      FOR_VECTORS(width)
        sum[v / LANES] = FMA(x, FN(load)(begin + d * width + v, REST(width)), sum[v / LANES]);
    }
    float *to = w->c.data + (offset_of(&w->c, k, column) - w->c_begin);
    FOR_VECTORS(width) FN(store)(to + v, sum[v / LANES], REST(width));
  }
}

/* Write some rows of x^T g that belong to blocks, from the sums of g; `column` begins a panel. */
static TARGET void FN(repeat_weights)(const Repeats *r, const Product *w, const Matrix *sums, long row, long rows_end,
                                      long column, long columns_end) {
  for (long j = column; j < columns_end; j += PANEL)
    WITH_PANEL(w->c.columns, j, FN(block_weights), r, w, sums, row, rows_end);
}

/* Write the gradient of a block's numbers, summed over the rows that have it, to one of these, and 0 to the others. Four
 * at a time, as each sum waits for itself. `transposed` has room for W's rows of a block. */
INLINE void FN(repeat_inputs_piece)(const Repeats *r, long c, const Matrix *sums, const Matrix *w, const Matrix *of_x,
                                    float *transposed, long first, const long width) {
  const long columns = w->columns, k = r->first + c * r->width + first;
  float *to = of_x->data + k;
  for (long i = 0; i < of_x->rows; i++) FN(store_piece)(to + i * of_x->columns, (Piece){0}, width);
  for (long j = 0; j < columns; j += PANEL) {
    const long stride = row_stride(w, j);
    const float *from = element(w, k, j);
    for (long i = 0; i < stride; i++)
      for (long s = 0; s < width; s++) transposed[(j + i) * width + s] = from[s * stride + i];
  }
  for (long d = r->starts[c], four; d < r->starts[c + 1]; d += four) {
    four = MIN(4, r->starts[c + 1] - d);
    Piece total[4] = {{0}};
    for (long j = 0; j < columns; j += PANEL) {
      const long stride = row_stride(sums, j);
      const float *from[4];
      for (long q = 0; q < 4; q++) from[q] = element(sums, d + MIN(q, four - 1), j);
      for (long i = 0; i < stride; i++) {
        const Piece column = FN(load_piece)(transposed + (j + i) * width, width);
        UNROLL(4) for (long q = 0; q < 4; q++) total[q] += from[q][i] * column;
      }
    }
    for (long q = 0; q < four; q++) FN(store_piece)(to + r->rows[d + q] * of_x->columns, total[q], width);
  }
}

static TARGET void FN(repeat_inputs)(const Repeats *r, const Matrix *sums, const Matrix *w, const Matrix *of_x,
                                     float *transposed) {
  for (long c = 0; c < r->count; c++) FOR_PIECES(r->width, FN(repeat_inputs_piece), r, c, sums, w, of_x, transposed)
}
#undef FOR_VECTORS
#undef WITH_PANEL
#undef REST
