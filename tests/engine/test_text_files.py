from pathlib import Path

import pytest

from engine.errors import InputError, TemplateError
from engine.text_files import read_text_file

TEXT = "naïve café — 5 €\nzwei"


def write(tmp_path: Path, raw: bytes) -> Path:
    path = tmp_path / "x.txt"
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (b"\xef\xbb\xbf" + TEXT.encode(), "utf-8"),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), "utf-16-le"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (b"\xff\xfe\0\0" + TEXT.encode("utf-32-le"), "utf-32-le"),
        (b"\0\0\xfe\xff" + TEXT.encode("utf-32-be"), "utf-32-be"),
        (TEXT.encode("cp1252"), "cp1252"),
    ],
)
def test_common_encodings_give_the_same_text(tmp_path: Path, raw: bytes, encoding: str) -> None:
    file = read_text_file(write(tmp_path, raw))
    assert (file.text, file.encoding) == (TEXT, encoding)


def test_line_ends_become_one_kind(tmp_path: Path) -> None:
    assert read_text_file(write(tmp_path, b"a\r\nb\rc\n\r\nd")).text == "a\nb\nc\n\nd"


def test_an_empty_file_is_empty_text(tmp_path: Path) -> None:
    assert read_text_file(write(tmp_path, b"")).text == ""


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("grün\r\nrot\r\nbl".encode() + b"\xe9\n", ["line 3", "0xe9", "not UTF-8"]),
        (b"plain\n\x81\n", ["line 2", "0x81", "neither UTF-8 nor Windows-1252"]),
        (b"\xef\xbb\xbfone\n\xff\n", ["line 2", "0xff", "not UTF-8"]),
        (b"\xff\xfe" + "a\nb".encode("utf-16-le") + b"\x00\xd8", ["line 2", "not UTF-16-LE"]),
        (b"one\ntwo\0\n", ["line 2", "NUL"]),
    ],
)
def test_bad_bytes_name_their_line(tmp_path: Path, raw: bytes, words: list[str]) -> None:
    path = write(tmp_path, raw)
    with pytest.raises(InputError) as caught:
        read_text_file(path)
    assert str(path) in caught.value.message
    assert all(word in caught.value.message for word in words), caught.value.message


def test_what_cannot_be_read_is_named_with_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="there is no such file"):
        read_text_file(tmp_path / "none.txt", error=TemplateError)
    with pytest.raises(TemplateError, match="this is no file"):
        read_text_file(tmp_path, error=TemplateError)
    with pytest.raises(InputError, match="larger than 3 bytes"):
        read_text_file(write(tmp_path, b"four"), max_bytes=3)
    assert read_text_file(write(tmp_path, b"for"), max_bytes=3).text == "for"
