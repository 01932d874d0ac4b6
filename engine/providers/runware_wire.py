"""Runware's task arrays as data: the body of an image task, the reading of the answers. Sends nothing.

Sources: Runware's image inference, task polling and error pages; its own client for the families of codes.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from engine.providers.answers import as_dict, as_list, as_number, as_text, as_whole_number, error_text
from engine.providers.base import Charge, ImageRequest, ProviderName, RemoteImage
from engine.providers.catalogue import model_of

CONFLICT = "conflicttaskuuid"
_WORKING = frozenset({"", "processing", "pending", "queued", "starting", "running"})
_DONE = frozenset({"success", "succeeded", "completed"})
_FAILED = frozenset({"error", "failed", "failure"})
_URL_FIELDS = ("imageURL", "imageDataURI", "imageBase64Data")

# Words within the codes, in the order in which they are tried. A code that begins with `provider` is about
# the company behind the model, whose own key at Runware is not the user's.
_STATUS_OF_CODE = (
    (("apikey", "unauthorized", "authentication", "authfailed", "forbidden", "permission", "suspended"), 401),
    (("insufficientcredit", "quotaexceeded", "paymentrequired", "insufficientfund"), 402),
    (("ratelimit", "concurrency", "toomanyrequests"), 429),
    (("servererror", "serviceunavailable", "serverunavailable", "unknownerror", "timeout"), 500),
)
_POLICY_WORDS = ("contentpolicy", "sensitive", "nsfw", "unsafe", "blocked", "moderation")


@dataclass(frozen=True, slots=True)
class RunwareError:
    """One entry of `errors`; `code` in lower case."""

    code: str
    message: str
    is_named: bool
    """It carries our task's id, so it is about the task and not about the call."""

    @property
    def says(self) -> str:
        """Code and message, for people."""
        return f"{self.message} ({self.code})" if self.message and self.code else self.message or self.code

    @property
    def is_policy(self) -> bool:
        """The code says that the content was refused."""
        return any(word in self.code for word in _POLICY_WORDS)

    @property
    def is_missing(self) -> bool:
        """The code says that the task is not there, or not any more."""
        return self.code in ("tasknotfound", "taskexpired", "taskfailedornotfound")

    def status(self, http_status: int) -> int:
        """The HTTP status that this code amounts to; for other codes the answer's own, or 400."""
        if not self.code.startswith(("provider", "thirdparty")):
            for words, status in _STATUS_OF_CODE:
                if any(word in self.code for word in words):
                    return status
        return http_status if http_status >= 300 else 400


@dataclass(frozen=True, slots=True)
class RunwareAnswer:
    """What an answer says about one task: its finished pictures, how many entries are in which state."""

    images: tuple[RemoteImage, ...]
    working: int
    failed: int
    unknown_word: str
    is_flagged: bool
    """At least one picture was marked as not safe for work."""
    charge: Charge | None
    errors: tuple[RunwareError, ...]

    @property
    def has_entries(self) -> bool:
        """`data` knows the task."""
        return bool(self.images) or self.working > 0 or self.failed > 0


def task_of(request: ImageRequest) -> dict[str, object]:
    """The imageInference task; optional fields are left out when not set, as Runware refuses a null."""
    spec = model_of(ProviderName.RUNWARE, request.model)
    task: dict[str, object] = {
        "taskType": "imageInference",
        "taskUUID": request.request_key,
        "positivePrompt": request.prompt,
        "model": spec.wire_model,
        "width": request.width,
        "height": request.height,
        "numberResults": request.images,
        "outputType": "URL",
        "outputFormat": "PNG",
        "includeCost": True,
        "deliveryMethod": "async",
    }
    optional = (
        ("negativePrompt", spec.takes_negative_prompt, request.negative_prompt or None),
        ("seed", spec.takes_seed, request.seed),
        ("steps", spec.takes_steps, request.steps),
        ("CFGScale", spec.takes_guidance, request.guidance),
    )
    task |= {name: value for name, is_taken, value in optional if is_taken and value is not None}
    if spec.takes_loras and request.loras:
        task["lora"] = [{"model": lora.model, "weight": lora.weight} for lora in request.loras]
    return task


def read_answer(document: Mapping[str, object], task_id: str, *, key: str) -> RunwareAnswer:
    """Read what concerns `task_id`: its own entries, and errors that name no other task."""
    entries = [
        entry
        for row in as_list(document.get("data"))
        if as_text((entry := as_dict(row)).get("taskUUID")) == task_id
    ]
    images: dict[str, RemoteImage] = {}
    costs: dict[str, Decimal] = {}
    working = failed = 0
    unknown_word = ""
    for number, entry in enumerate(entries):
        word = as_text(entry.get("status")).lower()
        image = _image_of(entry)
        identity = as_text(entry.get("imageUUID")) or f"entry {number}"
        if image is not None and word not in _FAILED:
            images[identity] = image
        elif word in _FAILED:
            failed += 1
        elif word not in _DONE:
            working += 1
            unknown_word = unknown_word if word in _WORKING else error_text(word, key=key)
        cost = as_number(entry.get("cost"))
        if cost is not None and cost > 0:
            costs[identity] = Decimal(str(cost))
    errors = tuple(
        RunwareError(
            code=error_text(error.get("code"), key=key).lower(),
            message=error_text(error.get("message"), key=key),
            is_named=as_text(error.get("taskUUID")) == task_id,
        )
        for row in as_list(document.get("errors"))
        if as_text((error := as_dict(row)).get("taskUUID")) in ("", task_id)
    )
    return RunwareAnswer(
        images=tuple(images.values()),
        working=working,
        failed=failed,
        unknown_word=unknown_word,
        is_flagged=any(entry.get("NSFWContent") is True for entry in entries),
        charge=_charge_of(sum(costs.values(), Decimal(0))),
        errors=errors,
    )


def _image_of(entry: Mapping[str, object]) -> RemoteImage | None:
    seed = as_whole_number(entry.get("seed"))
    for name in _URL_FIELDS:
        text = as_text(entry.get(name))
        if text and name == "imageURL" and not text.startswith("data:"):
            return RemoteImage(url=text, seed=seed)
        if text:
            encoded = text.partition(",")[2] if text.startswith("data:") else text
            try:
                return RemoteImage(data=base64.b64decode(encoded, validate=True), seed=seed)
            except (binascii.Error, ValueError):
                continue
    return None


def _charge_of(dollars: Decimal) -> Charge | None:
    if not dollars:
        return None
    micros = int((dollars * 1_000_000).to_integral_value(ROUND_CEILING))
    return Charge(micros=micros, raw_amount=float(dollars), raw_unit="USD")
