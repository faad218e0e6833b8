// Elementwise kernels and those that reduce along one row.
#include "vector.h"

static void NAME(to_bf16)(uint16_t *y, const float *x, long count) {
    long i = 0;
    for (; i + 16 <= count; i += 16) {
        h16 h = to_bf16(load16(x + i));
        memcpy(y + i, &h, sizeof h);
    }
    if (i < count) {
        h16 h = to_bf16(load_part(x + i, count - i, 0));
        memcpy(y + i, &h, (size_t)(count - i) * sizeof(uint16_t));
    }
}

static void NAME(from_bf16)(float *y, const uint16_t *x, long count) {
    for (long i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(y + i, &bits, sizeof bits);
    }
}

static void NAME(round_bf16)(float *y, const float *x, long count) {
    for (long i = 0; i < count; i += 16) {
        long part = count - i < 16 ? count - i : 16;
        h16 h = to_bf16(load_part(x + i, part, 0));
        store_part(y + i, (v16)(__builtin_convertvector(h, u16v) << 16), part);
    }
}

static void NAME(add)(float *y, const float *a, const float *b, long count) {
    for (long i = 0; i < count; i++) y[i] = a[i] + b[i];
}

static void NAME(scale)(float *y, const float *x, float factor, long count) {
    for (long i = 0; i < count; i++) y[i] = x[i] * factor;
}

static void NAME(add_bias)(float *y, const float *bias, long rows, long columns) {
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < columns; c++) y[r * columns + c] += bias[c];
}

static void NAME(sum_rows)(float *sum, const float *x, long ldx, long rows, long columns) {
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < columns; c++) sum[c] += x[r * ldx + c];
}

CK_INLINE v16 NAME(sigmoid16)(v16 x) { return 1.0f / (1.0f + exp16(-x)); }

static void NAME(swiglu)(float *y, const float *gate, const float *up, long count) {
    for (long i = 0; i < count; i += 16) {
        long part = count - i < 16 ? count - i : 16;
        v16 g = load_part(gate + i, part, 0), u = load_part(up + i, part, 0);
        store_part(y + i, (g * NAME(sigmoid16)(g)) * u, part);
    }
}

static void NAME(swiglu_backward)(float *dgate, float *dup, const float *dy, const float *gate, const float *up,
                                  long count) {
    for (long i = 0; i < count; i += 16) {
        long part = count - i < 16 ? count - i : 16;
        v16 g = load_part(gate + i, part, 0), u = load_part(up + i, part, 0), d = load_part(dy + i, part, 0);
        v16 s = NAME(sigmoid16)(g);
        store_part(dup + i, d * (g * s), part);
        store_part(dgate + i, d * u * (s + g * s * (1.0f - s)), part);
    }
}

static float NAME(dot)(const float *a, const float *b, long count) {
    v16 sum = splat(0);
    for (long i = 0; i < count; i += 16) {
        long part = count - i < 16 ? count - i : 16;
        sum = load_part(a + i, part, 0) * load_part(b + i, part, 0) + sum;
    }
    return sum16(sum);
}

static double NAME(sum_of_squares)(const float *x, long count) {
    double sum = 0;
    for (long i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static void NAME(rms_norm)(float *y, float *rstd, const float *x, const float *weight, float epsilon, long rows,
                           long columns) {
    for (long r = 0; r < rows; r++, x += columns, y += columns) {
        float scale = 1.0f / sqrtf(NAME(dot)(x, x, columns) / (float)columns + epsilon);
        if (rstd) rstd[r] = scale;
        for (long c = 0; c < columns; c++) y[c] = x[c] * scale * weight[c];
    }
}

static void NAME(rms_norm_backward)(float *dx, float *dweight, const float *dy, const float *x, const float *weight,
                                    const float *rstd, long rows, long columns) {
    for (long r = 0; r < rows; r++, x += columns, dy += columns, dx += columns) {
        float scale = rstd[r];
        v16 sum = splat(0);
        for (long c = 0; c < columns; c += 16) {
            long part = columns - c < 16 ? columns - c : 16;
            v16 g = load_part(dy + c, part, 0) * load_part(weight + c, part, 0);
            sum = g * (load_part(x + c, part, 0) * scale) + sum;
        }
        float mean = sum16(sum) / (float)columns;
        for (long c = 0; c < columns; c++) {
            float normal = x[c] * scale;
            if (dweight) dweight[c] += dy[c] * normal;
            dx[c] = scale * (dy[c] * weight[c] - normal * mean);
        }
    }
}

static void NAME(rope)(float *y, const float *x, const float *cosines, const float *sines, const int32_t *positions,
                       long rows, long heads, long width, float sign) {
    long half = width / 2;
    for (long r = 0; r < rows; r++) {
        const float *c = cosines + positions[r] * half, *s = sines + positions[r] * half;
        for (long h = 0; h < heads; h++, x += width, y += width)
            for (long i = 0; i < half; i++) {
                float a = x[i], b = x[i + half], sine = sign * s[i];
                y[i] = a * c[i] - b * sine;
                y[i + half] = b * c[i] + a * sine;
            }
    }
}

static long NAME(argmax)(const float *x, long count) {
    long best = 0;
    for (long i = 0; i < count; i++) {
        if (x[i] != x[i]) return -1;
        if (x[i] > x[best]) best = i;
    }
    return best;
}

// Sums over the vocabulary run in blocks of 512 floats that are then added in Double: the error stays that of one block.
enum { NAME(block) = 512 };

// The largest of a row, -inf at least; a NaN may get lost.
CK_INLINE float NAME(row_maximum)(const float *x, long count) {
    v16 top = splat(-INFINITY);
    for (long i = 0; i < count; i += 16) top = max16(load_part(x + i, count - i, -INFINITY), top);
    return maximum16(top);
}

// Σ e^(z·inverse − maximum) over one block.
CK_INLINE float NAME(block_sum)(const float *z, long count, float inverse, float maximum) {
    v16 sum = splat(0);
    for (long i = 0; i < count; i += 16)
        sum = sum + exp16(load_part(z + i, count - i, -INFINITY) * inverse - maximum);
    return sum16(sum);
}

static void NAME(token_log_prob)(float *log_prob, float *entropy, float *log_sum_exp, const float *logits, long count,
                                 long target, float temperature) {
    float inverse = 1.0f / temperature;
    float maximum = NAME(row_maximum)(logits, count) * inverse;
    double total = 0, weighted = 0;
    for (long start = 0; start < count; start += NAME(block)) {
        long end = start + NAME(block) < count ? start + NAME(block) : count;
        v16 sum = splat(0), product = splat(0);
        for (long i = start; i < end; i += 16) {
            long part = end - i < 16 ? end - i : 16;
            v16 z = load_part(logits + i, part, -INFINITY) * inverse - maximum;
            v16 e = exp16(z);
            sum = sum + e;
            product = select16(e > splat(0), e * z, splat(0)) + product;
        }
        total += (double)sum16(sum);
        weighted += (double)sum16(product);
    }
    double normaliser = log(total);
    *log_sum_exp = (float)((double)maximum + normaliser);
    *log_prob = (float)((double)(logits[target] * inverse - maximum) - normaliser);
    *entropy = (float)(normaliser - weighted / total);
}

static long NAME(sample_token)(float *log_prob, double *sums, const float *logits, long count, float temperature,
                               double uniform) {
    i16v usable = splat(0) == splat(0);
    for (long i = 0; i < count; i += 16) usable &= load_part(logits + i, count - i, 0) < splat(INFINITY);
    for (int lane = 0; lane < 16; lane++)
        if (!usable[lane]) return -1;
    float inverse = 1.0f / temperature, maximum = NAME(row_maximum)(logits, count) * inverse;
    if (!(maximum > -INFINITY)) return -1;
    double total = 0;
    for (long start = 0; start < count; start += NAME(block)) {
        long length = count - start < NAME(block) ? count - start : NAME(block);
        sums[start / NAME(block)] = (double)NAME(block_sum)(logits + start, length, inverse, maximum);
        total += sums[start / NAME(block)];
    }
    double wanted = uniform * total, before = 0, running = 0;
    long chosen = 0;
    for (long block = 0; block * NAME(block) < count; block++) {
        if (sums[block] <= 0) continue;
        chosen = block;
        running = before;
        before += sums[block];
        if (before > wanted) break;
    }
    long token = -1, end = (chosen + 1) * NAME(block) < count ? (chosen + 1) * NAME(block) : count;
    for (long start = chosen * NAME(block); start < end && !(running > wanted && token >= 0); start += 16) {
        v16 e = exp16(load_part(logits + start, end - start, -INFINITY) * inverse - maximum);
        for (long lane = 0; lane < 16 && start + lane < end; lane++) {
            if (!(e[lane] > 0)) continue;
            token = start + lane;
            running += (double)e[lane];
            if (running > wanted) break;
        }
    }
    *log_prob = (float)((double)(logits[token] * inverse - maximum) - log(total));
    return token;
}

static void NAME(token_log_prob_backward)(float *dlogits, const float *logits, long count, long target,
                                          float temperature, float log_sum_exp, float entropy, float dlog_prob,
                                          float dentropy) {
    // p = softmax(z/t);  dlogp/dz = (1[target] − p)/t;  dH/dz = −p (log p + H)/t
    float inverse = 1.0f / temperature;
    for (long i = 0; i < count; i += 16) {
        long part = count - i < 16 ? count - i : 16;
        v16 log_p = load_part(logits + i, part, -INFINITY) * inverse - log_sum_exp;
        v16 p = exp16(log_p);
        v16 slope = select16(p > splat(0), dlog_prob + dentropy * (log_p + entropy), splat(0));
        store_part(dlogits + i, -(p * slope) * inverse, part);
    }
    dlogits[target] += dlog_prob * inverse;
}
