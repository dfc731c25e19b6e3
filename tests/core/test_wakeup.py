"""peekr.wakeup: a flag that one thread waits for."""

from __future__ import annotations

import threading
from typing import List

from peekr.wakeup import WakeUp


def test_a_wait_ends_with_the_next_set() -> None:
    flag, woken = WakeUp(), []
    thread = threading.Thread(target=lambda: woken.append(flag.wait(20)))
    thread.start()
    flag.set()
    thread.join(20)
    assert woken == [True]


def test_what_was_set_before_is_not_missed_and_counts_once() -> None:
    flag = WakeUp()
    flag.set()
    flag.set()
    assert flag.wait(0)
    assert not flag.wait(0)


def test_cleared_is_as_never_set() -> None:
    flag = WakeUp()
    flag.set()
    flag.clear()
    assert not flag.wait(0.001)


def test_many_threads_set_it_at_once_and_clear_forgets_them_all() -> None:
    flag = WakeUp()
    start = threading.Barrier(8)

    def set_often() -> None:
        start.wait(20)
        for _ in range(200):
            flag.set()

    threads: List[threading.Thread] = [threading.Thread(target=set_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert flag.wait(0)
    flag.clear()
    assert not flag.wait(0)
