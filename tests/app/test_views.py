"""What a standby has at hand of a state is what an agent would gather from its entries."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

from agents.entities.declare import EntityTable, declared
from agents.entities.entities import Entities
from agents.entities.layout import Layout
from agents.entities.rows import PastRows, prefix_of
from agents.entries import Entries
from agents.evaluation.evaluator import PREFIX as EVALUATION
from agents.evaluation.evaluator import Evaluator
from agents.evaluation.settings import EvaluatorSettings
from agents.labels.join import LabelJoin
from agents.labels.reader import ParsedLabel
from agents.labels.settings import JoinSettings
from agents.operations import ParsedEvent
from agents.sinks.scored import ScoredBatch
from agents.state import State
from agents.store import MemoryStore
from agents.views import Keys, NewView
from app.worker.state.followed import FollowedStore, unwrapped
from tests.agents.one_by_one import Event, one_by_one

EXPIRE = 40
SETTINGS = JoinSettings(EXPIRE, on_expire=False, max_waiting=60, keep=("card", "amount"))
TABLE = EntityTable(0, "card", features=("count", "mean(amount)"), windows=(0.03, 0.2))
JUDGING = EvaluatorSettings(0, window=20, entity="card", expire=EXPIRE)
VIEWS: dict[str, NewView] = {
    prefix_of(0): partial(PastRows, 0, Layout.of(declared(TABLE)).width),
    EVALUATION: Keys,
}


class Agent:
    """The parts of an agent that gather something from the entries of their state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.join = LabelJoin(SETTINGS, state, bool)
        self.entities = Entities([TABLE], state)
        self.judge = Evaluator(JUDGING, state, "binary")
        self.said: list[Any] = []

    def event(self, id_: int, time: int, card: int) -> None:
        record: Any = None
        fields = {"card": card, "amount": float(id_)}
        self._step(ParsedEvent(id_, time, fields, record))

    def label(self, label: ParsedLabel) -> None:
        self._step(label)

    def _step(self, arrived: ParsedEvent | ParsedLabel) -> None:
        came = self.join.run([arrived]).operations([arrived.record], [0])
        operations, _ = self.entities.apply(came)
        for op in one_by_one(operations):
            self.said.append(op.fields if isinstance(op, Event) else (op.kind, op.id, op.label))
        at = operations.events
        scored = ScoredBatch(operations, at)
        self.said += self.judge.watch(scored, {"model": [0.5] * len(at)})

    def commit(self) -> Entries:
        self.join.save()
        self.entities.save()
        self.judge.save()
        return self.state.changes()


class Follower:
    """A standby without Kafka."""

    def __init__(self) -> None:
        store = MemoryStore()
        views = {prefix: new(store.get) for prefix, new in VIEWS.items()}
        self.store = FollowedStore(store, views)

    def apply(self, changes: Entries) -> None:
        for patches in changes.patches:
            self.store.patch({key: patch or b"" for key, patch in patches.decode().items()})
        self.store.update(changes)

    def agent(self) -> Agent:
        store, views = unwrapped(self.store)
        return Agent(State(store, views=views))


def all_of(changes: Entries) -> tuple[dict[str, bytes | None], list[dict[str, bytes | None]]]:
    """Entries and patches."""
    return dict(changes), [patches.decode() for patches in changes.patches]


def happen(agents: Sequence[Agent], draw: random.Random, times: range) -> None:
    """The same for all of them."""
    for time in times:
        id_, late = draw.randrange(2 * time + 1), draw.random() < 0.5
        for agent in agents:
            if late:
                record: Any = Record(time)
                agent.label(ParsedLabel(id_, id_ % 3 == 0, None, 1, time, record))
            else:
                agent.event(id_, time, id_ % 17)


class Record:
    """The record of a label."""

    def __init__(self, time: int) -> None:
        self._time = time

    def topic(self) -> str:
        return "labels"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._time

    def key(self) -> None:
        return None

    def value(self) -> bytes:
        return b"{}"

    def timestamp(self) -> tuple[int, int]:
        return 1, self._time

    def headers(self) -> list[tuple[str, bytes | None]]:
        return []


def test_an_agent_made_of_what_was_followed_goes_on_as_one_that_is_restored_and_the_old_one() -> (
    None
):
    draw, owner, follower = random.Random(4), Agent(State({})), Follower()
    for begin in range(0, 1500, 50):
        happen([owner], draw, range(begin, begin + 50))
        changes = owner.commit()
        follower.apply(changes)
        if begin % 250:
            continue
        heir = follower.agent()
        restored = Agent(State(dict(owner.state.items(""))))
        for agent in (heir, restored, owner):
            agent.said = []
        happen([heir, restored, owner], draw, range(begin + 50, begin + 120))
        assert heir.said == restored.said == owner.said
        owned = all_of(owner.commit())
        assert all_of(heir.commit()) == all_of(restored.commit()) == owned
        assert all(owned)
        assert (len(heir.join), heir.join.counts.waiting) == (
            len(owner.join),
            owner.join.counts.waiting,
        )
        # The state goes back to be followed: what the heir has at hand goes with it.
        released = heir.state.release()
        assert released is not None
        follower.store = FollowedStore(*released)
    assert len(owner.join) > 30


def test_a_state_with_changes_that_were_not_committed_is_not_given_away() -> None:
    state = State({"a": b"1"})
    state.put("a", b"2")
    assert state.release() is None
    state.changes()
    assert state.release() is not None
