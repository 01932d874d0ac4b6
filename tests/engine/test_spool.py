import json
from pathlib import Path

from engine.spool import Spool

KEY = "0b7c2c9e-52f4-4a63-9f0e-2f6f3d0c7a11"
OTHER = "1b7c2c9e-52f4-4a63-9f0e-2f6f3d0c7a11"


def test_what_was_written_whole_is_read_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "job")
    outputs = spool.write(KEY, [(b"first", 7), (b"second", None)])
    assert [Path(output["file"]).read_bytes() for output in outputs] == [b"first", b"second"]
    assert [output["seed"] for output in outputs] == [7, None]
    assert Spool(tmp_path / "job").read(KEY) == outputs


def test_pictures_without_their_list_are_as_good_as_none(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(KEY, [(b"first", 7)])
    (tmp_path / "incoming" / f"{KEY}.json").unlink()  # killed before the list, which is the proof of all
    assert spool.read(KEY) is None


def test_nothing_was_ever_written(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "missing")
    assert spool.read(KEY) is None
    spool.clear(KEY)


def test_clearing_takes_one_request_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(KEY, [(b"first", 7)])
    kept = spool.write(OTHER, [(b"other", None)])
    spool.clear(KEY)
    assert spool.read(KEY) is None
    assert spool.read(OTHER) == kept
    assert sorted(path.name for path in (tmp_path / "incoming").iterdir()) == [
        f"{OTHER}-0.bin",
        f"{OTHER}.json",
    ]


def test_writing_again_replaces(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(KEY, [(b"first", 1), (b"second", 2)])
    outputs = spool.write(KEY, [(b"third", 3)])
    assert spool.read(KEY) == outputs == json.loads((tmp_path / "incoming" / f"{KEY}.json").read_text())
    assert Path(outputs[0]["file"]).read_bytes() == b"third"
