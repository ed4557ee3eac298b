"""Orders are taken from the page itself, on loopback, and from nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app.page.controls import HEADER, MAX_BYTES, Controls
from app.page.server import Page
from tests.app.page.test_server import Busy, Client, Looks, Numbers, run

OFFERED = [{"order": "kill", "on": True}, {"order": "hold", "on": False}]


@asynccontextmanager
async def serving(controls: Controls, host: str = "127.0.0.1") -> AsyncIterator[Client]:
    app = web.Application()
    story: dict[str, Any] = {"controls": OFFERED}
    page = Page(Numbers(), Looks(), Busy(), Busy(), Looks(), host, lambda: story, controls)
    page.install(app)
    async with TestClient(TestServer(app)) as client:
        yield client


def own(client: Client, controls: Controls) -> dict[str, str]:
    """The headers that the page itself sends."""
    return {"Origin": str(client.make_url("")).rstrip("/"), HEADER: controls.token or ""}


def orders(tmp_path: Path) -> Path:
    file = tmp_path / "orders"
    file.touch()
    return file


def test_an_order_of_the_page_itself_is_a_line_for_the_demo(tmp_path: Path) -> None:
    file = orders(tmp_path)

    async def test() -> None:
        controls = Controls(str(file))
        async with serving(controls) as client:
            for order, status in (("kill", 202), ("hold", 404), ("rm -rf", 404), ("kill", 202)):
                answer = await client.post(f"/control/{order}", headers=own(client, controls))
                assert answer.status == status, order
            assert (await client.get("/control/kill", headers=own(client, controls))).status == 405

    run(test)
    assert file.read_text() == "kill\nkill\n"


@pytest.mark.parametrize(
    "wrong",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "https://127.0.0.1"},
        {"Origin": "http://127.0.0.1:1"},
        {HEADER: "guess"},
        {HEADER: ""},
    ],
)
def test_nothing_is_taken_from_another_site_or_without_the_token(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    file = orders(tmp_path)

    async def test() -> None:
        controls = Controls(str(file))
        async with serving(controls) as client:
            headers = own(client, controls) | wrong
            assert (await client.post("/control/kill", headers=headers)).status == 403

    run(test)
    assert file.read_text() == ""


def test_beyond_loopback_and_without_a_demo_there_is_nothing_to_control(tmp_path: Path) -> None:
    file = orders(tmp_path)

    async def test() -> None:
        for controls, host in ((Controls(str(file)), "0.0.0.0"), (Controls(None), "127.0.0.1")):
            async with serving(controls, host) as client:
                answer = await client.post("/control/kill", headers=own(client, controls))
                assert answer.status == 404
                stream = await client.get("/stream")
                assert b'"token":null' in await stream.content.readuntil(b"\n\n")

    run(test)
    assert file.read_text() == ""


def test_orders_that_nobody_takes_fill_no_disk_and_a_demo_that_is_over_takes_none(
    tmp_path: Path,
) -> None:
    file = orders(tmp_path)

    async def test() -> None:
        controls = Controls(str(file))
        async with serving(controls) as client:
            headers = own(client, controls)
            file.write_bytes(b"\n" * (MAX_BYTES + 1))
            assert (await client.post("/control/kill", headers=headers)).status == 429
            file.unlink()
            assert (await client.post("/control/kill", headers=headers)).status == 404

    run(test)
    assert not file.exists()
