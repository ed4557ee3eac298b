"""Sentences that the log and a command share."""

from agents.labels.counts import LabelShare
from agents.labels.join import SAME_KEY


def drifts_sentence(drifts: int, last: int | None, after: str = "") -> str:
    """How many drifts there were, and when the last one was.

    >>> drifts_sentence(2, 1500, " (alarm)")
    '2 drifts (alarm), the last at learned event 1,500'
    """
    count = "1 drift" if drifts == 1 else f"{drifts:,} drifts"
    when = "" if last is None else f", the last at learned event {last:,}"
    return f"{count}{after}{when}"


def labels_sentence(share: LabelShare, *, by_id: bool) -> str:
    """How many labels met their event; and what is wrong where these are few.

    >>> labels_sentence(LabelShare(90, 95), by_id=False)
    '90 of 95 labels met their event'
    """
    matched = f"{share.met:,} of {share.of:,} labels met their event"
    if not share.is_small:
        return matched
    why = "no event on Kafka has their ids, or the same id of another type" if by_id else SAME_KEY
    return f"{matched}: {why} (docs/labels.md, Which label meets which event)"
