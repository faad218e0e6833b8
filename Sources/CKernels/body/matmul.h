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

static void NAME(transpose_panel_bf16)(uint16_t *panel, const uint16_t *panels, long n, long k, long block) {
    // Words hold (row, columns 2c and 2c+1); the transpose needs (column, rows 2r and 2r+1).
    const long pairs = (k + 1) / 2;
    uint32_t *out = (uint32_t *)panel;
    for (long p = 0; p * CK_PANEL < n; p++) {
        const uint32_t *source = (const uint32_t *)panels + (p * pairs + block * (CK_PANEL / 2)) * CK_PANEL;
        long words = pairs - block * (CK_PANEL / 2) < CK_PANEL / 2 ? pairs - block * (CK_PANEL / 2) : CK_PANEL / 2;
        long rows = (n - p * CK_PANEL + 1) / 2 < CK_PANEL / 2 ? (n - p * CK_PANEL + 1) / 2 : CK_PANEL / 2;
        for (long r = 0; r < rows; r++) {
            uint32_t *line = out + (p * (CK_PANEL / 2) + r) * CK_PANEL;
            for (long c = 0; c < words; c++) {
                uint32_t a = source[c * CK_PANEL + 2 * r], b = source[c * CK_PANEL + 2 * r + 1];
                line[2 * c] = (a & 0xFFFFu) | b << 16;
                line[2 * c + 1] = a >> 16 | (b & 0xFFFF0000u);
            }
            for (long c = 2 * words; c < CK_PANEL; c++) line[c] = 0;
        }
    }
}
