from typing import Any

import pytest

from engine.simulator.actions import OPERATIONS, Action, Service
from engine.simulator.faults import Rule, Script, ScriptError, parse_script


def acted(rule: dict[str, Any], texts: list[str], operation: str = "submit") -> list[int]:
    """Which of the requests, counted from 1, the rule acts on."""
    script = Script(parse_script([{"service": "piapi", "action": "drop", **rule}]))
    return [
        number
        for number, text in enumerate(texts, 1)
        if script.pick(Service.PIAPI, operation, lambda text=text: text, is_body_read=True)
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"times": 2}, [1, 2]),
        ({"nth": 2}, [2]),
        ({"nth": 2, "times": 3}, [2, 3, 4]),
        ({"every": 2}, [2, 4, 6]),
        ({"every": 2, "times": 1}, [2]),
        ({"nth": 3, "every": 2, "times": 5}, [4, 6]),
        ({"match": "b"}, [2, 4, 6]),
        ({"match": "b", "nth": 2}, [4]),
        ({"operation": "poll"}, []),
        ({"operation": "submit"}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_when_a_rule_acts(rule: dict[str, Any], expected: list[int]) -> None:
    assert acted(rule, ["a", "b"] * 3) == expected


def test_chat_stands_for_every_kind_of_chat() -> None:
    rule = Rule(service=Service.OPENAI, operation="chat", action=Action.SAY)
    assert [rule.fits(Service.OPENAI, name) for name in ("chat.check", "chat", "images")] == [
        True,
        True,
        False,
    ]
    only = Rule(service=Service.OPENAI, operation="chat.check", action=Action.SAY)
    assert [only.fits(Service.OPENAI, name) for name in ("chat.check", "chat.prompt")] == [True, False]


def test_a_special_action_under_a_star_passes_other_operations_by() -> None:
    rule = Rule(service=Service.PIAPI, action=Action.STATUS_WORD, word="x")
    assert [rule.fits(Service.PIAPI, name) for name in ("poll", "submit", "account")] == [True, True, False]
    assert not rule.fits(Service.RUNWARE, "poll")


def test_the_first_rule_that_acts_wins_and_all_count() -> None:
    script = Script(
        parse_script(
            [
                {"service": "piapi", "action": "drop", "nth": 2},
                {"service": "piapi", "action": "html", "times": 2},
            ]
        )
    )
    picked = [script.pick(Service.PIAPI, "poll", str, is_body_read=True) for _ in range(4)]
    assert [rule and str(rule.action) for rule in picked] == ["html", "drop", "html", None]
    assert [(item["seen"], item["acted"]) for item in script.to_json()] == [(4, 1), (4, 2)]


def test_dropping_before_the_body_is_asked_for_before_the_body() -> None:
    script = Script(parse_script([{"service": "piapi", "action": "drop_before_read"}]))
    assert script.pick(Service.PIAPI, "submit", str, is_body_read=True) is None
    assert script.pick(Service.PIAPI, "submit", str, is_body_read=False)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("drop", "JSON object"),
        ({"action": "drop"}, "service"),
        ({"service": "piapi"}, "action"),
        ({"service": "piapi", "action": "explode"}, "action: 'explode'"),
        ({"service": "piapi", "action": "drop", "operation": "remove"}, "operation: 'remove'"),
        ({"service": "piapi", "action": "drop", "nht": 1}, "nht: unknown field"),
        ({"service": "piapi", "action": "drop", "nth": 0}, "nth"),
        ({"service": "piapi", "action": "drop", "nth": "2"}, "nth"),
        ({"service": "piapi", "action": "drop", "times": True}, "times"),
        ({"service": "piapi", "action": "status", "code": 99}, "code"),
        ({"service": "piapi", "action": "status", "headers": {"A": 1}}, "headers"),
        ({"service": "piapi", "action": "status", "headers": {"A": "b\nc"}}, "headers"),
        ({"service": "piapi", "action": "redirect"}, "url"),
        ({"service": "piapi", "action": "status_word"}, "word"),
        ({"service": "piapi", "action": "slow", "seconds": -1}, "seconds"),
        ({"service": "piapi", "action": "bomb", "operation": "poll"}, "does not fit"),
    ],
)
def test_a_rule_that_cannot_be_carried_out_names_its_place_and_field(rule: Any, complaint: str) -> None:
    with pytest.raises(ScriptError, match=f"rule 2: .*{complaint}"):
        parse_script([{"service": "files", "action": "drop"}, rule])


def test_a_script_is_a_list() -> None:
    with pytest.raises(ScriptError, match="list"):
        parse_script({"service": "piapi", "action": "drop"})


def test_rules_survive_the_way_through_json() -> None:
    data = [
        {
            "service": "piapi",
            "action": "status",
            "operation": "submit",
            "code": 429,
            "headers": {"Retry-After": "1"},
        },
        {"service": "files", "action": "truncate", "bytes": 10, "match": "fox", "every": 2},
    ]
    assert [rule.to_json() for rule in parse_script(data)] == data


def test_every_operation_of_a_script_is_documented() -> None:
    import engine.simulator.server as documented

    text = documented.__doc__ or ""
    for service, operations in OPERATIONS.items():
        for word in (str(service), *operations):
            assert word in text
    for action in Action:
        assert str(action) in text
