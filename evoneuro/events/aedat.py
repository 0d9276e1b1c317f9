"""The text header that all AEDAT files begin with: lines that start with '#', the first of which says the version.

https://docs.inivation.com/software/software-advanced-usage/file-formats/index.html
"""

from __future__ import annotations

import os
import re

from evoneuro.errors import FormatError
from evoneuro.events.files import PathLike, damaged

# A byte '#' can begin an event, too: a line of the header is text
_LINE = re.compile(rb"#[^\x00-\x08\x0a-\x1f]*\r?\n")
_END = b"#!END-HEADER"


def header_end(raw: bytes, path: PathLike, version: bytes) -> int:
    """Where the header of an AEDAT file ends and its data begin; `version` such as b"2.0".

    Raises:
        FormatError: no AEDAT file, another version, or a header that does not end.
    """
    expected = f"a file that begins with '#!AER-DAT{version.decode()}'"
    if not raw.startswith(b"#!AER-DAT"):
        raise FormatError(f"{os.fspath(path)}: no AEDAT file: expected {expected}, got {raw[:12]!r}")
    if not raw.startswith(b"#!AER-DAT" + version):
        raise FormatError(f"{os.fspath(path)}: another version of AEDAT: expected {expected}, got {raw[:12]!r}")
    end, marked = 0, False
    while not marked and (line := _LINE.match(raw, end)):
        end = line.end()
        marked = line[0].startswith(_END)
    if version >= b"3.1" and not marked:
        raise damaged(path, f"the header has no line '{_END.decode()}'")
    if not end:
        raise damaged(path, "the first line of the header does not end")
    return end
