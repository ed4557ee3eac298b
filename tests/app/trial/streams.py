"""A pipeline with all that a pipeline can have, and files of events and labels for it."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

from app.pipeline.load import Pipeline, load_pipeline
from app.replay import times
from app.replay.base import Source
from app.replay.files import open_file

TEXT = """\
name = "shop"
[events]
topic = "shop.orders"
id = "order"
key = "customer"
features = ["amount", "items", "customer_count_1d", "shop_mean_returned_7d"]
[labels]
topic = "shop.returns"
id = "order"
label = "returned"
expire = "5d"
on_expire = false
[[entities]]
field = "customer"
features = ["count"]
[[entities]]
field = "shop"
source = "labels"
features = ["mean(returned)"]
windows = ["7d"]
[learner]
type = "logistic_regression"
scale = true
[predictions]
topic = "shop.predictions"
[decisions]
topic = "shop.alerts"
budget = 5
entity = "customer"
reasons = 2
[metrics]
topic = "shop.metrics"
k = 10
rivals = true
[topics]
partitions = 1
retention = "forever"
"""
START = 1_700_000_000
HOUR = 3600


def write(folder: Path, text: str = TEXT, orders: int = 1500) -> Pipeline:
    """Write orders.csv, returns.csv and shop.toml; some rows of both cannot be used."""
    draw = random.Random(1)
    rows: list[list[Any]] = []
    labels: list[list[Any]] = []
    for n in range(orders):
        when = START + n * 600
        amount = round(draw.expovariate(0.02), 2)
        rows.append([n, when, f"c{draw.randrange(50)}", f"s{draw.randrange(9)}", amount, n % 4])
        if n % 400 == 13:
            rows[-1][4] = "much"
        if n % 3:
            returned = "perhaps" if n % 500 == 17 else draw.random() < amount / 200
            labels.append([n, when + draw.randrange(100 * HOUR), rows[-1][2], returned])
    labels.sort(key=lambda label: label[1])
    _csv(folder / "orders.csv", ["order", "when", "customer", "shop", "amount", "items"], rows)
    _csv(folder / "returns.csv", ["order", "when", "customer", "returned"], labels)
    (folder / "shop.toml").write_text(text)
    return load_pipeline(folder / "shop.toml", environ={})


def source(folder: Path) -> Source:
    """The orders and the returns, in the order of their times."""
    orders, returns = (
        times.timed(open_file(str(folder / name)), "when") for name in ("orders.csv", "returns.csv")
    )
    return times.merged(orders, returns)


def _csv(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(header)
        out.writerows(rows)
