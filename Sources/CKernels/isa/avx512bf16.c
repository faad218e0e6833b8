// AVX-512 with vdpbf16ps, which multiplies pairs of bfloat16 and adds them in single precision.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))), \
                             apply_to = function)
#define NAME(function) ck_avx512bf16_##function
#define TILE_ROWS 6
#define TILE_PANELS 4
#define CK_BF16_DOT 1
#define CK_PERMUTE 1
#include "../body/kernels.h"
#pragma clang attribute pop
#endif
