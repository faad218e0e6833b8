#define _GNU_SOURCE
#include "confine.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// Kills all children that this process has now, adopted ones included.
static void kill_children(void) {
    char path[64], list[4096];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    const ssize_t count = read(file, list, sizeof list - 1);
    close(file);
    list[count < 0 ? 0 : count] = 0;
    for (char *next = list; *next;) {
        char *end = next;
        const long child = strtol(next, &end, 10);
        if (end == next) break;
        if (child > 1) kill((pid_t)child, SIGKILL);
        next = end;
    }
}

void supervise(char *const *program) {
    // Bubblewrap ends before the first process of its namespace does; without this, the system's first process would
    // have to reap that one.
    if (prctl(PR_SET_CHILD_SUBREAPER, 1)) fail("can't adopt what the program leaves");
    const pid_t child = fork();
    if (child < 0) fail("can't start a process");
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL)) fail("can't be tied to the parent");
        execvp(program[0], program);
        fail("can't run %s", program[0]);
    }
    // The pipes belong to the program alone: that it closes one must be seen at the other end.
    syscall(SYS_close_range, 0U, ~0U, 0U);
    int result = 0, is_over = 0;
    for (;;) {
        int status;
        const pid_t ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno == EINTR) continue;
        if (ended < 0) break;
        if (ended == child) {
            result = status;
            is_over = 1;
        }
        if (is_over) kill_children();
    }
    if (WIFSIGNALED(result)) {
        signal(WTERMSIG(result), SIG_DFL);
        kill(getpid(), WTERMSIG(result));
    }
    _exit(WIFEXITED(result) ? WEXITSTATUS(result) : 125);
}
