"""Coverage-guided: python tests/fuzz/fuzz_atheris.py [-runs=1000000] [corpus folder]; needs pip install atheris.

Bytes become a file of spans that is read, and a text that is captured and redacted with a secret in its midst. Ends at
the first crash, hang (-timeout=10), or secret that comes out, and leaves the input in a file ``crash-…``.
"""

from __future__ import annotations

import logging
import sys
import tempfile

import atheris

with atheris.instrument_imports(include=["peekr", "peekr_jsonl"]):
    import peekr.wire as wire
    from peekr.capture import document, snapshot
    from peekr.redaction import Redactor
    from peekr.spans import Span
    from peekr_jsonl import JSONLStore

SECRET = "Zq9hunter2Canary7"
HEAD = b'{"trace_id":"' + b"a" * 32 + b'","span_id":"' + b"b" * 16 + b'","name":"n","attributes":'


def read(data, file):
    """Read bytes as a file of spans, once as they are and once as the end of a span's record."""
    for content in (data, HEAD + data + b"\n"):
        file.seek(0)  # it stays open: to close a file that was emptied is to wait for the disk
        file.truncate()
        file.write(content)
        file.flush()
        with JSONLStore(file.name) as store:
            assert sum(1 for _ in store.iter_spans()) == sum(1 for _ in store.spans(newest_first=True))
            store.list_runs(limit=3)


def redact(data, redactor):
    """Put a secret under a key of a span of which all else is the input; it must not come out."""
    about = atheris.FuzzedDataProvider(data)
    texts = [about.ConsumeUnicode(about.ConsumeIntInRange(0, 200)) for _ in range(4)]
    span = Span("work", kind="llm")
    span.attributes["note"], span._payload = texts[0], document({texts[1]: {"password": SECRET}, "b": texts[2]})[0]
    span._input = snapshot({"args": [texts[3]], "kwargs": {"api_key": SECRET}})
    redactor.process(span)
    line = wire.encode(wire.record(span))
    assert SECRET.encode() not in line, line
    Span.from_dict(wire.decode(line))


def main():
    """Hand the input over to both; never returns."""
    logging.disable(logging.CRITICAL)
    redactor = Redactor(canary=False)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:

        def one(data):
            read(data, file)
            redact(data, redactor)

        atheris.Setup(sys.argv, one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
