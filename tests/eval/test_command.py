"""``peekr eval`` over stored files (contract EVAL-13, CLI-11, CLI-15; issue 5)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, List

import pytest

click_testing = pytest.importorskip("click.testing", reason="click is not installed")
pytest.importorskip("peekr_cli", reason="peekr-cli is not installed")
pytest.importorskip("peekr_jsonl", reason="peekr-jsonl is not installed")
pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")

import peekr  # noqa: E402
from peekr.plugins import driver  # noqa: E402

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def run() -> Run:
    """Runs the command in this process; the exit code must be the one given."""
    from peekr_cli.main import cli

    def run(*arguments: str, code: int = 0) -> Any:
        done = runner().invoke(cli, ["eval", *arguments])
        assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
        return SimpleNamespace(stdout=done.stdout, stderr=done.stderr, output=done.stdout + done.stderr)

    return run


def runner() -> Any:
    """click before 8.2 mixes the streams unless told not to, later ones cannot be told."""
    try:
        return click_testing.CliRunner(mix_stderr=False)
    except TypeError:
        return click_testing.CliRunner()


@pytest.fixture(params=["traces.jsonl", "traces.db"])
def store(request: Any, span: Any) -> str:
    """A file with three LLM calls of two traces, and a tool."""
    write(request.param, spans(span))
    return str(request.param)


def spans(span: Any) -> List[Any]:
    tool = span("x", span_id="4" * 16, at=3, name="tool.search", kind="tool")
    return [
        span("Paris.", span_id="1" * 16, at=0),
        span("", span_id="2" * 16, at=1, status="error", tenant_id="acme"),
        span("Rome. See https://x.org", span_id="3" * 16, at=2, trace_id="cd" * 16),
        tool,
    ]


def write(path: str, spans: List[Any]) -> None:
    exporter = driver("peekr.exporters", "sqlite" if path.endswith(".db") else "jsonl")(path=path)
    exporter.export_batch(spans)
    exporter.shutdown()


def scores(path: str) -> Dict[str, Any]:
    with peekr.open_store(path) as store:
        return {span.span_id[0]: span.attributes.get("eval_scores") for span in store.iter_spans()}


def test_llm_spans_get_their_scores_in_place(run: Run, store: str) -> None:
    """EVAL-13: also those of failed calls; other kinds of spans stay as they are."""
    done = run(store, "--evaluator", "NotEmpty", "-e", "NoError")
    assert scores(store) == {
        "1": {"NotEmpty": 1.0, "NoError": 1.0}, "2": {"NotEmpty": 0.0, "NoError": 0.0},
        "3": {"NotEmpty": 1.0, "NoError": 1.0},
        "4": None,
    }  # fmt: skip
    assert "NotEmpty: mean 0.67, lowest 0.00, highest 1.00 (3 spans)" in done.output
    beside = {name for name in os.listdir(".") if not name.endswith(("-shm", "-wal"))}
    assert beside == {store, "counting.py"}


@pytest.mark.parametrize("path", ["wrapped.jsonl", "wrapped.db"])
def test_a_call_that_a_framework_recorded_too_is_scored_once(run: Run, span: Any, path: str) -> None:
    """EVAL-13, LC-6: what is stored is judged as it is while a program runs; --limit counts calls."""
    outer = span("Paris.", span_id="2" * 16, at=1, name="langchain.chat.ChatOpenAI", billed=False)
    write(path, [span("Paris.", span_id="1" * 16, at=0), outer])
    run(path, "-e", "NotEmpty", "--limit", "1")
    assert scores(path) == {"1": {"NotEmpty": 1.0}, "2": None}


@pytest.mark.parametrize("path", ["cached.jsonl", "cached.db"])
def test_an_answer_from_a_frameworks_cache_is_scored(run: Run, span: Any, path: str) -> None:
    """EVAL-13: it cost nothing, but no other span has it."""
    write(path, [span("Paris.", span_id="1" * 16, billed=False, cached_response=True)])
    run(path, "-e", "NotEmpty")
    assert scores(path) == {"1": {"NotEmpty": 1.0}}


def test_everything_else_of_a_span_stays(run: Run, store: str) -> None:
    """EVAL-13: re-scoring changes nothing but the scores."""

    def rest() -> Any:
        with peekr.open_store(store) as opened:
            records = [span.to_dict() for span in opened.iter_spans()]
        for record in records:
            record["attributes"].pop("eval_scores", None)
        return records

    before = rest()
    run(store, "-e", "NotEmpty")
    assert rest() == before


def test_what_has_a_score_is_skipped_unless_forced(run: Run, store: str) -> None:
    """Resumable: only missing evaluators run; --force asks again."""
    count(lambda: run(store, "-e", "counting:Counting"), 3)
    count(lambda: run(store, "-e", "counting:Counting"), 0)
    count(lambda: run(store, "-e", "counting:Counting", "-e", "NoError"), 0)
    assert scores(store)["1"] == {"Counting": 0.5, "NoError": 1.0}
    count(lambda: run(store, "-e", "counting:Counting", "--force"), 3)


COUNTING = """
from peekr.eval import BaseEvaluator
calls = []
fail_from = None
class Counting(BaseEvaluator):
    def evaluate(self, span):
        calls.append(span)
        if fail_from is not None and len(calls) >= fail_from:
            raise KeyboardInterrupt()
        return 0.5
class Broken(BaseEvaluator):
    def evaluate(self, span):
        raise RuntimeError("no \\x1b[31m luck")
class Needy(BaseEvaluator):
    def __init__(self, what): pass
    def evaluate(self, span): return 1.0
"""


@pytest.fixture(autouse=True)
def counting(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module with evaluators of one's own."""
    import sys

    monkeypatch.delitem(sys.modules, "counting", raising=False)
    (here / "counting.py").write_text(COUNTING)
    yield
    (here / "counting.py").unlink()
    sys.modules.pop("counting", None)


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bytecode beside the stores."""
    monkeypatch.setattr("sys.dont_write_bytecode", True)


def count(act: Callable[[], Any], calls: int) -> None:
    import counting

    counting.calls.clear()
    act()
    assert len(counting.calls) == calls


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (("--status", "error"), "2"), (("--tenant", "acme"), "2"), (("--trace", "cdcdcd"), "3"),
        (("--limit", "1"), "3"),
        (("--kind", "tool"), "4"), (("--name", "openai"), "123"), (("--since", "1750000001"), "23"),
        (("--until", "1750000001"), "1"), (("--session", "none"), ""),
    ],
)  # fmt: skip
def test_filters_choose_spans(run: Run, store: str, options: Any, chosen: str) -> None:
    """As in peekr view."""
    done = run(store, "-e", "NoError", "--json", *options)
    assert json.loads(done.stdout)["selected"] == len(chosen)
    assert {number for number, given in scores(store).items() if given} == set(chosen)


def test_output_leaves_the_store_as_it_is_and_can_be_gone_on_with(run: Run, store: str) -> None:
    """-o: a copy with scores; a second run finds them there."""
    before = Path(store).read_bytes()
    out = "scored" + Path(store).suffix
    count(lambda: run(store, "-e", "counting:Counting", "-o", out), 3)
    assert scores(out)["3"] == {"Counting": 0.5} and Path(store).read_bytes() == before
    count(lambda: run(store, "-e", "counting:Counting", "-o", out), 0)
    count(lambda: run(store, "-e", "NoError", "-o", out), 0)
    assert scores(out)["3"] == {"Counting": 0.5, "NoError": 1.0}
    count(lambda: run(store, "-e", "counting:Counting", "-o", out, "--force"), 3)


def test_an_output_of_other_spans_is_not_overwritten(run: Run, span: Any) -> None:
    """Bad input: nothing is lost."""
    write("a.jsonl", [span()])
    write("b.jsonl", [span(span_id="9" * 16)])
    done = run("a.jsonl", "-e", "NoError", "-o", "b.jsonl", code=1)
    assert "holds other spans" in done.output and scores("b.jsonl") == {"9": None}


def test_lines_that_are_no_spans_are_copied(run: Run, span: Any) -> None:
    """JSONL: broken and foreign lines stay where they were."""
    write("a.jsonl", [span()])
    with open("a.jsonl", "a") as file:
        file.write('not json\n\n{"other": 1}\n')
    write("a.jsonl", [span(span_id="2" * 16)])
    with open("a.jsonl", "a") as file:
        file.write('{"half": ')
    run("a.jsonl", "-e", "NoError")
    lines = Path("a.jsonl").read_text().split("\n")
    assert lines[1:4] == ["not json", "", '{"other": 1}'] and lines[5] == '{"half": '
    assert scores("a.jsonl") == {"1": {"NoError": 1.0}, "2": {"NoError": 1.0}}


def test_an_interrupted_run_is_gone_on_with(run: Run, span: Any, monkeypatch: Any) -> None:
    """Ctrl-C keeps what was scored; the same command does the rest."""
    for path in ("a.jsonl", "a.db"):
        write(path, [span(str(n), span_id=f"{n:016x}", at=n) for n in range(1, 21)])
        import counting

        counting.calls.clear()
        monkeypatch.setattr(counting, "fail_from", 11)
        done = run(path, "-e", "counting:Counting", "--workers", "1", code=1)
        assert "run the same command again" in done.output
        monkeypatch.setattr(counting, "fail_from", None)
        count(lambda path=path: run(path, "-e", "counting:Counting"), 10)
        with peekr.open_store(path) as opened:
            given = [span.attributes.get("eval_scores") for span in opened.iter_spans()]
        assert given == [{"Counting": 0.5}] * 20
        assert not Path(path + ".scores").exists()


def test_an_output_is_written_also_when_nothing_is_left_to_score(run: Run, store: str) -> None:
    """EVAL-13: somebody may wait for the file."""
    run(store, "-e", "NotEmpty")
    output = "out" + Path(store).suffix
    done = run(store, "-e", "NotEmpty", "-o", output)
    assert len(list(peekr.open_store(output).spans())) == len(list(peekr.open_store(store).spans()))
    assert "0 of 3 spans evaluated, 3 had their scores already" in done.stdout
    run(store, "-e", "NotEmpty", "-o", "dry" + Path(store).suffix, "--dry-run")


def test_scores_that_could_not_be_put_in_place_are_the_next_time(run: Run, span: Any, monkeypatch: Any) -> None:
    """EVAL-13: the message says to run the same command again, though all is scored by then."""
    write("traces.jsonl", spans(span))

    def full(*paths: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("peekr_eval.offline.files.os.replace", full)
        assert "No space left on device" in run("traces.jsonl", "-e", "NotEmpty", code=1).output
    assert "NotEmpty" not in Path("traces.jsonl").read_text()
    assert "Written to traces.jsonl" in run("traces.jsonl", "-e", "NotEmpty").stdout
    assert Path("traces.jsonl").read_text().count('"NotEmpty":') == 3
    assert not Path("traces.jsonl.scores").exists()


def test_an_evaluator_that_fails_is_counted_and_the_exit_code_says_so(run: Run, store: str) -> None:
    """EVAL-8, exit code 3: the reason is stored, no score, and it is tried again the next time."""
    done = run(store, "-e", "counting:Broken", "-e", "NoError", code=3)
    assert "Broken: 3 × no score, RuntimeError" in done.output and "\x1b" not in done.output
    with peekr.open_store(store) as opened:
        stored = next(iter(opened.spans(kind="llm"))).attributes
    assert stored["eval_scores"] == {"NoError": 1.0} and stored["eval_errors"]["Broken"].startswith("RuntimeError: no")
    summary = json.loads(run(store, "-e", "counting:Broken", "--json", code=3).stdout)
    assert summary["evaluated"] == 3 and summary["evaluators"]["Broken"]["errors"] == {"RuntimeError": 3}


def test_a_forced_score_that_fails_leaves_no_old_one(run: Run, span: Any) -> None:
    """EVAL-8: an old score beside a new error would be false."""
    write("a.jsonl", [span(eval_scores={"Broken": 0.9, "Other": 0.1})])
    run("a.jsonl", "-e", "counting:Broken", "--force", code=3)
    assert scores("a.jsonl") == {"1": {"Other": 0.1}}


def test_a_dry_run_changes_nothing(run: Run, store: str) -> None:
    """--dry-run."""
    before = Path(store).read_bytes()
    summary = json.loads(run(store, "-e", "NoError", "--dry-run", "--json").stdout)
    assert summary["dry_run"] is True and summary["selected"] == 3 and summary["evaluated"] == 0
    assert Path(store).read_bytes() == before and set(scores(store).values()) == {None}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("traces.jsonl",), 2, "--evaluator"), (("missing.db", "-e", "NoError"), 1, "does not exist"),
        (("traces.jsonl", "-e", "Nonsense"), 1, "no evaluator is called 'Nonsense'"),
        (("traces.jsonl", "-e", "Rubric"), 1, "--criteria"),
        (("traces.jsonl", "-e", "nowhere:X"), 1, "cannot be loaded"),
        (("traces.jsonl", "-e", "counting:Needy"), 1, "without arguments"),
        (("traces.jsonl", "-e", "json:loads"), 1, "no class"),
        (("traces.jsonl", "-e", "NoError", "--since", "soon"), 2, "is no time"),
        (("traces.jsonl", "-e", "Rubric", "--criteria", "x", "--judge-provider", "gpt"), 1, "judge_provider"),
        (("traces.jsonl", "-e", "NoError", "--trace", "ffffff"), 1, "no trace or run"),
        (("traces.jsonl", "-e", "NoError", "--workers", "0"), 2, "--workers"),
    ],
)  # fmt: skip
def test_wrong_use_is_a_sentence(run: Run, span: Any, arguments: Any, code: int, words: str) -> None:
    """CLI-11: exit 1 for what cannot be done, 2 for a wrong command line, no traceback."""
    write("traces.jsonl", [span()])
    done = run(*arguments, code=code)
    assert words in done.output and "Traceback" not in done.output


def test_no_spans_is_no_error(run: Run, span: Any) -> None:
    """An empty choice is said, exit 0."""
    write("a.jsonl", [span(kind="tool")])
    assert "0 of 0 spans evaluated" in run("a.jsonl", "-e", "NoError").output


def test_what_was_stored_without_its_texts_is_not_judged(run: Run, span: Any) -> None:
    """EVAL-8, EVAL-13: a file written with capture_io=False gives reasons, and no false scores."""
    bare = span()
    bare.attributes = {"kind": "llm", "model": "m", "tokens_input": 3}
    write("a.jsonl", [bare])
    done = run("a.jsonl", "-e", "NotEmpty", "-e", "Hallucination", "-e", "NoError", "--json", code=3)
    assert json.loads(done.stdout)["evaluators"]["NotEmpty"]["errors"] == {"NotCaptured": 1}
    with peekr.open_store("a.jsonl") as opened:
        (stored,) = opened.iter_spans()
    assert stored.attributes["eval_scores"] == {"NoError": 1.0}
    assert set(stored.attributes["eval_errors"]) == {"NotEmpty", "Hallucination"}


def test_names_are_taken_in_any_case(run: Run, store: str) -> None:
    """Class names and entry-point names."""
    run(store, "-e", "not_empty", "-e", "citationaccuracy")
    assert scores(store)["3"] == {"NotEmpty": 1.0, "CitationAccuracy": 0.0}


def test_a_judge_is_asked_with_its_estimate_before_and_its_bill_after(run: Run, store: str, server: Any) -> None:
    """Issue 5: what it will take at most, what it took; verdicts on disk are not paid again."""
    pytest.importorskip("openai", reason="openai is not installed")
    options = ("-e", "Hallucination", "-e", "Rubric", "--criteria", "Be brief", "--judge-provider", "openai")
    done = run(store, *options, "--cache", "verdicts.db", "--json", code=3)
    summary = json.loads(done.stdout)
    assert (
        summary["estimate"]["calls"] == 5 and summary["estimate"]["tokens_output"] == 50
    )  # the failed call has no answer
    assert summary["judge"]["calls"] == 4 and summary["judge"]["tokens_input"] == 400
    assert "Judge, at most: 5 calls, about" in done.stderr
    assert summary["evaluators"]["Rubric"]["errors"] == {"NothingToJudge": 1} and len(server.seen) == 4
    again = json.loads(run(store, *options, "--cache", "verdicts.db", "--force", "--json", code=3).stdout)
    assert again["judge"]["calls"] == 0 and again["evaluators"]["Hallucination"]["mean"] == pytest.approx(0.9333)
    assert len(server.seen) == 4


def test_the_whole_text_of_the_payload_is_judged(run: Run, span: Any, server: Any) -> None:
    """EVAL-12 offline: attributes hold 1000 characters, the payload all."""
    pytest.importorskip("openai", reason="openai is not installed")
    content = "word " * 1000 + "THE-END"
    cut = json.dumps([{"role": "user", "content": content}])[:999] + "…"
    payload = {"request": {"messages": [{"role": "user", "content": content}]}, "response": None}
    for path in ("a.jsonl", "a.db"):
        write(path, [span("answer", cut, payload=payload)])
        run(path, "-e", "Hallucination", "--judge-provider", "openai", "--yes")
        assert "THE-END" in json.dumps(server.seen[-1][2])
        with peekr.open_store(path) as opened:
            (stored,) = opened.iter_spans()
        assert stored.attributes["input"] == cut and stored.payload == payload


def test_encrypted_content_is_judged_and_stays_encrypted(run: Run, span: Any, monkeypatch: Any) -> None:
    """PIPE-8: scores are added; neither claims nor answers stand in the clear afterwards."""
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    monkeypatch.setenv("TRACE_ENCRYPTION_KEY", "a passphrase")
    for path in ("a.jsonl", "a.db"):
        exporter = driver("peekr.exporters", "sqlite" if path.endswith(".db") else "jsonl")(
            path=path, encryption_enabled=True, encryption_key="a passphrase"
        )
        exporter.export_batch([span("SECRET answer, see https://SECRET.org", "SECRET question")])
        exporter.shutdown()
        run(path, "-e", "NotEmpty", "-e", "CitationAccuracy", "-e", "counting:Broken", code=3)
        run(path, "-e", "NoError")
        with peekr.open_store(path) as opened:
            (stored,) = opened.iter_spans()
        assert stored.attributes["output"] == "SECRET answer, see https://SECRET.org"
        assert stored.attributes["eval_scores"] == {"NotEmpty": 1.0, "CitationAccuracy": 0.0, "NoError": 1.0}
        assert stored.attributes["eval_errors"] == {"Broken": "RuntimeError"}
        assert not any(b"SECRET" in file.read_bytes() for file in Path(".").glob("a.*"))
