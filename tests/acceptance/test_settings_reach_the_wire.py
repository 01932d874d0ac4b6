"""What the settings say is what a job runs with: a changed value changes a request, a file, a stage or a wait."""

import pytest

from engine.settings import describe_fields
from tests.acceptance.proofs import PROOFS
from tests.acceptance.runs import Runs

pytestmark = pytest.mark.acceptance

FIELDS = tuple(field.path for field in describe_fields())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Shared by all proofs: most look at the same few runs."""
    return Runs(tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("path", FIELDS)
async def test_setting_makes_a_difference(runs: Runs, path: str) -> None:
    assert path in PROOFS, f"nothing proves that {path} does anything: add a proof"
    runs.used.clear()
    await PROOFS[path](runs)
    values = {repr(evidence.setting(path)) for evidence in runs.used}
    assert len(values) > 1, f"the proof of {path} looks at one value only: {values}"


def test_no_proof_is_left_over() -> None:
    assert set(PROOFS) == set(FIELDS)
