/* Operations of a training step on a CPU, of float32: what lanes.h computes, and how work is shared. */
#ifndef EPOCHAL_NATIVE_H
#define EPOCHAL_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEAST(a, b) ((a) < (b) ? (a) : (b))

/* Dropout, as learn/dropout.py defines it: which units stay follows from a counter. */
typedef struct {
  uint32_t stream, limit; /* a unit stays if its mixed bits reach the limit */
  float scale;            /* what multiplies the units that stay */
} Dropout;

/* What happens to a product's numbers before they are written. */
typedef struct {
  const float *bias;      /* added to each row, or NULL */
  bool relu;              /* whether max(x, 0) is taken; NaN stays NaN */
  const Dropout *dropout; /* of the units, or NULL */
  const float *units;     /* or NULL; they lie as the result does, which is 0 where they are 0, */
  float scale;            /* and multiplied by this elsewhere */
} Ends;

/* A matrix, row by row; or in panels: row by row the first PANEL columns, then the next ones, at last what is left.
 * One that is no wider than a panel is the same either way, and counts as one. */
enum { PANEL = 32 };
typedef struct {
  float *start;
  long rows, columns;
  bool panels;
} Matrix;

/* Columns of the panel that has this one; or of the matrix. */
static inline long width_at(const Matrix *m, unsigned long column) {
  if (!m->panels) return m->columns;
  return LEAST(PANEL, m->columns - (long)(column / PANEL * PANEL));
}

static inline float *at(const Matrix *m, long row, unsigned long column) {
  if (!m->panels) return m->start + row * m->columns + column;
  return m->start + column / PANEL * PANEL * m->rows + row * width_at(m, column) + column % PANEL;
}

/* One step of Adam on one array; the letters of learn/optimizer.py. */
typedef struct {
  const float *gradient;
  float *value, *first, *second;
  long count;
  float beta_1, beta_2, guard;
  float correction_1, correction_2; /* what divides the moments */
  float rate, shrink;               /* w + rate (move - shrink w) */
} Adam;

/* C = A B, or one of the two is turned first. Where it is A, rows that C has beyond A's are of no use to anybody. */
typedef struct {
  Matrix a, b, c;
  bool a_turned, b_turned;
  Ends ends;
  float *sums;      /* if not NULL, the sums of B over its rows go here, shape (columns,) */
  const Adam *soon; /* or NULL: a step that the same thread takes next with what it computes of C, its gradient */
} Product;

/* Softmax of logits o, cross-entropy of labels y: what learn/losses.py writes down, by row. */
typedef struct {
  const float *logits; /* rows of `classes` */
  const int32_t *labels;
  const float *weights; /* of the rows */
  long rows, classes;
  float *gradient;   /* weight (s - y) */
  float *sums, *own; /* of exp(o - max o), and o - max o of the label: the loss is log(sum) - own */
} Entropy;

/* The operations for one instruction set, on a part of the rows and columns, or of the numbers. */
typedef struct {
  void (*product)(const Product *, long row, long rows_end, long column, long columns_end);
  void (*sums)(const Matrix *, long column, long columns_end, float *sums); /* over rows */
  void (*adam)(const Adam *, long from, long to);
  void (*entropy)(const Entropy *, long row, long rows_end);
} Lanes;

/* The best that this processor has; NULL if it has none of them. */
extern const Lanes *lanes;

/* Room for so many floats, aligned to 64 bytes, one of two that each thread keeps for its next call. */
enum { PACKED, TURNED };
float *room(int which, size_t floats);

/* Call task(data, part, parts) for each part, with up to `most` parts side by side, and wait for all. */
typedef void Task(const void *data, int part, int parts);
void shared(Task *task, const void *data, int most);

/* The part of `count` things, `unit` of which stay together, from `*from` to before `*to`. */
void span(long count, long unit, int part, int parts, long *from, long *to);

#endif
