"""The lines of a file with their offsets, forwards and backwards, in blocks: memory does not grow with the file."""

from __future__ import annotations

from typing import BinaryIO, Iterator, List, Tuple

BLOCK = 256 * 1024
#: A line longer than this is no span (a payload holds 256 KiB) and is given as :data:`TOO_LONG`.
MAX_LINE = 64 * 1024 * 1024
TOO_LONG = b"\0too long"

#: Offset of the line's first byte, and the line with its line break, which only the last one may lack.
Line = Tuple[int, bytes]


def forwards(file: BinaryIO, start: int = 0) -> Iterator[Line]:
    """Yield the lines from an offset to the end."""
    file.seek(start)
    offset = start
    while True:
        line = file.readline(MAX_LINE)
        if not line:
            return
        length = len(line)
        if length == MAX_LINE and line[-1:] != b"\n":
            while line and line[-1:] != b"\n":
                line = file.readline(MAX_LINE)
                length += len(line)
            line = TOO_LONG + b"\n"
        yield offset, line
        offset += length


def backwards(file: BinaryIO, end: int, block: int = BLOCK) -> Iterator[Line]:
    """Yield the lines from the one that ends at offset ``end`` to the first, reading a block at a time."""
    rest: List[bytes] = []  # of the line whose beginning is not read yet, last piece first
    kept = 0
    at = end
    while at > 0:
        size = min(block, at)
        at -= size
        file.seek(at)
        data = file.read(size)
        pieces = data.split(b"\n")
        # The first piece goes on to the left; each of the others begins behind a line break of this block.
        offset = at + len(data)
        for piece in reversed(pieces[1:]):
            offset -= len(piece)
            if kept <= MAX_LINE:
                line = piece + b"".join(reversed(rest))
            else:
                line = TOO_LONG + b"\n"
            if line:
                yield offset, line
            rest, kept = [b"\n"], 1
            offset -= 1
        kept += len(pieces[0])
        if kept <= MAX_LINE:
            rest.append(pieces[0])
        else:
            rest = []
    line = b"".join(reversed(rest)) if kept <= MAX_LINE else TOO_LONG + b"\n"
    if line:
        yield 0, line
