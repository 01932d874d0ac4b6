"""Deleting jobs: rows and delivered files go into the trash together and come back together."""

import asyncio
from pathlib import Path

import pytest

from engine.api import ImageQuery, LogQuery
from engine.client import EngineClient
from engine.errors import FactoryError
from engine.events import JobChanged
from engine.host import serving
from engine.service import Engine
from engine.trash import Trash
from engine.views import ImageStatus, ImageView
from tests.support.engine import EngineHome, Listener, request, until


async def a_job(engine: Engine, label: str, images: int = 3) -> tuple[str, list[ImageView]]:
    """A finished job and its images, by number."""
    job = await engine.start_job(request(label, generation={"generations": images}))
    await engine.wait_for_job(job.job_id)
    return job.job_id, await images_of(engine, job.job_id)


async def images_of(engine: Engine, job_id: str) -> list[ImageView]:
    return list((await engine.images(ImageQuery(job_id=job_id, statuses=(), sort="number"))).rows)


def delivered(home: EngineHome) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.paths.default_output_dir.iterdir()}


def in_trash(home: EngineHome) -> list[str]:
    return sorted(path.name for path in home.paths.trash_dir.rglob("*") if path.is_file())


async def test_delivered_files_go_with_their_job_and_come_back(home: EngineHome) -> None:
    async with home.open() as engine:
        job_id, images = await a_job(engine, "a")
        other_id, _ = await a_job(engine, "b", 1)
        before = delivered(home)
        names = sorted(Path(image.file or "").name for image in images)
        await engine.trash_images([images[0].image_id])
        assert await engine.delete_jobs([job_id, job_id]) == 1
        assert delivered(home).keys() == before.keys() - set(names)
        assert in_trash(home) == names
        now = await images_of(engine, job_id)
        assert {image.status for image in now} == {ImageStatus.TRASHED}
        assert all(Path(image.file or "").is_relative_to(home.paths.trash_dir) for image in now)

        assert await engine.restore_jobs([job_id]) == 1
        back = await images_of(engine, job_id)
        assert [image.status for image in back] == ["trashed", "approved", "approved"]
        assert [image.file for image in back[1:]] == [image.file for image in images[1:]]
        assert delivered(home) == {name: data for name, data in before.items() if name != names[0]}
        assert in_trash(home) == [names[0]], "what was trashed before the job stays trashed"
        messages = [entry.message for entry in await engine.logs(LogQuery(job_id=job_id))]
        assert messages[-2:] == [
            "Deleted; its finished pictures (2) are in the trash.",
            "The deletion was taken back.",
        ]
        await engine.restore_images([images[0].image_id])
        assert delivered(home) == before
        assert other_id not in {image.job_id for image in back}


async def test_nothing_is_overwritten_and_what_is_gone_stays_in_the_trash(home: EngineHome) -> None:
    async with home.open() as engine:
        job_id, images = await a_job(engine, "a")
        taken, gone, kept = [Path(image.file or "") for image in images]
        await engine.delete_jobs([job_id])
        taken.write_text("another picture")
        Path((await engine.image(images[1].image_id)).file or "").unlink()
        assert await engine.restore_jobs([job_id]) == 1
        assert taken.read_text() == "another picture"
        back = await images_of(engine, job_id)
        assert [image.status for image in back] == ["approved", "trashed", "approved"]
        assert [image.file for image in back] == [
            str(taken.with_name(f"{taken.stem}-2{taken.suffix}")),
            str(home.paths.trash_dir / str(images[1].image_id) / gone.name),
            str(kept),
        ]
        warning = [one for one in await engine.logs(LogQuery(job_id=job_id)) if one.level == "warning"][-1]
        assert warning.image_number == 2
        assert "no longer there" in warning.message
        assert (await engine.job(job_id)).images.trashed == 1


async def test_the_job_leaves_the_list_before_its_files_are_moved(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever takes it back at once waits for them; a caller that goes away changes nothing."""
    async with home.open() as engine, Listener(engine) as heard:
        job_id, images = await a_job(engine, "a")
        before, go, put = delivered(home), asyncio.Event(), Trash.put
        loop = asyncio.get_running_loop()

        def waits(self: Trash, image_id: int, file: Path) -> Path | None:
            asyncio.run_coroutine_threadsafe(go.wait(), loop).result()
            return put(self, image_id, file)

        monkeypatch.setattr(Trash, "put", waits)
        heard.events.clear()
        deleting = asyncio.create_task(engine.delete_jobs([job_id]))
        await heard.wait_for(JobChanged, job_id=job_id)
        assert (await engine.job(job_id)).deleted_at is not None
        assert delivered(home) == before
        restoring = asyncio.create_task(engine.restore_jobs([job_id]))
        deleting.cancel()
        await asyncio.wait([deleting])
        go.set()
        assert await restoring == 1
        assert delivered(home) == before
        assert [one.file for one in await images_of(engine, job_id)] == [one.file for one in images]


async def test_a_file_that_cannot_be_moved_keeps_its_job(home: EngineHome) -> None:
    async with home.open() as engine:
        job_id, _ = await a_job(engine, "a")
        other_id, _ = await a_job(engine, "b", 1)
        before = delivered(home)
        second = (await images_of(engine, job_id))[1]
        in_the_way = home.paths.trash_dir / str(second.image_id)
        in_the_way.write_text("no folder")
        with pytest.raises(FactoryError, match="a is not deleted: cannot write to the folder"):
            await engine.delete_jobs([job_id, other_id])
        assert (await engine.job(job_id)).deleted_at is None
        assert (await engine.job(other_id)).deleted_at is not None
        assert {one.status for one in await images_of(engine, job_id)} == {ImageStatus.APPROVED}
        in_the_way.unlink()
        assert in_trash(home) == [name for name in before if other_id in name]
        assert delivered(home) == {name: data for name, data in before.items() if job_id in name}
        assert await engine.delete_jobs([job_id]) == 1
        assert delivered(home) == {}


async def test_a_folder_that_takes_nothing_leaves_the_job_deleted(home: EngineHome) -> None:
    async with home.open() as engine:
        job_id, images = await a_job(engine, "a")
        before = delivered(home)
        await engine.delete_jobs([job_id])
        output = home.paths.default_output_dir
        output.rmdir()
        output.write_text("no folder")
        with pytest.raises(FactoryError, match="a is not restored: cannot write to the folder"):
            await engine.restore_jobs([job_id])
        assert (await engine.job(job_id)).deleted_at is not None
        assert len(in_trash(home)) == len(images)
        output.unlink()
        assert await engine.restore_jobs([job_id]) == 1
        assert delivered(home) == before


async def test_deleting_over_the_socket(home: EngineHome) -> None:
    async with home.open() as engine, serving(engine, home.paths.socket_file):
        job_id, images = await a_job(engine, "a", 1)
        await until(home.paths.socket_file.exists)
        async with EngineClient.connect(home.paths) as client:
            assert await client.delete_jobs([job_id]) == 1
            assert delivered(home) == {}
            assert await client.restore_jobs([job_id]) == 1
            assert Path(images[0].file or "").exists()
