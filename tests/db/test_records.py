from datetime import UTC, datetime, timedelta, timezone

import pytest

from db.query import read, to_parameters
from db.records import ImageRecord, NewGeneration, TaskRecord, utc_text
from db.status import Approval, ImageStatus, Stage
from tests.db.rows import Rows


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678_999, tzinfo=UTC), "2026-01-02T03:04:05.678Z"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000Z"),
        (datetime(2026, 1, 1, 22, tzinfo=timezone(timedelta(hours=-5))), "2026-01-02T03:00:00.000Z"),
    ],
)
def test_utc_text(moment: datetime, text: str) -> None:
    assert utc_text(moment) == text


def test_utc_text_refuses_a_time_without_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        utc_text(datetime(2026, 1, 2))  # noqa: DTZ001 - the case under test


def test_json_keeps_its_letters() -> None:
    parameters = to_parameters(NewGeneration("j", 0, "k", {"Motiv": "Bär", "n": 1}, "1:1", 8, 8))
    assert parameters["keyword_row"] == '{"Motiv":"Bär","n":1}'
    assert parameters["seed"] is None


async def test_rows_come_back_with_their_types(rows: Rows) -> None:
    image = await rows.image(warnings=("soft", 'a "quoted" one'))
    assert isinstance(image, ImageRecord)
    assert image.status is ImageStatus.PENDING
    assert image.warnings == ("soft", 'a "quoted" one')
    assert image.tags == ()
    assert image.is_checked is False
    assert image.approval is None
    approved = await rows.approved()
    assert approved.approval is Approval.CHECKED
    assert approved.is_checked is True
    task = await rows.task_now(approved.task_id)
    assert task.outputs == []
    assert task.error_stage is None


def test_a_row_of_another_width_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        read(TaskRecord, (1, 2))


async def test_a_word_that_is_in_no_enum_is_an_error(rows: Rows) -> None:
    with pytest.raises(ValueError, match="somewhere"):
        Stage(await rows.value("SELECT 'somewhere'"))
