"""remove.bg: background removal and the account.

Wire format: remove.bg's API reference (multipart upload, picture as the answer, credits in headers).
"""

from engine.simulator.actions import Service
from engine.simulator.call import Call, Route
from engine.simulator.drawing import CutOut, NoForegroundError, cut_out
from engine.simulator.recording import Upload
from engine.simulator.reply import RefusedError, Reply, json_reply
from engine.simulator.uploads import UnreadableImageError, facts_of

_MICROS_PER_CREDIT = 200_000
_DEFAULT_MICROS = 50 * _MICROS_PER_CREDIT
_UPLOAD_BYTES = 22 * 1024 * 1024
_PREVIEW_PIXELS = 250_000
_PNG_PIXELS = 10_000_000
_SIZES = ("auto", "preview", "small", "regular", "medium", "hd", "full", "4k", "50MP")
_SMALL_SIZES = ("preview", "small", "regular")


def routes() -> list[Route]:
    """Below /removebg/v1.0."""
    return [
        Route("POST", "/removebg/v1.0/removebg", Service.REMOVEBG, "remove", _remove),
        Route("GET", "/removebg/v1.0/account", Service.REMOVEBG, "account", _account),
    ]


def _refusal(status: int, title: str, code: str) -> RefusedError:
    return RefusedError(json_reply({"errors": [{"title": title, "code": code}]}, status))


def _check_key(call: Call) -> None:
    if not call.is_key_accepted:
        raise _refusal(403, "API Key invalid", "auth_failed")


async def _remove(call: Call) -> Reply:
    world = call.world
    _check_key(call)
    upload, is_small = _upload(call)
    charged, amount = (0.25, _MICROS_PER_CREDIT // 4) if is_small else (1, _MICROS_PER_CREDIT)
    result = await _cut_out(call, upload.data, _PREVIEW_PIXELS if is_small else _PNG_PIXELS)
    if not world.take_credit(Service.REMOVEBG, amount):
        raise _refusal(402, "Insufficient credits", "insufficient_credits")
    call.pay(amount, prompt=upload.filename, model="preview" if is_small else "full")
    await world.pause(world.options.latency_seconds)
    headers = {
        "X-Credits-Charged": f"{charged:g}",
        "X-Type": "other",
        "X-Width": str(result.width),
        "X-Height": str(result.height),
    }
    return Reply(200, result.data, "image/png", headers)


def _upload(call: Call) -> tuple[Upload, bool]:
    """The file, and whether a small result is asked for. Raises RefusedError."""
    upload, size = call.form.get("image_file"), call.form.get("size", "preview")
    if not isinstance(upload, Upload) or not upload.data:
        raise _refusal(400, "No image given", "missing_source")
    if size not in _SIZES:
        raise _refusal(400, f"Invalid value for size, use one of {', '.join(_SIZES)}", "invalid_size")
    if call.form.get("format", "auto") not in ("auto", "png"):
        raise _refusal(400, "Only the formats auto and png are simulated", "invalid_format")
    if len(upload.data) > _UPLOAD_BYTES:
        raise _refusal(400, "File too large, at most 22 MB", "file_too_large")
    return upload, size in _SMALL_SIZES


async def _cut_out(call: Call, data: bytes, max_pixels: int) -> CutOut:
    studio = call.world.studio
    try:
        await studio.run(facts_of, data, is_decoded=True)
        return await studio.run(cut_out, data, max_pixels=max_pixels)
    except UnreadableImageError as error:
        raise _refusal(400, "Failed to read image", "failed_to_read_image") from error
    except NoForegroundError as error:
        title = "Could not identify foreground in image. For details see the documentation"
        raise _refusal(400, title, "unknown_foreground") from error


async def _account(call: Call) -> Reply:
    _check_key(call)
    held = call.world.credit.get(Service.REMOVEBG, _DEFAULT_MICROS) / _MICROS_PER_CREDIT
    balance = {"total": held, "subscription": 0, "payg": held, "enterprise": 0}
    attributes = {"credits": balance, "api": {"free_calls": 50, "sizes": "all"}}
    return json_reply({"data": {"attributes": attributes}})
