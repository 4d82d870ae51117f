/* Products of which some columns repeat, beside the formulas in double precision; a part of fuzz.c. */

typedef struct {
  long rows, categories, width, levels, first, inputs, outputs;
  Limit of;
  Array codes, x, w;
  int32_t *array;
} Repeating;

static float *block(const Repeating *o, float *vectors, long category, long row) {
  return vectors + (category * o->levels + (long)o->codes.data[row * o->categories + category]) * o->width;
}

static void draw_repeating(Repeating *o) {
  *o = (Repeating){.rows = between(1, 90), .categories = between(1, 4), .levels = between(1, 6),
                   .width = draw() % 2 ? 8 : between(1, 20), .first = draw() % 3 ? between(0, 40) : 0};
  const long after = draw() % 3 ? between(0, 40) : 0, last = o->first + o->categories * o->width;
  o->inputs = last + (o->first ? after : MAX(after, 1));
  o->outputs = draw() % 3 ? between(13, 150) : PANEL * between(1, 4);
  o->of = limit(o->rows);
  o->codes = drawn(o->rows, o->categories), o->x = drawn(o->rows, o->inputs), o->w = drawn(o->inputs, o->outputs);
  float *vectors = some(o->categories * o->levels * o->width);
  for (long i = 0; i < o->rows * o->categories; i++) o->codes.data[i] = draw() % o->levels;
  for (long i = 0; i < o->rows; i++)
    for (long c = 0; c < o->categories; c++)
      memcpy(o->x.data + i * o->inputs + o->first + c * o->width, block(o, vectors, c, i), sizeof(float) * o->width);
  release(vectors);
}

/* Compute the array of repeats; return whether there was memory for it. */
static bool find_repeats(Repeating *o) {
  const long count = o->categories, size = count + 1 + 2 * count * o->of.batch;
  o->array = memory(sizeof *o->array * size);
  Call *call = new_call();
  rows_argument(call, &o->of, &o->codes);
  limit_argument(call, &o->of);
  result(call, 1, size, 1, o->array);
  attribute(call, "first", 0);
  attribute(call, "levels", (int32_t)o->levels);
  if (!run(epochal_repeats, call, "repeats")) return false;
  const int32_t *numbers = o->array + count + 1, *of_block = numbers + count * o->of.batch;
  for (long i = 0; i < o->rows; i++)
    for (long c = 0; c < count; c++) {
      const int32_t number = numbers[i * count + c];
      if (number < o->array[c] || number >= o->array[c + 1]) stop("a block of another category", "repeats");
      if (o->codes.data[of_block[number] * count + c] != o->codes.data[i * count + c]) stop("another level", "repeats");
    }
  return true;
}

static void add_repeats(Call *call, const Repeating *o) {
  argument(call, 1, o->categories + 1 + 2 * o->categories * o->of.batch, 1, o->array);
  attribute(call, "first", (int32_t)o->first);
  attribute(call, "repeats", (int32_t)o->width);
  limit_argument(call, &o->of);
}

static void try_repeated_dense(const Repeating *o) {
  const Array b = drawn(1, o->outputs), y = empty(o->rows, o->outputs);
  const bool panels = draw() % 2;
  Call *call = new_call();
  rows_argument(call, &o->of, &o->x), matrix_argument(call, &o->w), argument(call, 1, o->outputs, 1, b.data);
  add_repeats(call, o);
  rows_result(call, &o->of, &y);
  attribute(call, "panels", panels ? OUTPUTS : 0);
  attribute(call, "relu", 1);
  if (run(epochal_dense, call, "dense with repeats"))
    for (long i = 0; i < o->rows; i++)
      for (long j = 0; j < o->outputs; j++) {
        double sum = b.data[j];
        for (long k = 0; k < o->inputs; k++) sum += (double)get(&o->x, false, i, k) * get(&o->w, true, k, j);
        compare("dense with repeats", get(&y, panels, i, j), MAX(sum, 0), sqrt(o->inputs));
      }
  release(b.data), release(y.data);
}

/* What the rows of a level have together must be the sum of their gradients. */
static void check_inputs(const Repeating *o, const Array *g, const Array *w, bool panels, const Array *found) {
  for (long k = 0; k < o->inputs; k++) {
    const long c = (k - o->first) / o->width;
    const bool repeats = k >= o->first && c < o->categories;
    for (long level = 0; level < (repeats ? o->levels : o->rows); level++) {
      double sum = 0, wanted = 0;
      for (long i = 0; i < o->rows; i++) {
        if (repeats ? o->codes.data[i * o->categories + c] != level : i != level) continue;
        sum += found->data[i * o->inputs + k];
        for (long j = 0; j < o->outputs; j++) wanted += (double)get(g, panels, i, j) * get(w, true, k, j);
      }
      compare("inputs with repeats", sum, wanted, sqrt(o->outputs * o->rows));
    }
  }
}

static void try_repeated_adam(const Repeating *o) {
  const bool panels = draw() % 2, wanted = draw() % 2;
  const Array g = drawn(o->rows, o->outputs), of_x = empty(o->rows, o->inputs), w = drawn(o->inputs, o->outputs),
              m = drawn(w.rows, w.columns), v = drawn(w.rows, w.columns), w_after = empty(w.rows, w.columns),
              m_after = empty(w.rows, w.columns), v_after = empty(w.rows, w.columns), of_b = empty(1, o->outputs);
  for (long i = 0; i < w.rows * w.columns; i++) v.data[i] = 1 + v.data[i] * v.data[i];
  Call *call = new_call();
  rows_argument(call, &o->of, &o->x), rows_argument(call, &o->of, &g);
  matrix_argument(call, &w), matrix_argument(call, &m), matrix_argument(call, &v);
  argument(call, 1, 7, 1, (void *)figures);
  add_repeats(call, o);
  matrix_result(call, &w_after), matrix_result(call, &m_after), matrix_result(call, &v_after);
  result(call, 1, o->outputs, 1, of_b.data);
  if (wanted) rows_result(call, &o->of, &of_x);
  attribute(call, "panels", panels ? OUTPUTS : 0);
  if (run(epochal_fused_adam, call, "fused_adam with repeats")) {
    for (long j = 0; j < o->outputs; j++) {
      double sum = 0;
      for (long i = 0; i < o->rows; i++) sum += get(&g, panels, i, j);
      compare("biases with repeats", of_b.data[j], sum, sqrt(o->rows));
      for (long k = 0; k < o->inputs; k++) {
        double gradient = 0, first, second;
        for (long i = 0; i < o->rows; i++) gradient += (double)get(&o->x, false, i, k) * get(&g, panels, i, j);
        const long here = place(&w, true, k, j);
        stepped(w.data[here], m.data[here], v.data[here], gradient, &first, &second);
        compare("fused_adam with repeats", m_after.data[here], first, sqrt(o->rows));
      }
    }
    if (wanted) check_inputs(o, &g, &w, panels, &of_x);
  }
  const float *all[] = {g.data, of_x.data, w.data, m.data, v.data, w_after.data, m_after.data, v_after.data, of_b.data};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) release((void *)all[i]);
}

static void try_repeats(void) {
  Repeating o;
  draw_repeating(&o);
  if (find_repeats(&o)) {
    try_repeated_dense(&o);
    try_repeated_adam(&o);
  }
  release(o.codes.data), release(o.x.data), release(o.w.data), release(o.array), release(o.of.used);
}
