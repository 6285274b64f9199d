# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Plans in files: what is written, that it comes back as it was, and that nothing else is ever taken for a plan."""

from __future__ import annotations

import dataclasses
import gc
import json
import math
import os
import random
import tracemalloc
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from dsync import Change, DSync, DSyncAction, DSyncModel, Plan, prepare_plan
from dsync.exceptions import PlanNotReady, RecordError, Refused, SecretMoved, StaleTarget
from dsync.guard.staleness import check
from dsync.plan.outcome import OutcomeStatus
from dsync.plan.undo import undo_plan
from dsync.storage import digests as seal
from dsync.storage import plan_file, schema
from dsync.storage.files import LONGEST_LINE
from dsync.storage.plan_file import fingerprint, load, path_of, save, save_once
from estate import PLANTED, SOURCE, TARGET, dataset, estate
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyHttpUrl, AnyUrl, BaseModel, PostgresDsn, SecretStr, create_model
from richtree import KINDS, Spec, Tree, content, specs, tree

FIXED = {"created": "2026-11-23T03:00:00Z", "by": "ops@cron", "salt": "00" * 16}


def saved(path: Path, source: DSync, target: DSync, **options: Any) -> tuple[Plan, str]:
    plan = Plan.from_diff(target.diff_from(source))
    return plan, save(plan, path, source=source, target=target, **{**FIXED, **options})


def estates(path: Path, **options: Any) -> tuple[Plan, str]:
    return saved(path, estate(SOURCE, name="sot"), estate(TARGET, name="cmdb"), **options)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_COST", {"n": 2, "r": 1, "p": 1})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.jsonl"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans") / "plan.jsonl"


# ---------------------------------------------------------------------- the file


def test_what_a_file_says(path: Path) -> None:
    plan, digest = estates(path, flags=["b", "a"], adapters=("sot.py:Sot", None))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    header = lines[0]
    assert (header["format"], header["version"], header["purpose"], header["changes"]) == ("dsync-plan", 3, "sync", 12)
    assert (header["created"], header["by"], header["flags"]) == ("2026-11-23T03:00:00Z", "ops@cron", ["a", "b"])
    assert header["source"] == {"name": "sot", "adapter": "sot.py:Sot"}
    assert header["target"] == {"name": "cmdb", "adapter": "Estate"}
    assert header["counts"]["site"] == {"create": 1, "delete": 1, "update": 1}
    assert header["fingerprint"] == fingerprint(estate(TARGET), estate(SOURCE))
    assert lines[-1].keys() == {"changes", "checksum", "digest"}
    assert (lines[-1]["changes"], lines[-1]["digest"]) == (12, digest)
    assert path.read_text().splitlines()[-1].count("sha256:") == 1
    assert path.stat().st_mode & 0o777 == 0o600
    loaded = load(path)
    assert (loaded.digest, loaded.header, len(loaded)) == (digest, header, 12)
    assert [change.key for change in loaded] == [change.key for change in plan]
    assert [change.requires for change in loaded] == [change.requires for change in plan]
    assert list(path.parent.iterdir()) == [path]


def test_the_digest_is_of_what_would_be_done(path: Path) -> None:
    first = estates(path)[1]
    assert estates(path)[1] == first
    assert estates(path, by="other@host", created="2027-01-01T00:00:00Z")[1] == first
    for other in ({"purpose": "undo"}, {"flags": ["a"]}, {"adapters": ("sot.py:Other", None)}):
        assert estates(path, **other)[1] != first, other


def kept_once(path: Path, source: DSync, target: DSync, **options: Any) -> tuple[Path, str]:
    found, digest = save_once(Plan.from_diff(target.diff_from(source)), path, source=source, target=target, **options)
    return Path(found), digest


def test_a_plan_that_waits_is_never_overwritten(tmp_path: Path) -> None:
    """By one of other changes, which gets a file of its own, or by the same plan of a later night."""
    named = tmp_path / "cmdb-{digest}.plan"
    first, digest = kept_once(named, vault(PLANTED), Tree())
    assert first == tmp_path / f"cmdb-{digest.removeprefix('sha256:')[:16]}.plan"
    assert path_of(named, f" {digest.upper()}\n") == str(first)
    created = "2026-01-01T00:00:00Z"
    plan = Plan.from_diff(Tree().diff_from(vault(PLANTED)))
    assert save(plan, first, source=vault(PLANTED), target=Tree(), created=created) == digest
    assert kept_once(named, vault(PLANTED), Tree()) == (first, digest)
    assert load(first).header["created"] == created
    other = kept_once(named, vault("other-one"), Tree())
    assert (other[0].parent, len(list(tmp_path.iterdir()))) == (tmp_path, 2)
    assert load(first, digest).digest == digest != other[1]


def test_a_file_that_holds_anything_else_is_replaced(path: Path) -> None:
    first = kept_once(path, vault(PLANTED), Tree())[1]
    before = path.read_bytes()
    assert kept_once(path, vault(PLANTED), Tree()) == (path, first)
    assert path.read_bytes() == before
    path.write_bytes(before[:-1])
    assert kept_once(path, vault(PLANTED), Tree())[1] == load(path).digest == first
    second = kept_once(path, vault("other-one"), Tree())[1]
    assert load(path).digest == second != first
    narrowed = {"protect": [{"id": "b*"}]}
    assert kept_once(path, vault("other-one"), Tree(), scope=narrowed)[1] == second
    assert load(path).header["scope"] == narrowed


def test_only_a_digest_names_a_file(tmp_path: Path) -> None:
    for wrong in ("", "../../x", "sha256:12", "g" * 64):
        with pytest.raises(Refused, match=f"^{wrong} is not the digest of a plan"):
            path_of(tmp_path / "{digest}.plan", wrong)
    assert path_of("x/{digest}/plan", "") == "x/{digest}/plan"


def test_the_order_of_loading_makes_no_difference_to_the_digest(path: Path) -> None:
    spec = {"a": (None, {"facts": {"x": 1, "y": 2}}), "b": ("a", {}), "c": (None, {"password": PLANTED})}
    turned = {"c": spec["c"], "a": (None, {"facts": {"y": 2, "x": 1}}), "b": spec["b"]}
    plans = [saved(path, tree(one), Tree(), salt=None) for one in (spec, turned)]
    assert [change.id for change in plans[0][0]] != [change.id for change in plans[1][0]]
    assert plans[0][1] == plans[1][1]


def test_another_secret_is_another_plan(path: Path) -> None:
    digests = [saved(path, vault(secret), Tree(), salt=None)[1] for secret in (PLANTED, PLANTED, "other-one")]
    assert digests[0] == digests[1] != digests[2]
    assert len({saved(path, vault(), Tree(), salt=None, key=key)[1] for key in (None, "one", "two")}) == 3


def test_who_made_a_plan_cannot_be_changed_in_the_file(path: Path) -> None:
    estates(path, by="ops@cron")
    assert "its digest does not match" in refusal(path, path.read_bytes().replace(b"ops@cron", b"dev@cron"))


def test_metadata_are_filled_in(path: Path) -> None:
    source = estate(SOURCE)
    save(Plan(), path, source=None, target=source)
    header = load(path).header
    assert header["created"].endswith("Z")
    assert "@" in header["by"]
    assert len(header["salt"]) == 32
    assert header["source"] == {}


def test_only_the_approved_plan_is_taken(path: Path) -> None:
    _plan, digest = estates(path)
    assert load(path, digest).digest == load(path, digest[7:].upper()).digest == digest
    with pytest.raises(Refused, match="not the approved plan"):
        load(path, "sha256:00")


# ---------------------------------------------------------------------- there and back


def compared(plan: Plan) -> list[Any]:
    return [{part.name: getattr(change, part.name) for part in fields(change)} for change in plan]


@given(specs(), specs(), st.sampled_from(KINDS), st.none() | st.just("passphrase"))
def test_a_plan_comes_back_as_it_was(shared: Path, left: Spec, right: Spec, kind: type[Tree], key: str | None) -> None:
    plan, _digest = saved(shared, tree(left, kind), tree(right, kind), key=key)
    assert "hunter2" not in shared.read_text()
    bound = load(shared).resolve(tree(left, kind), tree(right, kind), key)
    assert compared(bound) == compared(plan)
    source, direct, target = tree(left, kind), tree(right, kind), tree(right, kind)
    direct.apply(plan, source)
    assert check(bound, target) == {}
    result = target.apply(bound, source, verdicts={})
    assert {outcome.status for outcome in result.outcomes} <= {OutcomeStatus.DONE}
    assert content(target) == content(direct) == content(source)
    again = load(shared).resolve(source, target, key)
    verdicts = check(again, target)
    assert {key: verdict.status for key, verdict in verdicts.items()} == dict.fromkeys(
        (change.key for change in plan), OutcomeStatus.ALREADY_DONE
    )
    assert not target.apply(again, source, verdicts=verdicts).changed


@given(specs(secrets=False), specs(secrets=False))
def test_values_come_back_without_the_source_too(shared: Path, left: Spec, right: Spec) -> None:
    plan, _digest = saved(shared, tree(left), tree(right))
    bound = load(shared).resolve(Tree(), tree(right))
    assert compared(bound) == compared(plan)


def test_values_that_json_has_not(path: Path) -> None:
    class Odd(DSyncModel):
        _modelname = "odd"
        _identifiers = ("name",)
        _attributes = ("ratio", "facts", "text")
        name: str
        ratio: float = 0.0
        facts: Any = None
        text: Any = None

    odd = [Odd(name="x", ratio=math.nan, facts={1: {2}, "$hmac": 3, "b": (b"\xff", math.inf)}, text="\ud800")]
    saved(path, dataset(Odd, objects=odd), dataset(Odd))
    change = load(path).resolve(dataset(Odd, objects=odd), dataset(Odd)).changes[0]
    assert change.after["facts"] is odd[0].facts
    change = load(path).resolve(None, dataset(Odd)).changes[0]
    assert math.isnan(change.after["ratio"])
    assert change.after["facts"] == {"1": [2], "$hmac": 3, "b": [b"\xff", math.inf]}
    assert change.after["text"] == "\ud800"


@pytest.mark.parametrize("value", [object(), {1: 1, "1": 2}, [object]], ids=["object", "keys", "class"])
def test_values_without_a_json_form_are_refused(path: Path, value: Any) -> None:
    class Odd(DSyncModel):
        _modelname = "odd"
        _identifiers = ("name",)
        _attributes = ("facts",)
        name: str
        facts: Any = None

    path.write_text("before")
    with pytest.raises(RecordError, match=r'^odd "x": its facts cannot be written to a file: a '):
        saved(path, dataset(Odd, objects=[Odd(name="x", facts=value)]), dataset(Odd))
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


def test_identifiers_that_are_not_text(path: Path) -> None:
    class Row(DSyncModel):
        _modelname = "row"
        _identifiers = ("number", "kind")
        number: int
        kind: str

    saved(path, dataset(Row, objects=[Row(number=7, kind="a_")]), dataset(Row))
    assert load(path).resolve(None, dataset(Row)).changes[0].ids == {"number": 7, "kind": "a_"}
    text = path.read_text().replace('"number":7', '"number":8')
    path.write_text(resealed(text))
    with pytest.raises(RecordError, match=r"its identifiers are those of"):
        load(path).resolve(None, dataset(Row))


def resealed(text: str) -> str:
    """Return a changed plan with good digests, as only its author could make it."""
    lines = text.splitlines(keepends=True)[:-1]
    digests = plan_file._Digests()
    digests.add(lines[0].encode())
    for line in lines[1:]:
        try:
            digests.add(line.encode(), json.loads(line))
        except (TypeError, KeyError, AttributeError):  # a line that is not a change is refused before digests are compared
            digests.add(line.encode())
    header = json.loads(lines[0])
    return "".join(lines) + plan_file._footer(len(lines) - 1, digests, {name: header[name] for name in plan_file._CONTENT})


def test_a_value_that_the_target_cannot_take_is_named(path: Path) -> None:
    spec = {"a": (None, {"ratio": 2.5})}
    saved(path, tree(spec), Tree())
    path.write_text(resealed(path.read_text().replace('"ratio":2.5', '"ratio":"much"')))
    with pytest.raises(RecordError, match=r'node "a": its ratio does not fit the field in tree \(ValidationError\)'):
        load(path).resolve(None, tree({}))


# ---------------------------------------------------------------------- secrets


def vault(password: str | None = PLANTED, token: str = PLANTED, facts: Any = None) -> Tree:
    values = {"token": SecretStr(token), "facts": facts, **({} if password is None else {"password": password})}
    return tree({"a": (None, values)})


def test_a_secret_that_moved_is_refused(path: Path) -> None:
    saved(path, vault(facts=[SecretStr(PLANTED)]), tree({"a": (None, {})}))
    assert PLANTED not in path.read_text()
    bound = load(path).resolve(vault(facts=[SecretStr(PLANTED)]), tree({"a": (None, {})}))
    assert bound.changes[0].after["password"] == PLANTED
    with pytest.raises(SecretMoved, match='password of node "a"') as caught:
        load(path).resolve(vault("other-one", facts=[SecretStr(PLANTED)]), tree({"a": (None, {})}))
    assert PLANTED not in str(caught.value)
    assert "other-one" not in str(caught.value)


def test_a_secret_of_the_target_that_moved_is_stale(path: Path) -> None:
    saved(path, vault(), vault("old"))
    bound = load(path).resolve(vault(), vault("moved"))
    with pytest.raises(Refused, match=r'node "a": its password is not as expected$') as caught:
        check(bound, vault("moved"))
    assert PLANTED not in str(caught.value)
    assert "********" in repr(bound.changes[0].before)


def test_digests_of_equal_secrets_differ_by_object_and_plan(path: Path) -> None:
    source = tree({"a": (None, {"password": PLANTED}), "b": (None, {"password": PLANTED})})
    saved(path, source, Tree(), salt=None)
    first = [change.after["password"].digest for change in load(path)]
    saved(path, source, tree({"c": (None, {})}), salt=None)
    second = [change.after["password"].digest for change in load(path) if change.after]
    assert len({*first, *second}) == 4


def test_a_key_is_needed_where_there_is_one(path: Path) -> None:
    saved(path, vault(), Tree(), key="right")
    assert load(path).resolve(vault(), Tree(), "right").changes[0].after["password"] == PLANTED
    with pytest.raises(Refused, match="with a key, but no key was given"):
        load(path).resolve(vault(), Tree())
    with pytest.raises(Refused, match="with another key"):
        load(path).resolve(vault(), Tree(), "wrong")
    saved(path, vault(), Tree())
    with pytest.raises(Refused, match="without a key, but one was given"):
        load(path).resolve(vault(), Tree(), "right")


def test_a_plan_from_a_file_is_not_applied_before_it_is_prepared(path: Path) -> None:
    source, target = vault(), Tree()
    saved(path, source, target)
    stored = load(path)
    assert not isinstance(stored, Plan)
    with pytest.raises(PlanNotReady, match=r"a plan from a file contains no real values; apply the plan that prepare_plan\("):
        target.apply(stored, source, verdicts={})
    with pytest.raises(PlanNotReady, match=r"plan.jsonl was not compared with Tree; apply the plan that prepare_plan\(\) returns"):
        target.apply(stored.resolve(source, target), source)
    for loose in (Plan(stored), undo_plan(undo_plan(stored))):
        with pytest.raises(PlanNotReady, match=r'create node "a" has no real value for token; apply the plan that prepare_plan\('):
            target.apply(loose, source)
    assert target.count() == 0
    assert target.apply(prepare_plan(stored, source, target), source).counts["done"] == 1
    assert target.get("node", "a").password == PLANTED


def test_a_prepared_plan_knows_what_is_done_and_what_is_stale(path: Path) -> None:
    source, target = tree({"a": (None, {"number": 1}), "b": (None, {"number": 2})}), Tree()
    saved(path, source, target)
    stored = load(path)
    half = tree({"a": (None, {"number": 1})})
    counts = half.apply(prepare_plan(stored, source, half), source).counts
    assert (counts["already_done"], counts["done"]) == (1, 1)
    moved = tree({"a": (None, {"number": 7})})
    with pytest.raises(StaleTarget, match='node "a" is there already, and its number is 7'):
        prepare_plan(stored, source, moved)
    counts = moved.apply(prepare_plan(stored, source, moved, on_stale="skip"), source).counts
    assert (counts["refused"], counts["done"]) == (1, 1)
    assert moved.get("node", "a").number == 7


def test_what_is_protected_needs_no_real_values(path: Path) -> None:
    saved(path, vault(), Tree())
    target = Tree()
    bound = load(path).resolve(None, target, lost_secrets="leave")
    assert target.apply(bound, vault(), verdicts=check(bound, target)).counts["refused"] == 1


def test_what_is_lost_is_never_left_empty(path: Path) -> None:
    saved(path, vault(), tree({"a": (None, {"number": 4})}))
    bound = load(path).resolve(None, tree({"a": (None, {})}), lost_secrets="leave")
    assert bound.changes[0].after == {"number": 0}
    assert bound.changes[0].before == {"number": 4}
    assert bound.warnings == ('node "a": the value of token, password cannot be found any more, so it is not changed',)
    saved(path, vault(), Tree())
    target = Tree()
    bound = load(path).resolve(None, target, lost_secrets="leave")
    assert "it is not created" in bound.warnings[0]
    result = target.apply(bound, Tree(), verdicts=check(bound, target))
    assert result.outcomes[0].status == OutcomeStatus.REFUSED
    assert len(target) == 0


def test_a_default_is_found_again(path: Path) -> None:
    saved(path, tree({"a": (None, {})}), Tree())
    assert load(path).resolve(None, Tree()).changes[0].after["password"] == "factory"


def test_a_stored_plan_keeps_its_digests(path: Path, tmp_path: Path) -> None:
    saved(path, vault(facts={"$bytes": 1}), Tree(), key="k")
    copy = tmp_path / "copy.jsonl"
    with pytest.raises(Refused):
        save(load(path), copy, source=None, target=Tree())
    save(load(path), copy, source=None, target=Tree(), key="k")
    assert path.read_text().splitlines()[1] == copy.read_text().splitlines()[1]
    assert load(copy).resolve(vault(facts={"$bytes": 1}), Tree(), "k").changes[0].after["password"] == PLANTED


# ---------------------------------------------------------------------- other models


def model(**fields: Any) -> type[DSyncModel]:
    declared = {name: kind for name, kind in fields.items() if not name.startswith("_")}
    body = {"_modelname": "box", "_identifiers": ("name",), "_attributes": tuple(declared), "__annotations__": {"name": str}}
    body["__annotations__"] |= declared
    return type("Box", (DSyncModel,), {**body, **{name: value for name, value in fields.items() if name.startswith("_")}})


def test_fingerprints() -> None:
    def of(**fields: Any) -> str:
        return fingerprint(dataset(model(**fields)), dataset(model(**fields)))

    assert of(size=int) == of(size=int)
    others = [of(size=int), of(size=int | None), of(size=list[int]), of(), of(size=int, colour=str), of(size=Any)]
    others += [of(size=int, _sensitive=("size",)), of(size=dict[str, tuple[int, ...]])]
    assert len(set(others)) == len(others)
    assert of(size=int | None) == of(size=None | int)


class Colour(Enum):
    RED = "red"


class Paint(BaseModel):
    colour: Colour
    under: Paint | None = None


@dataclasses.dataclass
class Size:
    width: int


def test_fingerprints_cover_what_changes_the_meaning_of_values() -> None:
    def of(**fields: Any) -> str:
        return fingerprint(dataset(model(**fields)), None)

    others = [of(size=int), of(size=int, _read_only=("size",)), of(size=int, _create_only=("size",))]
    others += [of(size=str), of(size=str, _references={"size": "box"}), of(size=str, _references={"size": ("box", "crate")})]
    others += [of(size=Colour), of(size=Enum("Colour", {"RED": "rot"})), of(size=Enum("Colour", {"RED": "red", "BLUE": "blue"}))]
    paints = [create_model("Paint", colour=(kind, ...)) for kind in (str, int)]
    others += [of(size=Paint), *(of(size=paint) for paint in paints), of(size=list[Paint])]
    others += [of(size=Size), of(size=dataclasses.make_dataclass("Size", [("width", str)]))]
    assert len(set(others)) == len(others)
    assert of(size=int, _protected=("delete",)) == of(size=int)


def test_fingerprints_do_not_depend_on_the_release_of_pydantic() -> None:
    described = [schema._described(kind) for kind in (AnyUrl, AnyHttpUrl | None, PostgresDsn, SecretStr)]
    assert described == ["Url", "None | Url", "MultiHostUrl", "SecretStr"]


def test_a_plan_for_other_models_is_refused(path: Path) -> None:
    one, other = dataset(model(size=int), name="cmdb"), dataset(model(size=str), name="cmdb")
    saved(path, one, one)
    load(path).resolve(one, one)
    with pytest.raises(Refused, match='no longer matches the target: the model "box" of cmdb is declared differently now'):
        load(path).resolve(one, other)
    with pytest.raises(
        Refused,
        match=r'no longer matches the source: the model "box".*; declare the models as they were then, or make the plan again$',
    ):
        load(path).resolve(other, one)
    with pytest.raises(Refused, match='the model "box" of tree is gone now'):
        load(path).resolve(one, Tree("tree"))


def test_other_top_level_models_are_refused(path: Path) -> None:
    box, crate = model(size=int), type("Crate", (model(),), {"_modelname": "crate"})
    saved(path, dataset(box, crate), dataset(box, crate))
    with pytest.raises(Refused, match="the top-level models of Dataset have changed"):
        load(path).resolve(None, dataset(box, crate, top_level=["box"]))


# ---------------------------------------------------------------------- files that are no plans


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(RecordError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert caught.value.__cause__ is None
    return message


def test_what_is_no_plan(path: Path) -> None:
    with pytest.raises(RecordError, match=r"plan.jsonl cannot be read: No such file"):
        load(path)
    with pytest.raises(RecordError, match="is a directory"):
        load(path.parent)
    with pytest.raises(RecordError, match="Not a directory"):
        load(Path(__file__) / "x")
    with pytest.raises(RecordError, match="no ordinary file"):
        load("/dev/zero")
    with pytest.raises(RecordError, match="null"):
        load("a\0b")
    assert "it is empty" in refusal(path, b"")
    for junk in (b"hello\n", b"\xff\xfe\0\n", b"[1]\n", b'{"format":"tar"}\n', b"[" * 100_000 + b"\n", b"{}\n"):
        assert "it is not a plan of dsync" in refusal(path, junk)
    for version, way in ((2, "make the plan again"), (4, "use that release")):
        said = refusal(path, b'{"format":"dsync-plan","version":%d}\n' % version)
        assert f"version {version} of another release, and this dsync (0.1.0) reads version 3; {way}" in said
    assert "header is malformed" in refusal(path, b'{"format":"dsync-plan","version":3}\n')


def test_damaged_plans(path: Path) -> None:
    estates(path)
    lines = path.read_bytes().splitlines(keepends=True)
    whole = b"".join(lines)
    assert "truncated at line 7" in refusal(path, b"".join(lines[:6]))
    assert "truncated at line 7" in refusal(path, b"".join(lines[:6]) + lines[6][:30])
    assert "truncated at line 14" in refusal(path, b"".join(lines[:-1]))
    assert "truncated at line 14" in refusal(path, whole[:-1])
    assert "lines are missing" in refusal(path, b"".join(lines[:12] + lines[13:]))
    assert "line 4 is malformed" in refusal(path, b"".join([*lines[:3], b"{nonsense\n", *lines[4:]]))
    assert "line 4 is malformed" in refusal(path, b"".join([*lines[:3], b'{"action":1}\n', *lines[4:]]))
    assert "digest does not match" in refusal(path, whole.replace(b'"555-0"', b'"555-9"'))
    assert "out of place" in refusal(path, b"".join([*lines[:2], lines[1], *lines[3:]]))
    assert "added after its end" in refusal(path, whole + b"{}\n")
    assert "does not end where" in refusal(path, b"".join([*lines[:-1], lines[1], lines[-1]]))
    assert "does not match its changes" in refusal(path, resealed(whole.decode().replace('"update":1', '"update":2')).encode())
    assert "longer than" in refusal(path, lines[0] + b"x" * (LONGEST_LINE + 5))


def test_a_huge_line_takes_no_memory(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 34)  # 16 GiB of nothing
    tracemalloc.start()
    with pytest.raises(RecordError, match="line 1 is longer"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 5 * LONGEST_LINE
    tracemalloc.stop()


@pytest.mark.parametrize("rounds", [500, pytest.param(3000, marks=pytest.mark.long)])
def test_fuzzed_plans_are_refused_or_the_plan_itself(path: Path, rounds: int) -> None:
    plan, _digest = saved(path, vault(facts={"a": [1, "é"]}), tree({"b": (None, {}), "c": ("b", {"raw": b"\xff"})}))
    whole = path.read_bytes()
    chance = random.Random(4)
    good = 0
    for _round in range(rounds):
        path.write_bytes(_damaged(chance, whole))
        try:
            loaded = load(path)
        except RecordError as error:
            assert "\n" not in str(error)  # noqa: PT017 - it need not be raised
        else:
            good += 1
            assert path.read_bytes() == whole
            assert [change.key for change in loaded] == [change.key for change in plan]
    assert good < rounds / 10


def _damaged(chance: random.Random, whole: bytes) -> bytes:
    lines, data = whole.splitlines(keepends=True), bytearray(whole)
    kind, place = chance.randrange(8), chance.randrange(len(whole))
    if kind == 0:
        data[place] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del data[place : place + chance.randrange(1, 50)]
    elif kind == 2:
        data[place:place] = bytes(chance.randrange(256) for _byte in range(chance.randrange(1, 9)))
    elif kind == 3:
        chance.shuffle(lines)
        return b"".join(lines)
    elif kind == 4:
        lines.insert(chance.randrange(len(lines)), chance.choice(lines))
        return b"".join(lines)
    elif kind == 5:
        return whole[:place]
    elif kind == 6:
        swapped = chance.choice([b"null", b"1", b'"x"', b"[]", b"{}", b"[" * 5000, b"1e999", b"9" * 5000, b'"\\ud800"'])
        data[place : place + chance.randrange(6)] = swapped
    else:
        data[place] = chance.randrange(256)
    return bytes(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda one: (
            st.lists(one)
            | st.dictionaries(
                st.sampled_from(["action", "model", "id", "ids", "before", "after", "parent", "requires", "leaves", "$hmac"]), one
            )
        ),
    )
)
def test_a_resealed_plan_of_anything_is_refused_with_a_sentence(shared: Path, value: Any) -> None:
    saved(shared, vault(), Tree())
    lines = shared.read_text().splitlines()
    change = json.loads(lines[1])
    parts = {**change, **value} if isinstance(value, dict) else {**change, "before": value}
    shared.write_text(resealed("\n".join([lines[0], json.dumps(parts), lines[2]]) + "\n"))
    try:
        load(shared).resolve(vault(), Tree())
    except (RecordError, Refused) as error:
        assert "\n" not in str(error)  # noqa: PT017 - it need not be raised


# ---------------------------------------------------------------------- writing


@pytest.mark.long
def test_writing_a_big_plan_takes_little_memory(path: Path) -> None:
    changes = [
        Change(DSyncAction.CREATE, "node", f"n{number}", {"name": f"n{number}"}, after={"facts": {"a": [number] * 100}})
        for number in range(5_000)
    ]
    plan = Plan(changes)
    assert len({change.key for change in plan}) == len(changes)  # each keeps its key from now on
    gc.collect()
    tracemalloc.start()
    save(plan, path, source=None, target=Tree())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 2_000_000
    assert peak < 800_000


def test_a_change_that_is_too_long_is_refused(path: Path) -> None:
    with pytest.raises(RecordError, match="a change has more than"):
        saved(path, tree({"a": (None, {"facts": "x" * LONGEST_LINE})}), Tree())
    assert not path.exists()


def test_nowhere_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for where, why in (
        (tmp_path / "no" / "plan", f"cannot be written: there is no directory {tmp_path / 'no'}$"),
        (Path(__file__) / "plan", "Not a directory"),
        (tmp_path, "is a directory"),
        (Path("/dev/full"), "no ordinary file"),
        (tmp_path / ("x" * 300), "name too long"),
    ):
        with pytest.raises(RecordError, match=why):
            estates(where)

    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "plan").write_text("before")
    with pytest.raises(RecordError, match=r"plan cannot be written: No space left on device$"):
        estates(tmp_path / "plan")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("plan", "before")]
