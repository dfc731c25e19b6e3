"""The hand-written floor that the benchmarks divide by: what any tracer has to do, and nothing else.

An id, two clock readings, one ContextVar set and reset, one slotted object, one append; with content, two
``json.dumps`` cut at 500 characters. No library, no thread, no bounds.
"""

from __future__ import annotations

import functools
import inspect
import json
import random
from collections import deque
from contextvars import ContextVar
from time import perf_counter_ns, time_ns

bits = random.Random().getrandbits
current = ContextVar("floor", default=None)
done: deque = deque()


class Span:
    __slots__ = ("attributes", "end", "error", "name", "parent_id", "span_id", "start", "trace_id")

    def __init__(self, name, parent):
        self.name = name
        self.span_id = bits(64)
        self.trace_id = bits(128) if parent is None else parent.trace_id
        self.parent_id = None if parent is None else parent.span_id
        self.attributes = self.error = None
        self.start = time_ns()


def cut(value):
    return json.dumps(value, default=str)[:500]


def finish(span, token):
    span.end = perf_counter_ns()
    current.reset(token)
    done.append(span)


def trace(function, io=False):
    name = function.__qualname__
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args, **kwargs):
            span = Span(name, current.get())
            token = current.set(span)
            try:
                return await function(*args, **kwargs)
            except BaseException as error:
                span.error = error
                raise
            finally:
                finish(span, token)

        return wrapper

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        span = Span(name, current.get())
        token = current.set(span)
        try:
            if not io:
                return function(*args, **kwargs)
            span.attributes = {"input": cut({"args": args, "kwargs": kwargs})}
            result = function(*args, **kwargs)
            span.attributes["output"] = cut(result)
            return result
        except BaseException as error:
            span.error = error
            raise
        finally:
            finish(span, token)

    return wrapper


def record(span):
    """One span as the floor writes it."""
    return {
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id:016x}",
        "parent_id": span.parent_id and f"{span.parent_id:016x}",
        "name": span.name,
        "start": span.start,
        "end": span.end,
        "error": span.error and str(span.error),
        "attributes": span.attributes,
    }
