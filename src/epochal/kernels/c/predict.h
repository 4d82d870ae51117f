/* Predictions for one instruction set; simd.h includes this file, with its macros. A block of rows goes through a
 * member's embedding, layers and softmax while it is in the cache, then through the next member's. What a row's numbers
 * are computed from, and in which order, depends neither on the other rows nor on the instruction set. */

/* Add a member's weighted probabilities to the totals of some rows. */
static TARGET void FN(add_softmax)(const float *logits, long rows, long classes, const Member *m, float *transposed,
                                   double *total) {
  for (long row = 0; row < rows; row += LANES) {
    const int count = MIN(LANES, rows - row);
    Vector highest;
    const Vector sum =
        FN(softmax_terms)(logits + row * classes, count, classes, m->inverse_temperature, transposed, &highest);
    for (long j = 0; j < classes; j++) VECTOR_AT(transposed + j * LANES) = LOAD(transposed + j * LANES) / sum;
    for (int i = 0; i < count; i++)
      for (long j = 0; j < classes; j++)
        total[(row + i) * classes + j] += m->weight * (double)transposed[j * LANES + i];
  }
}

static TARGET bool FN(predict)(const Prediction *o, long row, long rows_end) {
  const Inputs *in = o->inputs;
  const long inputs = o->widths[0], classes = o->widths[o->layers];
  long widest = classes;
  for (long l = 1; l < o->layers; l++) widest = MAX(widest, o->widths[l]);
  /* Whole tiles of rows whose layers stay in the second cache. */
  const long block = MAX(MIN(BLOCK_NUMBERS / MAX(widest, inputs) / 24 * 24, 192), 24);
  float *first = scratch(INTERMEDIATE, block * (inputs + 2 * widest) + classes * LANES + 3 * LANES);
  if (!first) return false;
  float *hidden[2] = {first + block * inputs, first + block * (inputs + widest)}, *transposed = hidden[1] + block * widest;
  for (; row < rows_end; row += block) {
    const long rows = MIN(block, rows_end - row);
    double *total = o->total + row * classes;
    memset(total, 0, rows * classes * sizeof *total);
    for (long k = 0; k < o->count; k++) {
      const Member *m = o->members + k;
      const float *x = o->x + row * o->features;
      if (in) {
        for (long i = 0; i < rows; i++) FN(embed)(in, m, x + i * o->features, first + i * inputs);
        x = first;
      }
      for (long l = 0; l < o->layers; l++) {
        const bool last = l + 1 == o->layers;
        float *y = hidden[l % 2];
        const Product product = {.a = {(float *)x, rows, o->widths[l], false},
                                 .b = {(float *)m->weights[l], o->widths[l], o->widths[l + 1], true},
                                 .c = {y, rows, o->widths[l + 1], false},
                                 .epilogue = {.bias = m->biases[l], .relu = !last && o->activation == RELU,
                                              .activation = last ? IDENTITY : o->activation}};
        if (!FN(product)(&product, 0, rows, 0, o->widths[l + 1])) return false;
        x = y;
      }
      FN(add_softmax)(x, rows, classes, m, transposed, total);
    }
  }
  return true;
}
