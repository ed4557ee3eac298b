"""Lines of blocks for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

_BLOCKS, _ASCII = "▁▂▃▄▅▆▇█", "._-=+*#@"


class Spark:
    """A line of blocks as wide as there is room, the last values.

    Args:
        values: The oldest first.
        style: Its colour.
        top: The value that is as high as can be; the largest unless given.
    """

    def __init__(self, values: Sequence[float], style: str, top: float = math.inf) -> None:
        self.values, self.style, self.top = values, style, top

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        blocks = _ASCII if options.ascii_only else _BLOCKS
        shown = self.values[-options.max_width :]
        yield Text(self.line(shown, blocks), self.style, no_wrap=True)

    def line(self, values: Sequence[float], blocks: str) -> str:
        """The blocks of these values."""
        return spark(values, blocks, self.top)


class Steps(Spark):
    """Shares between 0 and 1: what is next to nothing has a low block too."""

    def line(self, values: Sequence[float], blocks: str) -> str:
        """The blocks of these values."""
        last = len(blocks) - 1
        return "".join(blocks[round(last * min(max(value, 0.0), 1.0))] for value in values)


def spark(values: Sequence[float], blocks: str = _BLOCKS, top: float = math.inf) -> str:
    """Each value as the block of its height, `top` or the largest the highest; none for zero."""
    top = min(top, max(values, default=0.0))
    heights = (math.ceil(len(blocks) * min(v / top, 1)) if v > 0 else 0 for v in values)
    return "".join(f" {blocks}"[height] for height in heights)
