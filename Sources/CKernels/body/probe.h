// Work that shows the limits of the processor.
#include "vector.h"

// Sums that do not wait for one another, enough to cover the latency of a multiply-add on two ports.
#define CK_CHAINS 24

static float NAME(probe_f32)(long rounds) {
    v16 sums[CK_CHAINS], factor = splat(0.999999f), term = splat(1e-6f);
    for (int c = 0; c < CK_CHAINS; c++) sums[c] = splat((float)c);
    for (long round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int c = 0; c < CK_CHAINS; c++) sums[c] = sums[c] * factor + term;
    }
    v16 total = splat(0);
    for (int c = 0; c < CK_CHAINS; c++) total += sums[c];
    return sum16(total);
}

static float NAME(probe_bf16)(long rounds) {
    v16 sums[CK_CHAINS];
    u16v weights = (u16v)splat(1.0f);
    for (int c = 0; c < CK_CHAINS; c++) sums[c] = splat((float)c);
    for (long round = 0; round < rounds; round++) {
        uint32_t pair = 0x3F803F80u | (uint32_t)(round & 1);
#pragma clang loop unroll(full)
        for (int c = 0; c < CK_CHAINS; c++) sums[c] = NAME(dot_pair)(sums[c], weights, pair);
    }
    v16 total = splat(0);
    for (int c = 0; c < CK_CHAINS; c++) total += sums[c];
    return sum16(total);
}

static float NAME(probe_read)(const float *x, long count) {
    v16 a = splat(0), b = a, c = a, d = a;
    for (long i = 0; i + 64 <= count; i += 64) {
        a += load16(x + i);
        b += load16(x + i + 16);
        c += load16(x + i + 32);
        d += load16(x + i + 48);
    }
    return sum16(a + b + c + d);
}
