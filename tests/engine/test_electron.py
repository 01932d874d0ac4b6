"""Imports of databases as the Electron program wrote them, into an engine of its own."""

import contextlib
import json
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from db import imports
from db.connection import Database
from engine.api import ImageQuery, JobQuery, LogQuery
from engine.electron.keys import find_keys
from engine.electron.settings_map import map_settings
from engine.electron.source import open_old
from engine.electron.statuses import NEVER_CHECKED, image_verdict
from engine.electron.values import document, moment, tags
from engine.errors import InputError
from engine.events import ImportProgressed
from engine.service import Engine
from engine.settings import Settings
from engine.views import ImageStatus, ImageView, JobStatus, JobView, Stage
from tests.support.electron import OPENAI_KEY, PIAPI_KEY, SETTINGS, OldProgram
from tests.support.engine import EngineHome, Listener


@pytest.fixture(params=[True, False], ids=["new", "old"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> OldProgram:
    """A filled database with the columns of the newer program, and of the older one."""
    program = OldProgram(tmp_path / "old", is_new=request.param)
    program.fill()
    return program


@pytest.fixture
async def engine(home: EngineHome) -> AsyncIterator[Engine]:
    async with home.open(is_working=False) as opened:
        yield opened


async def all_images(engine: Engine) -> dict[str, ImageView]:
    """By the name of the file that they had in the old program."""
    page = await engine.images(ImageQuery(statuses=(), limit=1_000, sort="oldest"))
    return {Path(image.file or "").stem: image for image in page.rows}


async def all_jobs(engine: Engine) -> list[JobView]:
    return list((await engine.jobs(JobQuery(sort="oldest", limit=1_000))).rows)


def everything_beside(path: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(file): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in sorted(path.parent.rglob("*"))
        if file.is_file()
    }


async def test_what_comes_over(engine: Engine, old: OldProgram, home: EngineHome) -> None:
    before = everything_beside(old.path)
    dry = await engine.import_electron(str(old.path), is_dry_run=True)
    assert await all_jobs(engine) == []
    assert await engine.configurations() == []
    view = await engine.import_electron(str(old.path))
    assert view.model_copy(update={"is_dry_run": True}) == dry.model_copy(
        update={"images": view.images, "images_by_status": view.images_by_status, "left_out": view.left_out}
    )
    assert everything_beside(old.path) == before, "the old program's folder is as it was"
    assert not list(home.paths.data_dir.glob(".import-*"))

    jobs = await all_jobs(engine)
    assert [(job.status, job.images.planned) for job in jobs] == [
        (JobStatus.COMPLETED, 10),
        (JobStatus.INTERRUPTED, 2),
        (JobStatus.FAILED, 0),
        (JobStatus.INTERRUPTED, 0),
        (JobStatus.COMPLETED, 2),
    ]
    assert jobs[0].created_at == "2025-03-02T10:00:00.000Z"
    assert jobs[0].finished_at == "2025-03-02T10:10:00.000Z"
    assert jobs[0].duration_s == 600
    counts = jobs[0].images
    assert (counts.approved, counts.qc_failed, counts.failed, counts.pending) == (3, 1, 6, 0)
    assert jobs[0].label == ("cats [/oops]" if old.has_label else jobs[0].label)
    assert jobs[0].configuration == "default"
    assert jobs[2].error is not None
    assert jobs[2].error.message == "Incorrect API key provided: •••[31m"

    images = await all_images(engine)
    assert {name: (one.status, one.stage) for name, one in images.items()} == {
        "a": (ImageStatus.APPROVED, None),
        "b": (ImageStatus.APPROVED, None),
        "d": (ImageStatus.FAILED, "save"),
        "e": (ImageStatus.APPROVED, None),
        "f": (ImageStatus.QC_FAILED, "quality_check"),
        "g": (ImageStatus.FAILED, "trim"),
        "h": (ImageStatus.FAILED, "quality_check"),
        "i": (ImageStatus.RETRY_FAILED, "quality_check"),
        "both": (ImageStatus.APPROVED, None),
        "l": (ImageStatus.FAILED, "quality_check"),
        "m": (ImageStatus.FAILED, "quality_check"),
    }
    cat = images["a"]
    assert (cat.title, cat.description, cat.tags) == ("Cat on a mat", "A cat.", ("cat", "mat"))
    assert (cat.prompt, cat.seed, cat.width, cat.height) == ("a cat, not •••", 42, 24, 16)
    assert cat.created_at == "2025-03-02T10:01:40.000Z"
    assert (cat.provider, cat.model) == ("piapi", "midjourney")
    assert cat.reason == "Approved in the Electron program; not checked here."
    assert images["b"].reason == "Approved in the Electron program; not checked here. Nice."
    assert images["g"].reason == "The box is empty."
    assert {Path(one.file).name for one in view.left_out} == {"c.png", "both.png", "gen-image-factory.db"}
    assert view.images.imported == len(images) == 11
    assert view.images.left_out == 3
    assert sum(view.images_by_status.values()) == 11
    assert [note for note in view.notes if "is not known here" in note] != []


async def test_nothing_is_taken_over_twice(engine: Engine, old: OldProgram) -> None:
    first = await engine.import_electron(str(old.path))
    jobs, images = await all_jobs(engine), await all_images(engine)
    await engine.rename_configuration("posters", "big posters")
    await engine.trash_images([images["f"].image_id])
    again = await engine.import_electron(str(old.path))
    assert (again.configurations.imported, again.jobs.imported, again.images.imported) == (0, 0, 0)
    assert again.images.already == first.images.imported
    assert (await all_images(engine)).keys() == images.keys()
    assert {one.name for one in await engine.configurations()} == {"default", "big posters"}

    old.picture("final/late.png", 20)
    late = {"image_mapping_id": "z", "execution_id": 1, "final_image_path": "pictures/final/late.png"}
    old.insert("generated_images", [{**late, "qc_status": "passed"}])
    copy = old.folder / "copy.db"
    copy.write_bytes(old.path.read_bytes())
    more = await engine.import_electron(str(copy))
    assert (more.jobs.imported, more.images.imported) == (0, 1)
    counts = (await engine.job(jobs[0].job_id)).images
    assert (counts.planned, counts.approved) == (11, 4)

    await engine.delete_jobs([jobs[0].job_id])
    gone = await engine.import_electron(str(copy))
    assert (gone.jobs.imported, gone.images.imported) == (0, 0)


@pytest.mark.parametrize(
    ("step", "times"), [("insert_image", 0), ("insert_image", 3), ("insert_image", 10), ("settle_job", 0)]
)
async def test_an_import_that_was_cut_off_goes_on(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, times: int
) -> None:
    old = OldProgram(tmp_path / "old")
    old.fill()
    act, count = getattr(imports, step), 0

    async def cut_off(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count > times:
            raise KeyError("the power is gone")
        return await act(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(imports, step, cut_off)
        with pytest.raises(KeyError):
            await engine.import_electron(str(old.path))
    await engine.import_electron(str(old.path))
    assert len(await all_images(engine)) == 11
    for job in await all_jobs(engine):
        counts = job.images
        done = counts.approved + counts.qc_failed + counts.failed + counts.pending
        assert done == counts.planned
    assert (await all_jobs(engine))[0].images.planned == 10


async def test_how_far_it_is_is_told(engine: Engine, old: OldProgram) -> None:
    async with Listener(engine) as heard:
        await engine.import_electron(str(old.path))
        assert (await heard.wait_for(ImportProgressed)).total == 14


async def test_counts_add_up_with_images_that_never_came(engine: Engine, tmp_path: Path) -> None:
    old = OldProgram(tmp_path / "old")
    counted = {"total_images": 10, "successful_images": 7, "failed_images": 3, "status": "completed"}
    old.insert("job_executions", [{"id": 1, "started_at": "2025-01-01 00:00:00", **counted}])
    row = {"image_mapping_id": "a", "execution_id": 1, "qc_status": "approved"}
    old.insert("generated_images", [{**row, "final_image_path": old.picture("a.png")}])
    await engine.import_electron(str(old.path))
    (job,) = await all_jobs(engine)
    assert (job.images.planned, job.images.approved, job.images.failed) == (10, 1, 9)
    entries = await engine.logs(LogQuery(job_id=job.job_id))
    assert "counted 10 images: 7 successful, 3 failed" in entries[0].message
    detail = await engine.job_detail(job.job_id)
    assert detail.generations[-1].tasks[0].error is not None


async def test_no_key_comes_over_or_is_told(engine: Engine, old: OldProgram, home: EngineHome) -> None:
    view = await engine.import_electron(str(old.path))
    assert view.keys_in_clear == ("openai", "piapi")
    await engine.flush_logs()
    told = view.model_dump_json()
    kept = b"".join(
        file.read_bytes()
        for file in home.paths.data_dir.rglob("*")
        if file.is_file() and file.name != "engine.lock"
    )
    for key in (OPENAI_KEY, PIAPI_KEY):
        assert key not in told
        assert key.encode() not in kept


async def test_approved_never_means_checked(engine: Engine, old: OldProgram, home: EngineHome) -> None:
    await engine.import_electron(str(old.path))
    database = await Database.open(home.paths.database_file, read_only=True)
    try:
        async with database.reading() as connection:
            rows = await connection.execute_fetchall(
                "SELECT approval, is_checked, output_file FROM images WHERE status = 'approved' ORDER BY image_id"
            )
        assert await database.check_integrity() == []
    finally:
        await database.close()
    approvals = [tuple(row)[:2] for row in rows]
    # The snapshot of the second job, which only the newer program kept, had the check off.
    second = "unchecked_by_settings" if old.has_label else "manual"
    assert approvals == [("manual", 0), ("manual", 0), ("manual", 0), (second, 0)]
    assert all(Path(row[2]).is_file() for row in rows)


async def test_an_imported_job_does_not_go_on_by_itself(home: EngineHome, tmp_path: Path) -> None:
    old = OldProgram(tmp_path / "old")
    old.fill()
    async with home.open(is_working=False) as engine:
        await engine.import_electron(str(old.path))
    async with home.open() as engine:
        assert await engine.queue() == []
        assert (await all_jobs(engine))[1].status is JobStatus.INTERRUPTED
        assert await engine.unfinished_jobs() == []
    assert home.payments("openai") == []


async def test_copies_lie_in_our_folders(engine: Engine, old: OldProgram, home: EngineHome) -> None:
    await engine.import_electron(str(old.path), is_copying=True)
    page = await engine.images(ImageQuery(statuses=(), limit=100))
    files = [Path(name) for image in page.rows for name in (image.file, image.original_file) if name]
    assert len(files) > 10
    for file in files:
        assert file.is_relative_to(home.root)
        assert file.stat().st_nlink == 1, "a copy of its own"
    assert (await engine.import_electron(str(old.path), is_copying=True)).images.imported == 0


async def test_an_imported_image_goes_to_the_trash_and_back(engine: Engine, tmp_path: Path) -> None:
    old = OldProgram(tmp_path / "old")
    old.fill()
    await engine.import_electron(str(old.path))
    one = (await all_images(engine))["b"]
    assert one.status is ImageStatus.APPROVED
    trashed = await engine.trash_images([one.image_id])
    assert trashed.done == (one.image_id,)
    restored = await engine.restore_images([one.image_id])
    assert restored.done == (one.image_id,)
    back = await engine.image(one.image_id)
    assert back.file == one.file


async def test_a_rejected_image_is_approved_here_from_its_old_file(engine: Engine, tmp_path: Path) -> None:
    old = OldProgram(tmp_path / "old")
    old.fill()
    await engine.import_electron(str(old.path))
    rejected = (await all_images(engine))["f"]
    assert rejected.status is ImageStatus.QC_FAILED
    decision = await engine.approve_images([rejected.image_id])
    assert decision.refused == ()
    now = await engine.image(rejected.image_id)
    assert (now.status, now.reason) == (ImageStatus.APPROVED, "Manually approved")
    assert Path(now.file or "").is_file()
    assert rejected.file is not None
    assert Path(rejected.file).is_file()
    assert now.file != rejected.file


async def test_an_image_that_was_never_checked_is_decided_here(engine: Engine, tmp_path: Path) -> None:
    old = OldProgram(tmp_path / "old")
    old.fill()
    await engine.import_electron(str(old.path))
    waiting = (await all_images(engine))["m"]
    assert waiting.reason == "It was still waiting in the Electron program and was never checked."
    job = await engine.job(waiting.job_id)
    assert (job.status, job.images.pending) == (JobStatus.INTERRUPTED, 0), "its job never goes on"
    decision = await engine.approve_images([waiting.image_id])
    assert decision.refused == ()
    assert (await engine.image(waiting.image_id)).status is ImageStatus.APPROVED


async def test_a_taken_name_is_not_overwritten(engine: Engine, tmp_path: Path) -> None:
    await engine.save_configuration("default", {"generation": {"generations": 7}})
    old = OldProgram(tmp_path / "old")
    old.fill()
    view = await engine.import_electron(str(old.path))
    assert view.configuration_names == ("default (imported)", "posters")
    own = await engine.configuration("default")
    assert own.settings["generation"]["generations"] == 7
    assert own.is_default


async def test_changes_that_are_not_in_the_file_yet_are_read(engine: Engine, tmp_path: Path) -> None:
    old = OldProgram(tmp_path / "old")
    writer = sqlite3.connect(old.path, isolation_level=None)
    try:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO job_executions (id, status) VALUES (1, 'completed')")
        before = everything_beside(old.path)
        assert any(name.endswith("-wal") for name in before)
        view = await engine.import_electron(str(old.path))
        assert everything_beside(old.path) == before
    finally:
        writer.close()
    assert view.jobs.imported == 1


async def test_a_copy_that_a_kill_left_is_gone_after_the_next_start(home: EngineHome) -> None:
    home.paths.ensure()
    left = home.paths.data_dir / ".import-abc123"
    left.mkdir()
    (left / "old.db").write_text(OPENAI_KEY)
    async with home.open(is_working=False):
        assert not left.exists()


@example(spots=[(3853, 128)])  # a byte of the text that makes a table is no UTF-8
@given(spots=st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 255)), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_damaged_file_is_read_or_refused_in_words(
    spots: list[tuple[int, int]], engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.db"
    if not (tmp_path / "old").exists():
        OldProgram(tmp_path / "old").fill()
    data = bytearray((tmp_path / "old" / "gen-image-factory.db").read_bytes())
    for place, value in spots:
        data[16 + place % (len(data) - 16)] = value
    path.write_bytes(data)
    with contextlib.suppress(InputError):
        await engine.import_electron(str(path), is_dry_run=True)
    assert path.read_bytes() == bytes(data)


def test_json_that_is_nested_beyond_reason_is_no_settings() -> None:
    for depth in (50, 900, 5_000, 50_000):
        text = '{"parameters": {"count": ' + "[" * depth + "]" * depth + "}}"
        found, unmapped = mapped(document(text))
        assert found.generation.generations == 1
        assert set(unmapped) <= {"parameters.count"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "does not exist"),
        (b"", "is no SQLite database"),
        (b"SQLite format 3\0" + b"\xff" * 5_000, "cannot be read as a database"),
        (
            "CREATE TABLE theirs (x)",
            "it has no table job_configurations or job_executions or generated_images",
        ),
        ("CREATE TABLE job_executions (id)", "its table job_executions has no column status"),
        ("CREATE VIEW job_executions AS SELECT 1 AS id, 2 AS status", "it has no table"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes | str | None, why: str) -> None:
    path = tmp_path / "x.db"
    if isinstance(content, str):
        connection = sqlite3.connect(path)
        connection.execute(content)
        connection.close()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=why), open_old(path, tmp_path):
        pass


async def test_our_own_database_is_refused(engine: Engine, home: EngineHome) -> None:
    with pytest.raises(InputError, match="this very program"):
        await engine.import_electron(str(home.paths.database_file))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.db")
    with pytest.raises(InputError, match="is no file"), open_old(tmp_path / "x.db", tmp_path):
        pass


# ---- settings


def mapped(document: dict[str, Any]) -> tuple[Settings, dict[str, str]]:
    masker, _ = find_keys([document])
    found = map_settings(document, masker)
    return found.settings, dict(found.unmapped)


def test_the_whole_example_is_mapped() -> None:
    found, unmapped = mapped(SETTINGS)
    assert unmapped == {
        "parameters.pollingInterval": "its unit is not certain; ours is seconds and keeps its default"
    }
    assert (found.generation.provider, found.generation.model) == ("piapi", "midjourney")
    assert found.generation.aspect_ratios == ("1:1", "16:9")
    assert found.files.keywords_file == "./keywords.txt"
    assert found.files.quality_prompt_file is None
    assert found.generation.timeout_minutes == 15
    assert found.prompt.openai_model == "gpt-4o"
    assert found.processing.remove_background
    assert found.processing.on_remove_background_failure == "continue"
    assert (found.processing.convert, found.processing.convert_format) == (True, "png")
    assert (found.processing.sharpening, found.processing.saturation) == (5.0, 1.4)


@pytest.mark.parametrize(
    "document",
    [
        {"apiKeys": {"openai": OPENAI_KEY}},
        {"apiKeys": json.dumps({"openai": OPENAI_KEY})},
        {"openai": OPENAI_KEY},
        {"advanced": {"removeBg": OPENAI_KEY}},
        {"parameters": {"openaiApiKey": OPENAI_KEY}},
        {"sessions": [{"auth": {"accessToken": OPENAI_KEY}}]},
    ],
)
def test_keys_are_found_wherever_they_stand(document: dict[str, Any]) -> None:
    masker, services = find_keys([document])
    assert len(services) == 1
    assert masker.mask(f"why {OPENAI_KEY}?") == "why •••?"
    assert OPENAI_KEY not in mapped(document)[0].model_dump_json()


def test_a_switch_is_no_key() -> None:
    assert find_keys([SETTINGS | {"apiKeys": {"openai": " ", "removeBg": ""}}])[1] == ()


def test_newer_fields_and_what_cannot_be_mapped() -> None:
    found, unmapped = mapped(
        {
            "parameters": {
                "runwareModel": "runware:101@1",
                "runwareDimensionsCsv": "1024x768, 512x512",
                "runwareFormat": "png",
                "negativePrompt": "text",
                "variations": "4",
                "count": 2500,
                "keywordRandom": True,
                "generationRetryAttempts": 3,
                "generationRetryBackoffMs": 1500,
                "loraEnabled": True,
                "lora": [{"model": "civitai:1@2", "weight": 0.8}],
                "runwareAdvancedEnabled": True,
                "runwareAdvanced": {"CFGScale": 7.5, "steps": 30, "scheduler": "Euler", "checkNSFW": True},
                "openaiModel": f"gpt {OPENAI_KEY}",
                "mjVersion": "niji 6",
            },
            "apiKeys": {"openai": OPENAI_KEY},
            "processing": {"convertToWebp": True, "removeBg": False, "jpgQuality": 900},
            "novelty": {"a": 1},
            "pngQuality": 80,
        }
    )
    assert (found.generation.provider, found.generation.model) == ("runware", "runware:101@1")
    assert found.generation.dimensions == ("1024x768", "512x512")
    assert found.generation.keyword_order == "random"
    assert (found.generation.attempts, found.generation.backoff_seconds) == (3, 1.5)
    assert [(lora.model, lora.weight) for lora in found.generation.loras] == [("civitai:1@2", 0.8)]
    assert (found.generation.guidance, found.generation.steps) == (7.5, 30)
    assert found.processing.convert_format == "webp"
    assert unmapped.keys() == {
        "parameters.runwareAdvanced.scheduler",
        "parameters.runwareAdvanced.checkNSFW",
        "parameters.openaiModel",
        "parameters.mjVersion",
        "processing.jpgQuality",
    } | {"novelty", "pngQuality"}


def test_fields_that_do_not_fit_each_other_are_named() -> None:
    found, unmapped = mapped({"count": 2500, "variations": 20})
    assert (found.generation.generations, found.generation.variations) == (1, 20)
    assert unmapped == {"count": "it does not fit the others"}


def test_advanced_settings_count_only_where_they_are_switched_on() -> None:
    found, unmapped = mapped(
        {
            "parameters": {
                "loraEnabled": False,
                "lora": [{"model": "x", "weight": 1}],
                "runwareAdvanced": {"steps": 9},
            }
        }
    )
    assert (found.generation.loras, found.generation.steps, unmapped) == ((), None, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [name for group in SETTINGS.values() for name in group] + ["lora", "runwareModel", "steps"]
)
GROUPS = st.sampled_from([*SETTINGS, "novelty"])
HOSTILE_SETTINGS = st.dictionaries(GROUPS, st.dictionaries(NAMES, JSON, max_size=5) | JSON, max_size=4) | (
    st.dictionaries(NAMES, JSON, max_size=5)
)


@given(HOSTILE_SETTINGS)
@settings(max_examples=60, deadline=None)
def test_any_settings_become_valid_ones(document: dict[str, Any]) -> None:
    document["apiKeys"] = {"openai": OPENAI_KEY}
    found, unmapped = mapped(document)
    assert Settings.model_validate(found.model_dump()) == found
    assert OPENAI_KEY not in repr(unmapped)
    assert OPENAI_KEY not in found.model_dump_json()


# ---- values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2025-03-02 10:00:00", "2025-03-02T10:00:00+00:00"),
        (1740909600000, "2025-03-02T10:00:00+00:00"),
        ("1740909600000", "2025-03-02T10:00:00+00:00"),
        (1740909600, "2025-03-02T10:00:00+00:00"),
        ("2025-03-02T12:00:00+02:00", "2025-03-02T10:00:00+00:00"),
        ("yesterday", None),
        (float("nan"), None),
        (10**400, None),
        (-5, None),
        (True, None),
        (b"2025", None),
    ],
)
def test_times(value: object, text: str | None) -> None:
    found = moment(value)
    assert (None if found is None else found.isoformat()) == text


def test_json_inside_json() -> None:
    assert document(json.dumps(json.dumps({"a": 1}))) == {"a": 1}
    assert document("[1]") == {}
    assert document("[" * 100_000) == {}
    assert document(b"{}") == {}


def test_tags_come_as_text_or_as_a_list() -> None:
    assert tags("cat, mat,, cat") == ("cat", "mat")
    assert tags({"en": ["a", 3, None]}) == ("a", "3")
    assert tags(7) == ()


# ---- hostile rows

CELL = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.binary(max_size=6)
    | JSON.map(lambda value: json.dumps(json.dumps(value)))
    | st.sampled_from(
        ["approved", "failed", "1", "../../x", "processing_failed:nowhere", '{"title": {"en": 3}}']
    )
)
COLUMNS = {
    "job_configurations": ("id", "name", "settings", "created_at"),
    "job_executions": (
        *("id", "configuration_id", "started_at", "completed_at", "status", "total_images", "error_message"),
        *("label", "configuration_snapshot"),
    ),
    "generated_images": (
        *("id", "image_mapping_id", "execution_id", "generation_prompt", "seed", "qc_status", "qc_reason"),
        *("final_image_path", "temp_image_path", "metadata", "created_at"),
    ),
}
ROWS = st.fixed_dictionaries(
    {
        table: st.lists(st.fixed_dictionaries(dict.fromkeys(columns, CELL)), max_size=3)
        for table, columns in COLUMNS.items()
    }
)


@pytest.fixture
def picture(tmp_path: Path) -> str:
    return OldProgram(tmp_path / "pictures").picture("any.png")


@given(tables=ROWS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_rows_are_imported_or_named(
    tables: dict[str, list[dict[str, object]]], engine: Engine, tmp_path: Path, picture: str
) -> None:
    path = tmp_path / "hostile.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for table, columns in COLUMNS.items():
        connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        for number, row in enumerate(tables[table]):
            values = dict(row)
            if table == "generated_images" and number == 0:
                values["final_image_path"] = values["temp_image_path"] = picture
            places = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO {table} VALUES ({places})", list(values.values()))
    connection.commit()
    connection.close()
    view = await engine.import_electron(str(path))
    images = view.images
    assert images.imported + images.already + images.left_out == len(tables["generated_images"])
    assert view.jobs.imported + view.jobs.already + view.jobs.left_out >= len(tables["job_executions"])
    again = await engine.import_electron(str(path))
    assert (again.configurations.imported, again.jobs.imported, again.images.imported) == (0, 0, 0)
    for job in await all_jobs(engine):
        counts = job.images
        parts = (
            counts.approved,
            counts.qc_failed,
            counts.failed,
            counts.pending,
            counts.unknown,
            counts.trashed,
        )
        assert sum(parts) == counts.planned


@pytest.mark.parametrize("word", ["pending", " Pending ", "", None, 7j])
def test_what_waited_there_waits_for_nothing_here(word: object) -> None:
    verdict = image_verdict(word, "Queued.", {})
    assert (verdict.status, verdict.stage) == (ImageStatus.FAILED, Stage.QUALITY_CHECK)
    assert verdict.reason == f"{NEVER_CHECKED} Queued."


@given(word=CELL, why=CELL)
@settings(max_examples=60, deadline=None)
def test_only_known_words_approve(word: object, why: object) -> None:
    verdict = image_verdict(word, why, {})
    assert verdict.status is not ImageStatus.PENDING, "no job of the old program goes on"
    if verdict.status is ImageStatus.APPROVED:
        assert str(word).strip().lower() in ("approved", "complete", "completed", "passed")
