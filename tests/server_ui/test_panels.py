"""The three panels in a real browser: contract UI-1 to UI-4. Skipped by name where no browser is installed."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import expect

import peekr

#: Letter by letter, as fast as no machine is too busy for.
TYPED = """(field, text) => [...text].forEach((letter) => {
    field.value += letter;
    field.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def facts_of(seen: Any) -> Any:
    """Return the labelled values of the detail panel."""
    labels = seen.find("#detail .facts dt").all_inner_texts()
    return dict(zip(labels, seen.find("#detail .facts dd").all_inner_texts()))


def part(seen: Any, title: str) -> Any:
    return seen.find(f"#detail section[aria-label='{title}']")


def test_a_run_leads_to_its_timeline_and_an_event_to_its_detail(visit: Any, address: str) -> None:
    """UI-1, example E4-01."""
    seen = visit(address)
    expect(seen.find("#runs")).to_be_visible()
    expect(seen.find("#timeline")).to_contain_text("Choose a run")
    seen.open_run("flight_search")
    expect(seen.find("#detail h2")).to_have_text("flight_search")
    seen.find("a.event", has_text="Final answer").click()
    expect(part(seen, "Answer")).to_contain_text("I recommend DL1 for $350.")
    assert seen.said == []


def test_the_page_works_under_any_path(visit: Any, serve: Any, store: Any) -> None:
    """UI-1: ui_path; ui_enabled=False has no page."""
    with serve(store, ui_path="/look/here") as base:
        seen = visit(f"{base}/look/here")
        seen.open_run("error_demo")
        assert seen.page.url.startswith(f"{base}/look/here/#run=") and seen.said == []
    with serve(store, ui_enabled=False) as base:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{base}/ui/")


def test_a_run_of_the_list_has_name_status_and_start(visit: Any, address: str) -> None:
    """UI-2."""
    seen = visit(address)
    names = seen.find("a.run .run-name bdi").all_inner_texts()
    assert names[1:] == ["booking_agent", "planning_agent", "error_demo", "flight_search"]  # the newest first
    run = seen.find("a.run", has_text="error_demo")
    expect(run.locator(".badge")).to_have_text("Failed")
    expect(run).to_have_attribute("title", peekr_time(address, "error_demo"))
    expect(seen.find("a.run", has_text="flight_search")).to_contain_text("just now")
    expect(seen.find("a.run", has_text="flight_search")).to_contain_text("6 steps · 1.2K tok")


def peekr_time(address: str, name: str) -> Any:
    """Return what is expected of a run's start: its time of day, to the millisecond."""
    import datetime
    import re

    with urllib.request.urlopen(f"{address[:-3]}v1/runs?search={name}") as answer:
        started = json.load(answer)["runs"][0]["started_at"]
    at = datetime.datetime.fromtimestamp(started // 1000)
    return re.compile(f"Started .*{at:%H:%M:%S}.{started % 1000:03d}")


def test_filters_are_applied_by_the_server(visit: Any, address: str) -> None:
    """UI-2: status, event type, name, id; a search waits until typing has stopped."""
    seen = visit(address)
    rows = seen.find("a.run")
    run_id = rows.filter(has_text="error_demo").get_attribute("href").partition("=")[2]
    for status, names in (("Failed", 2), ("Running", 0), ("Completed", 3), ("All", 5)):
        seen.find("#status-filter label", has_text=status).click()
        expect(rows).to_have_count(names)
    assert seen.count("status=failed&limit=100") == 1  # looks for news have another limit
    seen.page.select_option("#event-filter", "agent_handoff")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("planning_agent")
    assert seen.count("event_type=agent_handoff&limit=100") == 1
    seen.page.select_option("#event-filter", "")
    expect(rows).to_have_count(5)
    seen.find("#search").evaluate(TYPED, "FLIGHT")
    expect(rows).to_have_count(1)
    asked = [url for url in seen.asked if "search=" in url and "limit=100" in url]
    assert len(asked) == 1 and "search=FLIGHT&" in asked[0]
    expect(rows).to_contain_text("flight_search")
    seen.page.fill("#search", run_id[:8])
    expect(rows).to_contain_text("error_demo")
    assert seen.count(f"search={run_id[:8]}&limit=100") == 1
    seen.page.fill("#search", "nothing is called so")
    expect(seen.find("#runs-list")).to_contain_text("No run matches")
    seen.find("#runs-list button", has_text="Clear the filters").click()
    expect(rows).to_have_count(5)


def test_every_run_is_reachable_in_a_long_list(visit: Any, serve: Any, traced: Any, tmp_path: Any) -> None:
    """UI-2: page by page, as it is scrolled."""
    with traced(tmp_path / "many.db") as tracer:
        for number in range(260):
            with tracer.run(f"run {number:03d}"):
                pass
    with serve(tmp_path / "many.db") as base:
        seen = visit(f"{base}/ui/")
        expect(seen.find("#runs-count")).to_have_text("260")
        last = seen.find("a.run", has_text="run 000")
        for _ in range(8):
            if last.count():
                break
            seen.page.evaluate("document.querySelector('#runs-list').scrollTop = 1e9")
            seen.page.wait_for_timeout(0)
            expect(seen.find("#runs-list")).not_to_have_attribute("aria-busy", "true")
        expect(last).to_be_visible()
        assert seen.count("offset=") == 2 and seen.find("a.run").count() < 100  # rows out of sight are not drawn
        last.click()
        expect(seen.find("#timeline-title")).to_have_text("run 000")


def test_events_are_told_apart_and_the_oldest_is_first(visit: Any, address: str) -> None:
    """UI-3: icon, type, time, summary."""
    seen = visit(address)
    seen.open_run("flight_search")
    events = seen.find("a.event")
    types = [each.get_attribute("data-type") for each in events.all()]
    assert types == ["run_start", "memory_read", "llm_call", "tool_call", "memory_write", "final_answer"]
    paths = [each.get_attribute("d") for each in seen.find("a.event svg path").all()]
    assert len(set(paths)) == 5  # reading and writing memory share one
    colours = seen.page.evaluate(
        "[...document.querySelectorAll('a.event .bubble')].map((b) => getComputedStyle(b).color)"
    )
    assert len(set(colours)) == 5
    times = seen.find("a.event .event-time").all_inner_texts()
    assert times == sorted(times) and len(times[0]) == len("12:34:56.789")
    expect(seen.find("a.event .event-said").nth(5)).to_have_text("I recommend DL1 for $350.")
    said = seen.find("a.event .event-said").all_inner_texts()
    assert said[1:4] == ['airline: "Delta"', "Use the tool.", 'query: "SFO JFK" → flights: ["DL1", "UA2"]']


def test_a_nested_run_is_linked_both_ways(visit: Any, address: str) -> None:
    """UI-3, example E4-11."""
    seen = visit(address)
    seen.open_run("planning_agent")
    nested = seen.find("a.event", has_text="booking_agent")
    expect(nested).to_contain_text("Nested run")
    seen.find("a.open-run").click()
    expect(seen.find("#timeline-title")).to_have_text("booking_agent")
    seen.find("#timeline a", has_text="Outer run").click()
    expect(seen.find("#timeline-title")).to_have_text("planning_agent")


def test_each_type_of_event_shows_what_it_said(visit: Any, address: str) -> None:
    """UI-4, examples E4-06, E4-10, E4-13."""
    seen = visit(address)
    seen.open_run("flight_search")
    head = facts_of(seen)
    assert (head["User"], head["Session"], head["Agent type"], head["Steps"]) == ("user123", "s-1", "planner", "6")
    expect(part(seen, "Metadata")).to_contain_text("v7")
    seen.find("a.event[data-type=llm_call]").click()
    expect(part(seen, "Response")).to_contain_text("Use the tool.")
    assert facts_of(seen)["Model"] == "gpt-4o" and facts_of(seen)["Tokens"] == "1,200 in + 34 out = 1,234"
    assert {"Time", "Duration"} <= set(facts_of(seen))
    bubbles = part(seen, "Prompt").locator("li[data-role]")
    assert [each.get_attribute("data-role") for each in bubbles.all()] == ["system", "user"]
    expect(bubbles.nth(1)).to_contain_text("SFO to JFK?")
    expect(seen.find("#detail .detail-head .badge")).to_have_text("Completed")
    seen.find("a.event[data-type=tool_call]").click()
    expect(part(seen, "Arguments")).to_contain_text("SFO JFK")
    expect(part(seen, "Result")).to_contain_text("UA2")
    seen.find("a.event[data-type=memory_write]").click()
    expect(part(seen, "Value")).to_contain_text("SFO JFK")
    assert (facts_of(seen)["Key"], facts_of(seen)["Overwrite"]) == ("last_search", "yes")
    seen.open_run("error_demo")
    expect(seen.find("#detail .outcome.bad")).to_contain_text("no route")
    seen.find("a.event[data-type=error]").click()
    expect(part(seen, "Message")).to_contain_text("no route")
    expect(part(seen, "Stack trace")).to_contain_text("line 7")
    assert facts_of(seen)["Error type"] == "ConnectionError"
    seen.open_run("planning_agent")
    seen.find("a.event", has_text="Hand-off").click()
    expect(seen.find("#detail .facts")).to_contain_text(["Time", "From agent namePlanner"])


def test_scores_and_calls_of_an_sdk_are_shown(visit: Any, serve: Any, tmp_path: Any) -> None:
    """UI-4: evaluators' scores, cost, and the messages of a provider's own request."""
    from peekr.spans import Span

    attributes = {"kind": "llm", "model": "claude", "eval_scores": {"Hallucination": 0.42}, "cost_usd": 0.0125}
    call = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Oslo"}}
    asked = [{"role": "user", "content": [{"type": "text", "text": "Weather?"}]}]
    payload = {
        "request": {"system": "Be kind.", "messages": asked},
        "response": {"role": "assistant", "content": [call]},
    }
    record = {"trace_id": f"{7:032x}", "span_id": f"{7:016x}", "parent_id": None, "name": "anthropic.messages"}
    times = {"start_time": 1_780_000_000.0, "end_time": 1_780_000_001.5, "duration_ms": 1500.0, "status": "ok"}
    exporter = peekr.SQLiteExporter(path=tmp_path / "sdk.db")
    exporter.export_batch([Span.from_dict({**record, **times, "attributes": attributes, "payload": payload})])
    exporter.shutdown()
    with serve(tmp_path / "sdk.db") as base:
        seen = visit(f"{base}/ui/")
        seen.open_run("anthropic.messages")
        seen.find("a.event").click()
        expect(part(seen, "Scores")).to_contain_text("0.42Hallucination")
        expect(part(seen, "Prompt")).to_contain_text("Be kind.")
        expect(part(seen, "Prompt")).to_contain_text("Weather?")
        expect(part(seen, "Response")).to_contain_text("Calls weather")
        expect(part(seen, "Response")).to_contain_text("Oslo")
        assert facts_of(seen)["Cost"] == "$0.013" and facts_of(seen)["Duration"] == "1.50 s"
