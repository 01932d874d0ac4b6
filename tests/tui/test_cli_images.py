"""`gimf images approve|trash|restore`, as a process of its own."""

import json
from pathlib import Path

import pytest

from engine.simulator import Action, Rule, Service, Simulator
from tests.tui.conftest import Program


@pytest.mark.acceptance
async def test_decisions_on_the_command_line(online: Program, simulator: Simulator) -> None:
    verdict = json.dumps({"passed": False, "reason": "a visible logo"})
    rule = Rule(service=Service.OPENAI, operation="chat.check", action=Action.SAY, text=verdict, nth=1)
    simulator.world.replace_script((rule,))
    await online.run("run", "--set", "generation.poll_interval_seconds=0.5")
    (image,) = (await online.run("images", "list", "--json")).document
    image_id = str(image["image_id"])

    approved = await online.run("images", "approve", image_id, "--json")
    assert (approved.status, approved.document) == (0, {"done": [image["image_id"]], "refused": []})
    (now,) = (await online.run("images", "list", "--json", "--status", "approved")).document
    assert now["reason"] == "Manually approved"
    assert Path(now["file"]).is_file()

    again = await online.run("images", "approve", image_id)
    assert again.status == 1
    assert "It is approved already." in again.stdout
    trashed = await online.run("images", "trash", image_id, "999", "--json")
    assert trashed.status == 3
    assert trashed.document["done"] == [image["image_id"]]
    assert "999" in trashed.document["refused"][0]["message"]
    assert not Path(now["file"]).exists()
    restored = await online.run("images", "restore", image_id)
    assert (restored.status, restored.stdout) == (0, "Restored 1 image.\n")
    assert Path(now["file"]).is_file()


async def test_an_id_is_a_number(program: Program) -> None:
    refused = await program.run("images", "trash", "cats")
    assert refused.status == 2
    assert "'cats' is not a whole number" in refused.stderr


@pytest.mark.acceptance
async def test_retry_regenerate_and_decide_on_the_command_line(online: Program, simulator: Simulator) -> None:
    verdict = json.dumps({"passed": False, "reason": "a visible logo"})
    script = (
        Rule(service=Service.OPENAI, operation="chat.check", action=Action.SAY, text=verdict),
        Rule(service=Service.PIAPI, operation="submit", action=Action.STATUS, code=400, nth=3),
    )
    simulator.world.replace_script(script)
    quick = ("--set", "generation.poll_interval_seconds=0.5", "--set", "generation.concurrency=1")
    await online.run("run", "--label", "cats", "--set", "generation.generations=3", *quick)

    nothing_named = await online.run("images", "retry")
    assert nothing_named.status == 2
    assert "by their ids" in nothing_named.stderr
    wrong = await online.run("images", "retry", "--job", "cats", "--set", "ai.metadata=off", "--json")
    assert (wrong.status, wrong.document["error"]["problems"][0]["field"]) == (2, "--set ai.metadata")
    wrong = await online.run("images", "retry", "--job", "cats", "--on-failure", "save=continue")
    assert wrong.status == 2

    simulator.world.replace_script(())
    retry = await online.run(
        "images", "retry", "--job", "cats", "--reason", "logo", "--set", "processing.convert=on",
        "--set", "processing.convert_format=webp", "--json",
    )  # fmt: skip
    assert retry.status == 0, retry.stderr
    (job,) = retry.document["jobs"]
    assert (job["kind"], job["status"], job["images"]["approved"]) == ("retry", "completed", 2)
    listed = (await online.run("images", "list", "--job", str(job["number"]), "--json")).document
    assert {image["status"] for image in listed} == {"approved"}
    assert {Path(image["file"]).suffix for image in listed} == {".webp"}
    shown = (await online.run("jobs", "show", str(job["number"]), "--json")).document
    assert shown["retry"]["processing"] == {"convert": True, "convert_format": "webp"}

    unasked = await online.run("images", "regenerate", str(listed[0]["image_id"]))
    assert (unasked.status, "--yes" in unasked.stderr) == (2, True)
    order = await online.run("images", "regenerate", str(listed[0]["image_id"]), "--yes", "--json")
    assert order.status == 0, order.stderr
    (new_job,) = order.document["jobs"]
    (new,) = (await online.run("images", "list", "--job", new_job["job_id"], "--json")).document
    old_id, new_id = listed[0]["image_id"], new["image_id"]
    assert new["replaces_image_id"] == old_id
    shown_old = await online.run("images", "show", str(old_id))
    assert f"replaced by image {new_id}\n" in shown_old.stdout
    assert f"replaces    image {old_id}\n" in (await online.run("images", "show", str(new_id))).stdout
    parent = (await online.run("jobs", "show", listed[0]["job_id"])).stdout
    assert f"made into #{job['number']} {job['label']}, #{new_job['number']} {new_job['label']}" in parent
    assert "made from #1 cats" in (await online.run("jobs", "show", new_job["job_id"])).stdout

    (undecided,) = (await online.run("images", "decide", "--json")).document
    assert (undecided["state"], undecided["choices"]) == ("failed", ["lost", "submit"])
    people = await online.run("images", "decide")
    assert "lost, submit" in people.stdout
    decided = await online.run("images", "decide", str(undecided["task"]), "--submit", "--yes", "--json")
    assert decided.status == 0, decided.stderr
    assert decided.document["jobs"][0]["images"]["approved"] == 3
    assert (await online.run("images", "decide")).stdout == "Nothing needs a decision.\n"
