// Vectors of 16 floats, whatever the processor's registers: the compiler splits them where it must.
#ifndef CK_BODY_VECTOR_H
#define CK_BODY_VECTOR_H

#include "../include/ckernels.h"
#include <math.h>
#include <string.h>

// Vectors cross only inlined functions, so the calling convention that the warning is about is never used.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float v16 __attribute__((vector_size(64)));
typedef int32_t i16v __attribute__((vector_size(64)));
typedef uint32_t u16v __attribute__((vector_size(64)));
typedef uint16_t h16 __attribute__((vector_size(32)));

#define CK_INLINE static inline __attribute__((always_inline))

CK_INLINE v16 load16(const float *p) {
    v16 v;
    memcpy(&v, p, sizeof v);
    return v;
}
CK_INLINE void store16(float *p, v16 v) { memcpy(p, &v, sizeof v); }
CK_INLINE v16 splat(float x) { return (v16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
// The first `count` lanes (all from 16 on) from memory, the others `fill`. Copying a count that only the running program
// knows is a call: in a loop over a row it must be left to the last piece.
CK_INLINE v16 load_part(const float *p, long count, float fill) {
    if (__builtin_expect(count >= 16, 1)) return load16(p);
    v16 v = splat(fill);
    memcpy(&v, p, (size_t)count * sizeof(float));
    return v;
}
CK_INLINE void store_part(float *p, v16 v, long count) {
    if (__builtin_expect(count >= 16, 1)) store16(p, v);
    else memcpy(p, &v, (size_t)count * sizeof(float));
}
CK_INLINE v16 load16_bf16(const uint16_t *p) {
    h16 h;
    memcpy(&h, p, sizeof h);
    u16v w = __builtin_convertvector(h, u16v) << 16;
    return (v16)w;
}
// Round to nearest, ties to even; NaN stays NaN.
CK_INLINE h16 to_bf16(v16 x) {
    u16v bits = (u16v)x;
    u16v rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    u16v nan = (u16v)(x != x);
    rounded = (rounded & ~nan) | ((0x7FC0u | (bits >> 16)) & nan);
    return __builtin_convertvector(rounded, h16);
}
CK_INLINE v16 select16(i16v mask, v16 yes, v16 no) { return (v16)(((i16v)yes & mask) | ((i16v)no & ~mask)); }
CK_INLINE v16 max16(v16 a, v16 b) { return select16(a > b, a, b); }

typedef float v8 __attribute__((vector_size(32)));
typedef float v4 __attribute__((vector_size(16)));

// The fixed order in which the 16 lanes of a sum are added: halves onto halves.
CK_INLINE float sum16(v16 v) {
    v8 a = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    v4 b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
    return (b[0] + b[2]) + (b[1] + b[3]);
}
CK_INLINE float maximum16(v16 v) {
    v16 a = max16(v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    a = max16(a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
    a = max16(a, __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
    return a[0] > a[1] ? a[0] : a[1];
}

// e^x, within 1.5 units in the last place; 0 below −87.3, and e^88.3 above.
// Source: range reduction by ln 2 in two parts and the polynomial of Cephes' expf.
CK_INLINE v16 exp16(v16 x) {
    i16v tiny = x < splat(-87.3f);
    x = select16(x > splat(88.3f), splat(88.3f), x);
    x = select16(tiny, splat(0.0f), x);
    v16 magic = splat(12582912.0f);
    v16 n = (x * 1.44269504088896341f + magic) - magic;
    v16 r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    v16 p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    v16 y = p * (r * r) + r + 1.0f;
    i16v power = (__builtin_convertvector(n, i16v) + 127) << 23;
    y = y * (v16)power;
    return select16(tiny, splat(0.0f), y);
}

#endif
