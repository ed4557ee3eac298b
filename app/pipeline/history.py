"""The table of the topic of events whose labels have come."""

from __future__ import annotations

from app.pipeline.values import Features, Format, Table, Topic


class History(Table):
    """The topic on which an event lies once its label has come, as it was scored.

    `fields` are those of an event that are kept until then, beside its features.
    """

    topic: Topic
    format: Format = "json"
    fields: Features | None = None
