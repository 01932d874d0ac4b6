"""Repeatable chance: the same parts always give the same draw, in every process and on every machine."""

import hashlib
import random


def number_of(*parts: object) -> int:
    """A whole number below 2**63 that depends on all the parts and on their order."""
    digest = hashlib.sha256(
        "\x1f".join(str(part) for part in parts).encode("utf-8", "surrogatepass")
    ).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def share_of(*parts: object) -> float:
    """A number in [0, 1), evenly spread."""
    return number_of(*parts) / 2**63


def dice_of(*parts: object) -> random.Random:
    """A generator of its own for the parts."""
    return random.Random(number_of(*parts))  # noqa: S311 - pictures and phrases, no secrets
