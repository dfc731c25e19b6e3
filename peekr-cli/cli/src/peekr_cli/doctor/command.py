"""``peekr doctor``: the command."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, List, Sequence, Set, Tuple

import click

from peekr_cli.doctor.findings import Check, SdkFinding, as_json, is_well

#: SDKs of ours by the plugin that traces them, to tell what is installed and has none.
_TRACED_BY = {
    "openai": ("openai", "peekr-openai"),
    "anthropic": ("anthropic", "peekr-anthropic"),
    "boto3": ("bedrock", "peekr-bedrock"),
    "google-genai": ("gemini", "peekr-gemini"),
    "langchain-core": ("langchain", "peekr-langchain"),
}


@click.command(short_help="Prove that what you have installed is traced.")
@click.option("--sdk", "sdks", multiple=True, metavar="NAME", help="Only this SDK or plugin; may be repeated.")
@click.option("--json", "as_json_", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("-q", "--quiet", is_flag=True, help="Show only what is not as it should be.")
@click.option("--jsonl-path", default="traces.jsonl", show_default=True, help="The file that is to be writable.")
@click.option("--db-path", default="traces.db", show_default=True, help="The database that is to be writable.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1, max=25),
    default=5.0,
    show_default=True,
    help="Seconds for one entry point.",
)
@click.pass_context
def doctor(
    ctx: click.Context,
    sdks: Tuple[str, ...],
    as_json_: bool,
    quiet: bool,
    jsonl_path: str,
    db_path: str,
    timeout: float,
) -> None:
    """Prove that what you have installed is traced: each call once, with its tokens.

    Drives every entry point of every installed SDK (sync, async, streamed, helpers, raw) against a server on this
    machine and looks at the spans: blind is an entry point without any, double one with too many. Then loads every
    plugin, and writes and reads both local stores. No key, no network; your files and settings stay as they are.

    Exits 1 when an entry point is at fault or something cannot work.

    \b
    Example:
      peekr doctor
      peekr doctor --sdk openai --sdk boto3
      peekr doctor --json | jq '.sdks[] | select(.state != "ok")'
    """
    from peekr_cli.doctor.children import Limits, selected
    from peekr_cli.doctor.report import show
    from peekr_cli.terminal import Screen

    begin = monotonic()
    wanted = selected(sdks)
    found, checks = _examine(wanted, Limits(timeout), jsonl_path, db_path)
    screen = Screen.standard()
    if as_json_:
        screen.line(json.dumps(as_json(found, checks, monotonic() - begin), indent=2))
    else:
        show(screen, found, checks, quiet)
    if not is_well(found, checks):
        ctx.exit(1)


def _examine(wanted: Sequence[str], limits: Any, jsonl_path: str, db_path: str) -> Tuple[List[SdkFinding], List[Check]]:
    """Drive the SDKs, two at a time, and look at the rest meanwhile."""
    from peekr import plugins
    from peekr_cli.doctor.children import ProviderExam, trial
    from peekr_cli.doctor.stores import store_checks
    from peekr_cli.doctor.versions import judge_version, version_checks

    providers = [info for info in plugins.installed() if info.group == "peekr.providers"]
    enabled = [info for info in providers if info.state != "disabled"]
    names = [info.name for info in enabled]
    asked = _asked(wanted, {info.name for info in providers})
    exams = [
        (info, ProviderExam(info.name, info.value, names, _of(info, wanted), limits))
        for info in enabled
        if info.name in asked
    ]
    with ThreadPoolExecutor(max_workers=max(2, min(4, os.cpu_count() or 2))) as pool:
        results = [(info, exam, pool.submit(exam.run)) for info, exam in exams]
        rest = pool.submit(trial, _installed_stores())
        local = [*store_checks(jsonl_path, db_path), *version_checks()]
        found: List[SdkFinding] = []
        checks: List[Check] = []
        for info, exam, future in results:
            for one in future.result():
                judge_version(one, info.distribution)
                found.append(one)
            checks += exam.checks
        checks += [*local, *rest.result()]
    known = {name.lower() for info, exam in exams for name in (info.name, *exam.known)}
    _refuse_unknown(wanted, known | {info.name.lower() for info in providers} | set(_TRACED_BY) & set(wanted))
    disabled = [_disabled(info) for info in providers if info.state == "disabled"]
    found += [one for one in disabled if not wanted or one.sdk in wanted]
    return [one for one in found if one.state != "absent" or not wanted or one.sdk in wanted], [
        *checks,
        *_untraced({info.name for info in providers}),
    ]


def _asked(wanted: Sequence[str], installed: Set[str]) -> Set[str]:
    """Return the plugins to ask: those that bear the names, or all where a name may be an SDK of any of them."""
    plugins = {_TRACED_BY[name][0] if name in _TRACED_BY else name for name in wanted}
    return plugins if plugins and plugins <= installed else installed


def _of(info: Any, wanted: Sequence[str]) -> List[str]:
    """The selection as the child reads it; a plugin's name stands for all its SDKs."""
    return [] if info.name.lower() in wanted else list(wanted)


def _disabled(info: Any) -> SdkFinding:
    return SdkFinding(info.name, info.name, None, "disabled", info.reason)


def _installed_stores() -> List[str]:
    from importlib.util import find_spec

    stores = {"jsonl": "peekr_jsonl", "sqlite": "peekr_sqlite"}
    return [name for name, module in stores.items() if find_spec(module) is not None]


def _refuse_unknown(wanted: Sequence[str], known: Any) -> None:
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise click.UsageError(f"no plugin traces {', '.join(unknown)}. There are: {', '.join(sorted(known))}")


def _untraced(installed: Any) -> List[Check]:
    """SDKs that are there while the plugin for them is not."""
    from importlib.metadata import PackageNotFoundError, version

    checks: List[Check] = []
    for sdk, (plugin, distribution) in _TRACED_BY.items():
        if plugin not in installed:
            try:
                detail = f"{sdk} {version(sdk)} is not traced: pip install {distribution}"
            except PackageNotFoundError:
                continue
            checks.append(Check("plugins", distribution, "warning", detail))
    return checks
