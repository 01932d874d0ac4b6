"""What can be decided about images, for every screen that shows some, and what is copied of them."""

from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path

from engine.previews import preview_files
from engine.text import clean_text
from engine.views import ImageStatus, ImageView
from tui.decisions import Verdict
from tui.factory_screen import FactoryScreen
from tui.format import bytes_text, plural
from tui.picture_work import Picture
from tui.widgets.filter_bar import FilterBar

UNDECIDED = frozenset({ImageStatus.QC_FAILED, ImageStatus.FAILED, ImageStatus.RETRY_FAILED})
_THERE = frozenset(ImageStatus) - {ImageStatus.TRASHED}


class ImageActions(FactoryScreen):
    """Approve, trash, undo. Several images are asked about once, in the bar under the list."""

    def current_image(self) -> ImageView | None:
        """The image that is looked at; None while it is not known."""
        raise NotImplementedError

    def current_id(self) -> int | None:
        """Its id, which is known before the image is: a key that comes in between is not lost."""
        image = self.current_image()
        return None if image is None else image.image_id

    def chosen_images(self) -> Sequence[int]:
        """The images that are meant: the marked ones in the order shown, or the current one."""
        current = self.current_id()
        return [] if current is None else [current]

    def is_one_of(self, statuses: Container[ImageStatus]) -> bool:
        """Whether there is an image and it has one of these statuses, as far as that is known."""
        image = self.current_image()
        return self.current_id() is not None if image is None else image.status in statuses

    def images_decided(self, image_ids: Sequence[int]) -> None:
        """A decision about these is on its way: show what comes next."""

    def images_taken_back(self, image_ids: Sequence[int]) -> None:
        """The decision about these is being taken back."""

    def check_image_action(self, action: str) -> bool:
        """Whether the action makes sense just now."""
        match action:
            case "approve":
                return self.is_one_of(UNDECIDED)
            case "export":
                return self.current_image() is not None
            case "trash":
                return self.is_one_of(_THERE)
            case "texts":
                return self.is_one_of({ImageStatus.APPROVED})
            case "undo":
                return self.host.decisions.can_undo
            case _:
                return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.check_image_action(action) and super().check_action(action, parameters)

    def path_to_copy(self) -> str | None:
        image = self.current_image()
        return None if image is None else image.file

    def prompt_to_copy(self) -> str | None:
        image = self.current_image()
        return None if image is None else image.prompt

    def action_approve(self) -> None:
        self._decide(Verdict.APPROVE, "Approve", "Approve {}? What is left to do is done, without the check.")

    def action_trash(self) -> None:
        self._decide(Verdict.TRASH, "Trash", "Move {} to the trash?")

    def action_undo(self) -> None:
        image_ids = self.host.decisions.undo()
        if image_ids:
            self.images_taken_back(image_ids)
            self.refresh_bindings()

    def _decide(self, verdict: Verdict, word: str, question: str) -> None:
        image_ids = list(self.chosen_images())
        if len(image_ids) > 1:
            asking = self._ask(verdict, word, question, image_ids)
            self.run_query(asking, f"{word.lower()} the images")
        elif image_ids:
            self._carry_out(verdict, image_ids)

    async def _ask(self, verdict: Verdict, word: str, question: str, image_ids: Sequence[int]) -> None:
        what = plural(len(image_ids), "image")
        if verdict is Verdict.TRASH:
            what += f", {bytes_text(await self.engine.images_space(image_ids))},"
        if await self.ask(question.format(what), yes=word):
            self._carry_out(verdict, image_ids)

    def _carry_out(self, verdict: Verdict, image_ids: Sequence[int]) -> None:
        self.host.decisions.decide(verdict, image_ids)
        self.images_decided(image_ids)
        self.refresh_bindings()


class JobFilter(FactoryScreen):
    """For a section with a FilterBar that can show only the images of one job."""

    _wanted_job: str | None = None

    def show_job(self, job_id: str) -> None:
        """Show only the images of that job."""
        self._wanted_job = job_id
        self.reload()

    async def chosen_job(self, bar: FilterBar) -> str | None:
        """The job that the filters name, after a wish of `show_job` was put among them. Raises NotFoundError."""
        if self._wanted_job is not None:
            wanted = {"job": frozenset({self._wanted_job})}
            self._wanted_job = None
            bar.change(replace(bar.state, chosen=wanted))
        job = bar.state.value("job")
        return None if job is None else await self.engine.resolve_job(job)


def job_note(bar: FilterBar) -> str:
    """That only one job's rows are shown, for a list without the bar; empty where all are."""
    job = bar.state.value("job")
    return "" if job is None else f"only of job {clean_text(job, limit=40)}: esc shows all"


def picture_of(screen: FactoryScreen, image: ImageView, *, is_full: bool = False) -> Picture:
    """What a preview needs to show the image."""
    return Picture(
        image_id=image.image_id,
        file=None if image.file is None else Path(image.file),
        previews=preview_files(screen.host.services.paths.previews_dir, image.job_id, image.number),
        is_full=is_full,
        note="" if image.file else "There is no picture: its download failed.",
    )
