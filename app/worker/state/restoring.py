"""Restores the states of all stages, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.kafka.identity import Identity
from app.kafka.partitions import TP, partitions_of
from app.pipeline.stages import Stage
from app.worker.state.restore import Restored, Restorer
from app.worker.state.standby import Standby


class StageRestorers:
    """The restorers of a worker, one for each stage, on one thread.

    Args:
        restorers: By stage, in the order of the stages.
        topics: Asks for the topics of the pipeline; raises when one is not what it was.
        torn: Raises where outputs are there that no state knows of.
        standby: Has states that it follows.
    """

    def __init__(
        self,
        restorers: Mapping[Stage, Restorer],
        topics: Callable[[], Mapping[str, Identity | None]],
        torn: Callable[[Mapping[tuple[Stage, int], Restored]], None],
        standby: Standby,
    ) -> None:
        self._restorers = restorers
        self._topics = topics
        self._torn = torn
        self._standby = standby
        self._thread = ThreadPoolExecutor(1, "restore")

    async def restore(self, partitions: Sequence[TP]) -> dict[tuple[Stage, int], Restored]:
        """The states by stage and partition; a failure leaves none open.

        Raises: as ``Restorer.restore``; TopicChanged.
        """
        self._standby.own(self._states(partitions))
        loop = asyncio.get_running_loop()
        restored: dict[tuple[Stage, int], Restored] = {}
        topics = await loop.run_in_executor(self._thread, self._topics_now)
        try:
            for stage, restorer in self._restorers.items():
                numbers = partitions_of(tp for tp in partitions if tp.topic == stage.inputs[0])
                ahead = self._standby.take(stage.state_topic, numbers)
                states = await loop.run_in_executor(
                    self._thread, partial(restorer.restore, numbers, ahead, topics)
                )
                restored |= {(stage, number): state for number, state in states.items()}
            await loop.run_in_executor(self._thread, self._torn, restored)
        except BaseException:
            close_all(restored.values())
            raise
        return restored

    async def nothing_between(self, offsets: Mapping[TP, int | None]) -> bool:
        """Whether nothing lies between the stages, from the offsets of all inputs on."""
        loop = asyncio.get_running_loop()
        for restorer in list(self._restorers.values())[1:]:
            if not await loop.run_in_executor(self._thread, restorer.all_read, offsets):
                return False
        return True

    def _states(self, partitions: Sequence[TP]) -> set[TP]:
        topics = {stage.inputs[0]: stage.state_topic for stage in self._restorers}
        return {TP(topics[at.topic], at.partition) for at in partitions if at.topic in topics}

    def _topics_now(self) -> Mapping[str, Identity | None]:
        first = next(iter(self._restorers.values()))
        return first.asking.answer(self._topics, "the description of the topics")

    def stop(self) -> None:
        """End a restore that is under way, and each that may still come."""
        for restorer in self._restorers.values():
            restorer.stop()


def close_all(states: Iterable[Restored]) -> None:
    """Let go of states that nobody takes."""
    for state in states:
        state.close()
