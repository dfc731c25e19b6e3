"""``peekr export``: runs as JSON, CSV or span records."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, TextIO, Tuple

import click

from peekr.terminal import neutral
from peekr_cli.reading import Moment
from peekr_cli.targets import chosen_target, counted

_PAGE = 500
_FORMATS = ("json", "csv", "jsonl")


@click.command()
@click.argument("run_id", required=False)
@click.option("--all", "all_runs", is_flag=True, help="Every run that fits, the newest first.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=1000, show_default=True, help="With --all; 0 for no limit."
)
@click.option("-o", "--output", metavar="FILE", help="Write to a file rather than to standard output.")
@click.option("--format", "layout", type=click.Choice(_FORMATS), help="json by default, else what FILE ends with.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--db", metavar="FILE", help="The store; the configured database, else traces.db, else traces.jsonl.")
@click.option("--status", type=click.Choice(["running", "completed", "failed"]), help="With --all: runs that are so.")
@click.option("--user", metavar="ID", help="With --all: runs of this user.")
@click.option("--session", metavar="ID", help="With --all: runs of this session.")
@click.option("--since", type=Moment(), help="With --all: begun then or later: 2026-01-31T09:00, 24h, 7d ago.")
@click.option("--until", type=Moment(), help="With --all: begun before.")
def export(
    run_id: Optional[str],
    all_runs: bool,
    limit: int,
    output: Optional[str],
    layout: Optional[str],
    as_json: bool,
    db: Optional[str],
    **filters: Any,
) -> None:
    """Write one run, or all, as JSON, lines of JSON or CSV.

    RUN_ID is a run's or trace's id, or six or more characters of its beginning. As json, a run has its timeline,
    decoded data, scores and ratings; as jsonl, its spans. Both can be read back with peekr import. In csv, a run is
    a row (with --all) or a step is, and cells that a spreadsheet would run get a leading '.

    \b
    peekr export 3f2a91bc --output one.json
    peekr export --all --limit 10 --output all.json
    peekr export --all --since 7d --format csv -o runs.csv
    """
    if run_id is None and not all_runs:
        raise click.ClickException("Name a run, or give --all: peekr export RUN_ID, peekr export --all.")
    if run_id is not None and all_runs:
        raise click.UsageError("Give a run or --all, not both.")
    layout = "json" if as_json else layout or _layout_of(output)
    from peekr_cli.progress import Bar

    with ExitStack() as stack:
        store = stack.enter_context(_store(chosen_target(db), all_runs))
        documents: Iterable[Dict[str, Any]]
        loose: Iterator[Dict[str, Any]] = iter(())
        if run_id is not None:
            from peekr_cli.exporting import run_document

            documents, total = [run_document(store, run_id)], None
        else:
            ids, total = _chosen(store, limit or None, filters)
            bar = stack.enter_context(Bar("Writing", len(ids)))
            documents = _documents(store, ids, bar)
            if len(ids) == total and not any(filters.values()):
                from peekr_cli.exporting import loose_documents

                loose = loose_documents(store, frozenset(ids))
        file = stack.enter_context(_opened(output))
        written, spans = _WRITERS[layout](file, documents, total, loose)
    if output is not None:
        more = f", and {counted(spans, 'span')} whose run is not in the store" if spans else ""
        click.echo(f"{counted(written, 'run')} written to {neutral(output)}{more}.", err=True)


def _layout_of(output: Optional[str]) -> str:
    suffix = os.path.splitext(output or "")[1].lower().lstrip(".")
    return suffix if suffix in _FORMATS else "json"


# -- reading ----------------------------------------------------------------------------------------------------------


@contextmanager
def _store(target: str, all_runs: bool) -> Iterator[Any]:
    """Open a store. For all runs of a file without indices, a copy with indices: else each would take a pass."""
    from peekr import open_store
    from peekr.errors import PluginNotFound
    from peekr.retention import Upkeep

    with ExitStack() as stack:
        store: Any = stack.enter_context(open_store(target))
        if all_runs and os.path.isfile(target) and not isinstance(store, Upkeep):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="peekr-"))
            try:
                copy = _indexed(store, os.path.join(folder, "traces.db"))
            except PluginNotFound:
                yield store
                return
            store = stack.enter_context(open_store(copy))
            store.target = target
        yield store


def _indexed(store: Any, path: str) -> str:
    from peekr_cli.importing import Database, batches
    from peekr_cli.progress import Bar

    with Database(path) as copy, Bar("Reading") as bar:
        copy.create()
        for batch in batches(bar.over(store.iter_spans())):
            copy.write(batch)
    return path


def _chosen(store: Any, limit: Optional[int], filters: Dict[str, Any]) -> Any:
    """The ids of the runs that fit, the newest first, and how many there are without the limit."""
    since, until = filters["since"], filters["until"]
    page = store.list_runs(
        limit=limit,
        status=filters["status"],
        user_id=filters["user"],
        session_id=filters["session"],
        started_after=None if since is None else since * 1000,
        started_before=None if until is None else until * 1000 - 1,
    )
    return [run["id"] for run in page], page.total


def _documents(store: Any, ids: List[str], bar: Any) -> Iterator[Dict[str, Any]]:
    from peekr.errors import UnknownId
    from peekr.ratings import ratings_of
    from peekr_cli.exporting import run_document

    ratings = ratings_of(store.target) if ids else {}
    for number, run_id in enumerate(ids):
        bar.update(number)
        try:
            yield run_document(store, run_id, nested=False, ratings=ratings)
        except UnknownId:  # pruned meanwhile
            continue


# -- writing ----------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(output: Optional[str]) -> Iterator[TextIO]:
    """Standard output, made harmless; or a file that is complete or not there."""
    if output is None or output == "-":
        from peekr_cli.terminal import Screen

        yield _Harmless(Screen.standard())  # type: ignore[misc]
        return
    if os.path.exists(output) and not os.path.isfile(output):  # a pipe, /dev/stdout
        with open(output, "w", encoding="utf-8", newline="") as file:
            yield file
        return
    folder = os.path.dirname(os.path.abspath(output))
    partial = os.path.join(folder, f".{os.path.basename(output)}.{os.getpid()}.tmp")
    try:
        with open(partial, "w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(partial, output)
    except OSError as error:
        raise OSError(error.errno, error.strerror, output) from error
    finally:
        if os.path.exists(partial):
            os.unlink(partial)


class _Harmless:
    """Standard output as a file of lines that end with a newline."""

    def __init__(self, screen: Any) -> None:
        self._screen = screen
        self._line = ""

    def write(self, text: str) -> None:
        from peekr_cli.terminal import safe_json

        *whole, rest = text.split("\n")
        for line in whole:
            self._screen.line(safe_json(self._line + line))
            self._line = ""
        self._line += rest


#: Writes runs, and the spans of none; returns how many of each.
Writer = Callable[[TextIO, Iterable[Dict[str, Any]], Optional[int], Iterable[Dict[str, Any]]], Tuple[int, int]]


def _write_json(
    file: TextIO, documents: Iterable[Dict[str, Any]], total: Optional[int], loose: Iterable[Dict[str, Any]]
) -> Tuple[int, int]:
    from peekr.wire import encode

    if total is None:
        for document in documents:
            file.write(json.dumps(json.loads(encode(document)), indent=2, ensure_ascii=False) + "\n")
        return 1, 0
    written = spans = 0
    file.write('{"runs": [\n')
    for document in documents:
        known = {"id": document["run"]["id"], "name": document["run"]["name"], **document}
        file.write((",\n" if written else "") + encode(known).decode())
        written += 1
    file.write(("\n" if written else "") + f'], "total": {total}')
    for document in loose:
        file.write((",\n" if spans else ', "loose": [\n') + encode(document).decode())
        spans += len(document["spans"])
    file.write("\n]}\n" if spans else "}\n")
    return written, spans


def _write_jsonl(
    file: TextIO, documents: Iterable[Dict[str, Any]], total: Optional[int], loose: Iterable[Dict[str, Any]]
) -> Tuple[int, int]:
    from peekr.wire import encode

    written = [0, 0]
    for place, some in enumerate((documents, loose)):
        for document in some:
            for record in document["spans"]:
                file.write(encode(record).decode() + "\n")
            written[place] += len(document["spans"]) if place else 1
    return written[0], written[1]


def _write_csv(
    file: TextIO, documents: Iterable[Dict[str, Any]], total: Optional[int], loose: Iterable[Dict[str, Any]]
) -> Tuple[int, int]:
    from peekr_cli.exporting import RUN_COLUMNS, STEP_COLUMNS, run_row, step_rows

    written = 0
    table = _Table(file, STEP_COLUMNS if total is None else RUN_COLUMNS)
    for document in documents:
        for row in step_rows(document) if total is None else [run_row(document)]:
            table.row(row)
        written += 1
    return written, 0  # a table of runs has no row for what is in none


class _Table:
    """Writes rows of CSV in which no cell is a formula and no line break stands."""

    def __init__(self, file: TextIO, columns: Iterable[str]) -> None:
        self._columns = list(columns)
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow([_cell(name) for name in self._columns])

    def row(self, values: Dict[str, Any]) -> None:
        self._writer.writerow([_cell(values.get(name)) for name in self._columns])


def _cell(value: Any) -> Any:
    from peekr_cli.commands.query import harmless

    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return harmless(neutral(text)) if not text.startswith(("\t", "\r")) else "'" + neutral(text)


_WRITERS: Dict[str, Writer] = {"json": _write_json, "csv": _write_csv, "jsonl": _write_jsonl}
