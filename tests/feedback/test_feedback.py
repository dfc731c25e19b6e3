"""Rating traces and exporting them (contract FEED-1 to FEED-8)."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from click.testing import CliRunner

import peekr
from peekr.errors import AmbiguousId, StoreError, UnknownId
from peekr_feedback import latest_ratings
from peekr_feedback.command import export_feedback, feedback

LONG = "word " * 600


@pytest.fixture
def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Spans go to traces.db in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    peekr.instrument(console=False, storage="sqlite")
    yield tmp_path
    peekr.uninstrument()


def ask(prompt: Any = "what?", response: str = "that", run: str = "agent") -> str:
    with peekr.trace.run(run) as context:
        peekr.trace.llm(model="m", prompt=prompt, response=response)
        trace_id = peekr.get_current_span().trace_id
    assert context and peekr.flush()
    return trace_id


def lines(path: Any = "training.jsonl") -> List[Dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def said(prompt: str, response: str) -> Dict[str, Any]:
    return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]}


class TestARating:
    def test_is_a_row_of_the_table_beside_the_spans(self, traced: Path) -> None:
        """FEED-1, FEED-2"""
        trace = ask()
        assert peekr.feedback(trace_id=trace, rating="good", note="perfect") == trace
        with closing(sqlite3.connect("traces.db")) as connection, connection:
            rows = connection.execute("SELECT trace_id, rating, note, created_at FROM feedback").fetchall()
            indices = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        assert [row[:3] for row in rows] == [(trace, "good", "perfect")] and rows[0][3] > 1e9
        assert {"feedback_trace_id", "feedback_rating"} <= indices

    def test_takes_the_beginning_of_an_id(self, traced: Path) -> None:
        """MODEL-5"""
        trace = ask()
        assert peekr.feedback(trace[:8], "bad") == trace

    def test_of_a_run_is_one_of_its_trace(self, traced: Path) -> None:
        trace = ask()
        (run,) = peekr.query("traces.db", "SELECT run_id FROM spans WHERE kind = 'run'")
        assert peekr.feedback(run["run_id"], "good") == trace

    def test_of_an_unknown_beginning_is_refused(self, traced: Path) -> None:
        ask()
        with pytest.raises(UnknownId, match="begins with 'abcdef'"):
            peekr.feedback("abcdef", "good")

    def test_of_a_beginning_that_fits_several_is_refused(self, traced: Path) -> None:
        rows = [f'{{"trace_id": "aaaaaaaa{n}", "span_id": "{n}", "name": "x", "start_time": 1}}\n' for n in range(2)]
        Path("t.jsonl").write_text("".join(rows))
        with pytest.raises(AmbiguousId):
            peekr.feedback("aaaaaaaa", "good", jsonl_path="t.jsonl")

    def test_of_a_whole_id_may_come_before_its_spans(self, traced: Path) -> None:
        assert peekr.feedback("f" * 32, "good") == "f" * 32

    @pytest.mark.parametrize("rating", ["great", "", None, 1])
    def test_is_good_or_bad(self, traced: Path, rating: Any) -> None:
        with pytest.raises(ValueError, match="rating must be 'good' or 'bad'"):
            peekr.feedback("f" * 32, rating)

    def test_goes_to_traces_db_without_an_instrumented_database(self, tmp_path: Path, monkeypatch: Any) -> None:
        """FEED-1"""
        monkeypatch.chdir(tmp_path)
        peekr.feedback("f" * 32, "bad", "why")
        assert [(each.rating, each.note) for each in latest_ratings("traces.db")] == [("bad", "why")]

    @pytest.mark.parametrize("name", ["traces.jsonl", "no-suffix"])
    def test_of_a_trace_in_a_file_of_lines_is_kept_in_a_database(self, traced: Path, name: str) -> None:
        """FEED-6: a file of lines that is given as the database is where the spans are, and stays as it is."""
        record = '{"trace_id": "aaaaaaaa1", "span_id": "1", "name": "x", "start_time": 1}\n'
        Path(name).write_text(record)
        assert peekr.feedback("aaaaaaaa", "bad", db_path=name) == "aaaaaaaa1"
        assert [(each.trace_id, each.rating) for each in latest_ratings("traces.db")] == [("aaaaaaaa1", "bad")]
        assert peekr.export_feedback(name, format="raw") == 1
        assert Path(name).read_text() == record

    def test_cannot_be_kept_in_another_file(self, traced: Path) -> None:
        Path("notes.txt").write_text("buy milk\n")
        with pytest.raises(StoreError, match="is no SQLite database"):
            peekr.feedback("f" * 32, "bad", db_path="notes.txt")
        with pytest.raises(StoreError, match="is no SQLite database"):
            latest_ratings("notes.txt")
        with pytest.raises(StoreError, match="is a directory"):
            peekr.feedback("f" * 32, "bad", db_path=traced)

    def test_makes_no_database_of_the_name_of_a_file_of_lines(self, traced: Path) -> None:
        with pytest.raises(StoreError, match="does not exist"):
            peekr.feedback("f" * 32, "bad", db_path="new.jsonl")
        assert not Path("new.jsonl").exists()

    def test_can_be_joined_with_the_spans_of_a_file_of_lines(self, traced: Path) -> None:
        """FEED-7, JSONL-4: the ratings of its traces, and no others; none is an empty table."""
        joined = "SELECT s.name, f.rating FROM feedback f JOIN spans s USING (trace_id)"
        Path("t.jsonl").write_text('{"trace_id": "aaaaaaaa1", "span_id": "1", "name": "x", "start_time": 1}\n')
        assert peekr.query("t.jsonl", joined) == []
        peekr.feedback("aaaaaaaa1", "bad", jsonl_path="t.jsonl")
        peekr.feedback("f" * 32, "good")
        assert peekr.query("t.jsonl", joined) == [{"name": "x", "rating": "bad"}]
        assert peekr.query("t.jsonl", "SELECT COUNT(*) n FROM feedback") == [{"n": 1}]

    def test_of_nothing_is_an_empty_table_of_every_database(self, traced: Path) -> None:
        ask()
        assert peekr.query("traces.db", "SELECT * FROM feedback") == []
        peekr.feedback("f" * 32, "good", db_path="ratings.db")
        assert peekr.query("ratings.db", "SELECT rating FROM feedback") == [{"rating": "good"}]
        assert peekr.query("ratings.db", "SELECT * FROM spans") == []

    def test_that_comes_later_counts(self, traced: Path) -> None:
        """FEED-6"""
        first, second = ask(), ask()
        for trace, rating in ((first, "bad"), (second, "good"), (first, "good")):
            peekr.feedback(trace, rating)
        assert [(each.trace_id, each.rating) for each in latest_ratings()] == [(second, "good"), (first, "good")]


class TestTrainingData:
    def test_is_what_was_said(self, traced: Path) -> None:
        """FEED-3, FEED-4, FEED-6"""
        good, bad = ask("good one", "ok"), ask("bad one", "no")
        peekr.feedback(good, "good")
        peekr.feedback(bad, "bad")
        assert peekr.export_feedback(db_path="traces.db", filter="good") == 1
        assert lines() == [said("good one", "ok")]
        assert peekr.export_feedback() == 2

    def test_is_whole_and_begins_with_the_system_message(self, traced: Path) -> None:
        """FEED-4: beyond the 1000 characters of the attributes."""
        messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": LONG}]
        peekr.feedback(ask(messages, LONG), "good")
        peekr.export_feedback(filter="good", output="out.jsonl", format="openai-ft")
        assert lines("out.jsonl") == [{"messages": [*messages, {"role": "assistant", "content": LONG}]}]

    def test_is_the_last_answer_of_a_trace(self, traced: Path) -> None:
        """D-9"""
        with peekr.trace.run("agent"):
            peekr.trace.llm(model="m", prompt="first", response="one")
            peekr.trace.llm(model="m", prompt="second", response="two")
            trace = peekr.get_current_span().trace_id
        peekr.feedback(trace, "good")
        peekr.export_feedback()
        assert lines() == [said("second", "two")]

    def test_of_a_trace_without_a_model_is_the_roots_input_and_output(self, traced: Path) -> None:
        """FEED-6"""

        @peekr.trace
        def shout(word: str) -> str:
            traces.append(peekr.get_current_span().trace_id)
            return word.upper()

        traces: List[str] = []
        shout("hello")
        peekr.feedback(traces[0], "good")
        peekr.export_feedback()
        assert lines() == [said("hello", "HELLO")]

    def test_leaves_out_what_says_nothing(self, traced: Path) -> None:
        with peekr.span("empty") as span:
            pass
        peekr.feedback(span.trace_id, "good")
        assert peekr.export_feedback() == 0 and lines() == []

    def test_in_raw_form_has_the_rating_and_the_spans(self, traced: Path) -> None:
        """FEED-5"""
        trace = ask()
        peekr.feedback(trace, "bad", "made up")
        assert peekr.export_feedback(format="raw") == 1
        (record,) = lines()
        assert {name: record[name] for name in ("trace_id", "rating", "note")} == {
            "trace_id": trace,
            "rating": "bad",
            "note": "made up",
        }
        assert {span["name"] for span in record["spans"]} == {"agent", "llm.call"}

    def test_can_come_from_a_file_of_lines(self, tmp_path: Path, monkeypatch: Any) -> None:
        """FEED-6"""
        monkeypatch.chdir(tmp_path)
        peekr.instrument(console=False)
        trace = ask("a", "b")
        peekr.feedback(trace[:10], "good", jsonl_path="traces.jsonl")
        assert peekr.export_feedback(jsonl_path="traces.jsonl") == 1
        assert lines() == [said("a", "b")]
        peekr.uninstrument()

    @pytest.mark.parametrize("still", [True, False], ids=["in the program", "afterwards"])
    def test_comes_from_the_file_that_is_written_unless_told_otherwise(
        self, tmp_path: Path, monkeypatch: Any, still: bool
    ) -> None:
        """FEED-6: a program that writes JSONL only has to name no file, neither to rate nor to export."""
        monkeypatch.chdir(tmp_path)
        options = {"jsonl_path": tmp_path / "mine.jsonl"} if still else {}
        peekr.instrument(console=False, storage="jsonl", **options)
        trace = ask("a", "b")
        if not still:
            peekr.uninstrument()
        peekr.feedback(trace[:10], "good")
        assert peekr.export_feedback() == 1 and lines() == [said("a", "b")]
        peekr.uninstrument()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"format": "csv"}, "format must be one of 'openai-ft', 'raw', got 'csv'"),
            ({"filter": "ok"}, "filter must be"),
        ],
    )
    def test_in_an_unknown_form_is_refused(self, traced: Path, arguments: Dict[str, str], message: str) -> None:
        """FEED-3"""
        with pytest.raises(ValueError, match=message):
            peekr.export_feedback(**arguments)

    def test_needs_a_database(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="does not exist"):
            peekr.export_feedback(db_path=tmp_path / "none.db", output=tmp_path / "out")


class TestTheCommands:
    @pytest.fixture
    def run(self) -> Callable[..., str]:
        def run(command: Any, *arguments: str) -> str:
            result = CliRunner().invoke(command, list(arguments))
            assert result.exit_code == 0, result.output
            return result.output

        return run

    def test_rate_list_and_export(self, traced: Path, run: Callable[..., str]) -> None:
        """FEED-8"""
        trace = ask("a", "b")
        assert run(feedback, trace[:8], "bad", "--note", "no\x1b[31m") == f"Trace {trace[:8]} is rated bad.\n"
        listed = run(feedback)
        assert trace[:8] in listed and "bad" in listed and "\x1b" not in listed
        assert json.loads(run(feedback, "--json"))[0]["rating"] == "bad"
        assert run(export_feedback, "--filter", "bad") == "1 record written to training.jsonl\n"
        assert lines() == [said("a", "b")]

    def test_say_what_is_missing(self, traced: Path) -> None:
        result = CliRunner().invoke(feedback, ["abcdef12"])
        assert result.exit_code == 2 and "good, or bad" in result.output

    def test_take_a_file_of_lines_for_the_database(self, traced: Path, run: Callable[..., str]) -> None:
        """FEED-6, FEED-8"""
        Path("t.jsonl").write_text('{"trace_id": "aaaaaaaa1", "span_id": "1", "name": "x", "start_time": 1}\n')
        run(feedback, "aaaaaaaa1", "bad", "--db", "t.jsonl")
        assert "aaaaaaaa" in run(feedback, "--db", "t.jsonl")
        assert json.loads(run(export_feedback, "--db", "t.jsonl", "--format", "raw", "--json"))["records"] == 1

    def test_need_an_id(self, traced: Path) -> None:
        result = CliRunner().invoke(feedback, [" ", "good"])
        assert result.exit_code == 2 and "which trace" in result.output
