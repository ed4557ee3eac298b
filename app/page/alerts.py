"""The latest alerts, and what became known of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from heapq import nlargest
from itertools import islice
from typing import Any

from topics.records import Alert

MAX_ALERTS = 2000
MAX_LABELS = 20_000
MAX_REASONS = 8
MAX_TEXT = 60
MAX_FIELDS = 40
SHOWN = 25
"""Of the latest alerts, and of those whose labels came last."""


class Shown:
    """An alert, and the label of its event once it is known."""

    __slots__ = ("alert", "changed", "judged", "label")

    def __init__(self, alert: Alert, changed: int) -> None:
        self.alert = alert
        self.changed = changed
        self.label: Any = None
        self.judged = 0
        """At which version the label became known; 0 while it is not."""

    def row(self, field: str | None) -> dict[str, Any]:
        """As the page takes it; `field` is that of the amount."""
        alert = self.alert
        amount = None if field is None else alert.event.get(field)
        return {
            "key": f"{alert.source.partition}/{alert.source.offset}",
            "id": _short(alert.id),
            "time": alert.time,
            "entity": _short(alert.entity),
            "amount": amount if isinstance(amount, int | float) else None,
            "score": alert.score,
            "threshold": alert.threshold,
            "reasons": (alert.reasons or ())[:MAX_REASONS],
            "label": _short(self.label),
            "judged": self.judged,
            "event": {name: _short(v) for name, v in islice(alert.event.items(), MAX_FIELDS)},
        }


class Alerts:
    """The latest alerts by the events that they are of.

    A label may come before the alert is read, so that the latest labels are kept, too. The last
    label of an id counts.

    Args:
        amount: The field of the money, None: none is shown.
    """

    def __init__(self, amount: str | None = None) -> None:
        self._amount = amount
        self._alerts: OrderedDict[Hashable, Shown] = OrderedDict()
        self._by_id: dict[Any, Shown] = {}
        self._labels: OrderedDict[Any, Any] = OrderedDict()

    def add(self, alert: Alert, version: int, label: Any = None) -> None:
        """Take an alert; the one that was read first goes where there are too many.

        Args:
            alert: The record.
            version: Of this change.
            label: Where the event has brought it.
        """
        place = (alert.source.topic, alert.source.partition, alert.source.offset)
        if place in self._alerts:
            return
        shown = self._alerts[place] = Shown(alert, version)
        if alert.id is not None:
            self._by_id[alert.id] = shown
            label = self._labels.get(alert.id, label)
        if label is not None:
            shown.label, shown.judged = label, version
        if len(self._alerts) > MAX_ALERTS:
            _, oldest = self._alerts.popitem(last=False)
            if self._by_id.get(oldest.alert.id) is oldest:
                del self._by_id[oldest.alert.id]

    def label(self, id: Any, label: Any, version: int) -> None:
        """Take a label of the event with this id."""
        self._labels[id] = label
        self._labels.move_to_end(id)
        if len(self._labels) > MAX_LABELS:
            self._labels.popitem(last=False)
        shown = self._by_id.get(id)
        if shown is not None and (not shown.judged or shown.label != label):
            shown.label, shown.judged, shown.changed = label, version, version

    def since(self, version: int) -> list[dict[str, Any]]:
        """Those to be shown that have changed after `version`: the latest, the last judged."""
        alerts = self._alerts.values()
        latest = nlargest(SHOWN, alerts, key=lambda shown: shown.alert.time)
        judged = nlargest(SHOWN, (s for s in alerts if s.judged), key=lambda shown: shown.judged)
        rows = {id(shown): shown for shown in (*latest, *judged) if shown.changed > version}
        return [shown.row(self._amount) for shown in rows.values()]

    def verdicts(self) -> tuple[int, int]:
        """How many of the alerts that are kept have a label, and how many of those are true."""
        labels = [shown.label for shown in self._alerts.values() if shown.judged]
        return len(labels), sum(label is True or label == 1 for label in labels)


def _short(value: Any) -> Any:
    """A value of an event in the room that a page has for it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
