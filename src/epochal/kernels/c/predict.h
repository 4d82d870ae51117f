/* Predictions for one instruction set; simd.h includes this file, with its macros. A block of rows goes through a
 * member's embedding, layers and softmax while it is in the cache, then through the next member's. What a row's numbers
 * are computed from, and in which order, depends neither on the other rows nor on the instruction set. */

/* Write `size` numbers of a numeric column: the line and the bend at a position among the bin edges. */
INLINE void FN(number_vector)(const float *slope, const float *offset, const float *edges, long last, long size,
                              float value, float position, float *to) {
  const long below = MAX(MIN((long)position, last - 1), 0);
  const float part = position - (float)below;
  const float *low = edges + below * size, *high = low + size;
  for (long s = 0; s < size; s++)
    to[s] = (value * slope[s] + offset[s]) + (low[s] + part * (high[s] - low[s]));
}

/* Write the statistics of a text: means over its words, their largest log-odds, and log(1 + their number). */
INLINE void FN(text_statistics)(const Inputs *in, const Member *m, const float *entries, const float *scale,
                                float *to) {
  const long statistics = in->statistics;
  long number = 0;
  for (long s = 0; s < 2 * statistics; s++) to[s] = 0;
  for (long w = 0; w < in->words; w++) {
    const long entry = MIN((long)entries[w], in->entries - 1);
    if (entry <= 0) continue;
    const float *row = m->target_table + entry * statistics;
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
  for (long s = 0; s < 2 * statistics; s++) to[s] *= scale[s];
}

/* Write what the first layer gets of a row, in the order of nn/embedding.py. */
static TARGET void FN(embed)(const Inputs *in, const Member *m, const float *x, float *to) {
  const long size = in->size, numbers = in->numbers, plain = in->plain;
  const float *position = x + numbers + plain + (m->fine ? numbers : 0);
  const float *code = x + 3 * numbers + plain, *entry = code + in->categories + 1;
  for (long f = 0; f < numbers; f++, to += size) {
    const float *slope = m->slope + f * size, *offset = m->offset + f * size;
    const float *edges = m->edges + f * (m->intervals + 1) * size;
    if (size == 16) FN(number_vector)(slope, offset, edges, m->intervals, 16, x[f], position[f], to);
    else if (size == 8) FN(number_vector)(slope, offset, edges, m->intervals, 8, x[f], position[f], to);
    else FN(number_vector)(slope, offset, edges, m->intervals, size, x[f], position[f], to);
  }
  for (long c = 0; c < in->categories; c++, to += size) {
    const long level = MAX(MIN((long)code[c], in->levels - 1), 0);
    for (long s = 0; s < size; s++) to[s] = m->levels[level * size + s] * m->level_scale[c * size + s];
  }
  for (long p = 0; p < plain; p++) *to++ = x[numbers + p] * m->plain[p];
  for (long n = 0; n < in->names; n++, entry++, to += in->statistics) {
    const long row = MAX(MIN((long)*entry, in->entries - 1), 0);
    for (long s = 0; s < in->statistics; s++)
      to[s] = m->target_table[row * in->statistics + s] * m->name_scale[n * in->statistics + s];
  }
  for (long t = 0; t < in->texts; t++, entry += in->words, to += 2 * in->statistics)
    FN(text_statistics)(in, m, entry, m->word_scale + 2 * t * in->statistics, to);
}

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
