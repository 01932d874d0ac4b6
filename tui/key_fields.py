"""The keys as fields of a form: only where each comes from. Never holds one."""

from engine.secrets import KeyName
from engine.settings import FieldDescription, FieldKind
from tui.form_draft import FormDraft

GROUP = "keys"
_TITLES = {
    KeyName.OPENAI: ("OpenAI", "Prompts, checks and metadata, and OpenAI's own images."),
    KeyName.PIAPI: ("PiAPI", "Images: Flux, Midjourney and others."),
    KeyName.REMOVE_BG: ("remove.bg", "Background removal."),
    KeyName.RUNWARE: ("Runware", "Images of Runware's models."),
}


def keys_draft() -> FormDraft:
    """A draft whose values are sources of keys; nothing in it is edited."""
    return FormDraft([_field(name) for name in KeyName], {}, lambda document: None, name="keys")


def key_of(path: str) -> KeyName | None:
    """The key that a field stands for; None for any other field."""
    group, _, name = path.partition(".")
    return KeyName(name) if group == GROUP and name in set(KeyName) else None


def path_of(name: KeyName) -> str:
    """The field that stands for a key."""
    return f"{GROUP}.{name.value}"


def _field(name: KeyName) -> FieldDescription:
    title, use = _TITLES[name]
    return FieldDescription(
        path=path_of(name),
        group=GROUP,
        group_title="Keys",
        title=title,
        description=f"{use} {name.variable} in the environment wins over a stored key.",
        kind=FieldKind.KEY,
        unit="enter store one   T test it   D delete it; a key is never shown",
        default="none",
        minimum=None,
        maximum=None,
        step=None,
        choices=(),
        is_optional=False,
    )
