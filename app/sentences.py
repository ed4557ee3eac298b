"""Sentences that the log and a command share."""


def drifts_told(drifts: int, last: int | None, after: str = "") -> str:
    """How many drifts there were, and when the last one was.

    >>> drifts_told(2, 1500, " (alarm)")
    '2 drifts (alarm), the last at learned event 1,500'
    """
    count = "1 drift" if drifts == 1 else f"{drifts:,} drifts"
    when = "" if last is None else f", the last at learned event {last:,}"
    return f"{count}{after}{when}"
