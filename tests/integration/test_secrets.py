# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret is found in anything that a play shows or leaves behind, whatever goes wrong with it.

The secrets are random, each is planted in one place only, and each is made of pieces with awkward characters between them. What is
searched for are the pieces, so that no quoting, escaping or splitting into lines hides a secret, and the whole as base64.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from conftest import HERE, Play, Played, RunPlaybook, player

ADAPTER = '''
import json, os, shutil, signal, sys, urllib.parse
from pathlib import Path

from dsync import DSync, DSyncModel, DSyncStatus
from dsync.exceptions import TransientError
from pydantic import BaseModel, SecretStr, field_validator


def clear(value):
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


class Login(BaseModel):
    user: str = ""
    pin: SecretStr | None = None


class Account(DSyncModel):
    _modelname = "account"
    _identifiers = ("name",)
    _attributes = ("note", "password", "key", "login")
    _sensitive = ("password",)
    name: str
    note: str = ""
    password: str | None = None
    key: SecretStr | None = None
    login: Login = Login()

    @field_validator("password")
    @classmethod
    def strong(cls, value):
        if value and value.startswith("weak"):
            raise ValueError(f"{value!r} is weak")
        return value

    @classmethod
    def create(cls, dsync, ids, attrs):
        made = super().create(dsync=dsync, ids=ids, attrs=attrs)
        return dsync.write(ids["name"], made)

    def update(self, attrs):
        old = [self.password, clear(self.key), clear(self.login.pin)]
        made = super().update(attrs)
        return self.dsync.write(self.name, made, *old)

    def delete(self):
        return self.dsync.write(self.name, super().delete())


class Vault(DSync):
    account = Account
    top_level = ["account"]

    def __init__(self, path, token, keys, how=None, holder=None):
        super().__init__()
        self.path, self.token, self.keys, self.how, self.holder, self.seen = Path(path), token, keys, how or {}, holder, []
        if self.how.get("init"):
            raise ConnectionError(self.quoted("no route"))

    def load(self):
        if self.holder:
            shutil.copy(self.holder, f"{self.path}.holder")
        for fields in json.loads(self.path.read_text()) if self.path.exists() else ():
            made = Account(**fields)
            self.add(made)
            self.seen += [made.password, clear(made.key), clear(made.login.pin)]
        if self.how.get("load"):
            raise ConnectionError(self.quoted("no route"))

    def quoted(self, why):
        """Say all that is known, in all the ways in which exceptions quote it."""
        known = [text for text in [self.token, *self.keys["deep"], *self.seen] if text]
        both = [f"{text} isn't \\"good\\"" for text in known]
        ways = [
            *known, *map(repr, known), *map(repr, both), repr(known), ascii(known),
            json.dumps(known), json.dumps(known, ensure_ascii=False),
            *(str(text.encode()) for text in known + both), *map(urllib.parse.quote, known), *map(urllib.parse.quote_plus, known),
            urllib.parse.urlencode({"q": known}, doseq=True), *(" ".join(text.split()) for text in known),
        ]
        return f"{why}: " + "\\n".join(ways)

    def write(self, name, made, *old):
        self.seen += [text for text in [made.password, clear(made.key), clear(made.login.pin), *old] if text]
        how = self.how.get(name)
        if how == "value error":
            raise ValueError(self.quoted("wrong value"))
        if how == "key error":
            raise KeyError(self.quoted("wrong value"))
        if how == "chain":
            try:
                raise OSError(self.quoted("inner"))
            except OSError as error:
                raise RuntimeError("outer") from error
        if how == "transient":
            raise TransientError(self.quoted("busy"))
        if how == "exit":
            sys.exit(self.quoted("enough"))
        if how == "interrupt":
            raise KeyboardInterrupt(self.quoted("enough"))
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "weak":
            made.update_base({"password": "weak" + made.password})
        status = DSyncStatus.FAILURE if how == "status" else DSyncStatus.SUCCESS
        made.set_status(status, self.quoted("so it was") if how in ("status", "said") else "")
        return made

    def sync_complete(self, source, diff, flags, logger):
        logger.error(self.quoted("logged"))
        if self.how.get("complete"):
            raise OSError(self.quoted("disk full"))
        if not self.how.get("forget"):
            self.path.write_text(json.dumps([
                {
                    "name": one.name, "note": one.note, "password": one.password, "key": clear(one.key),
                    "login": {"user": one.login.user, "pin": clear(one.login.pin)},
                }
                for one in self.get_all("account")
            ]))
'''

JOURNALD = """
import os

def send(MESSAGE, **more):
    with open(os.environ["SYSTEM_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{MESSAGE} {more}\\n")

sendv = send
"""
"""Stands in for the library by which a module writes to the journal of the host's system."""

FAILING = {
    "exceptions": {"a": "value error", "b": "key error", "d": "chain"},
    "other failures": {"a": "weak", "b": "status", "d": "transient"},
}
"""Runs in which each of the three changes fails in its own way."""

BETWEEN = ("", "'", '"', "'\"", "\n", "\r\n\t", "\\", "\\n'", "ü☃", '𝄞"', "%20&<+", "/ ?=")
"""Separates the pieces of a secret."""


@dataclass
class Planted:
    """The secrets of a play, each in one place, and a string that is not one."""

    control: str = field(default_factory=lambda: f"control{secrets.token_hex(8)}")
    pieces: dict[str, list[str]] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)

    def secret(self, place: str) -> str:
        """Return the secret of a place."""
        if place not in self.whole:
            between = BETWEEN[len(self.whole) % len(BETWEEN)]
            self.pieces[place] = [secrets.token_hex(6) for _number in range(3)]
            self.whole[place] = between.join(self.pieces[place])
        return self.whole[place]

    def account(self, side: str, name: str, note: str = "") -> dict[str, Any]:
        """Return an account that is full of secrets, with the control in the clear."""
        told = {what: self.secret(f"{what} of {name} in {side}") for what in ("password", "key", "pin")}
        login = {"user": "u", "pin": told.pop("pin")}
        return {"name": name, "note": note or f"{side} {self.control}", **told, "login": login}

    def found(self, text: str) -> list[str]:
        """Return the places whose secrets are in a string."""
        return [
            place for place, pieces in self.pieces.items() if any(form in text for form in (*pieces, *_base64(self.whole[place])))
        ]


def _base64(secret: str) -> Iterator[str]:
    """Yield what of a secret is the same in the base64 of every text that it is part of, for each way in which it is aligned."""
    data = secret.encode()
    for skipped in range(3):
        aligned = data[skipped:]
        yield base64.b64encode(aligned[: len(aligned) // 3 * 3]).decode()


@dataclass
class Evidence:
    """All that a play showed and left behind, by where it was found."""

    planted: Planted
    played: Played
    texts: dict[str, str]


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted()


def save(path: Path, accounts: list[dict[str, Any]]) -> str:
    path.write_text(json.dumps(accounts), encoding="utf-8")
    return str(path)


class Tasks:
    """Makes tasks on datasets in a directory; every secret comes from a variable."""

    def __init__(self, folder: Path, planted: Planted) -> None:
        self.folder, self.planted = folder, planted
        self.made: list[dict[str, Any]] = []
        new = [planted.account("source", name) for name in ("a", "b", "c")]
        self.old = [planted.account("target", "a"), {**new[2]}, planted.account("target", "d")]
        self.source = self.side("source", save(folder / "source.data", new))
        self.hidden = {
            "source": {"token": planted.secret("token of source"), "keys": {"deep": [planted.secret("key of source")]}},
            "target": {"token": planted.secret("token of target"), "keys": {"deep": [planted.secret("key of target")]}},
            "key": planted.secret("plan_key"),
            "wrong": planted.secret("a wrong plan_key"),
            "text": planted.secret("a text in the place of secrets"),
            "address": f"postgresql://u:{quote(planted.secret('a password in an address'), safe='')}@127.0.0.1:1/db",
            "parameter": f"mariadb://127.0.0.1:1/db?password={quote(planted.secret('a parameter of an address'), safe='')}",
            "option": planted.secret("an option with a secret name"),
            "malformed": '{"adapter": "vault.py:Vault", "secrets": {"token": ' + json.dumps(planted.secret("a malformed side")),
        }

    def side(self, role: str, path: str, **options: Any) -> dict[str, Any]:
        name = f"{role}-{self.planted.control}"
        return {"adapter": "vault.py:Vault", "options": {"path": path, **options}, "secrets": f"{{{{ {role} }}}}", "name": name}

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def add(self, name: str, module: str = "sync", accounts: list[dict[str, Any]] | None = None, **arguments: Any) -> None:
        """Add a task on a target of its own, or on another task's where ``like`` names that."""
        data = self.folder / f"{arguments.pop('like', name)}.data"
        if not data.exists():
            save(data, self.old if accounts is None else accounts)
        options = {key: arguments.pop(key) for key in ("how", "holder") if key in arguments}
        check = {"check_mode": True} if arguments.pop("check", False) else {}
        sides = {"source": self.source, "target": self.side("target", str(data), **options)}
        made = {"name": name, f"dsync.core.dsync_{module}": {**sides, **arguments}, "ignore_errors": True, **check}
        self.made.append(made)

    def records(self, name: str) -> dict[str, Any]:
        """Return the arguments of a run that leaves every record."""
        names = {kind: self.path(f"{name}.{kind}") for kind in ("journal", "undo", "baseline", "lock")}
        return {**names, "plan_key": "{{ key }}"}


def scenarios(tasks: Tasks) -> None:
    """What goes well, and all that can go wrong."""
    plan = tasks.path("good.plan")
    tasks.add("diff", "diff", like="good", plan=plan, plan_key="{{ key }}", fail_on_drift=True)
    tasks.add("check", like="good", plan=plan, plan_key="{{ key }}", check=True)
    tasks.add("wrong key", like="good", plan=plan, plan_key="{{ wrong }}")
    tasks.add(
        "good",
        plan=plan,
        how={"a": "said", "d": "said"},
        holder=tasks.path("good.lock.holder"),
        verify=True,
        **tasks.records("good"),
    )
    tasks.add("moved", like="good", plan=tasks.path("good.undo"), plan_key="{{ key }}")
    tasks.add("left", like="good", plan=tasks.path("good.undo"), plan_key="{{ key }}", lost_secrets="leave")
    drifted = [{**tasks.old[0], **tasks.planted.account("drifted", "a", "drifted note")}, *tasks.old[1:]]
    tasks.add("stale", like="drifted", accounts=drifted, plan=plan, plan_key="{{ key }}", journal=tasks.path("stale.journal"))
    tasks.add("skipped", like="drifted", plan=plan, plan_key="{{ key }}", on_stale="skip", journal=tasks.path("stale.journal"))
    for name, how in FAILING.items():
        tasks.add(name, how=how, retries=1, flags=["continue_on_failure"], **tasks.records(name))
    for how in ("exit", "interrupt"):
        tasks.add(how, how={"b": how}, **tasks.records(how))
    tasks.add("complete", how={"complete": True}, **tasks.records("complete"))
    tasks.add("load", how={"load": True})
    tasks.add("init", how={"init": True})
    weak = {"name": "w", "password": "weak" + tasks.planted.secret("weak password"), "key": tasks.planted.secret("key beside")}
    tasks.add("invalid", accounts=[*tasks.old, weak])
    odd = {"name": "o", "key": [tasks.planted.secret("odd key")], "login": {"pin": {"x": tasks.planted.secret("odd pin")}}}
    tasks.add("odd", accounts=[*tasks.old, odd])
    tasks.add("limits", limits={"delete": 0, "account": {"update": "0%"}}, **tasks.records("limits"))
    tasks.add("protected", protect=[{"model": "account", "id": "d"}], attributes=["password", "key"], exclude=[{"id": "zz"}])
    tasks.add("forgetful", how={"forget": True}, verify=True, **tasks.records("forgetful"))
    tasks.add("killed", how={"b": "kill"}, **tasks.records("killed"))
    tasks.add("undone", like="killed", undo_journal=tasks.path("killed.journal"), plan_key="{{ key }}", lost_secrets="leave")
    addresses(tasks)
    tasks.add("twice", how={})
    tasks.made[-1]["dsync.core.dsync_sync"]["target"]["options"]["token"] = "x"
    tasks.add("no dict")
    tasks.made[-1]["dsync.core.dsync_sync"]["target"]["secrets"] = "{{ text }}"
    tasks.add("malformed")
    tasks.made[-1]["dsync.core.dsync_sync"]["source"] = "{{ malformed }}"


def addresses(tasks: Tasks) -> None:
    """Secrets that are given in other places than they should be."""
    declared = {"models": {"account": {"identifiers": ["name"]}}}
    source = {"adapter": "memory", "options": {"records": {"account": []}}}
    for name, adapter, options in (
        ("address", "sql", {"url": "{{ address }}"}),
        ("parameter", "sql", {"url": "{{ parameter }}"}),
        ("no such option", "sql", {"url": "{{ address }}", "databse": "{{ address }}"}),
        ("token", "netbox", {"url": "http://127.0.0.1:1", "token": "{{ option }}", "tries": 1}),
        ("header", "rest", {"base_url": "http://127.0.0.1:1", "headers": {"X-Auth-Token": "{{ option }}"}, "tries": 1}),
        ("key", "rest", {"base_url": "https://127.0.0.1:1", "client_cert": "none.pem", "client_key_password": "{{ option }}"}),
    ):
        sides = {"source": source, "target": {"adapter": adapter, "options": options}}
        module = "diff" if name in ("parameter", "token") else "sync"
        tasks.made.append({"name": name, f"dsync.core.dsync_{module}": {**sides, **declared}, "ignore_errors": True})
    tasks.add("kept", how={"elsewhere": ["{{ address }}"]}, **tasks.records("kept"))
    tasks.made[-1]["dsync.core.dsync_sync"]["target"]["name"] = "{{ address }}"
    tasks.made.append({"name": "info", "dsync.core.dsync_journal_info": {"path": tasks.path("kept.journal")}})


def gather(folder: Path, played: Played) -> dict[str, str]:
    """Return the text of all that there is to be searched, by its name; not the data, and not what the play was given."""
    given = {"hidden.json", "play.yml", "vault.py"}
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".data" and path.name not in given]
    texts = {str(path.relative_to(folder)): path.read_text(encoding="utf-8", errors="surrogateescape") for path in files}
    return {
        "screen": played.screen,
        "results": json.dumps(played.results),
        "raw": json.dumps(played.results, ensure_ascii=False),
        **texts,
    }


@pytest.fixture(scope="module")
def evidence(run_playbook: RunPlaybook, inventory: Path, tmp_path_factory: pytest.TempPathFactory, planted: Planted) -> Evidence:
    """Everything that there is after all scenarios, with every option on that shows more."""
    folder = tmp_path_factory.mktemp("secrets")
    tasks = Tasks(folder, planted)
    scenarios(tasks)
    return played_here(player(run_playbook, inventory, folder), tasks, HERE, "false")


def played_here(play: Play, tasks: Tasks, host: str, pipelining: str) -> Evidence:
    folder = tasks.folder
    for name in ("remote", "temporary", "junit", "stand_in"):
        (folder / name).mkdir()
    (folder / "stand_in" / "systemd").mkdir()
    (folder / "stand_in" / "systemd" / "__init__.py").touch()
    (folder / "stand_in" / "systemd" / "daemon.py").write_text("def booted():\n    return True\n")
    (folder / "stand_in" / "systemd" / "journal.py").write_text(JOURNALD)
    (folder / "vault.py").write_text(ADAPTER)
    (folder / "hidden.json").write_text(json.dumps(tasks.hidden))
    system = {"SYSTEM_LOG": str(folder / "system.log"), "PYTHONPATH": str(folder / "stand_in"), "TMPDIR": str(folder / "temporary")}
    env = {
        "ANSIBLE_CALLBACKS_ENABLED": "keep_results,ansible.builtin.junit",
        "ANSIBLE_DISPLAY_TRACEBACK": "always",
        "ANSIBLE_INJECT_INVOCATION": "true",
        "ANSIBLE_KEEP_REMOTE_FILES": "0",
        "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
        "ANSIBLE_LOG_VERBOSITY": "3",
        "ANSIBLE_PIPELINING": pipelining,
        "ANSIBLE_REMOTE_TMP": str(folder / "remote"),
        "JUNIT_OUTPUT_DIR": str(folder / "junit"),
    }
    played = play(
        tasks.made, "-vvv", "--diff", "-e", f"@{folder / 'hidden.json'}", hosts=host, env=env, environment=system, strategy="linear"
    )
    return Evidence(tasks.planted, played, gather(folder, played))


SAID: Mapping[str, tuple[str, ...]] = {
    "diff": ("Drift: 1 to create, 1 to update, 1 to delete.",),
    "wrong key": ("was written with another key",),
    "moved": ("contains digests instead of sensitive values",),
    "stale": ("1 of 3 changes is stale", "its password is not as expected"),
    "exceptions": ("3 of 3 changes failed",),
    "other failures": ("3 of 3 changes failed",),
    "exit": ("SystemExit: enough: ********",),
    "interrupt": ("The run was interrupted.",),
    "complete": ("sync_complete() failed: OSError: disk full: ********",),
    "load": ("load() raised ConnectionError: no route: ********",),
    "init": ("making Vault raised ConnectionError: no route: ********",),
    "invalid": ('account "w": password: the value does not fit',),
    "odd": ('account "o": key: the value does not fit',),
    "limits": ("limits.delete: 0 is exceeded", "limits.account.update: 0% is exceeded"),
    "forgetful": ("The target has not converged",),
    "killed": ("",),
    **{
        name: (f"target ({adapter}): ",)
        for name, adapter in (
            *dict.fromkeys(("address", "parameter", "no such option"), "sql").items(),
            ("token", "netbox"),
            *dict.fromkeys(("header", "key"), "rest").items(),
        )
    },
    "twice": ("token is given in options and in secrets",),
    "no dict": ("dict",),
    "malformed": ("source should be a dictionary such as",),
}
"""What each task that fails says."""


@pytest.mark.parametrize("name", SAID)
def test_every_failure_happened(evidence: Evidence, name: str) -> None:
    result = evidence.played.result(name)
    assert result["failed"]
    for part in SAID[name]:
        assert part in result["msg"]


FAILED = {
    "exceptions": ("ValueError: wrong value: ********", "KeyError: ", "RuntimeError: outer"),
    "other failures": ("the value does not fit the field's type", "so it was: ********", "busy: ********"),
}
"""What the changes of a run say that fail in different ways, those of a, b and d."""


@pytest.mark.parametrize("name", FAILED)
def test_every_change_failed_in_its_way(evidence: Evidence, name: str) -> None:
    messages = {record["id"]: record["message"] for record in evidence.played.result(name)["failures"]}
    for uid, said in zip("abd", FAILED[name], strict=True):
        assert said in messages[uid]


def test_the_others_went_well(evidence: Evidence) -> None:
    assert evidence.played.returncode == 0, evidence.played.screen
    failed = {name for name, hosts in evidence.played.results.items() if hosts[HERE]["failed"]}
    assert failed == set(SAID)
    good = evidence.played.result("good")
    assert good["verified"]
    assert [record["message"][:19] for record in good["changes"]] == ["so it was: ********", "", "so it was: ********"]
    assert evidence.played.result("skipped")["outcomes"]["refused"] > 0
    assert evidence.played.result("left")["warnings"]
    assert evidence.played.result("undone")["outcomes"]["already_done"] == 2


def test_the_control_is_found(evidence: Evidence) -> None:
    """The search finds what is there: the same string, which is not a secret, is in everything that shows values or names."""
    holding = {name for name, text in evidence.texts.items() if evidence.planted.control in text}
    records = {f"good.{kind}" for kind in ("plan", "journal", "undo", "baseline", "data.holder")}
    (junit,) = (name for name in evidence.texts if name.startswith("junit/"))
    assert {"screen", "results", "ansible.log", "system.log", "results.jsonl", "killed.journal", junit, *records} <= holding
    planted = evidence.planted
    for place, secret in planted.whole.items():
        ways = [
            json.dumps(secret),
            repr(secret),
            base64.b64encode(f"x{secret}".encode()).decode(),
            "\n  ".join(secret.splitlines()),
        ]
        assert all(place in planted.found(f"some {way} text") for way in ways)


def test_no_secret_is_anywhere(evidence: Evidence) -> None:
    leaks = {name: places for name, text in evidence.texts.items() if (places := evidence.planted.found(text))}
    assert leaks == {}


def test_nothing_is_left_of_what_was_sent(evidence: Evidence) -> None:
    left = [name for name in evidence.texts if Path(name).parts[0] == "remote"]
    assert left == []
