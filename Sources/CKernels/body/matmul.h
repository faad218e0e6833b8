// Products with packed matrices: a tile of rows × panels stays in registers while k runs.
#include "vector.h"

// A tile of `mr` rows and `np` whole panels. The compiler sees mr and np as constants and unrolls. Sums begin at zero, or
// where `accumulate` says so with what y holds: a product in pieces of k has the bits of the whole.
CK_INLINE void NAME(tile_f32)(const int mr, const int np, float *y, long ldy, const float *x, long ldx,
                              const float *panels, long k, long columns, bool accumulate) {
    v16 sums[2 * TILE_ROWS][TILE_PANELS];
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++)
            sums[r][p] = accumulate ? load_part(y + r * ldy + p * CK_PANEL, columns - p * CK_PANEL, 0) : splat(0.0f);
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
        for (int p = 0; p < np; p++) store_part(y + r * ldy + p * CK_PANEL, sums[r][p], columns - p * CK_PANEL);
}

CK_INLINE void NAME(tile_bf16)(const int mr, const int np, float *y, long ldy, const uint16_t *x, long ldx,
                               const uint16_t *panels, long pairs, long columns, bool accumulate) {
    v16 sums[2 * TILE_ROWS][TILE_PANELS];
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++)
            sums[r][p] = accumulate ? load_part(y + r * ldy + p * CK_PANEL, columns - p * CK_PANEL, 0) : splat(0.0f);
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
        for (int p = 0; p < np; p++) store_part(y + r * ldy + p * CK_PANEL, sums[r][p], columns - p * CK_PANEL);
}

// Walks over the rows in tiles of TILE_ROWS, then over what is left in smaller ones. With half as many panels a tile has twice
// the rows: so many rows read the weights once.
#define CK_ROWS(KIND, TYPE, NP)                                                                                       \
    static void NAME(rows_##KIND##_##NP)(float *y, long ldy, const TYPE *x, long ldx, long m, const TYPE *panels,     \
                                         long depth, long columns, bool accumulate) {                                 \
        long r = 0;                                                                                                   \
        if (NP * 2 == TILE_PANELS)                                                                                    \
            for (; r + 2 * TILE_ROWS <= m; r += 2 * TILE_ROWS)                                                        \
                NAME(tile_##KIND)(2 * TILE_ROWS, NP, y + r * ldy, ldy, x + r * ldx, ldx, panels, depth, columns,      \
                                  accumulate);                                                                        \
        if (NP * 2 == TILE_PANELS && TILE_ROWS < 8)                                                                   \
            for (; r + 8 <= m; r += 8)                                                                                \
                NAME(tile_##KIND)(8, NP, y + r * ldy, ldy, x + r * ldx, ldx, panels, depth, columns, accumulate);     \
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

typedef uint16_t NAME(half32) __attribute__((vector_size(64)));
typedef uint64_t NAME(word8) __attribute__((vector_size(64)));

// A whole tile of 16 rows and 16 columns. In: vector c, lane 2j + h holds row j, column 2c + h. Out: vector r, lane
// 2i + e holds column i, row 2r + e. First each pair of rows comes together within a quarter of a vector, which leaves a
// transpose of 8 × 8 words of 64 bits; its steps move nothing but whole words and quarters.
CK_INLINE void NAME(transpose_tile)(uint16_t *out, const uint16_t *in) {
    NAME(word8) a[8], b[8];
    for (int c = 0; c < 8; c++) {
        NAME(half32) v;
        memcpy(&v, in + 32 * c, sizeof v);
        a[c] = (NAME(word8))__builtin_shufflevector(v, v, 0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15, 16, 18,
                                                    17, 19, 20, 22, 21, 23, 24, 26, 25, 27, 28, 30, 29, 31);
    }
    for (int c = 0; c < 8; c += 2) {
        b[c] = __builtin_shufflevector(a[c], a[c + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        b[c + 1] = __builtin_shufflevector(a[c], a[c + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int j = 0; j < 2; j++) {
        NAME(word8) low = __builtin_shufflevector(b[j], b[j + 2], 0, 1, 2, 3, 8, 9, 10, 11);
        NAME(word8) high = __builtin_shufflevector(b[j], b[j + 2], 4, 5, 6, 7, 12, 13, 14, 15);
        NAME(word8) low_end = __builtin_shufflevector(b[j + 4], b[j + 6], 0, 1, 2, 3, 8, 9, 10, 11);
        NAME(word8) high_end = __builtin_shufflevector(b[j + 4], b[j + 6], 4, 5, 6, 7, 12, 13, 14, 15);
        a[j] = __builtin_shufflevector(low, low_end, 0, 1, 4, 5, 8, 9, 12, 13);
        a[j + 2] = __builtin_shufflevector(low, low_end, 2, 3, 6, 7, 10, 11, 14, 15);
        a[j + 4] = __builtin_shufflevector(high, high_end, 0, 1, 4, 5, 8, 9, 12, 13);
        a[j + 6] = __builtin_shufflevector(high, high_end, 2, 3, 6, 7, 10, 11, 14, 15);
    }
    memcpy(out, a, sizeof a);
}

// One tile of the transpose of W [n][k]: its columns 16·block … and rows 16·p …; zeros where W ends. Returns how many
// pairs of rows there are.
CK_INLINE long NAME(turned_tile)(uint16_t *out, const uint16_t *panels, long n, long k, long p, long block) {
    // Words hold (row, columns 2c and 2c+1); the transpose needs (column, rows 2r and 2r+1).
    const long pairs = (k + 1) / 2, half = CK_PANEL / 2;
    const uint16_t *source = panels + (p * pairs + block * half) * CK_PANEL * 2;
    long words = pairs - block * half < half ? pairs - block * half : half;
    long rows = (n - p * CK_PANEL + 1) / 2 < half ? (n - p * CK_PANEL + 1) / 2 : half;
    if (words == half && rows == half) {
        NAME(transpose_tile)(out, source);
        return rows;
    }
    uint16_t whole[CK_PANEL * CK_PANEL], turned[CK_PANEL * CK_PANEL];
    memset(whole, 0, sizeof whole);
    memcpy(whole, source, (size_t)words * CK_PANEL * 2 * sizeof *whole);
    NAME(transpose_tile)(turned, whole);
    memcpy(out, turned, (size_t)rows * CK_PANEL * 2 * sizeof *turned);
    return rows;
}

static void NAME(transpose_panel_bf16)(uint16_t *panel, const uint16_t *panels, long n, long k, long block) {
    for (long p = 0; p * CK_PANEL < n; p++)
        NAME(turned_tile)(panel + p * CK_PANEL * CK_PANEL, panels, n, k, p, block);
}

// How far on the weights are fetched, in bytes: a tile's work hides less of the way to memory than a plain product's.
#define CK_AHEAD 6144

// Few rows: the weights are read once, in the order in which they lie, and the sums wait in y.
static void NAME(matmul_turned_bf16)(float *y, long ldy, const uint16_t *x, long ldx, long m, const uint16_t *panels,
                                     long n, long k, long first, long columns) {
    for (long p = 0; p * CK_PANEL < n; p++)
        for (long column = 0; column < columns; column += CK_PANEL) {
            _Alignas(64) uint16_t tile[CK_PANEL * CK_PANEL];
            const uint16_t *source = panels + (p * ((k + 1) / 2) + (first + column) / 2) * CK_PANEL * 2;
            for (long line = 0; line < 8; line++) __builtin_prefetch((const char *)source + CK_AHEAD + line * 64);
            const long pairs = NAME(turned_tile)(tile, panels, n, k, p, (first + column) / CK_PANEL);
            const long width = columns - column;
            for (long r = 0; r < m; r++) {
                float *out = y + r * ldy + column;
                v16 sum = p == 0 ? splat(0) : load_part(out, width, 0);
                for (long i = 0; i < pairs; i++) {
                    u16v w;
                    uint32_t pair;
                    memcpy(&w, tile + i * CK_PANEL * 2, sizeof w);
                    memcpy(&pair, x + r * ldx + p * CK_PANEL + 2 * i, sizeof pair);
                    sum = NAME(dot_pair)(sum, w, pair);
                }
                store_part(out, sum, width);
            }
        }
}
#undef CK_AHEAD
