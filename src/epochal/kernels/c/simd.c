/* The kernels for each instruction set, and which of them the processor has. */
#include <string.h>

#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* From the processor's estimate, by one step of Newton's method and one of Markstein's, which gives the nearest
 * number: the instruction for the root takes as long as half a step of Adam. 0, infinity and NaN stay. */
__attribute__((target("avx512f"))) static inline __m512 sqrt_avx512(__m512 x) {
  const __m512 half = _mm512_set1_ps(0.5f), estimate = _mm512_rsqrt14_ps(x);
  const __mmask16 positive = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ);
  const __mmask16 finite = _mm512_mask_cmp_ps_mask(positive, x, _mm512_set1_ps(__builtin_inff()), _CMP_LT_OQ);
  __m512 root = _mm512_mul_ps(x, estimate), half_inverse = _mm512_mul_ps(estimate, half);
  const __m512 error = _mm512_fnmadd_ps(root, half_inverse, half);
  root = _mm512_fmadd_ps(root, error, root);
  half_inverse = _mm512_fmadd_ps(half_inverse, error, half_inverse);
  return _mm512_mask_mov_ps(x, finite, _mm512_fmadd_ps(_mm512_fnmadd_ps(root, root, x), half_inverse, root));
}

#define LANES 16
#define MR 12
#define ISA avx512
#define TARGET __attribute__((target("avx512f,avx2,fma,prfchw")))
#define FMA(number, x, y) ((Vector)_mm512_fmadd_ps(_mm512_set1_ps(number), (__m512)(x), (__m512)(y)))
#define SQRT(x) ((Vector)sqrt_avx512((__m512)(x)))
#define MASKED_LOAD(from, count) ((Vector)_mm512_maskz_loadu_ps((__mmask16)((1u << (count)) - 1), from))
#define MASKED_STORE(to, x, count) _mm512_mask_storeu_ps(to, (__mmask16)((1u << (count)) - 1), (__m512)(x))
#include "simd.h"

static const int ones_and_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
#define MASK(count) _mm256_loadu_si256((const __m256i *)(ones_and_zeros + 8 - (count)))

#define LANES 8
#define MR 6
#define ISA avx2
#define TARGET __attribute__((target("avx2,fma,prfchw")))
#define FMA(number, x, y) ((Vector)_mm256_fmadd_ps(_mm256_set1_ps(number), (__m256)(x), (__m256)(y)))
#define SQRT(x) ((Vector)_mm256_sqrt_ps((__m256)(x)))
#define MASKED_LOAD(from, count) ((Vector)_mm256_maskload_ps(from, MASK(count)))
#define MASKED_STORE(to, x, count) _mm256_maskstore_ps(to, MASK(count), (__m256)(x))
#include "simd.h"

/* Each instruction set, the best first, and whether the processor has it. */
static int usable(const Simd **sets) {
  int count = 0;
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("fma") || !__builtin_cpu_supports("avx2")) return 0;
  if (__builtin_cpu_supports("avx512f")) sets[count++] = &simd_avx512;
  sets[count++] = &simd_avx2;
  return count;
}

#elif defined(__aarch64__)
#include <arm_neon.h>

#define LANES 4
#define MR 12
#define ISA neon
#define TARGET
#define FMA(number, x, y) ((Vector)vfmaq_n_f32((float32x4_t)(y), (float32x4_t)(x), number))
#define SQRT(x) ((Vector)vsqrtq_f32((float32x4_t)(x)))
#include "simd.h"

static int usable(const Simd **sets) {
  sets[0] = &simd_neon;
  return 1;
}

#else

static int usable(const Simd **sets) {
  (void)sets;
  return 0;
}

#endif

const Simd *simd;

/* The names of the instruction sets that the processor has, the best first, with a space between them. */
const char *epochal_instruction_sets(void) {
  static char names[32];
  const Simd *sets[2];
  const int count = usable(sets);
  names[0] = 0;
  for (int i = 0; i < count; i++) {
    if (i) strcat(names, " ");
    strcat(names, sets[i]->name);
  }
  return names;
}

/* Use one of these sets, and so many threads; return whether that can be. To be called before any operation. */
int epochal_load(const char *name, int threads) {
  const Simd *sets[2];
  const int count = usable(sets);
  if (!thread_pool_prepare(threads)) return 0;
  for (int i = 0; i < count; i++)
    if (!strcmp(sets[i]->name, name)) {
      simd = sets[i];
      return 1;
    }
  return 0;
}
