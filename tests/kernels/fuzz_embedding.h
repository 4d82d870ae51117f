/* Random embeddings in training, forward and backward, beside the formulas in double precision; a part of fuzz.c. */

enum { LEARNED = 9 }; /* slope, offset, increments, bin vectors, levels, scale, plain, scales of names and of words */

typedef struct {
  Inputs in;
  long intervals, folds, rows, features, width, sizes[LEARNED];
  float fine, counts[9], *learned[LEARNED], *table;
  Array x;
} Training;

static void draw_training(Training *o) {
  o->in = (Inputs){.numbers = between(0, 5), .plain = between(0, 9), .categories = between(0, 4), .levels = between(1, 9),
                   .size = draw() % 2 ? 8 : between(0, 20), .names = between(0, 3), .texts = between(0, 2),
                   .words = between(1, 8), .entries = between(1, 30), .statistics = between(2, 9)};
  const Inputs *in = &o->in;
  o->intervals = between(1, 9), o->folds = between(1, 4), o->fine = draw() % 2, o->rows = between(1, 90);
  for (int i = 0; i < 9; i++) o->counts[i] = log1pf((float)i);
  const long columns = in->numbers + in->categories, of_numbers = in->numbers * in->size;
  const long sizes[] = {of_numbers, of_numbers, of_numbers * o->intervals, of_numbers * (o->intervals + 1),
                        in->levels * in->size, columns * in->size, in->plain, in->names * in->statistics,
                        2 * in->texts * in->statistics};
  for (int i = 0; i < LEARNED; i++) o->learned[i] = some(o->sizes[i] = sizes[i]);
  o->table = some(o->folds * in->entries * in->statistics);
  o->features = 3 * in->numbers + in->plain + in->categories + 1 + in->names + in->texts * in->words;
  o->width = columns * in->size + in->plain + (in->names + 2 * in->texts) * in->statistics;
  o->x = drawn(o->rows, o->features);
  for (long i = 0; i < o->rows; i++) {
    float *row = o->x.data + i * o->features + in->numbers + in->plain;
    for (long f = 0; f < 2 * in->numbers; f++) *row++ = (float)(draw() % (1000 * o->intervals + 1)) / 1000;
    for (long c = 0; c < in->categories; c++) *row++ = draw() % in->levels;
    *row++ = draw() % 3 ? draw() % o->folds : 255;
    for (long n = 0; n < in->names + in->texts * in->words; n++) *row++ = draw() % in->entries;
  }
}

static void add_parameters(Call *call, Training *o) {
  const Inputs *in = &o->in;
  float **p = o->learned;
  argument(call, 2, in->numbers, in->size, p[0]), argument(call, 2, in->numbers, in->size, p[1]);
  /* The last axis, of the size, is left out: only the first two are read. */
  argument(call, 2, in->numbers, o->intervals, p[2]), argument(call, 2, in->numbers, o->intervals + 1, p[3]);
  argument(call, 0, 1, 1, &o->fine), argument(call, 2, in->levels, in->size, p[4]);
  argument(call, 2, in->numbers + in->categories, in->size, p[5]), argument(call, 1, in->plain, 1, p[6]);
  argument(call, 2, o->folds * in->entries, in->statistics, o->table);
  argument(call, 2, in->names, in->statistics, p[7]), argument(call, 2, in->texts, 2 * in->statistics, p[8]);
  argument(call, 1, in->words + 1, 1, o->counts);
  attribute(call, "folds", (int32_t)o->folds);
}

/* The member of predictions that a row of a fold sees: vectors of numbers times their scales. */
static Member member_of(const Training *o, long fold, float *slope, float *offset, float *edges) {
  const Inputs *in = &o->in;
  const float *scale = o->learned[5];
  const long size = in->size, vectors = o->intervals + 1;
  for (long i = 0; i < in->numbers * size; i++) {
    double sum = 0;
    slope[i] = o->learned[0][i] * scale[i];
    offset[i] = o->learned[1][i] * scale[i];
    for (long k = 0; k < vectors; k++) {
      const long place = i / size * vectors * size + k * size + i % size;
      edges[place] = (float)((sum + o->learned[3][place]) * scale[i]);
      if (k < o->intervals) sum += o->learned[2][i / size * o->intervals * size + k * size + i % size];
    }
  }
  return (Member){.slope = slope, .offset = offset, .edges = edges, .levels = o->learned[4],
                  .level_scale = scale + in->numbers * size, .plain = o->learned[6], .name_scale = o->learned[7],
                  .word_scale = o->learned[8], .intervals = o->intervals, .fine = o->fine > 0,
                  .target_table = o->table + MIN(fold, o->folds - 1) * in->entries * in->statistics};
}

/* Values of a row by the formula, shape (width,). */
static void values_of(const Training *o, long row, double *to) {
  Inputs in = o->in;
  in.log_counts = o->counts;
  const long lines = in.numbers * in.size;
  float *slope = memory(4 * lines), *offset = memory(4 * lines), *edges = memory(4 * lines * (o->intervals + 1));
  const float *x = o->x.data + row * o->features;
  const long fold = (long)x[3 * in.numbers + in.plain + in.categories];
  const Member m = member_of(o, fold, slope, offset, edges);
  embed_by_formula(&in, &m, x, to);
  release(slope), release(offset), release(edges);
}

/* The values are linear in each parameter: what a change of one by 1 adds, weighted by g, is its gradient. */
static void check_gradients(Training *o, const Array *g, float *const *found) {
  double *before = memory(sizeof *before * (o->width + 1)), *after = memory(sizeof *after * (o->width + 1));
  for (int i = 0; i < LEARNED; i++)
    for (int trial = 0; trial < 3 && o->sizes[i]; trial++) {
      const long place = between(0, o->sizes[i] - 1);
      const float kept = o->learned[i][place];
      double gradient = 0, size = 0;
      for (long row = 0; row < o->rows; row++) {
        values_of(o, row, before);
        o->learned[i][place] = kept + 1;
        values_of(o, row, after);
        o->learned[i][place] = kept;
        for (long j = 0; j < o->width; j++) {
          gradient += (after[j] - before[j]) * g->data[row * o->width + j];
          size += fabs((after[j] - before[j]) * g->data[row * o->width + j]);
        }
      }
      compare("embedding_gradients", found[i][place], gradient, 1 + size);
    }
  release(before), release(after);
}

static void try_embedding(void) {
  Training o;
  draw_training(&o);
  const Array y = empty(o.rows, o.width), g = drawn(o.rows, o.width);
  const Limit of = limit(o.rows);
  Call *call = new_call();
  rows_argument(call, &of, &o.x);
  add_parameters(call, &o);
  limit_argument(call, &of);
  rows_result(call, &of, &y);
  if (run(epochal_embed, call, "embed")) {
    double *wanted = memory(sizeof *wanted * (o.width + 1));
    for (long i = 0; i < o.rows; i++) {
      values_of(&o, i, wanted);
      for (long j = 0; j < o.width; j++) compare("embed", y.data[i * o.width + j], wanted[j], 3);
    }
    release(wanted);
  }
  float *found[LEARNED];
  call = new_call();
  rows_argument(call, &of, &o.x), rows_argument(call, &of, &g);
  add_parameters(call, &o);
  limit_argument(call, &of);
  for (int i = 0; i < LEARNED; i++) {
    found[i] = empty(1, o.sizes[i]).data;
    /* The bin vectors' shape tells how much work there is; the others are arrays of numbers. */
    result(call, 1, o.sizes[i], 1, found[i]);
  }
  if (run(epochal_embedding_gradients, call, "embedding_gradients")) check_gradients(&o, &g, found);
  for (int i = 0; i < LEARNED; i++) release(found[i]), release(o.learned[i]);
  release(o.table), release(o.x.data), release(y.data), release(g.data), release(of.used);
}

/* Rows that are too short or too long for their embedding are an error, and no memory is touched. */
static void try_embedding_mistakes(void) {
  for (int more = -1; more < 2; more += 2) {
    Training o;
    draw_training(&o);
    const Array y = empty(o.rows, o.width);
    Call *call = new_call();
    argument(call, 2, o.rows, o.features + more, NULL);
    add_parameters(call, &o);
    matrix_result(call, &y);
    XLA_FFI_Error *error = o.width ? epochal_embed(&call->frame) : NULL;
    if (o.width && (!error || error->code != XLA_FFI_Error_Code_INVALID_ARGUMENT)) stop("no error", "embedding mistakes");
    if (error) release(error);
    release(call);
    for (int i = 0; i < LEARNED; i++) release(o.learned[i]);
    release(o.table), release(o.x.data), release(y.data);
  }
}
