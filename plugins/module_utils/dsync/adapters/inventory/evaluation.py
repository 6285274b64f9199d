# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What templates evaluate to on their hosts, by a playbook that prints their values and changes nothing."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...records.path import Path as FieldPath
from ...records.path import read
from .programs import Programs, last_words

PROGRAM = "ansible-playbook"

_NAME = re.compile(r"[A-Za-z_]\w*")
_KEY = re.compile(r"[\w .:@/+-]+")
_RESULT = re.compile(r"^(?P<host>\S.*?) \| (?P<status>SUCCESS|FAILED!) => (?=\{)", re.MULTILINE)


class Answer(NamedTuple):
    """The value of a template, or the reason why it has none."""

    value: Any = None
    reason: str = ""


def expression_of(variables: Mapping[str, Any], path: FieldPath) -> str:
    """Return the template that has the value at a path; an empty string if a name of the path cannot be written in one."""
    if _NAME.fullmatch(path[0]) is None:
        return ""
    found = path[0]
    for depth, name in enumerate(path[1:], 1):
        inside_list = isinstance(read(variables, path[:depth]), list)
        if not inside_list and _KEY.fullmatch(name) is None:
            return ""
        found += f"[{name}]" if inside_list else f"['{name}']"
    return f"{{{{ {found} }}}}"


def answers_of(
    programs: Programs, sources: Sequence[str], password: Path | None, asked: Mapping[str, Mapping[FieldPath, str]]
) -> dict[tuple[str, FieldPath], Answer]:
    """Evaluate templates in one call, and return (host, path) → the value or why there is none.

    Args:
        programs: those of Ansible.
        sources: the inventory's.
        password: a file with a password of Ansible Vault; None for none.
        asked: host → path → template.

    Raises:
        RecordProblem, LibraryMissing: as :meth:`.Programs.run`.
    """
    alike: dict[tuple[tuple[FieldPath, str], ...], list[str]] = {}
    for host, expressions in asked.items():
        alike.setdefault(tuple(expressions.items()), []).append(host)
    plays = [_play(hosts, [text for _path, text in expressions]) for expressions, hosts in alike.items()]
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "templates.yml"
        book.write_text(json.dumps(plays), encoding="utf-8")
        known = [] if password is None else [f"--vault-password-file={password}"]
        done = programs.run(PROGRAM, [*known, *(f"--inventory={source}" for source in sources), str(book)])
    results: dict[str, list[Answer]] = {}
    for host, answer in _results(done.stdout.decode(errors="replace")):
        results.setdefault(host, []).append(answer)
    found = {}
    for host, expressions in asked.items():
        first, *others = results.get(host, [Answer(reason=last_words(done.stderr))])
        for place, path in enumerate(expressions):
            if not first.reason:
                found[host, path] = Answer(first.value[place])
            else:
                found[host, path] = _single(others[place]) if len(others) > place else first
    return found


def _single(answer: Answer) -> Answer:
    return answer if answer.reason else Answer(answer.value[0])


def _play(hosts: Sequence[str], expressions: Sequence[str]) -> dict[str, Any]:
    """Return a play that prints the values of some templates: all at once, or, if one fails, one by one."""
    tasks = [
        {"ansible.builtin.debug": {"msg": [*texts]}, "ignore_errors": True}
        for texts in (expressions, *([one] for one in expressions))
    ]
    block: dict[str, Any] = {"block": [{**tasks[0], "ignore_errors": False}], "rescue": tasks[1:]}
    return {
        "hosts": [*hosts],
        "gather_facts": False,
        "any_errors_fatal": False,
        "strategy": "ansible.builtin.linear",
        "tags": ["always"],
        "tasks": [block],
    }


def _results(text: str) -> Iterator[tuple[str, Answer]]:
    """Yield the host, and the values or the reason, of each result that the program printed."""
    for found in _RESULT.finditer(text):
        try:
            message = json.JSONDecoder().raw_decode(text, found.end())[0].get("msg")
        except ValueError:
            continue
        if found["status"] == "SUCCESS" and isinstance(message, list):
            yield found["host"], Answer(message)
        else:
            words = str(message or "").rpartition("while resolving value for 'msg': ")[2].strip().splitlines()
            yield found["host"], Answer(reason=(words or ["it cannot be evaluated"])[0])
