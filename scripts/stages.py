# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of the test run: what each of them does on one environment."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TextIO

import collection
import docs_site
import results
import sanity
from collection import ROOT
from environments import Environment

TIME_LIMIT = 3600
"""Seconds that one program of a stage may take: several times what it takes on two cores, since a loaded machine is slower."""
LEAST_LINES, LEAST_BRANCHES = "96", "95"
"""The least percentage of the library's lines, and of its lines and branches, that the unit tests have to reach."""
EXAMPLES = "10"
"""How many times as many examples as in `make test` the property tests try in `make test-all`."""
OF_THE_MODULE = (
    "test_bad_input.py",
    "test_bridge.py",
    "test_check_equals_run.py",
    "test_examples.py",
    "test_full_disk.py",
    "test_guards.py",
    "test_info.py",
    "test_interruptions.py",
    "test_journal_info.py",
    "test_pci_ids.py",
    "test_plan_info.py",
    "test_plans.py",
    "test_records.py",
    "test_stranger.py",
    "test_tutorial.py",
    "test_workflow.py",
)
"""Integration tests that run on the newest ansible-core only: what they test happens in the module, the same under each."""
NEEDS_ANSIBLE = ("adapters/inventory/test_inventory.py",)
"""Unit tests that run on the newest ansible-core only: they start ansible-inventory."""
OF_FAULTS = (
    "apply/test_faults.py",
    "apply/test_machine.py",
    "apply/test_resumed.py",
    "adapters/documents/test_commit.py",
    "scripts",
)
"""Unit tests that only `make test` runs, on the newest Python: they test what faults, kills and random runs leave behind, and these
scripts."""
WITHOUT_ANSIBLE = tuple(f"--ignore=tests/unit/{name}" for name in NEEDS_ANSIBLE)
WITHOUT_FAULTS = tuple(f"--ignore=tests/unit/{name}" for name in OF_FAULTS)
NOT_LONG = ("-m", "not long")
SANITY_SKIP = re.compile(r"^WARNING: (Skipping .*|Skipped .*)$", re.MULTILINE)
GENERATED_BY_BUILD = {"FILES.json", "MANIFEST.json"}
FOR_USERS = {
    ".ansible-lint",
    "CONTRIBUTING.md",
    "COPYING",
    "LICENSES",
    "README.md",
    "REUSE.toml",
    "bindep.txt",
    "changelogs",
    "docs",
    "examples",
    "meta",
    "playbooks",
    "plugins",
    "requirements",
    "roles",
    "tests",
}
"""What a tarball holds: of ``tests`` only the settings of ansible-test, and the settings by which Galaxy checks the examples."""
USE_OF_THE_WHEEL = """
import importlib.resources, dsync
assert (importlib.resources.files(dsync) / "py.typed").is_file()
assert (importlib.resources.files(dsync) / "adapters/rest/presets/powerdns.yml").is_file()
print("import dsync:", dsync.__file__)
"""


@dataclass
class Job:
    """One stage at work on one environment: where it writes, where Ansible finds collections, and what it found."""

    environment: Environment
    folder: Path
    collections: Path
    log: TextIO
    tests: results.Tests | None = None
    skipped: tuple[str, ...] = ()

    def run(self, program: str | Path, *arguments: str | Path, cwd: Path = ROOT, **variables: str) -> bool:
        """Run a program of the environment's, or any by its whole path, log its output, and say whether it succeeded."""
        command = [str(self.environment.bin / program), *map(str, arguments)]
        self.say(f"$ {shlex.join([str(program), *command[1:]])}")
        try:
            ran = subprocess.run(
                command,
                cwd=cwd,
                env={**self._variables(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=subprocess.STDOUT,
                timeout=TIME_LIMIT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self.say(str(error))
            return False
        return ran.returncode == 0

    def say(self, line: str) -> None:
        """Log a line of the runner's own."""
        print(line, file=self.log, flush=True)

    def _variables(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return {
            **inherited,
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "DSYNC_COLLECTIONS": str(self.collections),
            "PATH": os.pathsep.join((str(self.environment.bin), os.environ["PATH"])),
        }


def unit(job: Job) -> bool:
    """The unit tests, but those that one environment is enough for."""
    job.say(f"left to the environment that counts coverage: {', '.join(NEEDS_ANSIBLE + OF_FAULTS)}")
    return _pytest(job, "tests/unit", *NOT_LONG, *WITHOUT_ANSIBLE, *WITHOUT_FAULTS)


def counted_unit(job: Job) -> bool:
    """The unit tests, which fail too when they reach too few lines of the library."""
    return _counted(job, ("-m", "coverage", "run"), LEAST_LINES, {"COVERAGE_CORE": "sysmon"})


def branches(job: Job) -> bool:
    """The unit tests, which fail too when they take too few branches of the library: counting these takes half as long again."""
    return _counted(job, ("-m", "coverage", "run", "--branch"), LEAST_BRANCHES, {})


def _counted(job: Job, under: Sequence[str], least: str, variables: Mapping[str, str]) -> bool:
    counted = {"COVERAGE_FILE": str(job.folder / "coverage"), **variables}
    succeeded = _pytest(job, "tests/unit", *NOT_LONG, under=under, variables=counted)
    combined = job.run("coverage", "combine", "--quiet", cwd=ROOT, **counted)
    return combined and job.run("coverage", "report", f"--fail-under={least}", cwd=ROOT, **counted) and succeeded


def quick(job: Job) -> bool:
    """The unit tests but those of faults and kills and those that start ansible-inventory, on both cores at the same time."""
    job.say(f"left to make test: {', '.join(NEEDS_ANSIBLE + OF_FAULTS)}")
    return _pytest(job, "tests/unit", *NOT_LONG, *WITHOUT_ANSIBLE, *WITHOUT_FAULTS, "--numprocesses=2", "--dist=worksteal")


def integration(job: Job) -> bool:
    """The integration tests, which run real playbooks, but those that take long."""
    return _pytest(job, "tests/integration", *NOT_LONG)


def integration_of_ansible(job: Job) -> bool:
    """The integration tests of what runs on the controller, or through Ansible's own code."""
    job.say(f"left to the newest ansible-core, since they test the module and its adapters: {', '.join(OF_THE_MODULE)}")
    ignored = (f"--ignore=tests/integration/{name}" for name in OF_THE_MODULE)
    return _pytest(job, "tests/integration", *NOT_LONG, *ignored)


def systems(job: Job) -> bool:
    """The tests of adapters against real servers, but those that take long."""
    return _pytest(job, "tests/systems", *NOT_LONG)


def long(kind: str) -> Callable[[Job], bool]:
    """Return the work of a stage: the tests below a directory of tests that take long."""

    def work(job: Job) -> bool:
        return _pytest(job, f"tests/{kind}", "-m", "long")

    return work


def search(job: Job) -> bool:
    """The property tests of the unit tests, with many more examples, other ones in every run."""
    return _pytest(job, "tests/unit", "-m", "hypothesis", variables={"DSYNC_LONG_TESTS": EXAMPLES})


def dask(job: Job) -> bool:
    """Shards that the workers of a Dask cluster compare."""
    return _pytest(job, "tests/unit/shards/test_dask.py")


def runner(job: Job) -> bool:
    """The roles as AWX runs them, and what belongs to that: molecule, execution environments, pipelines."""
    return _pytest(job, "tests/runner")


def _pytest(job: Job, tests: str, *options: str, under: Sequence[str] = (), variables: Mapping[str, str] | None = None) -> bool:
    """Run the tests of a directory, by Python or by a program of Python's, and add their report to the job's."""
    report = job.folder / f"{Path(tests).name}.xml"
    pytest = ("-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", tests, *options)
    succeeded = job.run("python", *under, *pytest, cwd=ROOT, **(variables or {}))
    if found := results.read_report(report):
        job.tests = found if job.tests is None else job.tests + found
    return succeeded


def ansible_sanity(job: Job) -> bool:
    """`ansible-test sanity`, whole, on every Python that is on the machine."""
    content = collection.lay_out(job.folder) / collection.COLLECTION
    variables = sanity.prepare(job.environment, content)
    succeeded = job.run("ansible-test", "sanity", "--color", "no", cwd=content, **variables)
    job.skipped = tuple(SANITY_SKIP.findall(Path(job.log.name).read_text()))
    return succeeded


def lint(job: Job) -> bool:
    """Python by ruff, and the playbooks, examples, roles and metadata by ansible-lint."""
    job.collections = collection.lay_out(job.folder)
    return all(
        [
            job.run("ruff", "check"),
            job.run("ruff", "format", "--check"),
            job.run("ansible-lint", "--nocolor", cwd=job.collections / collection.COLLECTION),
        ]
    )


def types(job: Job) -> bool:
    """Mypy, strict, on the plugins, the library and these scripts."""
    return job.run("mypy")


def docs(job: Job) -> bool:
    """The docs site, into .build/docs, without a warning; the fragments of the changelog, and what is said of licences."""
    job.collections = collection.lay_out(job.folder / "collections")
    content = job.collections / collection.COLLECTION
    return all(
        [
            job.run("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "all", content),
            job.run("antsibull-changelog", "lint", cwd=content),
            job.run("reuse", "--root", content, "lint", "--lines"),
            _docs_site(job),
        ]
    )


def _docs_site(job: Job) -> bool:
    source = docs_site.gather(job.folder / "source")
    reference = ("--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", source / "collections", "dsync.core")
    library = str(ROOT / "plugins" / "module_utils")
    return job.run("antsibull-docs", "collection", *reference) and job.run(
        "sphinx-build", "-M", "html", source, collection.BUILD / "docs", "-W", "--keep-going", "-q", PYTHONPATH=library
    )


def installed_collection(job: Job) -> bool:
    """The collection as a user gets it: built, installed from its tarball, and playing the demo."""
    if not job.run("ansible-galaxy", "collection", "build", ROOT, "--output-path", job.folder):
        return False
    (tarball,) = job.folder.glob("*.tar.gz")
    job.collections = job.folder / "installed"
    return (
        _holds_only_source(job, tarball)
        and job.run("ansible-galaxy", "collection", "install", "--offline", "-p", job.collections, tarball)
        and job.run("python", ROOT / "scripts/demo.py", "--work", job.folder / "demo", "--collections", job.collections)
    )


def galaxy(job: Job) -> bool:
    """What Galaxy would say of the tarball. It asks for the address of a repository, of which there is none yet: an example's."""
    content = collection.lay_out(job.folder / "source") / collection.COLLECTION
    metadata = content / "galaxy.yml"
    if "repository:" not in (described := metadata.read_text()):
        metadata.write_text(described + "repository: https://example.com/dsync\n")
    if not job.run("ansible-galaxy", "collection", "build", content, "--output-path", job.folder):
        return False
    (tarball,) = job.folder.glob("*.tar.gz")
    imported = job.run("python", "-m", "galaxy_importer.main", tarball, cwd=job.folder)
    said = [line for line in Path(job.log.name).read_text().splitlines() if line.startswith(("WARNING", "ERROR"))]
    return imported and not said


def _holds_only_source(job: Job, tarball: Path) -> bool:
    with tarfile.open(tarball) as archive:
        held = {member.name for member in archive if member.isfile()}
    strays = held - GENERATED_BY_BUILD - {str(file) for file in collection.source_files()}
    strays |= {name for name in held - GENERATED_BY_BUILD if name.partition("/")[0] not in FOR_USERS}
    strays |= {name for name in held if name.startswith("tests/") and name != "tests/config.yml"}
    job.say(f"{tarball.name}: {len(held)} files, {tarball.stat().st_size} bytes, {len(strays)} of them not for users")
    job.say("\n".join(sorted(strays)[:10]))
    return not strays


def installed_wheel(job: Job) -> bool:
    """The library as a user gets it: its wheel, installed into an empty environment, and `import dsync` there."""
    source = collection.lay_out(job.folder) / collection.COLLECTION
    venv = job.folder / "venv"
    built = ("wheel", "-qq", "--no-deps", "--no-build-isolation", "--wheel-dir", job.folder, source)
    if not job.run("python", "-m", "pip", *built):
        return False
    (wheel,) = job.folder.glob("*.whl")
    return (
        job.run("python", "-m", "venv", venv)
        and job.run(venv / "bin/python", "-m", "pip", "install", "-qq", "--require-hashes", "-r", job.environment.lock)
        and job.run(venv / "bin/python", "-m", "pip", "install", "-qq", "--no-index", wheel)
        and job.run(venv / "bin/python", "-c", USE_OF_THE_WHEEL, cwd=job.folder)
    )


class When(Enum):
    """Which command runs a stage."""

    QUICK = "make quick"
    TEST = "make test"
    ALL = "make test-all"


@dataclass(frozen=True)
class Stage:
    """What a stage is called, where it runs, and what it does.

    Attributes:
        work: returns whether all went well.
        when: the command that runs it; `make test-all` runs those of `make test` too.
        seconds: how long it takes on two cores that both work, roughly.
        broken_by: beginnings of the paths of files whose change can break it.
    """

    name: str
    environment: str
    work: Callable[[Job], bool]
    when: When = When.ALL
    seconds: int = 60
    broken_by: tuple[str, ...] = ("",)

    def __str__(self) -> str:
        return f"{self.environment} {self.name}"


ON_THE_CONTROLLER = (
    *(f"plugins/{kind}/" for kind in ("action", "filter", "inventory", "modules", "plugin_utils", "test")),
    "plugins/module_utils/_module/",
)
ROLES = ("examples/", "extensions/", "meta/", "playbooks/", "roles/")

STAGES = (
    Stage("quick", "core-newest", quick, When.QUICK),
    # The longest first, so that none of them is left to run alone at the end.
    Stage("integration", "core-newest", integration, When.TEST),
    Stage("systems", "core-newest", systems, When.TEST),
    Stage("unit", "core-newest", counted_unit, When.TEST),
    Stage("unit", "library-3.10", unit, When.TEST),
    Stage("lint", "lint", lint, When.TEST),
    Stage("types", "lint", types, When.TEST),
    # By what a change breaks most often.
    Stage("sanity", "core-newest", ansible_sanity, seconds=330, broken_by=("plugins/", "scripts/", "tests/", "galaxy.yml")),
    Stage("collection", "core-newest", installed_collection, seconds=15),
    Stage("wheel", "wheel", installed_wheel, seconds=20),
    Stage("docs", "docs", docs, seconds=40),
    Stage("galaxy", "galaxy", galaxy, seconds=60, broken_by=("galaxy.yml", "meta/", "roles/", "plugins/", "changelogs/")),
    Stage(
        "integration",
        "core-2.19",
        integration_of_ansible,
        seconds=350,
        broken_by=(*ON_THE_CONTROLLER, *ROLES, "tests/integration/", "requirements/"),
    ),
    Stage("unit", "core-2.19", unit, seconds=160, broken_by=(*ON_THE_CONTROLLER, "requirements/")),
    Stage(
        "runner",
        "runner",
        runner,
        seconds=420,
        broken_by=(*ON_THE_CONTROLLER, *ROLES, "tests/runner/", "requirements/", "galaxy.yml"),
    ),
    Stage(
        "dask",
        "dask",
        dask,
        seconds=60,
        broken_by=(
            "plugins/module_utils/dsync/shards/",
            "plugins/module_utils/dsync/dataset/",
            "tests/unit/shards/",
            "requirements/",
        ),
    ),
    Stage(
        "long-systems",
        "core-newest",
        long("systems"),
        seconds=900,
        broken_by=("plugins/module_utils/dsync/adapters/", "tests/systems/", "requirements/"),
    ),
    Stage(
        "long-unit",
        "core-newest",
        long("unit"),
        seconds=400,
        broken_by=("plugins/module_utils/dsync/", "tests/unit/", "requirements/"),
    ),
    Stage(
        "long-integration",
        "core-newest",
        long("integration"),
        seconds=450,
        broken_by=("plugins/", "examples/", "docs/", "tests/integration/", "requirements/"),
    ),
    Stage("branches", "core-newest", branches, seconds=380, broken_by=()),
    Stage("search", "core-newest", search, seconds=200, broken_by=()),
    Stage("sanity", "core-2.19", ansible_sanity, seconds=380, broken_by=("tests/sanity/",)),
)
