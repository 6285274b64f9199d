# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""This collection beside a loop of the released netbox.netbox modules, both against one real NetBox, in one run.

Each gets an empty NetBox, and plays: the first load, a run in which nothing is to be done, and one after 1 % of the objects were
changed behind its back. Whole `ansible-playbook` processes are measured. Writes docs/benchmarks-netbox.md.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from collection import lay_out  # noqa: E402  # the directory of scripts is only known now
from netbox_server import NetBox, netbox  # noqa: E402  # as above

PAGE = ROOT / "docs" / "benchmarks-netbox.md"
STAGES = ("first load", "no change", "1 % drift")
WITHOUT_DRIFT = 2
"""How many of the stages come before drift."""
WANTED = {"first load": 20, "no change": 200}


@dataclass
class Stage:
    """What one stage took: seconds, and the HTTP requests that NetBox answered; and the load of the machine in the end."""

    seconds: float
    requests: int
    load: float


@dataclass
class Estate:
    """Sites and devices of made-up names; a smaller one is a part of a larger one."""

    sites: int
    devices: int
    regions: list[str] = field(default_factory=lambda: ["north", "south", "east", "west"])

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """Return what is to be in NetBox, model by model."""
        sites = [
            {"name": f"site-{number:04}", "slug": f"site-{number:04}", "status": "active", "region": self.regions[number % 4]}
            for number in range(self.sites)
        ]
        devices = [
            {
                "name": f"device-{number:04}",
                "site": sites[number % self.sites]["name"],
                "device_role": "leaf",
                "device_type": "Acme__S1",
                "status": "active",
                "serial": f"SN{number:06}",
            }
            for number in range(self.devices)
        ]
        return {
            "region": [{"name": name, "slug": name} for name in self.regions],
            "manufacturer": [{"name": "Acme", "slug": "acme"}],
            "device_role": [{"name": "leaf", "slug": "leaf", "color": "00ff00"}],
            "device_type": [{"manufacturer": "Acme", "model": "S1", "slug": "s1"}],
            "site": sites,
            "device": devices,
        }


MODELS = {
    "region": {"identifiers": ["name"], "attributes": {"slug": "str"}},
    "manufacturer": {"identifiers": ["name"], "attributes": {"slug": "str"}},
    "device_role": {"identifiers": ["name"], "attributes": {"slug": "str", "color": "str"}},
    "device_type": {"identifiers": {"manufacturer": {"ref": "manufacturer"}, "model": "str"}, "attributes": {"slug": "str"}},
    "site": {"identifiers": ["name"], "attributes": {"slug": "str", "status": "str", "region": {"ref": "region"}}},
    "device": {
        "identifiers": ["name"],
        "attributes": {
            "site": {"ref": "site"},
            "device_role": {"ref": "device_role"},
            "device_type": {"ref": "device_type"},
            "status": "str",
            "serial": "str",
        },
    },
}


def ours(server: NetBox, estate: Estate) -> list[dict[str, Any]]:
    """Return a playbook of one task of this collection."""
    task = {
        "models": MODELS,
        "source": {"adapter": "file", "options": {"path": "{{ playbook_dir }}/estate.json"}},
        "target": {
            "adapter": "netbox",
            "options": OPTIONS | {"url": server.url},
            "secrets": {"token": server.token},
            "mapping": MAPPING,
        },
        "workers": 4,
    }
    return [
        {"hosts": "localhost", "gather_facts": False, "tasks": [{"name": "Bring NetBox in line", "dsync.core.dsync_sync": task}]}
    ]


MAPPING = {"device": {"fields": {"device_role": "role"}}}
OPTIONS: dict[str, Any] = {"read_timeout": 600}
"""So that a machine that is busy makes the run slower, and not fail."""


def theirs(server: NetBox, estate: Estate) -> list[dict[str, Any]]:
    """Return a playbook of a loop for each model."""
    common = {"netbox_url": server.url, "netbox_token": server.token, "state": "present"}
    item = "{{ item }}"
    loops: list[tuple[str, str, Any]] = [
        ("region", "netbox_region", item),
        ("manufacturer", "netbox_manufacturer", item),
        ("device_role", "netbox_device_role", item),
        ("device_type", "netbox_device_type", item),
        ("site", "netbox_site", item),
        ("device", "netbox_device", "{{ item | combine({'device_type': 'S1'}) }}"),
    ]
    tasks = [
        {
            "name": f"Bring every {model} in line",
            f"netbox.netbox.{module}": {**common, "data": data},
            "loop": f"{{{{ estate.{model} }}}}",
            "loop_control": {"label": "{{ item.name | default(item.model) }}"},
        }
        for model, module, data in loops
    ]
    load = {"name": "Read the estate", "ansible.builtin.include_vars": {"file": "estate.json", "name": "estate"}}
    return [{"hosts": "localhost", "gather_facts": False, "tasks": [load, *tasks]}]


class Bench:
    """A directory to play in."""

    def __init__(self, folder: Path, server: NetBox, estate: Estate) -> None:
        self.folder, self.server, self.estate = folder, server, estate
        (folder / "ansible.cfg").write_text("[defaults]\nlocalhost_warning = false\n")
        self._environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(lay_out(folder / "collections")),
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        }

    def measured(self, name: str, playbook: list[dict[str, Any]], records: dict[str, list[dict[str, Any]]]) -> Stage:
        """Play a playbook with records and return what it took. Raises RuntimeError with its output when it fails."""
        path = self.folder / f"{name}.yml".replace(" ", "_").replace("%", "percent")
        path.write_text(yaml.safe_dump(playbook, sort_keys=False))
        (self.folder / "estate.json").write_text(json.dumps(records))
        before, began = self.server.requests(), time.perf_counter()
        command: list[str | Path] = [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", "-c", "local", path]
        ran = subprocess.run(command, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False)
        took = time.perf_counter() - began
        if ran.returncode:
            raise RuntimeError(f"{name}:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}")
        return Stage(took, self.server.requests() - before, os.getloadavg()[1])

    def drift(self) -> int:
        """Change 1 % of the sites and devices behind the playbooks' back, and return how many."""
        changed = 0
        for path, wrong, number in (
            ("dcim/sites", {"status": "retired"}, self.estate.sites),
            ("dcim/devices", {"serial": "?"}, self.estate.devices),
        ):
            for one in self.server.call("GET", f"{path}/?limit={max(1, number // 100)}")["results"]:
                self.server.call("PATCH", f"{path}/{one['id']}/", wrong)
                changed += 1
        return changed

    def wrong(self) -> int:
        """Return how many sites and devices are not as they are to be."""
        retired = self.server.call("GET", "dcim/sites/?status=retired&limit=1")["count"]
        sites = self.server.call("GET", "dcim/sites/?limit=1")["count"]
        devices = self.server.call("GET", "dcim/devices/?limit=1")["count"]
        serial = self.server.call("GET", "dcim/devices/?serial=%3F&limit=1")["count"]
        return int(retired + serial + abs(sites - self.estate.sites) + abs(devices - self.estate.devices))


def measure(
    bench: Bench, make: Callable[[NetBox, Estate], list[dict[str, Any]]], name: str, stages: Sequence[str]
) -> dict[str, Stage]:
    """Return what each stage took, from an empty NetBox on. Raises RuntimeError when a stage leaves something wrong."""
    bench.server.reset()
    found: dict[str, Stage] = {}
    for stage in stages:
        if stage == "1 % drift":
            bench.drift()
        found[stage] = bench.measured(f"{name} {stage}", make(bench.server, bench.estate), bench.estate.records())
        print(f"{name}: {stage}: {found[stage].seconds:.1f} s, {found[stage].requests} requests", flush=True)
        if bench.wrong():
            raise RuntimeError(f"{name}: after {stage}, {bench.wrong()} sites or devices are not as they are to be")
    return found


def sampled(bench: Bench, stages: Sequence[str], part: int) -> dict[str, Stage]:
    """Return what the peer's stages would take, from one of `part` sites and devices: each is a loop that costs as much an object.

    What the playbook takes without an object is counted once. Without changes, NetBox has the whole estate.
    """
    bench.server.reset()
    play, whole = theirs(bench.server, bench.estate), bench.estate.records()
    some = Estate(bench.estate.sites // part, bench.estate.devices // part).records()
    idle = bench.measured("netbox.netbox without objects", play, {model: [] for model in whole})
    number, of = sum(map(len, some.values())), sum(map(len, whole.values()))
    found: dict[str, Stage] = {}
    for stage in stages:
        if found:
            bench.measured(f"fill before {stage}", ours(bench.server, bench.estate), whole)
        one = bench.measured(f"netbox.netbox {stage}", play, some)
        seconds = idle.seconds + (one.seconds - idle.seconds) * of / number
        requests = idle.requests + (one.requests - idle.requests) * of / number
        found[stage] = Stage(seconds, round(requests), one.load)
        print(f"netbox.netbox: {stage}: {one.seconds:.1f} s for {number} of {of} objects, {seconds:.0f} s for all", flush=True)
    return found


def _loads(stages: dict[str, Stage]) -> str:
    return " and ".join(f"{stage.load:.0f}" for stage in stages.values())


def page(estate: Estate, mine: dict[str, Stage], peer: dict[str, Stage], part: int) -> str:
    """Return the page of results."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("ansible", "ansible-core", "pynetbox"))
    lines = [
        "# Beside the netbox.netbox modules",
        "",
        f"Made by `make bench-netbox` on {date.today()}: {estate.sites} sites and {estate.devices} devices and what they name,",
        f"one NetBox {NetBox.version} on the same machine ({os.cpu_count()} CPUs), {versions}.",
        "Whole `ansible-playbook` processes, once each, one after the other; the peer is a loop of one module call an object.",
        f"The load of the machine was {_loads(mine)} for dsync.core and {_loads(peer)} for the peer; where it is more than the",
        "number of CPUs, both take longer than they would alone.",
        "The requests are those that NetBox answered.",
        *(() if part == 1 else (f"The peer's loops were measured for one of {part} objects, and are given for all of them.",)),
        "",
        "| | dsync.core | requests | netbox.netbox | requests | times as fast | wanted |",
        "|---|---|---|---|---|---|---|",
    ]
    for stage in mine:
        one, other = mine[stage], peer[stage]
        cells = [
            f"{one.seconds:.1f} s",
            one.requests,
            f"{other.seconds:.0f} s",
            other.requests,
            f"{other.seconds / one.seconds:.0f}",
        ]
        lines.append(f"| {stage} | {' | '.join(map(str, cells))} | {WANTED.get(stage, '')} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=500)
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument(
        "--stages", type=int, default=len(STAGES), choices=range(1, len(STAGES) + 1), help="how many, from the first on"
    )
    parser.add_argument(
        "--part", type=int, default=1, help="measure the peer for one of so many objects, and give what all would take"
    )
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    if given.part > 1 and given.stages > WITHOUT_DRIFT:
        parser.error(f"--part needs --stages {WITHOUT_DRIFT}, since drift is not the same in every part")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the playbook and the servers end as well
    stages, estate = STAGES[: given.stages], Estate(given.sites, given.devices)
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        (room / "server").mkdir()
        (room / "play").mkdir()
        with netbox(room / "server") as server:
            bench = Bench(room / "play", server, estate)
            mine = measure(bench, ours, "dsync.core", stages)
            peer = measure(bench, theirs, "netbox.netbox", stages) if given.part == 1 else sampled(bench, stages, given.part)
    text = page(estate, mine, peer, given.part)
    given.page.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
