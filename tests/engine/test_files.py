import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.errors import InputError, PauseRequired
from engine.files import (
    PARTIAL_SUFFIX,
    atomic_write,
    cleanup_partials,
    copy_new,
    free_bytes,
    inside_folder,
    partial_path,
    place_without_overwrite,
    sha256_of,
    storage_errors,
    write_new,
)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def temporary(folder: Path, content: bytes) -> Path:
    path = partial_path(folder)
    path.write_bytes(content)
    return path


def test_replaces_a_file_as_a_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    reader = path.open("rb")
    atomic_write(path, b"new")
    with reader:
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.txt"]


def test_takes_a_function_that_writes(tmp_path):
    atomic_write(tmp_path / "a.txt", lambda file: file.writelines([b"one", b"two"]))
    assert (tmp_path / "a.txt").read_bytes() == b"onetwo"


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    (tmp_path / "a.txt").write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise error

    with pytest.raises(type(error)):
        atomic_write(tmp_path / "a.txt", fail)
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"old"


def test_a_full_disk_pauses_and_names_both_numbers(tmp_path):
    def no_room(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(PauseRequired, match=r"\d MB free") as caught:
        atomic_write(tmp_path / "a.txt", no_room)
    assert caught.value.code == "disk"
    with (
        pytest.raises(PauseRequired, match=r"12\.3 MB needed, .* MB free"),
        storage_errors(tmp_path, 12_345_678),
    ):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_really_full_device_pauses(tmp_path):
    with (
        pytest.raises(PauseRequired) as caught,
        storage_errors(tmp_path, 5),
        Path("/dev/full").open("wb", buffering=0) as file,
    ):
        file.write(b"12345")
    assert caught.value.code == "disk"


@pytest.mark.fault(29)
def test_a_missing_folder_pauses(tmp_path):
    for write in (
        lambda: atomic_write(tmp_path / "gone" / "a.txt", b"x"),
        lambda: write_new(tmp_path / "gone", "a", "txt", b"x"),
        lambda: place_without_overwrite(temporary(tmp_path, b"x"), tmp_path / "gone", "a", "txt"),
    ):
        with pytest.raises(PauseRequired, match="gone") as caught:
            write()
        assert caught.value.code == "folder"


def test_a_file_in_the_place_of_the_folder_pauses(tmp_path):
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(PauseRequired) as caught:
        atomic_write(tmp_path / "folder" / "a.txt", b"x")
    assert caught.value.code == "folder"


def test_a_missing_source_is_not_blamed_on_the_folder(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(FileNotFoundError):
        atomic_write(folder / "a.txt", lambda file: file.write((tmp_path / "gone").read_bytes()))
    assert names(folder) == []


def test_other_errors_pass(tmp_path):
    with pytest.raises(TimeoutError), storage_errors(tmp_path):
        raise TimeoutError


def test_never_overwrites(tmp_path):
    (tmp_path / "a.png").write_bytes(b"theirs")
    assert write_new(tmp_path, "a", "png", b"one") == tmp_path / "a-2.png"
    assert write_new(tmp_path, "a", "png", b"two") == tmp_path / "a-3.png"
    assert write_new(tmp_path, "b", "png", b"three") == tmp_path / "b.png"
    assert names(tmp_path) == ["a-2.png", "a-3.png", "a.png", "b.png"]
    assert (tmp_path / "a.png").read_bytes() == b"theirs"


def test_a_symbolic_link_that_leads_nowhere_is_a_taken_name(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "nowhere")
    assert write_new(tmp_path, "a", "png", b"one").name == "a-2.png"
    assert not (tmp_path / "nowhere").exists()


def test_a_repeated_step_finds_what_it_wrote(tmp_path):
    first = write_new(tmp_path, "a", "png", b"one", adopt_identical=True)
    assert write_new(tmp_path, "a", "png", b"one", adopt_identical=True) == first
    assert write_new(tmp_path, "a", "png", b"two", adopt_identical=True).name == "a-2.png"
    assert write_new(tmp_path, "a", "png", b"one").name == "a-3.png"
    assert names(tmp_path) == ["a-2.png", "a-3.png", "a.png"]


@pytest.mark.parametrize("code", [None, errno.EPERM, errno.ENOTSUP])
def test_many_writers_get_many_names(tmp_path, monkeypatch, code):
    if code is not None:  # a file system without hard links

        def no_links(*_, **__):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "link", no_links)
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        write_new(tmp_path, "a", "png", b"%d" % number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(tmp_path)) == 8
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"%d" % number for number in range(8)}


def test_cleaning_up_takes_only_our_own_unfinished_files(tmp_path):
    child = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    dead_pid = int(child.stdout)
    (tmp_path / f".{dead_pid}-0123456789abcdef{PARTIAL_SUFFIX}").write_bytes(b"half")
    being_written = temporary(tmp_path, b"half")
    (tmp_path / f"job_1{PARTIAL_SUFFIX}").write_bytes(b"half")
    (tmp_path / "film.part").write_bytes(b"a browser's")
    (tmp_path / f"folder{PARTIAL_SUFFIX}").mkdir()
    (tmp_path / f"link{PARTIAL_SUFFIX}").symlink_to(tmp_path / "film.part")
    assert cleanup_partials(tmp_path) == 2
    assert being_written.exists()
    being_written.unlink()
    assert names(tmp_path) == ["film.part", f"folder{PARTIAL_SUFFIX}", f"link{PARTIAL_SUFFIX}"]
    assert cleanup_partials(tmp_path / "gone") == 0


@pytest.mark.fault(24)
def test_a_path_has_to_stay_inside(tmp_path):
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "out").symlink_to(tmp_path)
    (root / "in").symlink_to(root / "sub")
    (root / "loop").symlink_to(root / "loop")
    assert inside_folder(root / "in" / "a.png", root) == root / "sub" / "a.png"
    assert inside_folder(root / "new" / "a.png", root) == root / "new" / "a.png"
    for path in (root / "out" / "a.png", root / ".." / "a.png", Path("/etc/passwd"), root / "a\x00b"):
        with pytest.raises(InputError) as caught:
            inside_folder(path, root)
        assert caught.value.code == "outside_folder"


def test_knows_free_room_also_for_folders_to_come(tmp_path):
    assert free_bytes(tmp_path / "not" / "yet") > 0


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_copy_on_the_same_disk_is_a_second_name(tmp_path):
    source = tmp_path / "a.png"
    source.write_bytes(b"picture")
    copy = copy_new(source, tmp_path / "new" / "folder", "b.png")
    assert copy == tmp_path / "new" / "folder" / "b.png"
    assert copy.stat().st_ino == source.stat().st_ino
    assert names(copy.parent) == ["b.png"]


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM])
def test_a_copy_to_another_disk_is_a_whole_one(tmp_path, monkeypatch, code):
    source = tmp_path / "a.png"
    source.write_bytes(b"picture" * 1_000)
    link = os.link

    def another_disk(from_path, to_path, **options):
        if code == errno.EPERM or Path(from_path) == source:
            raise OSError(code, os.strerror(code))
        link(from_path, to_path, **options)

    monkeypatch.setattr(os, "link", another_disk)
    copy = copy_new(source, tmp_path / "b", "a.png")
    assert copy.read_bytes() == source.read_bytes()
    assert copy.stat().st_ino != source.stat().st_ino
    assert names(copy.parent) == ["a.png"]


def test_a_copy_overwrites_nothing_and_knows_itself_again(tmp_path):
    source, folder = tmp_path / "a.png", tmp_path / "b"
    source.write_bytes(b"mine")
    folder.mkdir()
    (folder / "a.png").write_bytes(b"another")
    assert copy_new(source, folder, "a.png").name == "a-2.png"
    assert copy_new(source, folder, "a.png").name == "a-2.png"
    assert (folder / "a.png").read_bytes() == b"another"


def test_a_copy_of_nothing_is_no_fault_of_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        copy_new(tmp_path / "a.png", tmp_path / "b", "a.png")


def test_a_copy_that_has_no_place_to_go_pauses(tmp_path):
    (tmp_path / "a.png").write_bytes(b"mine")
    (tmp_path / "b").write_bytes(b"a file")
    with pytest.raises(PauseRequired) as caught:
        copy_new(tmp_path / "a.png", tmp_path / "b", "a.png")
    assert caught.value.code == "folder"
    assert names(tmp_path) == ["a.png", "b"]
