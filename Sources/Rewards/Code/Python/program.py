# Runs a program as a script, with the `exit` and `quit` that `-S` leaves out.
import sys, site


def start():
    site.setquit()
    path = sys.argv[0] = sys.argv[1]
    del sys.argv[1]
    space = globals()
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    for name in ("start", "site", "sys"):
        del space[name]
    space["__file__"] = path
    return code


exec(start())
