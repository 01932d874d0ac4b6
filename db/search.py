"""Turns what a user typed into an FTS5 query that answers newest first without reading every match."""

import aiosqlite

from db.query import fetch_rows

_ENDINGS_LIMIT = 64

# Steps from one word of the index to the next with a seek each; a plain DISTINCT would read every occurrence.
_ENDINGS = """WITH RECURSIVE words (word) AS (
    SELECT (SELECT term FROM images_words WHERE term >= :start LIMIT 1)
    UNION ALL
    SELECT (SELECT term FROM images_words WHERE term >= words.word || char(1) LIMIT 1)
    FROM words WHERE substr(words.word, 1, length(:start)) = :start
)
SELECT word FROM words WHERE substr(word, 1, length(:start)) = :start LIMIT :limit"""


async def match_expression(connection: aiosqlite.Connection, text: str) -> str:
    """User text as an FTS5 query: every word must occur; the last may be the beginning of one, from two
    characters on.

    Words are what stands between blanks, quoted, so no character of the user's is ever read as FTS5 syntax;
    the tokenizer makes of each what it made of the stored text. Empty where no word has a letter or digit.
    """
    words = [
        word for word in text.replace("\0", " ").split() if any(character.isalnum() for character in word)
    ]
    if not words:
        return ""
    *whole, last = words
    beginning = await _beginning(connection, last)
    return " ".join(map(_quoted, whole)) + " AND " + beginning if whole else beginning


async def _beginning(connection: aiosqlite.Connection, word: str) -> str:
    """The words that begin with `word`. Where there are few they are named: FTS5 walks named words lazily,
    but gathers all matches of a prefix before it hands out the first. Two and three letters have an index of
    their own."""
    letters = sum(character.isalnum() for character in word)
    if letters < 2:
        return _quoted(word)
    # For ASCII the tokenizer's folding is lower case; what it does to other scripts is left to itself.
    if letters > 3 and word.isascii() and word.isalnum():
        parameters = {"start": word.lower(), "limit": _ENDINGS_LIMIT + 1}
        endings = [row[0] for row in await fetch_rows(connection, _ENDINGS, parameters)]
        if 0 < len(endings) <= _ENDINGS_LIMIT:
            return "(" + " OR ".join(map(_quoted, endings)) + ")"
    return _quoted(word) + "*"


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
