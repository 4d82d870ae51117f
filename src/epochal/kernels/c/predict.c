/* The probabilities of rows by all members of an ensemble; kernels/prediction.py calls this through ctypes. */
#include "kernels.h"

static bool part_of_predictions(const void *data, int part, int parts) {
  const Prediction *o = data;
  long begin, end;
  part_range(o->rows, 12, part, parts, &begin, &end);
  return simd->predict(o, begin, end);
}

/* Write the weighted means of the members' probabilities; return whether there was memory for it. */
int epochal_predict(const Prediction *o, int may_share) {
  double weights = 0;
  for (long l = 0; l < o->layers; l++) weights += (double)o->widths[l] * o->widths[l + 1];
  const double parts = weights * o->count * o->rows / MULTIPLICATIONS;
  return simd && parallel(part_of_predictions, o, may_share ? (int)MIN(parts, 1e3) : 1);
}
