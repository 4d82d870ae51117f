/* The kernels for one instruction set. simd.c includes this file once for each, with these macros:
 * LANES, floats in a vector; MR, rows of a register tile; ISA, the suffix of all names; TARGET, what the compiler may
 * use; FMA(number, x, y), number times x plus y, rounded once; SQRT(x), rounded once; and perhaps MASKED_LOAD and
 * MASKED_STORE, of the first floats of a vector.
 *
 * A product is computed in register tiles of MR rows and NR columns (two vectors), as BLIS does: the micro-kernel adds
 * a column of A times a row of B to the tile, for each k. Its B is contiguous: a panel, or packed. Each number is
 * summed in the order of k, whatever the instruction set, the tile or the thread, so that all give the same bits. */

#define STRING_(text) #text
#define STRING(text) STRING_(text)
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define FN(name) JOIN(name, ISA)
#define INLINE static inline __attribute__((always_inline)) TARGET
#define NOINLINE static __attribute__((noinline)) TARGET

typedef float FN(floats) __attribute__((vector_size(4 * LANES)));
typedef int32_t FN(integers) __attribute__((vector_size(4 * LANES)));
typedef uint32_t FN(words) __attribute__((vector_size(4 * LANES)));
typedef float FN(unaligned) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define Vector FN(floats)
#define Signed FN(integers)
#define Words FN(words)
#define NR (2 * LANES)
#define LINES (NR > 16 ? NR / 16 : 1) /* cache lines of a row of a tile */
#define VECTOR_AT(pointer) (*(FN(unaligned) *)(pointer))
#define LOAD(pointer) ((Vector)*(const FN(unaligned) *)(pointer))
/* Sanitizers check each copy of a loop's body, and compilers take minutes for so many. */
#ifdef EPOCHAL_ROLLED
#define UNROLL(times)
#else
#define UNROLL(times) _Pragma(STRING(GCC unroll times))
#endif
/* x where a condition is false, and 0 where it is true. */
#define ZERO_WHERE(condition, x) ((Vector)(~(condition) & (Signed)(x)))
/* x where a condition is true, and y where it is false. */
#define WHERE(condition, x, y) ((Vector)(((Signed)(x) & (condition)) | ((Signed)(y) & ~(condition))))
/* Fetch a cache line ahead of its use. The address may lie outside of the array, so it is no pointer yet. */
#define PREFETCH(pointer, floats, write) \
  __builtin_prefetch((const void *)((uintptr_t)(pointer) + 4 * (uintptr_t)(floats)), write)

/* The first `count` floats, and 0 behind them. */
INLINE Vector FN(load)(const float *from, int count) {
  if (count == LANES) return LOAD(from);
#ifdef MASKED_LOAD
  return MASKED_LOAD(from, count);
#else
  Vector x = {0};
  for (int i = 0; i < count; i++) x[i] = from[i];
  return x;
#endif
}

INLINE void FN(store)(float *to, Vector x, int count) {
  if (count == LANES) {
    VECTOR_AT(to) = x;
    return;
  }
#ifdef MASKED_STORE
  MASKED_STORE(to, x, count);
#else
  for (int i = 0; i < count; i++) to[i] = x[i];
#endif
}

/* Units after dropout: `mixed` and `keep_mask` of nn/dropout.py. `number` is that of the first unit. */
INLINE Vector FN(dropped)(Vector x, const Dropout *dropout, uint32_t number) {
  Words bits;
  for (int i = 0; i < LANES; i++) bits[i] = i;
  bits = (bits + number) * 0x9E3779B9u + dropout->stream;
  bits ^= bits >> 16;
  bits *= 0x7FEB352Du;
  bits ^= bits >> 15;
  bits *= 0x846CA68Bu;
  bits ^= bits >> 16;
  return ZERO_WHERE(bits >> 8 < dropout->limit, x * dropout->scale);
}

#include "activations.h"

/* The epilogues that tiles of whole vectors have code for: none; bias and ReLU; the chain rule through ReLU. GENERAL is
 * all else: it tests for each part of the epilogue, and masks the last vector. */
enum FN(EpilogueKind) { FN(NONE), FN(BIAS_RELU), FN(RELU_GRADIENT), FN(GENERAL) };

/* What the micro-kernel computes for a column of tiles. */
typedef struct {
  long k;
  long a_stride, b_stride, c_stride; /* from a row to the next; if A is transposed, from a k to the next */
  long panel_stride;                 /* from a panel of A to the next */
  const float *a_last;               /* where the last panel of A begins */
  bool accumulate;                   /* whether the sums are added to C */
  enum FN(EpilogueKind) kind;
  Epilogue epilogue;
  float *c;                    /* the number of C in row `first_row`, and in the tile's first column */
  long first_row;              /* the row that the column of tiles begins with */
  const float *activations;    /* of the epilogue, in row 0 and the tile's first column; or NULL */
  float *before;               /* the same */
  const float *prefetch[3];    /* what has the layout of C and is used next, in the same place */
  long column, columns, width; /* the tile's first column, columns of C, columns of the tile */
} FN(Tile);

INLINE enum FN(EpilogueKind) FN(kind_of)(const Epilogue *e, long width) {
  const bool bias_relu = e->bias && e->relu, none = !e->bias && !e->relu;
  const bool special = e->dropout || e->activation > IDENTITY || width % LANES;
  if (special || (bias_relu ? e->activations != NULL : !none)) return FN(GENERAL);
  return bias_relu ? FN(BIAS_RELU) : e->activations ? FN(RELU_GRADIENT) : FN(NONE);
}

/* Write a tile with any epilogue; `place` is from row 0 of the tile's column to the tile. */
NOINLINE void FN(write_general)(const FN(Tile) *t, int rows, int vectors, const Vector (*sums)[2], float *c,
                                long place) {
  const Epilogue *e = &t->epilogue;
  const long c_stride = t->c_stride;
  for (int v = 0; v < vectors; v++) {
    const int count = MIN(LANES, t->width - v * LANES);
    const Vector bias = e->bias ? FN(load)(e->bias + t->column + v * LANES, count) : (Vector){0};
    for (int i = 0; i < rows; i++) {
      const long here = i * c_stride + v * LANES;
      Vector x = sums[i][v];
      if (e->bias) x += bias;
      if (e->relu) x = ZERO_WHERE(x <= 0, x);
      if (e->before) FN(store)(t->before + place + here, x, count);
      if (e->activation > IDENTITY && !e->activations) x = FN(activated)(x, e->activation);
      if (e->dropout) {
        const long own = place / c_stride + i, row = e->dropout->places ? e->dropout->places[own] : own;
        x = FN(dropped)(x, e->dropout, (uint32_t)(row * t->columns + t->column + v * LANES));
      }
      if (e->activations && e->activation > IDENTITY)
        x *= FN(derivative)(FN(load)(t->activations + place + here, count), e->activation);
      else if (e->activations) x = ZERO_WHERE(FN(load)(t->activations + place + here, count) <= 0, x * e->scale);
      FN(store)(c + here, x, count);
    }
  }
}

/* The layout of A: row by row; in panels; or column by column, where the rows of a tile are contiguous for each k. */
enum FN(Layout) { FN(ROWS), FN(PANELS), FN(COLUMNS) };

/* For each vector of the tile. Unrolled in full, or the compiler would keep the sums in memory. */
#define FOR_EACH_VECTOR                                                                                               \
  UNROLL(12) for (int i = 0; i < rows; i++) UNROLL(2) for (int v = 0; v < vectors; v++)

/* Add `more` values of k; `number` is A's number in row i, p values of k further on. */
#define ACCUMULATE(more, number)                                                                                      \
  for (long p = 0; p < (more); p++, in_b += b_stride) {                                                               \
    Vector row_of_b[2];                                                                                               \
    UNROLL(2) for (int v = 0; v < vectors; v++) row_of_b[v] = LOAD(b + in_b + v * LANES);               \
    FOR_EACH_VECTOR sums[i][v] = FMA(number, row_of_b[v], sums[i][v]);                                                \
  }

/* The micro-kernel. */
INLINE void FN(tile)(const int rows, const int vectors, const enum FN(Layout) layout, const FN(Tile) *t,
                     const float *a, const float *b, float *c) {
  const long a_stride = t->a_stride, b_stride = t->b_stride, c_stride = t->c_stride;
  const long place = (c - t->c) + t->first_row * c_stride;
  long k = t->k, in_a = 0, in_b = 0;
  Vector sums[MR][2];
  if (t->accumulate && t->width == vectors * LANES)
    FOR_EACH_VECTOR sums[i][v] = LOAD(c + i * c_stride + v * LANES);
  else if (t->accumulate)
    FOR_EACH_VECTOR sums[i][v] = FN(load)(c + i * c_stride + v * LANES, MIN(LANES, t->width - v * LANES));
  else FOR_EACH_VECTOR sums[i][v] = (Vector){0};
  if (layout == FN(PANELS)) {
    for (; k >= PANEL; k -= PANEL, in_a += t->panel_stride) {
      for (int i = 0; i < rows * PANEL && k > PANEL; i += 16) PREFETCH(a, in_a + t->panel_stride + i, 0);
  UNROLL(4)
      ACCUMULATE(PANEL, a[in_a + i * PANEL + p])
    }
    if (k) {
      const float *last = t->a_last + place / c_stride * k;
  UNROLL(2)
      ACCUMULATE(k, last[i * k + p])
    }
  } else if (layout == FN(ROWS)) {
    /* With a pointer for each three rows, all addresses fit into the scale of an instruction. */
    const float *three[(MR + 2) / 3];
  UNROLL(4)
    for (int i = 0; i < (rows + 2) / 3; i++) three[i] = a + 3 * i * a_stride;
  UNROLL(4)
    ACCUMULATE(k, (three[i / 3] + p)[i % 3 * a_stride])
  } else {
    /* One cache line of each array for 8 values of k, until the lines of the tile are there. */
    for (long line = 0; k >= 8; k -= 8, in_a += 8 * a_stride, line++) {
      if (line < rows * LINES) {
        const long ahead = place + line / LINES * c_stride + line % LINES * 16;
        PREFETCH(t->prefetch[0], ahead, 1);
        PREFETCH(t->prefetch[1], ahead, 1);
        PREFETCH(t->prefetch[2], ahead, 1);
      }
  /* Copies of eight values would be more than the compiler keeps in registers. */
  UNROLL(4)
      ACCUMULATE(8, a[in_a + i + p * a_stride])
    }
    ACCUMULATE(k, a[in_a + i + p * a_stride])
  }
  switch (t->kind) {
    case FN(NONE): FOR_EACH_VECTOR VECTOR_AT(c + i * c_stride + v * LANES) = sums[i][v]; break;
    case FN(BIAS_RELU):
      FOR_EACH_VECTOR {
        const Vector x = sums[i][v] + LOAD(t->epilogue.bias + t->column + v * LANES);
        VECTOR_AT(c + i * c_stride + v * LANES) = ZERO_WHERE(x <= 0, x);
      }
      break;
    case FN(RELU_GRADIENT):
      FOR_EACH_VECTOR {
        const Vector unit = LOAD(t->activations + place + i * c_stride + v * LANES);
        VECTOR_AT(c + i * c_stride + v * LANES) = ZERO_WHERE(unit <= 0, sums[i][v] * t->epilogue.scale);
      }
      break;
    case FN(GENERAL): {
      Vector all[MR][2];
      FOR_EACH_VECTOR all[i][v] = sums[i][v];
      FN(write_general)(t, rows, vectors, all, c, place);
    }
  }
}

/* A function for each shape of tile, so that the compiler keeps the sums of each in registers. */
#define TILE(rows, vectors, layout)                                                                                   \
  NOINLINE void FN(tile_##rows##_##vectors##_##layout)(const FN(Tile) * t, const float *a, const float *b, float *c) { \
    FN(tile)(rows, vectors, FN(layout), t, a, b, c);                                                                  \
  }
#define TILES(rows)                                                                                                   \
  TILE(rows, 1, ROWS) TILE(rows, 2, ROWS) TILE(rows, 1, PANELS) TILE(rows, 2, PANELS)                                  \
  TILE(rows, 1, COLUMNS) TILE(rows, 2, COLUMNS)
#define TABLE(rows)                                                                                                   \
  [rows] = {{FN(tile_##rows##_1_ROWS), FN(tile_##rows##_2_ROWS)},                                                      \
            {FN(tile_##rows##_1_PANELS), FN(tile_##rows##_2_PANELS)},                                                  \
            {FN(tile_##rows##_1_COLUMNS), FN(tile_##rows##_2_COLUMNS)}}
typedef void FN(MicroKernel)(const FN(Tile) *, const float *, const float *, float *);

#if MR == 12
TILES(12) TILES(8) TILES(4) TILES(2) TILES(1)
static FN(MicroKernel) *const FN(micro_kernels)[][3][2] = {TABLE(12), TABLE(8), TABLE(4), TABLE(2), TABLE(1)};
static const int FN(heights)[] = {12, 8, 4, 2, 1};
/* The height of the next tile, of so many rows that are left. */
#define HEIGHT(left) MIN(MR, left)
#else
TILES(6) TILES(5) TILES(4) TILES(3) TILES(2) TILES(1)
static FN(MicroKernel) *const FN(micro_kernels)[][3][2] = {TABLE(6), TABLE(5), TABLE(4),
                                                           TABLE(3), TABLE(2), TABLE(1)};
static const int FN(heights)[] = {6, 5, 4, 3, 2, 1};
/* Tiles of nearly the same height: a low one waits for its sums. 32 rows are 6 + 6 + 5 + 5 + 5 + 5. */
#define HEIGHT(left) (((left) + ((left) + MR - 1) / MR - 1) / (((left) + MR - 1) / MR))
#endif

/* At most MR rows, in as few tiles as there are heights for. */
static TARGET void FN(tiles)(int rows, enum FN(Layout) layout, const FN(Tile) *t, const float *a, const float *b,
                             float *c) {
  const long stride = layout == FN(COLUMNS) ? 1 : t->a_stride;
  int done = 0;
  for (const int *height = FN(heights); done < rows; height++)
    for (; rows - done >= *height; done += *height)
      FN(micro_kernels)[*height][layout][t->width > LANES](t, a + done * stride, b, c + done * t->c_stride);
}

/* Pack k rows of `count` floats, `stride` from each other, as rows of `packed` floats; zeros fill them up. */
INLINE void FN(pack_rows)(const float *from, long stride, long k, int count, const int packed, float *to) {
  for (long p = 0; p < k; p++)
    for (int v = 0; v < packed; v += LANES)
      /* Beyond the end of a row that is no whole vector; the next row overwrites that. */
      VECTOR_AT(to + p * packed + v) = FN(load)(from + p * stride + MIN(v, count), MIN(LANES, count - v));
}

NOINLINE void FN(pack)(const float *from, long stride, long k, int count, int packed, float *to) {
  if (packed == NR && count == NR) FN(pack_rows)(from, stride, k, NR, NR, to);
  else if (packed == NR) FN(pack_rows)(from, stride, k, count, NR, to);
  else if (packed == LANES && count == LANES) FN(pack_rows)(from, stride, k, LANES, LANES, to);
  else if (packed == LANES) FN(pack_rows)(from, stride, k, count, LANES, to);
  else if (count == MR) FN(pack_rows)(from, stride, k, MR, MR, to);
  else FN(pack_rows)(from, stride, k, count, MR, to);
}

#if LANES == 16
#define LOWER 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define UPPER 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define LOWER 0, 8, 1, 9, 2, 10, 3, 11
#define UPPER 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOWER 0, 4, 1, 5
#define UPPER 2, 6, 3, 7
#endif
/* Transpose a square of LANES rows: in log2(LANES) rounds, each interleaves one half with the other. */
INLINE void FN(transpose)(const float *from, long stride, float *to, long to_stride) {
  Vector now[LANES], next[LANES];
  UNROLL(16)
  for (int i = 0; i < LANES; i++) now[i] = LOAD(from + i * stride);
  UNROLL(4)
  for (int round = 1; round < LANES; round *= 2) {
  UNROLL(8)
    for (int i = 0; i < LANES / 2; i++) {
      next[2 * i] = __builtin_shufflevector(now[i], now[i + LANES / 2], LOWER);
      next[2 * i + 1] = __builtin_shufflevector(now[i], now[i + LANES / 2], UPPER);
    }
  UNROLL(16)
    for (int i = 0; i < LANES; i++) now[i] = next[i];
  }
  UNROLL(16)
  for (int i = 0; i < LANES; i++) VECTOR_AT(to + i * to_stride) = now[i];
}

/* Pack `count` rows of k floats, transposed, as k rows of `packed` floats. */
NOINLINE void FN(pack_transposed)(const float *from, long stride, long k, int count, int packed, float *to) {
  int j = 0;
  for (; j + LANES <= count; j += LANES) {
    long p = 0;
    for (; p + LANES <= k; p += LANES) FN(transpose)(from + j * stride + p, stride, to + p * packed + j, packed);
    for (; p < k; p++)
      for (int i = j; i < j + LANES; i++) to[p * packed + i] = from[i * stride + p];
  }
  for (; j < packed; j++)
    for (long p = 0; p < k; p++) to[p * packed + j] = j < count ? from[j * stride + p] : 0;
}

/* The sums of some columns over the rows, each in four parts, so that an addition need not wait for the one before. A row
 * that has a place in a batch is added to the part that it would be added to beside all rows of the batch, so that rows
 * of 0 may be left out. */
static TARGET void FN(column_sums)(const Matrix *m, const Places *rows, long column, long columns_end, float *sums) {
  const long in_fours = rows->places ? rows->batch / 4 * 4 : m->rows / 4 * 4;
  for (long j = column; j < columns_end; j += LANES) {
    const int count = MIN(LANES, columns_end - j);
    const float *from = element(m, 0, j);
    const long stride = row_stride(m, j);
    Vector sum[4] = {{0}};
    long i = 0;
    for (; !rows->places && i < in_fours; i += 4)
      for (int q = 0; q < 4; q++) sum[q] += FN(load)(from + (i + q) * stride, count);
    for (; i < m->rows; i++) {
      const long place = rows->places ? rows->places[i] : i;
      sum[place < in_fours ? place % 4 & 3 : 0] += FN(load)(from + i * stride, count);
    }
    FN(store)(sums + j, (sum[0] + sum[1]) + (sum[2] + sum[3]), count);
  }
}

/* The blocks of a product: values of k, columns and rows at a time. The B of a tile stays near the first cache, the
 * block of A in the second. */
enum { FN(KC) = 512, FN(NC) = 1024, FN(MC) = 288 };

/* Low tiles read A and B more often than high ones: what many of them read is packed, so that it lies closer together
 * and stays in the first cache. */
#define LOW (MR < 12)
enum { FN(MANY_ROWS) = 256, FN(MANY_COLUMNS) = 128 };

/* Values of k at a time: few enough for the first cache to hold a packed B beside A, if many low tiles read it. */
INLINE long FN(depth_of_block)(long depth, long rows) {
  const long most = LOW && rows >= 2 * FN(MANY_ROWS) && depth > FN(KC) ? FN(KC) / 2 : FN(KC);
  const long blocks = (depth + most - 1) / most;
  return ((depth + blocks - 1) / blocks + PANEL - 1) / PANEL * PANEL; /* whole panels */
}

/* Whether the B of a tile needs no packing: whole vectors of a panel; or it is read by one tile only. */
INLINE bool FN(unpacked)(const Product *o, long column, int width, long rows) {
  if (o->b_transposed || width % LANES) return false;
  if (LOW && rows >= FN(MANY_ROWS) && o->b.rows > FN(KC) / 2) return false;
  return row_stride(&o->b, column) == PANEL || (o->a_transposed && rows <= MR);
}

/* Pack k rows of B from p on, `width` columns. */
static TARGET void FN(pack_b)(const Product *o, long p, long k, long column, int width, int packed, float *to) {
  if (!o->b_transposed) {
    FN(pack)(element(&o->b, p, column), row_stride(&o->b, column), k, width, packed, to);
    return;
  }
  for (long some, done = 0; done < k; done += some) {
    some = o->b.panels ? MIN(k - done, PANEL - (p + done) % PANEL) : k;
    FN(pack_transposed)(element(&o->b, column, p + done), row_stride(&o->b, p + done), some, width, packed,
                        to + done * packed);
  }
}

/* Pack rows of MR floats, of which the first `some` are in one panel and the others in the next. */
NOINLINE void FN(pack_across)(const float *from, const float *next, long stride, long next_stride, long k, int some,
                              int count, float *to) {
  /* Beyond the end of each piece that is no whole vector; the next piece overwrites that. */
  for (long p = 0; p < k; p++, to += MR, from += stride, next += next_stride) {
    for (int v = 0; v < some; v += LANES) VECTOR_AT(to + v) = FN(load)(from + v, MIN(LANES, some - v));
    for (int v = some; v < count; v += LANES)
      VECTOR_AT(to + v) = FN(load)(next + v - some, MIN(LANES, count - v));
  }
}

/* Pack A transposed, rows `top` to `bottom` of C, k values from p on, as blocks of MR rows. */
static TARGET void FN(pack_a)(const Matrix *a, long p, long k, long top, long bottom, float *to) {
  for (long i = top; i < bottom; i += MR, to += MR * k) {
    const long left = MIN(bottom, a->columns) - i; /* C may have more rows than A has columns */
    const int count = left < 0 ? 0 : MIN(MR, left), some = a->panels ? PANEL - i % PANEL : count;
    if (some < count)
      FN(pack_across)(element(a, p, i), element(a, p, i + some), row_stride(a, i), row_stride(a, i + some), k, some,
                      count, to);
    else FN(pack)(count ? element(a, p, i) : a->data, count ? row_stride(a, i) : 0, k, count, MR, to);
  }
}

/* Tiles one below the other, rows `top` to `bottom`, from k p on; `packed_a` is NULL if A is not packed. */
static TARGET void FN(column_of_tiles)(const Product *o, FN(Tile) *t, long p, long top, long bottom,
                                       const float *packed_a, const float *b) {
  const Matrix *a = &o->a;
  t->a_stride = packed_a ? MR : row_stride(a, p);
  for (long i = top, rows; i < bottom; i += rows) {
    float *c = t->c + (i - t->first_row) * t->c_stride;
    if (packed_a) {
      rows = MIN(MR, bottom - i);
      FN(tiles)(rows, FN(COLUMNS), t, packed_a + (i - top) * t->k, b, c);
    } else if (o->a_transposed) {
      rows = HEIGHT(MIN(bottom - i, PANEL - i % PANEL));
      t->a_stride = row_stride(a, i);
      FN(tiles)(rows, FN(COLUMNS), t, element(a, p, i), b, c);
    } else {
      rows = HEIGHT(bottom - i);
      FN(tiles)(rows, a->panels && a->columns > PANEL ? FN(PANELS) : FN(ROWS), t, element(a, i, p), b, c);
    }
  }
}

/* Set what depends on the tile's columns. */
INLINE void FN(set_column)(FN(Tile) *t, const Product *o, long column, long columns_end) {
  t->column = column;
  t->width = MIN(NR, columns_end - column);
  t->c_stride = row_stride(&o->c, column);
  t->c = o->c.data + (offset_of(&o->c, t->first_row, column) - o->c_begin);
  Matrix whole = o->c; /* of which C may be some rows */
  if (o->prefetch) whole.rows = o->a.columns;
  const long place = offset_of(&whole, 0, column);
  t->activations = o->epilogue.activations ? o->epilogue.activations + place : NULL;
  t->before = o->epilogue.before ? o->epilogue.before + place : NULL;
  if (o->prefetch) {
    t->prefetch[0] = o->prefetch->weights + place;
    t->prefetch[1] = o->prefetch->first + place;
    t->prefetch[2] = o->prefetch->second + place;
  } else {
    /* C itself, from row 0 on: that lies before what the thread writes, perhaps outside of the array. */
    for (int i = 0; i < 3; i++)
      t->prefetch[i] = (const float *)((uintptr_t)t->c - 4 * (uintptr_t)(t->first_row * t->c_stride));
  }
  t->kind = FN(kind_of)(&t->epilogue, t->width);
}

static TARGET bool FN(product)(const Product *o, long row, long rows_end, long column, long columns_end) {
  const Matrix *a = &o->a, *b = &o->b, *c = &o->c;
  const long depth = o->a_transposed ? a->rows : a->columns, rows = rows_end - row;
  const long kc = FN(depth_of_block)(depth, rows);
  const bool packs_a = o->a_transposed && (!a->panels || c->rows > a->columns ||
                                           (LOW && columns_end - column >= FN(MANY_COLUMNS)));
  const long size_b = kc * (MIN(FN(NC), columns_end - column) + NR), size_a = packs_a ? kc * (FN(MC) + MR) : 0;
  float *packed_b = scratch(PACKED, size_b + size_a + LANES);
  if (!packed_b) return false;
  float *packed_a = packs_a ? packed_b + size_b : NULL;
  for (long left = column; left < columns_end; left += FN(NC)) {
    const long right = MIN(left + FN(NC), columns_end);
    const long begin = o->gap || !o->gap_end ? 0 : o->gap_end;
    for (long p = begin, next_p; p < depth; p = next_p) {
      const long until = p < o->gap ? o->gap : depth;
      FN(Tile) t = {.k = MIN(kc, until - p), .first_row = row, .columns = c->columns};
      t.accumulate = o->accumulate || p > begin;
      next_p = p + t.k == o->gap ? o->gap_end : p + t.k;
      t.panel_stride = PANEL * a->rows;
      if (!o->a_transposed) t.a_last = element(a, 0, p + (t.k - 1) / PANEL * PANEL);
      if (next_p == depth) t.epilogue = o->epilogue;
      float *to = packed_b;
      for (long j = left; j < right; j += NR) {
        const int width = MIN(NR, right - j), packed = width > LANES ? NR : LANES;
        if (FN(unpacked)(o, j, width, rows)) continue;
        FN(pack_b)(o, p, t.k, j, width, packed, to);
        to += t.k * packed;
      }
      for (long top = row; top < rows_end; top += FN(MC)) {
        const long bottom = MIN(top + FN(MC), rows_end);
        if (packs_a) FN(pack_a)(a, p, t.k, top, bottom, packed_a);
        const float *next = packed_b;
        for (long j = left; j < right; j += NR) {
          FN(set_column)(&t, o, j, right);
          if (FN(unpacked)(o, j, t.width, rows)) {
            t.b_stride = row_stride(b, j);
            FN(column_of_tiles)(o, &t, p, top, bottom, packed_a, element(b, p, j));
          } else {
            t.b_stride = t.width > LANES ? NR : LANES;
            FN(column_of_tiles)(o, &t, p, top, bottom, packed_a, next);
            next += t.k * t.b_stride;
          }
        }
      }
    }
  }
  if (o->column_sums && row == 0) FN(column_sums)(b, &o->rows, column, columns_end, o->column_sums);
  return true;
}

static TARGET void FN(adam)(const Adam *o, long begin, long end) {
  const Adam s = *o;
  /* Both corrections are taken into the constants, before the quotient. */
  const float root = __builtin_sqrtf(s.correction_2), pace = s.rate / s.correction_1 * root, guard = s.epsilon * root;
  const float keep = 1 - s.rate * s.decay, rest_1 = 1 - s.beta_1, rest_2 = 1 - s.beta_2;
  for (long i = begin; i < end; i += LANES) {
    const int count = MIN(LANES, end - i);
    const Vector g = FN(load)(s.gradient + i, count);
    const Vector first = FMA(s.beta_1, FN(load)(s.first + i, count), rest_1 * g);
    const Vector second = FMA(s.beta_2, FN(load)(s.second + i, count), rest_2 * g * g);
    const Vector step = first / (SQRT(second) + guard);
    FN(store)(s.first + i, first, count);
    FN(store)(s.second + i, second, count);
    FN(store)(s.weights + i, FMA(-pace, step, FN(load)(s.weights + i, count) * keep), count);
  }
}

/* Write exp(o - max o) of `count` rows of logits o, times a factor, and return the rows' sums. Rows are side by side, so
 * that each is summed in the order of its classes; behind the last one it is repeated. */
INLINE Vector FN(softmax_terms)(const float *logits, int count, long classes, float factor, float *transposed,
                                Vector *highest) {
  for (int i = 0; i < LANES; i++)
    for (long j = 0; j < classes; j++) transposed[j * LANES + i] = logits[MIN(i, count - 1) * classes + j] * factor;
  Vector most = LOAD(transposed), sum = {0};
  for (long j = 1; j < classes; j++) {
    const Vector x = LOAD(transposed + j * LANES);
    most = WHERE(x > most, x, most);
  }
  for (long j = 0; j < classes; j++) {
    const Vector e = FN(exponential)(LOAD(transposed + j * LANES) - most);
    VECTOR_AT(transposed + j * LANES) = e;
    sum += e;
  }
  *highest = most;
  return sum;
}

static TARGET bool FN(cross_entropy)(const CrossEntropy *o, long row, long rows_end) {
  const long classes = o->classes;
  float *transposed = scratch(INTERMEDIATE, classes * LANES);
  if (!transposed) return false;
  for (; row < rows_end; row += LANES) {
    const int count = MIN(LANES, rows_end - row);
    const float *logits = o->logits + row * classes;
    float *gradient = o->gradient + row * classes;
    Vector highest;
    const Vector sum = FN(softmax_terms)(logits, count, classes, 1.0f, transposed, &highest);
    long places[LANES];
    Vector weight = {0};
    for (int i = 0; i < count; i++) {
      places[i] = o->places ? MIN((long)(uint32_t)o->places[row + i], o->batch - 1) : row + i;
      weight[i] = o->weights[places[i]];
    }
    const Vector factor = weight / sum;
    for (long j = 0; j < classes; j++)
      VECTOR_AT(transposed + j * LANES) = LOAD(transposed + j * LANES) * factor;
    for (int i = 0; i < count; i++) {
      const int32_t label = o->labels[places[i]];
      const bool known = label >= 0 && label < classes;
      o->logits_of_labels[places[i]] = known ? logits[i * classes + label] - highest[i] : __builtin_nanf("");
      o->exponential_sums[places[i]] = sum[i];
      for (long j = 0; j < classes; j++)
        gradient[i * classes + j] = known ? transposed[j * LANES + i] : __builtin_nanf("");
      if (known) gradient[i * classes + label] -= weight[i];
    }
  }
  return true;
}

#include "embedding.h"
#include "repeats.h"
#include "predict.h"
#undef FOR_PIECES
#undef Piece

static const Simd FN(simd) = {STRING(ISA),       LOW ? 64 : LONG_MAX,  FN(product),         FN(column_sums),
                              FN(adam),          FN(cross_entropy),    FN(predict),         FN(scale_numbers),
                              FN(embed_rows),    FN(number_gradients), FN(other_gradients), FN(repeat_values),
                              FN(repeat_sums),   FN(repeat_weights),   FN(repeat_inputs)};

#undef JOIN_
#undef JOIN
#undef FN
#undef FOR_EACH_VECTOR
#undef ACCUMULATE
#undef INLINE
#undef NOINLINE
#undef Vector
#undef Signed
#undef Words
#undef NR
#undef LOW
#undef LINES
#undef VECTOR_AT
#undef LOAD
#undef ZERO_WHERE
#undef WHERE
#undef PREFETCH
#undef UNROLL
#undef TILE
#undef TILES
#undef TABLE
#undef HEIGHT
#undef LOWER
#undef UPPER
#undef STRING_
#undef STRING
#undef LANES
#undef MR
#undef ISA
#undef TARGET
#undef FMA
#undef SQRT
#undef MASKED_LOAD
#undef MASKED_STORE
