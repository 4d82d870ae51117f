/* The operations for each instruction set, and which of them this processor has.
 *
 * EPOCHAL_NATIVE=avx2 leaves AVX-512 alone, to compare them. */
#include <stdlib.h>
#include <string.h>

#include "native.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* From an estimate, by one step of Newton and one of Markstein, which gives the nearest number: the processor's own
 * takes as long as half a step of Adam. What is 0, infinite or no number is left as it is. */
__attribute__((target("avx512f"))) static inline __m512 root_avx512(__m512 x) {
  const __m512 half = _mm512_set1_ps(0.5f), guess = _mm512_rsqrt14_ps(x);
  const __mmask16 some = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ);
  const __mmask16 usual = _mm512_mask_cmp_ps_mask(some, x, _mm512_set1_ps(__builtin_inff()), _CMP_LT_OQ);
  __m512 root = _mm512_mul_ps(x, guess), of_guess = _mm512_mul_ps(guess, half);
  const __m512 error = _mm512_fnmadd_ps(root, of_guess, half);
  root = _mm512_fmadd_ps(root, error, root);
  of_guess = _mm512_fmadd_ps(of_guess, error, of_guess);
  return _mm512_mask_mov_ps(x, usual, _mm512_fmadd_ps(_mm512_fnmadd_ps(root, root, x), of_guess, root));
}

#define LANES 16
#define HIGH 12
#define SET avx512
#define TARGET __attribute__((target("avx512f,avx2,fma,prfchw")))
#define MULTIPLY_ADD(one, x, y) ((Vector)_mm512_fmadd_ps(_mm512_set1_ps(one), (__m512)(x), (__m512)(y)))
#define ROOT(x) ((Vector)root_avx512((__m512)(x)))
#define SOME(from, count) ((Vector)_mm512_maskz_loadu_ps((__mmask16)((1u << (count)) - 1), from))
#define PUT(to, x, count) _mm512_mask_storeu_ps(to, (__mmask16)((1u << (count)) - 1), (__m512)(x))
#include "lanes.h"

static const int first[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
#define FIRST(count) _mm256_loadu_si256((const __m256i *)(first + 8 - (count)))

#define LANES 8
#define HIGH 6
#define SET avx2
#define TARGET __attribute__((target("avx2,fma,prfchw")))
#define MULTIPLY_ADD(one, x, y) ((Vector)_mm256_fmadd_ps(_mm256_set1_ps(one), (__m256)(x), (__m256)(y)))
#define ROOT(x) ((Vector)_mm256_sqrt_ps((__m256)(x)))
#define SOME(from, count) ((Vector)_mm256_maskload_ps(from, FIRST(count)))
#define PUT(to, x, count) _mm256_maskstore_ps(to, FIRST(count), (__m256)(x))
#include "lanes.h"

static const Lanes *best(void) {
  const char *most = getenv("EPOCHAL_NATIVE");
  if (!__builtin_cpu_supports("fma")) return NULL;
  if (__builtin_cpu_supports("avx512f") && !(most && !strcmp(most, "avx2"))) return &lanes_avx512;
  return __builtin_cpu_supports("avx2") ? &lanes_avx2 : NULL;
}

#elif defined(__aarch64__)
#include <arm_neon.h>

#define LANES 4
#define HIGH 12
#define SET neon
#define TARGET
#define MULTIPLY_ADD(one, x, y) ((Vector)vfmaq_n_f32((float32x4_t)(y), (float32x4_t)(x), one))
#define ROOT(x) ((Vector)vsqrtq_f32((float32x4_t)(x)))
#include "lanes.h"

static const Lanes *best(void) { return &lanes_neon; }

#else

static const Lanes *best(void) { return NULL; }

#endif

const Lanes *lanes;

/* Whether this processor can do all of it; to be asked once, before anything else. */
int epochal_able(void) { return (lanes = best()) != NULL; }
