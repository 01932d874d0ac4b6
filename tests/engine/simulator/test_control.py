import json
from pathlib import Path
from typing import Any

import pytest

from engine.simulator import parse_script


async def test_a_script_is_set_shown_added_to_and_replaced(bench: Any) -> None:
    url = f"{bench.simulator.address}/control/script"
    drop = {"service": "piapi", "action": "drop", "operation": "cancel"}
    html = {"service": "piapi", "action": "html", "nth": 3}
    assert (await bench.script(drop)).json() == [{**drop, "seen": 0, "acted": 0}]
    await bench.submit()
    await bench.client.post(url, json={"add": [html]})
    await bench.submit()
    assert await bench.control("script") == [{**drop, "seen": 0, "acted": 0}, {**html, "seen": 1, "acted": 0}]
    await bench.script()
    assert await bench.control("script") == []


@pytest.mark.parametrize(
    "content", [b"[1", b"{}", b'[{"service": "piapi"}]', b'{"add": {}}', b'{"add": [], "x": 1}']
)
async def test_a_wrong_script_changes_nothing(bench: Any, content: bytes) -> None:
    rule = {"service": "piapi", "action": "html"}
    await bench.script(rule)
    answer = await bench.client.post(f"{bench.simulator.address}/control/script", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert len(await bench.control("script")) == 1


@pytest.mark.parametrize("content", [b"[]", b'{"bank": 1}', b'{"piapi": -1}', b'{"piapi": true}', b"{"])
async def test_wrong_credit_changes_nothing(bench: Any, content: bytes) -> None:
    answer = await bench.client.post(f"{bench.simulator.address}/control/credit", content=content)
    assert answer.status_code == 400
    assert (await bench.control("stats"))["credit_micros"] == {}


async def test_credit_can_be_made_endless(start: Any) -> None:
    bench = await start(credit_micros={"piapi": 0})
    assert (await bench.submit()).status_code == 402
    await bench.client.post(f"{bench.simulator.address}/control/credit", json={"piapi": None})
    assert (await bench.submit()).status_code == 200


async def test_reset_goes_back_to_the_options(start: Any, tmp_path: Path) -> None:
    script = parse_script([{"service": "piapi", "operation": "submit", "action": "html", "nth": 2}])
    bench = await start(script=script, credit_micros={"piapi": 5_000}, state_file=tmp_path / "state.jsonl")
    task_id = await bench.submitted()
    await bench.submit()
    await bench.script()
    await bench.client.post(f"{bench.simulator.address}/control/reset")
    assert await bench.control("ledger") == {"payments": [], "total_micros": 0}
    assert await bench.control("requests") == []
    assert (await bench.control("stats"))["credit_micros"] == {"piapi": 5_000}
    assert (await bench.control("script"))[0]["seen"] == 0
    assert (await bench.client.get(f"{bench.piapi}/api/v1/task/{task_id}")).status_code == 404
    events = [json.loads(line)["event"] for line in (tmp_path / "state.jsonl").read_text().splitlines()]
    assert events[-1] == "reset"


async def test_the_state_file_can_be_followed_from_outside(start: Any, tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state.jsonl"
    bench = await start(state_file=state)
    await bench.script({"service": "piapi", "operation": "submit", "action": "lose_answer", "nth": 2})
    await bench.submitted("one ünd two")
    with pytest.raises(Exception, match="disconnected"):
        await bench.submit("lost")
    lines = [json.loads(line) for line in state.read_text(encoding="utf-8").splitlines()]
    assert [(line["event"], line["number"]) for line in lines] == [
        ("payment", 1),
        ("answered", 1),
        ("payment", 2),
    ]
    assert lines[0]["prompt"] == "one ünd two"


async def test_requests_are_filtered_and_bounded(start: Any) -> None:
    bench = await start(keep_requests=3)
    task_id = await bench.submitted()
    for _ in range(4):
        await bench.poll(task_id)
    found = await bench.control("requests")
    assert [record["operation"] for record in found] == ["poll"] * 3
    assert [record["number"] for record in found] == [3, 4, 5]
    assert await bench.control("requests", service="openai") == []
    assert (await bench.control("stats"))["requests"] == {"piapi.submit": 1, "piapi.poll": 4}


async def test_payments_and_tasks_are_bounded(start: Any) -> None:
    bench = await start(keep_payments=2, keep_tasks=2)
    tasks = [await bench.submitted(f"fox {n}") for n in range(3)]
    assert [item["number"] for item in await bench.payments()] == [2, 3]
    assert (await bench.control("stats"))["payments"] == {"piapi.submit": 3}
    codes = [(await bench.client.get(f"{bench.piapi}/api/v1/task/{task}")).status_code for task in tasks]
    assert codes == [404, 200, 200]
