"""Signals, forks and threads at the worst moment, and who comes first at exit (QUEUE-3, QUEUE-6, IFACE-12, INST-13)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.journey

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


class TestASignalDuringFlush:
    WAITING = """
        on()
        peekr.exporters.add_exporter(Hanging())
        for _ in range(10): work()
        threading.Timer(0.3, say, ("ready",)).start()
        {flush}
        """

    def test_sigterm_still_ends_the_program(self, start: Any) -> None:
        """The flush waits for an exporter that hangs; the others have everything."""
        program = start(self.WAITING.format(flush="peekr.flush(60)"))
        program.says("ready")
        program.process.send_signal(signal.SIGTERM)
        assert program.ends(-signal.SIGTERM) < 8
        assert len(program.names) == 10
        assert "exporter 'Hanging' did not finish in time: 10 spans are lost" in program.err

    def test_sigterm_during_the_end_waits_for_it(self, start: Any) -> None:
        """Sent again and again, it neither cuts the end short nor makes it longer."""
        program = start(
            """
            class Slow(Telling):
                def export_batch(self, spans):
                    say("ready")
                    time.sleep(1)
                    super().export_batch(spans)
            on(exporter=Slow())
            for _ in range(10): work()
            peekr.shutdown()
            while True: time.sleep(0.05)
            """
        )
        program.says("ready")
        for _ in range(3):
            program.process.send_signal(signal.SIGTERM)
        assert program.ends(-signal.SIGTERM) < 8
        assert program.names == ["work"] * 10
        assert program.lines[-1].startswith("closed")

    def test_ctrl_c_comes_through_and_harms_nothing(self, start: Any) -> None:
        flush = """
        try: peekr.flush(60)
        except KeyboardInterrupt: say("interrupted")
        peekr.exporters.clear_exporters()
        for _ in range(10): work()
        on(exporter=Telling())
        work()
        say(peekr.flush(10))
        """
        program = start(self.WAITING.replace("on()", "on(shutdown_timeout=0.5)").format(flush=flush))
        program.says("ready")
        program.process.send_signal(signal.SIGINT)
        program.ends(0)
        assert "interrupted" in program.lines
        assert "True" in program.lines
        assert len(program.names) >= 11
        assert "Traceback" not in program.err


def test_ctrl_c_at_random_moments_breaks_nothing(run: Any) -> None:
    """KeyboardInterrupt inside of peekr's own code: what was counted as ended arrives, and later spans do."""
    said = run(
        """
        on()
        interrupts = 0
        over = threading.Event()  # is_alive() would not do: start() may be interrupted before it is true
        def interrupt():
            for number in range(40):
                time.sleep(0.003 + number % 7 / 1000)
                os.kill(os.getpid(), signal.SIGINT)
            say("over")
            over.set()
        thread = threading.Thread(target=interrupt)
        def loop():
            global interrupts
            while not over.is_set():
                try:
                    work()
                    with peekr.span("block"): pass
                    peekr.flush(5)
                except KeyboardInterrupt: interrupts += 1
        try:
            thread.start()
            while not over.is_set():
                try: loop()
                except KeyboardInterrupt: interrupts += 1
        except KeyboardInterrupt: interrupts += 1
        def until_over():
            while not over.is_set(): over.wait(0.01)
        for _ in range(50):
            try: until_over()
            except KeyboardInterrupt: interrupts += 1
        for _ in range(5): work("last")
        assert peekr.flush(10)
        spans = peekr.stats()["spans"]
        say("counts", interrupts >= 5, spans["ended"] == spans["exported"], spans["dropped"], spans["ended"])
        """
    )
    counts = said.lines[-2].split()
    assert counts[:4] == ["counts", "True", "True", "0"]
    assert len(said.names) == int(counts[4])
    assert len({span[3] for span in said.spans}) == len(said.spans)
    assert said.err == ""


@needs_fork
def test_a_fork_in_a_thread_while_the_queue_is_busy(run: Any) -> None:
    """The child's only thread is the one that forked; it records, flushes and ends."""
    said = run(
        """
        on()
        over = threading.Event()
        def load():
            while not over.is_set():
                work()
                time.sleep(0.0002)
        def forking(number):
            pid = os.fork()
            if not pid:
                signal.alarm(20)
                for _ in range(10):
                    with peekr.span("child"): pass
                os._exit(0 if peekr.shutdown() else 1)
            say("status", os.waitpid(pid, 0)[1])
        threading.Thread(target=load).start()
        threads = [threading.Thread(target=forking, args=(number,)) for number in range(10)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        over.set()
        """
    )
    assert [line for line in said.lines if line.startswith("status")] == ["status 0"] * 10
    children = [span for span in said.spans if span[0] == "child"]
    assert len(children) == 100
    assert len({span[1] for span in children}) == 10


def test_threads_that_emit_while_the_interpreter_goes(run: Any) -> None:
    """Those it waits for lose nothing; daemons are cut off, but what they recorded is either there or counted."""
    said = run(
        """
        on()
        def daemon():
            while True:
                work("daemon")
                time.sleep(0.0005)
        def waited_for():
            time.sleep(0.1)
            for number in range(500):
                with peekr.span("waited"): pass
        for _ in range(3):
            threading.Thread(target=daemon, daemon=True).start()
            threading.Thread(target=waited_for).start()
        """
    )
    assert said.names.count("waited") == 1500
    assert said.names.count("work") >= 3
    assert said.err == ""


class TestTheOrderOfAtexit:
    def test_handlers_of_before_and_after(self, run: Any) -> None:
        """What was registered before peekr was imported runs after it has closed: recorded no more, harmed neither."""
        said = run(
            """
            on()
            atexit.register(lambda: (work(), say("after", peekr.flush(5))))
            """,
            first="""
            import atexit
            def early():
                work()
                say("before", peekr.flush(1), peekr.stats()["spans"]["dropped"])
            atexit.register(early)
            """,
        )
        assert said.names == ["work"]
        assert [line for line in said.lines if not line.startswith(("span", "closed"))] == [
            "after True",
            "before True 0",
        ]
        assert said.err == ""

    def test_logging_and_an_exporter_that_needs_it(self, run: Any) -> None:
        """``logging`` closes its handlers at exit too; what peekr has to say then is still said."""
        said = run(
            """
            import logging
            logging.basicConfig(stream=sys.stdout, format="logged %(message)s")
            class Fails:
                def export_batch(self, spans): raise RuntimeError("no")
            on()
            peekr.exporters.add_exporter(Fails())
            work()
            """
        )
        assert (
            "logged exporter 'Fails' failed: RuntimeError: no. The other exporters and your program go on" in said.lines
        )
        assert said.names == ["work"]

    def test_judges_and_exporters(self, run: Any) -> None:
        """IFACE-12: scores that are still to come come before the exporters are closed, also on SIGTERM."""
        said = run(
            """
            class Judge(peekr.eval.BaseEvaluator):
                def evaluate(self, span):
                    time.sleep(0.2)
                    return 0.5
            class Showing(Telling):
                def export_batch(self, spans):
                    for span in spans: say("span", span.name, span.attributes.get("eval_scores"))
            on(exporter=Showing(), evaluators=[Judge()])
            for _ in range(8):
                with peekr.span("ask", kind="llm"): pass
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
            """,
            -signal.SIGTERM,
        )
        assert said.lines[:-1] == ["span ask {'Judge': 0.5}"] * 8
        assert said.lines[-1].startswith("closed")


FREE = [name for name in ("python3.13t", "python3.14t", "python3.15t") if shutil.which(name)]


@pytest.mark.skipif(not FREE, reason="no free-threaded Python (python3.13t or newer) is installed")
@pytest.mark.parametrize("python", FREE)
def test_a_free_threaded_build_loses_nothing(python: str, tmp_path: Path) -> None:
    """design 7: without the interpreter lock; only pure Python is taken from this environment."""
    program = """
        import sys, threading
        import peekr
        assert not sys._is_gil_enabled()
        peekr.instrument(console=False, storage="jsonl", jsonl_path="traces.jsonl", plugins=[])
        def load():
            for number in range(2000):
                with peekr.span("one"): pass
        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    path = os.pathsep.join(part for part in sys.path if part)
    done = subprocess.run(
        [python, "-X", "gil=0", "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "traces.jsonl").read_text().splitlines()) == 16_000
