/* The operations for one instruction set. Included once for each, with these defined:
 * MULTIPLY_ADD, one number times a vector and a vector, rounded once; LANES, floats in a vector; HIGH, rows of a tile; SET, what the names end with; TARGET, what the compiler may use.
 *
 * A product is computed in tiles of HIGH rows and two vectors, which stay in registers. What a tile
 * reads of B lies packed in one piece, and of A too unless its rows are. Each number is summed
 * up in the order of k, whatever the set, the tile or the thread, so that all give the same bits.
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

/* What one tile computes: strides, the width of the last vector, and what comes before and after. */
typedef struct {
  long k, a_row, b_k, c_row;
  int width;
  bool add; /* to what is there */
  Ends ends;
  const float *c;  /* where the result begins */
  long column;     /* of the tile */
} OWN(Tile);

INLINE void OWN(tile)(const int rows, const int vectors, const OWN(Tile) *t, const float *a, long a_k, const float *b,
                      long b_k, float *c) {
  Vector sums[HIGH][2];
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) sums[i][v] = (Vector){0};
  long k = t->k, a_row = t->a_row;
#pragma GCC unroll 4
  for (long p = 0; p < k; p++) {
    Vector line[2];
    for (int v = 0; v < vectors; v++) line[v] = READ(b + p * b_k + v * LANES);
    for (int i = 0; i < rows; i++) {
      float one = a[i * a_row + p * a_k];
      for (int v = 0; v < vectors; v++) sums[i][v] = MULTIPLY_ADD(one, line[v], sums[i][v]);
    }
  }
  const Ends ends = t->ends;
  const long c_row = t->c_row, place = c - t->c;
  const int last = t->width - (vectors - 1) * LANES;
  Vector bias[2] = {{0}};
#pragma GCC unroll 2
  for (int v = 0; v < vectors; v++)
    if (ends.bias) bias[v] = OWN(some)(ends.bias + t->column + v * LANES, v < vectors - 1 ? LANES : last);
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
      const int count = v < vectors - 1 ? LANES : last;
      const long here = i * c_row + v * LANES;
      Vector x = sums[i][v];
      if (t->add) x += OWN(some)(c + here, count);
      if (ends.bias) x += bias[v];
      if (ends.relu) x = UNLESS(x <= 0, x);
      if (ends.dropout) x = OWN(dropped)(x, ends.dropout, (uint32_t)(place + here));
      if (ends.units) x = UNLESS(OWN(some)(ends.units + place + here, count) <= 0, x * ends.scale);
      OWN(put)(c + here, x, count);
    }
}

/* A function for each kind of tile, so that the compiler keeps each one's sums in registers. */
#define TILE(rows, vectors, how, a_k, b_k)                                                                            \
  APART void OWN(tile_##rows##_##vectors##_##how)(const OWN(Tile) * t, const float *a, const float *b, float *c) {     \
    OWN(tile)(rows, vectors, t, a, a_k, b, b_k, c);                                                                   \
  }
#define TILES(rows)                                                                                                   \
  TILE(rows, 1, lines, 1, LANES) TILE(rows, 2, lines, 1, WIDE) /* rows of A as they are */                            \
  TILE(rows, 1, packed, HIGH, LANES) TILE(rows, 2, packed, HIGH, WIDE)                                                 \
  TILE(rows, 1, direct, HIGH, t->b_k) TILE(rows, 2, direct, HIGH, t->b_k) /* B as it is */
#define EACH(rows)                                                                                                    \
  [rows] = {{OWN(tile_##rows##_1_lines), OWN(tile_##rows##_2_lines)},                                                  \
            {OWN(tile_##rows##_1_packed), OWN(tile_##rows##_2_packed)},                                                \
            {OWN(tile_##rows##_1_direct), OWN(tile_##rows##_2_direct)}}
enum OWN(how) { OWN(LINES), OWN(PACKED), OWN(DIRECT) };
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
static TARGET void OWN(tiles)(int rows, int vectors, enum OWN(how) how, const OWN(Tile) *t, const float *a,
                              const float *b, float *c) {
  for (const int *height = OWN(heights); rows; height++)
    while (rows >= *height) {
      OWN(tile_of)[*height][how][vectors - 1](t, a, b, c);
      a += *height * t->a_row;
      c += *height * t->c_row;
      rows -= *height;
    }
}

/* Pack k lines of `count` floats, `apart` from each other, as lines of `wide`; add them up if there are sums. */
INLINE void OWN(lined)(const float *from, long apart, long k, int count, const int wide, float *to, float *sums,
                       bool more) {
  Vector sum[2] = {{0}};
  for (long p = 0; p < k; p++, from += apart, to += wide)
    for (int v = 0; v < wide; v += LANES) {
      Vector x = OWN(some)(from + v, LEAST(LANES, count - v));
      AT(to + v) = x; /* over the end of a line that is no whole vector: the next one follows */
      if (sums) sum[v / LANES] += x;
    }
  for (int v = 0; sums && v < wide; v += LANES) {
    int some = LEAST(LANES, count - v);
    OWN(put)(sums + v, more ? OWN(some)(sums + v, some) + sum[v / LANES] : sum[v / LANES], some);
  }
}

APART void OWN(pack)(const float *from, long apart, long k, int count, int wide, float *to) {
  if (wide == WIDE && count == WIDE) OWN(lined)(from, apart, k, WIDE, WIDE, to, NULL, false);
  else if (wide == WIDE) OWN(lined)(from, apart, k, count, WIDE, to, NULL, false);
  else if (wide == LANES && count == LANES) OWN(lined)(from, apart, k, LANES, LANES, to, NULL, false);
  else if (wide == LANES) OWN(lined)(from, apart, k, count, LANES, to, NULL, false);
  else if (count == HIGH) OWN(lined)(from, apart, k, HIGH, HIGH, to, NULL, false);
  else OWN(lined)(from, apart, k, count, HIGH, to, NULL, false);
}

APART void OWN(pack_and_sum)(const float *from, long apart, long k, int count, int wide, float *to, float *sums,
                             bool more) {
  if (wide == WIDE && count == WIDE) OWN(lined)(from, apart, k, WIDE, WIDE, to, sums, more);
  else if (wide == WIDE) OWN(lined)(from, apart, k, count, WIDE, to, sums, more);
  else OWN(lined)(from, apart, k, count, LANES, to, sums, more);
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

/* So much of k, columns and rows is packed at a time: a tile's B stays in the first cache, the rest in the second. */
enum { OWN(DEEP) = 512, OWN(BROAD) = 1024, OWN(TALL) = 240 };

static TARGET void OWN(product)(const Product *o, long row, long rows_end, long column, long columns_end) {
  const long blocks = (o->k + OWN(DEEP) - 1) / OWN(DEEP), deep = (o->k + blocks - 1) / blocks;
  const bool turned = o->a_k != 1;
  /* What is read once is not worth packing. */
  const bool direct = turned && o->b_column == 1 && !(o->sums && row == 0) && rows_end - row <= HIGH;
  const long lines = deep * (direct ? WIDE : LEAST(OWN(BROAD), columns_end - column) + WIDE);
  float *of_b = room(PACKED, lines + (turned ? deep * (OWN(TALL) + HIGH) + LANES : 0)), *of_a = of_b + lines;
  for (long left = column; left < columns_end; left += OWN(BROAD)) {
    const long right = LEAST(left + OWN(BROAD), columns_end);
    for (long p = 0; p < o->k; p += deep) {
      const long k = LEAST(deep, o->k - p);
      OWN(Tile) t = {.k = k, .a_row = turned ? 1 : o->a_row, .c_row = o->n, .add = p > 0, .c = o->c};
      if (p + k == o->k) t.ends = o->ends;
      float *to = of_b;
      for (long j = left; j < right && !direct; j += WIDE) {
        const int width = LEAST(WIDE, right - j), wide = width > LANES ? WIDE : LANES;
        const float *from = o->b + p * o->b_k + j * o->b_column;
        if (o->sums && row == 0) OWN(pack_and_sum)(from, o->b_k, k, width, wide, to, o->sums + j, p > 0);
        else if (o->b_column == 1) OWN(pack)(from, o->b_k, k, width, wide, to);
        else OWN(pack_turned)(from, o->b_column, k, width, wide, to);
        to += k * wide;
      }
      for (long top = row; top < rows_end; top += OWN(TALL)) {
        const long bottom = LEAST(top + OWN(TALL), rows_end);
        for (long i = top; i < bottom && turned; i += HIGH) {
          const long there = LEAST(bottom, o->a_k) - i; /* none, where a whole tile is beyond the rows of A */
          OWN(pack)(o->a + p * o->a_k + i, o->a_k, k, there < 0 ? 0 : LEAST(HIGH, there), HIGH, of_a + (i - top) * k);
        }
        const float *b = of_b;
        for (t.column = left; t.column < right; t.column += WIDE) {
          t.width = LEAST(WIDE, right - t.column);
          const int vectors = t.width > LANES ? 2 : 1;
          t.b_k = vectors * LANES;
          if (direct && t.width == t.b_k) {
            b = o->b + p * o->b_k + t.column;
            t.b_k = o->b_k;
          } else if (direct) {
            OWN(pack)(o->b + p * o->b_k + t.column, o->b_k, k, t.width, t.b_k, of_b);
            b = of_b;
          }
          for (long i = top; i < bottom; i += HIGH) {
            const float *a = turned ? of_a + (i - top) * k : o->a + i * o->a_row + p;
            OWN(tiles)(LEAST(HIGH, bottom - i), vectors, direct ? OWN(DIRECT) : turned ? OWN(PACKED) : OWN(LINES), &t, a, b,
                       o->c + i * o->n + t.column);
          }
          b += direct ? 0 : k * t.b_k;
        }
      }
    }
  }
}

static TARGET void OWN(sums)(const float *rows, long count, long width, float *sums) {
  for (long j = 0; j < width; j += LANES) {
    const int some = LEAST(LANES, width - j);
    Vector sum = {0};
    for (long i = 0; i < count; i++) sum += OWN(some)(rows + i * width + j, some);
    OWN(put)(sums + j, sum, some);
  }
}

static TARGET void OWN(adam)(const Adam *o, long from, long to) {
  const Adam s = *o;
  const float of_first = 1 / s.correction_1, of_second = 1 / s.correction_2;
  for (long i = from; i < to; i++) {
    const float g = s.gradient[i], w = s.value[i];
    const float first = s.beta_1 * s.first[i] + (1 - s.beta_1) * g;
    const float second = s.beta_2 * s.second[i] + (1 - s.beta_2) * g * g;
    const float move = -(first * of_first) / (__builtin_sqrtf(second * of_second) + s.guard);
    s.first[i] = first;
    s.second[i] = second;
    s.value[i] = w + s.rate * (move - s.shrink * w);
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
#undef SOME
#undef PUT
