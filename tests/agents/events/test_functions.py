"""Feature functions are found by name, applied in order, and refused with the reason."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.errors import FunctionFailed, UnknownFunction
from agents.events.functions import load_functions, load_rule

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
    fields: dict[str, Any] = {"a": 3}
    load_functions([f"{name}:double", f"{name}:both"])(fields)
    assert fields == {"a": 3, "b": -6, "c": 9, "d": True}


def test_no_functions_change_nothing() -> None:
    fields = {"a": 1}
    load_functions([])(fields)
    assert fields == {"a": 1}


def test_numbers_of_numpy_become_plain_ones(module: Write) -> None:
    fields: dict[str, Any] = {}
    value = "{'i': np.int64(3), 'f': np.float32(0.5), 'd': np.float64(2), 'b': np.True_}"
    load_functions([giving(module, value)])(fields)
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
    fields = {"b": 1}
    with pytest.raises(FunctionFailed) as failed:
        load_functions([name])(fields)
    assert str(failed.value).startswith(f"{name}: {why}")
    assert fields == {"b": 1}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no_such_module:f", '"no_such_module:f": there is no module "no_such_module"'),
        ("math.deep:f", '"math.deep:f": there is no module "math.deep"'),
        ("math:f", "\"math:f\": module 'math' has no attribute 'f'"),
        ("math:pi", '"math:pi" is no function but 3.14'),
    ],
)
def test_a_function_that_is_not_there_is_refused(name: str, why: str) -> None:
    with pytest.raises(UnknownFunction) as refused:
        load_functions(["math:sqrt", name])
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
        load_functions([f"{module(text)}:f"])
    assert why in str(refused.value)


def test_a_rule_gives_a_number(module: Write) -> None:
    assert load_rule(giving(module, "e['a'] / 2"))({"a": 3}) == 1.5
    for value in ("'high'", "nan", "e['b']"):
        rule = load_rule(giving(module, value))
        with pytest.raises(FunctionFailed):
            rule({"a": math.pi})
