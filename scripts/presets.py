# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what is made of the presets of the adapter rest: their pages, their list, their JSON Schema, and what ansible-doc shows.

Run `.venvs/core-newest/bin/python scripts/presets.py` after a change of them; a unit test fails otherwise.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from collection import ROOT

FOLDER = ROOT / "plugins/module_utils/dsync/adapters/rest/presets"
PAGES = Path("docs/presets")
INDEX = Path("docs/presets.md")
SCHEMA = Path("docs/schemas/rest_preset.json")
FRAGMENT = Path("plugins/doc_fragments/presets.py")
BEGIN, END = "<!-- presets -->\n", "<!-- /presets -->"
WIDTH = 120
HEAD = '''# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets of the adapter rest, for ansible-doc; made by scripts/presets.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The presets of the adapter rest."""

    DOCUMENTATION = r"""
options: {}
notes:
'''
FAKE = (
    "This preset was never used with the system itself. It is tested with a fake server that was written together with it, so both "
    "may share a mistake. Look at what a first run in check mode shows, and compare it with the description of the API."
)


def contents() -> dict[str, Any]:
    """Return name of a preset → the content of its file."""
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.yml"))}


def documents() -> Iterator[tuple[Path, str]]:
    """Yield each file that is made of the presets, relative to the repository, and its text as it should be."""
    presets = contents()
    for name, preset in presets.items():
        yield PAGES / f"{name}.md", page(name, preset)
    yield FRAGMENT, f'{HEAD}{_note(presets)}"""\n'
    yield SCHEMA, schema()
    text = (ROOT / INDEX).read_text(encoding="utf-8")
    rows = "".join(_row(name, preset) for name, preset in presets.items())
    table = f"\n| preset | system | models | tested with |\n|---|---|---|---|\n{rows}\n"
    made, count = re.subn(f"{BEGIN}.*?{END}", lambda _found: f"{BEGIN}{table}{END}", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{INDEX} should have one place that is marked {BEGIN.strip()}, and has {count}")
    yield INDEX, made


def schema() -> str:
    """Return the JSON Schema of a preset."""
    from dsync.adapters.rest.preset import Preset

    made = Preset.model_json_schema(by_alias=True)
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Preset", **_plain(made)}
    return json.dumps(whole, indent=2) + "\n"


def _plain(value: Any) -> Any:
    """Return a part of a schema without what releases of pydantic write differently, and what says nothing."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, dict):
        return value
    if len(value.get("allOf", ())) == 1:
        value = {**value["allOf"][0], **{name: one for name, one in value.items() if name != "allOf"}}
    kept = {name: one for name, one in value.items() if (name, one) != ("additionalProperties", True)}
    return {name: _plain(one) for name, one in kept.items() if name != "title" or not isinstance(one, str)}


def task(name: str, preset: Mapping[str, Any]) -> str:
    """Return the task with which the page of a preset begins."""
    options, secrets = _given(preset)
    variables = [f"{one}: …" for one, about in preset.get("variables", {}).items() if "default" not in about]
    given = f"{{name: {name}, {', '.join(variables)}}}" if variables else name
    lines = [
        f"- name: Bring {preset['title']} in line with {name}.yml",
        "  dsync.core.dsync_sync:",
        f"    source: {{adapter: file, options: {{path: {name}.yml}}}}",
        "    target:",
        "      adapter: rest",
        f"      preset: {given}",
        f"      options: {{{', '.join(options)}}}",
        *([f"      secrets: {{{', '.join(secrets)}}}"] if secrets else []),
        "  check_mode: true   # shows what would change; remove this line to change it",
        "  diff: true",
    ]
    return "".join(f"{line}\n" for line in lines)


def _given(preset: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the options and the secrets that the task has to give, as YAML."""
    from dsync.adapters.rest.options import RestOptions

    fields, options, secrets = RestOptions.fields(), [], []
    for name, about in preset.get("requires", {}).items():
        if fields[name].repr:
            options.append(f'{name}: "{about["example"]}"')
        else:
            secrets.append(f'{name}: "{{{{ {name} }}}}"')
    return options, secrets


def page(name: str, preset: Mapping[str, Any]) -> str:
    """Return the page of a preset."""
    parts = [
        f"# {preset['title']}\n\n<!-- made by scripts/presets.py of the preset {name} -->\n",
        f"```yaml\n{task(name, preset)}```\n",
        f"{_wrapped(preset['description'])}\n",
        f"{name}.yml may hold:\n\n```yaml\n{_dumped(preset['sample'])}```\n",
        f"## What the task gives\n\n{_requirements(preset)}",
        "## Models\n\nA field that the source does not have is not changed.\n",
        *(_model(preset, model) for model in preset["models"]),
        f"## Notes\n\n{_notes(preset)}",
    ]
    return "\n".join(parts)


def _requirements(preset: Mapping[str, Any]) -> str:
    rows = [f"| `{name}` | {about['description']} | |\n" for name, about in preset.get("requires", {}).items()]
    for name, about in preset.get("variables", {}).items():
        default = f"`{about['default']}`" if "default" in about else ""
        rows.append(f"| variable `{name}` | {about['description']} | {default} |\n")
    return f"| option or secret | meaning | default |\n|---|---|---|\n{''.join(rows)}"


def _model(preset: Mapping[str, Any], name: str) -> str:
    model, endpoint = preset["models"][name], _endpoint(preset, name)
    able = [word for action, word in (("create", "created"), ("update", "changed"), ("delete", "deleted")) if endpoint[action]]
    written = f"Read, {', '.join(able)}." if able else "Only read."
    parent = next((one for one, other in preset["models"].items() if name in (other.get("children") or ())), None)
    below = f" Each belongs to a `{parent}`." if parent else ""
    fields = model["identifiers"]
    rows = [_field(one, fields[one] if isinstance(fields, dict) else "str", "identifier") for one in fields]
    rows += [_field(one, declared, "") for one, declared in (model.get("attributes") or {}).items()]
    text = f"{model['description']} {written}{below} Path: `{endpoint['list'].partition('?')[0]}`."
    return f"### {name}\n\n{_wrapped(text)}\n\n| field | type | |\n|---|---|---|\n{''.join(rows)}"


def _endpoint(preset: Mapping[str, Any], name: str) -> dict[str, Any]:
    declared = preset["options"]["endpoints"][name]
    declared = {"list": declared} if isinstance(declared, str) else declared
    return {"list": declared["list"], **{action: declared.get(action) is not False for action in ("create", "update", "delete")}}


def _field(name: str, declared: Any, role: str) -> str:
    about = declared if isinstance(declared, dict) else {"type": declared}
    kind = about.get("type") or "str"
    text = f"one of {', '.join(map(str, kind))}" if isinstance(kind, list) else f"`{kind}`".replace("|", "\\|")
    said = [role] if role else []
    said += [f"refers to {about['ref']}"] if "ref" in about else []
    said += ["only read"] if about.get("read_only") else []
    said += ["set on new objects only"] if about.get("compare") == "create_only" else []
    said += [about["description"]] if "description" in about else []
    return f"| `{name}` | {text} | {'; '.join(said)} |\n"


def _notes(preset: Mapping[str, Any]) -> str:
    tested = f"Tested with {preset['tested']}." if "tested" in preset else FAKE
    notes = [*preset.get("notes", []), tested, f"The vendor describes the API at <{preset['documentation']}>."]
    return "".join(f"{_wrapped(note, '- ', '  ')}\n" for note in notes)


def _row(name: str, preset: Mapping[str, Any]) -> str:
    tested = preset.get("tested", "a fake server")
    return f"| [`{name}`](presets/{name}.md) | {preset['title']} | {', '.join(preset['models'])} | {tested} |\n"


def _note(presets: Mapping[str, Any]) -> str:
    named = "; ".join(f"V({name}), {preset['title']}" for name, preset in presets.items())
    text = f"Presets of the adapter V(rest) - {named}. A page of the collection, docs/presets, documents each of them."
    return "  - >-\n" + "".join(
        f"    {line}\n" for line in textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    )


def _wrapped(text: str, first: str = "", other: str = "") -> str:
    return textwrap.fill(
        " ".join(text.split()), 140, initial_indent=first, subsequent_indent=other, break_long_words=False, break_on_hyphens=False
    )


class _Flow(dict[str, Any]):
    """A record, which is written in one line."""


class _Dumper(yaml.SafeDumper):
    """Writes records in one line each."""


_Dumper.add_representer(_Flow, lambda dumper, value: dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=True))


def _dumped(sample: Mapping[str, Any]) -> str:
    flowing = {name: [_Flow(record) for record in records] for name, records in sample.items()}
    shown: Any = flowing if len(flowing) > 1 else next(iter(flowing.values()), [])  # of one model, a file is the list
    text: str = yaml.dump(shown, Dumper=_Dumper, sort_keys=False, width=130, allow_unicode=True)
    return text


def main() -> None:
    sys.path.insert(0, str(ROOT / "plugins" / "module_utils"))
    (ROOT / PAGES).mkdir(exist_ok=True)
    for path, text in documents():
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
