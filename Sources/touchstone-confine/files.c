#define _GNU_SOURCE
#include "confine.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/// Reads exactly so many bytes; one system call too few would take bytes of the program's own input.
static void read_fully(char *bytes, size_t count) {
    while (count) {
        const ssize_t got = read(0, bytes, count);
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) errno = 0;
        if (got <= 0) fail("standard input ended within a file");
        bytes += got;
        count -= (size_t)got;
    }
}

static void receive(mode_t mode, size_t length, const char *path) {
    static char buffer[1 << 16];
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (file < 0) fail("can't make %s", path);
    while (length) {
        const size_t part = length < sizeof buffer ? length : sizeof buffer;
        read_fully(buffer, part);
        for (size_t done = 0; done < part;) {
            const ssize_t put = write(file, buffer + done, part - done);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) fail("can't write %s", path);
            done += (size_t)put;
        }
        length -= part;
    }
    if (fchmod(file, mode)) fail("can't set the mode of %s", path);
    close(file);
}

void files_receive(void) {
    for (;;) {
        char line[4096];
        size_t length = 0;
        for (;;) {
            if (length == sizeof line - 1) {
                errno = 0;
                fail("a file's header is too long");
            }
            read_fully(line + length, 1);
            if (line[length] == '\n') break;
            length++;
        }
        line[length] = 0;
        if (!length) return;
        char *rest = line;
        const unsigned long mode = strtoul(rest, &rest, 8);
        const unsigned long long bytes = strtoull(rest, &rest, 10);
        if (*rest != ' ' || !rest[1]) {
            errno = 0;
            fail("a file's header is '%s', expected mode, length and path", line);
        }
        receive((mode_t)mode, (size_t)bytes, rest + 1);
    }
}
