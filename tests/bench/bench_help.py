"""CPU seconds of starting the command line: `gimf --help` and `gimf --version`, the best of several starts.

`python tests/bench/bench_help.py`; the aim is 0.15 s for the help, bytecode compiled.
"""

import resource
import subprocess
import sys
from pathlib import Path

_ROUNDS = 7
_AIM_SECONDS = 0.15
_ROOT = Path(__file__).parents[2]


def cpu_seconds(arguments: list[str]) -> float:
    """User and system time of the child, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=_ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print a line for each start, and the bare interpreter to compare with."""
    starts = {
        "python -c pass": ["-c", "pass"],
        "gimf --help": ["-m", "tui.cli", "--help"],
        "gimf --version": ["-m", "tui.cli", "--version"],
        "gimf run --help": ["-m", "tui.cli", "run", "--help"],
    }
    best = {name: min(cpu_seconds(start) for _ in range(_ROUNDS)) for name, start in starts.items()}
    bare = best["python -c pass"]
    for name, seconds in best.items():
        print(f"{name:<16} {seconds:.3f} s  {seconds / bare:4.1f} x the interpreter")
    outcome = "kept" if best["gimf --help"] <= _AIM_SECONDS else "missed"
    print(f"aim for --help   {_AIM_SECONDS:.3f} s: {outcome}")


if __name__ == "__main__":
    main()
