# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays real playbooks, on this machine and on one that is reached through a real ssh connection."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import provision
import pytest
import yaml
from environments import ENVIRONMENTS, EnvironmentUnavailable

FIXTURES = Path(__file__).parent / "fixtures"
ADAPTERS = FIXTURES / "adapters"
HERE, THERE = "here", "there"
TIME_LIMIT = 300

Result = dict[str, Any]
RunPlaybook = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def ansible_home() -> Iterator[Path]:
    """A directory for all that Ansible writes by itself; its path is short, since the path of a socket is limited."""
    folder = Path(tempfile.mkdtemp(prefix="dsync"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ansible_environment(ansible_home: Path) -> dict[str, str]:
    """Variables that make Ansible find the fixtures and leave the user's own settings alone."""
    config = ansible_home / "ansible.cfg"
    config.touch()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **inherited,
        "ANSIBLE_CALLBACKS_ENABLED": "keep_results",
        "ANSIBLE_CALLBACK_PLUGINS": str(FIXTURES / "callback_plugins"),
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join((str(FIXTURES), os.environ["ANSIBLE_COLLECTIONS_PATH"])),
        "ANSIBLE_CONFIG": str(config),
        "ANSIBLE_HOME": str(ansible_home),
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_SSH_ARGS": "-C -o ControlMaster=auto -o ControlPersist=10s",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(ansible_home / "cp"),
        "KEEP_RESULTS": os.devnull,
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture(scope="session")
def run_playbook(ansible_environment: dict[str, str]) -> RunPlaybook:
    """Play a playbook with the ansible-core of the interpreter that runs the tests."""
    program = Path(sys.executable).with_name("ansible-playbook")

    def run(
        playbook: Path, *arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [program, playbook, *arguments]
        variables = {**ansible_environment, **(env or {})}
        with subprocess.Popen(
            command,
            cwd=cwd or Path(playbook).parent,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=TIME_LIMIT)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)  # its workers and their connections too
                raise
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    return run


@dataclass
class Played:
    """What became of a playbook: its exit code, all that was on the screen, and every task's result by name and host."""

    returncode: int
    screen: str
    results: dict[str, dict[str, Result]] = field(default_factory=dict)

    def result(self, task: str, host: str = HERE) -> Result:
        """Return a task's result on a host."""
        assert task in self.results, self.screen
        return self.results[task][host]

    def ok(self) -> Played:
        """Return this if no task failed."""
        assert self.returncode == 0, self.screen
        return self


Play = Callable[..., Played]


@pytest.fixture
def play(run_playbook: RunPlaybook, inventory: Path, tmp_path: Path) -> Play:
    """Play tasks from a playbook in ``tmp_path``: on this machine, and with ``hosts="all"`` on the other one too."""
    return player(run_playbook, inventory, tmp_path)


def player(run_playbook: RunPlaybook, inventory: Path, folder: Path) -> Play:
    """Return a function that plays tasks from a playbook in a directory."""

    def run(
        tasks: list[dict[str, Any]],
        *arguments: str | Path,
        hosts: str = HERE,
        env: dict[str, str] | None = None,
        **keywords: Any,
    ) -> Played:
        playbook, kept = folder / "play.yml", folder / "results.jsonl"
        playbook.write_text(yaml.safe_dump([{"hosts": hosts, "gather_facts": False, "tasks": tasks, **keywords}]))
        kept.unlink(missing_ok=True)
        done = run_playbook(playbook, "-i", inventory, *arguments, env={"KEEP_RESULTS": str(kept), **(env or {})})
        played = Played(done.returncode, done.stdout + done.stderr)
        for line in kept.read_text(encoding="utf-8").splitlines() if kept.exists() else ():
            entry = json.loads(line)
            played.results.setdefault(entry["task"], {})[entry["host"]] = entry["result"]
        return played

    return run


@pytest.fixture(scope="session")
def inventory(ansible_home: Path, request: pytest.FixtureRequest) -> Path:
    """An inventory of this machine and of one behind ssh, whose Python has no Ansible and is the oldest supported."""
    path = ansible_home / "inventory.yml"
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    there = {"ansible_python_interpreter": str(remote_python()), **request.getfixturevalue("ssh")}
    path.write_text(yaml.safe_dump({"all": {"hosts": {HERE: here, THERE: there}}}))
    return path


def remote_python() -> Path:
    """Return the interpreter of the host behind ssh; in CI its absence is a failure, elsewhere the tests are skipped."""
    environment = ENVIRONMENTS["library-3.10"]
    try:
        environment.make()
    except EnvironmentUnavailable as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no Python for the remote host: {missing}")
    return environment.python


@pytest.fixture(scope="session")
def ssh(ansible_home: Path) -> Iterator[dict[str, Any]]:
    """The variables of a host behind an ssh server that runs for as long as the tests do."""
    folder = ansible_home / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    port = _free_port()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    (folder / "config").write_text(SSHD_CONFIG.format(port=port, folder=folder))
    log = folder / "log"
    with subprocess.Popen([provision.find_sshd(), "-D", "-E", log, "-f", folder / "config"]) as server:
        try:
            _wait_for(port, server, log)
            yield {
                "ansible_host": "127.0.0.1",
                "ansible_port": port,
                "ansible_user": getpass.getuser(),
                "ansible_ssh_private_key_file": str(folder / "user"),
                "ansible_ssh_common_args": f"-F none -o IdentitiesOnly=yes -o UserKnownHostsFile={folder / 'known_hosts'}",
            }
        finally:
            server.terminate()


SSHD_CONFIG = """\
AuthorizedKeysFile {folder}/user.pub
HostKey {folder}/host
KbdInteractiveAuthentication no
ListenAddress 127.0.0.1
LogLevel ERROR
MaxStartups 100
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
Port {port}
StrictModes no
Subsystem sftp internal-sftp
UsePAM no
"""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _attempt in range(100):
        if server.poll() is not None:
            raise RuntimeError(f"sshd ended: {log.read_text()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("sshd does not answer")
