/* Products of which some columns repeat; a part of handlers.c. The array of repeats has the number of the first block of
 * each category, and behind the last; of each row and category the number of its block; and a row of each block. */

/* Of more blocks than one for so many rows, computing each once saves nothing (docs/PERFORMANCE.md). */
enum { ROWS_OF_A_BLOCK = 4 };

/* Read the repeats of a call for a batch of rows x; no blocks, if it has none or too many. Return whether the sizes fit. */
static bool read_repeats(Repeats *o, const Frame *frame, const Attributes *attributes, long batch, const Matrix *x) {
  *o = (Repeats){0};
  if (!attributes->repeats) return true;
  const Buffer *array = argument(frame, arguments(frame, attributes));
  const long count = (elements(array) - 1) / (1 + 2 * batch);
  *o = (Repeats){.count = count, .first = attributes->first, .width = attributes->repeats, .starts = array->data};
  o->numbers = o->starts + count + 1;
  o->rows = o->numbers + count * batch;
  const bool fits = count > 0 && elements(array) == count + 1 + 2 * batch * count && o->first >= 0 && o->width > 0 &&
                    o->first + count * o->width <= x->columns && count * o->width < x->columns &&
                    !(x->panels && x->columns > PANEL);
  if (fits && ROWS_OF_A_BLOCK * (long)o->starts[count] > x->rows * count) o->count = 0;
  return fits;
}

static long after_repeats(const Repeats *r) { return r->first + r->count * r->width; }

/* rows -> repeats of its codes; attributes: `first`, the column of the first code, `levels`, and how many rows are in
 * use. */
XLA_FFI_Error *epochal_repeats(Frame *frame) {
  Attributes attributes;
  XLA_FFI_Error *answer;
  if (!begin(frame, (Signature){1, 1, 1, 1}, &attributes, &answer)) return answer;
  const Buffer *x = argument(frame, 0), *to = result(frame, 0);
  const long batch = x->dims[0], features = x->dims[1], levels = attributes.levels, first = attributes.first;
  const long rows = limited(batch, rows_in_use(frame, &attributes)), count = (elements(to) - 1) / (1 + 2 * batch);
  if (levels < 1 || first < 0 || count < 1 || first + count > features || elements(to) != count + 1 + 2 * batch * count)
    return invalid(frame, "sizes of repeats that do not fit", "", 0);
  int32_t *seen = (int32_t *)scratch(INTERMEDIATE, levels), *starts = to->data, *numbers = starts + count + 1;
  if (!seen) return finish(frame, false);
  int32_t *of_block = numbers + count * batch, next = 0;
  for (long c = 0; c < count; c++) {
    const float *code = (const float *)x->data + first + c;
    starts[c] = next;
    memset(seen, 0xff, sizeof *seen * levels);
    for (long i = 0; i < rows; i++) {
      int32_t *number = seen + MAX(MIN((long)code[i * features], levels - 1), 0);
      if (*number < 0) of_block[*number = next++] = (int32_t)i;
      numbers[i * count + c] = *number;
    }
  }
  starts[count] = next;
  return NULL;
}

typedef struct {
  Product product;
  Repeats repeats;
} RepeatedProduct;

static bool part_of_repeated_product(const void *data, int part, int parts) {
  const RepeatedProduct *o = data;
  const Part p = part_of(&o->product.c, part, parts);
  if (p.column == p.columns_end) return true;
  return simd->repeat_values(&o->product, &o->repeats, p.row, p.rows_end, p.column, p.columns_end) &&
         simd->product(&o->product, p.row, p.rows_end, p.column, p.columns_end);
}

/* The gradient of the inputs beside the blocks. */
static bool part_of_other_inputs(const void *data, int part, int parts) {
  const RepeatedProduct *o = data;
  const Part p = part_of(&o->product.c, part, parts);
  const long before = MIN(p.columns_end, o->repeats.first), after = MAX(p.column, after_repeats(&o->repeats));
  return (p.column >= before || simd->product(&o->product, p.row, p.rows_end, p.column, before)) &&
         (after >= p.columns_end || simd->product(&o->product, p.row, p.rows_end, after, p.columns_end));
}
