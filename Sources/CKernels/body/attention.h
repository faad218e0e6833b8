// Attention over pages of 32 keys, and its backward pass by blocks.
#include "vector.h"

// How the sums of an inner product begin: at zero, at what the output holds, or at that times a factor for each row.
enum { NAME(FROM_ZERO), NAME(FROM_OUTPUT), NAME(FROM_SCALED_OUTPUT) };

// c[r][0..<16·np] = beginning + Σ_i a[r·row + i·step] · b[i][…], i ascending: the one inner product of this file. All but
// depth and ldb are constants, so that the elements of `a` lie at constant distances from one pointer.
CK_INLINE void NAME(small_tile)(const int mr, const int np, const int begin, float *const *c, const float *factors,
                                const float *a, const long row, const long step, const float *b, long ldb, long column,
                                long depth) {
    v16 sums[12][4];
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++) {
            sums[r][p] = begin == NAME(FROM_ZERO) ? splat(0) : load16(c[r] + column + p * 16);
            if (begin == NAME(FROM_SCALED_OUTPUT)) sums[r][p] *= factors[r];
        }
    for (long i = 0; i < depth; i++) {
        v16 w[4];
        for (int p = 0; p < np; p++) w[p] = load16(b + i * ldb + column + p * 16);
        for (int r = 0; r < mr; r++) {
            v16 factor = splat(a[r * row + i * step]);
            for (int p = 0; p < np; p++) sums[r][p] = factor * w[p] + sums[r][p];
        }
    }
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++) store16(c[r] + column + p * 16, sums[r][p]);
}

#define CK_SMALL(MR, NP, BEGIN, ROW, STEP)                                                                       \
    for (; r + MR <= rows; r += MR)                                                                              \
        NAME(small_tile)(MR, NP, NAME(BEGIN), c + r, factors + r, a + r * (ROW), ROW, STEP, b, ldb, column, depth);

// The same for any number of rows and columns (a multiple of 16). Each number of columns has the tile of rows that keeps
// the registers full; how rows fall into tiles changes no sum.
#if TILE_PANELS >= 4
#define CK_SMALL_WIDE(BEGIN, ROW, STEP)             \
    for (; column + 64 <= columns; column += 64) {  \
        long r = 0;                                 \
        CK_SMALL(6, 4, BEGIN, ROW, STEP)            \
        CK_SMALL(4, 4, BEGIN, ROW, STEP)            \
        CK_SMALL(2, 4, BEGIN, ROW, STEP)            \
        CK_SMALL(1, 4, BEGIN, ROW, STEP)            \
    }                                               \
    for (; column + 32 <= columns; column += 32) {  \
        long r = 0;                                 \
        CK_SMALL(12, 2, BEGIN, ROW, STEP)           \
        CK_SMALL(7, 2, BEGIN, ROW, STEP)            \
        CK_SMALL(4, 2, BEGIN, ROW, STEP)            \
        CK_SMALL(1, 2, BEGIN, ROW, STEP)            \
    }
#else
#define CK_SMALL_WIDE(BEGIN, ROW, STEP)
#endif
#define CK_SMALL_PRODUCT(KIND, BEGIN, ROW, STEP)                                                                      \
    static void NAME(product_##KIND)(float *const *c, const float *factors, const float *a, const float *b, long ldb, \
                                     long rows, long columns, long depth) {                                           \
        long column = 0;                                                                                              \
        CK_SMALL_WIDE(BEGIN, ROW, STEP)                                                                               \
        for (; column < columns; column += 16) {                                                                      \
            long r = 0;                                                                                               \
            CK_SMALL(TILE_ROWS, 1, BEGIN, ROW, STEP)                                                                  \
            CK_SMALL(3, 1, BEGIN, ROW, STEP)                                                                          \
            CK_SMALL(1, 1, BEGIN, ROW, STEP)                                                                          \
        }                                                                                                             \
    }

// a is a transposed tile of queries; rows of scores; the same, scaling what is there; columns of scores.
CK_SMALL_PRODUCT(queries, FROM_ZERO, 1, CK_QUERIES)
CK_SMALL_PRODUCT(scores, FROM_OUTPUT, CK_PAGE, 1)
CK_SMALL_PRODUCT(rescaled, FROM_SCALED_OUTPUT, CK_PAGE, 1)
CK_SMALL_PRODUCT(keys, FROM_OUTPUT, 1, CK_PAGE)
#undef CK_SMALL
#undef CK_SMALL_WIDE
#undef CK_SMALL_PRODUCT

// Which keys of the block that starts at `first` the row at `position` sees: a mask of −∞ or the score.
CK_INLINE v16 NAME(masked)(v16 scores, long first, int32_t position, long window) {
    i16v lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    i16v key = lane + (int32_t)first;
    i16v seen = key <= position;
    if (window > 0) seen &= key > position - (int32_t)window;
    return select16(seen, scores, splat(-INFINITY));
}

// The lanes of each of 16 vectors combined, in the order of sum16: row r's into lane r.
#define CK_FOLD(OUT, V, COMBINE)                                                                                       \
    do {                                                                                                               \
        v16 half_[8], quarter_[4], eighth_[2];                                                                         \
        for (int i = 0; i < 8; i++)                                                                                    \
            half_[i] = COMBINE(CK_HALVES(V[2 * i], V[2 * i + 1], 0), CK_HALVES(V[2 * i], V[2 * i + 1], 8));            \
        for (int i = 0; i < 4; i++)                                                                                    \
            quarter_[i] = COMBINE(CK_QUARTERS(half_[2 * i], half_[2 * i + 1], 0),                                      \
                                  CK_QUARTERS(half_[2 * i], half_[2 * i + 1], 4));                                     \
        for (int i = 0; i < 2; i++)                                                                                    \
            eighth_[i] = COMBINE(CK_EIGHTHS(quarter_[2 * i], quarter_[2 * i + 1], 0),                                  \
                                 CK_EIGHTHS(quarter_[2 * i], quarter_[2 * i + 1], 2));                                 \
        OUT = COMBINE(CK_LANES(eighth_[0], eighth_[1], 0), CK_LANES(eighth_[0], eighth_[1], 1));                       \
    } while (0)
#define CK_HALVES(a, b, o) \
    __builtin_shufflevector(a, b, o, o + 1, o + 2, o + 3, o + 4, o + 5, o + 6, o + 7, o + 16, o + 17, o + 18, o + 19, \
                            o + 20, o + 21, o + 22, o + 23)
#define CK_QUARTERS(a, b, o)                                                                                       \
    __builtin_shufflevector(a, b, o, o + 1, o + 2, o + 3, o + 8, o + 9, o + 10, o + 11, o + 16, o + 17, o + 18, \
                            o + 19, o + 24, o + 25, o + 26, o + 27)
#define CK_EIGHTHS(a, b, o)                                                                                          \
    __builtin_shufflevector(a, b, o, o + 1, o + 4, o + 5, o + 8, o + 9, o + 12, o + 13, o + 16, o + 17, o + 20, \
                            o + 21, o + 24, o + 25, o + 28, o + 29)
#define CK_LANES(a, b, o)                                                                                            \
    __builtin_shufflevector(a, b, o, o + 2, o + 4, o + 6, o + 8, o + 10, o + 12, o + 14, o + 16, o + 18, o + 20, \
                            o + 22, o + 24, o + 26, o + 28, o + 30)
#define CK_SUM(a, b) ((a) + (b))

// One block for `count` ≤ 16 rows: probabilities in place of scores, the new maxima and sums, and by what factors the
// outputs gathered so far shrink. A row that sees nothing of the block keeps all, with probabilities of zero.
CK_INLINE void NAME(softmax_block)(float *scores, float *maxima, float *sums, float *factors, long first,
                                   const int32_t *positions, long count, float scale, long window) {
    v16 low[16], high[16], lanes[16];
    for (long r = 0; r < 16; r++) {
        if (r >= count) {
            lanes[r] = splat(-INFINITY);
            continue;
        }
        low[r] = load16(scores + r * CK_PAGE) * scale;
        high[r] = load16(scores + r * CK_PAGE + 16) * scale;
        if (positions[r] < first + CK_PAGE - 1 || window > 0) {
            low[r] = NAME(masked)(low[r], first, positions[r], window);
            high[r] = NAME(masked)(high[r], first + 16, positions[r], window);
        }
        lanes[r] = max16(low[r], high[r]);
    }
    v16 top, sum, old = load16(maxima);
    CK_FOLD(top, lanes, max16);
    top = max16(top, old);
    float shifts[16];
    v16 shift = select16(top == splat(-INFINITY), splat(0), top), factor = exp16(old - shift);
    store16(shifts, shift);
    store16(maxima, top);
    store16(factors, factor);
    for (long r = 0; r < 16; r++) {
        if (r >= count) {
            lanes[r] = splat(0);
            continue;
        }
        v16 p = exp16(low[r] - shifts[r]), q = exp16(high[r] - shifts[r]);
        store16(scores + r * CK_PAGE, p);
        store16(scores + r * CK_PAGE + 16, q);
        lanes[r] = p + q;
    }
    CK_FOLD(sum, lanes, CK_SUM);
    store16(sums, load16(sums) * factor + sum);
}
#undef CK_FOLD
#undef CK_HALVES
#undef CK_QUARTERS
#undef CK_EIGHTHS
#undef CK_LANES
#undef CK_SUM

CK_INLINE bool NAME(sees)(int32_t position, long block, long window) {
    long first = block * CK_PAGE;
    return first <= position && (window <= 0 || first + CK_PAGE - 1 > position - window);
}

// How many positions of the block, from its first, do not lie behind the row's own; 0 where it sees none.
CK_INLINE long NAME(reach)(int32_t position, long block, long window) {
    if (!NAME(sees)(position, block, window)) return 0;
    long count = position - block * CK_PAGE + 1;
    return count < CK_PAGE ? count : CK_PAGE;
}

// A page as floats: itself, or widened into `scratch`.
CK_INLINE const float *NAME(widened)(const bool half, const void *page, long count, float *scratch) {
    if (!half) return page;
    for (long i = 0; i < count; i += 16) store16(scratch + i, load16_bf16((const uint16_t *)page + i));
    return scratch;
}

CK_INLINE void NAME(attention)(const bool half, float *const *outputs, float *log_sum_exp,
                               const float *const *queries, const int32_t *positions, long count,
                               const void *const *key_pages, const void *const *value_pages, long width, float scale,
                               long window, float *scratch) {
    // 16 rows are looked at at a time, from any.
    float maxima[CK_QUERIES + 16], sums[CK_QUERIES + 16], factors[CK_QUERIES + 16];
    float *row_scores[CK_QUERIES];
    float *scores = scratch, *page = scores + CK_QUERIES * CK_PAGE, *turned = page + width * CK_PAGE;
    long last = 0, start = INT32_MAX;
    for (long r = 0; r < CK_QUERIES + 16; r++) {
        maxima[r] = -INFINITY;
        sums[r] = 0;
    }
    for (long r = 0; r < CK_QUERIES; r++) row_scores[r] = scores + r * CK_PAGE;
    for (long r = 0; r < count; r++) {
        memset(outputs[r], 0, (size_t)width * sizeof(float));
        for (long d = 0; d < width; d++) turned[d * CK_QUERIES + r] = queries[r][d];
        long begin = window > 0 && positions[r] - window + 1 > 0 ? (positions[r] - window + 1) / CK_PAGE : 0;
        if (begin < start) start = begin;
        if (positions[r] / CK_PAGE > last) last = positions[r] / CK_PAGE;
    }
    for (long block = start; block <= last; block++) {
        long begin = 0, end = count;
        while (begin < end && !NAME(sees)(positions[begin], block, window)) begin++;
        while (begin < end && !NAME(sees)(positions[end - 1], block, window)) end--;
        if (begin == end) continue;
        const float *keys = NAME(widened)(half, key_pages[block], width * CK_PAGE, page);
        NAME(product_queries)(row_scores + begin, factors, turned + begin, keys, CK_PAGE, end - begin, CK_PAGE, width);
        for (long r = begin; r < end; r += 16)
            NAME(softmax_block)(scores + r * CK_PAGE, maxima + r, sums + r, factors + r, block * CK_PAGE, positions + r,
                                end - r < 16 ? end - r : 16, scale, window);
        const float *values = NAME(widened)(half, value_pages[block], width * CK_PAGE, page);
        // Rows of one reach at a time: what lies behind a row's position may be anything, and 0 · NaN is NaN.
        for (long r = begin, next; r < end; r = next) {
            long depth = NAME(reach)(positions[r], block, window);
            for (next = r + 1; next < end && NAME(reach)(positions[next], block, window) == depth;) next++;
            if (depth == 0) continue;
            NAME(product_rescaled)(outputs + r, factors + r, scores + r * CK_PAGE, values, width, next - r, width,
                                   depth);
        }
    }
    for (long r = 0; r < count; r++) {
        float inverse = 1.0f / sums[r];
        for (long d = 0; d < width; d++) outputs[r][d] *= inverse;
        if (log_sum_exp) log_sum_exp[r] = maxima[r] + logf(sums[r]);
    }
}

static void NAME(attention_f32)(float *const *outputs, float *log_sum_exp, const float *const *queries,
                                const int32_t *positions, long count, const float *const *key_pages,
                                const float *const *value_pages, long width, float scale, long window,
                                float *scratch) {
    NAME(attention)(false, outputs, log_sum_exp, queries, positions, count, (const void *const *)key_pages,
                    (const void *const *)value_pages, width, scale, window, scratch);
}

static void NAME(attention_bf16)(float *const *outputs, float *log_sum_exp, const float *const *queries,
                                 const int32_t *positions, long count, const uint16_t *const *key_pages,
                                 const uint16_t *const *value_pages, long width, float scale, long window,
                                 float *scratch) {
    NAME(attention)(true, outputs, log_sum_exp, queries, positions, count, (const void *const *)key_pages,
                    (const void *const *)value_pages, width, scale, window, scratch);
}

static void NAME(store_key_value_f32)(float *keys, float *values, const float *key, const float *value, long slot,
                                      long width) {
    for (long d = 0; d < width; d++) keys[d * CK_PAGE + slot] = key[d];
    memcpy(values + slot * width, value, (size_t)width * sizeof(float));
}

static void NAME(store_key_value_bf16)(uint16_t *keys, uint16_t *values, const float *key, const float *value,
                                       long slot, long width) {
    for (long d = 0; d < width; d += 16) {
        long part = width - d < 16 ? width - d : 16;
        h16 h = to_bf16(load_part(key + d, part, 0));
        for (long i = 0; i < part; i++) keys[(d + i) * CK_PAGE + slot] = h[i];
        h = to_bf16(load_part(value + d, part, 0));
        memcpy(values + slot * width + d, &h, (size_t)part * sizeof(uint16_t));
    }
}

static void NAME(attention_block_backward)(float *const *dqueries, float *dkeys, float *dvalues, const float *doutputs,
                                           const float *doutputs_t, const float *queries, const float *queries_t,
                                           const float *log_sum_exp, const float *delta, const int32_t *positions,
                                           long count, const float *keys, const float *keys_t,
                                           const float *values_t, long first, long key_count, long width, float scale,
                                           long window, float *scratch) {
    // p = exp(s·scale − lse);  dp = dy·vᵀ;  ds = p (dp − delta);  dq = scale·ds·k;  dk = scale·dsᵀ·q;  dv = pᵀ·dy
    float *p = scratch, *ds = p + CK_QUERIES * CK_PAGE;
    float *row_p[CK_QUERIES], *row_ds[CK_QUERIES], *row_dk[CK_PAGE], *row_dv[CK_PAGE];
    long begin = 0, end = key_count > 0 ? count : 0;
    while (begin < end && !NAME(sees)(positions[begin], first / CK_PAGE, window)) begin++;
    while (begin < end && !NAME(sees)(positions[end - 1], first / CK_PAGE, window)) end--;
    if (begin == end) return;
    for (long r = 0; r < CK_QUERIES; r++) {
        row_p[r] = p + r * CK_PAGE;
        row_ds[r] = ds + r * CK_PAGE;
    }
    for (long j = 0; j < CK_PAGE; j++) {
        row_dk[j] = dkeys + j * width;
        row_dv[j] = dvalues + j * width;
    }
    const long rows = end - begin;
    NAME(product_queries)(row_p + begin, NULL, queries_t + begin, keys_t, CK_PAGE, rows, CK_PAGE, width);
    NAME(product_queries)(row_ds + begin, NULL, doutputs_t + begin, values_t, CK_PAGE, rows, CK_PAGE, width);
    for (long r = begin; r < end; r++) {
        const bool whole = positions[r] >= first + CK_PAGE - 1 && window <= 0;
        for (long j = 0; j < CK_PAGE; j += 16) {
            v16 s = load16(row_p[r] + j) * scale;
            if (!whole) s = NAME(masked)(s, first + j, positions[r], window);
            v16 probability = exp16(s - log_sum_exp[r]);
            store16(row_p[r] + j, probability);
            store16(row_ds[r] + j, probability * (load16(row_ds[r] + j) - delta[r]) * scale);
        }
    }
    NAME(product_scores)(dqueries + begin, NULL, row_ds[begin], keys, width, rows, width, CK_PAGE);
    NAME(product_keys)(row_dv, NULL, row_p[begin], doutputs + begin * width, width, key_count, width, rows);
    NAME(product_keys)(row_dk, NULL, row_ds[begin], queries + begin * width, width, key_count, width, rows);
}
