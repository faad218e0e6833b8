// AVX-512 without bfloat16 dot products.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq"))), \
                             apply_to = function)
#define NAME(function) ck_avx512_##function
#define TILE_ROWS 6
#define TILE_PANELS 4
#define CK_BF16_DOT 0
#define CK_PERMUTE 1
#include "../body/kernels.h"
#pragma clang attribute pop
#endif
