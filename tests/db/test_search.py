import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import image_pages, images
from db.errors import DatabaseCorruptError
from db.image_pages import ImageFilter
from db.search import match_expression
from tests.db.rows import NOW, Rows


async def found(rows: Rows, text: str) -> list[str]:
    page, _ = await rows.ask(image_pages.page, ImageFilter(search=text))
    return [image.prompt for image in page]


@pytest.fixture
async def prompts(rows: Rows) -> list[str]:
    made = [
        "Mountains at dawn",
        "a mountain, snow",
        "Ein Bär im Schnee",
        "rock-climbing fox",
        "the AND NOT of near",
        "été à la plage",
        "東京タワー",
        "x" * 5,
    ]
    for prompt in made:
        await rows.image(prompt=prompt)
    return made


@pytest.mark.parametrize(
    ("text", "indexes"),
    [
        ("mountain", [1, 0]),
        ("MOUNTAIN", [1, 0]),
        ("moun", [1, 0]),
        ("mo", [1, 0]),
        ("mountains", [0]),
        ("mountains a", []),  # a single letter is a word of its own
        ("snow mountain", [1]),
        ("mountain snow", [1]),
        ("mountain sn", [1]),
        ("moun snow", []),
        ("bar", [2]),
        ("BÄR", [2]),
        ("b\u00e4r", [2]),
        ("ba\u0308r", [2]),
        ("ete", [5]),
        ("rock-cl", [3]),
        ("climbing-rock", []),
        ("fox -- !", [3]),
        ("AND", [4]),
        ("and not of near", [4]),
        ("near*", [4]),
        ('fo"x', []),
        ("東京", [6]),
        ("prompt:fox", []),
        ("a", [5, 1]),
        ("cat", [7, 6, 5, 4, 3, 2, 1, 0]),
    ],
)
async def test_search(rows: Rows, prompts: list[str], text: str, indexes: list[int]) -> None:
    assert await found(rows, text) == [prompts[index] for index in indexes]


async def test_few_endings_are_named_and_many_are_a_prefix(rows: Rows) -> None:
    await rows.image(prompt="mountain mountains mountainous")
    assert await rows.ask(match_expression, "red Mountain") == (
        '"red" AND ("mountain" OR "mountainous" OR "mountains")'
    )
    await rows.image(prompt=" ".join(f"mountain{number}" for number in range(100)))
    assert await rows.ask(match_expression, "red Mountain") == '"red" AND "Mountain"*'
    assert await rows.ask(match_expression, "absent") == '"absent"*'
    assert len(await found(rows, "mountain")) == 2


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(alphabet=st.characters() | st.sampled_from("\"'*()-+^:{}ANDORT \0")))
async def test_no_text_is_ever_read_as_syntax(rows: Rows, text: str) -> None:
    try:
        await found(rows, text)
    except UnicodeEncodeError:
        assert any("\ud800" <= character <= "\udfff" for character in text)


async def test_the_index_follows_the_rows(rows: Rows) -> None:
    image = await rows.image(prompt="first", keyword="kestrel")
    assert await found(rows, "kestrel") == ["first"]
    await rows.do(
        images.set_described, image.image_id, title="An owl", description="at night", tags=["feather"], at=NOW
    )
    for word in ("owl", "night", "feather", "first"):
        assert await found(rows, word) == ["first"]
    await rows.do(
        images.set_described, image.image_id, title="A crow", description="at noon", tags=["beak"], at=NOW
    )
    assert await found(rows, "owl") == await found(rows, "feather") == []
    assert await found(rows, "beak") == ["first"]
    await rows.do(images.trash, image.image_id, NOW)
    await rows.do(images.delete, image.image_id)
    assert await found(rows, "crow") == []
    async with rows.database.transaction() as connection:
        await connection.execute("INSERT INTO images_text (images_text, rank) VALUES ('integrity-check', 1)")


async def test_an_index_that_disagrees_is_noticed(rows: Rows) -> None:
    """Proves that the check in the test above can fail."""
    await rows.image()
    async with rows.database.transaction() as connection:
        await connection.execute("INSERT INTO images_text (rowid, prompt) VALUES (99, 'stray')")
    with pytest.raises(DatabaseCorruptError):
        async with rows.database.transaction() as connection:
            await connection.execute(
                "INSERT INTO images_text (images_text, rank) VALUES ('integrity-check', 1)"
            )
