"""Tries keys out, one cheap call each. Nothing is paid, and no key is in what it answers."""

from collections.abc import Callable
from typing import Protocol

from engine.errors import ServiceError
from engine.preferences import BaseUrls
from engine.providers.base import KeyReport
from engine.secrets import KeyName, KeySource, KeyStore
from engine.views import View


class KeyView(View):
    """A key as it may be shown: where it comes from, and what its service said, if it was asked."""

    name: str
    variable: str
    """The environment variable that wins over every other place."""
    source: str
    """environment, keyring, file or none."""
    is_accepted: bool | None = None
    """None: not asked, or no answer came."""
    detail: str = ""


class _TestsKeys(Protocol):
    async def test_key(self) -> KeyReport: ...


def describe_key(keys: KeyStore, name: KeyName) -> KeyView:
    """Where a key comes from. Raises InputError for a keys file that is not safe or not valid."""
    return KeyView(name=name.value, variable=name.variable, source=keys.source(name).value)


async def check_key(keys: KeyStore, name: KeyName, base_urls: BaseUrls) -> KeyView:
    """Ask the key's service. A key that is not there is not asked about; a service that does not answer is
    told in `detail`, never raised."""
    key = keys.get(name)
    view = describe_key(keys, name)
    if key is None or view.source == KeySource.NONE:
        return view.model_copy(update={"detail": "there is no key"})
    try:
        report = await _ask(name, getattr(base_urls, name.value), key)
    except ServiceError as error:
        return view.model_copy(update={"detail": keys.masker.mask(error.message)})
    return view.model_copy(
        update={"is_accepted": report.is_accepted, "detail": keys.masker.mask(report.detail)}
    )


async def _ask(name: KeyName, base_url: str, key: str) -> KeyReport:
    if name is KeyName.OPENAI:
        from engine.providers.language import LanguageModel  # noqa: PLC0415 - only to ask

        model = LanguageModel(base_url, key)
        try:
            return await model.test_key()
        finally:
            await model.close()
    from engine.providers.http import HttpGateway  # noqa: PLC0415 - httpx is slow to load; only to ask
    from engine.providers.piapi import PiapiProvider  # noqa: PLC0415 - only to ask
    from engine.providers.removebg import RemoveBackgroundClient  # noqa: PLC0415 - only to ask
    from engine.providers.runware import RunwareProvider  # noqa: PLC0415 - only to ask

    clients: dict[KeyName, Callable[[str, str, HttpGateway], _TestsKeys]] = {
        KeyName.PIAPI: PiapiProvider,
        KeyName.RUNWARE: RunwareProvider,
        KeyName.REMOVE_BG: RemoveBackgroundClient,
    }
    http = await HttpGateway.open()
    try:
        return await clients[name](base_url, key, http).test_key()
    finally:
        await http.close()
