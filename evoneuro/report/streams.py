"""Streams that may be closed, broken or of an old encoding, and must stop nobody."""

from __future__ import annotations

from typing import TextIO

_ASCII = str.maketrans({"±": "+-", "·": "-", "…": "...", "█": "#", "━": "-", "─": "-", "╸": "-", "╺": "-"})


# Streams


class BestEffort:
    """A stream that falls silent when it can no longer be written to."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._broken = False

    @property
    def encoding(self) -> str:
        """Of the stream, or UTF-8."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return is_terminal(self._stream)

    def fileno(self) -> int:
        """The stream's own."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write what can be written; never an error."""
        if not self._broken:
            try:
                self._stream.write(encodable(text, self._stream))
            except (OSError, ValueError):
                self._broken = True
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed; never an error."""
        if not self._broken:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._broken = True


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream."""
    try:
        return stream.isatty()
    except (AttributeError, OSError, ValueError):
        return False


def encodable(text: str, stream: TextIO) -> str:
    """The text, with plain characters where the stream's encoding has no others."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    except LookupError:
        return text.translate(_ASCII)
    return text
