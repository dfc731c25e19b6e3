"""Timing arms in turn, so that what else the machine does hits all of them alike; tables of ratios."""

from __future__ import annotations

import gc
from statistics import median
from time import perf_counter, perf_counter_ns


def in_turn(arms, per_block, seconds=3.0, rounds=2000):
    """Time blocks of operations of each arm in turn.

    :param arms: name → (block, drain); the drain is not timed. The first is the bare operation.
    :return: name → least and median nanoseconds per operation.
    """
    times = {name: [] for name in arms}
    end = perf_counter() + seconds
    names = list(arms)
    for number in range(-3, rounds):
        for turn in range(len(names)):
            name = names[(number + turn) % len(names)]
            block, drain = arms[name]
            start = perf_counter_ns()
            block()
            took = perf_counter_ns() - start
            drain()
            if number >= 0:
                times[name].append(took / per_block)
        if number == -1:
            gc.collect()
            gc.freeze()
        if number > 12 and perf_counter() > end:
            break
    return {name: (min(series), median(series)) for name, series in times.items()}


def row(label, result, bare="bare", floor="floor", ours="peekr"):
    """Print what floor and peekr add to the bare operation, least and median, and their ratio."""
    cells = [f"{label:8}"]
    for which, name in enumerate(("least", "median")):
        base = result[bare][which]
        low, mine = result[floor][which] - base, result[ours][which] - base
        cells.append(f"{name}: bare {base / 1000:9.2f} µs, floor +{low / 1000:8.2f}, peekr +{mine / 1000:8.2f}")
        cells.append(f"x{mine / low:5.2f} of the floor, {mine / base:+7.1%} of the call")
    print("  ".join(cells), flush=True)
