# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The files of a proposal, which people edit: models, datasets with their mappings, presets of APIs, and a first playbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .overview import identity_text, pair_text
from .proposal import SOURCE, TARGET, Model, Proposal
from .yaml_text import Template, comment, yaml_text

MODELS, DATASETS = "models.yml", "datasets.yml"
COMPARE, LOAD = "compare.yml", "load.yml"
_ONLY_READ = "change this to let tasks write"


@dataclass(frozen=True)
class Origin:
    """A dataset of the task that discovers.

    Attributes:
        role: source or target.
        adapter: name of its adapter.
        title: what it is called in messages.
        options: options of the adapter; a secret among them is a template.
        secrets: its secrets, each a template.
        endpoints: path of a collection → its endpoint; None for a system that is not an API.
        name: the name that the task gives it; None for none.
    """

    role: str
    adapter: str
    title: str
    options: Mapping[str, Any]
    secrets: Mapping[str, Template] = field(default_factory=dict)
    endpoints: Mapping[str, Any] | None = None
    name: str | None = None


def file_texts(proposal: Proposal, origins: Sequence[Origin], hosts: str) -> dict[str, str]:
    """Return name of a file → its content.

    Args:
        proposal: what is proposed.
        origins: the source, and the target if there is one.
        hosts: the host of the playbook.
    """
    presets = {one.role: _preset_name(one, origins) for one in origins if one.endpoints is not None}
    files: dict[str, str] = {}
    for one in origins:
        if one.role in presets:
            files[presets[one.role]] = _preset(proposal, one)
    if not presets:
        files[MODELS] = _head("Models", origins) + _models(proposal)
    datasets = {one.role: _dataset(proposal, one, presets.get(one.role)) for one in origins}
    files[DATASETS] = _head("Datasets", origins) + _advice(origins) + yaml_text(datasets)
    models = {} if presets else {"models_file": MODELS}
    files[COMPARE if len(origins) > 1 else LOAD] = _playbook(origins, hosts, models, list(datasets[SOURCE]))
    return files


def _preset_name(one: Origin, origins: Sequence[Origin]) -> str:
    return "preset.yml" if sum(other.endpoints is not None for other in origins) == 1 else f"{one.role}_preset.yml"


def _head(what: str, origins: Sequence[Origin]) -> str:
    return f"---\n{comment(f'{what} for ' + ' and '.join(one.title for one in origins))}\n{comment(_ADVICE)}\n"


_ADVICE = "Proposed by dsync.core.discover: look at it, and change what is wrong."


# ---------------------------------------------------------------------- models


def _models(proposal: Proposal) -> str:
    comments: dict[tuple[str, ...], str] = {}
    for model in proposal.models:
        comments.update({("models", model.name, *way): text for way, text in _comments(model)})
    models = {"models": {model.name: model.declaration() for model in proposal.models}}
    return yaml_text(models, comments) + "".join(f"{line}\n" for line in _left_out(proposal))


def _comments(model: Model) -> Iterator[tuple[tuple[str, ...], str]]:
    yield ("identifiers",), identity_text(model)
    for name, pair in model.names.items():
        text = pair_text(pair)
        if name not in model.identifiers and text:
            yield ("attributes", name), text


def _left_out(proposal: Proposal) -> Iterator[str]:
    for model in proposal.models:
        for role in (SOURCE, TARGET):
            names = ", ".join(column.name for column in model.left_out(role))
            if names:
                yield comment(f"{model.name}: not in the model are, of {model.table(role).title}: {names}")


# ---------------------------------------------------------------------- datasets


def _advice(origins: Sequence[Origin]) -> str:
    """Return the line that names the variables of secrets; empty if there are none."""
    given = [text for one in origins for text in (*one.secrets.values(), *one.options.values())]
    names = ", ".join(sorted({text.strip("{} ") for text in given if isinstance(text, Template)}))
    return f"{comment(f'Give {names} elsewhere, such as in a file of Ansible Vault.')}\n" if names else ""


def _dataset(proposal: Proposal, one: Origin, preset: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {"adapter": one.adapter, **({"name": one.name} if one.name else {})}
    if preset is not None:
        made["preset"] = f"./{preset}"
    made["options"] = dict(one.options)
    if one.secrets:
        made["secrets"] = dict(one.secrets)
    return made if preset is not None else {**made, **_mapped(proposal, one)}


def _mapped(proposal: Proposal, one: Origin) -> dict[str, Any]:
    mapping = {model.name: model.mapping(one.role, one.endpoints is None) for model in proposal.models}
    mapping = {name: mapped for name, mapped in mapping.items() if mapped}
    lookups = proposal.lookups[one.role]
    return {**({"mapping": mapping} if mapping else {}), **({"lookups": lookups} if lookups else {})}


def _preset(proposal: Proposal, one: Origin) -> str:
    endpoints = {model.name: (one.endpoints or {}).get(model.table(one.role).place) for model in proposal.models}
    actions = ("create", "update", "delete")
    comments: dict[tuple[str, ...], str] = {
        ("options", "endpoints", name): _ONLY_READ
        for name, endpoint in endpoints.items()
        if isinstance(endpoint, Mapping) and all(endpoint.get(action) is False for action in actions)
    }
    options = yaml_text({"options": {"endpoints": endpoints}}, comments)
    return f"{_head('Preset', [one])}{options}{_models(proposal)}{yaml_text(_mapped(proposal, one))}"


# ---------------------------------------------------------------------- playbook


def _playbook(origins: Sequence[Origin], hosts: str, models: Mapping[str, str], keys: Sequence[str]) -> str:
    """Return the playbook that compares two datasets, or loads the only one, which is described with some keys."""
    titles = " with ".join(one.title for one in origins)
    if len(origins) > 1:
        task: dict[str, Any] = {"source": Template("{{ source }}"), "target": Template("{{ target }}"), **models}
        name, module = f"Compare {titles}", "dsync.core.dsync_diff"
    else:
        task = {**{key: Template(f"{{{{ source.{key} }}}}") for key in keys}, **models}
        name, module = f"Load {titles}", "dsync.core.dsync_info"
    play: dict[str, Any] = {"hosts": hosts, "gather_facts": False, "vars_files": [DATASETS]}
    lines = [f"---\n- name: {_plain(name)}\n", *(f"  {line}\n" for line in yaml_text(play).splitlines()), "  tasks:\n"]
    lines += [f"    - name: {_TASK_NAMES[len(origins)]}\n      {module}:\n"]
    lines += [f"        {line}\n" for key, value in task.items() for line in yaml_text({key: value}).splitlines()]
    lines += ["      diff: true\n" if len(origins) > 1 else "      register: loaded\n"]
    return "".join(lines)


_TASK_NAMES = {1: "Load the objects", 2: "Show what differs"}


def _plain(text: str) -> str:
    """Return the name of a play, which no template and no comment can be in."""
    return yaml_text({"name": text}).strip().removeprefix("name: ")
