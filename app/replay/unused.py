"""Fields that are texts, and that no step makes features of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.pipeline.load import Pipeline
from app.replay.categories import STEPS

SHOWN = 5
"""Names of fields that are shown."""


def unused_texts(pipeline: Pipeline, texts: Iterable[str], key: str | None) -> Iterator[str]:
    """A line where fields are texts that nothing takes.

    Args:
        pipeline: Takes all fields that are numbers; where it names its features, or a function
            of the user's or a learner of River's sees the texts, there is nothing to say.
        texts: Fields that are always texts.
        key: The field of the records' key.
    """
    events, learner = pipeline.events, pipeline.learner
    if events.features is not None or events.functions or learner.type.startswith("river."):
        return
    if any(step.get("features") is None for step in learner.tables if step["type"] in _TAKING):
        return
    taken = {name for step in learner.tables for name in step.get("features") or ()}
    taken |= {events.id or "", events.key or "", events.label or "", key or ""}
    for entity in pipeline.entities:
        taken |= {entity.field or "", *entity.features}
    found = sorted(name for name in texts if name not in taken and not _named(name, taken))
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        are = "is a text" if len(found) == 1 else "are texts"
        yield (
            f"{', '.join(found[:SHOWN])}{more} {are}, which no step takes: no feature is made of"
            f" {'it' if len(found) == 1 else 'them'} (steps {', '.join(_TAKING)})"
        )


_TAKING = (*STEPS, "words")


def _named(name: str, taken: Iterable[str]) -> bool:
    """Whether a feature such as distinct(name) is made of it."""
    return any(f"({name})" in feature or f"({name}," in feature for feature in taken)
