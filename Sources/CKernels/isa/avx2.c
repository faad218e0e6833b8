// AVX2 with FMA: 16 registers of 8 floats hold 4 rows × 1 panel and what feeds them.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define NAME(function) ck_avx2_##function
#define TILE_ROWS 6
#define TILE_PANELS 1
#define CK_BF16_DOT 0
#define CK_PERMUTE 0
#include "../body/kernels.h"
#pragma clang attribute pop
#endif
