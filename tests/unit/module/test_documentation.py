# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' documentation, their arguments and the library say the same."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.dsync.core.plugins.module_utils._module.argspec import (
    ACTIONS,
    DIFF_ONLY,
    FLAGS,
    JOURNAL_INFO,
    PLAN_INFO,
    SYNC_ONLY,
    argument_spec,
    discover_spec,
    export_spec,
    info_spec,
)
from ansible_collections.dsync.core.plugins.module_utils.dsync import DSyncAction, DSyncFlags

PLUGINS = Path(__file__).parents[3] / "plugins"
MODULES = ("dsync_diff", "dsync_sync")
SPECS = {
    "dsync_diff": argument_spec(**DIFF_ONLY),
    "dsync_sync": argument_spec(**SYNC_ONLY),
    "dsync_discover": discover_spec(),
    "dsync_export": export_spec(),
    "dsync_info": info_spec(),
    "dsync_journal_info": JOURNAL_INFO,
    "dsync_plan_info": PLAN_INFO,
}


def documented(file: str, name: str) -> dict[str, Any]:
    """Return what a file assigns to a name at its top, or in its class, read as YAML."""
    for node in ast.walk(ast.parse((PLUGINS / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return yaml.safe_load(ast.literal_eval(node.value))
    raise LookupError(name)


def test_every_flag_can_be_given() -> None:
    assert {name.upper() for name in FLAGS} == {flag.name for flag in DSyncFlags if flag.value} | {"SKIP_UNMATCHED_BOTH"}


def test_every_action_can_be_selected() -> None:
    assert list(ACTIONS) == [action.value for action in DSyncAction]


def test_shared_options_are_documented_as_they_are() -> None:
    options = documented("doc_fragments/adapters.py", "DOCUMENTATION")["options"]
    spec = argument_spec()
    assert options.keys() == spec.keys()
    assert options["flags"]["choices"] == spec["flags"]["choices"]
    for side in ("source", "target"):
        assert options[side]["suboptions"].keys() == spec[side]["options"].keys()
    for name in ("only", "exclude", "protect", "reports"):
        documented_as = {key: option.get("choices") for key, option in options[name]["suboptions"].items()}
        assert documented_as == {key: option.get("choices") for key, option in spec[name]["options"].items()}


@pytest.mark.parametrize(
    ("module", "own"),
    [
        ("dsync_diff", DIFF_ONLY),
        ("dsync_sync", SYNC_ONLY),
        ("dsync_discover", discover_spec()),
        ("dsync_journal_info", JOURNAL_INFO),
        ("dsync_plan_info", PLAN_INFO),
    ],
)
def test_every_option_of_a_module_is_documented_as_it_is(module: str, own: dict[str, Any]) -> None:
    options = documented(f"modules/{module}.py", "DOCUMENTATION")["options"]
    assert options.keys() == own.keys()
    for name, spec in own.items():
        assert {key: options[name].get(key) for key in ("type", "default", "choices")} == {
            key: spec.get(key) for key in ("type", "default", "choices")
        }


@pytest.mark.parametrize(("module", "spec"), [("dsync_info", info_spec()), ("dsync_export", export_spec())])
def test_every_option_of_a_module_of_one_dataset_is_documented_as_it_is(module: str, spec: dict[str, Any]) -> None:
    fragments = {"dsync_info": ("DOCUMENTATION", "ATTRIBUTES"), "dsync_export": ("DOCUMENTATION",)}[module]
    shared = [documented("doc_fragments/dataset.py", name)["options"] for name in fragments]
    options = dict(ChainMap(*shared, documented(f"modules/{module}.py", "DOCUMENTATION")["options"]))
    assert options.keys() == spec.keys()
    for name, option in spec.items():
        keys = ("type", "elements", "default", "required")
        assert {key: options[name].get(key) for key in keys} == {key: option.get(key) for key in keys}
        if "options" in option:
            assert options[name]["suboptions"].keys() == option["options"].keys()


@pytest.mark.parametrize("role", ["audit", "export", "reconcile", "rollback"])
def test_every_dataset_of_a_role_has_the_options_of_a_dataset(role: str) -> None:
    specs = yaml.safe_load((PLUGINS.parent / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"]["options"]
    dataset = argument_spec()["source"]["options"]
    for name in {f"{role}_source", f"{role}_target"} & options.keys():
        assert options[name]["options"].keys() == dataset.keys()
        assert all(options[name]["options"][option]["type"] == spec["type"] for option, spec in dataset.items())


@pytest.mark.parametrize("key", ["summary", "source", "diff", "changes_truncated"])
def test_both_modules_return_the_same(key: str) -> None:
    diff, sync = (documented(f"modules/{module}.py", "RETURN") for module in MODULES)
    assert diff[key] == sync[key]
    assert diff.keys() - {"drift", "shards"} == sync.keys() - {"undo", "journal", "verified"}


@pytest.mark.parametrize("module", SPECS)
def test_examples_are_tasks_of_the_module(module: str) -> None:
    for task in documented(f"modules/{module}.py", "EXAMPLES"):
        arguments = task.get(f"dsync.core.{module}")
        if arguments is not None:
            assert arguments.keys() <= SPECS[module].keys()


def test_every_module_is_in_the_action_group_that_it_documents_and_shares_options_with_the_others_of_it() -> None:
    modules = {path.stem for path in (PLUGINS / "modules").glob("*.py")}
    assert modules == SPECS.keys()
    groups = yaml.safe_load((PLUGINS.parent / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    grouped = [module for members in groups.values() for module in members]
    assert sorted(grouped) == sorted(modules)
    for group, members in groups.items():
        assert len(set.intersection(*(set(SPECS[module]) for module in members))) > 1
        for module in members:
            shared = "doc_fragments/adapters.py" if group == "dsync" else f"modules/{module}.py"
            assert documented(shared, "DOCUMENTATION")["attributes"]["action_group"]["membership"] == [f"dsync.core.{group}"]


def test_modules_are_documentation_a_spec_and_a_call() -> None:
    for module in SPECS:
        tree = ast.parse((PLUGINS / "modules" / f"{module}.py").read_text(encoding="utf-8"))
        code = [node for node in tree.body if not isinstance(node, (ast.Assign, ast.Expr))]
        assert sum(node.end_lineno - node.lineno + 1 for node in code if node.end_lineno) < 40


def _keys(value: Any) -> Iterator[str]:
    """Yield the keys of the documentation of return values, and those of dictionaries in samples."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _keys(item)


def _returned(values: dict[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield name
        yield from _returned(value.get("contains", {}))
        yield from _keys(value.get("sample"))


@pytest.mark.parametrize("file", [*(f"modules/{name}.py" for name in SPECS), "filter/counts.py"])
def test_a_template_reads_every_key_of_a_result_with_a_dot(file: str) -> None:
    """C4: `result.summary.update` is a method of the dictionary, so no result has a key `update`."""
    keys = set(_returned(documented(file, "RETURN")))
    assert [key for key in keys if hasattr(dict, key) or not key.isidentifier()] == []
    without = {f"modules/dsync_{name}.py" for name in ("discover", "export", "info")}
    assert {"creates", "updates", "moves", "deletes"} <= keys or file in without


@pytest.mark.parametrize("module", [name for name in SPECS if name != "dsync_journal_info"])
def test_the_first_example_reads_a_file(module: str) -> None:
    """A newcomer has files, and no adapter of their own."""
    first = documented(f"modules/{module}.py", "EXAMPLES")[0]
    (arguments,) = (value for key, value in first.items() if key.startswith("dsync.core."))
    assert arguments.get("source", arguments)["adapter"] == "file"
