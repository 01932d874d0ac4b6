"""The ids that jobs are called by."""

import secrets

ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: no letter that is mistaken for another."""
ID_LENGTH = 8


def new_job_id() -> str:
    """Drawn at random: whoever inserts it finds out whether it is taken."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
