"""The page in a real Chromium: its states, its figures, by keyboard, and on a phone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from app.page.server import Page
from tests.app.page.browser import chromium, opened, overflow
from tests.app.page.test_server import Busy, Looks

DAY, FIRST = 86_400_000, 1_522_540_800_000
LONG = "a_very_long_name_of_a_field_that_somebody_has_chosen_without_any_thought_of_phones"
OPACITY = "(element) => getComputedStyle(element).opacity"


class Shop:
    """A feed of a month, with alerts."""

    metrics = True

    def about(self) -> dict[str, Any]:
        return {
            "pipeline": "shop",
            "learner": "logistic_regression",
            "metrics": self.metrics,
            "alerts": True,
            "label": "fraud",
            "entity": "card",
            "amount": "amount",
            "window": 86400,
            "k": 20,
            "looked_at": "card",
        }

    def since(self, version: int) -> dict[str, Any]:
        topics = [
            {"topic": name, "partitions": 2, "lag": lag} for name, lag in (("e", 4), ("l", 0))
        ]
        return {
            "version": 1,
            "time": FIRST + 31 * DAY,
            "caught_up": True,
            "windows": [window(day) for day in range(31)],
            "alerts": [alert(number) for number in range(20)],
            "verdicts": {"known": 10, "positive": 7},
            "topics": topics,
            "rates": [[FIRST / 1000 + n, 117.0] for n in range(9)],
        }


def window(day: int) -> dict[str, Any]:
    scores = {"model": 0.6, "frozen": 0.4, "rule": 0.5}
    rivals = {name: {"average_precision": score, "roc_auc": 0.9} for name, score in scores.items()}
    counts = {"events": 90, "labelled": 80, "positives": 9, "alerts": 5, "k": 20}
    start = FIRST + day * DAY
    return {"start": start, "end": start + DAY, "final": day < 25, **counts, **rivals}


def alert(number: int) -> dict[str, Any]:
    reasons = [("card_ratio_amount_90d", 2.9), ("terminal_mean_fraud_7d", 1.5), (LONG, -0.5)]
    reasons += [("weekend", 1e-9)]
    return {
        "key": f"0/{number}",
        "id": f"t{number}",
        "time": FIRST + number,
        "entity": number % 3,
        "amount": 12.5,
        "score": 0.9,
        "threshold": 0.004,
        "label": None,
        "judged": 0,
        "reasons": [{"feature": name, "contribution": value} for name, value in reasons],
        "event": {
            "card_ratio_amount_90d": 19.0,
            "terminal_mean_fraud_7d": 0.4,
            LONG: 1.0,
            "note": "<img src=x>",
        },
    }


STORY = {
    "title": "Card fraud",
    "headline": "Catches 42 of 65 today.",
    "state": "",
    "account": {"in": 5000, "answered": 4990, "waiting": 10, "twice": 0},
    "lead": {
        "title": "Found, by day",
        "days": [FIRST, FIRST + DAY],
        "model": [0.1, 0.6],
        "frozen": [0.1, 0.1],
        "rule": [0.1, 0.0],
    },
    "marks": [{"at": FIRST + DAY // 2, "text": "worker 1 killed", "bad": True}],
}


@contextmanager
def served(
    feed: Shop, story: dict[str, Any] | None = None, metrics: Busy | None = None
) -> Iterator[str]:
    """The page on a port, from another thread."""
    loop, ready, port = asyncio.new_event_loop(), threading.Event(), [0]
    app = web.Application()
    Page(feed, Looks(), Busy(), metrics or Busy(), Looks(), "127.0.0.1", lambda: story).install(app)
    runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port[0] = runner.addresses[0][1]
        ready.set()

    starting = loop.create_task(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    assert ready.wait(60), starting
    try:
        yield f"http://127.0.0.1:{port[0]}/"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


def test_the_page_tells_its_story_its_alerts_open_by_keyboard_and_a_lost_worker_dims_it() -> None:
    with chromium() as browser:
        with served(Shop(), STORY) as url:
            page, said = opened(browser, url, 1280)
            page.locator("#headline", has_text="42 of 65").wait_for()
            assert page.title() == "Card fraud · riverrun"
            tiles = page.locator("#pipeline-counts dd").all_inner_texts()
            assert tiles[:4] == ["5,000", "4,990", "10", "0"]
            assert "model 60 %" in page.locator("#lead-chart").get_attribute("aria-label")
            lines = page.evaluate(
                "charts.get('lead').plot.series.slice(1).map(({ rival, width }) => [rival, width])"
            )
            assert [rival for rival, _ in lines] == ["model", "frozen", "rule"]
            assert lines[0][1] > lines[1][1], "what lies on the model's line is still seen"

            page.locator("#latest summary").nth(1).focus()
            page.keyboard.press("Enter")
            inside = page.locator("#latest details[open]")
            inside.locator("text=Other alerts of this card").wait_for()
            why = inside.locator(".inside .reasons").inner_text().replace("\n", "; ")
            assert why.startswith(
                "19 times the usual amount of this card;"
                " share of fraud of this terminal in 7 days: 40 %; a very long name"
            )
            assert "weekend" not in why, "it moved nothing"
            assert inside.locator("img").count() == 0
            assert page.locator("main").evaluate(OPACITY) == "1"
            assert said == []
        page.locator("#status", has_text="no connection, as of").wait_for()
        page.locator("body[data-state=lost]").wait_for()
        page.wait_for_timeout(1000)  # it fades for 300 ms
        assert float(page.locator("main").evaluate(OPACITY)) < 0.6


def test_nothing_is_wider_than_a_phone_and_what_is_off_says_how_to_turn_it_on() -> None:
    off = Shop()
    off.metrics = False
    with chromium() as browser, served(off) as url:
        page, said = opened(browser, url, 390, color_scheme="dark")
        page.locator("#metrics-how", has_text='topic = "shop.metrics.v1"').wait_for()
        page.locator("#latest summary").first.click()
        page.locator("#latest details[open] .inside").wait_for()
        assert overflow(page) == 0
        with served(Shop(), STORY) as url_of_story:
            page.goto(url_of_story)
            page.locator("#charts figure").nth(1).wait_for()
            assert overflow(page) == 0
        assert [line for line in said if "stream" not in line] == []


def test_without_a_story_the_headline_is_about_the_last_window_that_is_closed() -> None:
    with chromium() as browser, served(Shop()) as url:
        page, said = opened(browser, url, 1280)
        sentence = "Average precision 0.600 in the last window that is closed"
        page.locator("#headline", has_text=sentence).wait_for()
        assert said == []


class FirstDay(Shop):
    """A feed that has one window yet."""

    def since(self, version: int) -> dict[str, Any]:
        return super().since(version) | {"windows": [window(0)]}


def test_around_a_single_window_a_chart_shows_a_day_and_not_years() -> None:
    with chromium() as browser, served(FirstDay()) as url:
        page, said = opened(browser, url, 1280)
        page.locator("#charts figure").nth(1).wait_for()
        widths = page.evaluate(
            "[...charts.values()].filter(({ plot }) => !plot.wall)"
            ".map(({ plot }) => plot.scales.x.max - plot.scales.x.min)"
        )
        assert set(widths) == {86400}
        assert said == []
