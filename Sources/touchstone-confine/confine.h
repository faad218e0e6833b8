/// Steps that confine this process before it becomes another program. Each ends the process when it fails:
/// a program must never start with less confinement than was asked for.
#pragma once
#include <stddef.h>

/// Prints a message with the reason in `errno`, if there is one, and ends with status 125.
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

/// What the system-call filter forbids.
struct filter_options {
    /// No new processes (threads are allowed), no new session, signals to itself only.
    int alone;
};

/// Installs the filter for this process and all that come from it.
void filter_apply(const struct filter_options *options);

/// Returns a descriptor from which bubblewrap can read the filter.
int filter_open(const struct filter_options *options);

/// Limits file access with Landlock: reading and executing below `readable`, everything below `writable`.
void landlock_apply(const char *const *readable, size_t readable_count, const char *const *writable,
                    size_t writable_count);

/// Prints the version of Landlock that the kernel has; 0 for none.
void landlock_print_version(void);

/// Starts a program as a child and ends as it does, when nothing that came from it is left: what the program leaves
/// behind is killed and reaped.
__attribute__((noreturn)) void supervise(char *const *program);

/// Receives files on standard input, before the program's own input. Each is `<mode> <length> <path>\n` and its bytes;
/// an empty line ends them.
void files_receive(void);
