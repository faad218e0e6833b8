#define _GNU_SOURCE
#include "confine.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Declared here, because the headers of older systems know only part of it. Source: the kernel's landlock.rst.
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
enum {
    access_execute = 1 << 0,
    access_write_file = 1 << 1,
    access_read_file = 1 << 2,
    access_read_folder = 1 << 3,
    // Bits 4 to 12: remove and make files, folders, devices, sockets, pipes, links.
    access_all_of_version_1 = (1 << 13) - 1,
    access_refer = 1 << 13,
    access_truncate = 1 << 14,
    access_device = 1 << 15,
    network_all = 3,
    scope_all = 3,
    rule_path = 1,
    ask_version = 1,
};
struct ruleset {
    uint64_t files, network, scopes;
};
struct path_rule {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

static long version(void) { return syscall(SYS_landlock_create_ruleset, NULL, 0, ask_version); }

void landlock_print_version(void) {
    const long found = version();
    printf("%ld\n", found < 0 ? 0 : found);
}

static void allow(int rules, const char *path, uint64_t access) {
    const int place = open(path, O_PATH | O_CLOEXEC);
    if (place < 0) fail("can't open %s", path);
    struct stat status;
    if (fstat(place, &status)) fail("can't look at %s", path);
    // Rights of folders make no sense for a file.
    if (!S_ISDIR(status.st_mode)) {
        access &= access_execute | access_write_file | access_read_file | access_truncate | access_device;
    }
    const struct path_rule rule = {access, place};
    if (syscall(SYS_landlock_add_rule, rules, rule_path, &rule, 0)) fail("can't allow %s", path);
    close(place);
}

void landlock_apply(const char *const *readable, size_t readable_count, const char *const *writable,
                    size_t writable_count) {
    const long found = version();
    if (found < 1) fail("the kernel has no Landlock");
    struct ruleset set = {access_all_of_version_1, 0, 0};
    if (found >= 2) set.files |= access_refer;
    if (found >= 3) set.files |= access_truncate;
    if (found >= 4) set.network = network_all;
    if (found >= 5) set.files |= access_device;
    if (found >= 6) set.scopes = scope_all;
    const size_t size = found >= 6 ? sizeof set : found >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
    if (rules < 0) fail("can't make Landlock rules");
    for (size_t i = 0; i < readable_count; i++) {
        allow(rules, readable[i], access_execute | access_read_file | access_read_folder);
    }
    for (size_t i = 0; i < writable_count; i++) allow(rules, writable[i], set.files & ~(uint64_t)access_device);
    if (syscall(SYS_landlock_restrict_self, rules, 0)) fail("can't apply Landlock rules");
    close(rules);
}
