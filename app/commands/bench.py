"""`riverrun bench`: the benchmarks of the folder `benchmarks`."""

import sys
from pathlib import Path

import click


@click.command(
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[NAMES]...")
def bench(arguments: tuple[str, ...]) -> int:
    """Run the benchmarks, or those that are named: one JSON line each, as ratios.

    What follows goes to the benchmarks as it is: `riverrun bench -- --help` tells more.
    """
    import app
    from app.errors import RiverrunError

    root = Path(app.__file__).parents[1]
    if not (root / "benchmarks" / "__main__.py").is_file():
        raise RiverrunError("the benchmarks are not installed: run them in a checkout of riverrun")
    sys.path.insert(0, str(root))
    from benchmarks.__main__ import main

    return main(list(arguments))
