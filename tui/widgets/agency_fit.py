"""Which agency a list of images is looked at for, and how it is shown what that agency takes. Asks nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from engine.export.agencies import Policy
from engine.export.views import AgencyView, FitView
from engine.text import clean_text
from tui.widgets.filter_state import Facet, FilterState, Option

AGENCY = "agency"
_GENERIC = "generic"
"""A sheet for whomever: not an agency whose answer could be asked for."""
TAKES = "takes"
_TAKES = Facet(
    TAKES,
    "Takes it",
    (Option("yes", "what it takes"), Option("no", "what it does not take")),
    is_many=False,
)


@dataclass(frozen=True, slots=True)
class AgencyChoice:
    """The agency whose answers are wanted; empty: none."""

    agency: str = ""
    name: str = ""
    only: bool | None = None
    """Show only what it takes (True), or only what it does not take; None: all."""


NO_AGENCY = AgencyChoice()


def agency_facets(agencies: Sequence[AgencyView]) -> tuple[Facet, ...]:
    """The filter: which agency, and what of its answers; an agency that takes nothing at all says so."""
    options = tuple(Option(one.agency, _label(one)) for one in agencies if one.agency != _GENERIC)
    return (Facet(AGENCY, "Agency", options, is_many=False), _TAKES) if options else ()


def agency_choice(state: FilterState, agencies: Sequence[AgencyView], target: str) -> AgencyChoice:
    """What the filter wants; where it names no agency, `target` is meant."""
    wanted = state.value(AGENCY) or target
    view = next((one for one in agencies if one.agency == wanted), None)
    if view is None:
        return NO_AGENCY
    takes = state.value(TAKES)
    return AgencyChoice(view.agency, view.name, None if takes is None else takes == "yes")


def fit_text(fit: FitView | None) -> Text:
    """`✓ takes it`, or every reason why not; not known yet: an ellipsis."""
    if fit is None:
        return Text("…")
    if fit.is_accepted:
        return Text("✓ takes it", "green")
    return Text(f"✗ {clean_text(', '.join(fit.reasons))}", "red")


def fit_lines(fits: Sequence[FitView]) -> str:
    """What every agency says of one image, a line each."""
    return "\n".join(
        f"{one.agency}: {'takes it' if one.is_accepted else '; '.join(one.reasons)}" for one in fits
    )


def _label(agency: AgencyView) -> str:
    marks = [] if agency.is_verified else ["unverified"]
    if agency.generated is Policy.REFUSED:
        marks.append("refuses generated images")
    return clean_text(f"{agency.name}{f' ({", ".join(marks)})' if marks else ''}")
