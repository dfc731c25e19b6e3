"""The report in a real browser, offline, as a person uses it. Skipped by name where no browser is installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HOSTILE = (
    "</script><script>window.ran=1</script><img src=x onerror='window.ran=2'>"
    "{{constructor.constructor('window.ran=3')()}}${window.ran=4}javascript:window.ran=5"
    "\x1b[31m\x1b]0;x\x07\u202eevil\u2066 ' onmouseover='window.ran=6' x='"
)
READY = "html[data-ready='1']"


def demo(record):
    """Thirty calls of two tenants and two models, getting worse; tools, recalls, a failure, claims and citations."""
    out = []
    for number in range(1, 31):
        bad = number > 20
        given = {
            "tenant_id": "acme" if number % 3 else "globex", "user_id": f"user-{number % 4}", "trace": 1000 + number,
            "model": "gpt-4o" if number % 2 else "claude-sonnet-4-5", "endpoint": "/chat", "feature": "search",
            "tokens_input": 100, "tokens_output": 20, "tokens_total": 120, "cost_usd": 0.01, "at": number * 3600,
            "output": "It was built in 1923. It is in Paris.",
            "eval_scores": {"Hallucination": 0.25 if bad else 0.95, "Rubric": 0.8},
            "hallucination_details": {"claims": [
                {"text": "It was built in 1923", "verdict": "contradicted" if bad else "supported"},
                {"text": "It is in Paris", "verdict": "supported"}]},
            "citation_details": {"items": [{"kind": "url", "text": "https://a.test/x", "grounded": not bad}]},
        }  # fmt: skip
        if number == 7:
            given.update(status="error", error="429 slow down", error_reason="rate_limit", eval_scores=None)
        out.append(record(number, 500 + number, **given))
        root = {"kind": "function", "model": None, "name": "http.POST", "trace": 1000 + number, "at": number * 3600}
        out.append(record(500 + number, **root))
        late = {"status": "error", "error_reason": "timeout"} if number % 4 == 0 else {}
        out.append(record(800 + number, 500 + number, **{**root, "kind": "tool", "name": "tool.search", **late}))
    return out


@pytest.fixture
def opened(browser, make, tmp_path):
    """Opens the report of records from disk, with no network; counts requests, errors and messages."""
    contexts = []

    def open_page(records, hash_="", **options):
        path = tmp_path / "report.html"
        context = browser.new_context(offline=True, viewport={"width": 1280, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        devtools = context.new_cdp_session(page)
        devtools.send("Network.enable")
        devtools.on("Network.requestWillBeSent", lambda event: page.asked.append(event["request"]["url"]))

        def show(records, hash_=""):
            path.write_bytes(make(records).html)
            page.goto("about:blank")
            page.goto(path.as_uri() + hash_)
            page.wait_for_selector(READY, state="attached")

        page.reopen = show
        show(records, hash_)
        return page

    yield open_page
    for context in contexts:
        context.close()


def hash_of(page):
    return page.evaluate("location.hash")


def count_of(page):
    return int(page.inner_text("#filter-count b"))


def test_tabs_keys_and_filters_work_with_the_network_off(opened, record):
    """Example E0-34; DASH-2, DASH-3, DASH-4, DASH-21."""
    page = opened(demo(record))
    assert hash_of(page) == "#overview"
    page.reopen(demo(record), "#quality")
    assert page.is_visible("#quality") and page.is_hidden("#overview")
    for key, tab in zip("12345", ("overview", "traces", "quality", "diagnose", "help")):
        page.keyboard.press(key)
        assert hash_of(page) == f"#{tab}" and page.is_visible(f"#{tab}")
        page.click("button.chip:text-is('globex')")
        assert count_of(page) == 10 and "tenant=globex" in hash_of(page)
        page.keyboard.press("r")
        assert count_of(page) == 30 and hash_of(page) == f"#{tab}"
    page.keyboard.press("/")
    assert hash_of(page) == "#traces" and page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("rate_limit 5r")
    assert page.is_visible("#traces") and page.input_value("#search") == "rate_limit 5r"
    page.fill("#search", "slow down")
    assert page.inner_text("#found").startswith("1 ")
    page.click(".rows-canvas .row")
    assert page.is_visible("#panel") and "429 slow down" in page.inner_text("#panel")
    page.keyboard.press("Escape")
    assert page.is_hidden("#panel")
    page.keyboard.press("?")
    assert page.is_visible("#overlay") and "Clear all filters" in page.inner_text("#overlay")
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("file:", "about:"))] == []


def test_a_link_with_filters_shows_the_same_again(opened, record):
    """DASH-21, DASH-5: presets count back from the newest call; Custom opens as the hour up to it."""
    page = opened(demo(record), "#traces?tenant=acme&model=gpt-4o&t=24h&sort=score&call=" + f"{25:016x}")
    assert page.is_visible("#panel") and count_of(page) == 8
    page.keyboard.press("Escape")
    page.click("button.chip:text-is('24h')")
    page.click("button.chip:text-is('gpt-4o')")
    assert count_of(page) == 20
    page.click("button.chip:text-is('Custom…')")
    assert page.locator("input[type=datetime-local]").count() == 2
    assert count_of(page) == len([n for n in (29, 30) if n % 3])
    assert "t=custom" in hash_of(page)


def test_a_refusal_shows_although_the_call_worked_and_requests_are_chips(opened, record):
    """LLM-9: its status is ok. DASH-4: the endpoint stands on the span around the call. Tiny costs have no exponent."""
    request = {"kind": "http", "model": None, "name": "http.POST", "endpoint": "/ask", "trace": 9}
    page = opened(
        [record(1, 9, trace=9, error_reason="refusal", cost_usd=6.5e-7), record(9, **{**request, "at": 0.9})], "#traces"
    )
    row = page.inner_text(".rows-canvas .row")
    assert "refusal" in row and "≈$0" in row and "/ask" in row
    assert page.inner_text("[aria-label=Endpoint] button.chip") == "/ask"
    page.click(".rows-canvas .row")
    assert page.inner_text("#panel .badge.warn") == "refusal"


def test_each_tab_shows_its_panels(opened, record):
    """DASH-6 to DASH-14, DASH-18, DASH-19."""
    page = opened(demo(record))
    overview = page.inner_text("#overview")
    panels = ("Health", "Regressing", "Flagged", "What happened", "Hallucination", "Rubric", "Citations", "Errors")
    for text in (*panels, "Do this first", "Tokens", "Cost", "Cost per tenant", "Tool reliability", "timeout"):
        assert text in overview, text
    assert 3 <= page.locator("#overview .bullets li").count() <= 5
    assert page.locator("#overview .step-list li").count() == 3
    page.keyboard.press("3")
    assert page.locator("#quality canvas").count() == 1
    labels = page.locator("#quality .heat-label").all_inner_texts()
    assert labels == ["Model", "Tenant", "Endpoint"]
    assert page.locator("#quality .column").count() == 10
    page.keyboard.press("4")
    assert page.locator("#diagnose .advice").count() >= 1
    assert page.locator("#diagnose .offender").count() == 12
    first = page.locator("#diagnose .offender").first
    assert first.locator("mark.contradicted").inner_text() == "It was built in 1923"
    assert "What to try for this call" in first.inner_text() and "Copy numbers" in first.inner_text()
    page.keyboard.press("5")
    assert page.locator("#help .checks li.done").count() == 10  # memory is not recorded
    assert page.said == []


def test_a_cell_filters_and_a_point_jumps_to_its_card(opened, record):
    """DASH-10, DASH-11, C-33."""
    page = opened(demo(record), "#quality")
    page.locator("#quality button.heat-cell.bad").first.click()
    assert 0 < count_of(page) < 30 and "model=" in hash_of(page) and "t=custom" in hash_of(page)
    page.keyboard.press("r")
    page.evaluate("scrollTo(0, 0)")
    chart = page.locator("#quality .u-over").bounding_box()
    page.mouse.move(chart["x"] + chart["width"] - 4, chart["y"] + 40)
    page.mouse.click(chart["x"] + chart["width"] - 3, chart["y"] + 40)
    assert hash_of(page) == "#diagnose" and page.evaluate("document.activeElement.id").startswith("worst-")
    page.keyboard.press("3")
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(10, 10)
    page.mouse.click(chart["x"] + 2, chart["y"] + 40)
    assert page.is_visible("#panel")


def test_what_follows_the_newest_call_is_in_the_filtered_times_too(opened, record):
    """DASH-5, DIAG-11: the tools that a trace called after its last model call; they lead to a call of their trace."""
    failed = {"kind": "tool", "model": None, "name": "tool.sql", "tool_name": "sql", "trace": 5}
    failed.update(status="error", error_reason="timeout")
    page = opened([record(1, trace=5), *(record(n, 1, **failed) for n in range(2, 8))], "#diagnose?t=5m")
    card = page.locator(".advice", has_text="Tool sql fails in 100% of its calls: timeout")
    card.locator("button.link").first.click()
    assert page.inner_text("#panel-title") == "gpt-4o" and page.said == []


def test_no_tab_is_wider_than_a_telephone(opened, record):
    """Issue 6: from 400 px; the reasons of failed tools are in sight there."""
    page = opened(demo(record))
    page.set_viewport_size({"width": 400, "height": 800})
    for key in "12345":
        page.keyboard.press(key)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, key
    page.keyboard.press("1")
    reason = page.locator("[aria-label='Tool reliability'] .tag:visible", has_text="timeout").first.bounding_box()
    assert reason["x"] >= 0 and reason["x"] + reason["width"] <= 400


def test_a_filter_evaluates_the_rules_again(opened, record):
    """DIAG: filters in the page re-run the rules on what is filtered."""
    page = opened(demo(record), "#diagnose")
    whole = page.locator("#diagnose .advice h3").all_inner_texts()
    page.click("button.chip:text-is('globex')")
    assert page.locator("#diagnose .advice h3").all_inner_texts() != whole
    assert "for the calls that are filtered" in page.inner_text("#diagnose")


def test_hostile_content_is_text_in_every_place(opened, record):
    """DASH-15; nothing runs, nothing breaks, and bidi cannot rearrange the page."""
    every = dict.fromkeys(("name", "tenant_id", "user_id", "model", "input", "output", "endpoint", "feature"), HOSTILE)
    details = {"claims": [{"text": HOSTILE, "verdict": "contradicted"}]}
    cites = {"items": [{"kind": HOSTILE, "text": HOSTILE, "grounded": False}]}
    chunks = [{"n": HOSTILE, "title": HOSTILE, "text": HOSTILE}]
    calls = [record(number, status="error", error=HOSTILE, error_reason=HOSTILE, tokens_total=5, cost_usd=1.0,
                    eval_scores={"Hallucination": 0.1, HOSTILE: 0.2}, eval_errors={HOSTILE: HOSTILE},
                    hallucination_details=details, citation_details=cites, evidence_chunks=chunks, **every)
             for number in range(1, 8)]  # fmt: skip
    calls.append(record(20, name=HOSTILE, kind="tool", tool_name=HOSTILE, status="error", error_reason=HOSTILE))
    page = opened(calls)
    for key in "12345":
        page.keyboard.press(key)
    page.keyboard.press("2")
    page.locator(".rows-canvas .row").nth(2).click()
    panel = page.inner_text("#panel")
    assert "</script><script>window.ran=1" in panel and "\u202e" not in panel and "\x1b" not in panel
    page.keyboard.press("Escape")
    page.locator("#filters .filter-group .chip").first.click()
    assert "tenant=" in hash_of(page) and count_of(page) == 7
    assert page.evaluate("window.ran") is None and page.locator("main img, #panel img, main script").count() == 0
    assert page.said == [] and [url for url in page.asked if not url.startswith(("file:", "about:"))] == []


def poor_data(record):
    """What is in a store → what the page says, as (records, text)."""
    skewed = [record(4, trace=8), record(5, 4, 8, at=-9)]
    return {
        "no spans": ([], "No spans in this file yet"),
        "no calls": ([record(1, kind="function", model=None, name="step")], "No LLM calls in this file"),
        "one call": ([record(1, eval_scores={"Hallucination": 0.9})], "needs 6 scored calls"),
        "only errors": ([record(n, status="error", error="boom") for n in range(1, 4)], "3 calls failed"),
        "no scores": ([record(n) for n in range(1, 4)], "Not scored"),
        "one evaluator": (
            [record(n, eval_scores={"NotEmpty": 1.0}) for n in range(1, 4)],
            "No call has a Hallucination",
        ),
        "odd trees": (
            [record(1, 77, 9), record(2, 3, 9), record(3, 2, 9), *skewed, record(6, at=9e8)],
            "in the future",
        ),
    }


def test_every_kind_of_poor_data_has_a_designed_answer(opened, record):
    """DASH-16; bad input of issue 6: each is shown, on every tab, without an error."""
    page = opened([])
    for case, (records, expected) in poor_data(record).items():
        page.reopen(records)
        assert expected in page.inner_text("body"), case
        for key in "2345":
            page.keyboard.press(key)
            assert page.inner_text("main").strip(), case
        page.keyboard.press("2")
        if page.locator(".rows-canvas .row").count():
            page.locator(".rows-canvas .row").last.click()
            assert page.locator("#panel .fall-row").count() >= 1, case
        assert page.said == [], case


def test_axe_finds_no_serious_problem(opened, record):
    """Issue 6: accessible. axe-core is a test tool: npm install axe-core, its path in PEEKR_AXE."""
    path = os.environ.get("PEEKR_AXE") or Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
    if not Path(path).exists():
        pytest.skip("axe-core is not installed: npm install axe-core, or PEEKR_AXE=…/axe.min.js")
    for theme in ("light", "dark"):
        page = opened(demo(record), color_scheme=theme, bypass_csp=True)
        page.evaluate(Path(path).read_text(encoding="utf-8"))
        for key in "12345p":
            page.keyboard.press("2" if key == "p" else key)
            if key == "p":
                page.locator(".rows-canvas .row").first.click()
            found = page.evaluate("axe.run({resultTypes: ['violations']}).then(found => found.violations)")
            bad = [(each["id"], each["impact"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found]
            assert [each for each in bad if each[1] in ("serious", "critical")] == [], f"{theme} {key}"


def test_a_long_list_draws_only_the_rows_in_sight_and_finds_any_call(opened, record):
    """DASH-9, DASH-16: the table is virtual; a compressed report opens from disk too."""
    long = "word " * 160
    calls = [record(n, output=f"{long} needle-{n}", eval_scores={"Hallucination": n / 2000}) for n in range(1, 1801)]
    page = opened(calls, "#traces?sort=score")
    assert page.evaluate("document.documentElement.dataset.encoding") == "gzip"
    rows = page.locator(".rows-canvas .row")
    assert 5 < rows.count() < 60 and rows.first.get_attribute("data-id") == f"{1:016x}"
    page.evaluate("document.querySelector('.rows').scrollTop = 1e9")
    page.wait_for_selector(f".row[data-id='{1800:016x}']")
    page.fill("#search", "NEEDLE-1234 gpt-4o")
    assert rows.count() == 1 and rows.first.get_attribute("data-id") == f"{1234:016x}"
    assert page.said == []


def test_of_many_calls_the_lower_panels_follow_the_filter_too(opened, record):
    """DASH-4, DASH-16, DASH-19: every panel refilters, also those that are made after the paint."""
    from playwright.sync_api import expect  # wait_for_function() would need eval, which the page's policy forbids

    calls = [
        record(n, tenant_id="acme" if n % 3 else "globex", tokens_total=5, cost_usd=0.5, trace=n,
               output="fine " * 30, eval_scores={"Hallucination": (n % 100) / 100})
        for n in range(1, 6301)
    ]  # fmt: skip
    page = opened(calls)
    page.wait_for_selector("#overview canvas")
    page.click("button.chip:text-is('acme')")
    expect(page.locator("#overview [aria-label='Cost per tenant'] tbody tr")).to_have_count(1)
    page.wait_for_selector("#overview .step-list")
    assert "globex" not in page.inner_text("#overview") and "4,200" in page.inner_text("#overview")
    page.keyboard.press("3")
    page.wait_for_selector("#quality .heat-cell")
    chart = page.locator("#quality .u-over").bounding_box()
    page.mouse.move(chart["x"] + 40, chart["y"] + 40)
    page.mouse.click(chart["x"] + 41, chart["y"] + 40)
    page.wait_for_selector("#panel:not([hidden])")
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    expect(page.locator("#diagnose .offender")).to_have_count(12)
    page.keyboard.press("r")
    page.evaluate(f"location.hash = '#traces?call={99:016x}'")
    panel = page.locator("#panel")
    expect(panel).to_contain_text("Only the beginnings of question and answer")
    expect(panel).not_to_contain_text("Retrieval miss")  # ACT-1: the beginnings do not tell how long the context was
    assert page.inner_text("#filter-count b") == "6,300" and page.said == []
