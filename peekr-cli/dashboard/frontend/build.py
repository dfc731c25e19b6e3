"""Build the page from its sources: ``python frontend/build.py`` writes ``src/peekr_dashboard/static/dashboard.html``.

Nothing is transformed: styles and scripts are put into ``page.html`` one behind the other, and the Content-Security-
Policy gets the hashes of exactly these texts. Same sources, same bytes; ``--check`` exits 1 if the built file is old.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "src" / "peekr_dashboard" / "static" / "dashboard.html"

STYLES = ("vendor/uPlot.min.css", "styles/tokens.css", "styles/frame.css", "styles/parts.css", "styles/views.css")
#: In this order; each file uses names of those before it. Each is the counterpart of a module of
#: ``peekr_dashboard.diagnostics``, held equal to it by ``tests/dashboard/vectors``: plain ES2019, pure functions.
ENGINE = (
    "engine/expressions.js",
    "engine/texts.js",
    "engine/evaluation.js",
    "engine/tallies.js",
    "engine/growth.js",
    "engine/memory.js",
    "engine/integrity.js",
    "engine/aggregation.js",
    "engine/actions.js",
)
#: What the page, and the tests, use of the engine.
EXPORTED = ("aggregates", "evaluate", "callAggregates", "actions", "valueOf", "render")
#: Likewise, each using names of those before it.
SCRIPTS = (
    "js/dom.js",
    "js/format.js",
    "js/data.js",
    "js/state.js",
    "js/figures.js",
    "js/advice.js",
    "js/charts.js",
    "js/filters.js",
    "js/waterfall.js",
    "js/call.js",
    "js/panel.js",
    "js/overview.js",
    "js/spending.js",
    "js/traces.js",
    "js/quality.js",
    "js/heatmap.js",
    "js/diagnose.js",
    "js/help.js",
    "js/keys.js",
    "js/main.js",
)
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; connect-src 'none'; "
    "form-action 'none'; base-uri 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def read(name: str) -> str:
    """Return a source file."""
    return (HERE / name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """Return the hash of an inline element's text as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def engine() -> str:
    """Return the diagnostic engine as one script that defines ``PeekrEngine``."""
    body = "\n".join(read(name) for name in ENGINE)
    return f'const PeekrEngine = (() => {{\n"use strict";\n\n{body}\nreturn {{ {", ".join(EXPORTED)} }};\n}})();\n'


def page() -> str:
    """Return the built page, with a place for the data."""
    style = "".join(read(name) for name in STYLES)
    vendor = f"/* uPlot, MIT licence:\n{read('vendor/uPlot.LICENSE')}*/\n{read('vendor/uPlot.iife.min.js')}"
    body = "\n".join([engine(), *(read(name) for name in SCRIPTS)])
    script = f'(function () {{\n"use strict";\n{body}\n}})();\n'
    for text in (vendor, script, style):
        if "</script" in text or "</style" in text or "<!--" in text:
            raise SystemExit("a source would end its element: it has </script, </style or <!--")
    policy = _POLICY.format(scripts=f"{digest(vendor)} {digest(script)}", styles=digest(style))
    out = read("page.html")
    for name, text in (("csp", policy), ("style", style), ("vendor", vendor), ("script", script)):
        before, _, after = out.partition("{{" + name + "}}")
        out = before + text + after
    return out


def main() -> int:
    """Write the page, or compare it with the sources."""
    fresh = page().encode()
    if "--check" in sys.argv[1:]:
        current = BUILT.exists() and BUILT.read_bytes() == fresh
        print("current" if current else "old: run python frontend/build.py")
        return 0 if current else 1
    BUILT.parent.mkdir(exist_ok=True)
    BUILT.write_bytes(fresh)
    print(f"{BUILT.name}: {len(fresh):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
