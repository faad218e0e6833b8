// Picks the kernels once, by what the processor can do.
#include "cktable.h"
#include <stdatomic.h>

extern const ck_table ck_portable_table;
#if defined(__x86_64__)
extern const ck_table ck_avx2_table, ck_avx512_table, ck_avx512bf16_table;
static const ck_table *const tables[] = {&ck_portable_table, &ck_avx2_table, &ck_avx512_table, &ck_avx512bf16_table};
#else
static const ck_table *const tables[] = {&ck_portable_table};
#endif

static _Atomic(const ck_table *) chosen;
static _Thread_local const ck_table *own;

const ck_table *ck_own_table(void) { return own; }
void ck_set_own_table(const ck_table *table) { own = table; }

int ck_best_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
        return 1;
    return __builtin_cpu_supports("avx512bf16") ? 3 : 2;
#else
    return 0;
#endif
}

const ck_table *ck_table_of_level(int level) {
    return level < 0 || level > ck_best_level() ? NULL : tables[level];
}

bool ck_select_level(int level) {
    const ck_table *wanted = ck_table_of_level(level);
    if (!wanted) return false;
    atomic_store(&chosen, wanted);
    return true;
}

bool ck_select_own_level(int level) {
    const ck_table *wanted = ck_table_of_level(level);
    if (!wanted && level != -1) return false;
    own = wanted;
    return true;
}

static inline const ck_table *table(void) {
    if (own) return own;
    const ck_table *current = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (current) return current;
    ck_select_level(ck_best_level());
    return atomic_load(&chosen);
}

int ck_level(void) {
    const ck_table *current = table();
    int level = 0;
    while (tables[level] != current) level++;
    return level;
}

int ck_own_level(void) { return own ? ck_level() : -1; }

#define X(RESULT, FUNCTION, PARAMETERS, ARGUMENTS) \
    RESULT ck_##FUNCTION PARAMETERS { return table()->FUNCTION ARGUMENTS; }
CK_KERNELS(X)
#undef X
