# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Files that are only read: compressed ones, and those at an address: ``https://`` (read by httpx), ``git+https://`` (by git),
and others such as ``s3://`` (by fsspec)."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import tempfile
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from ..._util.redaction import Redactor, secret_strings
from ..._util.suggestions import known
from ...exceptions import LibraryMissing, RecordProblem

_ADDRESS = re.compile(r"(?:git\+)?[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_GIT = "git+"
_COMPRESSED = ".gz"
_WEB = ("http://", "https://")
_WEB_OPTIONS = ("ca_file", "headers", "password", "trust_env", "username")
_OK, _NOT_THERE = 200, (404, 410)
_PAUSE = 30.0
"""Seconds for which a server may send nothing."""

PATIENCE = 120.0
"""Seconds in which a file has to arrive."""


def is_address(path: str) -> bool:
    """Return whether a path is a URL, whose file is fetched."""
    return _ADDRESS.match(path) is not None


def shown(address: str) -> str:
    """Return an address without the user, password and parameters in it."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def is_compressed(path: str) -> bool:
    """Return whether a path names a compressed file."""
    return _name(path).lower().endswith(_COMPRESSED)


def inner_name(path: str) -> str:
    """Return the name of what is in a file, whose extension determines the format: ``sot.yml`` of ``https://host/sot.yml.gz?raw=1``."""
    name = _name(path)
    return name[: -len(_COMPRESSED)] if is_compressed(path) else name


def _name(path: str) -> str:
    return urlsplit(path).path if is_address(path) else path


def unpacked(raw: bytes, path: str) -> bytes:
    """Return what is in a file, given its bytes. Raises RecordProblem if it should be compressed and is not."""
    if not is_compressed(path):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        name = shown(path) if is_address(path) else path
        raise RecordProblem(f"{name} cannot be decompressed: {error}") from None


def fetched(address: str, storage: Mapping[str, Any]) -> bytes:
    """Return the bytes at an address.

    Args:
        address: see :func:`is_address`; of git ``git+https://host/repository.git//path/in/it.yml?ref=main``.
        storage: of ``http://`` and ``https://`` ``username``, ``password``, ``headers``, ``ca_file`` and ``trust_env`` (whether
            proxies are taken from the environment, false if not given); of others what fsspec's file system takes, such as ``key``
            and ``secret`` of S3.

    Raises:
        RecordProblem: there is no such file, or it cannot be read; the sentence holds none of ``storage``.
        LibraryMissing: what reads it is not installed.
    """
    redactor = Redactor(secret_strings([storage, urlsplit(address).password]))
    if address.lower().startswith(_GIT):
        return _from_git(address, redactor)
    read = _from_web if address.lower().startswith(_WEB) else _from_file_system
    try:
        return read(address, storage)
    except (LibraryMissing, RecordProblem):
        raise
    except FileNotFoundError:
        raise RecordProblem(f"{shown(address)} does not exist; check the address") from None
    except Exception as error:  # each file system raises what its own library does
        said = " ".join(redactor.redact(str(error).replace(address, shown(address))).split()) or type(error).__name__
        raise RecordProblem(f"{shown(address)} cannot be read: {said}") from None


def _from_web(address: str, storage: Mapping[str, Any]) -> bytes:
    try:
        import httpx
    except ImportError:
        raise LibraryMissing(f"{shown(address)} can only be read with the library httpx, which is not installed", "httpx") from None
    unknown = next((name for name in storage if name not in _WEB_OPTIONS), None)
    if unknown is not None:
        raise RecordProblem(f"storage_options: there is no {unknown!r} for {shown(address)}{known(unknown, _WEB_OPTIONS)}")
    import ssl  # only here, since few files are at an address

    user = storage.get("username")
    found, ends = bytearray(), time.monotonic() + PATIENCE
    with (
        httpx.Client(
            auth=None if user is None else (str(user), str(storage.get("password", ""))),
            headers=storage.get("headers"),
            verify=ssl.create_default_context(cafile=storage.get("ca_file")),
            trust_env=bool(storage.get("trust_env", False)),
            follow_redirects=not storage.get("headers"),  # no other server is sent them, and httpx takes away a password alone
            timeout=_PAUSE,
        ) as client,
        client.stream("GET", address) as answer,
    ):
        if answer.status_code in _NOT_THERE:
            raise FileNotFoundError
        if answer.status_code != _OK:
            raise RecordProblem(f"{shown(address)} cannot be read: the server answers {answer.status_code} {answer.reason_phrase}")
        for piece in answer.iter_bytes():
            found += piece
            if time.monotonic() > ends:
                raise RecordProblem(f"{shown(address)} cannot be read: it did not arrive within {PATIENCE:g} seconds")
    return bytes(found)


def _from_file_system(address: str, storage: Mapping[str, Any]) -> bytes:
    try:
        import fsspec  # type: ignore[import-untyped]  # it comes without types
    except ImportError:
        why = f"{shown(address)} can only be read with the library fsspec, which is not installed"
        raise LibraryMissing(why, "fsspec") from None
    try:
        with fsspec.open(address, "rb", **storage) as stream:
            found: bytes = stream.read()
    except ImportError as error:
        library = next(iter(re.findall(r"nstall ([\w.-]+)", str(error))), "fsspec")
        why = f"{shown(address)} can only be read with the library {library}, which is not installed"
        raise LibraryMissing(why, library) from None
    return found


def _from_git(address: str, redactor: Redactor) -> bytes:
    parts = urlsplit(address[len(_GIT) :])
    repository, found, path = parts.path.partition("//")
    refs = parse_qs(parts.query).get("ref", ["HEAD"])
    if not found or not path or refs[0].startswith("-"):
        raise RecordProblem(
            f"{shown(address)} should name a file in a repository, as in git+https://host/repository.git//path/sot.yml?ref=main"
        )
    url = urlunsplit((parts.scheme, parts.netloc, repository, "", ""))
    with tempfile.TemporaryDirectory(prefix="dsync-") as folder:
        here = Path(folder)
        _git(here, shown(address), redactor, "init", "--quiet", "--bare")
        _git(here, shown(address), redactor, "fetch", "--quiet", "--depth=1", "--", url, refs[0])
        return _git(here, shown(address), redactor, "cat-file", "blob", f"FETCH_HEAD:{path}")


def _git(folder: Path, said: str, redactor: Redactor, *arguments: str) -> bytes:
    """Run git in a directory and return what it writes; it never asks anybody for a password."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_DIR": os.fspath(folder), "LC_ALL": "C"}
    try:
        ran = subprocess.run(  # pylint: disable=ansible-bad-function  # no AnsibleModule is known here
            ["git", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise RecordProblem(f"{said} can only be read with the program git, which is not installed") from None
    except subprocess.TimeoutExpired:
        raise RecordProblem(f"{said} cannot be read: git gave no answer within {PATIENCE:g} seconds") from None
    if ran.returncode:
        lines = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RecordProblem(f"{said} cannot be read: {redactor.redact(lines[0] if lines else 'git failed')}")
    return ran.stdout
