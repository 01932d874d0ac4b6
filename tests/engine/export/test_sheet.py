import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError, NotFoundError, SettingsError
from engine.export.agencies import Agencies, ColumnValue, Preset
from engine.export.fit import SheetRow, fit, mend, shorten
from engine.export.naming import UniqueNames, short_name
from engine.export.sheet import Sheet, SheetChoices

PRESETS = Agencies.load().presets
HEADERS = {
    "adobe": b"Filename,Title,Keywords,Category,Releases\r\n",
    "shutterstock": b"Filename,Description,Keywords,Categories,Editorial,Mature content,illustration\r\n",
    "freepik": b"File name;Title;Keywords;Prompt;Model\r\n",
    "dreamstime": b"\xef\xbb\xbfFilename,Image Name,Description,Category 1,Category 2,Category 3,keywords,"
    b"Free,W-EL,P-EL,SR-EL,SR-Price,Editorial,MR doc Ids,Pr Docs\r\n",
    "123rf": b'"oldfilename","123rf_filename","description","keywords","country"\r\n',
    "vecteezy": b"Filename,Title,Description,Keywords,License\r\n",
    "generic": b"Filename,Title,Description,Keywords\r\n",
}
FITTING = SheetRow(
    image_id=7,
    file_name="cats_k7_7.jpg",
    title="A grey cat sleeps on a warm red sofa",
    description="A grey cat sleeps on a warm red sofa, in the soft light of an AI generated afternoon in autumn.",
    keywords=tuple(f"word {number}" for number in range(12)),
    category="Animals",
    prompt="a cat; grey, on a sofa",
    model="flux-schnell",
    pixels=2_500 * 2_500,
)
"""Every agency takes it, as far as limits go."""


def misfits(agency: str, **changes: Any) -> list[str]:
    return [misfit.message for misfit in fit(replace(FITTING, **changes), PRESETS[agency])]


def sheet_of(agency: str, *rows: SheetRow, preset: Preset | None = None, **choices: bool) -> Sheet:
    sheet = Sheet(preset or PRESETS[agency], SheetChoices(**choices))
    for row in rows:
        sheet.add(row)
    return sheet


def read(content: bytes, preset: Preset) -> list[list[str]]:
    text = content.decode("utf-8-sig" if preset.has_bom else "utf-8")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=preset.separator))


def test_every_agency_is_tested_here() -> None:
    assert set(HEADERS) == set(PRESETS)


@pytest.mark.parametrize("agency", HEADERS)
def test_the_sheet_of_an_agency(agency: str) -> None:
    preset = PRESETS[agency]
    assert misfits(agency) == []
    sheet = sheet_of(agency, FITTING, replace(FITTING, image_id=8, file_name='b;"b",.jpg'))
    (content,) = sheet.files()
    assert content.startswith(HEADERS[agency])
    header, first, second = read(content, preset)
    assert len(header) == len(first) == len(second)
    row = dict(zip(header, first, strict=True))
    named = {
        column.value: row[column.header] for column in preset.columns if column.value is not ColumnValue.TEXT
    }
    wanted = {
        "file_name": FITTING.file_name,
        "title": FITTING.title,
        "description": FITTING.description,
        "keywords": ", ".join(FITTING.keywords),
        "prompt": FITTING.prompt,
        "model": FITTING.model,
        "category": {"adobe": "1", "shutterstock": "Animals/Wildlife"}.get(agency, ""),
    }
    assert named == {value: wanted[value] for value in named}
    assert second[0] == 'b;"b",.jpg'
    assert sheet.changes == []


@pytest.mark.parametrize(
    ("agency", "changes", "message"),
    [
        ("adobe", {"title": "x" * 74}, "title 74/70"),
        ("adobe", {"title": "cats, dogs"}, "title contains “,”"),
        ("adobe", {"title": " "}, "no title"),
        ("adobe", {"keywords": tuple(map(str, range(50)))}, "keywords 50/49"),
        ("adobe", {"keywords": ()}, "0 keywords of at least 1"),
        ("adobe", {"keywords": ("a, b", "c")}, "a comma would split 'a, b'"),
        ("adobe", {"file_name": "x" * 27 + ".jpg"}, "file name 31/30"),
        ("adobe", {"pixels": 1024 * 1024}, "1.05 of at least 4 megapixels"),
        ("adobe", {"pixels": None}, "size not known, at least 4 megapixels are asked for"),
        ("adobe", {"category": "Dreams"}, "Adobe Stock has no category “Dreams”"),
        ("shutterstock", {"description": "x" * 201}, "description 201/200"),
        ("shutterstock", {"keywords": tuple("abcdef")}, "6 keywords of at least 7"),
        ("shutterstock", {"keywords": tuple(map(str, range(51)))}, "keywords 51/50"),
        ("shutterstock", {"category": None}, "no category"),
        ("freepik", {"title": "x" * 101}, "title 101/100"),
        ("freepik", {"keywords": tuple("abcd")}, "4 keywords of at least 5"),
        (
            "dreamstime",
            {"description": "generated"},
            "description has 9 characters, at least 50 are asked for",
        ),
        ("dreamstime", {"description": "generated" + "x" * 1000}, "description 1009/1000"),
        ("dreamstime", {"description": "x" * 60}, "description does not say “AI generated image.”"),
        ("123rf", {"pixels": 5_999_999}, "5.99 of at least 6 megapixels"),
        ("vecteezy", {"keywords": tuple("abcd")}, "4 keywords of at least 5"),
        ("generic", {"description": ""}, "no description"),
    ],
)
def test_a_limit_that_is_broken(agency: str, changes: dict[str, Any], message: str) -> None:
    assert misfits(agency, **changes) == [message]


def test_nothing_is_written_while_a_row_breaks_a_limit() -> None:
    sheet = sheet_of(
        "adobe", FITTING, replace(FITTING, image_id=8, file_name="b.jpg", title="x" * 74, pixels=1)
    )
    with pytest.raises(SettingsError) as raised:
        sheet.require_writable()
    assert raised.value.code == "limits"
    assert [(one.field, one.message) for one in raised.value.problems] == [
        ("image 8", "0.00 of at least 4 megapixels"),
        ("image 8", "title 74/70"),
    ]
    assert "--fix" in raised.value.hint
    sheet_of("adobe", FITTING).require_writable()
    forced = sheet_of("adobe", replace(FITTING, pixels=1), is_forced=True)
    forced.require_writable()
    assert [note.message for note in forced.notes()] == [
        "0.00 of at least 4 megapixels",
        "Adobe Stock takes generated images. Tick in the portal that it was made with generative AI.",
    ]


def test_only_when_asked_is_anything_shortened_and_it_is_told() -> None:
    title = "A very long title, with a comma, about a grey cat that sleeps on a warm sofa all afternoon"
    row = replace(FITTING, title=title, keywords=tuple(f"tag {number}" for number in range(60)))
    assert sheet_of("adobe", row).changes == []
    sheet = sheet_of("adobe", row, is_fixing=True)
    sheet.require_writable()
    _, (_, short, keywords, _, _) = read(sheet.files()[0], PRESETS["adobe"])
    assert short == "A very long title with a comma about a grey cat that sleeps on a warm"
    assert len(short) <= 70
    assert keywords.split(", ") == [f"tag {number}" for number in range(49)]
    messages = [change.message for change in sheet.changes]
    assert messages[0] == f"“{title}” became “{short}”"
    assert messages[1] == "left out: " + ", ".join(f"tag {number}" for number in range(49, 60))
    mended, _ = mend(replace(FITTING, description="x" * 60), PRESETS["dreamstime"])
    assert mended.description == "x" * 60 + " AI generated image."
    assert mend(FITTING, PRESETS["adobe"]) == (FITTING, ())


def test_what_cannot_be_mended_is_left_out_when_asked() -> None:
    sheet = sheet_of(
        "adobe",
        FITTING,
        replace(FITTING, image_id=8, file_name="b.jpg", pixels=1),
        is_fixing=True,
        is_leaving_out=True,
    )
    sheet.require_writable()
    assert sheet.image_ids == [7]
    assert sheet.changes[0].message == "left out: 0.00 of at least 4 megapixels"
    with pytest.raises(InputError, match="No image would be in the sheet"):
        sheet_of("adobe", replace(FITTING, pixels=1), is_leaving_out=True).require_writable()


def test_an_agency_that_refuses_generated_images_gets_none_unless_forced() -> None:
    with pytest.raises(InputError, match="Shutterstock refuses generated images") as raised:
        sheet_of("shutterstock", FITTING).require_writable()
    assert raised.value.code == "refused"
    with pytest.raises(InputError, match="refuses"):
        sheet_of("shutterstock", FITTING, is_fixing=True, is_leaving_out=True).require_writable()
    forced = sheet_of("shutterstock", FITTING, is_forced=True)
    forced.require_writable()
    assert "refuses" in forced.notes()[0].message


def test_figures_that_no_agency_stands_for_are_unverified() -> None:
    assert [note.message for note in sheet_of("vecteezy", FITTING).notes()] == [
        "The limits of Vecteezy are unverified: they are not from its own pages.",
        "Whether Vecteezy takes generated images is unverified.",
    ]


def test_more_rows_than_a_file_may_have() -> None:
    rows = [replace(FITTING, image_id=number, file_name=f"c_{number}.jpg") for number in range(2_001)]
    with pytest.raises(SettingsError, match="rows 2001/1000"):
        sheet_of("adobe", *rows).require_writable()
    fixed = sheet_of("adobe", *rows, is_fixing=True)
    fixed.require_writable()
    parts = [read(part, PRESETS["adobe"]) for part in fixed.files()]
    assert [len(part) for part in parts] == [1_001, 1_001, 2]
    assert {part[0][0] for part in parts} == {"Filename"}
    assert [row[0] for part in parts for row in part[1:]] == [row.file_name for row in rows]


def test_two_rows_about_one_name() -> None:
    sheet = sheet_of("generic", FITTING, replace(FITTING, image_id=8, file_name=FITTING.file_name.upper()))
    assert [problem.message for problem in sheet.all_problems] == ["image 7 has this file name too"]


@pytest.mark.fault(26)
@pytest.mark.parametrize("agency", HEADERS)
def test_no_cell_is_computed(agency: str) -> None:
    evil = '=HYPERLINK("http://x")'
    row = replace(
        FITTING, title=evil, description="\t@SUM(1) generated " + "x" * 50, prompt="\r-1+1", model="+1"
    )
    row = replace(row, keywords=("=cmd|' /C calc'!A0", *row.keywords), file_name="-cat.jpg")
    sheet = sheet_of(agency, row, is_forced=True)
    _, cells = read(sheet.files()[0], PRESETS[agency])
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    marked = {change.field for change in sheet.changes}
    assert marked == {str(column.value) for column in PRESETS[agency].columns} - {"text", "category"}


def test_shortening_ends_behind_a_word() -> None:
    assert shorten("a grey cat, asleep", 12) == "a grey cat"
    assert shorten("a grey cat", 10) == "a grey cat"
    assert shorten("unbelievable", 4) == "unbe"
    assert shorten("one two", 3) == "one"


def test_short_names() -> None:
    assert short_name("Landscapes of the north", "cq2bnpz7", 12, "jpg", 30) == "Landscapes_of_cq2bnpz7_12.jpg"
    assert short_name("Ländereien", "cq2bnpz7", 1, "jpg", 30) == "Lndereien_cq2bnpz7_1.jpg"
    assert short_name("花火", "cq2bnpz7", 10_000, "webp", 30) == "cq2bnpz7_10000.webp"
    assert all(
        len(short_name("x" * 99, "cq2bnpz7", number, "jpeg", 30)) <= 30 for number in (1, 99, 9_999, 10_000)
    )


def test_names_differ_on_every_system() -> None:
    names = UniqueNames()
    taken = [
        names.take(name)
        for name in ("a.png", "A.PNG", "a.png", "../a.png", "caf\u00e9.png", "cafe\u0301.png", "")
    ]
    assert taken == ["a.png", "A-2.PNG", "a-3.png", "a-4.png", "caf\u00e9.png", "caf\u00e9-2.png", "job"]


# ---- presets


def test_presets_of_the_user(tmp_path: Path) -> None:
    file = tmp_path / "agencies.toml"
    file.write_text(
        '[mine]\nname = "Mine"\ngenerated = "accepted"\nrows_per_file = 2\n'
        'columns = [{ header = "F", value = "file_name" }]\n[ADOBE]\nname = "Adobe, as I know it"\n'
        'columns = [{ header = "Filename", value = "file_name" }]\n'
    )
    agencies = Agencies.load(file)
    assert agencies.get("Mine").rows_per_file == 2
    assert agencies.get("adobe").name == "Adobe, as I know it"
    assert list(Agencies.load(tmp_path / "none.toml").presets) == list(PRESETS)
    assert "Landscapes" in Agencies.load().categories
    with pytest.raises(NotFoundError, match="no agency “nobody”") as raised:
        agencies.get("nobody")
    assert "mine" in raised.value.hint


def test_a_wrong_preset_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "agencies.toml"
    file.write_text(
        '[mine]\nname = "Mine"\nmin_megapixel = 4\ncolumns = [{ header = "T", value = "title" }]\n'
    )
    with pytest.raises(SettingsError, match=r"agencies.toml, line 3: Extra inputs"):
        Agencies.load(file)
    file.write_text('[mine]\nname = "Mine"\ncolumns = [{ header = "T", value = "title" }]\n')
    with pytest.raises(SettingsError, match="no column has the value file_name"):
        Agencies.load(file)
