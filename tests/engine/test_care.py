"""Making room: what `clean` takes, and above all what it leaves."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.api import ImageQuery
from engine.care.views import CleanKind, CleanView
from engine.client import EngineClient
from engine.errors import NotFoundError
from engine.files import PARTIAL_SUFFIX
from engine.host import serving
from engine.places import Places
from engine.service import Engine
from engine.views import ImageStatus, ImageView, JobStatus
from tests.support.engine import EngineHome, request, until

LONG_AGO = 1_600_000_000


@pytest.fixture
async def engine(home: EngineHome) -> AsyncIterator[Engine]:
    async with home.open() as opened:
        yield opened


async def a_job(engine: Engine, label: str, images: int = 2) -> tuple[str, list[ImageView]]:
    """A finished job and its images, by number."""
    job = await engine.start_job(request(label, generation={"generations": images}))
    assert (await engine.wait_for_job(job.job_id)).status is JobStatus.COMPLETED
    page = await engine.images(ImageQuery(job_id=job.job_id, statuses=(), sort="number"))
    return job.job_id, list(page.rows)


def old_file(path: Path, content: bytes = b"x" * 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def age(folder: Path) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))


def files(home: EngineHome) -> set[Path]:
    return {path for path in home.root.rglob("*") if path.is_file() and "gimf.db" not in path.name}


def group(view: CleanView, kind: CleanKind) -> tuple[int, int]:
    """How many, and how many bytes."""
    (found,) = [one for one in view.groups if one.kind is kind]
    return found.count, found.bytes


async def test_orphans_go_and_what_is_needed_stays(engine: Engine, home: EngineHome) -> None:
    job_id, images = await a_job(engine, "kept")
    paths = home.paths
    needed = files(home)
    age(home.root)
    orphans = [
        old_file(paths.work_dir / job_id / "00009_original.png"),
        old_file(paths.work_dir / "0rphan00" / "00001_original.png"),
        old_file(paths.previews_dir / job_id / "00009_512.jpg"),
        old_file(paths.previews_dir / "0rphan00" / "00001_256.jpg"),
        old_file(paths.trash_dir / "999" / "cat.png"),
        old_file(paths.trash_dir / str(images[0].image_id) / "not trashed.png"),
    ]
    let_alone = [
        old_file(paths.work_dir / "notes.txt"),
        old_file(paths.work_dir / "my folder" / "cat.png"),
        old_file(paths.previews_dir / job_id / "readme.txt"),
        old_file(home.paths.default_output_dir / "mine.png"),
    ]
    young = paths.work_dir / job_id / "00010_original.png"
    young.write_bytes(b"about to get its row")

    dry = await engine.clean(is_dry_run=True)
    assert group(dry, CleanKind.ORPHANS) == (6, 600)
    assert all(path.exists() for path in orphans)
    done = await engine.clean()
    assert group(done, CleanKind.ORPHANS) == (6, 600)
    assert done.freed_bytes == dry.freed_bytes == 600
    assert not any(path.exists() for path in orphans)
    assert files(home) >= needed | set(let_alone) | {young}
    assert not (paths.work_dir / "0rphan00").exists()
    assert paths.trash_dir.is_dir()
    assert (await engine.clean()).freed_bytes == 0


async def test_recent_files_of_an_unknown_job_stay(engine: Engine, home: EngineHome) -> None:
    """The database may be an older copy that was put back: the job's pictures are paid for."""
    recent = old_file(home.paths.work_dir / "0rphan00" / "00001_original.png")
    two_hours_ago = engine._clock.now().timestamp() - 7_200
    os.utime(recent, (two_hours_ago, two_hours_ago))
    await engine.clean()
    assert recent.exists()
    await engine.clean(older_than_days=0)
    assert not recent.exists()


async def test_the_only_file_of_a_finished_picture_stays(engine: Engine, home: EngineHome) -> None:
    """An older copy of the database was put back, from before its job was deleted; and of another one, of which that
    copy knows nothing."""
    job_id, images = await a_job(engine, "deleted since")
    await engine.delete_jobs([job_id])
    files_there = [Path(one.file or "") for one in await engine.images_by_id([i.image_id for i in images])]
    unknown = old_file(home.paths.trash_dir / "999" / "cat.png")
    two_hours_ago = engine._clock.now().timestamp() - 7_200
    for path in (*files_there, unknown):
        os.utime(path, (two_hours_ago, two_hours_ago))
    async with engine._database.transaction() as connection:
        await connection.execute("UPDATE jobs SET deleted_at = NULL")
        for image in images:
            await connection.execute(
                "UPDATE images SET status = 'approved', output_file = ? WHERE image_id = ?",
                (image.file, image.image_id),
            )
    assert group(await engine.clean(), CleanKind.ORPHANS) == (0, 0)
    assert all(path.exists() for path in (*files_there, unknown))


async def test_pictures_of_an_open_task_are_kept(engine: Engine, home: EngineHome) -> None:
    """What a paid task has brought waits in `incoming` until its job goes on."""
    job_id, _ = await a_job(engine, "open", 1)
    connection_path = home.paths.work_dir / job_id / "incoming"
    async with engine._database.transaction() as connection:
        rows = await connection.execute_fetchall("SELECT task_id, request_key FROM tasks")
        await connection.execute("UPDATE tasks SET state = 'ready'")
    (task_id, key) = next(iter(rows))
    kept = [
        old_file(connection_path / f"{key}-0.bin"),
        old_file(connection_path / f"{key}.json"),
        old_file(home.paths.work_dir / job_id / f"task{task_id}.grid"),
    ]
    lost = old_file(connection_path / "another-key-0.bin")
    await engine.clean()
    assert all(path.exists() for path in kept)
    assert not lost.exists()


async def test_a_moved_data_folder_has_no_orphans(engine: Engine, home: EngineHome) -> None:
    await a_job(engine, "moved")
    async with engine._database.transaction() as connection:
        await connection.execute(
            "UPDATE images SET original_file = replace(original_file, 'gimf', 'elsewhere')"
        )
    age(home.root)
    before = files(home)
    assert group(await engine.clean(), CleanKind.ORPHANS) == (0, 0)
    assert files(home) == before


async def test_unfinished_files_go_unless_their_process_lives(engine: Engine, home: EngineHome) -> None:
    job_id, _ = await a_job(engine, "partial", 1)
    dead = [
        old_file(home.paths.work_dir / job_id / f".4194304-aa{PARTIAL_SUFFIX}"),
        old_file(home.paths.default_output_dir / f".4194304-bb{PARTIAL_SUFFIX}"),
    ]
    alive = old_file(home.paths.work_dir / job_id / f".{os.getpid()}-cc{PARTIAL_SUFFIX}")
    deeper = old_file(home.paths.default_output_dir / "theirs" / f".4194304-dd{PARTIAL_SUFFIX}")
    assert group(await engine.clean(), CleanKind.PARTIALS) == (2, 200)
    assert not any(path.exists() for path in dead)
    assert alive.exists()
    assert deeper.exists()


async def test_old_trash_goes_for_good(engine: Engine, home: EngineHome) -> None:
    job_id, images = await a_job(engine, "trash", 3)
    await engine.trash_images([images[0].image_id, images[1].image_id])
    assert group(await engine.clean(), CleanKind.TRASH) == (0, 0)
    assert len(await engine.images_by_id([one.image_id for one in images])) == 3
    stays = [Path(images[2].file or ""), Path(images[2].original_file or "")]
    view = await engine.clean(older_than_days=0)
    assert group(view, CleanKind.TRASH)[0] == 2
    assert [one.image_id for one in await engine.images_by_id([i.image_id for i in images])] == [
        images[2].image_id
    ]
    assert (await engine.job(job_id)).images.trashed == 0
    for gone in images[:2]:
        assert gone.original_file is not None
        assert not Path(gone.original_file).exists()
    assert list(home.paths.trash_dir.iterdir()) == []
    assert all(path.exists() for path in stays)
    assert len(list((home.paths.previews_dir / job_id).iterdir())) == 2


async def test_a_file_outside_our_folders_stays(engine: Engine, tmp_path: Path) -> None:
    """Pictures that were imported lie where they were."""
    _, images = await a_job(engine, "foreign", 1)
    foreign = old_file(tmp_path / "theirs" / "cat.png")
    async with engine._database.transaction() as connection:
        await connection.execute("UPDATE images SET original_file = ?", (str(foreign),))
    await engine.trash_images([images[0].image_id])
    assert group(await engine.clean(older_than_days=0), CleanKind.TRASH)[0] == 1
    assert foreign.exists()


async def test_a_shared_file_stays_for_the_other_image(engine: Engine) -> None:
    _, images = await a_job(engine, "shared", 2)
    shared = images[0].original_file or ""
    async with engine._database.transaction() as connection:
        await connection.execute(
            "UPDATE images SET processed_file = ? WHERE image_id = ?", (shared, images[1].image_id)
        )
    await engine.trash_images([images[0].image_id])
    await engine.clean(older_than_days=0)
    assert await engine.images_by_id([images[0].image_id]) == []
    assert Path(shared).exists()


async def test_deleted_jobs_go_with_everything_they_had(engine: Engine, home: EngineHome) -> None:
    job_id, images = await a_job(engine, "deleted", 2)
    other_id, _ = await a_job(engine, "other", 1)
    await engine.delete_jobs([job_id])
    assert group(await engine.clean(), CleanKind.DELETED_JOBS) == (0, 0)
    view = await engine.clean(older_than_days=0)
    assert group(view, CleanKind.DELETED_JOBS)[0] == 1
    assert view.notes == ()
    with pytest.raises(NotFoundError):
        await engine.job(job_id)
    assert not (home.paths.work_dir / job_id).exists()
    assert not (home.paths.previews_dir / job_id).exists()
    assert not any(Path(image.file or "").exists() for image in images)
    assert list(home.paths.trash_dir.iterdir()) == []
    assert len(list(home.paths.default_output_dir.iterdir())) == 1
    assert (home.paths.work_dir / other_id).exists()
    assert (await engine.totals()).images == 1


async def test_finished_pictures_that_never_came_into_the_trash_stay_and_are_told(
    engine: Engine, home: EngineHome
) -> None:
    """Their folder was not there when the job was deleted."""
    job_id, images = await a_job(engine, "deleted", 2)
    output, away = home.paths.default_output_dir, home.root / "away"
    output.rename(away)
    await engine.delete_jobs([job_id])
    away.rename(output)
    for is_dry_run in (True, False):
        view = await engine.clean(older_than_days=0, is_dry_run=is_dry_run)
        assert group(view, CleanKind.DELETED_JOBS)[0] == 1
        assert view.notes == (f"2 of the finished pictures of deleted stay in {output}.",)
    assert all(Path(image.file or "").exists() for image in images)


async def test_caches_only_when_asked_for(engine: Engine, home: EngineHome) -> None:
    job_id, images = await a_job(engine, "caches", 1)
    assert (await engine.clean()).freed_bytes == 0
    assert len(list((home.paths.previews_dir / job_id).iterdir())) == 2
    view = await engine.clean(includes_caches=True)
    assert group(view, CleanKind.CACHES)[0] == 2
    assert not (home.paths.previews_dir / job_id).exists()
    assert (await engine.image(images[0].image_id)).status is ImageStatus.APPROVED


async def test_beside_a_job_at_work_only_old_trash_goes(engine: Engine, home: EngineHome) -> None:
    _, images = await a_job(engine, "before", 1)
    await engine.trash_images([images[0].image_id])
    home.script({"service": "piapi", "operation": "poll", "action": "hang"})
    job = await engine.start_job(request("working", generation={"timeout_minutes": 1}))
    await until(lambda: engine._queue.running is not None)
    orphan = old_file(home.paths.work_dir / "0rphan00" / "00001_original.png")
    view = await engine.clean(older_than_days=0)
    assert all(one.kind is not CleanKind.ORPHANS for one in view.groups)
    assert group(view, CleanKind.TRASH) == (0, 0)
    assert any("A job is at work" in note for note in view.notes)
    assert orphan.exists()
    async with engine._database.transaction() as connection:
        await connection.execute("UPDATE images SET updated_at = '2020-01-01T00:00:00.000Z'")
    assert group(await engine.clean(older_than_days=0), CleanKind.TRASH)[0] == 1
    await engine.stop_job(job.job_id, is_forced=True)


async def test_space_of_a_job(engine: Engine, home: EngineHome) -> None:
    job_id, images = await a_job(engine, "space", 2)
    space = await engine.job_space(job_id, Places(home.paths, home.preferences))
    assert space.output == sum(Path(image.file or "").stat().st_size for image in images)
    assert space.work == sum(Path(image.original_file or "").stat().st_size for image in images)
    assert space.previews == sum(path.stat().st_size for path in (home.paths.previews_dir / job_id).iterdir())
    with pytest.raises(NotFoundError):
        await engine.job_space("nowhere", Places(home.paths, home.preferences))


async def test_cleaning_and_importing_through_the_socket(
    engine: Engine, home: EngineHome, tmp_path: Path
) -> None:
    old_file(home.paths.trash_dir / "999" / "cat.png")
    async with serving(engine, home.paths.socket_file):
        await until(home.paths.socket_file.exists)
        async with EngineClient.connect(home.paths) as client:
            view = await client.clean(older_than_days=0, is_dry_run=True)
            assert group(view, CleanKind.ORPHANS) == (1, 100)
            with pytest.raises(Exception, match="does not exist"):
                await client.import_electron(str(tmp_path / "none.db"))
