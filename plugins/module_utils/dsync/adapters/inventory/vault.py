# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Values that Ansible Vault has encrypted: found in what was read, decrypted only where they are needed, and encrypted again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...exceptions import RecordProblem
from ...records.path import Path as FieldPath
from ...storage.paths import file_error
from .programs import Programs, last_words

PROGRAM = "ansible-vault"

MAGIC = "$ANSIBLE_VAULT;"

_SETTINGS = ("DEFAULT_VAULT_PASSWORD_FILE", "DEFAULT_VAULT_IDENTITY_LIST")
"""The settings of Ansible that say where passwords are."""

_AT_A_TIME = 4
"""How many values are decrypted at the same time."""


class Vault:
    """Encrypts and decrypts by the program ``ansible-vault``, with all passwords that Ansible is configured with.

    Args:
        password: a file with a password, or a program that prints it, in addition to those of Ansible's settings; None for none.
        programs: those of Ansible.
    """

    def __init__(self, password: Path | None, programs: Programs) -> None:
        self._password, self._programs = password, programs
        self._clear: dict[str, str] = {}
        self._configured: bool | None = None

    @property
    def encrypts(self) -> bool:
        """Whether there is a password with which new values are encrypted."""
        if self._configured is None:
            self._configured = self._password is not None or self._is_configured()
        return self._configured

    def _is_configured(self) -> bool:
        done = self._programs.run("ansible-config", ["dump", "--only-changed"])
        return any(line.startswith(_SETTINGS) for line in done.stdout.decode(errors="replace").splitlines())

    def decrypt_all(self, texts: Iterable[str]) -> None:
        """Decrypt several strings in one batch, so that :meth:`decrypt` returns them immediately. Raises as that does."""
        todo = [text for text in dict.fromkeys(texts) if text not in self._clear]
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            for _clear in pool.map(self.decrypt, todo):
                pass

    def decrypt(self, text: str) -> str:
        """Return the content of an encrypted string. Raises RecordProblem, which does not show it."""
        if text not in self._clear:
            self._clear[text] = self._run("decrypt", [], text)
        return self._clear[text]

    def encrypt(self, text: str, before: str = "") -> str:
        """Return a string encrypted, as Ansible Vault writes it.

        Args:
            text: in clear.
            before: the encrypted string that it replaces, whose label is kept; empty for a new one.

        Raises:
            RecordProblem: it cannot be encrypted.
        """
        label = before.strip().partition("\n")[0].strip().split(";")[3:4]
        if not label:
            return self._run("encrypt", [], text)
        chosen = [f"--encrypt-vault-id={label[0]}"]
        try:
            return self._run("encrypt", chosen, text)
        except RecordProblem:
            if self._password is None:
                raise
        return self._run("encrypt", [f"--vault-id={label[0]}@{self._password}", *chosen], text)

    def _run(self, action: str, more: list[str], text: str) -> str:
        known = [] if self._password is None else [f"--vault-password-file={self._password}"]
        done = self._programs.run(PROGRAM, [action, *known, *more, "--output=-"], text)
        if done.returncode:
            way_out = '; say where the password is with "vault_password_file", or in ansible.cfg' if self._password is None else ""
            raise RecordProblem(f"{PROGRAM} cannot {action} it: {last_words(done.stderr)}{way_out}")
        return done.stdout.decode()


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

    @property
    def hidden(self) -> str:
        """The text as Ansible Vault wrote it; empty where the value came decrypted."""
        return self._hidden

    def reveal(self, vault: Vault) -> Any:
        """Return the value. Raises RecordProblem."""
        return vault.decrypt(self._hidden) if self._hidden else self._clear


def concealed(value: Any, way: FieldPath = ()) -> Iterator[tuple[FieldPath, Concealed]]:
    """Yield the values in some variables that were encrypted, with their paths."""
    if isinstance(value, Concealed):
        yield way, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from concealed(item, (*way, str(key)))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from concealed(item, (*way, str(place)))


def shown(value: Any, way: FieldPath, wanted: set[FieldPath], vault: Vault) -> Any:
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


def encrypted_values(folders: list[Path], vault: Vault, read: Any) -> dict[str, list[Any]]:
    """Return name → values of the variables in files that are encrypted as a whole.

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


def decrypted(path: Path, vault: Vault) -> str:
    """Return the text of a file that is encrypted as a whole. Raises RecordProblem."""
    try:
        return str(Concealed(path.read_text(encoding="utf-8")).reveal(vault))
    except (OSError, UnicodeDecodeError) as error:
        raise file_error(RecordProblem, path, f"cannot be read: {getattr(error, 'strerror', error)}") from None
    except RecordProblem as problem:
        raise RecordProblem(f"{path}: {problem}") from None
