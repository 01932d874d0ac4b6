"""Until the first frame is painted nothing is looked through for garbage: what is made then (modules, rules, widgets)
stays, and looking through it again and again takes a tenth of the time."""

import gc


def begin_haste() -> None:
    """From here on nothing is collected."""
    gc.disable()


def end_haste() -> None:
    """Collect again, but never look at what is there by now. Does nothing where no haste was begun."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
