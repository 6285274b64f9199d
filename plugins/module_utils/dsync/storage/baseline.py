# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What a source had at the last good run: a small file, by which :func:`.guard.shrunken_source` knows that it has lost objects."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ..exceptions import RecordError
from .files import PRIVATE, AnyPath, reading, replacing
from .paths import file_error
from .provenance import VERSION, now, whoami

FORMAT, FORMAT_VERSION = "dsync-baseline", 1

_LONGEST = 1024 * 1024


def read_baseline(path: AnyPath, source: str) -> dict[str, int] | None:
    """Return model → how many objects of it a source had at the last successful run; None if the file is not there.

    Args:
        path: the file.
        source: the source's name, which must be the one that the file was written for.

    Raises:
        RecordError: the file cannot be read, is no baseline, or is another source's.
    """
    if not os.path.lexists(path):
        return None
    with reading(path) as stream:
        data = stream.read(_LONGEST + 1)
    parsed = _parsed_line(data)
    if parsed is None or parsed.get("format") != FORMAT:
        raise file_error(RecordError, path, "is no baseline of dsync; remove it to begin anew")
    if parsed.get("version") != FORMAT_VERSION:
        version = f"its format is of version {parsed.get('version')}, and this dsync ({VERSION}) reads version {FORMAT_VERSION}"
        raise file_error(RecordError, path, f"cannot be used as a baseline: {version}")
    counts = parsed.get("counts")
    if not isinstance(counts, dict) or not all(map(_is_count, counts.values())):
        raise file_error(RecordError, path, "cannot be used as a baseline: it is malformed; remove it to begin anew")
    if parsed.get("source") != source:
        raise file_error(RecordError, path, f"is the baseline of the source {parsed.get('source')!r}, not of {source!r}")
    return counts


def _parsed_line(data: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(data.decode("utf-8")) if len(data) <= _LONGEST else None
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def write_baseline(path: AnyPath, source: str, counts: Mapping[str, int]) -> None:
    """Write the file, whole or not at all.

    Args:
        path: the file; it is replaced if it is there.
        source: the source's name.
        counts: model → how many objects of it the source has.

    Raises:
        RecordError: it cannot be written; a file that was there before is unchanged.
    """
    document = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "when": now(),
        "by": whoami(),
        "source": source,
        "counts": dict(counts),
    }
    with replacing(path, PRIVATE) as stream:
        json.dump(document, stream, indent=1)
        stream.write("\n")
