"""Forks and children: each process has its own worker, queue and ids (design 7, QUEUE-6)."""

from __future__ import annotations

import os
from typing import Any

import pytest

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
]


class TestFork:
    def test_the_child_records_its_own_and_none_of_the_parents(self, run: Any) -> None:
        said = run(
            """
            on()
            for _ in range(50): work()
            pid = os.fork()
            for _ in range(20): work()
            if not pid:
                assert peekr.flush(10)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            say("parent", os.getpid())
            """
        )
        (parent,) = [line.split()[1] for line in said.lines if line.startswith("parent")]
        by_process = [span[1] for span in said.spans]
        assert by_process.count(parent) == 70
        assert len(by_process) == 90
        assert len({span[3] for span in said.spans}) == len({span[2] for span in said.spans}) == 90

    def test_a_span_open_at_the_fork_is_the_parent_of_the_childs(self, run: Any) -> None:
        """CTX-3: the same trace, in two processes."""
        said = run(
            """
            on()
            with peekr.span("outer"):
                pid = os.fork()
                work()
                if not pid:
                    peekr.flush(10)
                    os._exit(0)
                os.waitpid(pid, 0)
            """
        )
        assert sorted(said.names) == ["outer", "work", "work"]
        assert len({span[2] for span in said.spans}) == 1
        assert len({span[3] for span in said.spans}) == 3

    @pytest.mark.parametrize("end", ["pass", "sys.exit(0)", "raise RuntimeError"])
    def test_a_span_open_at_the_fork_is_written_by_the_parent_only(self, run: Any, end: str) -> None:
        """EXP-1: every span once, though the child leaves the parent's blocks too, by whatever way."""
        said = run(
            f"""
            on()
            @peekr.trace(name="outer")
            def outer():
                with peekr.trace.run("agent") as agent:
                    with peekr.span("inner"):
                        pid = os.fork()
                        if not pid:
                            work()
                            agent.tool("look", latency_ms=60_000)
                            sys.stderr = open(os.devnull, "w")
                            {end}
                        else:
                            os.waitpid(pid, 0)
            outer()
            """
        )
        parents = {span[0] for span in said.spans if span[1] == str(said.process.pid)}
        assert parents == {"outer", "agent", "inner"}
        childs = {span[0] for span in said.spans if span[1] != str(said.process.pid)}
        assert {name for name in childs if not name.startswith("error.")} == {"tool.look", "work"}  # begun there
        assert len({span[3] for span in said.spans}) == len(said.spans) == 3 + len(childs)

    def test_under_load_of_other_threads(self, run: Any) -> None:
        """No lock of the parent's is left locked in the child."""
        said = run(
            """
            on()
            over = threading.Event()
            def load():
                while not over.is_set(): work()
            threads = [threading.Thread(target=load) for _ in range(2)]
            for thread in threads: thread.start()
            for _ in range(10):
                pid = os.fork()
                if not pid:
                    signal.alarm(20)
                    for _ in range(10):
                        with peekr.span("child"): pass
                    os._exit(0 if peekr.flush(10) else 1)
                assert os.waitpid(pid, 0)[1] == 0
            over.set()
            for thread in threads: thread.join()
            """
        )
        assert said.names.count("child") == 100

    def test_counts_begin_at_zero(self, run: Any) -> None:
        """IFACE-6: those of the process."""
        said = run(
            """
            on(sample_rate=0.5)
            for _ in range(50): work()
            peekr.flush()
            pid = os.fork()
            if not pid:
                say("child", *peekr.stats()["spans"].values())
                os._exit(0)
            os.waitpid(pid, 0)
            """
        )
        assert "child 0 0 0 0 0" in said.lines

    def test_an_exporter_is_told(self, run: Any) -> None:
        """interfaces: ``after_fork_in_child``, also when it fails."""
        said = run(
            """
            class Connected(Telling):
                def after_fork_in_child(self):
                    say("reconnecting")
                    raise OSError("no server")
            on(exporter=Connected())
            work()
            pid = os.fork()
            if not pid:
                work()
                os._exit(0 if peekr.flush(10) else 1)
            assert os.waitpid(pid, 0)[1] == 0
            """
        )
        assert said.lines.count("reconnecting") == 1
        assert len(said.names) == 2

    def test_a_child_that_execs_takes_nothing_along(self, run: Any) -> None:
        said = run(
            """
            import subprocess
            on()
            work()
            subprocess.run([sys.executable, "-c", "print('child')"], check=True)
            """
        )
        assert said.names == ["work"]

    def test_a_pre_fork_server(self, run: Any) -> None:
        """The master is instrumented; workers serve and end by SIGTERM."""
        said = run(
            """
            on()
            def serve():
                for _ in range(100): work()
                say("ready")
                while True: time.sleep(0.05)
            children = []
            for _ in range(3):
                pid = os.fork()
                if not pid: serve()
                children.append(pid)
            time.sleep(1)
            for pid in children: os.kill(pid, signal.SIGTERM)
            for pid in children: say("ended", os.waitpid(pid, 0)[1])
            """
        )
        assert len(said.names) == 300
        assert said.lines.count("ended 15") == 3


MULTI = """
import multiprocessing

def child(number):
    on_in_child()
    for _ in range(100): work(number)
    return number

def on_in_child():
    {child}

if __name__ == "__main__":
    {parent}
    context = multiprocessing.get_context("{method}")
    processes = [context.Process(target=child, args=(number,)) for number in range(3)]
    for process in processes: process.start()
    for process in processes: process.join(20)
    say("codes", *[process.exitcode for process in processes])
"""


class TestMultiprocessing:
    """design 7: multiprocessing works without configuration; its children skip ``atexit``."""

    @pytest.mark.parametrize(
        ("method", "where"),
        [("fork", "parent"), ("fork", "both"), *[(method, "child") for method in ("fork", "spawn", "forkserver")]],
    )
    def test_children_lose_nothing(self, run: Any, method: str, where: str) -> None:
        """Instrumented in the parent, a forked child is too; a spawned one knows nothing of its parent's."""
        parts = {part: "on()" if where in (part, "both") else "pass" for part in ("child", "parent")}
        said = run(MULTI.format(method=method, **parts))
        assert "codes 0 0 0" in said.lines
        assert len(said.names) == 300
        assert len({span[1] for span in said.spans}) == 3
        assert len({span[3] for span in said.spans}) == 300

    def test_children_that_import_the_main_module_lose_nothing(self, run: Any) -> None:
        """Issue 4: a forkserver's child, instrumented as it imports the program, before it knows itself to be one."""
        said = run(
            """
            import multiprocessing
            on()
            if __name__ == "__main__":
                context = multiprocessing.get_context("forkserver")
                processes = [context.Process(target=work, args=(number,)) for number in range(3)]
                for process in processes: process.start()
                for process in processes: process.join(20)
            """
        )
        assert len(said.names) == 3

    def test_a_pool_of_processes(self, run: Any) -> None:
        said = run(
            """
            import multiprocessing
            on()
            if __name__ == "__main__":
                with multiprocessing.get_context("fork").Pool(2) as pool:
                    print(sum(pool.map(work, range(50))), flush=True)
                    pool.close()
                    pool.join()
            """
        )
        assert "1225" in said.lines
        assert len(said.names) == 50

    def test_a_process_pool_executor(self, run: Any) -> None:
        said = run(
            """
            import multiprocessing
            from concurrent.futures import ProcessPoolExecutor
            on()
            if __name__ == "__main__":
                with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
                    print(sum(pool.map(work, range(50))), flush=True)
            """
        )
        assert "1225" in said.lines
        assert len(said.names) == 50

    def test_a_child_that_is_terminated_writes_what_it_has(self, run: Any) -> None:
        """SIGTERM, by ``Process.terminate``."""
        said = run(
            """
            import multiprocessing
            def child(ready):
                for _ in range(100): work()
                ready.set()
                while True: time.sleep(0.05)  # CPython overlooks a signal that comes as a sleep begins, until it ends
            if __name__ == "__main__":
                on()
                context = multiprocessing.get_context("fork")
                ready = context.Event()
                process = context.Process(target=child, args=(ready,))
                process.start()
                assert ready.wait(20)
                process.terminate()
                process.join(20)
                say("code", process.exitcode)
            """
        )
        assert len(said.names) == 100
        assert "code -15" in said.lines

    def test_a_child_that_fails_writes_what_it_has(self, run: Any) -> None:
        said = run(
            """
            import multiprocessing
            def child():
                work()
                raise ValueError("boom")
            if __name__ == "__main__":
                on()
                process = multiprocessing.get_context("fork").Process(target=child)
                process.start()
                process.join(20)
            """
        )
        assert said.names == ["work"]
        assert "ValueError: boom" in said.err
