/* The operations of the embedding as XLA calls them; a part of handlers.c. */

/* Parameters, as arguments of both operations, behind `first` arrays of rows. */
enum { SLOPE, OFFSET, INCREMENTS, BIN_VECTORS, FINE, LEVELS, SCALE, PLAIN, TARGET_TABLE, NAME_SCALE, WORD_SCALE,
       LOG_COUNTS, PARAMETERS };

static long side_of(const Frame *frame, int number, int axis) { return argument(frame, number)->dims[axis]; }

/* Read the sizes of an embedding and its arrays; return whether they fit together. */
static bool read_embedding(Embedding *o, const Frame *frame, int first, long width, const Attributes *attributes) {
  const float *parameters[PARAMETERS] = {0};
  const long count = arguments(frame, attributes) - first;
  if (count != PLAIN + 1 && count != PARAMETERS) return false;
  for (int i = 0; i < count; i++) parameters[i] = argument(frame, first + i)->data;
  Inputs *in = &o->inputs;
  const long numbers = side_of(frame, first + SLOPE, 0), size = side_of(frame, first + SLOPE, 1);
  *o = (Embedding){.x = argument(frame, 0)->data, .features = side_of(frame, 0, 1),
                   .rows = limited(side_of(frame, 0, 0), rows_in_use(frame, attributes)), .width = width, .slope = parameters[SLOPE], .offset = parameters[OFFSET],
                   .increments = parameters[INCREMENTS], .bin_vectors = parameters[BIN_VECTORS],
                   .scale = parameters[SCALE]};
  *in = (Inputs){.numbers = numbers, .size = size, .levels = side_of(frame, first + LEVELS, 0),
                 .categories = side_of(frame, first + SCALE, 0) - numbers, .plain = side_of(frame, first + PLAIN, 0)};
  o->member = (Member){.levels = parameters[LEVELS], .level_scale = o->scale + numbers * size,
                       .plain = parameters[PLAIN], .intervals = side_of(frame, first + INCREMENTS, 1),
                       .fine = *parameters[FINE] > 0};
  long features = 3 * numbers + in->plain + in->categories;
  long inputs = (numbers + in->categories) * size + in->plain;
  if (count == PARAMETERS) {
    in->statistics = side_of(frame, first + TARGET_TABLE, 1);
    in->names = side_of(frame, first + NAME_SCALE, 0);
    in->texts = side_of(frame, first + WORD_SCALE, 0);
    in->words = side_of(frame, first + LOG_COUNTS, 0) - 1;
    in->folds = attributes->folds;
    in->entries = in->folds > 0 ? side_of(frame, first + TARGET_TABLE, 0) / in->folds : 0;
    in->log_counts = parameters[LOG_COUNTS];
    o->member.target_table = parameters[TARGET_TABLE];
    o->member.name_scale = parameters[NAME_SCALE];
    o->member.word_scale = parameters[WORD_SCALE];
    features += 1 + in->names + in->texts * in->words;
    inputs += (in->names + 2 * in->texts) * in->statistics;
    if (in->words < 0 || ((in->names || in->texts) && !(in->entries && in->statistics))) return false;
  }
  return features == o->features && inputs == width && (!numbers || o->member.intervals) && in->categories >= 0 &&
         (!in->categories || in->levels);
}

static XLA_FFI_Error *other_sizes(const Frame *frame) {
  return invalid(frame, "sizes of an embedding that do not fit", "", 0);
}

static bool part_of_scaling(const void *data, int part, int parts) {
  const Embedding *o = data;
  long begin_column, end_column;
  part_range(o->inputs.numbers, 1, part, parts, &begin_column, &end_column);
  simd->scale_numbers(o, begin_column, end_column);
  return true;
}

static bool part_of_embedding(const void *data, int part, int parts) {
  const Embedding *o = data;
  long begin_row, end_row;
  part_range(o->rows, 4, part, parts, &begin_row, &end_row);
  simd->embed_rows(o, begin_row, end_row);
  return true;
}

/* rows, parameters -> what the first layer gets. */
XLA_FFI_Error *epochal_embed(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  if (!begin_with_empty(frame, (Signature){9, 1 + PARAMETERS, 1, 1}, &attributes, &answer)) return answer;
  Embedding o;
  if (!read_embedding(&o, frame, 1, result(frame, 0)->dims[1], &attributes)) return other_sizes(frame);
  const long lines = o.inputs.numbers * o.inputs.size, edges = lines * (o.member.intervals + 1);
  float *scaled = scratch(INTERMEDIATE, 2 * lines + edges + 1);
  if (!scaled) return finish(frame, false);
  o.member.slope = o.scaled_slope = scaled;
  o.member.offset = o.scaled_offset = scaled + lines;
  o.member.edges = o.scaled_edges = scaled + 2 * lines;
  o.y = result(frame, 0)->data;
  parallel(part_of_scaling, &o, threads_for(&attributes, edges, NUMBERS));
  return finish(frame, parallel(part_of_embedding, &o, threads_for(&attributes, (double)o.rows * o.width, NUMBERS)));
}

/* Each part has some of the numeric columns; what is left is one item more, as columns of categories may share levels. */
static bool part_of_embedding_gradients(const void *data, int part, int parts) {
  const EmbeddingGradients *o = data;
  const long numbers = o->embedding.inputs.numbers;
  long begin_item, end_item;
  part_range(numbers + 1, 1, part, parts, &begin_item, &end_item);
  simd->number_gradients(o, begin_item, MIN(end_item, numbers));
  return begin_item > numbers || end_item <= numbers || simd->other_gradients(o);
}

/* rows, g, parameters -> the gradients of all parameters that are learned, in their order. */
XLA_FFI_Error *epochal_embedding_gradients(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  if (!begin_with_empty(frame, (Signature){10, 2 + PARAMETERS, 7, 9}, &attributes, &answer)) return answer;
  EmbeddingGradients o;
  if (!read_embedding(&o.embedding, frame, 2, side_of(frame, 1, 1), &attributes)) return other_sizes(frame);
  float *to[9] = {0};
  for (int i = 0; i < frame->rets.size; i++) to[i] = result(frame, i)->data;
  o = (EmbeddingGradients){.embedding = o.embedding, .gradient = argument(frame, 1)->data, .slope = to[0],
                           .offset = to[1], .increments = to[2], .bin_vectors = to[3], .levels = to[4],
                           .scale = to[5], .plain = to[6], .name_scale = to[7], .word_scale = to[8]};
  const double work = (double)o.embedding.rows * o.embedding.width + 2.0 * elements(result(frame, 3));
  return finish(frame, parallel(part_of_embedding_gradients, &o, threads_for(&attributes, work, NUMBERS)));
}
