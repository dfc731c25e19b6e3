"""The page while things change: contract UI-6, and UI-7's API key. In a real browser."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import expect

#: ms; how busy the machine is must not matter: the pace is looked at by itself.
LATER = 20_000
#: How long after a look the next one began, in ms, of all looks at a timeline.
GAPS = """(() => {
    const looks = performance.getEntriesByType("resource").filter((entry) => entry.name.includes("/timeline"));
    return looks.slice(1).map((entry, at) => entry.startTime - looks[at].startTime);
})()"""


def test_a_running_run_shows_what_happens_until_it_ends(visit: Any, serve: Any, traced: Any, tmp_path: Path) -> None:
    """UI-6: a new run, its events and its end show without a reload; then nobody asks for it any more."""
    path = tmp_path / "live.db"
    with serve(path) as base, traced(path) as tracer:
        seen = visit(f"{base}/ui/")
        expect(seen.find("#runs-list")).to_contain_text("No runs yet")
        with tracer.run("long_agent") as run:
            tracer.flush()
            badge = seen.find("a.run .badge")
            expect(badge).to_have_text("Running", timeout=LATER)
            seen.open_run("long_agent")
            expect(seen.find("#timeline .going")).to_be_visible()
            tracer.tool(tool_name="search", tool_args={"q": 1}, tool_result="hit")
            tracer.flush()
            expect(seen.find("a.event", has_text="search")).to_be_visible(timeout=LATER)
            expect(seen.find("a.event .event-said", has_text="hit")).to_be_visible(timeout=LATER)
            while seen.count("/timeline") < 4:
                with seen.page.expect_response(lambda answer: "/timeline" in answer.url):
                    pass
            assert min(seen.page.evaluate(GAPS)) <= 2000
            tracer.final(answer="Done.")
        tracer.flush()
        expect(badge).to_have_text("Completed", timeout=LATER)
        expect(seen.find("#timeline .badge")).to_have_text("Completed", timeout=LATER)
        expect(seen.find("#timeline .going")).to_have_count(0)
        expect(seen.find("a.event").last).to_contain_text("Done.")
        asked = f"/v1/runs/{run.run_id}/timeline"
        looks = [-1, seen.count(asked)]
        while looks[-1] != looks[-2] and len(looks) < 8:  # the list is looked at less often than a run that goes on
            with seen.page.expect_response(lambda answer: "/v1/runs?" in answer.url):
                pass
            looks.append(seen.count(asked))
        assert looks[-1] == looks[-2] and seen.said == []


def test_the_key_is_asked_for_once_and_kept_for_the_tab(visit: Any, serve: Any, store: Path) -> None:
    """UI-7, API-13."""
    with serve(store, api_key="s3cret", api_key_required=True) as base:
        seen = visit(f"{base}/ui/", wait="#key-dialog[open]")
        expect(seen.find("#key-field")).to_be_focused()
        seen.page.keyboard.press("Escape")
        expect(seen.find("#runs-list")).to_contain_text("This server asks for an API key")
        seen.find("#runs-list button").click()
        seen.page.fill("#key-field", "wrong")
        seen.page.keyboard.press("Enter")
        expect(seen.find("#key-wrong")).to_contain_text("does not accept this key")
        seen.page.fill("#key-field", "s3cret")
        seen.page.keyboard.press("Enter")
        seen.open_run("flight_search")
        seen.page.reload()
        expect(seen.find("a.run")).to_have_count(5)
        expect(seen.find("#key-dialog")).to_be_hidden()
        kept = seen.page.evaluate("[JSON.stringify(localStorage), document.cookie, ...Object.values(sessionStorage)]")
        assert "s3cret" in kept[2:] and "s3cret" not in kept[0] + kept[1]
        assert not any("s3cret" in url for url in seen.asked)


def test_a_server_that_is_away_is_said_and_its_return_seen(visit: Any, serve: Any, store: Path) -> None:
    """UI-6: what was read stays in sight; the page goes on by itself."""
    with serve(store) as base:
        seen = visit(f"{base}/ui/")
        seen.open_run("flight_search")
    expect(seen.find("#banner")).to_contain_text("The server does not answer", timeout=LATER)
    expect(seen.find("a.event")).to_have_count(6)
    with serve(store, port=int(base.rpartition(":")[2])):
        expect(seen.find("#banner")).to_be_hidden(timeout=LATER)
        seen.open_run("error_demo")


def test_what_the_server_cannot_read_is_said_with_a_way_on(visit: Any, serve: Any, store: Path) -> None:
    """API-15: a failure is a sentence, with a button that tries again."""
    with serve(store) as base:
        seen = visit("about:blank", wait="body")
        failing = {"status": 500, "content_type": "application/json", "body": json.dumps({"detail": "disk <b>I/O</b>"})}
        seen.page.route("**/v1/runs?*", lambda route: route.fulfill(**failing))
        seen.page.goto(f"{base}/ui/")
        expect(seen.find("#runs-list")).to_contain_text("disk <b>I/O</b>")
        seen.page.unroute("**/v1/runs?*")
        seen.find("#runs-list button", has_text="Try again").click()
        expect(seen.find("a.run")).to_have_count(5)


@pytest.mark.parametrize("name", ["traces.db", "traces.jsonl"])
def test_the_server_filters_by_type_of_event(name: str, serve: Any, tmp_path: Path) -> None:
    """UI-2: of both stores; types that an event names itself, and types that follow from the kind of a span."""
    import peekr
    from peekr.spans import Span

    def span(number: int, run: int, kind: str, **given: Any) -> Span:
        ids = {
            "trace_id": f"{run:032x}",
            "span_id": f"{number:016x}",
            "parent_id": None if run == number else f"{run:016x}",
        }
        times = {"start_time": 1_780_000_000.0 + number, "end_time": 1_780_000_000.5 + number, "duration_ms": 500.0}
        return Span.from_dict(
            {
                **ids,
                **times,
                "name": f"{kind} {number}",
                "status": "ok",
                "attributes": {"kind": kind, "run_id": f"{run:016x}", **given},
            }
        )

    exporter = (peekr.JSONLExporter if name.endswith("l") else peekr.SQLiteExporter)(path=tmp_path / name)
    handoff = {"event_type": "agent_handoff"}
    exporter.export_batch(
        [span(1, 1, "run"), span(2, 1, "tool"), span(3, 3, "run"), span(4, 3, "custom", **handoff), span(5, 5, "llm")]
    )
    exporter.shutdown()
    found = {"tool_call": [1], "agent_handoff": [3], "llm_call": [5], "run_start": [3, 1], "error": [], "": [5, 3, 1]}
    with serve(tmp_path / name) as base:
        for event_type, runs in found.items():
            with urllib.request.urlopen(f"{base}/v1/runs?event_type={event_type}") as answer:
                said = json.load(answer)
            assert [int(run["id"], 16) for run in said["runs"]] == runs and said["total"] == len(runs), event_type
