"""What becomes of a text in a field of events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.entities.declare import declared
from app.pipeline.cross_checks import entity_table
from app.pipeline.load import Pipeline
from app.replay.base import named
from app.replay.categories import STEPS

SHOWN = 5
"""Names of fields that are shown."""
_TAKING = (*STEPS, "words")
_ADD = f"add a step that takes texts ({', '.join(_TAKING)})"


class Texts:
    """Knows which part of a pipeline takes a text, which passes it over, and which refuses it.

    Args:
        pipeline: What is to be done with the events.
        key: The field of the records' key.
        time: The field of their times.
    """

    def __init__(self, pipeline: Pipeline, key: str | None, time: str | None = None) -> None:
        events, learner = pipeline.events, pipeline.learner
        self._id = events.id
        self._declared = events.features
        self._steps = [step for step in learner.tables if step["type"] in _TAKING]
        self._sees_all = bool(events.functions) or learner.type.startswith("river.")
        self._functions = bool(events.functions)
        self._never = {events.id, events.key, events.label, key, time}
        self._entities = pipeline.entities
        self._numbers: dict[str, str] = {}
        self._made = set[str]()
        for number, entity in enumerate(pipeline.entities):
            table = declared(entity_table(pipeline, number, entity))
            self._made |= set(table.names)
            for name in table.numbers:
                if entity.source == "events" or name != table.table.label:
                    self._numbers.setdefault(name, f"entities[{number}].features")

    def rejected(self, name: str) -> str | None:
        """Why a row with a text in this field cannot be used, and what to do; None where it can."""
        if (by := self._numbers.get(name)) is not None:
            return f"because {by} needs a number"
        made = name in self._made or self._functions
        if name in (self._declared or ()) and not made and self._step(name) is None:
            return (
                "because events.features has the field and no step takes its texts:"
                f" {_ADD}, or leave the field out"
            )
        return None

    def beside_numbers(self, name: str) -> str | None:
        """What a text means in a field that is a number elsewhere; None where it is no feature."""
        if name == self._id:
            return "a label meets its event only where both ids are of the same type"
        if name in self._never or (self._declared is not None and name not in self._declared):
            return None
        if (step := self._step(name)) is not None:
            return f"the step {step} takes the texts, and a number stays a number"
        if self._sees_all:
            return None
        return f"a row with the text is learned without this feature, unless you {_ADD}"

    def unused(self, names: Iterable[str]) -> Iterator[str]:
        """A line where fields are texts that nothing takes.

        A pipeline takes all fields that are numbers; where it names its features, or a function
        of the user's or a learner of River's sees the texts, there is nothing to say.

        Args:
            names: Of fields that are always texts.
        """
        if self._declared is not None or self._sees_all:
            return
        if any(step.get("features") is None for step in self._steps):
            return
        taken = {name for step in self._steps for name in step.get("features") or ()}
        taken |= {name for name in self._never if name} | self._numbers.keys()
        for entity in self._entities:
            taken |= {entity.field or "", *entity.features}
        found = sorted(name for name in names if name not in taken and not _named(name, taken))
        if found:
            are = "is a text" if len(found) == 1 else "are texts"
            yield (
                f"{named(found, SHOWN)} {are}, which no step takes: no feature is made"
                f" of {'it' if len(found) == 1 else 'them'} (steps {', '.join(_TAKING)})"
            )

    def _step(self, name: str) -> str | None:
        """The step that takes the texts of a field."""
        found = (s for s in self._steps if s.get("features") is None or name in s["features"])
        return next((str(step["type"]) for step in found), None)


def _named(name: str, taken: Iterable[str]) -> bool:
    """Whether a feature such as distinct(name) is made of it."""
    return any(f"({name})" in feature or f"({name}," in feature for feature in taken)
