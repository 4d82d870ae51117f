/* The operations for one instruction set. Included once for each, with these defined:
 * MULTIPLY_ADD, one number times a vector and a vector, rounded once; ROOT, the square roots of a vector, rounded once;
 * LANES, floats in a vector; HIGH, rows of a tile; SET, what the names end with; TARGET, what the compiler may use.
 *
 * A product is computed in tiles of HIGH rows and two vectors, which stay in registers. What a tile reads of B lies
 * in one piece: it is a panel of B, or packed. Each number is summed up in the order of k, whatever the set, the
 * tile or the thread, so that all give the same bits.
 */

#define JOINED_(a, b) a##_##b
#define JOINED(a, b) JOINED_(a, b)
#define OWN(name) JOINED(name, SET)
#define INLINE static inline __attribute__((always_inline)) TARGET
#define APART static __attribute__((noinline)) TARGET

typedef float OWN(floats) __attribute__((vector_size(4 * LANES)));
typedef int32_t OWN(integers) __attribute__((vector_size(4 * LANES)));
typedef uint32_t OWN(words) __attribute__((vector_size(4 * LANES)));
typedef float OWN(anywhere) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define Vector OWN(floats)
#define Signed OWN(integers)
#define Words OWN(words)
#define WIDE (2 * LANES)
#define AT(pointer) (*(OWN(anywhere) *)(pointer))
#define READ(pointer) ((Vector)*(const OWN(anywhere) *)(pointer))
/* Numbers where a condition is false, and 0 where it is true. */
#define UNLESS(condition, x) ((Vector)(~(condition) & (Signed)(x)))

INLINE Vector OWN(some)(const float *from, int count) {
  if (count == LANES) return READ(from);
#ifdef SOME
  return SOME(from, count);
#else
  Vector x = {0};
  for (int i = 0; i < count; i++) x[i] = from[i];
  return x;
#endif
}

INLINE void OWN(put)(float *to, Vector x, int count) {
  if (count == LANES) {
    AT(to) = x;
    return;
  }
#ifdef PUT
  PUT(to, x, count);
#else
  for (int i = 0; i < count; i++) to[i] = x[i];
#endif
}

/* Units with some dropped: `mixed` and `kept` of learn/dropout.py. `number` is that of the first one. */
INLINE Vector OWN(dropped)(Vector x, const Dropout *dropout, uint32_t number) {
  Words bits;
  for (int i = 0; i < LANES; i++) bits[i] = i;
  bits = (bits + number) * 0x9E3779B9u + dropout->stream;
  bits ^= bits >> 16;
  bits *= 0x7FEB352Du;
  bits ^= bits >> 15;
  bits *= 0x846CA68Bu;
  bits ^= bits >> 16;
  return UNLESS(bits >> 8 < dropout->limit, x * dropout->scale);
}

/* What comes after a tile's sums, in whole vectors: nothing; bias and ReLU; or the chain rule through ReLU. Or
 * anything else, which is asked for number by number. */
enum OWN(ending) { OWN(NOTHING), OWN(RELU), OWN(SLOPE), OWN(ANY) };

/* What one tile computes, and what comes after. */
typedef struct {
  long k, a_step, b_step, c_step; /* from a row to the next, also if A is turned */
  long apart;                     /* from a panel of A to the next */
  const float *a_last;            /* where the last one begins */
  bool add;                       /* to what is there */
  enum OWN(ending) ending;
  Ends ends;
  float *c;                    /* where the tile's column begins in the result, */
  const float *units, *soon;   /* and in arrays that lie as the result does: units, or weights */
  long first, second;          /* so far behind the weights are their moments */
  long column, columns, width; /* its number, how many the result has, and the tile */
} OWN(Tile);

INLINE enum OWN(ending) OWN(ending_of)(const Ends *e, long width) {
  const bool relu = e->bias && e->relu, none = !e->bias && !e->relu;
  if (e->dropout || width % LANES || (relu ? e->units != NULL : !none)) return OWN(ANY);
  return relu ? OWN(RELU) : e->units ? OWN(SLOPE) : OWN(NOTHING);
}

/* Write the sums of a tile, with anything after them. */
APART void OWN(end)(const OWN(Tile) *t, int rows, int vectors, const Vector (*sums)[2], float *c) {
  const Ends *e = &t->ends;
  const long c_step = t->c_step, place = c - t->c;
  for (int v = 0; v < vectors; v++) {
    const int count = LEAST(LANES, t->width - v * LANES);
    const Vector bias = e->bias ? OWN(some)(e->bias + t->column + v * LANES, count) : (Vector){0};
    for (int i = 0; i < rows; i++) {
      const long here = i * c_step + v * LANES;
      Vector x = sums[i][v];
      if (e->bias) x += bias;
      if (e->relu) x = UNLESS(x <= 0, x);
      if (e->dropout)
        x = OWN(dropped)(x, e->dropout, (uint32_t)((place / c_step + i) * t->columns + t->column + v * LANES));
      if (e->units) x = UNLESS(OWN(some)(t->units + place + here, count) <= 0, x * e->scale);
      OWN(put)(c + here, x, count);
    }
  }
}

/* How A lies: rows as they are; rows in panels; or turned, each k beside the other rows of the tile. */
enum OWN(how) { OWN(LINES), OWN(PANELS), OWN(TURNED) };

/* For each vector of a tile. Where a loop is left, the compiler puts the sums into memory. */
#define EVERY                                                                                                         \
  _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++) _Pragma("GCC unroll 2") for (int v = 0; v < vectors; v++)

/* Sums over `more` k, where `number` is A's in row i and p behind what has been summed up. */
#define ADD_UP(more, number)                                                                                          \
  for (long p = 0; p < (more); p++, b += b_step) {                                                                    \
    Vector line[2];                                                                                                   \
    _Pragma("GCC unroll 2") for (int v = 0; v < vectors; v++) line[v] = READ(b + v * LANES);                          \
    EVERY sums[i][v] = MULTIPLY_ADD(number, line[v], sums[i][v]);                                                     \
  }

INLINE void OWN(tile)(const int rows, const int vectors, const enum OWN(how) how, const OWN(Tile) *t, const float *a,
                      const float *b, float *c) {
  const long a_step = t->a_step, b_step = t->b_step, c_step = t->c_step, place = c - t->c;
  long k = t->k;
  Vector sums[HIGH][2];
  if (t->add) EVERY sums[i][v] = OWN(some)(c + i * c_step + v * LANES, LEAST(LANES, t->width - v * LANES));
  else EVERY sums[i][v] = (Vector){0};
  if (how == OWN(PANELS)) {
    for (; k >= PANEL; k -= PANEL, a += t->apart) {
      for (int i = 0; i < rows * PANEL && k > PANEL; i += 16) __builtin_prefetch(a + t->apart + i);
#pragma GCC unroll 4
      ADD_UP(PANEL, a[i * PANEL + p])
    }
    a = t->a_last + place / c_step * k;
#pragma GCC unroll 2
    ADD_UP(k, a[i * k + p])
  } else if (how == OWN(LINES)) {
    /* With a start for each three rows, all places are within what an instruction can say. */
    const float *three[(HIGH + 2) / 3];
#pragma GCC unroll 4
    for (int i = 0; i < (rows + 2) / 3; i++) three[i] = a + 3 * i * a_step;
#pragma GCC unroll 4
    ADD_UP(k, (three[i / 3] + p)[i % 3 * a_step])
  } else {
    const float *soon = t->soon + place;
    for (; k >= 8; k -= 8, a += 8 * a_step, soon += 16) {
      __builtin_prefetch(soon, 1);
      __builtin_prefetch(soon + t->first, 1);
      __builtin_prefetch(soon + t->second, 1);
#pragma GCC unroll 8
      ADD_UP(8, a[i + p * a_step])
    }
    ADD_UP(k, a[i + p * a_step])
  }
  switch (t->ending) {
    case OWN(NOTHING): EVERY AT(c + i * c_step + v * LANES) = sums[i][v]; break;
    case OWN(RELU):
      EVERY {
        const Vector x = sums[i][v] + READ(t->ends.bias + t->column + v * LANES);
        AT(c + i * c_step + v * LANES) = UNLESS(x <= 0, x);
      }
      break;
    case OWN(SLOPE):
      EVERY {
        const Vector unit = READ(t->units + place + i * c_step + v * LANES);
        AT(c + i * c_step + v * LANES) = UNLESS(unit <= 0, sums[i][v] * t->ends.scale);
      }
      break;
    case OWN(ANY): {
      Vector all[HIGH][2];
      EVERY all[i][v] = sums[i][v];
      OWN(end)(t, rows, vectors, all, c);
    }
  }
}

/* A function for each kind of tile, so that the compiler keeps each one's sums in registers. */
#define TILE(rows, vectors, how)                                                                                      \
  APART void OWN(tile_##rows##_##vectors##_##how)(const OWN(Tile) * t, const float *a, const float *b, float *c) {     \
    OWN(tile)(rows, vectors, OWN(how), t, a, b, c);                                                                   \
  }
#define TILES(rows)                                                                                                   \
  TILE(rows, 1, LINES) TILE(rows, 2, LINES) TILE(rows, 1, PANELS) TILE(rows, 2, PANELS)                                \
  TILE(rows, 1, TURNED) TILE(rows, 2, TURNED)
#define EACH(rows)                                                                                                    \
  [rows] = {{OWN(tile_##rows##_1_LINES), OWN(tile_##rows##_2_LINES)},                                                  \
            {OWN(tile_##rows##_1_PANELS), OWN(tile_##rows##_2_PANELS)},                                                \
            {OWN(tile_##rows##_1_TURNED), OWN(tile_##rows##_2_TURNED)}}
typedef void OWN(TileOf)(const OWN(Tile) *, const float *, const float *, float *);

#if HIGH == 12
TILES(12) TILES(8) TILES(4) TILES(2) TILES(1)
static OWN(TileOf) *const OWN(tile_of)[][3][2] = {EACH(12), EACH(8), EACH(4), EACH(2), EACH(1)};
static const int OWN(heights)[] = {12, 8, 4, 2, 1};
#else
TILES(6) TILES(4) TILES(2) TILES(1)
static OWN(TileOf) *const OWN(tile_of)[][3][2] = {EACH(6), EACH(4), EACH(2), EACH(1)};
static const int OWN(heights)[] = {6, 4, 2, 1};
#endif

/* A column of tiles that is HIGH at the most. */
static TARGET void OWN(tiles)(int rows, enum OWN(how) how, const OWN(Tile) *t, const float *a, const float *b,
                              float *c) {
  for (const int *height = OWN(heights); rows; height++)
    while (rows >= *height) {
      OWN(tile_of)[*height][how][t->width > LANES](t, a, b, c);
      a += *height * (how == OWN(TURNED) ? 1 : t->a_step);
      c += *height * t->c_step;
      rows -= *height;
    }
}

/* Pack k lines of `count` floats, `apart` from each other, as lines of `wide`. */
INLINE void OWN(lined)(const float *from, long apart, long k, int count, const int wide, float *to) {
  for (long p = 0; p < k; p++, from += apart, to += wide)
    for (int v = 0; v < wide; v += LANES)
      /* Over the end of a line that is no whole vector: the next one follows. */
      AT(to + v) = OWN(some)(from + v, LEAST(LANES, count - v));
}

APART void OWN(pack)(const float *from, long apart, long k, int count, int wide, float *to) {
  if (wide == WIDE && count == WIDE) OWN(lined)(from, apart, k, WIDE, WIDE, to);
  else if (wide == WIDE) OWN(lined)(from, apart, k, count, WIDE, to);
  else if (wide == LANES && count == LANES) OWN(lined)(from, apart, k, LANES, LANES, to);
  else if (wide == LANES) OWN(lined)(from, apart, k, count, LANES, to);
  else if (count == HIGH) OWN(lined)(from, apart, k, HIGH, HIGH, to);
  else OWN(lined)(from, apart, k, count, HIGH, to);
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
/* Turn a square of LANES lines: as often as LANES is 2 to the power of, shuffle one half into the other. */
INLINE void OWN(turn)(const float *from, long apart, float *to, long to_apart) {
  Vector now[LANES], next[LANES];
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) now[i] = READ(from + i * apart);
#pragma GCC unroll 4
  for (int round = 1; round < LANES; round *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < LANES / 2; i++) {
      next[2 * i] = __builtin_shufflevector(now[i], now[i + LANES / 2], LOWER);
      next[2 * i + 1] = __builtin_shufflevector(now[i], now[i + LANES / 2], UPPER);
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) now[i] = next[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) AT(to + i * to_apart) = now[i];
}

/* Pack `count` lines of k floats as k lines of `wide`. */
APART void OWN(pack_turned)(const float *from, long apart, long k, int count, int wide, float *to) {
  int j = 0;
  for (; j + LANES <= count; j += LANES) {
    long p = 0;
    for (; p + LANES <= k; p += LANES) OWN(turn)(from + j * apart + p, apart, to + p * wide + j, wide);
    for (; p < k; p++)
      for (int i = j; i < j + LANES; i++) to[p * wide + i] = from[i * apart + p];
  }
  for (; j < wide; j++)
    for (long p = 0; p < k; p++) to[p * wide + j] = j < count ? from[j * apart + p] : 0;
}

/* Four rows apart, so that an addition need not wait for the one before. */
static TARGET void OWN(sums)(const Matrix *m, long column, long columns_end, float *sums) {
  for (long j = column; j < columns_end; j += LANES) {
    const int some = LEAST(LANES, columns_end - j);
    const float *from = at(m, 0, j);
    const long width = width_at(m, j);
    Vector sum[4] = {{0}};
    long i = 0;
    for (; i + 4 <= m->rows; i += 4)
      for (int q = 0; q < 4; q++) sum[q] += OWN(some)(from + (i + q) * width, some);
    for (; i < m->rows; i++) sum[0] += OWN(some)(from + i * width, some);
    OWN(put)(sums + j, (sum[0] + sum[1]) + (sum[2] + sum[3]), some);
  }
}

/* So much of k, columns and rows at a time: a tile's B stays near the first cache, the rest in the second. */
enum { OWN(DEEP) = 512, OWN(BROAD) = 1024, OWN(TALL) = 288 };

/* Whether a tile's B is read where it is: whole vectors of a panel; or of what is read once, not worth packing. */
INLINE bool OWN(direct)(const Product *o, long column, int width, bool once) {
  return !o->b_turned && width % LANES == 0 && (once || width_at(&o->b, column) == PANEL);
}

/* Pack k lines of B from p on, `width` columns. */
static TARGET void OWN(pack_b)(const Product *o, long p, long k, long column, int width, int wide, float *to) {
  if (!o->b_turned) {
    OWN(pack)(at(&o->b, p, column), width_at(&o->b, column), k, width, wide, to);
    return;
  }
  for (long some; k; p += some, k -= some, to += some * wide) {
    some = o->b.panels ? LEAST(k, PANEL - p % PANEL) : k;
    OWN(pack_turned)(at(&o->b, column, p), width_at(&o->b, p), some, width, wide, to);
  }
}

/* Tiles one below the other, rows `top` to `bottom`, from k p on. Without a packed A, `of_a` is NULL. */
static TARGET void OWN(below)(const Product *o, OWN(Tile) *t, long p, long top, long bottom, const float *of_a,
                              const float *b) {
  const Matrix *a = &o->a;
  float *c = t->c + top * t->c_step;
  t->a_step = of_a ? HIGH : width_at(a, p);
  for (long i = top, high; i < bottom; i += high, c += high * t->c_step) {
    high = LEAST(HIGH, bottom - i);
    if (of_a) {
      OWN(tiles)(high, OWN(TURNED), t, of_a + (i - top) * t->k, b, c);
    } else if (o->a_turned) {
      high = LEAST(high, PANEL - i % PANEL);
      t->a_step = width_at(a, i);
      OWN(tiles)(high, OWN(TURNED), t, at(a, p, i), b, c);
    } else {
      OWN(tiles)(high, a->panels && a->columns > PANEL ? OWN(PANELS) : OWN(LINES), t, at(a, i, p), b, c);
    }
  }
}

static TARGET void OWN(product)(const Product *o, long row, long rows_end, long column, long columns_end) {
  const Matrix *a = &o->a, *b = &o->b, *c = &o->c;
  const long all = o->a_turned ? a->rows : a->columns, blocks = (all + OWN(DEEP) - 1) / OWN(DEEP);
  const long deep = ((all + blocks - 1) / blocks + PANEL - 1) / PANEL * PANEL; /* whole panels */
  const bool once = o->a_turned && rows_end - row <= HIGH;
  const bool packed = o->a_turned && (!a->panels || c->rows > a->columns);
  const long of_b = deep * (LEAST(OWN(BROAD), columns_end - column) + WIDE);
  const long of_a = packed ? deep * (OWN(TALL) + HIGH) : 0;
  float *packed_b = room(PACKED, of_b + of_a + LANES), *packed_a = packed ? packed_b + of_b : NULL;
  for (long left = column; left < columns_end; left += OWN(BROAD)) {
    const long right = LEAST(left + OWN(BROAD), columns_end);
    for (long p = 0; p < all; p += deep) {
      OWN(Tile) t = {.k = LEAST(deep, all - p), .add = p > 0, .columns = c->columns};
      t.apart = PANEL * a->rows;
      if (o->soon) t.first = o->soon->first - o->soon->value, t.second = o->soon->second - o->soon->value;
      if (!o->a_turned) t.a_last = at(a, 0, p + (t.k - 1) / PANEL * PANEL);
      if (p + t.k == all) t.ends = o->ends;
      float *to = packed_b;
      for (long j = left; j < right; j += WIDE) {
        const int width = LEAST(WIDE, right - j), wide = width > LANES ? WIDE : LANES;
        if (OWN(direct)(o, j, width, once)) continue;
        OWN(pack_b)(o, p, t.k, j, width, wide, to);
        to += t.k * wide;
      }
      for (long top = row; top < rows_end; top += OWN(TALL)) {
        const long bottom = LEAST(top + OWN(TALL), rows_end);
        for (long i = top; i < bottom && packed; i += HIGH) {
          const long there = LEAST(bottom, a->columns) - i; /* none, where a whole tile is beyond A */
          const int count = there < 0 ? 0 : LEAST(HIGH, there);
          OWN(pack)(at(a, p, i), width_at(a, i), t.k, count, HIGH, packed_a + (i - top) * t.k);
        }
        const float *next = packed_b;
        for (t.column = left; t.column < right; t.column += WIDE) {
          t.width = LEAST(WIDE, right - t.column);
          t.c_step = width_at(c, t.column);
          t.c = at(c, 0, t.column);
          t.units = o->ends.units + (t.c - c->start);
          t.soon = (o->soon ? o->soon->value : c->start) + (t.c - c->start);
          t.ending = OWN(ending_of)(&t.ends, t.width);
          if (OWN(direct)(o, t.column, t.width, once)) {
            t.b_step = width_at(b, t.column);
            OWN(below)(o, &t, p, top, bottom, packed_a, at(b, p, t.column));
          } else {
            t.b_step = t.width > LANES ? WIDE : LANES;
            OWN(below)(o, &t, p, top, bottom, packed_a, next);
            next += t.k * t.b_step;
          }
        }
      }
    }
  }
  if (o->sums && row == 0) OWN(sums)(b, column, columns_end, o->sums);
}

static TARGET void OWN(adam)(const Adam *o, long from, long to) {
  const Adam s = *o;
  /* Both corrections before the quotient, into what is the same for all numbers. */
  const float root = __builtin_sqrtf(s.correction_2), pace = s.rate / s.correction_1 * root, guard = s.guard * root;
  const float keep = 1 - s.rate * s.shrink, rest_1 = 1 - s.beta_1, rest_2 = 1 - s.beta_2;
  for (long i = from; i < to; i += LANES) {
    const int count = LEAST(LANES, to - i);
    const Vector g = OWN(some)(s.gradient + i, count);
    const Vector first = MULTIPLY_ADD(s.beta_1, OWN(some)(s.first + i, count), rest_1 * g);
    const Vector second = MULTIPLY_ADD(s.beta_2, OWN(some)(s.second + i, count), rest_2 * g * g);
    const Vector move = first / (ROOT(second) + guard);
    OWN(put)(s.first + i, first, count);
    OWN(put)(s.second + i, second, count);
    OWN(put)(s.value + i, MULTIPLY_ADD(-pace, move, OWN(some)(s.value + i, count) * keep), count);
  }
}

/* e^x for x <= 0, to the last digit or two; e^-87 below (Cephes' reduction and polynomial). NaN stays NaN. */
INLINE Vector OWN(exponential)(Vector x) {
  const Vector lowest = (Vector){0} - 87.0f;
  x = (Vector)(((Signed)x & ~(x < lowest)) | ((Signed)lowest & (x < lowest)));
  const Vector shifted = x * 1.44269504f + 12582912.0f; /* x / ln 2, rounded to whole numbers in the last bits */
  const Vector whole = shifted - 12582912.0f;
  const Vector r = x - whole * 0.693359375f - whole * -2.12194440e-4f;
  Vector sum = r * 1.9875691500e-4f + 1.3981999507e-3f;
  sum = sum * r + 8.3334519073e-3f;
  sum = sum * r + 4.1665795894e-2f;
  sum = sum * r + 1.6666665459e-1f;
  sum = sum * r + 5.0000001201e-1f;
  return (sum * r * r + r + 1.0f) * (Vector)(((Words)shifted + 127u) << 23);
}

/* LANES rows side by side, so that each is summed up in the order of its classes. */
static TARGET void OWN(entropy)(const Entropy *o, long row, long rows_end) {
  const long classes = o->classes;
  float *turned = room(TURNED, classes * LANES);
  for (; row < rows_end; row += LANES) {
    const int count = LEAST(LANES, rows_end - row);
    const float *logits = o->logits + row * classes;
    float *gradient = o->gradient + row * classes;
    for (int i = 0; i < LANES; i++)
      for (long j = 0; j < classes; j++) turned[j * LANES + i] = logits[LEAST(i, count - 1) * classes + j];
    Vector most = READ(turned), sum = {0};
    for (long j = 1; j < classes; j++) {
      const Vector x = READ(turned + j * LANES);
      most = (Vector)(((Signed)x & (x > most)) | ((Signed)most & ~(x > most)));
    }
    for (long j = 0; j < classes; j++) {
      const Vector e = OWN(exponential)(READ(turned + j * LANES) - most);
      AT(turned + j * LANES) = e;
      sum += e;
    }
    const Vector weight = OWN(some)(o->weights + row, count), share = weight / sum;
    for (long j = 0; j < classes; j++) AT(turned + j * LANES) = READ(turned + j * LANES) * share;
    for (int i = 0; i < count; i++) {
      const int32_t label = o->labels[row + i];
      o->own[row + i] = logits[i * classes + label] - most[i];
      for (long j = 0; j < classes; j++) gradient[i * classes + j] = turned[j * LANES + i];
      gradient[i * classes + label] -= weight[i];
    }
    OWN(put)(o->sums + row, sum, count);
  }
}

static const Lanes OWN(lanes) = {OWN(product), OWN(sums), OWN(adam), OWN(entropy)};

#undef JOINED_
#undef JOINED
#undef OWN
#undef EVERY
#undef ADD_UP
#undef INLINE
#undef APART
#undef Vector
#undef Signed
#undef Words
#undef WIDE
#undef AT
#undef READ
#undef UNLESS
#undef TILE
#undef TILES
#undef EACH
#undef LOWER
#undef UPPER
#undef LANES
#undef HIGH
#undef SET
#undef TARGET
#undef MULTIPLY_ADD
#undef ROOT
#undef SOME
#undef PUT
