"""`gimf clean`, as a process of its own."""

import os

import pytest

from tests.tui.conftest import Program


@pytest.mark.acceptance
async def test_what_is_removed_is_shown_and_asked_for(online: Program) -> None:
    run = await online.run("run", "--json", "--set", "generation.poll_interval_seconds=0.5")
    assert run.status == 0, run.stderr
    (image,) = (await online.run("images", "list", "--json")).document
    await online.run("images", "trash", str(image["image_id"]))
    orphan = online.home / "data" / "work" / "0rphan00" / "00001_original.png"
    orphan.parent.mkdir()
    orphan.write_bytes(b"x" * 1_000)
    os.utime(orphan, (1_600_000_000, 1_600_000_000))

    dry = await online.run("clean", "--older-than", "0", "--dry-run")
    assert dry.status == 0, dry.stderr
    assert "1 file of no job or image" in dry.stdout
    assert "1 image in the trash" in dry.stdout
    unasked = await online.run("clean", "--older-than", "0")
    assert unasked.status == 2
    assert "Add --yes" in unasked.stderr
    assert orphan.exists()

    done = await online.run("clean", "--older-than", "0", "--yes", "--json")
    assert done.status == 0, done.stderr
    assert done.document["freed_bytes"] > 1_000
    assert not orphan.exists()
    assert (await online.run("images", "list", "--json")).document == []
    assert (await online.run("clean")).stdout.startswith("There is nothing to remove.")
    shown = await online.run("jobs", "show", "1")
    assert "space     0 bytes: finished 0 bytes" in shown.stdout
    assert (await online.run("clean", "--older-than", "-1")).status == 2
