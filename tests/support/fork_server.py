"""`python -m tests.support.fork_server FD` has imported the program and forks for every start of it, which saves each
the second that the imports cost. FD: a SOCK_SEQPACKET socket; tests.support.forked has the other end.

A child is a process like any other, to be signalled and killed; only its interpreter was started before. It goes on
after `serve` in the main module, so that it ends as an interpreter ends.
"""

import gc
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
import warnings
from importlib import import_module

REQUEST_BYTES = 1 << 20
HAS_TERMINAL = {"tui.cli.open_app", "tui.cli.demo_app"}
"""They import Textual, which no start without a terminal needs."""


def preload() -> None:
    """Import what a run of the command line imports."""
    import openai  # noqa: F401

    import tui.cli

    for module in pkgutil.iter_modules(tui.cli.__path__, "tui.cli."):
        if module.name not in HAS_TERMINAL and not module.name.endswith("__main__"):
            import_module(module.name)


def serve(control: socket.socket) -> bool:
    """Fork for every request until the other end is closed. True in a child, which is to run the program."""
    replies: dict[int, int] = {}
    """The pipe to which a child's exit status goes, by process id."""
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not control:
                    pid = key.data
                    _, status = os.waitpid(pid, 0)
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    _tell(replies.pop(pid), f"{os.waitstatus_to_exitcode(status)}\n")
                    continue
                request, (stdin, stdout, stderr, reply), _, _ = socket.recv_fds(control, REQUEST_BYTES, 4)
                if not request:
                    return False
                pid = os.fork()
                if pid == 0:
                    for other in (*replies.values(), reply):
                        os.close(other)
                    control.close()
                    _become(json.loads(request), (stdin, stdout, stderr))
                    return True
                for fd in (stdin, stdout, stderr):
                    os.close(fd)
                replies[pid] = reply
                os.write(reply, f"{pid}\n".encode())
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)


def _tell(reply: int, text: str) -> None:
    try:
        os.write(reply, text.encode())
    except BrokenPipeError:
        pass  # the test is over
    finally:
        os.close(reply)


def _become(request: dict[str, object], fds: tuple[int, int, int]) -> None:
    """Take over the request's streams, folder, environment and arguments."""
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)), "utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8")
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w", closefd=False)), "utf-8", "backslashreplace", line_buffering=True
    )
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(str(request["cwd"]))
    os.environ.clear()
    os.environ.update(request["environ"])  # type: ignore[call-overload]
    sys.argv[1:] = request["arguments"]  # type: ignore[call-overload]
    if request["is_strict"]:
        warnings.simplefilter("error", ResourceWarning)


if __name__ == "__main__":
    preload()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if serve(socket.socket(fileno=int(sys.argv[1]))):
        from tui.cli import main

        sys.exit(main())
