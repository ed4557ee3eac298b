"""A state that is followed is the one that is restored: behind, ahead, damaged, handed on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from agents.state import State
from agents.store import MemoryStore
from agents.views import Keys, NewView
from app.kafka.clients import restore_consumer
from app.kafka.partitions import TP
from app.local_kafka import LocalKafka
from app.worker.output.transactions import new_transactions
from app.worker.state.inventory import Inventory
from app.worker.state.layout import POSITION
from app.worker.state.log import StateLog
from app.worker.state.position import Position
from app.worker.state.restore import Restored
from app.worker.state.standby import Standby
from app.worker.tasks import Change
from tests.kafka.running import Stream, restorer, stream, wait_until

LEARNER = {"type": "passive_aggressive"}
LARGE = bytes(range(256)) * 5_000
"""More than two chunks."""


class Owner:
    """A worker that changes the state of partition 0 as it is told."""

    def __init__(self, here: Stream, restored: Restored | None = None) -> None:
        self._here = here
        pipeline = here.pipeline
        self._transactions = new_transactions(pipeline, here.kafka, "owner")
        self._transactions.start()
        self._state = State()
        self._log = StateLog(self._state.store)
        self._offset = 0

    @property
    def inventory(self) -> Inventory:
        """What the topic has, for another to go on with."""
        return deepcopy(self._log.inventory)

    def commit(self, **entries: bytes | None) -> Change:
        """Change these entries, and go one event on."""
        for key, value in entries.items():
            if value is None:
                self._state.delete(key)
            else:
                self._state.put(key, value)
        self._offset += 1
        offsets = {self._here.pipeline.events.topic: self._offset}
        rows = self._log.rows(self._state.changes())
        position = Position(offsets, checksum=self._state.checksum, extent=self._log.extent)
        rows += self._log.large(POSITION, position.encode())
        change = Change(0, offsets, [], self._here.pipeline.state_topic, rows, 1)
        with closing(Consumer(restore_consumer(self._here.pipeline, self._here.kafka))) as nobody:
            self._transactions.commit([change], nobody.consumer_group_metadata())
        return change


@pytest.fixture
def here(kafka: str, tmp_path: Path, topic_name: str) -> Stream:
    return stream(kafka, tmp_path, topic_name, LEARNER)


def followed(here: Stream) -> Standby:
    """One that has begun with the state of partition 0; keys that begin with "a" have a view."""
    views: Mapping[str, NewView] = {"a": Keys}
    made = Standby(
        restore_consumer(here.pipeline, here.kafka),
        {here.pipeline.state_topic: views},
        MemoryStore,
    )
    made.follow([0])
    return made


def taken_over(here: Stream, standby: Standby) -> Restored:
    """What a restore makes of what was followed, and that is what one without it makes."""
    topic = here.pipeline.state_topic
    standby.own([TP(topic, 0)])
    with closing(restorer(here.pipeline, here.kafka)) as restoring:
        got = restoring.restore([0], standby.take(topic, [0]))[0]
        expected = restoring.restore([0])[0]
    assert plain(got) == plain(expected)
    if got.views:
        keys = {key for key in expected.entries if key.startswith("a")}
        view = got.views["a"]
        assert isinstance(view, Keys)
        assert view == keys
    return got


def entries_of(restored: Restored) -> dict[str, bytes]:
    return {key: restored.entries.get(key) or b"" for key in restored.entries}


def plain(restored: Restored) -> tuple[Any, ...]:
    return (entries_of(restored), restored.offsets, restored.inventory, restored.checksum)


def read_to_the_end(standby: Standby) -> None:
    wait_until(lambda: not standby.behind(), what="the end of the state")


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "riverrun.worker")
    return caplog


def test_what_was_written_while_it_was_followed_needs_few_records_to_be_taken_over(
    here: Stream, warnings: pytest.LogCaptureFixture
) -> None:
    owner, standby = Owner(here), followed(here)
    for i in range(50):
        owner.commit(**{f"a{i}": b"%d" % i, f"b{i % 7}": b"%d" % i, "large": LARGE[i:]})
        owner.commit(**{f"a{i // 2}": None})
    topic = here.pipeline.state_topic
    wait_until(lambda: standby.next_offset(topic, 0) > 300, what="the changes")
    got = taken_over(here, standby)
    assert (got.entries.get("a40"), got.entries.get("large")) == (b"40", LARGE[49:])
    assert got.records_read <= 20
    assert "thrown away" not in warnings.text
    standby.close()


@pytest.mark.parametrize("after", [1, 30])
def test_a_standby_that_lags_is_read_on_to_the_end(
    here: Stream, after: int, warnings: pytest.LogCaptureFixture
) -> None:
    owner, standby = Owner(here), followed(here)
    for i in range(20):
        owner.commit(a1=b"%d" % i, large=LARGE[i:])
    wait_until(lambda: standby.next_offset(here.pipeline.state_topic, 0) > 60, what="a part")
    standby.stop()  # what comes now it never sees
    standby._thread.join(60)
    for i in range(after):
        owner.commit(a1=None if i % 2 else b"x", a2=b"%d" % i, large=LARGE[100 + i :])
    got = taken_over(here, standby)
    assert got.offsets == {here.pipeline.events.topic: 20 + after}
    assert got.records_read >= after
    # It was read on, not anew.
    assert "thrown away" not in warnings.text
    standby.close()


def test_what_does_not_fit_is_thrown_away_and_restored_anew(
    here: Stream, warnings: pytest.LogCaptureFixture
) -> None:
    owner, standby = Owner(here), followed(here)
    owner.commit(a1=b"1")
    written = owner.commit(b1=b"1").written
    topic = here.pipeline.state_topic
    wait_until(lambda: standby.next_offset(topic, 0) == written, what="both changes")
    # As if its deletion had been compacted away before it was read.
    ((key, value),) = StateLog(MemoryStore()).rows({"a-gone": b"1"})
    standby._readers[TP(topic, 0)].apply(key, value, written)
    got = taken_over(here, standby)
    assert set(got.entries) == {"a1", "b1", POSITION}
    assert "what was followed is thrown away" in warnings.text
    standby.close()


def test_a_state_that_is_given_back_is_followed_from_where_it_was_written(
    here: Stream, warnings: pytest.LogCaptureFixture
) -> None:
    owner, standby = Owner(here), followed(here)
    written = owner.commit(a1=b"1", large=LARGE).written
    read_to_the_end(standby)
    wait_until(lambda: standby.next_offset(here.pipeline.state_topic, 0) == written, what="all")
    for i in range(5):
        got = taken_over(here, standby)
        assert got.records_read <= 1
        # The worker goes on with it, then gives it back while the next one writes already.
        change = owner.commit(**{f"a{i}": b"own", "large": LARGE[i:]})
        entries = entries_of(got) | {f"a{i}": b"own", "large": LARGE[i:]}
        entries[POSITION] = (change.state[-1][1] or b"")[1:]
        store = MemoryStore(entries)
        keys = Keys(store.get)
        keys.fill(store.beginning("a"))
        state = State({k: v for k, v in entries.items() if k != POSITION})
        reader = standby.reader(here.pipeline.state_topic, 0, store, {"a": keys})
        reader.go_on(change.written or 0, owner.inventory, state.checksum)
        standby.give(here.pipeline.state_topic, 0, reader)
        last = owner.commit(**{f"b{i}": b"other", f"a{i}": None}).written
        wait_until(
            lambda last=last: standby.next_offset(here.pipeline.state_topic, 0) == last,
            what="the next change",
        )
    assert "thrown away" not in warnings.text
    standby.close()


@pytest.mark.long
def test_a_state_is_compacted_while_it_is_followed(
    tmp_path: Path, topic_name: str, warnings: pytest.LogCaptureFixture
) -> None:
    config = {"log.cleaner.backoff.ms": "100", "log.cleaner.delete.retention.ms": "100"}
    with LocalKafka(tmp_path / "kafka", config=config) as broker:
        here = stream(broker.bootstrap, tmp_path, topic_name, LEARNER)
        topic = here.pipeline.state_topic
        _compact_at_once(broker.bootstrap, topic)
        owner, standby = Owner(here), followed(here)
        consumer = Consumer(restore_consumer(here.pipeline, here.kafka))
        position = TopicPartition(topic, 0, 1)  # behind the first record of the log

        def is_compacted() -> bool:
            """Whether the first position is gone; each look rolls a segment."""
            owner.commit(a2=LARGE[:1000])
            consumer.assign([position])
            message = consumer.poll(5.0)
            return message is not None and message.error() is None and (message.offset() or 0) > 1

        for i in range(100):
            owner.commit(a1=b"%d" % i, **{f"a-gone-{i}": b"1"})
            owner.commit(**{f"a-gone-{i}": None})
        wait_until(is_compacted, 120, "the compaction")
        late = followed(here)
        end = owner.commit(a3=b"3").written
        for one in (standby, late):
            wait_until(lambda one=one: one.next_offset(topic, 0) == end, what="the end")
            got = taken_over(here, one)
            assert got.entries.get("a1") == b"99"
            one.close()
        consumer.close()
        assert "thrown away" not in warnings.text


def _compact_at_once(bootstrap: str, topic: str) -> None:
    settings = {
        "segment.ms": "100",
        "delete.retention.ms": "100",
        "max.compaction.lag.ms": "100",
        "min.cleanable.dirty.ratio": "0.01",
    }
    changes = [
        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        for key, value in settings.items()
    ]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=changes)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(30)
