"""Editing the texts of approved images, for every screen that shows some."""

from collections.abc import Sequence
from typing import cast

from tui.factory_screen import FactoryScreen
from tui.image_actions import ImageActions
from tui.screens.edit_dialog import EditDialog


class EditActions(ImageActions):
    """For a FactoryScreen: the marked images, or the current one."""

    def agency_in_sight(self) -> str:
        """The agency whose limits are looked at first; empty: none."""
        return cast("FactoryScreen", self).host.preferences.target_agency or ""

    def action_texts(self) -> None:
        if image_ids := self.chosen_images():
            self._screen.run_query(self._edit_texts(tuple(image_ids)), "edit the texts")

    async def _edit_texts(self, image_ids: Sequence[int]) -> None:
        if images := await self._screen.engine.images_by_id(image_ids[:1]):
            self._screen.app.push_screen(EditDialog(images[0], image_ids, agency=self.agency_in_sight()))
