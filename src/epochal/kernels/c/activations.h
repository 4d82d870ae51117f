/* Hidden units other than ReLU, and their derivatives; simd.h includes this file. */

/* e^x for x <= 0, to the last digit or two; e^-87 below (Cephes' reduction and polynomial). NaN stays NaN. */
INLINE Vector FN(exponential)(Vector x) {
  const Vector lowest = (Vector){0} - 87.0f;
  x = WHERE(x < lowest, lowest, x);
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

/* -|x| */
#define NEGATIVE(x) ((Vector)((Words)(x) | 0x80000000u))

INLINE Vector FN(logistic)(Vector x) {
  const Vector e = FN(exponential)(NEGATIVE(x));
  return WHERE(x > 0, (Vector){0} + 1.0f, e) / (e + 1.0f);
}

INLINE Vector FN(activated)(Vector x, enum Activation kind) {
  if (kind == LOGISTIC) return FN(logistic)(x);
  if (kind == SILU) return x * FN(logistic)(x);
  if (kind == TANH) {
    const Vector e = FN(exponential)(NEGATIVE(x) * 2.0f);
    const Vector size = (1.0f - e) / (e + 1.0f);
    return WHERE(x > 0, size, -size);
  }
  const Vector e = FN(exponential)(WHERE(x > 0, (Vector){0}, x));
  return WHERE(x > 0, x, (e - 1.0f) * 1.6732632423543772f) * 1.0507009873554805f;
}

/* The derivative of a unit at x. */
INLINE Vector FN(derivative)(Vector x, enum Activation kind) {
  if (kind == SELU) {
    const Vector e = FN(exponential)(WHERE(x > 0, (Vector){0}, x));
    return WHERE(x > 0, (Vector){0} + 1.0f, e * 1.6732632423543772f) * 1.0507009873554805f;
  }
  if (kind == SILU) {
    const Vector share = FN(logistic)(x);
    return share * ((1.0f - share) * x + 1.0f);
  }
  const Vector e = FN(exponential)(NEGATIVE(x) * (kind == TANH ? 2.0f : 1.0f)), sum = e + 1.0f;
  return (kind == TANH ? 4.0f : 1.0f) * e / (sum * sum);
}
#undef NEGATIVE
