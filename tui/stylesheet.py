"""A stylesheet that is parsed once. Knows no rule in it."""

from textual.css.stylesheet import Stylesheet


class KeptStylesheet(Stylesheet):
    """Keeps what was parsed until a variable changes, which is when another theme is chosen.

    Textual parses every source again for every screen that is shown for the first time: tens of milliseconds before
    the first paint, and again at the first visit to each section.
    """

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._known = dict(variables)
        self._is_outdated = False

    def set_variables(self, variables: dict[str, str]) -> None:
        """As Textual's; the same ones again change nothing."""
        if variables != self._known:
            self._known = dict(variables)
            self._is_outdated = True
            super().set_variables(variables)

    def reparse(self) -> None:
        """As Textual's where a variable has changed; else only sources that are new are parsed, when asked for."""
        if self._is_outdated:
            super().reparse()
            self._is_outdated = False
