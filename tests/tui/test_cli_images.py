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
