"""``make chaos``: every fault for as long as one wants, each with the same verdict."""

from __future__ import annotations

import random
import tempfile
import time
import traceback
from contextlib import ExitStack
from pathlib import Path

import click

from tests.chaos.parts import Part, all_parts
from tests.chaos.results import FILE, keep, show
from tests.chaos.scene import Scene, Skipped
from tests.kafka.clusters import cluster


@click.command()
@click.option("--only", help="Names of parts, with commas; all of them unless given.")
@click.option("--seed", type=int, help="Repeats the choices of a run.")
@click.option("--scale", type=float, default=1.0, help="0 is the short form, 1 the whole length.")
@click.option("--short", is_flag=True, help="As --scale 0.")
@click.option("--list", "listed", is_flag=True, help="Say which parts there are.")
@click.option("--keep", "kept", is_flag=True, help="Keep the results for docs/reliability.md.")
@click.option("--table", is_flag=True, help="Only write the kept results into the page.")
def main(
    only: str | None,
    seed: int | None,
    scale: float,
    short: bool,
    listed: bool,
    kept: bool,
    table: bool,
) -> None:
    """Break everything around a pipeline; nothing may be lost, doubled or changed."""
    if table:
        show()
        return
    parts = all_parts()
    if listed:
        for part in parts.values():
            click.echo(f"{part.name:18} {part.about}")
        return
    names = only.split(",") if only else list(parts)
    if unknown := [name for name in names if name not in parts]:
        raise click.UsageError(f"no part {', '.join(unknown)}; see --list")
    seed = random.randrange(10**6) if seed is None else seed
    failed = run([parts[name] for name in names], seed, 0.0 if short else scale, kept=kept)
    if failed:
        raise SystemExit(f"red: {', '.join(failed)} (--seed {seed})")


def run(parts: list[Part], seed: int, scale: float, *, kept: bool) -> list[str]:
    """Run parts one after another; gives the names of those that failed."""
    failed = []
    with ExitStack() as stack:
        bootstrap = stack.enter_context(cluster())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="riverrun-chaos-")))
        for part in parts:
            click.echo(f"{part.name} --seed {seed}: {part.about}")
            home = folder / part.name
            home.mkdir()
            scene, began = Scene(part.name, bootstrap, home, seed, scale), time.monotonic()
            try:
                part.run(scene)
            except Skipped as why:
                click.echo(f"  skipped: {why}")
            except Exception:
                click.echo(traceback.format_exc())
                failed.append(part.name)
            for row in scene.rows:
                click.echo(
                    f"  {row.fault}: {row.runs} runs, {row.events} events,"
                    f" longest gap {row.gap} s: {row.result}"
                )
            click.echo(f"  {time.monotonic() - began:.0f} s")
            if kept:
                keep(scene.rows, FILE)
    return failed


if __name__ == "__main__":
    main()
