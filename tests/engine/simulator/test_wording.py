from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.dice import dice_of
from engine.simulator.wording import describe, subject_of, write_prompt


@given(subject=st.text(max_size=80), context=st.text(max_size=200), seed=st.integers(0, 10_000))
def test_metadata_keeps_its_lengths_for_every_subject(subject: str, context: str, seed: int) -> None:
    found = describe(subject, context, dice_of(seed))
    title, description, tags = found["title"], found["description"], found["tags"]
    assert isinstance(title, str)
    assert isinstance(description, str)
    assert isinstance(tags, list)
    assert 8 <= len(title.split()) <= 12
    assert 150 <= len(description) <= 250
    assert len(tags) == len(set(tags)) == 15
    assert all(tag.strip() for tag in tags)


def test_the_subject_is_the_keyword_the_quotation_or_the_text() -> None:
    assert subject_of("Write one.\nKeyword: red fox\nStyle: any") == "red fox"
    assert subject_of("**Keyword**: red fox") == "red fox"
    assert subject_of('Write a prompt about "red fox" please') == "red fox"
    assert subject_of("  red\n fox. ") == "red fox"
    assert subject_of("Write one prompt for a photograph of an old pier.\nMood: calm") == "an old pier"
    assert subject_of("This is the picture.", "Title and tags.\n\nContext: snowy owl\n") == "snowy owl"
    assert subject_of("This is the picture.", 'made for the keyword "snowy owl". No "AI".') == "snowy owl"
    assert subject_of("Keyword: fox", "Context: owl") == "fox"
    assert subject_of("Write one prompt for this picture.\nProduct: tin mug\nSeason: winter") == "tin mug"
    assert len(subject_of("many words " * 40)) <= 80
    assert subject_of("") == ""


def test_a_prompt_names_its_subject_and_is_repeatable() -> None:
    assert "red fox" in write_prompt("red fox", dice_of(1))
    assert write_prompt("red fox", dice_of(1)) == write_prompt("red fox", dice_of(1))
    assert len({write_prompt("red fox", dice_of(seed)) for seed in range(20)}) > 15
    assert write_prompt("", dice_of(1)).endswith(".")
