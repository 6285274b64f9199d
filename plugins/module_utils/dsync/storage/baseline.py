# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The number of objects in a source at the last successful run, in a small file, for :func:`.guard.shrunken_source`."""

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
    """Return model → number of objects in a source at the last successful run; None if the file does not exist.

    Args:
        path: the file.
        source: the source's name, which must match the name in the file.

    Raises:
        RecordError: the file cannot be read, is not a baseline, or belongs to another source.
    """
    if not os.path.lexists(path):
        return None
    with reading(path) as stream:
        data = stream.read(_LONGEST + 1)
    parsed = _parsed_line(data)
    if parsed is None or parsed.get("format") != FORMAT:
        raise file_error(RecordError, path, "is not a baseline of dsync; remove it to start again")
    if parsed.get("version") != FORMAT_VERSION:
        version = f"its format has version {parsed.get('version')}, and this dsync ({VERSION}) reads version {FORMAT_VERSION}"
        raise file_error(RecordError, path, f"cannot be used as a baseline: {version}")
    counts = parsed.get("counts")
    if not isinstance(counts, dict) or not all(map(_is_count, counts.values())):
        raise file_error(RecordError, path, "cannot be used as a baseline: it is malformed; remove it to start again")
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


def write_baseline(path: AnyPath, source: str, counts: Mapping[str, int], mode: int = PRIVATE) -> None:
    """Write the file, completely or not at all.

    Args:
        path: the file; an existing file is replaced.
        source: the source's name.
        counts: model → number of objects in the source.
        mode: the file's permissions, regardless of the umask.

    Raises:
        RecordError: it cannot be written; an existing file is unchanged.
    """
    document = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "when": now(),
        "by": whoami(),
        "source": source,
        "counts": dict(counts),
    }
    with replacing(path, mode) as stream:
        json.dump(document, stream, indent=1)
        stream.write("\n")
