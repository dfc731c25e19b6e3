"""What judging costs: the caller beside a slow judge, evaluators without one, reading a judge's answer, a whole file.

python tests/bench/bench_eval.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from statistics import median
from time import perf_counter, sleep

import peekr
from peekr.eval import CitationAccuracy, Hallucination, NoError, NotEmpty, Rubric
from peekr.judging import judge, name_evaluators
from peekr.plugins import driver
from peekr.spans import Span
from peekr_eval.claims import claims_in


def slow(_prompt):
    sleep(2)
    return "0.5"


def call_ms(evaluators, calls=30):
    """Median milliseconds of a traced call in the caller's thread; what is pending at the end is given up."""
    peekr.instrument(console=False, exporter=peekr.testing.MemoryExporter(), evaluators=evaluators)
    times = []
    for number in range(calls):
        start = perf_counter()
        with peekr.trace.run("agent"):
            peekr.trace.llm(model="m", prompt=f"question {number}", response="answer")
        times.append((perf_counter() - start) * 1000)
        sleep(0.005)
    return median(times)


def span_of(
    number, output="Paris is the capital. See https://example.com/a and Smith et al. 2020.", context="question " * 200
):
    attributes = {
        "kind": "llm",
        "model": "m",
        "input": json.dumps([{"role": "user", "content": context}]),
        "output": output,
    }
    ids = {"trace_id": f"{number:032x}", "span_id": f"{number:016x}", "name": "openai.chat.completions"}
    return Span.from_dict({**ids, "start_time": 1.75e9, "end_time": 1.75e9 + 1, "attributes": attributes})


def each_us(evaluator, spans=2000):
    """Microseconds of one evaluation."""
    named = name_evaluators([evaluator])
    made = [span_of(number, output=f"Answer {number}, see https://example.com/a.") for number in range(spans)]
    start = perf_counter()
    for span in made:
        judge(span, named)
    return (perf_counter() - start) / spans * 1e6


def reading_us(repeat=300):
    """Microseconds for 20 claims: plain, in a fence with prose, with a trailing comma, broken."""
    claims = [{"text": f"claim number {n} of the answer", "verdict": "supported"} for n in range(20)]
    plain = json.dumps({"claims": claims})
    for label, text in (
        ("plain", plain), ("fenced", f"Here it is:\n```json\n{plain}\n```"), ("trailing comma", plain[:-2] + ",]}"),
        ("broken", plain[:-30]),
    ):  # fmt: skip
        start = perf_counter()
        for _ in range(repeat):
            try:
                claims_in(text)
            except peekr.PeekrError:
                pass
        print(f"  {label:16} {(perf_counter() - start) / repeat * 1e6:8.1f} µs")


def command_s(path, spans=20_000):
    """Seconds of ``peekr eval`` over a file, with evaluators that need no judge."""
    name = "sqlite" if path.endswith(".db") else "jsonl"
    exporter = driver("peekr.exporters", name)(path=path)
    for first in range(0, spans, 1000):
        exporter.export_batch([span_of(number) for number in range(first + 1, first + 1001)])
    exporter.shutdown()
    start = perf_counter()
    command = [sys.executable, "-m", "peekr", "eval", path, "-e", "NotEmpty", "-e", "CitationAccuracy"]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    return perf_counter() - start


def main():
    bare = call_ms([])
    judged = call_ms([Rubric("x", judge=slow), Hallucination(judge=slow)])
    print(f"a call beside a judge that sleeps 2 s: {judged:.3f} ms, without evaluators {bare:.3f} ms")
    peekr.shutdown(0.1)
    for evaluator in (
        NotEmpty(),
        NoError(),
        CitationAccuracy(),
        Rubric("x", judge=lambda prompt: "0.5"),
        Hallucination(judge=lambda prompt: "0.5"),
    ):
        print(f"one {type(evaluator).__name__:18} {each_us(evaluator):8.1f} µs")
    print("reading 20 claims:")
    reading_us()
    with tempfile.TemporaryDirectory() as directory:
        for name in ("traces.jsonl", "traces.db"):
            print(f"peekr eval {name}, 20,000 spans: {command_s(os.path.join(directory, name)):.1f} s")
    os._exit(0)  # judges that sleep are not waited for


if __name__ == "__main__":
    main()
