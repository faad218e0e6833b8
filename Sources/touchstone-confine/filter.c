#define _GNU_SOURCE
#include "confine.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#error "the system-call filter knows x86-64 and arm64 only"
#endif

/// Calls that no honest program of a test needs. What is left can still do nothing outside the sandbox; these are taken
/// away because kernels have had holes there.
static const int forbidden[] = {
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
    SYS_unshare, SYS_setns, SYS_add_key, SYS_request_key, SYS_keyctl, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
    SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot, SYS_swapon, SYS_swapoff,
    SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_personality, SYS_acct, SYS_quotactl, SYS_syslog, SYS_sethostname,
    SYS_setdomainname, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_fanotify_init,
    SYS_memfd_create, SYS_mbind, SYS_set_mempolicy, SYS_migrate_pages, SYS_move_pages, SYS_vhangup, SYS_lookup_dcookie,
    SYS_mq_open, SYS_shmget, SYS_msgget, SYS_semget, SYS_nfsservctl, SYS_io_setup,
    // By number where older headers lack the name: these are the same on all architectures.
    425, 426, 427,                      // io_uring
    428, 429, 430, 431, 432, 433, 442,  // open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr
    438, 440,                           // pidfd_getfd, process_madvise
    467, 468, 469,                      // open_tree_attr, file_getattr, file_setattr
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm,
#endif
#ifdef SYS_modify_ldt
    SYS_modify_ldt,
#endif
};

/// Further calls that a process without children and without a say in others can do without.
static const int forbidden_alone[] = {SYS_setsid, SYS_setpgid, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
#ifdef SYS_fork
                                      SYS_fork, SYS_vfork,
#endif
                                      424 /* pidfd_send_signal */};

enum {
    new_namespace = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
    clone3 = 435,
    push_character = 0x5412,  // TIOCSTI
    console_command = 0x541C, // TIOCLINUX
    most_steps = 512,
};

struct program {
    struct sock_filter steps[most_steps];
    unsigned short count;
};

static void step(struct program *program, unsigned code, unsigned value, unsigned char yes, unsigned char no) {
    if (program->count == most_steps) fail("the filter is too long");
    program->steps[program->count++] = (struct sock_filter){(unsigned short)code, yes, no, value};
}

static void load(struct program *program, size_t offset) {
    step(program, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

static void refuse(struct program *program, int reason) {
    step(program, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)reason, 0, 0);
}

/// Refuses a call, whatever its arguments.
static void forbid(struct program *program, int call, int reason) {
    step(program, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1);
    refuse(program, reason);
}

/// Refuses a call if the low half of an argument has (or, with `lacking`, lacks) one of some bits.
static void forbid_bits(struct program *program, int call, unsigned argument, unsigned bits, int lacking) {
    step(program, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 4);
    load(program, offsetof(struct seccomp_data, args) + 8 * argument);
    step(program, BPF_JMP | BPF_JSET | BPF_K, bits, lacking ? 1 : 0, lacking ? 0 : 1);
    refuse(program, EPERM);
    load(program, offsetof(struct seccomp_data, nr));
}

/// Refuses a call if an argument equals (or, with `unless`, differs from) a value.
static void forbid_value(struct program *program, int call, unsigned argument, unsigned value, int unless) {
    step(program, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 4);
    load(program, offsetof(struct seccomp_data, args) + 8 * argument);
    step(program, BPF_JMP | BPF_JEQ | BPF_K, value, unless ? 1 : 0, unless ? 0 : 1);
    refuse(program, EPERM);
    load(program, offsetof(struct seccomp_data, nr));
}

static void build(struct program *program, const struct filter_options *options) {
    load(program, offsetof(struct seccomp_data, arch));
    step(program, BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0);
    step(program, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
    load(program, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    // The x32 calls have numbers of their own, which the list doesn't hold.
    step(program, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
    refuse(program, ENOSYS);
#endif
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) forbid(program, forbidden[i], EPERM);
    forbid(program, SYS_socket, EAFNOSUPPORT);
    // Its flags lie in memory, where a filter can't look; the C library falls back to clone.
    forbid(program, clone3, ENOSYS);
    forbid_bits(program, SYS_clone, 0, new_namespace, 0);
    forbid_value(program, SYS_ioctl, 1, push_character, 0);
    forbid_value(program, SYS_ioctl, 1, console_command, 0);
    if (options->alone) {
        const unsigned self = (unsigned)getpid();
        for (size_t i = 0; i < sizeof forbidden_alone / sizeof *forbidden_alone; i++) {
            forbid(program, forbidden_alone[i], EPERM);
        }
        forbid_bits(program, SYS_clone, 0, CLONE_THREAD, 1);
        forbid_value(program, SYS_kill, 0, self, 1);
        forbid_value(program, SYS_tgkill, 0, self, 1);
        forbid(program, SYS_tkill, EPERM);
        // Own limits may be read but not those of others, or set by name of a process.
        forbid_value(program, SYS_prlimit64, 0, 0, 1);
    }
    step(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

void filter_apply(const struct filter_options *options) {
    static struct program program;
    build(&program, options);
    const struct sock_fprog handed = {program.count, program.steps};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &handed, 0, 0)) fail("can't install the system-call filter");
}

int filter_open(const struct filter_options *options) {
    static struct program program;
    build(&program, options);
    const int file = memfd_create("filter", MFD_CLOEXEC);
    const ssize_t size = (ssize_t)(program.count * sizeof *program.steps);
    if (file < 0 || write(file, program.steps, (size_t)size) != size || lseek(file, 0, SEEK_SET)) {
        fail("can't write the system-call filter");
    }
    return file;
}
