// Confines itself as told, then becomes another program:
//
//     touchstone-confine [--join FILE]… [--user ID] [--self-at FD] [--filter-at FD] [--read PATH]… [--write PATH]…
//                        [--folder PATH] [--files] [--limit NAME=VALUE]… [--filter] [--alone] [--announce]
//                        [--supervise] -- PROGRAM ARGUMENT…
//
// Used outside bubblewrap (control groups, user, descriptors for bubblewrap), inside it (files, limits), and instead of
// it (Landlock, limits, filter). Not meant to be called by hand.
#define _GNU_SOURCE
#include "confine.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { most_paths = 512 };

void fail(const char *format, ...) {
    const int reason = errno;
    va_list arguments;
    va_start(arguments, format);
    fputs("touchstone-confine: ", stderr);
    vfprintf(stderr, format, arguments);
    if (reason) fprintf(stderr, ": %s", strerror(reason));
    fputc('\n', stderr);
    va_end(arguments);
    _exit(125);
}

static long long number(const char *text) {
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0) fail("'%s' is not a number", text);
    return value;
}

static void join_group(const char *path) {
    const int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) fail("can't open %s", path);
    if (write(file, "0", 1) != 1) fail("can't join %s", path);
    close(file);
}

static void become_user(long long id) {
    if (setgroups(0, NULL)) fail("can't drop groups");
    if (setresgid((gid_t)id, (gid_t)id, (gid_t)id)) fail("can't become group %lld", id);
    if (setresuid((uid_t)id, (uid_t)id, (uid_t)id)) fail("can't become user %lld", id);
}

static void move_descriptor(int from, long long to) {
    if (from < 0) fail("can't open a file for descriptor %lld", to);
    if (from == to) {
        fcntl(from, F_SETFD, 0);
        return;
    }
    if (dup2(from, (int)to) < 0) fail("can't use descriptor %lld", to);
    close(from);
}

static void set_limit(const char *text) {
    static const struct {
        const char *name;
        int resource;
    } names[] = {{"memory", RLIMIT_AS},   {"processes", RLIMIT_NPROC}, {"file", RLIMIT_FSIZE}, {"files", RLIMIT_NOFILE},
                 {"cpu", RLIMIT_CPU},     {"core", RLIMIT_CORE},       {"stack", RLIMIT_STACK}, {"queues", RLIMIT_MSGQUEUE},
                 {"locked", RLIMIT_MEMLOCK}};
    const char *sign = strchr(text, '=');
    for (size_t i = 0; sign && i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i].name) != (size_t)(sign - text) || strncmp(names[i].name, text, (size_t)(sign - text))) continue;
        struct rlimit current;
        if (getrlimit((__rlimit_resource_t)names[i].resource, &current)) fail("can't read the limit %s", names[i].name);
        rlim_t value = (rlim_t)number(sign + 1);
        if (value > current.rlim_max) value = current.rlim_max;
        const struct rlimit limit = {value, value};
        if (setrlimit((__rlimit_resource_t)names[i].resource, &limit)) fail("can't set the limit %s", text);
        return;
    }
    errno = 0;
    fail("unknown limit '%s'", text);
}

/// What the command line asks for.
struct request {
    const char *join[8], *readable[most_paths], *writable[8], *limits[16];
    size_t join_count, readable_count, writable_count, limit_count;
    const char *user, *folder, *self_at, *filter_at;
    int takes_files, filters, announces, supervises;
    struct filter_options filter;
    char **program;
};

static void add(const char **list, size_t *count, size_t capacity, const char *value) {
    errno = 0;
    if (!value) fail("an option lacks its value");
    if (*count == capacity) fail("too many values, such as '%s'", value);
    list[(*count)++] = value;
}

static void parse(struct request *request, char **arguments) {
    for (; *arguments && strcmp(*arguments, "--"); arguments++) {
        const char *name = *arguments;
        if (!strcmp(name, "--files")) request->takes_files = 1;
        else if (!strcmp(name, "--filter")) request->filters = 1;
        else if (!strcmp(name, "--announce")) request->announces = 1;
        else if (!strcmp(name, "--supervise")) request->supervises = 1;
        else if (!strcmp(name, "--alone")) request->filter.alone = 1;
        else {
            const char *value = arguments[1];
            size_t one = 0;
            if (!strcmp(name, "--join")) add(request->join, &request->join_count, 8, value);
            else if (!strcmp(name, "--read")) add(request->readable, &request->readable_count, most_paths, value);
            else if (!strcmp(name, "--write")) add(request->writable, &request->writable_count, 8, value);
            else if (!strcmp(name, "--limit")) add(request->limits, &request->limit_count, 16, value);
            else if (!strcmp(name, "--user")) add(&request->user, &one, 1, value);
            else if (!strcmp(name, "--folder")) add(&request->folder, &one, 1, value);
            else if (!strcmp(name, "--self-at")) add(&request->self_at, &one, 1, value);
            else if (!strcmp(name, "--filter-at")) add(&request->filter_at, &one, 1, value);
            else {
                errno = 0;
                fail("unknown option '%s'", name);
            }
            arguments++;
        }
    }
    if (!*arguments || !arguments[1]) {
        errno = 0;
        fail("no program; expected '-- PROGRAM ARGUMENT…'");
    }
    request->program = arguments + 1;
}

int main(int count, char **arguments) {
    if (count == 2 && !strcmp(arguments[1], "--landlock-version")) {
        landlock_print_version();
        return 0;
    }
    static struct request request;
    parse(&request, arguments + 1);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("can't give up new privileges");
    for (size_t i = 0; i < request.join_count; i++) join_group(request.join[i]);
    if (request.self_at) move_descriptor(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), number(request.self_at));
    if (request.filter_at) move_descriptor(filter_open(&request.filter), number(request.filter_at));
    if (request.user) become_user(number(request.user));
    // The kernel forgets this when the user changes.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL)) fail("can't be tied to the parent");
    if (request.folder && chdir(request.folder)) fail("can't enter %s", request.folder);
    if (request.takes_files) files_receive();
    if (request.readable_count) {
        landlock_apply(request.readable, request.readable_count, request.writable, request.writable_count);
    }
    for (size_t i = 0; i < request.limit_count; i++) set_limit(request.limits[i]);
    if (request.filters) filter_apply(&request.filter);
    // What comes after this line is the program's own doing; a program can't take it back.
    if (request.announces) fputs("touchstone-confine: start\n", stderr);
    if (request.supervises) supervise(request.program);
    execvp(request.program[0], request.program);
    fail("can't run %s", request.program[0]);
}
