"""`gimf stats`, as a process of its own."""

import pytest

from tests.tui.conftest import Program


@pytest.mark.acceptance
async def test_the_numbers_are_those_of_the_job(online: Program) -> None:
    nothing = await online.run("stats", "--json")
    assert (nothing.status, nothing.document["error"]["code"]) == (2, "no_database")
    settings = ("generation.poll_interval_seconds=0.5", "generation.generations=2")
    run = await online.run("run", "--json", *(word for one in settings for word in ("--set", one)))
    assert run.status == 0, run.stderr
    job = run.document

    told = (await online.run("stats", "--json")).document
    assert (told["jobs"], told["images"], told["approved"]) == (1, 2, job["images"]["approved"])
    assert told["spend_usd"] == pytest.approx(job["spend_usd"])
    assert sum(day["images"] for day in told["days"]) == 2
    assert [(one["configuration"], one["images"]) for one in told["configurations"]] == [("default", 2)]
    assert {one["service"] for one in told["models"]} == {"piapi", "openai"}
    assert {one["step"]: one["images"] for one in told["steps"]}["generate"] == 2
    day = told["days"][0]["day"]

    shown = await online.run("stats", "--from", day, "--to", "2999-12")
    assert shown.stdout.startswith("1 job, 2 images, 2 approved (100 % of those finished), $")
    assert day in shown.stdout
    before = await online.run("stats", "--to", "2020-01-31")
    assert "Nothing in these days." in before.stdout
    assert (await online.run("stats", "--to", "2020-01", "--json")).document["days"] == []

    wrong = await online.run("stats", "--from", "2026-02-30", "--json")
    assert (wrong.status, wrong.document["error"]["code"]) == (2, "usage")
    turned = await online.run("stats", "--from", "2026-02", "--to", "2026-01")
    assert (turned.status, "The first day is after the last one." in turned.stderr) == (2, True)
