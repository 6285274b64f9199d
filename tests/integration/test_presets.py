# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system that no preset is for is mapped by one file beside the playbook; what is wrong about it is one sentence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml
from conftest import Play

PAGE = Path(__file__).parents[2] / "docs" / "presets.md"
TOKEN = "t0ken-of-the-shelf"


class Shelf:
    """Boxes in rooms, two a page, behind a token."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[int, dict[str, Any]]] = {"lab": {}}
        self.url = ""
        self.lock = threading.Lock()

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        url = urlsplit(target)
        _root, _rooms, room, _boxes, *key = map(unquote, url.path.split("/"))
        boxes, query = self.rooms[room], parse_qs(url.query)
        if method == "GET":
            size, page = (int(query.get(name, ["1"])[0]) for name in ("per_page", "page"))
            return 200, list(boxes.values())[(page - 1) * size : page * size]
        if method == "POST":
            made = {"id": len(boxes) + 1, "colour": "grey", **body}
            return 201, boxes.setdefault(made["id"], made)
        if method == "PATCH":
            boxes[int(key[0])].update(body)
            return 200, boxes[int(key[0])]
        return 204, boxes.pop(int(key[0])) and None


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            with made.lock:
                status, value = made.answer(self.command, self.path, json.loads(content or "null")) if known else (401, {})
            data = b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def own_preset() -> str:
    """Return the preset that the page shows."""
    return re.findall(r"```yaml\n(title: .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]


def sync(name: str, preset: Any, url: str = "http://127.0.0.1:9", **more: Any) -> dict[str, Any]:
    target = {"adapter": "rest", "preset": preset, "options": {"base_url": url}, "secrets": {"token": TOKEN}}
    arguments = {"source": {"adapter": "file", "options": {"path": "shelf.json"}}, "target": target, **more}
    return {"name": name, "dsync.core.dsync_sync": arguments, "ignore_errors": True}


def test_a_system_is_mapped_by_one_file(play: Play, tmp_path: Path, shelf: Shelf) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "shelf.yml").write_text(own_preset())
    boxes = [{"label": f"box {number}", "size": number} for number in range(5)]
    (tmp_path / "shelf.json").write_text(json.dumps(boxes))
    shelf.rooms["attic"] = {1: {"id": 1, "name": "box 0", "size": 7}, 2: {"id": 2, "name": "trunk", "size": 1}}
    attic = {"name": "./presets/shelf.yml", "room": "attic"}
    lookup = {"adapter": "rest", "preset": "./presets/shelf.yml", "options": {"base_url": shelf.url}, "secrets": {"token": TOKEN}}
    tasks = [
        sync("filled", "./presets/shelf.yml", shelf.url),
        sync("again", "./presets/shelf.yml", shelf.url),
        sync("attic", attic, shelf.url, models={"box": {"protected": ["delete"]}}),
        {"name": "read", "ansible.builtin.debug": {"msg": "{{ query('dsync.core.dsync', **dataset) | map(attribute='id') }}"}},
    ]
    played = play(tasks, vars={"dataset": lookup}).ok()
    assert not any(played.result(name).get("failed") for name in ("filled", "again", "attic", "read")), played.results
    assert (played.result("filled")["changed"], played.result("again")["changed"]) == (True, False)
    made = sorted((box["name"], box["size"], box["colour"]) for box in shelf.rooms["lab"].values())
    assert made == [(box["label"], box["size"], "grey") for box in boxes]
    assert sorted(box["name"] for box in shelf.rooms["attic"].values()) == ["box 0", "box 1", "box 2", "box 3", "box 4", "trunk"]
    assert shelf.rooms["attic"][1]["size"] == 0
    assert sorted(played.result("read")["msg"]) == [f"box {number}" for number in range(5)]
    assert TOKEN not in json.dumps(played.results) + played.screen


def test_a_preset_is_an_inventory(ansible_environment: dict[str, str], tmp_path: Path, shelf: Shelf) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "shelf.yml").write_text(own_preset())
    shelf.rooms["attic"] = {
        number: {"id": number, "name": f"box-{number}", "size": number, "colour": "red"} for number in (1, 2, 3)
    }
    source = {
        "plugin": "dsync.core.dsync",
        "adapter": "rest",
        "preset": {"name": "./presets/shelf.yml", "room": "attic"},
        "options": {"base_url": shelf.url},
        "secrets": {"token": TOKEN},
        "host_model": "box",
        "vars": {"shelf_size": "size"},
    }

    def listed(**more: Any) -> subprocess.CompletedProcess[str]:
        (tmp_path / "shelf.dsync.yml").write_text(yaml.safe_dump({**source, **more}))
        program = Path(sys.executable).with_name("ansible-inventory")
        return subprocess.run(
            [program, "-i", "shelf.dsync.yml", "--list"],
            cwd=tmp_path,
            env=ansible_environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    found = listed()
    assert found.returncode == 0, found.stderr
    assert {name: one["shelf_size"] for name, one in json.loads(found.stdout)["_meta"]["hostvars"].items()} == {
        "box-1": 1,
        "box-2": 2,
        "box-3": 3,
    }
    assert TOKEN not in found.stdout + found.stderr
    assert 'it has no variable "rom" (did you mean "room"?' in listed(preset={"name": "./presets/shelf.yml", "rom": "x"}).stderr


def test_a_wrong_preset_is_one_sentence(play: Play, tmp_path: Path) -> None:
    (tmp_path / "shelf.json").write_text("[]")
    (tmp_path / "wrong.yml").write_text(own_preset().replace("identifiers:", "identifers:"))
    (tmp_path / "broken.yml").write_text("a: [")
    played = play(
        [
            sync("unknown", "powerdnss"),
            sync("missing", "./none.yml"),
            sync("wrong", "wrong.yml"),
            sync("broken", "broken.yml"),
            sync("variable", {"name": "powerdns", "sever": "ns1"}),
            sync("no name", ["powerdns"]),
            {
                "name": "required",
                "dsync.core.dsync_info": {"adapter": "rest", "preset": "powerdns", "options": {"base_url": "http://127.0.0.1:9"}},
                "ignore_errors": True,
            },
            {"name": "file", "dsync.core.dsync_info": {"adapter": "file", "preset": "powerdns"}, "ignore_errors": True},
        ]
    ).ok()
    said = {name: played.result(name)["msg"] for name in played.results}
    assert said["unknown"].startswith('target: preset: there is no preset "powerdnss" (did you mean "powerdns"? known: ')
    assert said["missing"].startswith('target: preset: the file "./none.yml" was not found on the controller; searched: ')
    assert str(tmp_path / "none.yml") in said["missing"]
    place = f"target (rest): preset {tmp_path / 'wrong.yml'} on the controller: models.box: "
    assert said["wrong"].startswith(f'{place}there is no key "identifers" here (did you mean "identifiers"? known: ')
    assert said["broken"].startswith(f"target: preset: {tmp_path / 'broken.yml'} on the controller cannot be read: ")
    assert said["variable"].startswith('target (rest): preset powerdns: it has no variable "sever" (did you mean "server"?')
    assert said["no name"].startswith("target: preset: it does not name a preset; give its name, ")
    assert said["required"] == (
        "dataset (rest): the preset powerdns needs the option token: Value of `api-key` in `pdns.conf`. "
        "Give it in options, or in secrets."
    )
    assert said["file"] == "dataset: preset: presets are for the adapter rest, and this is file; omit it."
