/* What benchmarks/roofline.py times: loops of nothing but fused multiply-adds, and the products of a layer by
 * themselves. It is compiled together with the kernels. */
#include <immintrin.h>
#include <time.h>

#include "kernels.h"

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

/* A loop of multiply-adds in 12 registers, none of which waits for another. The empty instruction makes the compiler
 * believe that the sums change. */
#define FMA_LOOP(name, isa, type, multiply_add, ones, add)                                                              \
  __attribute__((target(isa))) static void name(long rounds) {                                                         \
    type sums[12];                                                                                                     \
    const type one = ones(1.0f);                                                                                       \
    _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) sums[i] = ones(0.5f);                                        \
    for (long round = 0; round < rounds; round++) {                                                                    \
      _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) sums[i] = multiply_add(sums[i], one, one);                 \
      _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) __asm__ volatile("" : "+" add(sums[i]));                   \
    }                                                                                                                  \
  }
FMA_LOOP(loop_avx2, "avx2,fma", __m256, _mm256_fmadd_ps, _mm256_set1_ps, "x")
FMA_LOOP(loop_avx512, "avx512f", __m512, _mm512_fmadd_ps, _mm512_set1_ps, "v")

/* Multiply-adds of numbers per second, on one core; 0 if the processor has not these vectors. */
double roofline_peak(int wide, long rounds) {
  if (!(wide ? __builtin_cpu_supports("avx512f") : __builtin_cpu_supports("avx2"))) return 0;
  void (*loop)(long) = wide ? loop_avx512 : loop_avx2;
  loop(rounds / 10);
  const double began = seconds();
  loop(rounds);
  return 12.0 * (wide ? 16 : 8) * rounds / (seconds() - began);
}

static bool part_of_product(const void *data, int part, int parts) {
  const Product *o = data;
  long begin, end;
  part_range(o->c.columns, PANEL, part, parts, &begin, &end);
  return begin == end || simd->product(o, 0, o->c.rows, begin, end);
}

/* Seconds of a layer's product, in the layouts of a training: 0, forward with bias and ReLU; 1, the gradient of its
 * inputs through ReLU; 2, the gradient of its weights. `memory` has room for x, w, g and the result. */
double roofline_product(int kind, long rows, long inputs, long outputs, int in_panels, int threads, int repeats,
                        float *memory) {
  float *at = memory;
  const Matrix x = {at, rows, inputs, in_panels || inputs <= PANEL};
  const Matrix w = {at += rows * inputs, inputs, outputs, true}, g = {at += inputs * outputs, rows, outputs, true};
  float *to = at + rows * outputs;
  Product o = {.a = x, .b = w, .c = {to, rows, outputs, true}, .epilogue = {.bias = g.data, .relu = true}};
  if (kind == 1)
    o = (Product){.a = g, .b = w, .c = {to, rows, inputs, x.panels}, .b_transposed = true,
                  .epilogue = {.activations = x.data, .scale = 1.0f}};
  if (kind == 2) o = (Product){.a = x, .b = g, .c = {to, inputs, outputs, true}, .a_transposed = true};
  double least = 1e9;
  for (int i = 0; i < repeats; i++) {
    const double began = seconds();
    if (!parallel(part_of_product, &o, threads)) return 0;
    least = MIN(least, seconds() - began);
  }
  return least;
}
