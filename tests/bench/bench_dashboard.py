"""The report of large stores: seconds to make, size of the file; and in Chromium first paint, a filter, a search.

    python tests/bench/bench_dashboard.py [SPANS …]      by default 10000 and 1000000, both SQLite, and 50,000 calls

Reach: 10,000 spans 3 s and 3 MB; 1,000,000 spans 60 s and 12 MB; first paint 500 ms, filter and search 100 ms.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from peekr import sql

WORDS = ("plan", "renewal", "invoice", "refund", "index", "deploy", "query", "answer", "customer", "tower", "city")
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash")
PER_TRACE = 3


def sentence(chance, words):
    return " ".join(chance.choices(WORDS, k=words))


def rows(count, only_calls=False):
    chance, start = random.Random(1), 1_780_000_000.0
    for number in range(count):
        place = 2 if only_calls else number % PER_TRACE
        trace = number if only_calls else number // PER_TRACE
        at = start + number * 1.2
        own, trace_id = f"{number + 1:016x}", f"{trace * 2654435761 % 2**64:032x}"
        root = own if only_calls or not place else f"{number - place + 1:016x}"
        kind, name, attributes, status, ms = "function", "http.POST", {"endpoint": "/chat"}, "ok", 900.0
        if place == 1:
            status = "error" if chance.random() < 0.1 else "ok"
            kind, name, ms = "tool", "tool.search", 80.0
            attributes = {"tool_name": chance.choice(("search", "sql", "mail")), "input": sentence(chance, 8)}
            if status == "error":
                attributes.update(error="no such column", error_type="OperationalError", error_reason="bad_request")
        elif place == 2:
            kind, name, ms = "llm", "openai.chat.completions", chance.uniform(200, 2000)
            attributes = call(chance)
        attributes.update(kind=kind, run_id=root)
        parent = None if own == root else root
        user, tenant = f"user-{chance.randrange(500)}", f"tenant-{chance.randrange(12)}"
        yield (trace_id, own, parent, name, at, at + ms / 1000, ms, status, json.dumps(attributes), tenant, None,
               user, None, root, kind, None)  # fmt: skip


def call(chance):
    question = [{"role": "system", "content": sentence(chance, 60)}, {"role": "user", "content": sentence(chance, 12)}]
    tokens, verdicts = chance.randrange(100, 3000), chance.choices(("supported", "contradicted"), (6, 1), k=3)
    supported = verdicts.count("supported")
    claims = [{"text": sentence(chance, 6), "verdict": verdict} for verdict in verdicts]
    details = {"total": 3, "supported": supported, "contradicted": 3 - supported, "unsupported": 0, "claims": claims}
    return {
        "model": chance.choice(MODELS), "tokens_input": tokens, "tokens_output": 120, "tokens_total": tokens + 120,
        "cost_usd": tokens / 1e6, "input": json.dumps(question), "output": sentence(chance, 40),
        "eval_scores": {"Hallucination": round(supported / 3, 4)}, "hallucination_details": details,
    }  # fmt: skip


def database(path, count, only_calls=False):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=OFF")
    with connection:
        sql.create(connection, indices=False)
        connection.executemany(f"INSERT INTO spans VALUES ({', '.join('?' * 16)})", rows(count, only_calls))
        sql.create(connection)
    connection.close()


def made(store, report):
    start = perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "peekr", "dashboard", str(store), "-o", str(report)], capture_output=True, text=True
    )
    seconds = perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"  made in {seconds:.1f} s, {report.stat().st_size / 1e6:.2f} MB, memory {peak:.0f} MB")
    print("  " + done.stdout.strip().replace("\n", "\n  "))


_TIMED = """async (act) => {
  const start = performance.now();
  (new Function(act))();
  document.body.getBoundingClientRect();
  return performance.now() - start;
}"""
_SEARCH = "const e = document.getElementById('search'); e.value = %r; e.dispatchEvent(new Event('input'))"


def browsed(report):
    browser_path = os.environ.get("PEEKR_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        browser_path = None
    if browser_path is None:
        print("  no browser: nothing is measured in one")
        return
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(bypass_csp=True).new_page()
        page.goto(report.as_uri() + "#overview")
        page.wait_for_selector("html[data-ready]", state="attached")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        ready = page.evaluate("performance.getEntriesByName('peekr-ready')[0].startTime")
        print(f"  first paint {paint:.0f} ms, ready {ready:.0f} ms")
        for tab in ("overview", "traces", "quality", "diagnose"):
            page.evaluate("tab => document.getElementById('tab-' + tab).click()", tab)
            first = "document.querySelectorAll('.filter-group .chip')[%d].click()"
            taken = [page.evaluate(_TIMED, first % at) for at in (0, 0, 1, 1, 8, 8)]
            print(f"  a filter on {tab}: {', '.join(f'{each:.0f}' for each in taken)} ms")
        page.evaluate("document.getElementById('tab-traces').click()")
        taken = [page.evaluate(_TIMED, _SEARCH % text) for text in ("r", "refund", "refund tower", "nothing", "")]
        print(f"  searches: {', '.join(f'{each:.0f}' for each in taken)} ms")
        browser.close()


def main(counts):
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            run(Path(folder), f"{count:,} spans", count)
        run(Path(folder), "50,000 calls", 50_000, only_calls=True)


def run(folder, title, count, only_calls=False):
    print(title)
    store, report = folder / "traces.db", folder / "report.html"
    store.unlink(missing_ok=True)
    database(store, count, only_calls)
    made(store, report)
    browsed(report)


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [10_000, 1_000_000])
