"""Hypothesis strategies of valid settings, from the descriptions that the forms use."""

from typing import Any

from hypothesis import strategies as st

from engine.settings import FieldDescription, FieldKind, describe_fields

WORDS = (
    st.text("abcXYZ09-_.@: é", min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda word: word != "" and word.lower() != "none")
)


def values(field: FieldDescription) -> st.SearchStrategy[Any]:
    """Valid values of a field as `dump_settings` gives them."""
    low, high = field.minimum, field.maximum
    found: st.SearchStrategy[Any]
    match field.kind:
        case FieldKind.SWITCH:
            found = st.booleans()
        case FieldKind.CHOICE:
            found = st.sampled_from(field.choices)
        case FieldKind.WHOLE:
            assert low is not None
            assert high is not None
            top = 400 if field.path == "generation.generations" else high
            found = st.integers(int(low), int(top))
        case FieldKind.NUMBER:
            assert low is not None
            assert high is not None
            assert field.step is not None
            steps = 1 / field.step
            found = st.integers(round(low * steps), round(min(high, 1000) * steps)).map(
                lambda n: round(n / steps, 6)
            )
        case FieldKind.LIST:
            sides = st.integers(1, 2048)
            colon = ":" if field.path.endswith("ratios") else "x"
            found = st.lists(st.builds(lambda a, b: f"{a}{colon}{b}", sides, sides), min_size=1, max_size=3)
        case FieldKind.LORAS:
            weights = st.integers(0, 100).map(lambda n: n / 10)
            found = st.lists(st.fixed_dictionaries({"model": WORDS, "weight": weights}), max_size=3)
        case FieldKind.FILE | FieldKind.FOLDER:
            found = st.builds(lambda start, word: f"{start}/{word}", st.sampled_from(("~", "/data")), WORDS)
        case FieldKind.TEXT | FieldKind.LINES:
            found = st.sampled_from(("6.1", "7", "5.2")) if field.path.endswith("mj_version") else WORDS
    return st.none() | found if field.is_optional else found


def settings_data() -> st.SearchStrategy[dict[str, dict[str, Any]]]:
    """Whole settings as plain data, valid together."""
    groups: dict[str, dict[str, st.SearchStrategy[Any]]] = {}
    for field in describe_fields():
        groups.setdefault(field.group, {})[field.path.partition(".")[2]] = values(field)
    return st.fixed_dictionaries({group: st.fixed_dictionaries(fields) for group, fields in groups.items()})
