// A pool of threads with a hand-off of about a microsecond.
//
// A job is published as a ticket (generation, next index). Workers and the caller take indices by compare-and-swap, so a
// worker that was pre-empted can never run an index of a job that is over; the caller waits for finished indices, not
// for workers, so a worker that took nothing costs nothing.
#define _GNU_SOURCE
#include "cktable.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 256, SPINS = 4000 };

static struct {
    _Atomic uint64_t ticket;  // generation << 32 | next index
    _Atomic long count;
    _Atomic(void *) context;
    _Atomic(void (*)(void *, long)) body;
    _Atomic(const ck_table *) kernels;  // the caller's own choice
    _Atomic long finished;
    _Atomic uint32_t wake;  // futex word: changes with every job
    _Atomic int sleeping;
    _Atomic int wanted;
    _Atomic uint64_t busy_time;  // nanoseconds that threads have spent in bodies, summed
    _Atomic int bound;  // whether each worker keeps to a processor of its own
    _Atomic int kept;  // whether a caller keeps to the one that is left
    cpu_set_t processors;  // those the process may run on, as found at first
    int started;
    pthread_mutex_t busy;
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER};

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// Whether this thread is inside a loop already: a loop within runs serially, and its time counts once.
static _Thread_local bool inside = false;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// Takes and runs indices of the current job until none is left.
static void work(void) {
    uint64_t start = 0;
    const ck_table *own = ck_own_table();
    for (;;) {
        uint64_t ticket = atomic_load(&pool.ticket);
        long count = atomic_load(&pool.count);
        void *context = atomic_load(&pool.context);
        void (*body)(void *, long) = atomic_load(&pool.body);
        const ck_table *kernels = atomic_load(&pool.kernels);
        long index = (long)(ticket & 0xFFFFFFFFu);
        if (index >= count) break;
        if (!atomic_compare_exchange_weak(&pool.ticket, &ticket, ticket + 1)) continue;
        if (start == 0) start = now();
        inside = true;
        ck_set_own_table(kernels);
        body(context, index);
        inside = false;
        atomic_fetch_add(&pool.finished, 1);
    }
    ck_set_own_table(own);
    if (start != 0) atomic_fetch_add(&pool.busy_time, now() - start);
}

static pthread_once_t found = PTHREAD_ONCE_INIT;

static void find_processors(void) {
    if (sched_getaffinity(0, sizeof pool.processors, &pool.processors) != 0) CPU_ZERO(&pool.processors);
}

// Binds this thread to the processor of its number (the caller's is 0), or lets it run on all. Left to themselves, threads that
// wake each other often end up on one processor while another one is idle, or runs something of low priority, for tens of
// milliseconds.
static void keep_to(int self, int bound) {
    cpu_set_t set = pool.processors;
    if (bound) {
        int left = self;
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &pool.processors) && left-- != 0) CPU_CLR(cpu, &set);
        }
    }
    if (CPU_COUNT(&set) > 0) sched_setaffinity(0, sizeof set, &set);
}

static void *worker(void *argument) {
    int self = (int)(long)argument;
    uint32_t seen = atomic_load(&pool.wake);
    int is_bound = -1;  // unknown: it was started by a thread that may have been kept to a processor
    for (;;) {
        for (int spin = 0; spin < SPINS && atomic_load(&pool.wake) == seen; spin++) relax();
        if (atomic_load(&pool.wake) == seen) {
            atomic_fetch_add(&pool.sleeping, 1);
            syscall(SYS_futex, &pool.wake, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
            atomic_fetch_sub(&pool.sleeping, 1);
            continue;
        }
        seen = atomic_load(&pool.wake);
        int bound = atomic_load(&pool.bound);
        if (bound != is_bound) keep_to(self, is_bound = bound);
        if (self < atomic_load(&pool.wanted)) work();
    }
    return NULL;
}

static int available(void) {
    pthread_once(&found, find_processors);
    int count = CPU_COUNT(&pool.processors);
    if (count < 1) return 1;
    return count < MAX_THREADS ? count : MAX_THREADS;
}

void ck_set_threads(int threads) {
    if (threads <= 0) threads = available();
    atomic_store(&pool.wanted, threads < MAX_THREADS ? threads : MAX_THREADS);
}

int ck_threads(void) {
    if (atomic_load(&pool.wanted) == 0) ck_set_threads(0);
    return atomic_load(&pool.wanted);
}

static void start_workers(int wanted) {
    // With fewer threads than processors there is no telling which ones are free.
    atomic_store(&pool.bound, wanted == available());
    for (; pool.started < wanted - 1; pool.started++) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        int failed = pthread_create(&thread, &attributes, worker, (void *)(long)(pool.started + 1));
        pthread_attr_destroy(&attributes);
        if (failed) return;
    }
}

bool ck_keep_caller(void) {
    cpu_set_t own;
    int none = 0;
    if (ck_threads() != available() || available() == 1) return false;
    // What somebody else has bound stays as it is.
    if (sched_getaffinity(0, sizeof own, &own) != 0 || !CPU_EQUAL(&own, &pool.processors)) return false;
    if (!atomic_compare_exchange_strong(&pool.kept, &none, 1)) return false;
    keep_to(0, 1);
    return true;
}

void ck_free_caller(void) {
    keep_to(0, 0);
    atomic_store(&pool.kept, 0);
}

uint64_t ck_busy_nanoseconds(void) { return atomic_load(&pool.busy_time); }

// What this thread calls now and then, between parts of its own work.
static _Thread_local void (*pausing)(void *) = NULL;
static _Thread_local void *pausing_context = NULL;

void ck_set_pause(void *context, void (*pause)(void *)) {
    pausing = pause;
    pausing_context = context;
}

void ck_pause(void) {
    if (pausing) pausing(pausing_context);
}

static void run_alone(long count, void *context, void (*body)(void *, long)) {
    if (inside) {
        for (long index = 0; index < count; index++) {
            ck_pause();
            body(context, index);
        }
        return;
    }
    uint64_t start = now();
    inside = true;
    for (long index = 0; index < count; index++) body(context, index);
    inside = false;
    atomic_fetch_add(&pool.busy_time, now() - start);
}

void ck_parallel(long count, void *context, void (*body)(void *, long)) {
    int wanted = ck_threads();
    if (inside || count <= 1 || wanted <= 1 || pthread_mutex_trylock(&pool.busy) != 0) {
        run_alone(count, context, body);
        return;
    }
    start_workers(wanted);
    uint64_t generation = (atomic_load(&pool.ticket) >> 32) + 1;
    atomic_store(&pool.count, 0);
    atomic_store(&pool.ticket, generation << 32);
    atomic_store(&pool.finished, 0);
    atomic_store(&pool.context, context);
    atomic_store(&pool.body, body);
    atomic_store(&pool.kernels, ck_own_table());
    atomic_store(&pool.count, count);
    atomic_fetch_add(&pool.wake, 1);
    if (atomic_load(&pool.sleeping) > 0)
        // All: with fewer than there are, those that wake first need not be the ones that are wanted.
        syscall(SYS_futex, &pool.wake, FUTEX_WAKE_PRIVATE, MAX_THREADS, NULL, NULL, 0);
    work();
    for (int spin = 0; atomic_load(&pool.finished) < count; spin++) {
        if (spin < SPINS) relax();
        else sched_yield();
    }
    pthread_mutex_unlock(&pool.busy);
}
