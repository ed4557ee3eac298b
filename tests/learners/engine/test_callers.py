"""Who calls compiled code: `@helper` is for kernels alone, and `@kernel` for what Python calls.

Both are found by name in the sources. A helper that Python calls runs uncompiled, a hundred times
slower and with the same result, so no other test would show it; a kernel that only kernels call
takes longer to compile than it must.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
ROOMS = ("agents", "app", "benchmarks", "learners")
COMPILED = {"helper", "inlined", "kernel"}
MARK = re.compile(r"^@(helper|inlined|kernel)$", re.M)
READ_SINGLY = {"agents.tables.bytes.entry_at"}
"""Helpers that Python calls on purpose, for one entry at a time."""


class Use(NamedTuple):
    """A place that names a compiled function: in a function of a module, itself compiled or not."""

    what: str
    where: str
    compiled: bool


def sources() -> dict[str, ast.Module]:
    """The modules of all rooms that have compiled functions, or import from one that has."""
    texts = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text()
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
    }
    defining = [module for module, text in texts.items() if MARK.search(text)]
    packages = [module.rpartition(".")[0] for module in defining]
    imports = [f"from {each} import" for each in {*defining, *packages}]
    return {
        module: ast.parse(text)
        for module, text in texts.items()
        if module in defining or any(each in text for each in imports)
    }


def decorator(function: ast.FunctionDef) -> str | None:
    """How a function is compiled."""
    names = (each.id for each in function.decorator_list if isinstance(each, ast.Name))
    return next((name for name in names if name in COMPILED), None)


def functions(module: ast.Module) -> Iterator[ast.FunctionDef]:
    """Those at the top, as all compiled ones are."""
    return (node for node in module.body if isinstance(node, ast.FunctionDef))


def defined(modules: Mapping[str, ast.Module]) -> dict[str, str]:
    """How each compiled function is compiled."""
    return {
        f"{module}.{function.name}": how
        for module, tree in modules.items()
        for function in functions(tree)
        if (how := decorator(function)) is not None
    }


def names_of(module: str, tree: ast.Module) -> dict[str, str]:
    """What the names of a module stand for: its functions, and what it imports from others."""
    names = {function.name: f"{module}.{function.name}" for function in functions(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def uses(module: str, tree: ast.Module, known: Mapping[str, str]) -> Iterator[Use]:
    """Every place of a module that names a compiled function."""
    names = names_of(module, tree)

    def inside(node: ast.AST, where: str, compiled: bool) -> Iterator[Use]:
        if isinstance(node, ast.FunctionDef):
            where, compiled = node.name, compiled or decorator(node) is not None
        what = None
        if isinstance(node, ast.Name):
            what = names.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            what = f"{names.get(node.value.id)}.{node.attr}"
        if what in known:
            yield Use(str(what), f"{module}.{where}", compiled)
        for child in ast.iter_child_nodes(node):
            yield from inside(child, where, compiled)

    for statement in tree.body:
        yield from inside(statement, "<module>", False)


def misused(modules: Mapping[str, ast.Module]) -> list[str]:
    """What is compiled in the wrong way, in a line each."""
    known = defined(modules)
    callers: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for module, tree in modules.items():
        for use in uses(module, tree, known):
            callers[use.what, use.compiled].append(use.where)
    wrong = [
        f"helper {what} is called from Python by {', '.join(sorted(set(python)))}"
        for what, how in known.items()
        if how == "helper" and what not in READ_SINGLY and (python := callers[what, False])
    ]
    return wrong + [
        f"kernel {what} is called by compiled code alone"
        for what, how in known.items()
        if how == "kernel" and not callers[what, False]
    ]


@cache
def ours() -> Mapping[str, ast.Module]:
    return sources()


def test_helpers_are_called_by_compiled_code_and_kernels_by_python() -> None:
    assert misused(ours()) == []


def test_the_exceptions_are_still_called_from_python() -> None:
    known = defined(ours())
    found = {use.what for m, tree in ours().items() for use in uses(m, tree, known)}
    assert found >= READ_SINGLY
    assert {known[what] for what in READ_SINGLY} == {"helper"}


def test_a_wrong_decorator_is_found() -> None:
    by_name = "from learners.engine.kernels import helper, kernel\n"
    text = by_name + "@{}\ndef inner(x): return x\n@{}\ndef outer(x): return inner(x)\n"
    through = "from agents import a\ndef work(x): return a.outer(x)\n"
    cases = {
        ("helper", "kernel"): [],
        ("helper", "helper"): ["helper agents.a.outer is called from Python by app.b.work"],
        ("kernel", "kernel"): ["kernel agents.a.inner is called by compiled code alone"],
    }
    for how, expected in cases.items():
        modules = {"agents.a": ast.parse(text.format(*how)), "app.b": ast.parse(through)}
        assert misused(modules) == expected
