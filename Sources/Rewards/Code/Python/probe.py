# Tries what a sandbox must forbid, harmlessly, and prints one JSON list [name, holds, finding] a line.
import ctypes, json, os, signal, socket, sys, time

folder, secret, port, host_pid, memory, processes, files = sys.argv[1:4] + [int(a) for a in sys.argv[4:8]]


def say(name, holds, finding):
    print(json.dumps([name, bool(holds), finding]), flush=True)


def reach(action):
    """What an action gives, or None if it is forbidden."""
    try:
        return action() or True
    except (OSError, ValueError):
        return None


def check_files():
    found = []
    if reach(lambda: open(folder + "/canary").read()):
        found.append("reads a file in /tmp")
    if reach(lambda: open(folder + "/canary", "a").close()) or reach(lambda: open(folder + "/new", "w").close()):
        found.append("writes into /tmp")
    for path in ("/etc/passwd", "/etc/hostname", "/var/log", "/root", "/home", "/proc/1/environ"):
        if reach(lambda: os.listdir(path) if path.startswith(("/var", "/root", "/home")) else open(path).read()):
            if path != "/proc/1/environ" or secret in open(path).read():
                found.append("reads " + path)
    say("files", not found, ", ".join(found) or "no file but the interpreter's own")


def check_network():
    found = []

    def connect(family, address):
        with socket.socket(family) as s:
            s.settimeout(1)
            s.connect(address)
    if reach(lambda: connect(socket.AF_INET, ("127.0.0.1", int(port)))):
        found.append("connects to this machine's loopback")
    if reach(lambda: connect(socket.AF_UNIX, "\0touchstone-canary-" + port)):
        found.append("connects to an abstract Unix socket")
    say("network", not found, ", ".join(found) or "no socket reaches anything")


def check_others():
    found = []
    if reach(lambda: os.kill(host_pid, 0)):
        found.append("may signal processes outside")
    if reach(lambda: open(f"/proc/{host_pid}/cmdline").read()) and b"touchstone" in open(f"/proc/{host_pid}/cmdline", "rb").read():
        found.append("sees processes outside")
    say("other processes", not found, ", ".join(found) or "neither seen nor signalled")


def check_environment():
    found = secret in str(dict(os.environ))
    say("environment", not found, "the runner's variables are there" if found else "only PATH, LANG, HOME and the like")


def check_privileges():
    library, found = ctypes.CDLL(None, use_errno=True), []
    for name, call in (("unshare", lambda: library.unshare(0x10000000)), ("mount", lambda: library.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
                       ("ptrace", lambda: library.ptrace(16, 1, 0, 0)), ("chroot", lambda: library.chroot(b"/"))):
        if call() == 0:
            found.append(name)
    if reach(lambda: os.setuid(0)) and os.getuid() == 0:
        found.append("setuid 0")
    say("privileges", not found, ", ".join(found) or "no unshare, mount, ptrace, chroot, setuid")


def check_process_count():
    children = []
    for _ in range(processes + 24):
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            time.sleep(20)
            os._exit(0)
        children.append(child)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    say("number of processes", len(children) < processes, f"{len(children) + 1} at once, {processes} allowed")


def check_file_size():
    def fill():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        written = 0
        try:
            for number in range(4):
                with open(f"fill{number}", "wb", buffering=0) as file:
                    for _ in range(files):
                        written += file.write(bytes(1 << 20))
        except OSError:
            pass
        for number in range(4):
            reach(lambda: os.remove(f"fill{number}"))
        return written >> 20
    written = fill()
    say("size of files", written <= files, f"{written} MiB written, {files} allowed")


def check_memory():
    def take(share):
        kept = []
        for _ in range(int(memory * share) // 8):
            kept.append(b"x" * (8 << 20))
        return kept
    try:
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                try:
                    kept = take(0.8)
                    time.sleep(1)
                    os._exit(len(kept) * 0)
                except MemoryError:
                    os._exit(1)
            children.append(child)
        survivors = sum(os.waitpid(child, 0)[1] == 0 for child in children)
        say("memory", survivors < 2, f"{survivors} of 3 processes kept 80 % of what all may have together")
    except OSError:
        try:
            take(1.8)
            say("memory", False, f"{int(memory * 1.8)} MiB taken, {memory} allowed")
        except MemoryError:
            say("memory", True, f"at most {memory} MiB in the one process")


for check in (check_files, check_network, check_others, check_environment, check_privileges, check_process_count, check_file_size,
              check_memory):
    try:
        check()
    except Exception as error:
        say(check.__name__[6:].replace("_", " "), False, f"the test broke: {error}")
say("end", True, "")
