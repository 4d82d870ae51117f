/* The probabilities of rows by all members of an ensemble; kernels/prediction.py calls this through ctypes. */
#include "kernels.h"

static const double MULTIPLICATIONS = 5e5; /* that are worth another thread */

static bool part_of_predictions(const void *data, int part, int parts) {
  const Predict *o = data;
  long begin, end;
  part_range(o->rows, 12, part, parts, &begin, &end);
  return simd->predict(o, begin, end);
}

/* Write the weighted means of the members' probabilities; return whether there was memory for it. */
int epochal_predict(const Predict *o, int may_share) {
  double weights = 0;
  for (long l = 0; l < o->layers; l++) weights += (double)o->widths[l] * o->widths[l + 1];
  const double work = weights * o->count * o->rows / MULTIPLICATIONS;
  return simd && parallel(part_of_predictions, o, may_share ? (int)MIN(work, 1e3) : 1);
}
