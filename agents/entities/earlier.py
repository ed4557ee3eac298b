"""The compiled code about values before an event: how long ago, which, and which are kept."""

from __future__ import annotations

from agents.entities.shapes import LAST, TOP, Pasts, Plan, Steps
from learners.engine.kernels import clip, helper


@helper
def since_last(pasts: Pasts, plan: Plan, steps: Steps, i: int, oldest: int) -> float:
    """Seconds since the newest event, where the longest window still has it; else -1."""
    slot, longest = steps.slots[i], plan.spans[plan.spans.shape[0] - 1]
    if slot < 0 or pasts.integers[slot, TOP] < max(oldest, steps.buckets[i] - longest):
        return -1.0
    return float(max(0.0, (steps.times[i] - pasts.integers[slot, LAST]) / 1000.0))


@helper
def earlier(
    pasts: Pasts, plan: Plan, steps: Steps, i: int, oldest: int, which: int, n: int
) -> float:
    """The n-th value before the row's time, from the newest; 0 where it is not known."""
    slot, depth, first = steps.slots[i], plan.earlier[which, 1], plan.earlier[which, 2]
    if slot < 0 or pasts.integers[slot, TOP] < oldest:
        return 0.0
    end = pasts.integers[slot, first]
    start = max(0, end - depth)
    k = end - 1
    while k >= start and pasts.integers[slot, first + 1 + k % depth] > steps.times[i]:
        k -= 1  # of later events, where this one is late
    k -= n - 1
    return float(pasts.numbers[slot, first + 1 + depth + k % depth]) if k >= start else 0.0


@helper
def keep(pasts: Pasts, plan: Plan, steps: Steps, i: int) -> None:
    """Put the values of a row among the earlier ones, by their times; the oldest gives way."""
    slot, time = steps.slots[i], steps.times[i]
    for f in range(plan.earlier.shape[0]):
        depth, first = plan.earlier[f, 1], plan.earlier[f, 2]
        times, values = first + 1, first + 1 + depth
        end = pasts.integers[slot, first]
        if end >= depth and pasts.integers[slot, times + end % depth] > time:
            continue
        k = end
        while k > max(0, end - depth + 1):
            before = (k - 1) % depth
            if pasts.integers[slot, times + before] <= time:
                break
            pasts.integers[slot, times + k % depth] = pasts.integers[slot, times + before]
            pasts.numbers[slot, values + k % depth] = pasts.numbers[slot, values + before]
            k -= 1
        pasts.integers[slot, times + k % depth] = time
        pasts.numbers[slot, values + k % depth] = clip(steps.values[i, plan.earlier[f, 0]])
        pasts.integers[slot, first] = end + 1


@helper
def replace(pasts: Pasts, plan: Plan, steps: Steps, i: int) -> None:
    """Put the values of a correction in the place of those before, where they are still kept."""
    slot = steps.slots[i]
    for f in range(plan.earlier.shape[0]):
        column, depth, first = plan.earlier[f, 0], plan.earlier[f, 1], plan.earlier[f, 2]
        value, before = clip(steps.values[i, column]), clip(steps.befores[i, column])
        end = pasts.integers[slot, first]
        for k in range(max(0, end - depth), end):
            at = first + 1 + depth + k % depth
            same_time = pasts.integers[slot, at - depth] == steps.times[i]
            if same_time and pasts.numbers[slot, at] == before:
                pasts.numbers[slot, at] = value
                break
