// Attention over pages of 32 keys, and its backward pass by blocks.
#include "vector.h"

// c[r][0..<16·np] (+)= Σ_i a[r][i] · b[i][…], i ascending: the one inner product of this file. np and mr are constants.
CK_INLINE void NAME(small_tile)(const int mr, const int np, float *const *c, const float *const *a, long stride_a,
                                const float *b, long ldb, long column, long depth, bool accumulate) {
    v16 sums[12][4];
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++) sums[r][p] = accumulate ? load16(c[r] + column + p * 16) : splat(0);
    for (long i = 0; i < depth; i++) {
        v16 w[4];
        for (int p = 0; p < np; p++) w[p] = load16(b + i * ldb + column + p * 16);
        for (int r = 0; r < mr; r++) {
            v16 factor = splat(a[r][i * stride_a]);
            for (int p = 0; p < np; p++) sums[r][p] = factor * w[p] + sums[r][p];
        }
    }
    for (int r = 0; r < mr; r++)
        for (int p = 0; p < np; p++) store16(c[r] + column + p * 16, sums[r][p]);
}

#define CK_SMALL(MR, NP)                                                                                  \
    for (; r + MR <= rows; r += MR)                                                                       \
        NAME(small_tile)(MR, NP, c + r, a + r, stride_a, b, ldb, column, depth, accumulate);

// The same for any number of rows and columns (a multiple of 16). Each number of columns has the tile of rows that keeps
// the registers full; how rows fall into tiles changes no sum.
static void NAME(small_product)(float *const *c, const float *const *a, long stride_a, const float *b, long ldb,
                                long rows, long columns, long depth, bool accumulate) {
    long column = 0;
#if TILE_PANELS >= 4
    for (; column + 64 <= columns; column += 64) {
        long r = 0;
        CK_SMALL(6, 4)
        CK_SMALL(3, 4)
        CK_SMALL(1, 4)
    }
    for (; column + 32 <= columns; column += 32) {
        long r = 0;
        CK_SMALL(12, 2)
        CK_SMALL(7, 2)
        CK_SMALL(4, 2)
        CK_SMALL(1, 2)
    }
#endif
    for (; column < columns; column += 16) {
        long r = 0;
        CK_SMALL(TILE_ROWS, 1)
        CK_SMALL(3, 1)
        CK_SMALL(1, 1)
    }
}
#undef CK_SMALL

// Which keys of the block that starts at `first` the row at `position` sees: a mask of −∞ or the score.
CK_INLINE v16 NAME(masked)(v16 scores, long first, int32_t position, long window) {
    i16v lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    i16v key = lane + (int32_t)first;
    i16v seen = key <= position;
    if (window > 0) seen &= key > position - (int32_t)window;
    return select16(seen, scores, splat(-INFINITY));
}

// One block: scores, the new maximum, probabilities and the rescaling of what was gathered so far.
CK_INLINE void NAME(softmax_block)(float *scores, float *maximum, float *sum, float *output, long first,
                                   int32_t position, long width, float scale, long window) {
    v16 low = NAME(masked)(load16(scores) * scale, first, position, window);
    v16 high = NAME(masked)(load16(scores + 16) * scale, first + 16, position, window);
    float block = maximum16(max16(low, high));
    float top = block > *maximum ? block : *maximum;
    v16 p = exp16(low - top), q = exp16(high - top);
    float factor = 1.0f;
    if (top != *maximum) {
        factor = *maximum == -INFINITY ? 0.0f : exp16(splat(*maximum - top))[0];
        *maximum = top;
        for (long d = 0; d < width; d += 16) store16(output + d, load16(output + d) * factor);
    }
    *sum = *sum * factor + sum16(p + q);
    store16(scores, p);
    store16(scores + 16, q);
}

CK_INLINE bool NAME(sees)(int32_t position, long block, long window) {
    long first = block * CK_PAGE;
    return first <= position && (window <= 0 || first + CK_PAGE - 1 > position - window);
}

// How many positions of the block, from its first, do not lie behind the row's own.
CK_INLINE long NAME(reach)(int32_t position, long block) {
    long count = position - block * CK_PAGE + 1;
    return count < CK_PAGE ? count : CK_PAGE;
}

CK_INLINE void NAME(attention)(const bool half, float *const *outputs, float *log_sum_exp,
                               const float *const *queries, const int32_t *positions, long count,
                               const void *const *key_pages, const void *const *value_pages, long width, float scale,
                               long window, float *scratch) {
    float maximum[CK_QUERIES], sum[CK_QUERIES];
    float *scores = scratch, *page = scratch + CK_QUERIES * CK_PAGE;
    long last = 0, start = INT32_MAX;
    for (long r = 0; r < count; r++) {
        maximum[r] = -INFINITY;
        sum[r] = 0;
        memset(outputs[r], 0, (size_t)width * sizeof(float));
        long begin = window > 0 && positions[r] - window + 1 > 0 ? (positions[r] - window + 1) / CK_PAGE : 0;
        if (begin < start) start = begin;
        if (positions[r] / CK_PAGE > last) last = positions[r] / CK_PAGE;
    }
    for (long block = start; block <= last; block++) {
        const float *keys, *values;
        const float *row_queries[CK_QUERIES];
        float *row_scores[CK_QUERIES], *row_outputs[CK_QUERIES];
        long rows[CK_QUERIES], active = 0;
        for (long r = 0; r < count; r++) {
            if (!NAME(sees)(positions[r], block, window)) continue;
            row_queries[active] = queries[r];
            row_scores[active] = scores + r * CK_PAGE;
            row_outputs[active] = outputs[r];
            rows[active++] = r;
        }
        if (active == 0) continue;
        if (half) {
            for (long i = 0; i < width * CK_PAGE; i += 16)
                store16(page + i, load16_bf16((const uint16_t *)key_pages[block] + i));
            keys = page;
        } else {
            keys = key_pages[block];
        }
        NAME(small_product)(row_scores, row_queries, 1, keys, CK_PAGE, active, CK_PAGE, width, false);
        for (long r = 0; r < active; r++)
            NAME(softmax_block)(row_scores[r], &maximum[rows[r]], &sum[rows[r]], row_outputs[r], block * CK_PAGE,
                                positions[rows[r]], width, scale, window);
        if (half) {
            for (long i = 0; i < width * CK_PAGE; i += 16)
                store16(page + i, load16_bf16((const uint16_t *)value_pages[block] + i));
            values = page;
        } else {
            values = value_pages[block];
        }
        // Rows of one position at a time where the block ends them: what lies behind may be anything, and 0 · NaN is NaN.
        for (long r = 0, end; r < active; r = end) {
            long depth = NAME(reach)(positions[rows[r]], block);
            for (end = r + 1; end < active && NAME(reach)(positions[rows[end]], block) == depth;) end++;
            NAME(small_product)(row_outputs + r, (const float *const *)row_scores + r, 1, values, width, end - r, width,
                                depth, true);
        }
    }
    for (long r = 0; r < count; r++) {
        float inverse = 1.0f / sum[r];
        for (long d = 0; d < width; d++) outputs[r][d] *= inverse;
        if (log_sum_exp) log_sum_exp[r] = maximum[r] + logf(sum[r]);
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

static void NAME(attention_block_backward)(float *const *dqueries, float *dkeys, float *dvalues,
                                           const float *const *doutputs, const float *const *queries,
                                           const float *log_sum_exp, const float *delta, const int32_t *positions,
                                           long count, const float *keys, const float *keys_t,
                                           const float *values_t, long first, long key_count, long width, float scale,
                                           long window, float *scratch) {
    // p = exp(s·scale − lse);  dp = dy·vᵀ;  ds = p (dp − delta);  dq = scale·ds·k;  dk = scale·dsᵀ·q;  dv = pᵀ·dy
    float *p = scratch, *ds = p + CK_QUERIES * CK_PAGE;
    float *packed_q = ds + CK_QUERIES * CK_PAGE, *packed_dy = packed_q + CK_QUERIES * width;
    const float *row_q[CK_QUERIES], *row_dy[CK_QUERIES];
    float *row_dq[CK_QUERIES], *row_p[CK_QUERIES], *row_ds[CK_QUERIES];
    long rows[CK_QUERIES], active = 0;
    for (long r = 0; r < count; r++) {
        if (!NAME(sees)(positions[r], first / CK_PAGE, window)) continue;
        row_q[active] = queries[r];
        row_dy[active] = doutputs[r];
        row_dq[active] = dqueries[r];
        row_p[active] = p + active * CK_PAGE;
        row_ds[active] = ds + active * CK_PAGE;
        rows[active++] = r;
    }
    if (active == 0 || key_count == 0) return;
    NAME(small_product)(row_p, row_q, 1, keys_t, CK_PAGE, active, CK_PAGE, width, false);
    NAME(small_product)(row_ds, row_dy, 1, values_t, CK_PAGE, active, CK_PAGE, width, false);
    for (long r = 0; r < active; r++)
        for (long j = 0; j < CK_PAGE; j += 16) {
            v16 s = NAME(masked)(load16(row_p[r] + j) * scale, first + j, positions[rows[r]], window);
            v16 probability = exp16(s - log_sum_exp[rows[r]]);
            store16(row_p[r] + j, probability);
            store16(row_ds[r] + j, probability * (load16(row_ds[r] + j) - delta[rows[r]]) * scale);
        }
    NAME(small_product)(row_dq, (const float *const *)row_ds, 1, keys, width, active, width, CK_PAGE, true);
    for (long r = 0; r < active; r++) {
        memcpy(packed_q + r * width, row_q[r], (size_t)width * sizeof(float));
        memcpy(packed_dy + r * width, row_dy[r], (size_t)width * sizeof(float));
    }
    const float *column_p[CK_PAGE], *column_ds[CK_PAGE];
    float *row_dk[CK_PAGE], *row_dv[CK_PAGE];
    for (long j = 0; j < CK_PAGE; j++) {
        column_p[j] = p + j;
        column_ds[j] = ds + j;
        row_dk[j] = dkeys + j * width;
        row_dv[j] = dvalues + j * width;
    }
    NAME(small_product)(row_dv, column_p, CK_PAGE, packed_dy, width, key_count, width, active, true);
    NAME(small_product)(row_dk, column_ds, CK_PAGE, packed_q, width, key_count, width, active, true);
}
