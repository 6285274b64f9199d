# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""One file: what reads and changes its text, its encoding, and what was in it."""

from __future__ import annotations

import codecs
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...exceptions import RecordError, RecordProblem
from ...storage.files import reading
from ...storage.paths import absolute, same_file
from ..documents.document import Document
from ..documents.format import Format
from ..documents.yaml_documents import documents_in, in_its_lines


class File(Document):
    """One file.

    Attributes:
        path: where it is.
        format: what reads and changes its text.
        digest: of its bytes as they were read; None if there was no file.
    """

    def __init__(self, path: Path, kind: Format, tree: Any, digest: str | None, single: bool, stem: str) -> None:
        super().__init__(tree, absolute(path), single and not isinstance(tree, list), stem)
        self.path, self.format, self.digest = path, kind, digest

    def alone_in(self, text: str) -> str:
        """Return the text of the document alone, with the numbers of its lines, in that of its file."""
        return text if self.part is None else in_its_lines(documents_in(text), self.part)


def encoding_of(raw: bytes, encoding: str) -> tuple[str, bytes]:
    """Return the encoding of a file and the mark of its byte order, of which a new file has the usual ones.

    Args:
        raw: what is in the file.
        encoding: that was declared, as Python calls it.
    """
    family = encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    marks = {"utf-8": ["utf-8"], "utf-16": ["utf-16-le", "utf-16-be"], "utf-32": ["utf-32-le", "utf-32-be"]}.get(family, [])
    for exact in marks:
        mark = "\ufeff".encode(exact)
        if raw.startswith(mark):
            return exact, mark
    if encoding == "utf-8-sig":
        return "utf-8", b"" if raw else codecs.BOM_UTF8
    return encoding, b""


@contextlib.contextmanager
def as_problem() -> Iterator[None]:
    """Turn what cannot be read or written into a RecordProblem."""
    try:
        yield
    except RecordError as error:
        raise same_file(RecordProblem(str(error)), error) from None


def bytes_of(path: Path) -> bytes | None:
    """Return what is in a file, or None if it does not exist. Raises RecordProblem."""
    if not os.path.lexists(path):
        return None
    with as_problem(), reading(path) as stream:
        return stream.read()
