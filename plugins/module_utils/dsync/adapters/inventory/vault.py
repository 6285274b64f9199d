# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Values that Ansible Vault has encrypted: found in what was read, decrypted only where they are needed, and encrypted again."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import subprocess
from binascii import hexlify, unhexlify
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...exceptions import LibraryMissing, RecordProblem
from ...records.path import Path as FieldPath
from ...storage.paths import file_error

LIBRARY = "cryptography"

MAGIC = "$ANSIBLE_VAULT;"

_HEADER = f"{MAGIC}1.1;AES256"
_ROUNDS = 10_000
_KEY, _BLOCK, _SALT = 32, 16, 32
_WIDTH = 80


class Vault:
    """Encrypts and decrypts with the password in a file.

    Args:
        path: the file, or a program that prints the password.
        timeout: how many seconds the program may take.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self._path, self._timeout = path, timeout
        self._password: bytes | None = None

    def decrypt(self, text: str) -> str:
        """Return what a text was encrypted from. Raises RecordProblem, which does not show it."""
        header, _newline, body = text.strip().partition("\n")
        if not header.startswith(MAGIC) or header.split(";")[2:3] != ["AES256"]:
            raise RecordProblem("it is encrypted in a way that is not known here: only AES256 of Ansible Vault is")
        try:
            salt, digest, hidden = (unhexlify(part) for part in unhexlify("".join(body.split())).split(b"\n", 2))
        except ValueError:
            raise RecordProblem("it is no text that Ansible Vault has encrypted") from None
        key, mac, counter = self._keys(salt)
        if not hmac.compare_digest(hmac.new(mac, hidden, hashlib.sha256).digest(), digest):
            raise RecordProblem(f"it cannot be decrypted with the password of {self._path}")
        clear: bytes = _aes(key, counter).decryptor().update(hidden)
        return clear[: -clear[-1]].decode()

    def encrypt(self, text: str) -> str:
        """Return a text encrypted, as Ansible Vault writes it."""
        clear, salt = text.encode(), secrets.token_bytes(_SALT)
        missing = _BLOCK - len(clear) % _BLOCK
        key, mac, counter = self._keys(salt)
        hidden = _aes(key, counter).encryptor().update(clear + bytes([missing]) * missing)
        digest = hmac.new(mac, hidden, hashlib.sha256).digest()
        body = hexlify(b"\n".join(map(hexlify, (salt, digest, hidden)))).decode()
        lines = [body[start : start + _WIDTH] for start in range(0, len(body), _WIDTH)]
        return "\n".join([_HEADER, *lines, ""])

    def _keys(self, salt: bytes) -> tuple[bytes, bytes, bytes]:
        if self._password is None:
            self._password = self._read()
        made = hashlib.pbkdf2_hmac("sha256", self._password, salt, _ROUNDS, 2 * _KEY + _BLOCK)
        return made[:_KEY], made[_KEY : 2 * _KEY], made[2 * _KEY :]

    def _read(self) -> bytes:
        try:
            if not os.access(self._path, os.X_OK):
                return self._path.read_bytes().strip()
            done = subprocess.run(  # pylint: disable=ansible-bad-function  # no AnsibleModule is known here
                [self._path.absolute()], stdin=subprocess.DEVNULL, capture_output=True, timeout=self._timeout, check=True
            )
        except OSError as error:
            raise file_error(RecordProblem, self._path, f"cannot be read for the vault password: {error.strerror}") from None
        except subprocess.SubprocessError as error:
            raise file_error(RecordProblem, self._path, f"failed to print the vault password ({type(error).__name__})") from None
        return done.stdout.strip()


def _aes(key: bytes, counter: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError:
        raise LibraryMissing("values of Ansible Vault need the library cryptography, which is not installed", LIBRARY) from None
    return Cipher(algorithms.AES(key), modes.CTR(counter))


class Concealed:
    """A value that was encrypted where it is kept.

    Args:
        hidden: as Ansible Vault wrote it; empty where it came decrypted.
        clear: the value, where it came decrypted.
    """

    __slots__ = ("_clear", "_hidden")

    def __init__(self, hidden: str = "", clear: Any = None) -> None:
        self._hidden, self._clear = hidden, clear

    def __repr__(self) -> str:
        return "<a value from Ansible Vault>"

    def reveal(self, vault: Vault | None) -> Any:
        """Return the value. Raises RecordProblem."""
        if not self._hidden:
            return self._clear
        if vault is None:
            raise RecordProblem('it is encrypted with Ansible Vault; say where the password is with "vault_password_file"')
        return vault.decrypt(self._hidden)


def concealed_paths(value: Any, way: FieldPath = ()) -> Iterator[FieldPath]:
    """Yield the paths of the values in some variables that were encrypted."""
    if isinstance(value, Concealed):
        yield way
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from concealed_paths(item, (*way, str(key)))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from concealed_paths(item, (*way, str(place)))


def shown(value: Any, way: FieldPath, wanted: set[FieldPath], vault: Vault | None) -> Any:
    """Return a copy of a value with the encrypted values at the wanted paths in clear, and without the others.

    Args:
        value: of a variable; not changed.
        way: the path of the value.
        wanted: paths of encrypted values.
        vault: decrypts.

    Raises:
        RecordProblem: one cannot be decrypted.
    """
    if isinstance(value, Mapping):
        kept = {key: item for key, item in value.items() if not isinstance(item, Concealed) or (*way, str(key)) in wanted}
        return {key: shown(item, (*way, str(key)), wanted, vault) for key, item in kept.items()}
    if isinstance(value, list):
        items = [shown(item, (*way, str(place)), wanted, vault) for place, item in enumerate(value)]
        return [None if isinstance(item, Concealed) else item for item in items]
    if not isinstance(value, Concealed) or way not in wanted:
        return value
    try:
        return value.reveal(vault)
    except RecordProblem as problem:
        raise RecordProblem(f'"{".".join(way)}": {problem}') from None


def encrypted_values(folders: list[Path], vault: Vault | None, read: Any) -> dict[str, list[Any]]:
    """Return name → values of the variables that stand in files that are encrypted as a whole.

    Args:
        folders: those that ``group_vars`` and ``host_vars`` are in.
        vault: decrypts.
        read: text and file's name → tree.
    """
    found: dict[str, list[Any]] = {}
    for folder in folders:
        for path in sorted(file for part in ("group_vars", "host_vars") for file in (folder / part).rglob("*") if file.is_file()):
            tree = read(decrypted(path, vault), str(path)) if is_encrypted(path) else None
            for name, value in tree.items() if isinstance(tree, dict) else ():
                found.setdefault(name, []).append(value)
    return found


def is_encrypted(path: Path) -> bool:
    """Return whether a file is encrypted as a whole."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC.encode()
    except OSError:
        return False


def decrypted(path: Path, vault: Vault | None) -> str:
    """Return the text of a file that is encrypted as a whole. Raises RecordProblem."""
    try:
        return str(Concealed(path.read_text(encoding="utf-8")).reveal(vault))
    except (OSError, UnicodeDecodeError) as error:
        raise file_error(RecordProblem, path, f"cannot be read: {getattr(error, 'strerror', error)}") from None
    except RecordProblem as problem:
        raise RecordProblem(f"{path}: {problem}") from None
