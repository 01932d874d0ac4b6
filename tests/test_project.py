"""The project as a whole: what every checkout, lock file and wheel must keep, whatever the code does."""

import ast
import importlib
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engine.crash import CRASH_POINTS
from tests.support.marks import BEYOND, PROCESS, STORIES

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")

# Put together from pieces, so that this file does not contain what it looks for.
REGISTRY_HOSTS = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "registry." + "npmjs",
    "proxy." + "golang",
    "deb." + "debian",
)
MACHINE_FOLDERS = ("work", "tmp/lab", "tmp/briefs", "opt/pypi", "opt/wheels", "root")


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def project_files() -> list[Path]:
    """Every file that is in the repository or would be with `git add .`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def locked(lock: str) -> dict[str, str]:
    """Each requirement of a lock file as `{name: entry}`: its first line and the hashes that follow."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.findall(r"^[^#\s].*(?:\n[ \t]+--hash=\S+(?: \\)?)*", text, re.MULTILINE)
    return {canonicalize_name(re.split(r"[=\s]", entry, maxsplit=1)[0]): entry for entry in entries}


def version_of(entry: str) -> str:
    pinned = re.match(r"[\w.-]+==([^\s;]+)", entry)
    assert pinned, f"not pinned with ==: {entry[:80]}"
    return pinned[1]


def requirements() -> Iterator[tuple[str, Requirement]]:
    """Each dependency in pyproject.toml with the lock file that must have it."""
    data = pyproject()
    for text in data["project"]["dependencies"] + data["dependency-groups"]["build"]:
        yield "requirements.lock", Requirement(text)
    for text in data["dependency-groups"]["dev"]:
        if isinstance(text, str):
            yield "requirements-dev.lock", Requirement(text)


def run_python(code: str, python: Path, folder: Path) -> str:
    """What `code` prints when an interpreter runs it away from the checkout and its environment variables."""
    finished = subprocess.run(
        [python, "-I", "-c", code],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIMF_HOME": str(folder / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    folders = "|".join(re.escape(folder) for folder in MACHINE_FOLDERS)
    hosts = "|".join(re.escape(host) for host in REGISTRY_HOSTS)
    forbidden = re.compile(rf"{hosts}|(?<![\w.~-])/(?:{folders})/|{re.escape(str(ROOT))}\b".encode())
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]!r}"
        for path in project_files()
        for number, line in enumerate(path.read_bytes().splitlines(), start=1)
        if forbidden.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_and_hashes_every_requirement_and_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert re.search(r"^\s*-(?!-hash=)", text, re.MULTILINE) is None, "an option in a lock file"
    entries = locked(lock)
    assert entries
    for entry in entries.values():
        version_of(entry)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), f"no hash: {entry[:80]}"


def test_locks_satisfy_pyproject() -> None:
    for lock, requirement in requirements():
        entry = locked(lock).get(canonicalize_name(requirement.name))
        assert entry, f"{requirement} is not in {lock}: run `make lock`"
        version = version_of(entry)
        assert requirement.specifier.contains(version), (
            f"{lock} has {version}, not {requirement}: run `make lock`"
        )


def test_development_lock_contains_the_other_one() -> None:
    everything = locked("requirements-dev.lock")
    for name, entry in locked("requirements.lock").items():
        assert version_of(everything.get(name, name)) == version_of(entry)


def test_every_dependency_says_why_it_is_there() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r'^ {4}"([\w.-]+)[<>=!~][^"]*",(.*)$', text, re.MULTILINE)
    assert {canonicalize_name(name) for name, _ in listed} == {
        canonicalize_name(requirement.name) for _, requirement in requirements()
    }
    silent = [name for name, rest in listed if not re.match(r"\s+# \S.{7,}", rest)]
    assert not silent


def test_license_is_mit() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License\n")
    assert "Copyright (c) 2026 The Gen Image Factory authors" in text
    assert pyproject()["project"]["license"] == "MIT"


def test_import_contracts_are_kept() -> None:
    finished = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def crash_points_passed() -> set[str]:
    """Names in calls of `crash_point` and `crash_soon`, and in `partial(crash_point, "mid_poll")`."""
    names = set()
    for path in sorted([*ROOT.glob("engine/**/*.py"), *ROOT.glob("db/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            if not isinstance(node, ast.Call):
                continue
            words = [ast.unparse(part).rpartition(".")[2] for part in (node.func, *node.args[:1])]
            function = next((word for word in words if word in ("crash_point", "crash_soon")), None)
            values = [] if function is None else node.args[words.index(function) :]
            if values and isinstance(values[0], ast.Constant):
                names.add(str(values[0].value))
    return names


def test_every_crash_point_is_passed_somewhere_and_every_passage_has_a_name() -> None:
    assert crash_points_passed() == set(CRASH_POINTS)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_contains_the_program_and_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        contents = set(archive.namelist())
    sources = [path for package in ("db", "engine", "tui") for path in ROOT.glob(f"{package}/**/*")]
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        if path.suffix in {".py", ".sql", ".toml", ".tcss"}
    }
    assert {"db/migrations/001_initial.sql", "engine/providers/base.py"} <= expected
    assert any(re.fullmatch(r"engine/providers/\w+\.toml", name) for name in expected)
    assert expected | {"tui/styles.tcss"} <= contents
    outside = {
        name
        for name in contents
        if not re.match(r"(db|engine|tui|gen_image_factory-[^/]+\.dist-info)/", name)
    }
    assert not outside


def test_program_starts_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    """In an environment that holds the wheel, unpacked, and has only its dependencies from this one."""
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    site_packages = Path(
        run_python("import sysconfig; print(sysconfig.get_path('purelib'))", python, tmp_path).strip()
    )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site_packages)
    # A folder named in a .pth file is searched, its own .pth files are not: the editable install stays out.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    where = run_python(
        "import db, engine, tui; print(db.__file__, engine.__file__, tui.__file__)", python, tmp_path
    )
    assert where.count(str(site_packages)) == 3
    start = (
        "from importlib.metadata import entry_points as e; (s,) = e(group='console_scripts', name='gimf'); "
    )
    printed = run_python(
        start + "import sys; sys.argv[1:] = ['--version']; sys.exit(s.load()())", python, tmp_path
    )
    assert pyproject()["project"]["version"] in printed


def test_every_part_of_the_tests_has_a_task_and_a_known_marker() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    chosen = dict(
        re.findall(
            r'^(test-[a-z]+):.*\n\t.*WORKERS\) --dist worksteal -m "?([^"\n]+?)"? \$\(ARGS\)',
            makefile,
            re.MULTILINE,
        )
    )
    assert chosen == {
        "test-unit": f"not ({' or '.join(BEYOND)})",
        "test-fast": f"not {STORIES}",
        "test-acceptance": STORIES,
    }
    phony = " ".join(re.findall(r"^\.PHONY:(.*)$", makefile, re.MULTILINE)).split()
    assert set(chosen) <= set(phony)
    known = {marker.partition(":")[0] for marker in pyproject()["tool"]["pytest"]["ini_options"]["markers"]}
    assert set(BEYOND) <= known


def test_a_commit_of_the_product_runs_the_fast_tests() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"entry: make test-fast\n(?: {8}\w.*\n)*? {8}files: (.*)", hooks)
    for name in ("engine/queue.py", "db/migrations/001_initial.sql", "tui/screens/jobs.py"):
        assert re.search(pattern, name)
    assert not re.search(pattern, "docs/tui/ssh.md")


def test_what_goes_beyond_its_process_is_marked_by_itself(request: pytest.FixtureRequest) -> None:
    """This module holds `subprocess`."""
    assert {mark.name for mark in request.node.iter_markers()} & set(BEYOND) == {PROCESS}


@pytest.mark.parametrize(
    "name",
    sorted(path.stem for path in (ROOT / "tests").glob("*/*.py") if path.parent.name in ("bench", "soak")),
)
def test_what_no_test_runs_can_be_imported(name: str) -> None:
    (path,) = [*ROOT.glob(f"tests/bench/{name}.py"), *ROOT.glob(f"tests/soak/{name}.py")]
    importlib.import_module(f"tests.{path.parent.name}.{name}")
