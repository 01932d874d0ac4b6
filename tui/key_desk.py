"""What a form does with keys: tells where they come from, stores, deletes and tries them. Shows nothing."""

import asyncio

from rich.text import Text

from engine.key_check import KeyView, check_key, describe_key
from engine.preferences import BaseUrls
from engine.secrets import KeyName, KeySource, KeyStore
from engine.text import clean_text

_PLACES = {
    KeySource.KEYRING: "in the system's key store",
    KeySource.FILE: "in the keys file, mode 0600",
}


async def key_sources(keys: KeyStore) -> dict[str, str]:
    """Where each key comes from, by name. Raises InputError for a keys file that is not safe."""
    return {name.value: (await asyncio.to_thread(describe_key, keys, name)).source for name in KeyName}


async def store_key(keys: KeyStore, name: KeyName, value: str) -> str:
    """Keep a key; answers with a sentence that says where. Raises InputError."""
    place = await asyncio.to_thread(keys.set, name, value)
    sentence = f"The key for {name.value} is {_PLACES.get(place, place.value)}."
    if await asyncio.to_thread(keys.source, name) is KeySource.ENVIRONMENT:
        sentence += f" {name.variable} is set and still wins over it."
    return sentence


async def delete_key(keys: KeyStore, name: KeyName) -> str:
    """Forget a stored key; answers with a sentence. Raises InputError."""
    was_there = await asyncio.to_thread(keys.delete, name)
    sentence = f"Deleted the key for {name.value}." if was_there else f"No key for {name.value} was stored."
    if await asyncio.to_thread(keys.source, name) is KeySource.ENVIRONMENT:
        sentence += f" {name.variable} is still set in the environment."
    return sentence


async def try_key(keys: KeyStore, name: KeyName, base_urls: BaseUrls) -> Text:
    """What the service says about a key, as the note behind it. Raises InputError."""
    view = await check_key(keys, name, base_urls)
    return verdict(view)


def verdict(view: KeyView) -> Text:
    """`✓ accepted`, `✗ refused: ...`, `? no answer: ...`."""
    glyph, word, style = _VERDICTS[view.is_accepted]
    detail = clean_text(view.detail, limit=200)
    if view.is_accepted is None and view.source == KeySource.NONE:
        return Text(f"{glyph} {detail}", style=style)
    return Text(f"{glyph} {word}{f': {detail}' if detail else ''}", style=style)


_VERDICTS = {
    True: ("✓", "accepted", "green"),
    False: ("✗", "refused", "red"),
    None: ("?", "no answer", "yellow"),
}
