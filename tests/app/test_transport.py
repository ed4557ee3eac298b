"""What Faust must not do between the fetcher and the agent."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from app.worker.transport import App


def test_a_batch_survives_that_faust_resumes_after_a_rebalance() -> None:
    """Faust resumes on a task of its own: the first batch of an assignment may come before."""

    async def resumed_with_a_batch_waiting() -> Any:
        app = App("resumed", cast(Any, None), broker="riverrun://")
        queue = app.topic("events").clone(is_iterator=True).queue
        app.flow_control.resume()
        queue.put_nowait("batch")
        app.flow_control.resume()
        return queue.get_nowait()

    assert asyncio.run(resumed_with_a_batch_waiting()) == "batch"
