/* The kernels of a training step on a CPU, in float32: their arguments, and the thread pool that shares their work.
 *
 * simd.h, embedding.h and predict.h compute, once for each instruction set; handlers.c is what XLA calls; thread_pool.c
 * has the threads. docs/KERNELS.md explains panels, register tiles, packing and the epilogue. */
#ifndef EPOCHAL_KERNELS_H
#define EPOCHAL_KERNELS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Dropout, as nn/dropout.py defines it: the mask is a function of the unit's number. */
typedef struct {
  uint32_t stream, limit; /* a unit is dropped if its mixed bits are below the limit */
  float scale;            /* multiplies the units that are not dropped */
  const int32_t *places;  /* the number of each row in its batch, or NULL: they follow each other */
} Dropout;

enum Activation { RELU, IDENTITY, LOGISTIC, SILU, TANH, SELU };

/* What a product does to its result before it is written. */
typedef struct {
  const float *bias;        /* added to each row, or NULL */
  bool relu;                /* whether max(x, 0) is taken; NaN stays NaN */
  const Dropout *dropout;   /* of the units, or NULL */
  const float *activations; /* or NULL: the chain rule through ReLU. The result is 0 where these are not positive, */
  float scale;              /* and multiplied by the scale elsewhere. They have the layout of the result */
  /* A unit behind IDENTITY is applied before dropout; or with `activations`, which then are its arguments, the result is
   * multiplied by its derivative after dropout. */
  enum Activation activation;
  float *before; /* or NULL: where the unit's arguments are written, with the layout of the result */
} Epilogue;

/* A matrix, row by row; or in panels: the first PANEL columns row by row, then the next ones, at last the columns that
 * are left. A matrix that is no wider than a panel is the same either way, and counts as one in panels. */
enum { PANEL = 32 };
typedef struct {
  float *data;
  long rows, columns;
  bool panels;
} Matrix;

/* The distance from a row to the next, in floats: the width of the panel that has the column, or of the matrix. */
static inline long row_stride(const Matrix *m, long column) {
  if (!m->panels) return m->columns;
  return MIN(PANEL, m->columns - column / PANEL * PANEL);
}

/* Where a number lies, in floats from the beginning. */
static inline long offset_of(const Matrix *m, long row, unsigned long column) {
  if (!m->panels) return row * m->columns + (long)column;
  const unsigned long first = column / PANEL * PANEL;
  return (long)first * m->rows + row * MIN(PANEL, m->columns - (long)first) + (long)(column - first);
}

static inline float *element(const Matrix *m, long row, unsigned long column) {
  return m->data + offset_of(m, row, column);
}

/* One step of Adam on one array; the letters of training/optimizers.py. */
typedef struct {
  const float *gradient;
  float *weights, *first, *second; /* and both moments */
  long count;
  float beta_1, beta_2, epsilon;
  float correction_1, correction_2; /* divide the moments */
  float rate, decay;                /* w + rate (step - decay w) */
} Adam;

/* Where the rows of an array are in their batch, if they are only some of its rows; or NULL. */
typedef struct {
  const int32_t *places;
  long batch; /* rows of the batch */
} Places;

/* C = A B, with A or B transposed if their flag is set. If A is, C may have more rows than A has columns; what is
 * written there is unspecified. */
typedef struct {
  Matrix a, b, c;
  bool a_transposed, b_transposed;
  bool accumulate;    /* whether the product is added to C */
  long gap, gap_end;  /* values of k that are left out, but not all of them */
  long c_begin; /* C's memory begins with the number that has this offset: 0, or only a part of C is there */
  Epilogue epilogue;
  float *column_sums;   /* if not NULL: the sums of B over its rows, shape (columns,) */
  Places rows;          /* of B, for these sums */
  const Adam *prefetch; /* or NULL: the step that the same thread takes next, with C as the gradient */
} Product;

/* Softmax of logits o, and cross-entropy of labels y, as nn/losses.py has them, row by row. A label that is no
 * class makes the row's loss and gradient NaN. */
typedef struct {
  const float *logits; /* rows of `classes` */
  const int32_t *labels;
  const float *weights; /* of the rows */
  const int32_t *places; /* where a row's label, weight and results are, if not in its own place; or NULL */
  long rows, classes, batch; /* rows of logits, and how many labels there are */
  float *gradient;                  /* weight (s - y) */
  float *exponential_sums, *logits_of_labels; /* sums of exp(o - max o), and o - max o of the label: the loss is
                                                 log(sum) - that */
} CrossEntropy;

/* Blocks of columns that a matrix has in several rows: `count` categories, `width` columns each, from `first` on. */
typedef struct {
  long count, first, width;
  const int32_t *starts;  /* the number of each category's first block, and how many there are */
  const int32_t *numbers; /* of each row and category, the number of its block */
  const int32_t *rows;    /* of each block, a row that has it */
} Repeats;

/* What an embedding reads of a row: values, plain features, positions among coarse and fine bin edges, codes, a fold,
 * entries of names and of words. */
typedef struct {
  long numbers, plain, categories, levels, size;       /* columns of numbers and categories; length of a vector */
  long names, texts, words, entries, statistics;       /* columns of names and texts, words of a text; the table */
  const float *log_counts;                             /* log(1 + n) for n words */
  long folds; /* tables of target statistics, one after the other; a fold that has none means the last one */
} Inputs;

/* A member as rows go through it. Vectors of numbers are multiplied by their scales already. */
typedef struct {
  const float *slope, *offset;     /* (numbers, size) */
  const float *edges;              /* (numbers, intervals + 1, size) the bend at each bin edge */
  const float *levels;             /* (levels, size) */
  const float *level_scale;        /* (categories, size) */
  const float *plain;              /* (plain,) */
  const float *target_table;       /* (entries, statistics) */
  const float *name_scale;         /* (names, statistics) */
  const float *word_scale;         /* (texts, 2 statistics) */
  const float *const *weights;     /* of each layer, in panels */
  const float *const *biases;
  double weight;                   /* in the mean */
  long intervals;
  float inverse_temperature;
  int32_t fine;                    /* whether positions are those among fine bin edges */
} Member;

/* The embedding of a batch in training, forward and backward. */
typedef struct {
  Inputs inputs;
  Member member;                   /* with slope, offset and edges in `scaled` */
  const float *slope, *offset;     /* (numbers, size), before their scales */
  const float *increments;         /* (numbers, intervals, size) from an edge to the next */
  const float *bin_vectors;        /* (numbers, intervals + 1, size) */
  const float *scale;              /* (numbers + categories, size) */
  const float *x;                  /* (rows, features) */
  long rows, features, width;      /* of the rows, and of what the first layer gets */
  float *scaled_slope, *scaled_offset, *scaled_edges;
  float *y;                        /* (rows, width) */
} Embedding;

/* The gradients of its parameters, from that of what the first layer gets. */
typedef struct {
  Embedding embedding;
  const float *gradient; /* (rows, width) */
  float *slope, *offset, *increments, *bin_vectors, *levels, *scale, *plain, *name_scale, *word_scale;
} EmbeddingGradients;

/* The mean probabilities of rows. */
typedef struct {
  const Inputs *inputs; /* or NULL without an embedding */
  const Member *members;
  const long *widths;   /* from the inputs of the first layer to the classes, layers + 1 of them */
  const float *x;       /* (rows, features) */
  double *total;        /* (rows, classes) */
  long count, layers, activation, features, rows;
} Prediction;

/* Numbers of a block of rows in its widest layer. */
enum { BLOCK_NUMBERS = 49152 };

/* The kernels of one instruction set, on some rows and columns of the result, or some of its numbers. They return
 * false if there is no memory for their scratch. */
typedef struct {
  const char *name;
  long gradient_rows; /* of a gradient of weights, that are computed before the step of Adam with them */
  bool (*product)(const Product *, long row, long rows_end, long column, long columns_end);
  void (*column_sums)(const Matrix *, const Places *, long column, long columns_end, float *sums);
  void (*adam)(const Adam *, long begin, long end);
  bool (*cross_entropy)(const CrossEntropy *, long row, long rows_end);
  bool (*predict)(const Prediction *, long row, long rows_end);
  void (*scale_numbers)(const Embedding *, long column, long columns_end);
  void (*embed_rows)(const Embedding *, long row, long rows_end);
  void (*number_gradients)(const EmbeddingGradients *, long column, long columns_end);
  bool (*other_gradients)(const EmbeddingGradients *);
  bool (*repeat_values)(const Product *, const Repeats *, long row, long rows_end, long column, long columns_end);
  void (*repeat_sums)(const Repeats *, const Matrix *, const Matrix *sums);
  void (*repeat_weights)(const Repeats *, const Product *, const Matrix *sums, long row, long rows_end, long column,
                         long columns_end);
  void (*repeat_inputs)(const Repeats *, const Matrix *sums, const Matrix *w, const Matrix *of_x, float *transposed);
} Simd;

/* The instruction set in use; NULL before epochal_load, and if the processor has none of them. */
extern const Simd *simd;

/* Memory for so many floats, aligned to 64 bytes; NULL if there is none. Each thread has three pieces, which it keeps
 * for its next call: one for what a product packs, one for its callers, one for what all parts of a call read. */
typedef enum { PACKED, INTERMEDIATE, SHARED, SCRATCHES } Scratch;
float *scratch(Scratch which, size_t floats);

/* Call task(data, part, parts) for each part, at most `most` parts at the same time, and wait for all. Return whether
 * all calls returned true. */
typedef bool Task(const void *data, int part, int parts);
bool parallel(Task *task, const void *data, int most);

/* Prepare the thread pool for so many threads, the caller's included; they start with the first work that is shared.
 * Return whether the system has what that needs. */
bool thread_pool_prepare(int threads);

/* Multiplications of a product that are worth another thread. */
enum { MULTIPLICATIONS = 500000 };

/* The part of `count` items, from `*begin` to before `*end`; each `unit` of items stays together. */
void part_range(long count, long unit, int part, int parts, long *begin, long *end);

#endif
