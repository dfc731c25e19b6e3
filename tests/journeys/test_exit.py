"""The end of a program: whatever ends it, everything that was recorded is written (QUEUE-3, INST-16, IFACE-12)."""

from __future__ import annotations

import signal
from typing import Any

import pytest

pytestmark = pytest.mark.journey

MANY = "on()\nfor number in range(5000): work(number)\n"


class TestEveryWayToEnd:
    """design 7: nothing is lost silently."""

    def test_the_last_line(self, run: Any) -> None:
        said = run(MANY)
        assert (len(said.names), said.lines[-1].split()[0], said.err) == (5000, "closed", "")

    def test_the_shortest_program_there_is(self, run: Any) -> None:
        """The interpreter goes before the worker has even begun."""
        for _ in range(5):
            said = run("on()\nwork()\n")
            assert (said.names, said.err) == (["work"], "")

    @pytest.mark.parametrize(
        ("last", "status"),
        [
            ("sys.exit(3)", 3),
            ("raise SystemExit('sorry')", 1),
            ("raise ValueError('boom')", 1),
            ("raise KeyboardInterrupt", -2),
            ("import nothing_like_this", 1),
        ],
    )
    def test_exit_and_unhandled_exceptions(self, run: Any, last: str, status: int) -> None:
        said = run(MANY + last, status if status >= 0 else -signal.SIGINT)
        assert len(said.names) == 5000
        assert said.lines[-1].startswith("closed")

    def test_a_span_open_at_the_end_is_not_recorded(self, run: Any) -> None:
        """MSPAN-2: it has not ended."""
        said = run("on()\nwork()\npeekr.start_span('open')\n")
        assert said.names == ["work"]

    def test_atexit_of_the_program_itself(self, run: Any) -> None:
        """Registered after peekr, it runs before peekr's."""
        said = run("on()\natexit.register(work)\n")
        assert said.names == ["work"]
        assert "Traceback" not in said.err

    def test_spans_after_the_end_harm_nobody(self, run: Any) -> None:
        """INST-13"""
        said = run("on()\nwork()\npeekr.shutdown()\nwork()\nsay('went on')\n")
        assert said.names == ["work"]
        assert said.lines[-1] == "went on"

    def test_tracing_switched_off_at_exit(self, run: Any) -> None:
        said = run("on()\nwork()\natexit.register(peekr.uninstrument)\n")
        assert (said.names, said.err) == (["work"], "")


class TestThreads:
    """QUEUE-3"""

    def test_that_the_interpreter_waits_for_are_waited_for(self, run: Any) -> None:
        said = run(
            """
            on()
            def later():
                time.sleep(0.2)
                for _ in range(100): work()
            for _ in range(3): threading.Thread(target=later).start()
            """
        )
        assert len(said.names) == 300
        assert said.err == ""

    def test_daemons_harm_nobody(self, run: Any) -> None:
        said = run(
            """
            on()
            def forever():
                while True: work()
            threading.Thread(target=forever, daemon=True).start()
            while peekr.stats()["spans"]["ended"] < 100: time.sleep(0.01)
            """
        )
        assert len(said.names) >= 100
        assert "Traceback" not in said.err

    def test_of_pools_are_waited_for(self, run: Any) -> None:
        said = run(
            """
            from concurrent.futures import ThreadPoolExecutor
            on()
            pool = ThreadPoolExecutor(4)
            with peekr.span("outer"):
                for number in range(200): pool.submit(work, number)
            """
        )
        assert sorted(set(said.names)) == ["outer", "work"]
        assert len(said.names) == 201
        assert len({span[2] for span in said.spans}) == 1

    def test_of_the_loops_own_pool_too(self, run: Any) -> None:
        said = run(
            """
            import asyncio
            on()
            async def main():
                await asyncio.gather(*[asyncio.to_thread(work, number) for number in range(50)])
            asyncio.run(main())
            """
        )
        assert len(said.names) == 50


class TestSigterm:
    """design 7"""

    WAIT = MANY + "say('ready')\nwhile True: time.sleep(0.05)\n"

    def stop(self, start: Any, source: str, status: int) -> Any:
        program = start(source)
        program.says("ready")
        program.process.send_signal(signal.SIGTERM)
        program.seconds = program.ends(status)
        return program

    def test_writes_everything_and_the_program_still_dies_of_it(self, start: Any) -> None:
        said = self.stop(start, self.WAIT, -signal.SIGTERM)
        assert len(said.names) == 5000
        assert said.lines[-1].startswith("closed")

    def test_under_load(self, start: Any) -> None:
        said = self.stop(start, "on()\nsay('ready')\nwhile True: work()\n", -signal.SIGTERM)
        assert said.lines[-1].startswith("closed")

    def test_while_the_main_thread_waits_for_a_lock(self, start: Any) -> None:
        # Not for ever: CPython overlooks a signal that comes between its last look and the wait, until that ends.
        said = self.stop(start, MANY + "say('ready')\nthreading.Event().wait(20)\n", -signal.SIGTERM)
        assert len(said.names) == 5000

    @pytest.mark.parametrize("order", ["before", "after"])
    def test_the_programs_own_handler_stays(self, start: Any, order: str) -> None:
        """INST-13"""
        handler = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        source = handler + self.WAIT if order == "before" else self.WAIT.replace("on()\n", "on()\n" + handler)
        assert len(self.stop(start, source, 7).names) == 5000

    def test_that_the_program_ignores_is_ignored(self, start: Any) -> None:
        source = """
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            on()
            work()
            say("ready")
            time.sleep(0.5)
            say("survived")
            """
        assert "survived" in self.stop(start, source, 0).lines

    def test_with_a_hanging_exporter_it_still_ends(self, start: Any) -> None:
        source = """
            on()
            peekr.exporters.add_exporter(Hanging())
            for _ in range(10): work()
            say("ready")
            while True: time.sleep(0.05)
            """
        said = self.stop(start, source, -signal.SIGTERM)
        assert len(said.names) == 10
        assert said.seconds < 8
        assert "exporter 'Hanging' did not finish in time: 10 spans are lost" in said.err


class TestAHangingExporter:
    """IFACE-12: exporters share one deadline of 3 s; what is given up is counted and said."""

    def test_holds_up_the_exit_no_longer_than_the_deadline(self, run: Any) -> None:
        said = run(
            """
            on()
            peekr.exporters.add_exporter(Hanging())
            for _ in range(100): work()
            """
        )
        assert len(said.names) == 100
        assert 2.5 < said.seconds < 8
        assert "exporter 'Hanging' did not finish in time: 100 spans are lost" in said.err

    def test_its_loss_is_counted_exactly(self, run: Any) -> None:
        said = run(
            """
            on(exporter=Hanging(), shutdown_timeout=0.5)
            for _ in range(1000): work()
            peekr.shutdown()
            spans = peekr.stats()["spans"]
            say(spans["started"], spans["ended"], spans["exported"], spans["dropped"])
            """
        )
        assert said.lines == ["1000 1000 0 1000"]
        assert said.seconds < 8

    def test_with_more_patience(self, run: Any) -> None:
        """``shutdown_timeout=``"""
        said = run(
            """
            class Slow(Telling):
                def export_batch(self, spans):
                    time.sleep(1)
                    super().export_batch(spans)
            on(exporter=Slow(), shutdown_timeout=20)
            work()
            """
        )
        assert said.names == ["work"]


def test_kill_9_loses_at_most_the_last_fifth_of_a_second(start: Any) -> None:
    """design 7"""
    program = start(
        """
        on()
        for number in range(100): work(number)
        time.sleep(0.4)
        say("later")
        time.sleep(60)
        """
    )
    program.says("later")
    program.process.kill()
    program.ends(-signal.SIGKILL)
    assert len(program.names) == 100


def test_the_console_line_is_printed_at_exit_too(run: Any) -> None:
    """INST-4, INST-5"""
    said = run("peekr.instrument(storage=None, plugins=[])\nwork()\n")
    assert len(said.lines) == 1
    assert said.lines[0].startswith("work  ")


def test_a_closed_pipe_at_exit_is_no_traceback_of_ours(run: Any) -> None:
    """INST-13: ``program | head -1``"""
    said = run(
        """
        peekr.instrument(storage=None, plugins=[])
        read, write = os.pipe()
        os.close(read)
        os.dup2(write, 1)
        for _ in range(3000): work()
        peekr.shutdown()
        os._exit(0)
        """
    )
    assert "exporter 'console' failed: BrokenPipeError" in said.err
    assert "Traceback" not in said.err
