# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the documentation of the adapters' options, from their declarations, into the pages and what ansible-doc shows.

Run `.venvs/core-newest/bin/python scripts/adapter_options.py` after a change of them; a unit test fails otherwise.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collection import ROOT

if TYPE_CHECKING:
    from dsync.adapters.core.options import Described

PAGES = {"netbox": "netbox.md", "nautobot": "nautobot.md"}
"""Adapter → the page that documents it; others are on :data:`PAGE`."""
PAGE = "records.md"
FRAGMENT = Path("plugins/doc_fragments/options.py")
WIDTH = 120
HEAD = '''# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the built-in adapters, for ansible-doc; made by scripts/adapter_options.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of the built-in adapters."""

    DOCUMENTATION = r"""
options: {}
notes:
'''
TABLE = "| option | value | default | meaning |\n|---|---|---|---|\n"


def documents() -> Iterator[tuple[Path, str]]:
    """Yield each file that holds documentation of options, relative to the repository, and its text as it should be."""
    adapters = dict(_adapters())
    yield FRAGMENT, f'{HEAD}{"".join(_note(name, list(options)) for name, options in adapters.items())}"""\n'
    for page in sorted({PAGE, *PAGES.values()}):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for name, options in adapters.items():
            if PAGES.get(name, PAGE) == page:
                text = _with_table(text, name, TABLE + "".join(map(_row, options)))
        yield Path("docs", page), text


def _adapters() -> Iterator[tuple[str, list[Described]]]:
    from dsync.adapters import BUILT_IN, built_in

    for name in BUILT_IN:
        adapter: Any = built_in(name)
        yield name, list(adapter.Options.described())


def _with_table(text: str, name: str, table: str) -> str:
    begin, end = f"<!-- options: {name} -->\n", "<!-- /options -->"
    made, count = re.subn(f"{begin}.*?{end}", lambda _found: f"{begin}\n{table}\n{end}", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"the page of {name} should have one place that is marked {begin.strip()}, and has {count}")
    return made


def _row(one: Described) -> str:
    secret = " Belongs under `secrets`." if one.secret else ""
    return f"| `{one.name}` | {one.kind} | {_default(one, '`')} | {one.description}{secret} |\n"


def _default(one: Described, mark: str) -> str:
    if one.required:
        return "required"
    if one.environment:
        return f"{' or '.join(f'{mark}{name}{mark}' for name in one.environment)} of the environment"
    return f"{mark}{one.default}{mark}" if one.default else ""


def _note(name: str, options: list[Described]) -> str:
    told = "; ".join(f"C({one.name}), {', '.join(_about(one))}" for one in options)
    text = f"Options of the adapter V({name}) - {told}."
    lines = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "  - >-\n" + "".join(f"    {line}\n" for line in lines)


def _about(one: Described) -> Iterator[str]:
    yield one.kind
    if one.required:
        yield "required"
    elif one.environment:
        yield f"default {_default(one, '')}"
    elif one.default:
        yield f"default V({one.default})"
    if one.secret:
        yield "a secret"


def main() -> None:
    sys.path.insert(0, str(ROOT / "plugins" / "module_utils"))
    for path, text in documents():
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
