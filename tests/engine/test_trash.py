from pathlib import Path

from engine.trash import Trash


def test_a_file_goes_in_and_comes_back_under_its_name(tmp_path: Path) -> None:
    trash, output = Trash(tmp_path / "trash"), tmp_path / "output"
    output.mkdir()
    file = output / "cat_1.png"
    file.write_bytes(b"cat")
    place = trash.put(7, file, output)
    assert place == tmp_path / "trash" / "7" / "cat_1.png"
    assert not file.exists()
    assert trash.holds(str(place))
    assert str(place).startswith(trash.prefix)
    assert not trash.holds(str(file))
    assert not trash.holds(None)
    assert trash.copy_back(7, place, output) == file
    assert trash.half_back() == [7]
    trash.arrived(7)
    assert trash.half_back() == []
    assert place.exists(), "until it is dropped, so that a kill in between loses nothing"
    trash.drop(7)
    assert file.read_bytes() == b"cat"
    assert list((tmp_path / "trash").iterdir()) == []
    trash.drop(7)


def test_a_copy_that_was_never_written_down_is_taken_away_and_nothing_else(tmp_path: Path) -> None:
    trash, output = Trash(tmp_path / "trash"), tmp_path / "output"
    output.mkdir()
    file = output / "cat_1.png"
    file.write_bytes(b"cat")
    place = trash.put(7, file, output)
    assert place is not None
    others = {"cat_1.png": b"dog", "cat_1-3.png": b"cow", "cat_10.png": b"cat", "cat_1-x.png": b"cat"}
    for name, content in others.items():
        (output / name).write_bytes(content)
    assert trash.copy_back(7, place, output) == output / "cat_1-2.png"
    trash.take_copy_away(place, output)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == others
    assert place.read_bytes() == b"cat"
    trash.take_copy_away(place, tmp_path / "gone")


def test_what_is_there_already_is_found_again(tmp_path: Path) -> None:
    trash = Trash(tmp_path / "trash")
    file = tmp_path / "cat.png"
    file.write_bytes(b"cat")
    place = trash.put(7, file, tmp_path)
    assert trash.put(7, file, tmp_path) == place
    assert trash.put(8, file, tmp_path) is None


def test_two_images_may_have_files_of_one_name(tmp_path: Path) -> None:
    trash = Trash(tmp_path / "trash")
    for image_id, folder in ((1, "a"), (2, "b")):
        file = tmp_path / folder / "cat.png"
        file.parent.mkdir()
        file.write_bytes(folder.encode())
        place = trash.put(image_id, file, file.parent)
        assert place is not None
        assert place.read_bytes() == folder.encode()
