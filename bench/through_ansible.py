# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a comparison costs through Ansible: beside a ping, and beside the library alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shapes import SHAPES

ROOT = Path(__file__).resolve().parent.parent
PLAYBOOKS = ROOT / "bench/playbooks"
KEEP_RESULTS = ROOT / "tests/integration/fixtures/callback_plugins"
MODULE = "ansible_collections.dsync.core.plugins.modules.dsync_diff"
FEW = 18
"""Interfaces that make twenty objects with their site and device."""
WAYS = ("OneByOne", "AllAtOnce")


class PlaybookFailed(Exception):
    """A playbook that is measured did not succeed, or found something else than the library alone."""


@dataclass
class Large:
    """The many objects, in one way of loading them: seconds of each run, and the size of the task's result."""

    alone: list[float] = field(default_factory=list)
    playbook: list[float] = field(default_factory=list)
    result_bytes: int = 0
    objects: int = 0


@dataclass
class Findings:
    """All that is measured through Ansible; times are in seconds, one a run, sizes in bytes."""

    ping: list[float] = field(default_factory=list)
    few: list[float] = field(default_factory=list)
    imports: list[dict[str, float]] = field(default_factory=list)
    payload: int = 0
    ping_payload: int = 0
    large: dict[str, Large] = field(default_factory=dict)


class Bench:
    """A directory with the data, the collection laid out, and all that Ansible writes by itself."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder, self._say = folder, say
        collections = subprocess.run(
            [sys.executable, ROOT / "scripts/collection.py", folder / "collections"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.strip()
        config = folder / "ansible.cfg"
        config.touch()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
        self._environment = {
            **inherited,
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_CONFIG": str(config),
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "LC_ALL": "C.UTF-8",
        }
        library = [ROOT / "plugins/module_utils", PLAYBOOKS / "adapters"]
        self._alone_environment = {**inherited, "PYTHONPATH": os.pathsep.join(map(str, library))}

    def findings(self, size: int, repeats: int, large_repeats: int) -> dict[str, Any]:
        """Measure everything and return it as plain values."""
        found = Findings()
        few = self._data("few", FEW)
        self._imports(found, few, repeats)
        for repeat in range(repeats + 1):
            ping, diff = self._play("ping.yml")[0], self._play("diff.yml", adapter=WAYS[0], folder=few)[0]
            self._say(f"playbook with ping {ping:.2f} s, with dsync_diff on twenty objects {diff:.2f} s")
            if repeat:  # the first run only warms the caches
                found.ping.append(ping)
                found.few.append(diff)
        many = self._data("many", size)
        for _repeat in range(large_repeats):
            for way in WAYS:
                self._large(found.large.setdefault(way, Large()), way, many)
        return asdict(found)

    def _data(self, name: str, size: int) -> Path:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        for file, side in zip(("source.json", "target.json"), SHAPES["tree"](size)):
            (folder / file).write_text(json.dumps(side.tables))
        return folder

    def _play(self, playbook: str, environment: dict[str, str] | None = None, **variables: object) -> tuple[float, str]:
        """Play, and return the seconds that it took and the result of its task, as JSON. Raises PlaybookFailed."""
        kept = self._folder / "results.jsonl"
        kept.unlink(missing_ok=True)
        keeping = {"ANSIBLE_CALLBACKS_ENABLED": "keep_results", "ANSIBLE_CALLBACK_PLUGINS": str(KEEP_RESULTS)}
        extra = [text for name, value in variables.items() for text in ("-e", f"{name}={value}")]
        started = time.perf_counter()
        ran = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), PLAYBOOKS / playbook, *extra],
            env={**self._environment, **keeping, "KEEP_RESULTS": str(kept), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if ran.returncode:
            raise PlaybookFailed(f"{playbook}:\n{ran.stdout}{ran.stderr}")
        return seconds, kept.read_text(encoding="utf-8")

    def _large(self, large: Large, way: str, folder: Path) -> None:
        started = time.perf_counter()
        alone = subprocess.run(
            [sys.executable, ROOT / "bench/alone.py", way, folder],
            env=self._alone_environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        large.alone.append(time.perf_counter() - started)
        seconds, kept = self._play("diff.yml", adapter=way, folder=folder)
        large.playbook.append(seconds)
        result = json.loads(kept)["result"]
        large.result_bytes, large.objects = len(json.dumps(result).encode()), result["source"]["total"]
        counts, expected = result["summary"], json.loads(alone.stdout)
        if any(counts[key] != count for key, count in expected.items()):
            raise PlaybookFailed(f"the task counted {counts}, the library alone {expected}")
        self._say(f"{large.objects:,} objects a side, {way}: alone {large.alone[-1]:.2f} s, playbook {seconds:.2f} s")

    def _imports(self, found: Findings, few: Path, repeats: int) -> None:
        """Keep what Ansible ships, weigh it, and time the imports from it."""
        ping, diff = self._shipped("ping.yml"), self._shipped("diff.yml", adapter=WAYS[0], folder=few)
        found.ping_payload, found.payload = ping.stat().st_size, diff.stat().st_size
        subprocess.run([sys.executable, diff, "explode"], stdout=subprocess.DEVNULL, check=True)
        shutil.make_archive(str(self._folder / "payload"), "zip", diff.parent / "debug_dir")
        shutil.copy(diff.parent / "debug_dir" / "args", self._folder)
        for repeat in range(repeats + 1):
            ran = subprocess.run(
                [sys.executable, ROOT / "bench/imports.py", self._folder, MODULE], stdout=subprocess.PIPE, check=True
            )
            if repeat:  # the first run compiles the library
                found.imports.append(json.loads(ran.stdout))

    def _shipped(self, playbook: str, **variables: object) -> Path:
        remote = self._folder / f"remote-{playbook}"
        self._play(playbook, {"ANSIBLE_KEEP_REMOTE_FILES": "true", "ANSIBLE_REMOTE_TMP": str(remote)}, **variables)
        return next(remote.glob("*/AnsiballZ_*.py"))


def measure(size: int, repeats: int, large_repeats: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure what Ansible adds, in a directory that is gone afterwards, and return :class:`Findings` as plain values.

    Raises:
        PlaybookFailed: a playbook failed, or found something else than the library alone.
    """
    with tempfile.TemporaryDirectory(prefix="dsync") as folder:  # a short path, for Ansible makes sockets in it
        return Bench(Path(folder), say).findings(size, repeats, large_repeats)
