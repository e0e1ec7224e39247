"""Start a command that ends when the process that wanted it does, even if that one is killed.

`python -I -S launch.py <pid of the wanting process> <nice> <command> [arguments]` becomes the command. Done here and
not between fork and exec of the supervisor, where Python code isn't safe. Only Linux can do it; elsewhere the command
simply starts.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Tie this process to its parent, give way as asked, then become the command."""
    parent, nice, *command = sys.argv[1:]
    os.nice(int(nice))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != int(parent):
            sys.exit("The process that wanted this one has ended already.")
    os.execv(command[0], command)  # noqa: S606  (no shell wanted)


if __name__ == "__main__":
    main()
