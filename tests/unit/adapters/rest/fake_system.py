# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stateful fake of a system that cannot be installed here, made of a description in ``fakes``.

It is no proof of how the system behaves, but of what a preset asks of it: it refuses paths, methods, fields, types, missing and
duplicate values that the description does not have, divides collections into small pages, and answers errors in the system's form.

::

    auth: {header: Authorization, value: Bearer secret}      # 401 without it; or cookie, after login
    login: {path: /login, fields: {name: u, pwd: p}, answer: {token: "$token"}}
    error: {errors: [$message]}                               # the form of an error
    collections:
      team:
        parent: org                                           # its key is {parent} in paths, or in the field parent_field
        key: {field: id, made: number}                        # or uuid, or the name of a field that has it
        list: {path: "/orgs/{parent}/teams", wrap: data, pages: {style: link, param: page, size_param: limit}}
        create: {path: "/orgs/{parent}/teams", answer: record}         # or nothing, key, or {field: "$key"}
        update: {method: PATCH, path: "/teams/{key}", replaces: false}      # needs: [name] refuses one without that field
        delete: {path: "/teams/{key}"}                        # a create with upsert: true changes a record that is there
        fields: {name: {type: string, required: true}, members: {type: integer, read_only: true, default: 0}}
        unique: [name, [org, code]]
        update: {path: …, counts_with: {all: permission}}     # a field that is ignored without another one
        secret: {field: inputs, names: [password], shown: "$hidden"}   # values that are shown as this text
        needs_one: [org, user]                                # fields, one of which a new record has to have
        seed: [{name: built-in}]                              # records that are there from the beginning
        shows: {org_name: [org, [org], name]}                 # field that is shown: the key, the collections that have it, a field
        parts:
          survey: {path: "/teams/{key}/survey", requires: [name, spec]}       # GET, POST and DELETE of a dictionary
          quiz: {path: …, requires: [spec], conceals: {type: password, shown: "$hidden"}}    # with defaults that are not shown
          tags: {path: …, of: [tag], shown: tags, counted: true, kept_by_use: true}  # a number and keys; removed with the last use
          nodes: {path: "/teams/{key}/nodes", of: [node], shown: nodes}       # GET, and POST of a key, with disassociate

A field with ``of: [collection]`` holds the key of a record there. When that is removed, so is this one with ``cascade: true``, and
otherwise the field becomes null. A field with ``create_only`` is refused in updates. A list with ``by_key: uuid`` is a dictionary
by that field. ``views`` list several collections as one; ``pairs`` are a dictionary of single values.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from dsync.records.path import MISSING, read, write
from rest_api import Reply, Request

TYPES: dict[str, type[Any] | tuple[type[Any], ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
}  # fmt: skip
PAGE = 2
METHODS = {"list": "GET", "get": "GET", "create": "POST", "update": "PATCH", "delete": "DELETE"}


class Refused(Exception):
    """The fake refuses a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class FakeSystem:
    """Answers requests as a description says; attached to an :class:`rest_api.Api` as ``intervene``.

    Attributes:
        records: name of a collection → its records in their order.
        finished: how often each of ``calls`` was requested.
    """

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._about = description
        self.finished: list[str] = []
        self._ids = itertools.count(101)
        self.records: dict[str, list[dict[str, Any]]] = {
            name: [{about["key"]["field"]: next(self._ids), **copy.deepcopy(one)} for one in about.get("seed", ())]
            for name, about in description["collections"].items()
        }
        self.pairs = {path: dict(values) for path, values in description.get("pairs", {}).items()}

    def __call__(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except Refused as refused:
            unknown = self._about["auth"].get("status") if refused.status == 401 else None
            status = unknown or self._about.get("error_status", refused.status)
            return Reply(status, _filled(self._about["error"], {"$message": refused.message, "$status": refused.status}))

    def _answer(self, request: Request) -> Reply:
        login = self._about.get("login")
        if login and request.path == login["path"]:
            if request.body != login["body"] or request.headers.get("Authorization") != login.get("auth"):
                raise Refused(401, "unknown user")
            return Reply(200, login.get("answer", {}), login.get("headers", {}))
        self._check_login(request)
        if request.path in self._about.get("calls", ()):
            self.finished.append(request.path)
            return Reply(200, {"status": "ok"})
        if request.path in self.pairs:
            return self._paired(request)
        for way in self._about.get("views", ()):
            if request.method == "GET" and request.path == way["path"]:
                there = [self._shown(one, self._about["collections"][name]) for name in way["of"] for one in self.records[name]]
                return self._paged(there, way, {}, request)
        for name, about in self._about["collections"].items():
            for part, way in about.get("parts", {}).items():
                found = _match(way, request.method, request)
                if found is not None:
                    return self._part(name, about, part, way, found, request)
            for action, method in METHODS.items():
                way = about.get(action)
                found = way and _match(way, method, request)
                if found is not None and found is not False:
                    return getattr(self, f"_{action}")(name, about, way, found, request)
        raise Refused(404, f"there is no {request.method} {request.target}")

    def _check_login(self, request: Request) -> None:
        auth = self._about["auth"]
        given = {name.lower(): value for name, value in request.headers.items()}.get(auth["header"].lower())
        if given != auth["value"]:
            raise Refused(401, "not logged in")

    # ------------------------------------------------------------------ actions

    def _list(self, name: str, about: Any, way: Any, found: Mapping[str, str], request: Request) -> Reply:
        there = [self._shown(one, about) for one in self.records[name] if self._is_below(one, about, found)]
        return self._paged(there, way, found, request)

    def _paged(self, there: list[Any], way: Any, found: Mapping[str, str], request: Request) -> Reply:
        answer: Any = {}
        shown, headers = there, {}
        pages = way.get("pages", {"style": "none"})
        size = min(int(request.query.get(pages.get("size_param", ""), PAGE)), pages.get("most", PAGE))
        at = request.query.get(pages.get("param", ""))
        if pages["style"] == "offset":
            start = int(at or 0)
            shown = there[start : start + size]
        elif pages["style"] == "page":
            start = (int(at or pages.get("first", 1)) - pages.get("first", 1)) * size
            shown = there[start : start + size]
        elif pages["style"] in ("link", "cursor"):
            start = int(at or 0)
            shown, after = there[start : start + size], start + size
            if after < len(there) and "header" in pages:
                headers[pages["header"]] = str(after)
            elif after < len(there) and pages["style"] == "cursor":
                write(answer, tuple(pages["next"].split(".")), str(after))
            elif after < len(there):
                query = f"{pages['param']}={after}&{pages['size_param']}={size}"
                headers["Link"] = f'<{way["path"].format(**{k: quote(v) for k, v in found.items()})}?{query}>; rel="next"'
        if "total" in pages and pages["total"].startswith("X-"):
            headers[pages["total"]] = str(len(there))
        elif "total" in pages:
            write(answer, tuple(pages["total"].split(".")), len(there))
        listed: Any = list(shown)
        if way.get("by_key"):
            listed = {one.pop(way["by_key"]): one for one in listed} or []  # as PHP writes an empty array
        if not listed and "nothing" in way:
            return Reply(200, way["nothing"])
        if not listed and "empty" in way:
            return Reply(way["empty"], _filled(self._about["error"], {"$message": "nothing", "$status": way["empty"]}))
        if "wrap" not in way:
            return Reply(200, listed, headers)
        write(answer, tuple(way["wrap"].split(".")), listed)
        return Reply(200, answer, headers)

    def _get(self, name: str, about: Any, way: Any, found: Mapping[str, str], request: Request) -> Reply:
        return self._replied(way, self._one(name, about, found["key"]), about)

    def _create(self, name: str, about: Any, way: Any, found: Mapping[str, str], request: Request) -> Reply:
        body = self._body(way, request)
        key = about["key"]
        if "key" in found:
            if way.get("upsert") and self._found(name, about, found["key"], found):
                return self._update(name, about, about["update"], found, request)
            write(body, tuple(key["field"].split(".")), unquote(found["key"]))
        self._check(name, about, body, whole=True)
        if "needs_one" in about and not any(body.get(field) for field in about["needs_one"]):
            raise Refused(400, f"missing one of {about['needs_one']}")
        record: dict[str, Any] = {}
        for field, one in about["fields"].items():
            if "default" in one:
                write(record, tuple(field.split(".")), copy.deepcopy(one["default"]))
        _merge(record, body)
        if "parent" in about:
            above = unquote(found["parent"]) if "parent" in found else str(body.get(about["parent_field"]))
            self._one(about["parent"], self._about["collections"][about["parent"]], above)
            record["$parent"] = above
        number = next(self._ids)
        made = {"number": number, "text": str(number), "uuid": f"00000000-0000-4000-8000-{number:012}"}
        if key["made"] in made:
            write(record, tuple(key["field"].split(".")), made[key["made"]])
        elif "$" in key["made"]:
            text = re.sub(r"\$(\w+)", lambda one: str(record.get(one[0], record.get(one[1], ""))), key["made"])
            write(record, tuple(key["field"].split(".")), text)
        self.records[name].append(record)
        return self._replied(way, record, about, 201)

    def _update(self, name: str, about: Any, way: Any, found: Mapping[str, str], request: Request) -> Reply:
        body = self._body(way, request)
        record = self._one(name, about, found.get("key") or str(body.get(about["key"]["field"], "")), found)
        if [field for field in way.get("needs", ()) if field not in body]:
            raise Refused(400, f"{way['needs']} are needed")
        self._check(name, about, body, whole=bool(way.get("replaces")), beside=record)
        self._keep_secrets(about, body, record)
        for field in [field for field, other in way.get("counts_with", {}).items() if other not in body]:
            body.pop(field, None)
        for path, value in _leaves(body, {tuple(field.split(".")) for field in about["fields"]}):
            write(record, path, copy.deepcopy(value))
        return self._replied(way, record, about)

    def _delete(self, name: str, about: Any, way: Any, found: Mapping[str, str], request: Request) -> Reply:
        keys = [found["key"]] if "key" in found else read(request.body, tuple(way["keys"].split(".")))
        for one in keys:
            record = self._one(name, about, one, found)
            self.records[name].remove(record)
            self._forget(name, record, about)
            for other, below in self._about["collections"].items():
                if below.get("parent") == name:
                    self.records[other] = [it for it in self.records[other] if it.get("$parent") != _key(record, about)]
        return self._replied(way, record, about, 204)

    def _forget(self, name: str, gone: Mapping[str, Any], about: Any) -> None:
        """Remove what belongs to a record that is gone, and empty the fields that refer to it."""
        key = read(gone, tuple(about["key"]["field"].split(".")))
        for way in about.get("parts", {}).values():
            if "creates" in way:
                self.records[way["creates"]] = [one for one in self.records[way["creates"]] if one["id"] != gone[way["into"]]]
        for other, below in self._about["collections"].items():
            for part, way in below.get("parts", {}).items():
                for record in self.records[other]:
                    if name in way.get("of", ()) and key in record.get(f"${part}", ()):
                        record[f"${part}"].remove(key)
            for field, one in below["fields"].items():
                for record in [it for it in self.records[other] if name in one.get("of", ()) and str(it.get(field)) == str(key)]:
                    if not one.get("cascade"):
                        record[field] = None
                    elif record in self.records[other]:
                        self.records[other].remove(record)
                        self._forget(other, record, below)

    def _part(self, name: str, about: Any, part: str, way: Any, found: Mapping[str, str], request: Request) -> Reply:
        record, slot = self._one(name, about, found["key"]), f"${part}"
        if "creates" in way:
            return self._made_by(record, way, request)
        if "of" not in way:
            return self._single(record, slot, way, request)
        if request.method == "GET":
            others = self._about["collections"][way["of"][0]]
            there = [self._one(way["of"][0], others, key) for key in record.get(slot, ())]
            return self._paged([self._shown(one, others) for one in there], way, {}, request)
        key = request.body.get("id")
        if (
            request.method != "POST"
            or not isinstance(key, int)
            or isinstance(key, bool)
            or set(request.body) - {"id", "disassociate"}
        ):
            raise Refused(400, '"id" field must be an integer')
        self._one(way["of"][0], self._about["collections"][way["of"][0]], key)
        keys = record.setdefault(slot, [])
        if request.body.get("disassociate"):
            record[slot] = [one for one in keys if one != key]
            if way.get("kept_by_use") and not self._is_used(way["of"][0], key):
                self.records[way["of"][0]] = [one for one in self.records[way["of"][0]] if one["id"] != key]
        elif any(key in record.get(f"${other}", ()) for other in way.get("apart", ())) or key == record.get("id"):
            raise Refused(400, "relationship not allowed")
        elif key not in keys:
            keys.append(key)
        return Reply(204)

    @staticmethod
    def _single(record: dict[str, Any], slot: str, way: Any, request: Request) -> Reply:
        there, conceals = record.get(slot, {}), way.get("conceals", {})
        if request.method == "GET":
            shown = copy.deepcopy(there)
            for one in shown.get("spec", ()):
                if one["type"] == conceals.get("type") and one.get("default"):
                    one["default"] = conceals["shown"]
            return Reply(200, shown)
        if request.method != "POST":
            record[slot] = {}
            return Reply(200, None)
        if [one for one in way["requires"] if one not in request.body]:
            raise Refused(400, f"{way['requires']} are required")
        known = {one["variable"]: one.get("default") for one in there.get("spec", ())}
        for one in request.body["spec"]:
            if one["type"] == conceals.get("type") and one.get("default") == conceals["shown"]:
                one["default"] = known[one["variable"]]
        record[slot] = request.body
        return Reply(200, None)

    def _is_used(self, name: str, key: Any) -> bool:
        """Return whether a part of any record has the key of one of some collection."""
        return any(
            key in record.get(f"${part}", ())
            for other, about in self._about["collections"].items()
            for part, way in about.get("parts", {}).items()
            for record in self.records[other]
            if name in way.get("of", ())
        )

    def _made_by(self, record: dict[str, Any], way: Any, request: Request) -> Reply:
        about = self._about["collections"][way["creates"]]
        self._check(way["creates"], about, dict(request.body), whole=True)
        old, made = record.get(way["into"]), {"id": next(self._ids), **request.body}
        self.records[way["creates"]] = [one for one in self.records[way["creates"]] if one["id"] != old]
        self.records[way["creates"]].append(made)
        record[way["into"]] = made["id"]
        return Reply(201, made)

    def _paired(self, request: Request) -> Reply:
        values = self.pairs[request.path]
        for name, value in (request.body or {}).items() if request.method == "PATCH" else ():
            if name not in values or type(value) is not type(values[name]):
                raise Refused(400, f"there is no setting {name}, or it has another type")
            values[name] = value
        return Reply(200, values)

    def _keep_secrets(self, about: Any, body: dict[str, Any], record: Mapping[str, Any]) -> None:
        secret = about.get("secret")
        given = body.get(secret["field"]) if secret else None
        for name in secret["names"] if isinstance(given, dict) else ():
            if given.get(name) == secret["shown"]:
                given[name] = record[secret["field"]][name]

    # ------------------------------------------------------------------ records

    def _body(self, way: Any, request: Request) -> dict[str, Any]:
        if not isinstance(request.body, dict):
            raise Refused(400, "the body is no object")
        for field, value in way.get("constants", {}).items():
            if read(request.body, tuple(field.split("."))) != value:
                raise Refused(400, f"{field} should be {value}")
        body = read(request.body, tuple(way["unwrap"].split("."))) if "unwrap" in way else request.body
        if not isinstance(body, dict):
            raise Refused(400, f"there is no {way['unwrap']}")
        body = copy.deepcopy(body)
        for field in way.get("constants", {}) if "unwrap" not in way else ():
            body.pop(field, None)
        return body

    def _check(self, name: str, about: Any, body: dict[str, Any], whole: bool, beside: Any = None) -> None:
        """Refuse a record that the description does not allow."""
        known = {tuple(field.split(".")): one for field, one in about["fields"].items()}
        known.setdefault(tuple(about["key"]["field"].split(".")), {"type": "any"})
        for path, value in _leaves(body, set(known)):
            field = ".".join(path)
            one = known.get(path)
            if one is None:
                raise Refused(400, f"unknown field {field}")
            if one.get("read_only") and (beside is None or read(beside, path) != value):
                raise Refused(400, f"{field} is read-only")
            if one.get("create_only") and beside is not None:
                raise Refused(400, f"{field} cannot be changed")
            self._check_value(field, one, value)
            if "of" in one and value is not None and not any(self._has(other, value) for other in one["of"]):
                raise Refused(400, f"{field}: there is no object {value}")
        for path, one in known.items():
            if whole and one.get("required") and read(body, path) in (MISSING, None, ""):
                raise Refused(400, f"{'.'.join(path)} is required")
        for unique in about.get("unique", ()):
            fields = [unique] if isinstance(unique, str) else unique
            paths = [tuple(field.split(".")) for field in fields]
            values = [read({**(beside or {}), **body}, path) for path in paths]
            rivals = [one for one in self.records[name] if one is not beside]
            if MISSING not in values and any([read(one, path) for path in paths] == values for one in rivals):
                raise Refused(409, f"{fields} {values} is taken")

    @staticmethod
    def _check_value(field: str, one: Mapping[str, Any], value: Any) -> None:
        if one["type"] == "any" or (value is None and one.get("nullable")):
            return
        kind = TYPES[one["type"]]
        if not isinstance(value, kind) or (isinstance(value, bool) and one["type"] != "boolean"):
            raise Refused(400, f"{field} should be of type {one['type']}")
        if len(value) < one["shortest"] if "shortest" in one else False:
            raise Refused(400, f"{field} is too short")
        if "choices" in one and value not in one["choices"]:
            raise Refused(400, f"{field} should be one of {one['choices']}")

    def _one(self, name: str, about: Any, key: Any, below: Mapping[str, str] | None = None) -> dict[str, Any]:
        found = self._found(name, about, key, below or {})
        if found is None:
            raise Refused(404, f"there is no {name} {key}")
        return found

    def _found(self, name: str, about: Any, key: Any, below: Mapping[str, str]) -> dict[str, Any] | None:
        there = [one for one in self.records[name] if "parent" not in below or self._is_below(one, about, below)]
        return next((one for one in there if _key(one, about) == unquote(str(key))), None)

    def _has(self, name: str, key: Any) -> bool:
        return any(_key(one, self._about["collections"][name]) == str(key) for one in self.records[name])

    def _is_below(self, record: Mapping[str, Any], about: Any, found: Mapping[str, str]) -> bool:
        return "parent" not in about or record["$parent"] == unquote(found["parent"])

    def _shown(self, record: Mapping[str, Any], about: Any) -> dict[str, Any]:
        hidden = {field for field, one in about["fields"].items() if one.get("write_only")}
        shown = {name: copy.deepcopy(value) for name, value in record.items() if name[0] != "$" and name not in hidden}
        for field, way in about.get("shows", {}).items():
            if (value := self._looked_up(record, *way)) is not None:
                write(shown, tuple(field.split(".")), value)
        for part, way in about.get("parts", {}).items():
            if "shown" in way and (value := self._part_shown(record, part, way)) is not None:
                write(shown, tuple(way["shown"].split(".")), value)
        if "secret" in about:
            values = shown.get(about["secret"]["field"]) or {}
            values.update({name: about["secret"]["shown"] for name in about["secret"]["names"] if name in values})
        return _filled(about["item"], {"$record": shown}) if "item" in about else shown

    def _looked_up(self, record: Mapping[str, Any], field: str, collections: list[str], name: str) -> Any:
        for one in collections:
            for other in self.records[one]:
                if _key(other, self._about["collections"][one]) == str(record.get(field)):
                    return other if name == "*" else other.get(name, self._about["collections"][one].get("constant", {}).get(name))
        return None

    def _part_shown(self, record: Mapping[str, Any], part: str, way: Any) -> Any:
        value = record.get(f"${part}")
        if "of" not in way:
            return {"title": value["name"]} if value else None
        records = [{"id": key} for key in value or ()]
        if way.get("counted"):
            return {"count": len(records), "results": records}
        return records if way.get("as_records") else list(value or ())

    def _replied(self, way: Any, record: Mapping[str, Any], about: Any, status: int = 200) -> Reply:
        answer, headers = way.get("answer", "record"), {}
        if way.get("location"):
            headers["Location"] = f"{way['location']}/{quote(_key(record, about), safe='')}"
        status = way.get("status", status)
        if status == 204 or answer == "nothing":
            return Reply(status, None, headers)
        if answer == "record":
            return Reply(status, self._shown(record, about), headers)
        key = read(record, tuple(about["key"]["field"].split(".")))
        return Reply(status, _filled(answer, {"$key": key, "$record": self._shown(record, about)}), headers)


def _key(record: Mapping[str, Any], about: Any) -> str:
    return str(read(record, tuple(about["key"]["field"].split("."))))


def _match(way: Mapping[str, Any], method: str, request: Request) -> Mapping[str, str] | None:
    """Return the values of the braces in a path; None where a request is another one."""
    if request.method != way.get("method", method) or ("call" in way and read(request.body, ("method",)) != way["call"]):
        return None
    if any(request.query.get(parameter) != str(value) for parameter, value in way.get("query", {}).items()):
        return None
    text = "".join(
        f"(?P<{part[1:-1]}>{way.get('key_form', '[^/]+')})" if part[:1] == "{" else re.escape(part)
        for part in re.split(r"(\{\w+\})", way["path"])
    )
    found = re.fullmatch(text, request.path)
    return None if found is None else found.groupdict()


def _leaves(
    body: Mapping[str, Any], known: set[tuple[str, ...]], way: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in body.items():
        path = (*way, name)
        inner = any(one[: len(path)] == path and len(one) > len(path) for one in known)
        if isinstance(value, dict) and inner and path not in known:
            yield from _leaves(value, known, path)
        else:
            yield path, value


def _merge(record: dict[str, Any], body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        if isinstance(value, dict) and isinstance(record.get(name), dict):
            _merge(record[name], value)
        else:
            record[name] = copy.deepcopy(value)


def _filled(form: Any, values: Mapping[str, Any]) -> Any:
    """Return a form with values in the places of their names."""
    if isinstance(form, dict):
        return {name: _filled(one, values) for name, one in form.items()}
    if isinstance(form, list):
        return [_filled(one, values) for one in form]
    return values.get(form, form) if isinstance(form, str) else form
