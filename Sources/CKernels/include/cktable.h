// The table of one instruction set's kernels: what the functions of ckernels.h call. Through a table the kernels of every
// level can be tested and compared while the rest of the process goes on with those it chose.
#ifndef CK_TABLE_H
#define CK_TABLE_H
#include "ckernels.h"

#define CK_KERNELS(X)                                                                                            \
    X(float, probe_f32, (long rounds), (rounds))                                                                 \
    X(float, probe_bf16, (long rounds), (rounds))                                                                \
    X(float, probe_read, (const float *x, long count), (x, count))                                               \
    X(void, pack_panel_f32, (float *panel, const float *rows, long count, long k), (panel, rows, count, k))      \
    X(void, pack_panel_bf16, (uint16_t *panel, const float *rows, long count, long k), (panel, rows, count, k))  \
    X(void, unpack_row_f32, (float *row, const float *panel, long lane, long k), (row, panel, lane, k))          \
    X(void, unpack_row_bf16, (float *row, const uint16_t *panel, long lane, long k), (row, panel, lane, k))      \
    X(void, matmul_f32, (float *y, long ldy, const float *x, long ldx, long m, const float *panels, long k,      \
                         long columns, bool accumulate),                                                         \
      (y, ldy, x, ldx, m, panels, k, columns, accumulate))                                                       \
    X(void, matmul_bf16, (float *y, long ldy, const uint16_t *x, long ldx, long m, const uint16_t *panels,       \
                          long k, long columns, bool accumulate),                                                \
      (y, ldy, x, ldx, m, panels, k, columns, accumulate))                                                       \
    X(void, transpose_panel_f32, (float *panel, const float *panels, long n, long k, long block),                \
      (panel, panels, n, k, block))                                                                              \
    X(void, transpose_panel_bf16, (uint16_t *panel, const uint16_t *panels, long n, long k, long block),         \
      (panel, panels, n, k, block))                                                                              \
    X(void, matmul_turned_bf16, (float *y, long ldy, const uint16_t *x, long ldx, long m, const uint16_t *panels, \
                                 long n, long k, long first, long columns),                                      \
      (y, ldy, x, ldx, m, panels, n, k, first, columns))                                                         \
    X(void, pack_panel_blocks, (uint8_t *panel, const ck_block_format *f, long k, long count,                    \
                                const uint8_t *codes, const uint16_t *d, const uint16_t *dmin,                   \
                                const int8_t *scales, const int8_t *minima),                                     \
      (panel, f, k, count, codes, d, dmin, scales, minima))                                                      \
    X(void, expand_blocks, (uint16_t *out, const uint8_t *panel, const ck_block_format *f, long k, long first,   \
                            long count),                                                                         \
      (out, panel, f, k, first, count))                                                                          \
    X(void, matmul_blocks, (float *y, long ldy, const uint16_t *x, long ldx, long m, const uint8_t *panels,      \
                            const ck_block_format *f, long k, long columns),                                     \
      (y, ldy, x, ldx, m, panels, f, k, columns))                                                                \
    X(void, to_bf16, (uint16_t *y, const float *x, long count), (y, x, count))                                   \
    X(void, from_bf16, (float *y, const uint16_t *x, long count), (y, x, count))                                 \
    X(void, round_bf16, (float *y, const float *x, long count), (y, x, count))                                   \
    X(void, add, (float *y, const float *a, const float *b, long count), (y, a, b, count))                       \
    X(void, scale, (float *y, const float *x, float factor, long count), (y, x, factor, count))                  \
    X(void, add_bias, (float *y, const float *bias, long rows, long columns), (y, bias, rows, columns))          \
    X(void, sum_rows, (float *sum, const float *x, long ldx, long rows, long columns),                           \
      (sum, x, ldx, rows, columns))                                                                              \
    X(void, swiglu, (float *y, const float *gate, const float *up, long count), (y, gate, up, count))            \
    X(void, swiglu_backward,                                                                                     \
      (float *dgate, float *dup, const float *dy, const float *gate, const float *up, long count),               \
      (dgate, dup, dy, gate, up, count))                                                                         \
    X(void, rms_norm, (float *y, float *rstd, const float *x, const float *weight, float epsilon, long rows,     \
                       long columns),                                                                            \
      (y, rstd, x, weight, epsilon, rows, columns))                                                              \
    X(void, rms_norm_backward, (float *dx, float *dweight, const float *dy, const float *x, const float *weight, \
                                const float *rstd, long rows, long columns),                                     \
      (dx, dweight, dy, x, weight, rstd, rows, columns))                                                         \
    X(void, rope, (float *y, const float *x, const float *cosines, const float *sines, const int32_t *positions, \
                   long rows, long heads, long width, float sign),                                               \
      (y, x, cosines, sines, positions, rows, heads, width, sign))                                               \
    X(void, token_log_prob, (float *log_prob, float *entropy, float *log_sum_exp, const float *logits,           \
                             long count, long target, float temperature),                                        \
      (log_prob, entropy, log_sum_exp, logits, count, target, temperature))                                      \
    X(long, sample_token, (float *log_prob, double *sums, const float *logits, long count, float temperature,    \
                           double uniform),                                                                      \
      (log_prob, sums, logits, count, temperature, uniform))                                                     \
    X(void, token_log_prob_backward, (float *dlogits, const float *logits, long count, long target,              \
                                      float temperature, float log_sum_exp, float entropy, float dlog_prob,      \
                                      float dentropy),                                                           \
      (dlogits, logits, count, target, temperature, log_sum_exp, entropy, dlog_prob, dentropy))                  \
    X(long, argmax, (const float *x, long count), (x, count))                                                    \
    X(void, store_key_value_f32, (float *keys, float *values, const float *key, const float *value, long slot,   \
                                  long width),                                                                   \
      (keys, values, key, value, slot, width))                                                                   \
    X(void, store_key_value_bf16, (uint16_t *keys, uint16_t *values, const float *key, const float *value,       \
                                   long slot, long width),                                                       \
      (keys, values, key, value, slot, width))                                                                   \
    X(void, attention_f32, (float *const *outputs, float *log_sum_exp, const float *const *queries,              \
                            const int32_t *positions, long count, const float *const *key_pages,                 \
                            const float *const *value_pages, long width, float scale, long window,               \
                            float *scratch),                                                                     \
      (outputs, log_sum_exp, queries, positions, count, key_pages, value_pages, width, scale, window, scratch))  \
    X(void, attention_bf16, (float *const *outputs, float *log_sum_exp, const float *const *queries,             \
                             const int32_t *positions, long count, const uint16_t *const *key_pages,             \
                             const uint16_t *const *value_pages, long width, float scale, long window,           \
                             float *scratch),                                                                    \
      (outputs, log_sum_exp, queries, positions, count, key_pages, value_pages, width, scale, window, scratch))  \
    X(void, attention_block_backward,                                                                            \
      (float *const *dqueries, float *dkeys, float *dvalues, const float *doutputs, const float *doutputs_t,     \
       const float *queries, const float *queries_t, const float *log_sum_exp, const float *delta,               \
       const int32_t *positions, long count, const float *keys, const float *keys_t, const float *values_t,      \
       long first, long key_count, long width, float scale, long window, float *scratch),                        \
      (dqueries, dkeys, dvalues, doutputs, doutputs_t, queries, queries_t, log_sum_exp, delta, positions, count, \
       keys, keys_t, values_t, first, key_count, width, scale, window, scratch))                                 \
    X(void, transpose_f32, (float *out, const float *in, long rows, long columns), (out, in, rows, columns))     \
    X(float, dot, (const float *a, const float *b, long count), (a, b, count))                                   \
    X(double, sum_of_squares, (const float *x, long count), (x, count))

typedef struct {
#define X(RESULT, FUNCTION, PARAMETERS, ARGUMENTS) RESULT(*FUNCTION) PARAMETERS;
    CK_KERNELS(X)
#undef X
} ck_table;

// The kernels of a level; null where the processor lacks them.
const ck_table *ck_table_of_level(int level);

// The kernels that this thread has chosen for itself; null: those of the process.
const ck_table *ck_own_table(void);
void ck_set_own_table(const ck_table *table);

#endif
