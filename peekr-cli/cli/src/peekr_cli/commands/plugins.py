"""``peekr plugins``: what is installed, and what of it is broken."""

from __future__ import annotations

import json
from typing import Any, List

import click

_STYLES = {"active": "good", "failed": "error", "disabled": "warning"}


def _json_option(command: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")(command)


def _check_option(command: Any) -> Any:
    return click.option("--check", is_flag=True, help="Load each plugin; exit 1 if one fails.")(command)


@click.group(invoke_without_command=True)
@_json_option
@_check_option
@click.pass_context
def plugins(ctx: click.Context, as_json: bool, check: bool) -> None:
    """List what is installed, and what is broken.

    Providers, exporters, stores, commands: every entry point that Peekr knows of.

    \b
    peekr plugins
    peekr plugins check
    """
    if ctx.invoked_subcommand is None:
        _show(as_json, check)
    elif as_json or check:
        raise click.UsageError(f"Put the option behind {ctx.invoked_subcommand!r}.", ctx)


@plugins.command("list")
@_json_option
@_check_option
def list_(as_json: bool, check: bool) -> None:
    """List every plugin with its state, from metadata alone.

    Failures are those that earlier processes met; --check looks now.

    Example: peekr plugins list --json
    """
    _show(as_json, check)


@plugins.command("check", short_help="Load every plugin; exit 1 if one is broken.")
@_json_option
def check_(as_json: bool) -> None:
    """Load every plugin and say which is broken and why; exit 1 if one is.

    Example: peekr plugins check --json
    """
    _show(as_json, check=True)


def _show(as_json: bool, check: bool) -> None:
    from peekr import plugins as discovery
    from peekr_cli.terminal import Screen

    found = discovery.check() if check else discovery.installed()
    failed = sum(info.state == "failed" for info in found)
    screen = Screen.standard()
    if as_json:
        _print_json(screen, found)
    else:
        _print(screen, found)
        if check or failed:
            screen.line(screen.paint(_verdict(len(found), failed, check), "error" if failed else "good"))
    if check and failed:
        click.get_current_context().exit(1)


def _verdict(count: int, failed: int, check: bool) -> str:
    plugins_ = "1 plugin" if count == 1 else f"{count} plugins"
    if not failed:
        return f"\n{plugins_}, none is broken."
    return f"\n{plugins_}, {failed} failed." + ("" if check else " Look again with: peekr plugins check")


def _print(screen: Any, found: List[Any]) -> None:
    from peekr_cli.table import print_table

    if not found:
        screen.line("No plugin is installed. The first ones you need: pip install peekr-jsonl peekr-openai")
        return
    rows = [
        (info.group, info.name, info.distribution, info.version, info.state, " ".join((info.reason or "").split()))
        for info in found
    ]
    columns = ("group", "name", "distribution", "version", "state", "reason")
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]  # type: ignore[assignment,misc]
    print_table(screen, columns, rows, [_STYLES.get(info.state) for info in found], wrap=True)


def _print_json(screen: Any, found: List[Any]) -> None:
    import attrs

    screen.line(json.dumps([attrs.asdict(info) for info in found], indent=2))
