"""What the simulated language model says: prompts, verdicts, titles and tags. Pure functions."""

import random
import re

_MEDIA = (
    "A crisp studio photograph",
    "A soft watercolour painting",
    "A flat vector illustration",
    "A moody oil painting",
    "A bright isometric render",
    "A detailed ink drawing",
    "A sunlit wide-angle photograph",
    "A paper-cut collage",
    "A minimalist poster",
    "A macro photograph",
)
_LIGHTS = (
    "in warm morning light",
    "under a clear blue sky",
    "with soft diffused light",
    "at golden hour",
    "in cool misty air",
    "with a gentle rim light",
    "under dramatic side light",
    "in even daylight",
)
_FRAMES = (
    "centred with generous copy space",
    "seen from above",
    "in a balanced rule-of-thirds composition",
    "close up with a shallow depth of field",
    "in front of a plain pastel background",
    "as a seamless pattern",
    "with strong leading lines",
    "framed by blurred foliage",
)
_DETAILS = (
    "rich natural textures",
    "clean edges and calm colours",
    "fine grain and true colours",
    "a limited warm palette",
    "vivid complementary colours",
    "delicate highlights",
    "high detail throughout",
    "a quiet, uncluttered mood",
)
_COMPLAINTS = (
    "The left hand is garbled: six fingers and a fused thumb.",
    "The lettering is misspelt and partly unreadable.",
    "A brand logo is visible on the object in the foreground.",
    "The main subject is cut off at the right edge.",
    "A faint watermark or signature is visible in the lower corner.",
    "The face belongs to a recognisable public figure.",
    "The building in the background is a protected landmark.",
)
_PRAISE = (
    "Clean composition without text, logos or visible defects.",
    "No market obstacles found; the subject is complete and sharp.",
    "The picture is free of recognisable people, brands and artefacts.",
)
_ADJECTIVES = (
    "Beautiful",
    "Colourful",
    "Peaceful",
    "Elegant",
    "Modern",
    "Vibrant",
    "Natural",
    "Serene",
    "Creative",
    "Bright",
)
_ENDINGS = (
    "in Soft Warm Light With Clean Copy Space",
    "Against a Calm Pastel Background With Fine Detail",
    "as a Decorative Design Element for Modern Projects",
    "With Rich Texture and a Balanced Open Composition",
)
_SENTENCES = (
    "Soft light and a balanced composition leave room for text.",
    "Rich texture and clean edges hold up well at large sizes.",
    "The calm palette suits websites, packaging and print.",
    "A versatile picture for seasonal campaigns and blogs.",
    "Fine detail and natural colours give it an inviting mood.",
)
_TAGS = (
    "background",
    "design",
    "illustration",
    "decoration",
    "nature",
    "colourful",
    "texture",
    "art",
    "creative",
    "concept",
    "modern",
    "copy space",
    "composition",
    "print",
    "seasonal",
    "light",
    "detail",
    "mood",
    "banner",
    "wallpaper",
)
_STOP_WORDS = frozenset(
    (
        *(
            "a",
            "an",
            "and",
            "are",
            "as",
            "at",
            "by",
            "for",
            "from",
            "in",
            "into",
            "is",
            "it",
            "of",
            "on",
            "or",
        ),
        *("that", "the", "this", "to", "under", "with", "without", "your"),
        *("context", "keyword", "picture", "prompt"),
    )
)

_LABELLED = (
    re.compile(r"(?i)\b(?:keyword|subject|topic|context)s?\W{0,3}[:=]\W{0,3}(\w[^\n]*)"),
    re.compile(r"(?i)\bkeyword\s+[\"“]([^\"“”\n]+)"),
)
_LIKELY = (
    re.compile(r"(?i)\b(?:photo|photograph|picture|image|illustration|painting|drawing)s? of ([^.\n]+)"),
    re.compile(r"(?m)^[A-Za-z][\w ]{0,30}: *(\w[^\n]*)$"),
    re.compile(r"[\"“]([^\"“”\n]{2,80})[\"”]"),
)


def subject_of(text: str, background: str = "") -> str:
    """What a request is about, at most 80 characters long.

    In this order: what is labelled as keyword or context in the text, or else in the background; what
    a picture is wanted of; the first line of the form `Name: value`; a quotation; the text itself.
    """
    searches = [(pattern, place) for place in (text, background) for pattern in _LABELLED]
    searches += [(pattern, text) for pattern in _LIKELY]
    found = next((match[1] for pattern, place in searches if (match := pattern.search(place))), text)
    words = re.sub(r"\s+", " ", found).strip(" \"'“”.,;:*")
    return words if len(words) <= 80 else words[:80].rsplit(" ", 1)[0]


def write_prompt(subject: str, dice: random.Random) -> str:
    """One sentence that an image model could draw; keeps the subject's own words."""
    return (
        f"{dice.choice(_MEDIA)} of {subject or 'an abstract still life'}, {dice.choice(_LIGHTS)}, "
        f"{dice.choice(_FRAMES)}, {dice.choice(_DETAILS)}."
    )


def judge(*, is_rejected: bool, dice: random.Random) -> dict[str, object]:
    """The answer of a quality check."""
    return {"passed": not is_rejected, "reason": dice.choice(_COMPLAINTS if is_rejected else _PRAISE)}


def describe(subject: str, context: str, dice: random.Random) -> dict[str, object]:
    """A title of 8 to 12 words, a description of 150 to 250 characters, and 15 different tags."""
    words = [word for word in re.findall(r"[\w'-]+", subject) if word.lower() not in _STOP_WORDS][:3]
    title = [dice.choice(_ADJECTIVES), *(word[:1].upper() + word[1:] for word in words or ["Scene"])]
    title += dice.choice(_ENDINGS).split()
    return {
        "title": " ".join(title[:12]),
        "description": _description(" ".join(words) or "an imaginative scene", dice),
        "tags": _tags([*words, *re.findall(r"[^\W\d_]{4,}", context)], dice),
    }


def _description(subject: str, dice: random.Random) -> str:
    text = f"{dice.choice(_ADJECTIVES)} picture of {subject[:70].strip()}."
    for sentence in dice.sample(_SENTENCES, len(_SENTENCES)):
        if len(text) >= 150:
            break
        text += f" {sentence}"
    return text


def _tags(words: list[str], dice: random.Random) -> list[str]:
    own = [word.lower() for word in words if word.lower() not in _STOP_WORDS]
    return list(dict.fromkeys([*dict.fromkeys(own[:8]), *dice.sample(_TAGS, len(_TAGS))]))[:15]
