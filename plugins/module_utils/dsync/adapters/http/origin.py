# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Servers: which one an address leads to, and how it is shown."""

from __future__ import annotations

from typing import TypeAlias
from urllib.parse import urlsplit

_HTTPS_PORT, _HTTP_PORT = 443, 80

Origin: TypeAlias = "tuple[str, str, int]"
"""Scheme, host and port."""


def origin_of(url: str) -> Origin:
    """Return the server of an address."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (_HTTPS_PORT if parts.scheme == "https" else _HTTP_PORT)


def shown(origin: Origin) -> str:
    """Return the address of a server, without its port where that is the usual one."""
    scheme, host, port = origin
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port == (_HTTPS_PORT if scheme == "https" else _HTTP_PORT) else f"{scheme}://{host}:{port}"
