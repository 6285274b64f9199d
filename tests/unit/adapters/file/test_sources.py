# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files behind an address, in a repository, and compressed: they are read, and never written."""

from __future__ import annotations

import gzip
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dsync.adapters.core.base import RecordModel
from dsync.adapters.documents.sources import inner_name, shown
from dsync.adapters.file import FileAdapter
from dsync.adapters.memory import MemoryAdapter
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.records.definition import data_model

DEVICES = data_model({"device": {"identifiers": ["name"], "attributes": {"role": "str"}}}, base=RecordModel)
TEXT = "- {name: r1, role: core}\n- {name: r2, role: edge}\n"
PASSWORD = "planted-pass"


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "sot.yml").write_text(TEXT)
    (folder / "sot.csv.gz").write_bytes(gzip.compress(b"name,role\nr1,core\nr2,edge\n"))
    (folder / "broken.yml.gz").write_bytes(b"plain")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: Handler(*given, directory=os.fspath(folder))) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join(20)


@pytest.fixture
def repository(tmp_path: Path) -> str:
    folder = tmp_path / "repository"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "sot.yml").write_text(TEXT)
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    for arguments in (("init", "-q", "-b", "main"), ("add", "."), (*identity, "commit", "-q", "-m", "x"), ("tag", "v1")):
        subprocess.run(["git", *arguments], cwd=folder, check=True, timeout=30)
    (folder / "data" / "sot.yml").write_text("- {name: r9, role: core}\n")
    subprocess.run(["git", *identity, "commit", "-q", "-a", "-m", "y"], cwd=folder, check=True, timeout=30)
    return f"git+file://{folder}"


def opened(path: str, **options: Any) -> FileAdapter:
    adapter = FileAdapter.bound(DEVICES, None)(path=path, **options)
    adapter.load()
    return adapter


def names(adapter: FileAdapter) -> list[str]:
    return sorted(obj.get_unique_id() for obj in adapter.get_all("device"))


def test_files_behind_addresses(server: str) -> None:
    assert names(opened(f"{server}/sot.yml")) == ["r1", "r2"]
    assert names(opened(f"{server}/sot.csv.gz")) == ["r1", "r2"]
    assert names(opened(f"{server}/sot.yml?token=x")) == ["r1", "r2"]


def test_files_in_repositories(repository: str) -> None:
    assert names(opened(f"{repository}//data/sot.yml")) == ["r9"]
    assert names(opened(f"{repository}//data/sot.yml?ref=v1")) == ["r1", "r2"]
    for path, why in {
        "//data/none.yml": "none.yml cannot be read: fatal: path 'data/none.yml' does not exist",
        "//data/sot.yml?ref=none": "sot.yml cannot be read: fatal: couldn't find remote ref none",
        "/data/sot.yml": "should name a file in a repository",
        "//data/sot.yml?ref=--upload-pack=x": "should name a file in a repository",
    }.items():
        with pytest.raises(RecordProblem, match=why):
            opened(f"{repository}{path}")


def test_a_compressed_file(tmp_path: Path) -> None:
    path = tmp_path / "sot.yml.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    target = opened(str(path))
    assert names(target) == ["r1", "r2"]
    source = MemoryAdapter.bound(DEVICES, None)(records=[{"name": "r1", "role": "x"}])
    source.load()
    before = path.read_bytes()
    with pytest.raises(Exception, match="cannot be written: the adapter file only reads here"):
        target.sync_from(source)
    assert path.read_bytes() == before


def test_what_cannot_be_fetched_is_one_sentence(server: str) -> None:
    with pytest.raises(RecordProblem, match=r"/none\.yml does not exist; check the address"):
        opened(f"{server}/none.yml")
    with pytest.raises(RecordProblem, match=r"/broken\.yml\.gz cannot be decompressed: Not a gzipped file"):
        opened(f"{server}/broken.yml.gz")
    with pytest.raises(RecordProblem, match=r"sot\.yml cannot be read: .*refused") as caught:
        opened(f"http://me:{PASSWORD}@127.0.0.1:1/sot.yml")
    assert PASSWORD not in str(caught.value)
    with pytest.raises(RecordProblem, match=r"there is no 'header' for http.* \(did you mean \"headers\"\?"):
        opened(f"{server}/sot.yml", storage_options={"header": {}})
    with pytest.raises(RecordProblem, match="cannot be read: Protocol not known: nowhere"):
        opened("nowhere://host/sot.yml")
    with pytest.raises(DefinitionError, match='"https://host/sot" has no extension that determines the format'):
        opened(f"https://me:{PASSWORD}@host/sot?token={PASSWORD}")


def test_the_library_of_a_file_system_is_named() -> None:
    with pytest.raises(Exception, match=r"s3://bucket/sot\.yml can only be read with the library s3fs, which is not installed"):
        opened("s3://bucket/sot.yml", storage_options={"secret": PASSWORD})


@pytest.mark.parametrize(
    ("path", "name"),
    [("https://h/a/sot.yml.gz?x=1", "/a/sot.yml"), ("a/sot.yml.GZ", "a/sot.yml"), ("s3://b/x.csv", "/x.csv"), ("x.json", "x.json")],
)
def test_the_name_that_determines_the_format(path: str, name: str) -> None:
    assert inner_name(path) == name


def test_an_address_is_shown_without_what_is_secret_in_it() -> None:
    assert shown(f"https://me:{PASSWORD}@h:8/a.yml?token={PASSWORD}#x") == "https://h:8/a.yml"


def test_headers_are_sent_to_no_other_server(server: str) -> None:
    asked: list[str | None] = []

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("X-Token"))
            self.send_response(302)
            self.send_header("Location", f"{server}/sot.yml")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{made.server_port}/sot.yml"
        assert names(opened(address)) == ["r1", "r2"]
        with pytest.raises(RecordProblem, match="cannot be read: the server answers 302"):
            opened(address, storage_options={"headers": {"X-Token": PASSWORD}})
        made.shutdown()
    assert asked == [None, PASSWORD]
