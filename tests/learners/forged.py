"""Snapshots as somebody would write them who wants more than to be restored."""

from __future__ import annotations

import base64
import hashlib
import pickle
from pathlib import Path
from typing import Any

from river.bandit.datasets import NewsArticles

from learners.model import Model
from learners.saved import arrays, snapshots

PREFIX = snapshots._PREFIX


class _Bound:
    def __init__(self, owner: Any, name: str) -> None:
        self.call = getattr, (owner, name)

    def __reduce__(self) -> Any:
        return self.call


def downloading(path: Path) -> bytes:
    """A pickle of names below river alone that writes "forged" to a file."""
    dataset: Any = object.__new__(NewsArticles)
    url = "data:;base64," + base64.b64encode(b"forged").decode()
    vars(dataset).update(url=url, filename=str(path), unpack=False, size=6)
    bound = pickle.dumps(_Bound(dataset, "download"), 4)
    return bound.removesuffix(b".") + b")R."  # and call it


def sealed(model: Model, **header: Any) -> bytes:
    """A snapshot of a model with another header or body, and the seal of that."""
    data = snapshots.dump(model, {})
    known = vars(snapshots.read_header(data)) | header
    body: bytes = known.pop("bytes")
    packed = arrays.pack(known | {"sha256": hashlib.sha256(body).hexdigest()})
    prefix = PREFIX.pack(snapshots.MAGIC, snapshots.VERSION, 0, len(packed), len(body))
    content = prefix + packed + body
    return content + hashlib.sha256(content).digest()
