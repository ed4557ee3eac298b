"""``make mutations``: riverrun without one of its safeguards must turn a part of the suite red.

Each mutation is a small change of the source, made in a copy of the checkout. Where the text that
it replaces is gone, the command says so: then the mutation must follow the code.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
SECONDS = 1_200.0
SAID = re.compile(r"[\w.]*(Error|Exception|Expired|skipped)\b.*: ")
"""The line of an error, or of a part that cannot run here."""


@dataclass(frozen=True)
class Mutation:
    """A safeguard that is taken out.

    Attributes:
        name: Of it.
        about: What is taken out.
        part: Of the suite; it must become red.
        file: That is changed.
        changes: What is replaced, by what.
    """

    name: str
    about: str
    part: str
    file: str
    changes: tuple[tuple[str, str], ...]


MUTATIONS = (
    Mutation(
        "no-fence",
        "offsets are committed without the member and the generation of the group",
        "freezes",
        "app/worker/input/fetching.py",
        (
            (
                "self._consumer = Consumer(dict(config))",
                "self._consumer = Consumer(dict(config))\n"
                '        self._nobody = Consumer({"group.id": config["group.id"]})',
            ),
            (
                "group = self._consumer.consumer_group_metadata()",
                "group = self._nobody.consumer_group_metadata()",
            ),
        ),
    ),
    Mutation(
        "commit-before-flush",
        "outputs and offsets are committed before the state is written",
        "kills",
        "app/worker/output/transactions.py",
        (
            (
                "            # 3. changes of the state\n",
                "            self._producer.flush(left())\n"
                "            self._producer.send_offsets_to_transaction(\n"
                "                [TopicPartition(t, c.partition, o)\n"
                "                 for c in changes for t, o in c.offsets.items()], group, left())\n"
                "            self._producer.commit_transaction(left())\n"
                "            self._producer.begin_transaction()\n",
            ),
        ),
    ),
    Mutation(
        "unstable-offsets",
        "a restore reads committed offsets that a transaction is about to change",
        "late-commit",
        "app/worker/state/restore.py",
        (
            (
                "self.asking = Asking(self._consumer, ",
                'unstable = {**consumer, "isolation.level": "read_uncommitted"}\n'
                "        self.asking = Asking(Consumer(unstable), ",
            ),
        ),
    ),
    Mutation(
        "topic-id",
        "a restore does not compare the id of the topic that it was made with",
        "topic-made-again",
        "app/worker/state/restore.py",
        (("        self._require_same_topics(partition, found, topics)\n", ""),),
    ),
    Mutation(
        "header",
        "the header of a saved model is not compared with the pipeline file",
        "other-learner",
        "learners/saved/snapshots.py",
        (("    require_same(header, expected)\n", ""),),
    ),
    Mutation(
        "producer",
        "a producer that lost a connection is not renewed before the next transaction",
        "late-end",
        "app/worker/output/transactions.py",
        (("        if self._lost.any:\n", "        if False:\n"),),
    ),
    Mutation(
        "open-records",
        "what a broker with a full disk left open is not ended before the next transaction",
        "broker-disk-full",
        "app/worker/output/transactions.py",
        (("            self._end_open_records()\n", ""),),
    ),
    Mutation(
        "committed-mark",
        "a restore reads the state up to what is committed at that moment",
        "markers",
        "app/worker/state/restore.py",
        (
            (
                "self.asking.ends(self._state_topic, partitions, IsolationLevel.READ_UNCOMMITTED)",
                "self.asking.ends(self._state_topic, partitions, IsolationLevel.READ_COMMITTED)",
            ),
        ),
    ),
)


class Gone(Exception):
    """The text that a mutation replaces is not in its file."""


def mutate(mutation: Mutation, root: Path) -> None:
    """Change the file in a copy of the checkout.

    Raises:
        Gone: when there is nothing to be replaced, or too much.
    """
    file = root / mutation.file
    text = file.read_text()
    for old, new in mutation.changes:
        if text.count(old) != 1:
            raise Gone(f"{mutation.name}: {mutation.file} has {text.count(old)} times: {old}")
        text = text.replace(old, new)
    file.write_text(text)


def copied(folder: Path) -> Path:
    """A copy of what is needed of the checkout."""
    root = folder / "checkout"
    root.mkdir()
    for name in ("agents", "app", "benchmarks", "learners", "pipelines", "tests", "topics"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    return root


def is_red(part: str, seed: int, mutation: Mutation | None = None) -> tuple[bool, str]:
    """Whether a part fails, with a mutation or without; and what it says."""
    with tempfile.TemporaryDirectory(prefix="riverrun-mutation-") as folder:
        root = copied(Path(folder))
        if mutation is not None:
            mutate(mutation, root)
        command = [sys.executable, "-m", "tests.chaos", "--short"]
        command += ["--only", part, "--seed", str(seed)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=SECONDS)
        said = [line for line in done.stdout.splitlines() if SAID.match(line)]
        red = done.returncode != 0 and f"red: {part}" in done.stderr
        return red, said[-1][:200] if said else done.stderr[-200:].strip()


def proves(mutation: Mutation, seed: int, *, control: bool) -> bool:
    """Whether the part is red with the mutation, and green without it."""
    if control:
        red, said = is_red(mutation.part, seed)
        if red:
            click.echo(f"  {mutation.part} is RED BY ITSELF: {said}")
            return False
    red, said = is_red(mutation.part, seed, mutation)
    click.echo(f"  {'red, as it must be' if red else 'NOT RED'}: {said}")
    return red


@click.command()
@click.option("--only", help="Names of mutations, with commas.")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--control/--no-control", default=True, help="Run each part without them first.")
@click.option("--list", "listed", is_flag=True, help="Say which there are.")
def main(only: str | None, seed: int, control: bool, listed: bool) -> None:
    """Take out one safeguard after another; each must turn a part of the suite red."""
    missed = []
    for mutation in MUTATIONS:
        if only is not None and mutation.name not in only.split(","):
            continue
        click.echo(f"{mutation.name} ({mutation.part}): {mutation.about}")
        if not listed and not proves(mutation, seed, control=control):
            missed.append(mutation.name)
    if missed:
        raise SystemExit(f"proved nothing: {', '.join(missed)}")


if __name__ == "__main__":
    main()
