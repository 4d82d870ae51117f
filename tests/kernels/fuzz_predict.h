/* Predictions of random ensembles beside the formulas in double precision; a part of fuzz.c. */

enum { MOST_LAYERS = 3, MOST_MEMBERS = 3 };

static float *some(long count) { return drawn(1, count).data; }

/* A random member; its matrices are in panels. */
static void draw_member(const Prediction *o, Member *m) {
  const Inputs *in = o->inputs;
  const float **layers = memory(2 * o->layers * sizeof *layers);
  for (long l = 0; l < o->layers; l++) {
    layers[l] = some(o->widths[l] * o->widths[l + 1]);
    for (long i = 0; i < o->widths[l] * o->widths[l + 1]; i++) ((float *)layers[l])[i] /= sqrtf((float)o->widths[l]);
    layers[o->layers + l] = some(o->widths[l + 1]);
  }
  *m = (Member){.weights = layers, .biases = layers + o->layers, .weight = 0.4, .inverse_temperature = 0.7f};
  if (!in) return;
  m->intervals = between(1, 5);
  m->fine = draw() % 2;
  m->slope = some(in->numbers * in->size);
  m->offset = some(in->numbers * in->size);
  m->edges = some(in->numbers * (m->intervals + 1) * in->size);
  m->levels = some(in->levels * in->size);
  m->level_scale = some(in->categories * in->size);
  m->plain = some(in->plain);
  m->target_table = some(in->entries * in->statistics);
  m->name_scale = some(in->names * in->statistics);
  m->word_scale = some(2 * in->texts * in->statistics);
}

static void release_member(const Prediction *o, const Member *m) {
  for (long l = 0; l < 2 * o->layers; l++) release((void *)m->weights[l]);
  release((void *)m->weights);
  if (!o->inputs) return;
  const float *all[] = {m->slope, m->offset, m->edges, m->levels, m->level_scale,
                        m->plain, m->target_table, m->name_scale, m->word_scale};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) release((void *)all[i]);
}

/* What the first layer gets of a row, by the formulas of nn/embedding.py and nn/target_embedding.py. */
static void embed_by_formula(const Inputs *in, const Member *m, const float *x, double *to) {
  const float *position = x + in->numbers + in->plain + (m->fine ? in->numbers : 0);
  const float *code = x + 3 * in->numbers + in->plain, *entry = code + in->categories + 1;
  const long size = in->size, statistics = in->statistics;
  for (long f = 0; f < in->numbers; f++)
    for (long s = 0; s < size; s++) {
      const double below = MIN(floor(position[f]), m->intervals - 1.0);
      const float *low = m->edges + (f * (m->intervals + 1) + (long)below) * size + s;
      *to++ = (double)x[f] * m->slope[f * size + s] + m->offset[f * size + s] +
              low[0] + (position[f] - below) * ((double)low[size] - low[0]);
    }
  for (long c = 0; c < in->categories; c++)
    for (long s = 0; s < size; s++) *to++ = (double)m->levels[(long)code[c] * size + s] * m->level_scale[c * size + s];
  for (long p = 0; p < in->plain; p++) *to++ = (double)x[in->numbers + p] * m->plain[p];
  for (long n = 0; n < in->names; n++, entry++)
    for (long s = 0; s < statistics; s++)
      *to++ = (double)m->target_table[(long)*entry * statistics + s] * m->name_scale[n * statistics + s];
  for (long t = 0; t < in->texts; t++, entry += in->words)
    for (long s = 0; s < 2 * statistics; s++) {
      double sum = 0, most = 0, number = 0;
      for (long w = 0; w < in->words; w++) {
        if (entry[w] <= 0) continue;
        const double found = m->target_table[(long)entry[w] * statistics + s % statistics];
        sum += found;
        most = number++ ? MAX(most, found) : found;
      }
      const double value = s < statistics ? sum / MAX(number, 1) : s + 1 < 2 * statistics ? most : log1p(number);
      *to++ = value * m->word_scale[2 * t * statistics + s];
    }
}

static void add_by_formula(const Prediction *o, const Member *m, const float *x, double *total) {
  double *now = memory(sizeof *now * 2400), *next = memory(sizeof *next * 2400);
  if (o->inputs) embed_by_formula(o->inputs, m, x, now);
  else
    for (long i = 0; i < o->features; i++) now[i] = x[i];
  for (long l = 0; l < o->layers; l++) {
    const Array w = {o->widths[l], o->widths[l + 1], (float *)m->weights[l]};
    for (long j = 0; j < w.columns; j++) {
      next[j] = m->biases[l][j];
      for (long i = 0; i < w.rows; i++) next[j] += now[i] * get(&w, true, i, j);
      if (l + 1 < o->layers) next[j] = unit(next[j], o->activation);
    }
    memcpy(now, next, w.columns * sizeof *now);
  }
  const long classes = o->widths[o->layers];
  double highest = now[0], sum = 0;
  for (long j = 0; j < classes; j++) highest = MAX(highest, now[j]);
  for (long j = 0; j < classes; j++) sum += now[j] = exp(m->inverse_temperature * (now[j] - highest));
  for (long j = 0; j < classes; j++) total[j] += m->weight * now[j] / sum;
  release(now);
  release(next);
}

static void try_predict(void) {
  float counts[9];
  for (int i = 0; i < 9; i++) counts[i] = log1pf((float)i);
  Inputs in = {between(0, 5), between(0, 9), between(0, 4), between(1, 9), draw() % 2 ? 8 : between(1, 20),
               between(0, 3), between(0, 2), between(1, 8),  between(1, 30), between(2, 9), counts, 1};
  const bool embeds = draw() % 2;
  long widths[MOST_LAYERS + 1];
  Member members[MOST_MEMBERS];
  Prediction o = {.inputs = embeds ? &in : NULL, .members = members, .widths = widths, .count = between(1, MOST_MEMBERS),
               .layers = between(1, MOST_LAYERS), .activation = between(RELU, SELU), .rows = between(1, 60)};
  for (long l = 0; l <= o.layers; l++) widths[l] = side();
  o.features = widths[0];
  if (embeds) {
    widths[0] = (in.numbers + in.categories) * in.size + in.plain + (in.names + 2 * in.texts) * in.statistics;
    o.features = 3 * in.numbers + in.plain + in.categories + 1 + in.names + in.texts * in.words;
    if (!widths[0]) return;
  }
  for (long k = 0; k < o.count; k++) draw_member(&o, members + k);
  const Array x = drawn(o.rows, o.features);
  for (long i = 0; i < o.rows && embeds; i++) {
    float *row = x.data + i * o.features + in.numbers + in.plain;
    for (long f = 0; f < 2 * in.numbers; f++) *row++ = (float)(draw() % 1000) / 1000; /* within the first interval */
    for (long c = 0; c < in.categories; c++) *row++ = draw() % in.levels;
    *row++ = 255;
    for (long n = 0; n < in.names + in.texts * in.words; n++) *row++ = draw() % in.entries;
  }
  const long classes = widths[o.layers];
  double *total = memory(sizeof *total * o.rows * classes), *wanted = memory(sizeof *wanted * classes);
  o.x = x.data;
  o.total = total;
  if (!epochal_predict(&o, draw() % 2)) atomic_fetch_add(&refused, 1);
  else
    for (long i = 0; i < o.rows; i++) {
      memset(wanted, 0, sizeof *wanted * classes);
      for (long k = 0; k < o.count; k++) add_by_formula(&o, members + k, x.data + i * o.features, wanted);
      for (long j = 0; j < classes; j++) compare("predict", total[i * classes + j], wanted[j], 1);
    }
  for (long k = 0; k < o.count; k++) release_member(&o, members + k);
  release(wanted);
  release(total);
  release(x.data);
}
