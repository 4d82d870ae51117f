/* What benchmarks/libxsmm_products.py times: a product by LIBXSMM's batch-reduce kernels, on blocks that follow each
 * other in memory. It is compiled together with LIBXSMM. */
#include <libxsmm.h>
#include <time.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

/* The least seconds of x · w, of some repeats on one core; 0 if there is no kernel for such blocks. LIBXSMM's matrices
 * are in columns, so that its first factor is w, its second one x. `memory` has room for x, w and the product. */
double libxsmm_product(long rows, long inputs, long outputs, long block_rows, long block_inputs, long block_outputs,
                       int repeats, float *memory) {
  const float *x = memory, *w = memory + rows * inputs;
  float *y = memory + rows * inputs + inputs * outputs;
  const libxsmm_gemm_shape shape = libxsmm_create_gemm_shape(
      block_outputs, block_rows, block_inputs, block_outputs, block_inputs, block_outputs, LIBXSMM_DATATYPE_F32,
      LIBXSMM_DATATYPE_F32, LIBXSMM_DATATYPE_F32, LIBXSMM_DATATYPE_F32);
  const libxsmm_gemm_batch_reduce_config reduce = {LIBXSMM_GEMM_BATCH_REDUCE_STRIDE,
                                                   block_outputs * block_inputs * sizeof(float),
                                                   block_rows * block_inputs * sizeof(float), 0};
  const libxsmm_gemmfunction kernel =
      libxsmm_dispatch_brgemm(shape, LIBXSMM_GEMM_FLAG_BETA_0, LIBXSMM_GEMM_PREFETCH_NONE, reduce);
  if (!kernel) return 0;
  unsigned long long number = inputs / block_inputs;
  double least = 1e9;
  for (int i = 0; i < repeats; i++) {
    const double began = seconds();
    for (long n = 0; n < outputs / block_outputs; n++)
      for (long m = 0; m < rows / block_rows; m++) {
        libxsmm_gemm_param of = {0};
        of.op.tertiary = &number;
        of.a.primary = (void *)(w + n * block_outputs * inputs);
        of.b.primary = (void *)(x + m * block_rows * inputs);
        of.c.primary = y + (m * (outputs / block_outputs) + n) * block_rows * block_outputs;
        kernel(&of);
      }
    const double taken = seconds() - began;
    if (taken < least) least = taken;
  }
  return least;
}
