// The inner loops that decide speed. One body is compiled for each instruction set and picked once at run time.
//
// Laws that every kernel here keeps:
// - the result of a row depends on that row's inputs alone, never on how many rows are computed together;
// - each sum has one order, fixed by the sizes of the problem;
// - nothing allocates, nothing keeps state between calls (the choice of the instruction set apart).
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Outputs in one panel of a packed matrix.
#define CK_PANEL 16
// Positions in one page of the key/value store; also the block of the online softmax.
#define CK_PAGE 32
// Query rows that one call of the attention kernel takes at most.
#define CK_QUERIES 64

// MARK: Choice of the instruction set

// The kernels that exist: 0 portable, 1 AVX2 with FMA, 2 AVX-512, 3 AVX-512 with bfloat16 dot products.
int ck_best_level(void);
int ck_level(void);
// Picks a level; returns false (and changes nothing) where the processor lacks it.
bool ck_select_level(int level);
// Picks a level for this thread and the loops that it runs, -1 for the process's again; returns false likewise.
bool ck_select_own_level(int level);
// What this thread has picked for itself, -1 if nothing.
int ck_own_level(void);

// MARK: Packed matrices
//
// A matrix W [n, k] is kept in panels of 16 rows: panel p holds rows 16p..16p+15 (zeros past n).
// float:  [k][16]                   bfloat16: [(k+1)/2][16][2], zero past k

// Packs up to 16 rows of floats (row stride k) into one panel.
void ck_pack_panel_f32(float *panel, const float *rows, long count, long k);
void ck_pack_panel_bf16(uint16_t *panel, const float *rows, long count, long k);
// Reads one row back.
void ck_unpack_row_f32(float *row, const float *panel, long lane, long k);
void ck_unpack_row_bf16(float *row, const uint16_t *panel, long lane, long k);

// y[m, 0..<columns] = (accumulate ? y : 0) + x[m, :] · panelsᵀ for `columns` outputs that start at the first panel given; k
// ascends from what the sum begins with.
// Each output sums over k in ascending order, whatever m and columns are.
void ck_matmul_f32(float *y, long ldy, const float *x, long ldx, long m, const float *panels, long k, long columns,
                   bool accumulate);
void ck_matmul_bf16(float *y, long ldy, const uint16_t *x, long ldx, long m, const uint16_t *panels, long k,
                    long columns, bool accumulate);

// Builds one panel of the transpose: outputs are columns 16·block..+15 of W, the sum runs over its n rows.
void ck_transpose_panel_f32(float *panel, const float *panels, long n, long k, long block);
void ck_transpose_panel_bf16(uint16_t *panel, const uint16_t *panels, long n, long k, long block);
// y [m][columns] = x [m][n] · columns first … (a multiple of 16) of the packed matrix [n][k], for few rows: the bits of
// ck_matmul_bf16 with panels of the transpose, which are never written to memory.
void ck_matmul_turned_bf16(float *y, long ldy, const uint16_t *x, long ldx, long m, const uint16_t *panels, long n,
                           long k, long first, long columns);

// MARK: Packed matrices of quantised blocks
//
// A matrix whose numbers are kept as small codes: value = d · scale · (code − bias) − dmin · minimum, where d and dmin
// belong to `block` inputs of a row, and scale and minimum, small integers, to `group` of them. All products are exact in
// single precision, so expanding rounds once, and a product has the same bits as one with the same matrix in bfloat16.
//
// Panel p holds rows 16p..16p+15. For every 32 inputs first the low, then the high bits of the codes, then for every block
// d [16] and dmin [16] in half precision and the scales [block/group][16] and minima [block/group][16] as signed bytes;
// what a format lacks is left out. Number 2r + h of pair i stands for row r and input 2i + h; a code of `low` bits of
// number c (of 32) stands in word c mod 16, in its lower half for c < 16: pair i is in vector i·low / 16, above bit
// i·low mod 16; likewise the high bits. Codes of 8 bits are signed and stand in the order of their numbers.
typedef struct {
    // Bits of a code in the two planes: (2, 0), (2, 1), (4, 0), (4, 1), (4, 2) or (8, 0).
    int low, high;
    int bias;
    // Inputs of a group, 16 or 32, and of a block, 32 or 256.
    int group, block;
    bool scales, minima;
} ck_block_format;

static inline long ck_block_factor_bytes(const ck_block_format *f) {
    return (1 + f->minima) * CK_PANEL * (2 + (f->scales ? f->block / f->group : 0));
}
// Bytes of one panel; k is a multiple of `block`.
static inline long ck_block_panel_bytes(const ck_block_format *f, long k) {
    return k / 32 * 64 * (f->low + f->high) + k / f->block * ck_block_factor_bytes(f);
}

// Packs up to 16 rows into one panel: codes [count][k], below 2^(low + high) (or signed bytes), d and dmin
// [count][k / block] as bits of half precision, scales and minima [count][k / group]. What the format lacks may be null.
void ck_pack_panel_blocks(uint8_t *panel, const ck_block_format *f, long k, long count, const uint8_t *codes,
                          const uint16_t *d, const uint16_t *dmin, const int8_t *scales, const int8_t *minima);
// Expands `count` inputs of a panel from `first` on (multiples of 32) to bfloat16: [count/2][16][2].
void ck_expand_blocks(uint16_t *out, const uint8_t *panel, const ck_block_format *f, long k, long first, long count);
// y = x · panelsᵀ, with the bits of ck_matmul_bf16 over the expanded panels.
void ck_matmul_blocks(float *y, long ldy, const uint16_t *x, long ldx, long m, const uint8_t *panels,
                      const ck_block_format *f, long k, long columns);

// MARK: Conversions and elementwise

void ck_to_bf16(uint16_t *y, const float *x, long count);
void ck_from_bf16(float *y, const uint16_t *x, long count);
// y = x rounded to bfloat16 and back.
void ck_round_bf16(float *y, const float *x, long count);
void ck_add(float *y, const float *a, const float *b, long count);
void ck_scale(float *y, const float *x, float factor, long count);
void ck_add_bias(float *y, const float *bias, long rows, long columns);
// sum[c] += Σ over rows of x[row, c], ascending.
void ck_sum_rows(float *sum, const float *x, long ldx, long rows, long columns);

// y = silu(gate) · up
void ck_swiglu(float *y, const float *gate, const float *up, long count);
void ck_swiglu_backward(float *dgate, float *dup, const float *dy, const float *gate, const float *up, long count);

// MARK: Normalisation and rotary embedding

// y[r] = x[r] · rstd[r] · w, one row of `columns` at a time. rstd may be null.
void ck_rms_norm(float *y, float *rstd, const float *x, const float *weight, float epsilon, long rows, long columns);
// dx from dy; dweight (may be null) += Σ dy · x̂ in row order.
void ck_rms_norm_backward(float *dx, float *dweight, const float *dy, const float *x, const float *weight,
                          const float *rstd, long rows, long columns);

// Rotates the two halves of each head by the angles of the row's position; `sign` −1 gives the backward pass.
// cosines and sines: [positions][width/2].
void ck_rope(float *y, const float *x, const float *cosines, const float *sines, const int32_t *positions, long rows,
             long heads, long width, float sign);

// MARK: Softmax over the vocabulary

// For one row of logits z and temperature t: log-probability of `target` under softmax(z/t), entropy in nats, and the
// log-sum-exp of z/t.
void ck_token_log_prob(float *log_prob, float *entropy, float *log_sum_exp, const float *logits, long count,
                       long target, float temperature);
// Draws a token from softmax(z/t): the first, in the order of ids, at which the sum of the weights passes uniform times
// their total; and its log-probability, with the bits of ck_token_log_prob. `sums` is scratch for (count + 511) / 512
// numbers. Returns -1 where a logit is NaN or +inf, or all are -inf.
long ck_sample_token(float *log_prob, double *sums, const float *logits, long count, float temperature, double uniform);
// Gradient to the logits from those of the log-probability and the entropy.
void ck_token_log_prob_backward(float *dlogits, const float *logits, long count, long target, float temperature,
                                float log_sum_exp, float entropy, float dlog_prob, float dentropy);
// Largest value; first index that has it. Returns -1 where a value is NaN.
long ck_argmax(const float *x, long count);

// MARK: Attention
//
// Keys and values of one head live in pages of 32 positions: keys [width][32], values [32][width].

// Writes the key and value of one position.
void ck_store_key_value_f32(float *keys, float *values, const float *key, const float *value, long slot, long width);
void ck_store_key_value_bf16(uint16_t *keys, uint16_t *values, const float *key, const float *value, long slot,
                             long width);

// One call attends `count` (≤ CK_QUERIES) query rows that share a head of keys and values. Row r at positions[r] sees
// the positions j with positions[r] − window < j ≤ positions[r] (window ≤ 0: all). pages[b] is the page of positions
// 32b..32b+31. Online softmax over blocks of one page, ascending; log_sum_exp (may be null) is kept for the backward.
// scratch: CK_PAGE · (CK_QUERIES + width) + CK_QUERIES · width floats.
void ck_attention_f32(float *const *outputs, float *log_sum_exp, const float *const *queries, const int32_t *positions,
                      long count, const float *const *key_pages, const float *const *value_pages, long width,
                      float scale, long window, float *scratch);
void ck_attention_bf16(float *const *outputs, float *log_sum_exp, const float *const *queries,
                       const int32_t *positions, long count, const uint16_t *const *key_pages,
                       const uint16_t *const *value_pages, long width, float scale, long window, float *scratch);

// out[c][r] = in[r][c] for `rows` rows of `columns` floats.
void ck_transpose_f32(float *out, const float *in, long rows, long columns);

// The backward pass for one block of ≤ 32 keys against ≤ CK_QUERIES query rows. `keys` is [CK_PAGE][width], keys_t and
// values_t are [width][CK_PAGE], zero past key_count; the block starts at position `first`. Queries and the gradients of
// the outputs come twice: by rows [count][width], and turned [width][CK_QUERIES]. dkeys and dvalues [CK_PAGE][width] and
// the rows of dqueries are added to. delta[r] = Σ dy·y of the row. scratch: 2 · CK_QUERIES · CK_PAGE floats.
void ck_attention_block_backward(float *const *dqueries, float *dkeys, float *dvalues, const float *doutputs,
                                 const float *doutputs_t, const float *queries, const float *queries_t,
                                 const float *log_sum_exp, const float *delta, const int32_t *positions, long count,
                                 const float *keys, const float *keys_t, const float *values_t, long first,
                                 long key_count, long width, float scale, long window, float *scratch);

// Σ a·b in the fixed order of the other kernels.
float ck_dot(const float *a, const float *b, long count);
// Σ x² in Double, ascending.
double ck_sum_of_squares(const float *x, long count);

// MARK: Limits of the processor
//
// What benchmarks compare with: work that keeps the arithmetic or the memory busy and does nothing else. Each returns a
// number that depends on all of it, so that no compiler can leave it out.

// 16 · 24 multiply-adds of floats a round: 768 floating-point operations.
float ck_probe_f32(long rounds);
// 16 · 24 dot products of two bfloat16 a round: 1,536 floating-point operations.
float ck_probe_bf16(long rounds);
// Reads `count` floats (a multiple of 64) once.
float ck_probe_read(const float *x, long count);

// MARK: Parallel loop

// Runs body(context, index) for every index below count on `threads` threads, the caller among them. Which thread runs
// an index is open; body must not depend on it. Calls from inside a body, or while another call runs, run serially.
void ck_parallel(long count, void *context, void (*body)(void *context, long index));
// How many threads ck_parallel uses; 0 = as many as the process may run on. Takes effect at the next call. With exactly as
// many, the pool's own keep to a processor each.
void ck_set_threads(int threads);
int ck_threads(void);
// Keeps the calling thread to the processor that the pool's own threads leave free, until ck_free_caller. Threads and processes
// that it starts meanwhile would be kept there too. False, with nothing changed, when the pool's are not bound, another caller is
// kept, or this one was bound by somebody else: then it must not be freed.
bool ck_keep_caller(void);
void ck_free_caller(void);
// What the calling thread calls between the indices of loops that it runs inside of another loop, and at ck_pause; NULL: nothing.
void ck_set_pause(void *context, void (*pause)(void *context));
void ck_pause(void);
// Nanoseconds that threads have spent in bodies so far, summed over the threads.
uint64_t ck_busy_nanoseconds(void);

#endif
