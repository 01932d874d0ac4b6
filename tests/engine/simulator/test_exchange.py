"""Every action of the script, as it looks from the client's end of the socket."""

import asyncio
import gc
import json
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any

import httpx
import pytest
from PIL import Image

from engine.simulator.damage import bomb_png, spoilt
from engine.simulator.faults import parse_script
from engine.simulator.reply import Reply

SUBMIT = {"service": "piapi", "operation": "submit"}
POLL = {"service": "piapi", "operation": "poll"}
DOWNLOAD = {"service": "files", "operation": "download"}


async def raw(bench: Any, request: bytes) -> bytes:
    """Everything that comes back on one connection until it is closed."""
    port = int(bench.simulator.address.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def submission(prompt: str = "a fox") -> bytes:
    body = json.dumps(
        {"model": "Qubico/flux1-schnell", "task_type": "txt2img", "input": {"prompt": prompt}}
    ).encode()
    head = (
        f"POST /piapi/api/v1/task HTTP/1.1\r\nHost: x\r\nX-API-Key: k\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def picture_url(bench: Any) -> str:
    return str((await bench.poll(await bench.submitted()))["output"]["image_url"])


async def test_a_status_has_its_code_body_and_headers(bench: Any) -> None:
    await bench.script(
        {
            **SUBMIT,
            "action": "status",
            "code": 429,
            "headers": {"Retry-After": "7"},
            "body": {"code": 9},
            "times": 1,
        },
        {**SUBMIT, "action": "status", "code": 503, "times": 1},
        {**SUBMIT, "action": "status", "code": 200, "body": "hello"},
    )
    first, second, third = [await bench.submit() for _ in range(3)]
    assert (first.status_code, first.headers["retry-after"], first.json()) == (429, "7", {"code": 9})
    assert second.status_code == 503
    assert second.json()["message"] == second.json()["error"]["message"] == "scripted status 503"
    assert (third.status_code, third.text) == (200, "hello")
    assert await bench.payments() == []


async def test_a_status_can_be_paid_all_the_same(bench: Any) -> None:
    await bench.script({**SUBMIT, "action": "status", "code": 500, "process": True})
    assert (await bench.submit()).status_code == 500
    assert len(await bench.payments()) == 1


@pytest.mark.parametrize(("action", "payments"), [("drop", 0), ("lose_answer", 1)])
async def test_a_closed_connection_has_no_answer(bench: Any, action: str, payments: int) -> None:
    await bench.script({**SUBMIT, "action": action})
    assert await raw(bench, submission()) == b""
    with pytest.raises(httpx.RemoteProtocolError):
        await bench.submit()
    ledger = await bench.payments()
    assert len(ledger) == payments * 2
    assert not any(item["is_answered"] for item in ledger)


async def test_a_connection_dropped_before_reading_is_reset(bench: Any) -> None:
    await bench.script({**SUBMIT, "action": "drop_before_read"})
    with pytest.raises(ConnectionResetError):
        await raw(bench, submission())
    assert await bench.payments() == []


async def test_a_large_upload_is_cut_off_before_it_is_read(bench: Any) -> None:
    await bench.script({"service": "removebg", "operation": "remove", "action": "drop_before_read"})
    with pytest.raises((httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError)):
        await bench.client.post(
            f"{bench.removebg}/removebg", files={"image_file": ("x.png", bytes(8_000_000))}
        )
    (record,) = await bench.control("requests", service="removebg")
    assert (record["fault"], record["body"], record["status"]) == ("drop_before_read", None, None)


async def test_an_upload_whose_client_dies_leaves_nothing_open(bench: Any) -> None:
    """As when a program is killed while it sends a picture."""
    head = (
        "POST /removebg/removebg HTTP/1.1\r\nHost: x\r\nX-Api-Key: k\r\nContent-Length: 5000000\r\n"
        "Content-Type: multipart/form-data; boundary=cut\r\n\r\n"
        '--cut\r\nContent-Disposition: form-data; name="image_file"; filename="x.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    port = int(bench.simulator.address.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + bytes(500_000))
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    picture = BytesIO()
    drawn = Image.new("RGB", (64, 64), "white")
    drawn.paste("red", (16, 16, 48, 48))
    drawn.save(picture, "PNG")
    whole = await bench.client.post(
        f"{bench.removebg}/removebg",
        files={"image_file": ("y.png", picture.getvalue())},
        data={"size": "preview"},
    )
    assert whole.status_code == 200
    assert [one for one in gc.get_objects() if isinstance(one, SpooledTemporaryFile) and not one.closed] == []


async def test_a_lost_answers_task_can_be_found_in_the_history(bench: Any) -> None:
    await bench.script({**SUBMIT, "action": "lose_answer", "nth": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        await bench.submit("the lost fox")
    found = (await bench.client.get(f"{bench.piapi}/api/open/tasks/histories")).json()["data"]["tasks"]
    assert [task["input"]["prompt"] for task in found] == ["the lost fox"]
    (payment,) = await bench.payments()
    assert payment["task_id"] == found[0]["task_id"]
    await bench.submitted("another")
    assert [item["is_answered"] for item in await bench.payments()] == [False, True]


async def test_a_hang_lasts_until_the_client_leaves(bench: Any) -> None:
    await bench.script({**SUBMIT, "action": "hang"})
    with pytest.raises(httpx.ReadTimeout):
        await bench.client.post(f"{bench.piapi}/api/v1/task", json={}, timeout=httpx.Timeout(5, read=0.05))
    assert (await bench.control("requests"))[0]["status"] is None
    assert await bench.payments() == []
    while bench.simulator.world.in_flight["piapi.submit"]:
        await asyncio.sleep(0)


async def test_stopping_lets_those_who_hang_go(start: Any) -> None:
    bench = await start()
    await bench.script({**SUBMIT, "action": "hang"})
    waiting = asyncio.ensure_future(bench.submit())
    while not bench.simulator.world.in_flight["piapi.submit"]:
        await asyncio.sleep(0)
    await bench.simulator.stop()
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await waiting


async def test_a_slow_answer_is_paid_before_it_comes(bench: Any) -> None:
    await bench.script({**SUBMIT, "action": "slow", "seconds": 60})
    with pytest.raises(httpx.ReadTimeout):
        await bench.client.post(
            f"{bench.piapi}/api/v1/task",
            json={"model": "Qubico/flux1-schnell", "task_type": "txt2img", "input": {"prompt": "a fox"}},
            timeout=httpx.Timeout(5, read=0.05),
        )
    assert [item["is_answered"] for item in await bench.payments()] == [False]
    await bench.script({**SUBMIT, "action": "slow", "seconds": 0.01})
    assert (await bench.submit()).status_code == 200
    assert [item["is_answered"] for item in await bench.payments()] == [False, True]


async def test_an_answer_for_a_client_that_has_left_is_not_answered(bench: Any) -> None:
    await bench.script({**SUBMIT, "action": "slow", "seconds": 0.2})
    with pytest.raises(httpx.ReadTimeout):
        await bench.client.post(
            f"{bench.piapi}/api/v1/task",
            json={"model": "Qubico/flux1-schnell", "task_type": "txt2img", "input": {"prompt": "a fox"}},
            timeout=httpx.Timeout(5, read=0.02),
        )
    while bench.simulator.world.in_flight["piapi.submit"]:
        await asyncio.sleep(0)
    assert [item["is_answered"] for item in await bench.payments()] == [False]


async def test_unreadable_successes_are_paid(bench: Any) -> None:
    seen = {}
    for action in ("html", "list", "empty", "garbage", "wrong_types"):
        await bench.script({**SUBMIT, "action": action})
        answer = await bench.submit()
        assert answer.status_code == 200
        seen[action] = answer
    assert seen["html"].headers["content-type"] == "text/html"
    assert isinstance(seen["list"].json(), list)
    assert seen["empty"].content == b""
    with pytest.raises(ValueError, match=r"decode|Expecting"):
        seen["garbage"].json()
    twisted = seen["wrong_types"].json()
    assert (twisted["code"], twisted["data"]["task_id"], twisted["data"]["logs"]) == (
        "seven",
        7,
        {"0": "a list was here"},
    )
    assert len(await bench.payments()) == 5


async def test_a_truncated_body_is_shorter_than_its_header_says(bench: Any) -> None:
    url = await picture_url(bench)
    whole = (await bench.client.get(url)).content
    await bench.script({**DOWNLOAD, "action": "truncate", "bytes": 100})
    received = await raw(
        bench, f"GET {url.partition(bench.simulator.address)[2]} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    )
    head, _, body = received.partition(b"\r\n\r\n")
    assert f"content-length: {len(whole)}".encode() in head.lower()
    assert body == whole[:100]
    with pytest.raises(httpx.RemoteProtocolError):
        await bench.client.get(url)


async def test_a_cut_body_looks_complete(bench: Any) -> None:
    url = await picture_url(bench)
    whole = (await bench.client.get(url)).content
    await bench.script({**DOWNLOAD, "action": "cut"})
    answer = await bench.client.get(url)
    assert answer.content == whole[: len(whole) // 2]
    assert answer.headers["content-length"] == str(len(whole) // 2)


async def test_an_endless_body_has_no_end(bench: Any) -> None:
    url = await picture_url(bench)
    await bench.script({**DOWNLOAD, "action": "endless"})
    received = 0
    async with bench.client.stream("GET", url) as answer:
        assert "content-length" not in answer.headers
        assert answer.headers["content-type"] == "image/png"
        async for chunk in answer.aiter_bytes():
            received += len(chunk)
            if received > 3_000_000:
                break
    assert received > 3_000_000
    while bench.simulator.world.in_flight["files.download"]:
        await asyncio.sleep(0)


async def test_a_redirect_points_where_it_is_told(bench: Any) -> None:
    url = await picture_url(bench)
    await bench.script({**DOWNLOAD, "action": "redirect", "url": "http://169.254.169.254/latest"})
    answer = await bench.client.get(url)
    assert (answer.status_code, answer.headers["location"]) == (302, "http://169.254.169.254/latest")


async def test_a_bomb_is_small_and_claims_to_be_huge(bench: Any) -> None:
    url = await picture_url(bench)
    await bench.script({**DOWNLOAD, "action": "bomb"})
    answer = await bench.client.get(url)
    assert answer.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert answer.content[16:24] == (100_000).to_bytes(4, "big") * 2
    assert len(answer.content) < 10_000
    await bench.script({"service": "openai", "operation": "images", "action": "bomb"})
    answer = await bench.client.post(f"{bench.openai}/images/generations", json={"prompt": "a fox"})
    assert len(answer.json()["data"][0]["b64_json"]) < 20_000


async def test_an_svg_is_called_a_png(bench: Any) -> None:
    url = await picture_url(bench)
    await bench.script({**DOWNLOAD, "action": "svg"})
    answer = await bench.client.get(url)
    assert answer.headers["content-type"] == "image/png"
    assert b"<svg" in answer.content


async def test_expired_on_download_kills_the_link_until_a_poll(bench: Any) -> None:
    task_id = await bench.submitted()
    url = (await bench.poll(task_id))["output"]["image_url"]
    await bench.script({**DOWNLOAD, "action": "expired", "nth": 1})
    assert [(await bench.client.get(url)).status_code for _ in range(2)] == [403, 403]
    fresh = (await bench.poll(task_id))["output"]["image_url"]
    assert (await bench.client.get(fresh)).status_code == 200


async def test_expired_on_poll_gives_dead_links_once(bench: Any) -> None:
    task_id = await bench.submitted()
    await bench.script({**POLL, "action": "expired", "nth": 1})
    urls = [(await bench.poll(task_id))["output"]["image_url"] for _ in range(2)]
    assert [(await bench.client.get(url)).status_code for url in urls] == [403, 200]


async def test_a_status_word_hides_the_pictures_unless_it_means_completion(bench: Any) -> None:
    task_id = await bench.submitted()
    await bench.script(
        {**POLL, "action": "status_word", "word": "baking", "times": 1},
        {**POLL, "action": "status_word", "word": "Success", "times": 1},
    )
    first, second, third = [await bench.poll(task_id) for _ in range(3)]
    assert (first["status"], first["output"]) == ("baking", None)
    assert (second["status"], bool(second["output"]["image_url"])) == ("Success", True)
    assert third["status"] == "completed"


async def test_completed_without_and_with_repeated_pictures(bench: Any) -> None:
    task_id = await bench.submitted()
    await bench.script({**POLL, "action": "no_images", "times": 1}, {**POLL, "action": "duplicate"})
    empty, twice = [await bench.poll(task_id) for _ in range(2)]
    assert (empty["status"], empty["output"]["image_url"], empty["output"]["image_urls"]) == (
        "completed",
        "",
        None,
    )
    assert len(twice["output"]["image_urls"]) == 2
    assert len(set(twice["output"]["image_urls"])) == 1


async def test_a_failed_task_stays_failed_and_is_refunded(bench: Any) -> None:
    task_id = await bench.submitted()
    await bench.script({**POLL, "action": "fail", "text": "out of memory", "nth": 1})
    for _ in range(2):
        data = await bench.poll(task_id)
        assert (data["status"], data["error"]["message"]) == ("failed", "out of memory")
        assert data["error"]["code"] != 0
        assert data["meta"]["usage"]["consume"] == 0
    assert [item["is_refunded"] for item in await bench.payments()] == [True]


async def test_a_submission_can_be_answered_as_failed(bench: Any) -> None:
    await bench.script({**SUBMIT, "action": "fail", "text": "no capacity"})
    answer = await bench.submit()
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "failed")
    assert await bench.payments() == []


@pytest.mark.parametrize("service", ["runware"])
async def test_runware_has_the_same_task_faults(bench: Any, service: str) -> None:
    task_id = "0b0c6e3a-7a1e-4a7b-9a53-0f6f6c1f2a11"
    task = {
        "taskType": "imageInference",
        "taskUUID": task_id,
        "positivePrompt": "a fox",
        "model": "runware:101@1",
        "width": 512,
        "height": 512,
        "deliveryMethod": "async",
    }
    await bench.client.post(bench.runware, json=[task])
    rules = [
        {"service": service, "operation": "poll", "times": 1, **rest}
        for rest in (
            {"action": "status_word", "word": "thinking"},
            {"action": "no_images"},
            {"action": "duplicate"},
            {"action": "expired"},
            {"action": "fail", "text": "GPU lost"},
        )
    ]
    await bench.script(*rules)
    asked = [{"taskType": "getResponse", "taskUUID": task_id}]
    word, empty, twice, dead, failed = [
        (await bench.client.post(bench.runware, json=asked)).json() for _ in range(5)
    ]
    assert word["data"][0]["status"] == "thinking"
    assert "imageURL" not in word["data"][0]
    assert empty["data"][0]["status"] == "success"
    assert "imageURL" not in empty["data"][0]
    assert twice["data"][0] == twice["data"][1]
    assert (await bench.client.get(dead["data"][0]["imageURL"])).status_code == 403
    assert failed["errors"][0]["message"] == "GPU lost"


async def test_a_model_can_be_made_to_say_anything(bench: Any) -> None:
    chat = {"service": "openai", "operation": "chat"}
    await bench.script(
        {**chat, "action": "say", "text": "\x1b]52;c;x\x07 =HYPERLINK(1)", "times": 1},
        {**chat, "action": "say", "text": '{"prompt": "a f', "word": "length", "times": 1},
        {**chat, "action": "refuse", "text": "I will not", "times": 1},
        {**chat, "action": "no_choices", "times": 1},
    )
    body = {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "Keyword: fox"}]}
    answers = [
        (await bench.client.post(f"{bench.openai}/chat/completions", json=body)).json()["choices"]
        for _ in range(4)
    ]
    assert answers[0][0]["message"]["content"] == "\x1b]52;c;x\x07 =HYPERLINK(1)"
    assert (answers[1][0]["finish_reason"], answers[1][0]["message"]["content"]) == (
        "length",
        '{"prompt": "a f',
    )
    assert (answers[2][0]["message"]["content"], answers[2][0]["message"]["refusal"]) == (None, "I will not")
    assert answers[3] == []


async def test_images_can_be_missing_or_doubled(bench: Any) -> None:
    await bench.script(
        {"service": "openai", "operation": "images", "action": "no_images", "times": 1},
        {"service": "openai", "operation": "images", "action": "duplicate", "times": 1},
        {"service": "openai", "operation": "images", "action": "svg", "times": 1},
    )
    found = [
        (await bench.client.post(f"{bench.openai}/images/generations", json={"prompt": "a fox"})).json()[
            "data"
        ]
        for _ in range(3)
    ]
    assert found[0] == []
    assert found[1][0] == found[1][1]
    assert found[2][0]["b64_json"].startswith("PD94bWwg")


async def test_keys_and_pictures_are_not_in_the_record(bench: Any) -> None:
    url = "data:image/png;base64,aGVsbG8="
    body = {
        "model": "gpt-5.4-mini",
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}],
    }
    await bench.client.post(f"{bench.openai}/chat/completions", json=body)
    (record,) = await bench.control("requests", operation="chat.check")
    assert record["status"] == 400
    assert record["method"] == "POST"
    assert record["headers"]["authorization"]["present"] is True
    assert record["headers"]["authorization"]["sha256"] == record["headers"]["x-api-key"]["sha256"]
    assert "sk-test" not in json.dumps(record)
    shown = record["body"]["messages"][0]["content"][0]["image_url"]["url"]
    assert (shown["type"], shown["bytes"], shown["width"]) == ("image/png", 5, None)


async def test_requests_at_once_are_counted(bench: Any) -> None:
    await asyncio.gather(*(bench.submit(f"fox {n}") for n in range(4)))
    stats = await bench.control("stats")
    assert stats["requests"] == {"piapi.submit": 4}
    assert 1 <= stats["max_requests_at_once"]["piapi.submit"] <= 4
    assert stats["payments"] == {"piapi.submit": 4}


def test_damage_leaves_other_answers_alone() -> None:
    reply = Reply(200, b"{}")
    (slow, bomb) = parse_script(
        [{"service": "files", "action": "slow"}, {"service": "removebg", "action": "bomb"}]
    )
    assert spoilt(slow, reply) is reply
    assert spoilt(bomb, reply) is reply
    assert spoilt(bomb, Reply(200, b"x", "image/png")).body == bomb_png()
