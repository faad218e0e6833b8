// Every kernel of one instruction set, and their table. The including file defines NAME, TILE_ROWS, TILE_PANELS,
// CK_BF16_DOT and CK_PERMUTE.
#include "../include/cktable.h"
#include "vector.h"

// sum + w.even · x.even + w.odd · x.odd for 16 outputs; w holds pairs of bfloat16, `pair` the two of x.
CK_INLINE v16 NAME(dot_pair)(v16 sum, u16v w, uint32_t pair) {
#if CK_BF16_DOT
    return (v16)_mm512_dpbf16_ps((__m512)sum, (__m512bh)w, (__m512bh)_mm512_set1_epi32((int)pair));
#else
    uint32_t even = pair << 16, odd = pair & 0xFFFF0000u;
    float a, b;
    memcpy(&a, &even, sizeof a);
    memcpy(&b, &odd, sizeof b);
    sum = (v16)(w << 16) * a + sum;
    return (v16)(w & 0xFFFF0000u) * b + sum;
#endif
}

#include "attention.h"
#include "blocks.h"
#include "matmul.h"
#include "probe.h"
#include "rowwise.h"

const ck_table NAME(table) = {
#define X(RESULT, FUNCTION, PARAMETERS, ARGUMENTS) NAME(FUNCTION),
    CK_KERNELS(X)
#undef X
};
