"""The input of one line that everything here uses: no frame, no blinking, keys in the order in which they came."""

from textual import events
from textual.binding import NoBinding
from textual.widgets import Input


class LineInput(Input):
    """Textual handles a key with a binding later than the letters typed after it, so that of `ctrl+u 3 0` sent in one
    burst, as a slow line delivers them, nothing is left. Here a key is done before the next one."""

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        password: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name for it
    ) -> None:
        super().__init__(value, placeholder=placeholder, password=password, compact=True, id=id)
        self.cursor_blink = False

    async def _on_key(self, event: events.Key) -> None:
        if event.is_printable:
            return
        try:
            bindings = self._bindings.get_bindings_for_key(event.key)
        except NoBinding:
            return
        event.stop()
        event.prevent_default()
        await self.run_action(bindings[0].action)
