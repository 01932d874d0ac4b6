"""An SSH server of a test's own on the loopback address, with throw-away keys; it lets in whoever runs the test."""

import asyncio
import getpass
import os
import shlex
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
PATIENCE_S = 15.0


class SshServer:
    """Where it listens, and the command that gets in."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port
        self.pid = 0

    @property
    def command(self) -> str:
        """`ssh` with a terminal, without anything of the user's own configuration."""
        options = (
            *("-tt", "-F", "none", "-p", str(self.port), "-i", str(self._folder / "user_key")),
            *("-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
            *("-o", f"UserKnownHostsFile={self._folder / 'known_hosts'}", "-o", "BatchMode=yes"),
        )
        return shlex.join(("ssh", *options, f"{getpass.getuser()}@127.0.0.1"))

    def line_for(self, command: str, environ: Mapping[str, str], folder: Path) -> str:
        """The line for a shell that runs a command at the other end, in that folder and with these variables."""
        variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in environ.items())
        return f"{self.command} {shlex.quote(f'cd {shlex.quote(str(folder))} && env {variables} {command}')}"

    def drop_lines(self) -> int:
        """Kill the processes that hold the connections, as a line that breaks; how many there were."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        killed = 0
        for child in [*children, *(own for one in children for own in _children(int(one)))]:
            if "sshd" in Path(f"/proc/{child}/comm").read_text():
                os.kill(int(child), signal.SIGKILL)
                killed += 1
        return killed


def is_ssh_there() -> bool:
    """Whether an SSH server and its client are installed."""
    return (
        all(shutil.which(name) for name in (SSHD, "ssh", "ssh-keygen")) and Path("/proc/self/task").exists()
    )


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@asynccontextmanager
async def ssh_server(folder: Path) -> AsyncIterator[SshServer]:
    """Skipped, with the reason, where there is no SSH server or none that runs here."""
    missing = [name for name in (SSHD, "ssh", "ssh-keygen") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (packages openssh-server and openssh-client)")
    if not Path("/proc/self/task").exists():
        pytest.skip("finding the processes of a connection needs /proc")
    folder.mkdir(mode=0o700, parents=True)
    for name in ("host_key", "user_key"):
        await _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = SshServer(folder, probe.getsockname()[1])
    config = folder / "sshd_config"
    config.write_text(
        f"Port {server.port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host_key'}\nPidFile none\n"
        f"AuthorizedKeysFile {folder / 'authorized_keys'}\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\nPrintMotd no\nPrintLastLog no\n"
    )
    log = folder / "log"
    process = await asyncio.create_subprocess_exec(SSHD, "-D", "-f", str(config), "-E", str(log))
    server.pid = process.pid
    try:
        await _until_it_listens(server, process, log)
        yield server
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_it_listens(server: SshServer, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
    pytest.skip(f"sshd does not run here: {log.read_text().strip()}")


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0, command
