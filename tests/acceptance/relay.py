"""Runs a program in a terminal of its own inside the terminal that it is started in, and presses keys for it.

`python relay.py FIFO COPY COMMAND...`: what is written into the FIFO is typed, and what the program writes is in COPY
too. Answers of the outer terminal go through.
"""

import fcntl
import os
import pty
import select
import signal
import sys
import termios
import tty


def main(fifo: str, copy: str, *command: str) -> int:
    pid, inner = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    size = fcntl.ioctl(sys.stdin.fileno(), termios.TIOCGWINSZ, bytes(8))
    fcntl.ioctl(inner, termios.TIOCSWINSZ, size)
    os.kill(pid, signal.SIGWINCH)
    tty.setraw(sys.stdin.fileno())
    keys = os.open(fifo, os.O_RDWR)
    copied = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while True:
        ready, _, _ = select.select([sys.stdin.fileno(), keys, inner], [], [])
        for descriptor in ready:
            try:
                data = os.read(descriptor, 65_536)
            except OSError:
                data = b""
            if descriptor == inner:
                if not data:
                    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                os.write(copied, data)
                while data:
                    data = data[os.write(sys.stdout.fileno(), data) :]
            else:
                os.write(inner, data)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
