"""Fifty failed images, one key each, in a real terminal: in the end gallery, counts, export and output folder agree."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from engine.api import ImageQuery
from engine.export.requests import ExportKind, ExportRequest
from engine.views import ImageStatus, ImageView
from tests.acceptance.test_terminal_story import GIMF, plain_environ
from tests.support.engine import EngineHome, engine_home
from tests.support.images import finished_job
from tests.support.tmux import PROMPT, Tmux, tmux_terminal

IMAGES = 50
KEYS = ("a", "d", "r", "a", "dua")
"""For one image after the other; `dua`: into the trash, taken back, approved."""
APPROVED_BY = {"a", "r", "dua"}

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]


async def test_many_failed_images_with_one_key_each(tmp_path: Path) -> None:
    async with engine_home(tmp_path / "home", reject_share=1.0) as home:
        async with home.open() as engine:
            made = await finished_job(engine, IMAGES)
        assert {image.status for image in made} == {ImageStatus.QC_FAILED}
        passed = '{"passed": true, "reason": "clean"}'
        home.script({"service": "openai", "operation": "chat.check", "action": "say", "text": passed})
        wanted = {
            image.image_id: KEYS[place % len(KEYS)]
            for place, image in enumerate(sorted(made, key=lambda image: -image.image_id))
        }
        good = {image_id for image_id, keys in wanted.items() if keys in APPROVED_BY}
        async with tmux_terminal(tmp_path / "tmux", {**plain_environ(), **home.environ}) as tmux:
            await tmux.run(f"clear; {GIMF} --home '{home.root}' --in-process")
            await tmux.wait_for("queue 0")
            await tmux.press("3")
            await work_through(tmux, list(wanted.values()))
            await tmux.match(r"\[Failed\] +Retry pending +Processing +Retry failed +Needs")
            await tmux.press("4")
            await tmux.match(rf"\b{len(good)} images")
            await tmux.match(r"Settings +queue 0")  # the last retry has ended, so that q asks nothing
            await tmux.press("q")
            await tmux.wait_for(PROMPT)
        await check_what_is_left(home, wanted, good)


async def work_through(tmux: Tmux, keys: list[str]) -> None:
    left = len(keys)
    await tmux.match(rf"\b{left} images")
    for word in keys:
        for key in word:
            await tmux.press(key)
            left += 1 if key == "u" else -1
            await tmux.match(counted(left))
    await tmux.wait_for("Nothing to review")


def counted(left: int) -> str:
    """The line over the list; what else it says comes behind."""
    return rf"(?m)^ {left} image{'' if left == 1 else 's'}  ·"


async def check_what_is_left(home: EngineHome, wanted: dict[int, str], good: set[int]) -> None:
    async with home.open() as engine:
        images = (await engine.images(ImageQuery(statuses=(), limit=500))).rows
        assert {image.image_id for image in images if image.status is ImageStatus.APPROVED} == good
        assert {
            image.image_id for image in images if image.status is ImageStatus.TRASHED
        } == wanted.keys() - good
        (job_id,) = {image.job_id for image in images}
        counts = (await engine.job(job_id)).images
        assert (counts.planned, counts.approved, counts.trashed) == (IMAGES, len(good), IMAGES - len(good))
        assert (counts.qc_failed, counts.failed, counts.pending) == (0, 0, 0)
        totals = await engine.totals()
        assert (totals.approved, totals.failed) == (len(good), 0)
        exported = await engine.export(
            ExportRequest("by-hand", ExportKind.IMAGES, job_ids=(job_id,), to=str(home.root / "pictures.zip"))
        )
        assert exported.missing == ()
        with ZipFile(exported.path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist() if name.startswith("images/")}
        assert names == delivered(home)
    assert delivered(home) == {name_of(image) for image in images if image.image_id in good}
    by_key = {image.image_id: image.reason or "" for image in images}
    assert all(by_key[one].startswith("Manually") for one, keys in wanted.items() if keys in ("a", "dua"))
    retried = sum(keys == "r" for keys in wanted.values())
    assert len(home.requests("openai", "chat.check")) == IMAGES + retried, "only retries are checked again"


def delivered(home: EngineHome) -> set[str]:
    return {file.name for file in home.paths.default_output_dir.iterdir()}


def name_of(image: ImageView) -> str:
    assert image.file is not None
    return Path(image.file).name
