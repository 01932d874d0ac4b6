"""What is known of the retries of images that were looked at. Asks nobody."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from engine.views import AttemptView

KEPT = 200


class Attempts:
    """The last ones that were read, by image."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[AttemptView, ...]] = OrderedDict()

    def of(self, image_id: int) -> Sequence[AttemptView] | None:
        """None: not read yet."""
        return self._known.get(image_id)

    def keep(self, image_id: int, attempts: Sequence[AttemptView]) -> None:
        """They were read."""
        self._known[image_id] = tuple(attempts)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    def forget(self, image_ids: Iterable[int]) -> None:
        """These have changed."""
        for image_id in image_ids:
            self._known.pop(image_id, None)
