// Products with matrices that stay quantised: a piece of a few panels is expanded to bfloat16 in the nearest cache, and
// the tile of rows × panels goes on from where the piece before it ended. So an output is the same sum in the same order
// as that of matmul_bf16 over the expanded matrix.
#include "vector.h"

// Inputs that are expanded at a time.
#define CK_PIECE 128

CK_INLINE v16 NAME(load16_half)(const uint8_t *p) {
#if CK_PERMUTE
    return (v16)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i_u *)p));
#else
    h16 h;
    memcpy(&h, p, sizeof h);
    u16v wide = __builtin_convertvector(h, u16v), doubled = wide << 17;
    // Normal numbers: shift into place with the exponent 224 too high, then scale back. Subnormal: less the leading bit.
    v16 normal = (v16)((doubled >> 4) + 0x70000000u) * 0x1p-112f;
    v16 subnormal = (v16)((doubled >> 17) | 0x3F000000u) - 0.5f;
    u16v magnitude = (u16v)select16((i16v)(doubled < (1u << 27)), subnormal, normal);
    return (v16)(magnitude | (wide & 0x8000u) << 16);
#endif
}

CK_INLINE v16 NAME(load16_int8)(const uint8_t *p) {
    typedef int8_t b16 __attribute__((vector_size(16)));
    b16 b;
    memcpy(&b, p, sizeof b);
    return __builtin_convertvector(__builtin_convertvector(b, i16v), v16);
}

// What the codes of a group become numbers with: value = scale · (code − bias) − minimum, in the order of one operand of
// the product: rows 0..7 twice each (even and odd input), then rows 8..15.
typedef struct {
    v16 scale[2], minus[2];
} NAME(factors);

CK_INLINE NAME(factors) NAME(group_factors)(const uint8_t *block, const ck_block_format *f, long group) {
    v16 scale = NAME(load16_half)(block), minus = splat(-0.0f);
    const uint8_t *scales = block + (f->minima ? 4 : 2) * CK_PANEL;
    if (f->minima) minus = -NAME(load16_half)(block + 2 * CK_PANEL);
    if (f->scales) {
        scale = scale * NAME(load16_int8)(scales + group * CK_PANEL);
        if (f->minima) minus = minus * NAME(load16_int8)(scales + (f->block / f->group + group) * CK_PANEL);
    }
    NAME(factors) r;
    r.scale[0] = __builtin_shufflevector(scale, scale, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    r.scale[1] = __builtin_shufflevector(scale, scale, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
    r.minus[0] = __builtin_shufflevector(minus, minus, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    r.minus[1] = __builtin_shufflevector(minus, minus, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
    return r;
}

// Codes of operand `pair` of 16 (inputs 2·pair and 2·pair + 1 of 32): in each half word, its low bits; above them dirt.
CK_INLINE u16v NAME(codes)(const int low, const int high, const uint8_t *unit, const int pair) {
    const int in_low = 16 / low;
    u16v word;
    memcpy(&word, unit + pair / in_low * 64, sizeof word);
    word >>= pair % in_low * low;
    if (high == 0) return word;
    const int in_high = high ? 16 / high : 1, shift = pair % in_high * high - low;
    u16v top;
    memcpy(&top, unit + low * 64 + pair / in_high * 64, sizeof top);
    top = shift >= 0 ? top >> (shift >= 0 ? shift : 0) : top << (shift < 0 ? -shift : 0);
    const uint32_t mask = ((1u << low) - 1) * 0x10001u;
    return (word & mask) | (top & ~mask);
}

// Codes to bfloat16: exact products and one rounding, so the same bits on every processor and as from the file's numbers.
CK_INLINE void NAME(expand_group)(const int low, const int high, const int first, const int last, uint16_t *out,
                                  const uint8_t *unit, const NAME(factors) * f, const u16v *table, int bias) {
#pragma clang loop unroll(full)
    for (int pair = first; pair < last; pair++) {
        v16 even, odd;
        if (low == 8) {
            even = NAME(load16_int8)(unit + pair * 32);
            odd = NAME(load16_int8)(unit + pair * 32 + 16);
        } else {
            u16v codes = NAME(codes)(low, high, unit, pair);
#if CK_PERMUTE
            u16v both = low + high == 6
                            ? (u16v)_mm512_permutex2var_epi16((__m512i)table[0], (__m512i)codes, (__m512i)table[1])
                            : (u16v)_mm512_permutexvar_epi16((__m512i)codes, (__m512i)table[0]);
            even = (v16)(both << 16);
            odd = (v16)(both & 0xFFFF0000u);
            (void)bias;
#else
            const uint32_t mask = (1u << (low + high)) - 1;
            even = __builtin_convertvector((i16v)(codes & mask) - bias, v16);
            odd = __builtin_convertvector((i16v)(codes >> 16 & mask) - bias, v16);
            (void)table;
#endif
        }
        even = even * f->scale[0] + f->minus[0];
        odd = odd * f->scale[1] + f->minus[1];
#if CK_BF16_DOT
        __m512bh rounded = _mm512_cvtne2ps_pbh((__m512)odd, (__m512)even);
        memcpy(out + pair * 32, &rounded, sizeof rounded);
#else
        h16 halves[2] = {to_bf16(even), to_bf16(odd)};
        memcpy(out + pair * 32, halves, sizeof halves);
#endif
    }
}

// Expands `count` inputs of one panel from `first` on, both multiples of 32.
#define CK_EXPAND(LOW, HIGH)                                                                                          \
    static void NAME(expand_##LOW##_##HIGH)(uint16_t *out, const uint8_t *panel, const ck_block_format *f, long k,    \
                                            long first, long count) {                                                 \
        const uint8_t *unit = panel + first / 32 * 64 * (LOW + HIGH);                                                 \
        const uint8_t *blocks = panel + k / 32 * 64 * (LOW + HIGH);                                                   \
        const long size = ck_block_factor_bytes(f), mask = f->block - 1;                                              \
        const int shift = __builtin_ctzl((unsigned long)f->block), group = __builtin_ctzl((unsigned long)f->group);   \
        u16v table[2];                                                                                                \
        NAME(code_table)(table, LOW + HIGH, f->bias);                                                                 \
        for (long input = first; input < first + count; input += 32, unit += 64 * (LOW + HIGH), out += 16 * 32) {     \
            const uint8_t *block = blocks + (input >> shift) * size;                                                  \
            /* The next piece: pieces of several panels in turn are more than the processor foresees. */              \
            for (int line = 0; line < LOW + HIGH; line++)                                                             \
                __builtin_prefetch(unit + (CK_PIECE / 32 * (LOW + HIGH) + line) * 64);                                \
            __builtin_prefetch(block + (CK_PIECE >> shift) * size);                                                   \
            NAME(factors) factors = NAME(group_factors)(block, f, (input & mask) >> group);                           \
            NAME(expand_group)(LOW, HIGH, 0, 8, out, unit, &factors, table, f->bias);                                 \
            if (group == 4) factors = NAME(group_factors)(block, f, ((input & mask) >> group) + 1);                   \
            NAME(expand_group)(LOW, HIGH, 8, 16, out, unit, &factors, table, f->bias);                                \
        }                                                                                                             \
    }

// The bfloat16 numbers of all codes of up to 6 bits, repeated where there are fewer.
CK_INLINE void NAME(code_table)(u16v *table, int bits, int bias) {
    uint16_t values[64];
    for (int half = 0; half < 4; half++) {
        i16v code = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        code = ((code + 16 * half) & ((1 << bits) - 1)) - bias;
        h16 rounded = to_bf16(__builtin_convertvector(code, v16));
        memcpy(values + 16 * half, &rounded, sizeof rounded);
    }
    memcpy(table, values, sizeof values);
}

CK_EXPAND(2, 0)
CK_EXPAND(2, 1)
CK_EXPAND(4, 0)
CK_EXPAND(4, 1)
CK_EXPAND(4, 2)
CK_EXPAND(8, 0)
#undef CK_EXPAND

static void NAME(expand_blocks)(uint16_t *out, const uint8_t *panel, const ck_block_format *f, long k, long first,
                                long count) {
    switch (f->low * 4 + f->high) {
    case 2 * 4: return NAME(expand_2_0)(out, panel, f, k, first, count);
    case 2 * 4 + 1: return NAME(expand_2_1)(out, panel, f, k, first, count);
    case 4 * 4: return NAME(expand_4_0)(out, panel, f, k, first, count);
    case 4 * 4 + 1: return NAME(expand_4_1)(out, panel, f, k, first, count);
    case 4 * 4 + 2: return NAME(expand_4_2)(out, panel, f, k, first, count);
    default: return NAME(expand_8_0)(out, panel, f, k, first, count);
    }
}

// A tile that goes on from y, or begins.
CK_INLINE void NAME(tile_piece)(const int mr, const int np, float *y, long ldy, const uint16_t *x, long ldx,
                                const uint16_t *panels, long pairs, long columns, bool begin) {
    v16 sums[TILE_ROWS][TILE_PANELS];
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++) {
            long width = columns - p * CK_PANEL;
            const float *start = y + r * ldy + p * CK_PANEL;
            sums[r][p] = begin ? splat(0.0f) : width >= CK_PANEL ? load16(start) : load_part(start, width, 0);
        }
    for (long i = 0; i < pairs; i++) {
        u16v w[TILE_PANELS];
        for (int p = 0; p < np; p++) memcpy(&w[p], panels + (p * (CK_PIECE / 2) + i) * CK_PANEL * 2, sizeof w[p]);
        for (int r = 0; r < mr; r++) {
            uint32_t pair;
            memcpy(&pair, x + r * ldx + 2 * i, sizeof pair);
            for (int p = 0; p < np; p++) sums[r][p] = NAME(dot_pair)(sums[r][p], w[p], pair);
        }
    }
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++) {
            long width = columns - p * CK_PANEL;
            float *out = y + r * ldy + p * CK_PANEL;
            if (width >= CK_PANEL) store16(out, sums[r][p]);
            else store_part(out, sums[r][p], width);
        }
}

#define CK_ROWS(NP)                                                                                                  \
    static void NAME(rows_piece_##NP)(float *y, long ldy, const uint16_t *x, long ldx, long m, const uint16_t *w,    \
                                      long pairs, long columns, bool begin) {                                        \
        long r = 0;                                                                                                  \
        for (; r + TILE_ROWS <= m; r += TILE_ROWS)                                                                   \
            NAME(tile_piece)(TILE_ROWS, NP, y + r * ldy, ldy, x + r * ldx, ldx, w, pairs, columns, begin);           \
        for (; r + 4 <= m; r += 4)                                                                                   \
            NAME(tile_piece)(4, NP, y + r * ldy, ldy, x + r * ldx, ldx, w, pairs, columns, begin);                   \
        for (; r + 2 <= m; r += 2)                                                                                   \
            NAME(tile_piece)(2, NP, y + r * ldy, ldy, x + r * ldx, ldx, w, pairs, columns, begin);                   \
        for (; r < m; r++) NAME(tile_piece)(1, NP, y + r * ldy, ldy, x + r * ldx, ldx, w, pairs, columns, begin);    \
    }

CK_ROWS(1)
#if TILE_PANELS >= 2
CK_ROWS(2)
#endif
#if TILE_PANELS >= 4
CK_ROWS(4)
#endif
#undef CK_ROWS

static void NAME(matmul_blocks)(float *y, long ldy, const uint16_t *x, long ldx, long m, const uint8_t *panels,
                                const ck_block_format *f, long k, long columns) {
    _Alignas(64) uint16_t scratch[TILE_PANELS * CK_PIECE * CK_PANEL];
    const long stride = ck_block_panel_bytes(f, k);
    while (columns > 0) {
        const long left = (columns + CK_PANEL - 1) / CK_PANEL;
        const long np = left >= TILE_PANELS ? TILE_PANELS : left >= 2 ? 2 : 1;
        for (long first = 0; first < k; first += CK_PIECE) {
            const long count = k - first < CK_PIECE ? k - first : CK_PIECE;
            for (long p = 0; p < np; p++)
                NAME(expand_blocks)(scratch + p * CK_PIECE * CK_PANEL, panels + p * stride, f, k, first, count);
            const uint16_t *part = x + first;
#if TILE_PANELS >= 4
            if (np == 4) NAME(rows_piece_4)(y, ldy, part, ldx, m, scratch, count / 2, columns, first == 0);
#endif
#if TILE_PANELS >= 2
            if (np == 2) NAME(rows_piece_2)(y, ldy, part, ldx, m, scratch, count / 2, columns, first == 0);
#endif
            if (np == 1) NAME(rows_piece_1)(y, ldy, part, ldx, m, scratch, count / 2, columns, first == 0);
        }
        columns -= np * CK_PANEL, y += np * CK_PANEL, panels += np * stride;
    }
}

// Two bytes of one plane: what `bits` bits above `low` are of the codes of several pairs, for one row and parity.
CK_INLINE void NAME(pack_plane)(uint8_t *plane, const uint8_t *codes, int low, int bits) {
    const int in_word = 16 / bits;
    for (int vector = 0; vector < bits; vector++) {
        unsigned word = 0;
        for (int i = 0; i < in_word; i++)
            word |= (codes[2 * (vector * in_word + i)] >> low & ((1u << bits) - 1)) << i * bits;
        plane[vector * 64] = (uint8_t)word;
        plane[vector * 64 + 1] = (uint8_t)(word >> 8);
    }
}

static void NAME(pack_panel_blocks)(uint8_t *panel, const ck_block_format *f, long k, long count, const uint8_t *codes,
                                    const uint16_t *d, const uint16_t *dmin, const int8_t *scales,
                                    const int8_t *minima) {
    memset(panel, 0, (size_t)ck_block_panel_bytes(f, k));
    const long unit = 64 * (f->low + f->high), per_block = f->block / f->group;
    for (long row = 0; row < count; row++)
        for (long i = 0; i < k; i += 32)
            for (long parity = 0; parity < 2; parity++) {
                uint8_t *out = panel + i / 32 * unit;
                const uint8_t *source = codes + row * k + i + parity;
                const long number = 2 * row + parity, half = number % 16 * 4 + number / 16 * 2;
                if (f->low == 8)
                    for (long pair = 0; pair < 16; pair++) out[pair * 32 + number] = source[2 * pair];
                else if (f->low == 4) NAME(pack_plane)(out + half, source, 0, 4);
                else NAME(pack_plane)(out + half, source, 0, 2);
                out += f->low * 64 + half;
                if (f->high == 1) NAME(pack_plane)(out, source, f->low, 1);
                if (f->high == 2) NAME(pack_plane)(out, source, f->low, 2);
            }
    uint8_t *block = panel + k / 32 * unit;
    for (long b = 0; b < k / f->block; b++, block += ck_block_factor_bytes(f))
        for (long row = 0; row < count; row++) {
            memcpy(block + 2 * row, d + row * (k / f->block) + b, 2);
            if (f->minima) memcpy(block + 2 * (CK_PANEL + row), dmin + row * (k / f->block) + b, 2);
            if (!f->scales) continue;
            uint8_t *out = block + (f->minima ? 4 : 2) * CK_PANEL + row;
            for (long g = 0; g < per_block; g++) {
                const long place = row * (k / f->group) + b * per_block + g;
                out[g * CK_PANEL] = (uint8_t)scales[place];
                if (f->minima) out[(per_block + g) * CK_PANEL] = (uint8_t)minima[place];
            }
        }
}
