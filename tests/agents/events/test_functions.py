"""Feature functions are found by name, applied in order, and refused with the reason."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.errors import FunctionFailed, UnknownFunction
from agents.events.functions import Functions, load_function, score_events
from agents.operations import Operations
from tests.agents.one_by_one import Event, batch, enrich

NOTHING: Any = None
Write = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a module of its own with a text, and gives its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str) -> str:
        name = f"mine_{abs(hash((str(tmp_path), text)))}"
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return write


def giving(module: Write, value: str) -> str:
    """The name of a function that gives this value."""
    text = f"from math import *\nimport numpy as np\ndef f(e): return {value}"
    return f"{module(text)}:f"


def test_each_function_sees_what_those_before_it_added(module: Write) -> None:
    name = module(
        "def double(e): return {'b': e['a'] * 2}\n"
        "def both(e): return {'c': e['a'] + e['b'], 'b': -e['b'], 'd': True}\n"
    )
    fields = enrich([f"{name}:double", f"{name}:both"], {"a": 3})
    assert fields == {"a": 3, "b": -6, "c": 9, "d": True}


def test_no_functions_change_nothing() -> None:
    assert enrich([], {"a": 1}) == {"a": 1}


def test_numbers_of_numpy_become_plain_ones(module: Write) -> None:
    value = "{'i': np.int64(3), 'f': np.float32(0.5), 'd': np.float64(2), 'b': np.True_}"
    fields = enrich([giving(module, value)], {})
    assert fields == {"i": 3, "f": 0.5, "d": 2.0, "b": True}
    assert not any(type(number) in (np.int64, np.float32, np.bool_) for number in fields.values())


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("5", "gave 5 instead of a dict"),
        ("None", "gave nothing instead of a dict"),
        ("{1: 2}", "gave a name that is no text: {1: 2}"),
        ("{'a': 'x'}", "a is 'x', not a number"),
        ("{'a': None}", "a is nothing, not a number"),
        ("{'a': [1]}", "a is [1], not a number"),
        ("{'a': nan}", "a is nan, not a finite number"),
        ("{'a': np.float64(inf)}", "a is inf, not a finite number"),
        ("{'a': 10**400}", "a is 1000000000000000000000000000000000000000"),
        ("{'a': 1 / 0}", "ZeroDivisionError: division by zero"),
        ("{'a': e['missing']}", "KeyError: 'missing'"),
    ],
)
def test_what_is_no_dict_of_finite_numbers_fails_with_the_name(
    module: Write, value: str, why: str
) -> None:
    name = giving(module, value)
    with pytest.raises(FunctionFailed) as failed:
        enrich([name], {"b": 1})
    assert str(failed.value).startswith(f"{name}: {why}")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no_such_module:f", '"no_such_module:f": there is no module "no_such_module"'),
        ("math.deep:f", '"math.deep:f": there is no module "math.deep"'),
        (
            "app.features:f",
            '"app.features:f": there is no module "app.features" ("app" is riverrun\'s own'
            " package: give yours another name)",
        ),
        ("math:f", "\"math:f\": module 'math' has no attribute 'f'"),
        ("math:pi", '"math:pi" is no function but 3.14'),
    ],
)
def test_a_function_that_is_not_there_is_refused(name: str, why: str) -> None:
    with pytest.raises(UnknownFunction) as refused:
        Functions(["math:sqrt", name])
    assert str(refused.value).startswith(why)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import no_such_thing", ': there is no module "no_such_thing", which mine_'),
        ("def f(", " cannot be imported: SyntaxError: "),
        ("1 / 0", " cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_cannot_be_imported_is_refused(module: Write, text: str, why: str) -> None:
    with pytest.raises(UnknownFunction) as refused:
        Functions([f"{module(text)}:f"])
    assert why in str(refused.value)


def scored(name: str, *events: dict[str, Any]) -> list[float | None]:
    """What a rule says of events."""
    return score_events(some(*events), np.arange(len(events)), name, load_function(name))


def some(*events: dict[str, Any]) -> Operations:
    """A batch of events with these fields."""
    return batch([Event(None, 0, fields, None, NOTHING) for fields in events])


def test_a_rule_gives_a_number_or_nothing(module: Write) -> None:
    assert scored(giving(module, "e['a'] / 2"), {"a": 3}) == [1.5]
    for value in ("'high'", "nan", "e['b']"):
        assert scored(giving(module, value), {"a": math.pi}) == [None]


COLUMNS = """
import numpy as np

def double(e):
    return {"b": e["a"] * 2, "c": 1}

def alone(e):
    if e["a"] < 0:
        raise ValueError("below zero")
    return {"b": e["a"] * 2, "c": 1}

def of_both(e):
    return {"c": e["b"] + e.get("a")}

def rooted(e):
    return {"b": np.sqrt(e["a"])}

def shortened(e):
    return {"b": e["a"][1:]}

def seen(e):
    return {"names": len(list(e)), "same": e["a"] is e["a"]}

def ranked(e):
    return np.log(e["a"])

for function in (double, of_both, rooted, shortened, seen, ranked):
    function.takes_columns = True
"""


def applied(names: Sequence[str], *events: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """The fields of the events for which all functions worked, and why the others failed."""
    operations = some(*events)
    at, rejected = Functions(names).apply(operations, np.arange(len(events)))
    return [operations.fields(i) for i in at.tolist()], [str(each.error) for each in rejected]


def test_a_function_may_take_columns_between_others_that_take_one_event(module: Write) -> None:
    name = module(COLUMNS)
    for functions in (("double", "of_both"), ("double", "alone", "of_both"), ("alone", "double")):
        chosen = [f"{name}:{function}" for function in functions]
        fields, failed = applied(chosen, {"a": 3, "t": "x"}, {"a": 0.5, "u": None})
        c = {"of_both": [9.0, 1.5]}.get(functions[-1], [1.0, 1.0])
        assert failed == []
        assert fields == [
            {"a": 3, "t": "x", "b": 6.0, "c": c[0]},
            {"a": 0.5, "u": None, "b": 1.0, "c": c[1]},
        ]


def test_where_columns_fail_only_the_events_that_are_wrong_are_set_aside(module: Write) -> None:
    name = f"{module(COLUMNS)}:double"
    fields, failed = applied([name], {"a": 3}, {"a": "x" * 3}, {}, {"a": None}, {"a": True})
    assert fields == [{"a": 3, "b": 6.0, "c": 1.0}, {"a": True, "b": 2.0, "c": 1.0}]
    assert failed[1:] == [
        f"{name}: KeyError: 'a'",
        f"{name}: b is [None, None], not 1 numbers",
    ]


def test_a_value_that_is_not_finite_sets_its_event_aside(module: Write) -> None:
    name = f"{module(COLUMNS)}:rooted"
    fields, failed = applied([name], {"a": 4}, {"a": -1}, {"a": 9})
    assert fields == [{"a": 4, "b": 2.0}, {"a": 9, "b": 3.0}]
    assert failed == [f"{name}: b is nan, not a finite number"]


def test_a_column_that_is_too_short_is_none(module: Write) -> None:
    name = f"{module(COLUMNS)}:shortened"
    fields, failed = applied([name], {"a": 4}, {"a": 1}, {"a": 9})
    assert fields == []
    assert failed == [f"{name}: b is array([], dtype=float64), not 1 numbers"] * 3


def test_the_columns_are_a_mapping_of_all_fields(module: Write) -> None:
    fields, _ = applied([f"{module(COLUMNS)}:seen"], {"a": 4}, {"b": 1, "a": 2})
    assert [each["names"] for each in fields] == [2.0, 2.0]
    assert [each["same"] for each in fields] == [1.0, 1.0]


def test_a_rule_may_take_columns(module: Write) -> None:
    name = f"{module(COLUMNS)}:ranked"
    assert scored(name, {"a": 1}, {"a": 0.0}, {"a": math.e}) == [0.0, None, 1.0]
    assert scored(name, {"a": 1}, {"b": 2}, {"a": "x"}) == [0.0, None, None]
    assert scored(name) == []
