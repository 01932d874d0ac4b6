"""What can be decided about images, for every screen that shows some."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from engine.previews import preview_files
from engine.views import ImageStatus, ImageView
from tui.decisions import Verdict
from tui.factory_screen import FactoryScreen
from tui.format import plural
from tui.picture_work import Picture

UNDECIDED = frozenset({ImageStatus.QC_FAILED, ImageStatus.FAILED, ImageStatus.RETRY_FAILED})


class ImageActions:
    """For a FactoryScreen: approve, trash, undo. Several images are asked about once, in the bar under the list."""

    def current_image(self) -> ImageView | None:
        """The image that is looked at; None while it is not known."""
        raise NotImplementedError

    def chosen_images(self) -> Sequence[int]:
        """The images that are meant: the marked ones in the order shown, or the current one."""
        image = self.current_image()
        return [] if image is None else [image.image_id]

    def images_decided(self, image_ids: Sequence[int]) -> None:
        """A decision about these is on its way: show what comes next."""

    def images_taken_back(self, image_ids: Sequence[int]) -> None:
        """The decision about these is being taken back."""

    def check_image_action(self, action: str) -> bool:
        """Whether the action makes sense just now."""
        image = self.current_image()
        match action:
            case "approve":
                return image is not None and image.status in UNDECIDED
            case "export":
                return image is not None
            case "trash":
                return image is not None and image.status is not ImageStatus.TRASHED
            case "texts":
                return image is not None and image.status is ImageStatus.APPROVED
            case "undo":
                return self._screen.host.decisions.can_undo
            case _:
                return True

    def action_approve(self) -> None:
        self._decide(Verdict.APPROVE, "Approve", "Approve {}? What is left to do is done, without the check.")

    def action_trash(self) -> None:
        self._decide(Verdict.TRASH, "Trash", "Move {} to the trash?")

    def action_undo(self) -> None:
        image_ids = self._screen.host.decisions.undo()
        if image_ids:
            self.images_taken_back(image_ids)
            self._screen.refresh_bindings()

    @property
    def _screen(self) -> FactoryScreen:
        return cast("FactoryScreen", self)

    def _decide(self, verdict: Verdict, word: str, question: str) -> None:
        image_ids = list(self.chosen_images())
        if len(image_ids) > 1:
            asking = self._ask(verdict, word, question.format(plural(len(image_ids), "image")), image_ids)
            self._screen.run_query(asking, f"{word.lower()} the images")
        elif image_ids:
            self._carry_out(verdict, image_ids)

    async def _ask(self, verdict: Verdict, word: str, question: str, image_ids: Sequence[int]) -> None:
        if await self._screen.ask(question, yes=word):
            self._carry_out(verdict, image_ids)

    def _carry_out(self, verdict: Verdict, image_ids: Sequence[int]) -> None:
        self._screen.host.decisions.decide(verdict, image_ids)
        self.images_decided(image_ids)
        self._screen.refresh_bindings()


def picture_of(screen: FactoryScreen, image: ImageView, *, is_full: bool = False) -> Picture:
    """What a preview needs to show the image."""
    return Picture(
        image_id=image.image_id,
        file=None if image.file is None else Path(image.file),
        previews=preview_files(screen.host.services.paths.previews_dir, image.job_id, image.number),
        is_full=is_full,
        note="" if image.file else "There is no picture: its download failed.",
    )
