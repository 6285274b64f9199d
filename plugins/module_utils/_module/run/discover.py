# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_discover: read, propose, write. In check mode all but write."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...dsync.discovery.files import Origin, file_texts
from ...dsync.discovery.overview import overview, records_of
from ...dsync.discovery.proposal import Proposal, propose
from ...dsync.discovery.proposal import Side as Tables
from ...dsync.discovery.yaml_text import Template
from ...dsync.storage.files import replacing
from ...dsync.storage.paths import absolute, file_error
from ..argspec import SOURCE, TARGET
from ..datasets.discovery import Discovered, discovered
from ..datasets.side import Side
from ..entry import AdapterModule
from ..errors import TaskFailure
from ..masking import is_secret, masked
from ..output.messages import error_context
from .files import file_mode
from .lifecycle import TaskEnd, run_task

RECORDS = "records"
"""The option that holds data."""

FILE, PATH = "file", "path"
"""The adapter, and its option, whose value would mean another file beside another playbook if it were relative."""


def run(module: AdapterModule) -> None:
    """Propose models and mappings for one or two datasets, and write them to files."""
    run_task(module, _discover)


def _discover(module: AdapterModule, sides: list[Side]) -> TaskEnd:
    found = {side.role: discovered(side, module.bundle) for side in sides}
    with error_context("proposing models"):
        proposal = _proposal(found)
        origins = [_origin(side, found[side.role]) for side in sides]
        texts = file_texts(proposal, origins, module.bundle.host or "localhost")
    for warning in _warnings(proposal):
        module.warn(warning)
    result: dict[str, Any] = {
        "models": [records_of(model) for model in proposal.models],
        "overview": overview(proposal),
        "files": [{"name": name, "content": text} for name, text in texts.items()],
    }
    directory = module.params["directory"]
    if directory is None:
        return TaskEnd(False, result)
    before = _there(directory, texts, module.params["force"])
    changed = {name: text for name, text in texts.items() if before[name] != text}
    if not module.check_mode:
        _write(directory, changed, file_mode(module.params["mode"], "mode"))
    if module._diff:
        result["diff"] = [_difference(directory, name, before[name], text) for name, text in changed.items()]
    return TaskEnd(bool(changed), {**result, "directory": absolute(directory), "written": sorted(changed)})


def _proposal(found: Mapping[str, Discovered]) -> Proposal:
    sides = {role: Tables(dict(one.tables), dict(one.others)) for role, one in found.items()}
    proposal = propose(sides[SOURCE], sides.get(TARGET))
    if not proposal.models:
        ours, theirs = (", ".join(side.tables) for side in sides.values())
        raise TaskFailure(
            f"source and target have no model in common: the source has {ours}, and the target {theirs}. "
            "Name their models with tables, as in {device: dcim_devices}."
        )
    return proposal


def _warnings(proposal: Proposal) -> Sequence[str]:
    found = []
    for model in proposal.models:
        names = ", ".join(model.identifiers)
        if model.match.duplicates:
            found.append(f"{model.name}: no columns identify its records; {names} is proposed, and some records share it.")
        elif model.target is not None and not model.match.common and model.source.count and model.target.count:
            found.append(f"{model.name}: no record is on both sides by {names}; the columns are matched by their names only.")
    return found


# ---------------------------------------------------------------------- datasets


def _origin(side: Side, found: Discovered) -> Origin:
    """Return how files describe a dataset, with a variable in the place of each secret."""
    given, hidden = side.params["options"], masked(side.params["options"])
    options: dict[str, Any] = {}
    secrets = {name: _variable(side.role, name) for name in side.params["secrets"]}
    for name, value in given.items():
        if is_secret(name):
            secrets[name] = _variable(side.role, name)
        else:
            options[name] = _variable(side.role, name) if name == RECORDS or hidden[name] != value else value
    if side.params["adapter"] == FILE and isinstance(options.get(PATH), str) and "://" not in options[PATH]:
        options[PATH] = absolute(Path(options[PATH]).expanduser()) + os.sep * options[PATH].endswith(os.sep)
    name = side.dataset.name if side.params["name"] else None
    return Origin(side.role, side.params["adapter"], side.dataset.name, options, secrets, found.endpoints, name)


def _variable(role: str, name: str) -> Template:
    return Template(f"{{{{ {role}_{name} }}}}")


# ---------------------------------------------------------------------- files


def _there(directory: str, texts: Mapping[str, str], force: bool) -> dict[str, str | None]:
    """Return what the files have now, None for those that do not exist. Raises TaskFailure if they must not be overwritten."""
    paths = {name: os.path.join(directory, name) for name in texts}  # noqa: PTH118  # Path drops "./"
    before = {name: _content(path) for name, path in paths.items()}
    others = [absolute(paths[name]) for name, text in texts.items() if before[name] not in (None, text)]
    if others and not force:
        raise file_error(
            TaskFailure,
            others[0],
            f"exists already{_more(others[1:])} and has another content, perhaps because somebody edited it; nothing was written. "
            "Name another directory, or set force=true to overwrite it.",
        )
    return before


def _more(others: Sequence[str]) -> str:
    return f", as do {', '.join(others)}," if others else ""


def _content(path: str) -> str | None:
    if not os.path.lexists(path):
        return None
    with error_context(f"reading {absolute(path)}"):
        return Path(path).read_text(encoding="utf-8")


def _write(directory: str, texts: Mapping[str, str], mode: int) -> None:
    with error_context("writing the files"):
        if texts and not Path(directory).is_dir():
            Path(directory).mkdir(mode=0o700, parents=True)
        for name, text in texts.items():
            with replacing(Path(directory) / name, mode) as stream:
                stream.write(text)


def _difference(directory: str, name: str, before: str | None, after: str) -> dict[str, str]:
    path = absolute(Path(directory) / name)
    header = "/dev/null" if before is None else path
    return {"before": before or "", "after": after, "before_header": header, "after_header": path}
