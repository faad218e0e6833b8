// Products with packed matrices: a tile of rows × panels stays in registers while k runs.
#include "vector.h"

// A tile of `mr` rows and `np` whole panels. The compiler sees mr and np as constants and unrolls.
CK_INLINE void NAME(tile_f32)(const int mr, const int np, float *y, long ldy, const float *x, long ldx,
                              const float *panels, long k, long columns, bool accumulate) {
    v16 sums[TILE_ROWS][TILE_PANELS];
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++) sums[r][p] = splat(0.0f);
    long stride = k * CK_PANEL;
    for (long i = 0; i < k; i++) {
        v16 w[TILE_PANELS];
        for (int p = 0; p < np; p++) w[p] = load16(panels + p * stride + i * CK_PANEL);
        for (int r = 0; r < mr; r++) {
            v16 factor = splat(x[r * ldx + i]);
            for (int p = 0; p < np; p++) sums[r][p] = factor * w[p] + sums[r][p];
        }
    }
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++) {
            float *out = y + r * ldy + p * CK_PANEL;
            long width = columns - p * CK_PANEL;
            if (width >= CK_PANEL) {
                store16(out, accumulate ? load16(out) + sums[r][p] : sums[r][p]);
            } else {
                store_part(out, accumulate ? load_part(out, width, 0) + sums[r][p] : sums[r][p], width);
            }
        }
}

CK_INLINE void NAME(tile_bf16)(const int mr, const int np, float *y, long ldy, const uint16_t *x, long ldx,
                               const uint16_t *panels, long pairs, long columns, bool accumulate) {
    v16 sums[TILE_ROWS][TILE_PANELS];
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++) sums[r][p] = splat(0.0f);
    long stride = pairs * CK_PANEL * 2;
    for (long i = 0; i < pairs; i++) {
        u16v w[TILE_PANELS];
        for (int p = 0; p < np; p++) memcpy(&w[p], panels + p * stride + i * CK_PANEL * 2, sizeof w[p]);
        for (int r = 0; r < mr; r++) {
            uint32_t pair;
            memcpy(&pair, x + r * ldx + 2 * i, sizeof pair);
            for (int p = 0; p < np; p++) sums[r][p] = NAME(dot_pair)(sums[r][p], w[p], pair);
        }
    }
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++) {
            float *out = y + r * ldy + p * CK_PANEL;
            long width = columns - p * CK_PANEL;
            if (width >= CK_PANEL) {
                store16(out, accumulate ? load16(out) + sums[r][p] : sums[r][p]);
            } else {
                store_part(out, accumulate ? load_part(out, width, 0) + sums[r][p] : sums[r][p], width);
            }
        }
}

// Walks over the rows in tiles of TILE_ROWS, then over what is left in smaller ones.
#define CK_ROWS(KIND, TYPE, NP)                                                                                       \
    static void NAME(rows_##KIND##_##NP)(float *y, long ldy, const TYPE *x, long ldx, long m, const TYPE *panels,     \
                                         long depth, long columns, bool accumulate) {                                 \
        long r = 0;                                                                                                   \
        for (; r + TILE_ROWS <= m; r += TILE_ROWS)                                                                    \
            NAME(tile_##KIND)(TILE_ROWS, NP, y + r * ldy, ldy, x + r * ldx, ldx, panels, depth, columns, accumulate); \
        for (; r + 4 <= m; r += 4)                                                                                    \
            NAME(tile_##KIND)(4, NP, y + r * ldy, ldy, x + r * ldx, ldx, panels, depth, columns, accumulate);         \
        for (; r + 2 <= m; r += 2)                                                                                    \
            NAME(tile_##KIND)(2, NP, y + r * ldy, ldy, x + r * ldx, ldx, panels, depth, columns, accumulate);         \
        for (; r < m; r++)                                                                                            \
            NAME(tile_##KIND)(1, NP, y + r * ldy, ldy, x + r * ldx, ldx, panels, depth, columns, accumulate);         \
    }

CK_ROWS(f32, float, 1)
CK_ROWS(bf16, uint16_t, 1)
#if TILE_PANELS >= 2
CK_ROWS(f32, float, 2)
CK_ROWS(bf16, uint16_t, 2)
#endif
#if TILE_PANELS >= 4
CK_ROWS(f32, float, 4)
CK_ROWS(bf16, uint16_t, 4)
#endif

#define CK_PANELS(KIND, NP)                                                                                \
    for (; columns > (NP - 1) * CK_PANEL; columns -= NP * CK_PANEL, y += NP * CK_PANEL, panels += NP * stride) \
        NAME(rows_##KIND##_##NP)(y, ldy, x, ldx, m, panels, depth, columns, accumulate);

static void NAME(matmul_f32)(float *y, long ldy, const float *x, long ldx, long m, const float *panels, long k,
                             long columns, bool accumulate) {
    const long depth = k, stride = k * CK_PANEL;
#if TILE_PANELS >= 4
    CK_PANELS(f32, 4)
#endif
#if TILE_PANELS >= 2
    CK_PANELS(f32, 2)
#endif
    CK_PANELS(f32, 1)
}

static void NAME(matmul_bf16)(float *y, long ldy, const uint16_t *x, long ldx, long m, const uint16_t *panels, long k,
                              long columns, bool accumulate) {
    const long depth = (k + 1) / 2, stride = depth * CK_PANEL * 2;
#if TILE_PANELS >= 4
    CK_PANELS(bf16, 4)
#endif
#if TILE_PANELS >= 2
    CK_PANELS(bf16, 2)
#endif
    CK_PANELS(bf16, 1)
}

#undef CK_ROWS
#undef CK_PANELS

static void NAME(pack_panel_f32)(float *panel, const float *rows, long count, long k) {
    for (long i = 0; i < k; i++)
        for (long lane = 0; lane < CK_PANEL; lane++) panel[i * CK_PANEL + lane] = lane < count ? rows[lane * k + i] : 0;
}

static void NAME(pack_panel_bf16)(uint16_t *panel, const float *rows, long count, long k) {
    memset(panel, 0, (size_t)((k + 1) / 2) * CK_PANEL * 2 * sizeof(uint16_t));
    for (long lane = 0; lane < count; lane++) {
        const float *row = rows + lane * k;
        for (long i = 0; i < k; i += 16) {
            long part = k - i < 16 ? k - i : 16;
            h16 h = to_bf16(load_part(row + i, part, 0));
            for (long j = 0; j < part; j++) panel[((i + j) / 2 * CK_PANEL + lane) * 2 + ((i + j) & 1)] = h[j];
        }
    }
}

static void NAME(unpack_row_f32)(float *row, const float *panel, long lane, long k) {
    for (long i = 0; i < k; i++) row[i] = panel[i * CK_PANEL + lane];
}

static void NAME(unpack_row_bf16)(float *row, const uint16_t *panel, long lane, long k) {
    for (long i = 0; i < k; i++) {
        uint32_t bits = (uint32_t)panel[(i / 2 * CK_PANEL + lane) * 2 + (i & 1)] << 16;
        memcpy(row + i, &bits, sizeof bits);
    }
}

static void NAME(transpose_f32)(float *out, const float *in, long rows, long columns) {
    for (long c = 0; c < columns; c++)
        for (long r = 0; r < rows; r++) out[c * rows + r] = in[r * columns + c];
}

static void NAME(transpose_panel_f32)(float *panel, const float *panels, long n, long k, long block) {
    long width = k - block * CK_PANEL < CK_PANEL ? k - block * CK_PANEL : CK_PANEL;
    for (long p = 0; p * CK_PANEL < n; p++) {
        const float *source = panels + p * k * CK_PANEL + block * CK_PANEL * CK_PANEL;
        long rows = n - p * CK_PANEL < CK_PANEL ? n - p * CK_PANEL : CK_PANEL;
        for (long j = 0; j < rows; j++)
            for (long i = 0; i < CK_PANEL; i++)
                panel[(p * CK_PANEL + j) * CK_PANEL + i] = i < width ? source[i * CK_PANEL + j] : 0;
    }
}

// Lanes of two vectors of 32 half words in turn: one step of a perfect shuffle of all of them.
typedef uint16_t NAME(half32) __attribute__((vector_size(64)));
#define CK_ZIP_LOW(a, b)                                                                                           \
    __builtin_shufflevector(a, b, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9, 41, 10, 42, 11, \
                            43, 12, 44, 13, 45, 14, 46, 15, 47)
#define CK_ZIP_HIGH(a, b)                                                                                         \
    __builtin_shufflevector(a, b, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55, 24, 56, 25, 57, \
                            26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63)

// A whole tile of 16 rows and 16 columns. In: vector c, lane 2j + h holds row j, column 2c + h. Out: vector r, lane
// 2i + e holds column i, row 2r + e. Numbering every half word by the bits c₂c₁c₀ j₃j₂j₁j₀ h, three perfect shuffles
// (each moves the top bit to the bottom) give j₃j₂j₁ j₀h c₂c₁c₀, and one permutation within the vectors the rest.
CK_INLINE void NAME(transpose_tile)(uint16_t *out, const uint16_t *in) {
    NAME(half32) a[8], b[8];
    memcpy(a, in, sizeof a);
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < 4; i++) {
            b[2 * i] = CK_ZIP_LOW(a[i], a[i + 4]);
            b[2 * i + 1] = CK_ZIP_HIGH(a[i], a[i + 4]);
        }
        memcpy(a, b, sizeof a);
    }
    for (int r = 0; r < 8; r++)
        b[r] = __builtin_shufflevector(a[r], a[r], 0, 16, 8, 24, 1, 17, 9, 25, 2, 18, 10, 26, 3, 19, 11, 27, 4, 20,
                                       12, 28, 5, 21, 13, 29, 6, 22, 14, 30, 7, 23, 15, 31);
    memcpy(out, b, sizeof b);
}
#undef CK_ZIP_LOW
#undef CK_ZIP_HIGH

static void NAME(transpose_panel_bf16)(uint16_t *panel, const uint16_t *panels, long n, long k, long block) {
    // Words hold (row, columns 2c and 2c+1); the transpose needs (column, rows 2r and 2r+1).
    const long pairs = (k + 1) / 2, half = CK_PANEL / 2;
    for (long p = 0; p * CK_PANEL < n; p++) {
        const uint16_t *source = panels + (p * pairs + block * half) * CK_PANEL * 2;
        uint16_t *out = panel + p * half * CK_PANEL * 2;
        long words = pairs - block * half < half ? pairs - block * half : half;
        long rows = (n - p * CK_PANEL + 1) / 2 < half ? (n - p * CK_PANEL + 1) / 2 : half;
        if (words == half && rows == half) {
            NAME(transpose_tile)(out, source);
            continue;
        }
        uint16_t whole[CK_PANEL * CK_PANEL], turned[CK_PANEL * CK_PANEL];
        memset(whole, 0, sizeof whole);
        memcpy(whole, source, (size_t)words * CK_PANEL * 2 * sizeof *whole);
        NAME(transpose_tile)(turned, whole);
        memcpy(out, turned, (size_t)rows * CK_PANEL * 2 * sizeof *turned);
    }
}
