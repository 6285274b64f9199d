# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A report as one self-contained HTML file: without network, fonts, or other files.

The part above the changes is shown without JavaScript too. The changes are data in the page, from which the browser creates rows as
needed. The page forbids every script except its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from ...diff.diff import COUNTERS
from ...flags import DSyncAction
from ..report import Line, Report, State
from .html_script import SCRIPT
from .html_style import STYLE
from .phrases import CAPPED, HEADINGS, attributes, facts, more_changes, one_line, table

_STATES = tuple(state.value for state in State)
_ACTIONS = tuple(action.value for action in DSyncAction)
_NONE = -1
_IN_A_SCRIPT = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; \
img-src data:; base-uri 'none'; form-action 'none'">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{head}
<section id="tools" class="tools" aria-label="Which changes are shown" hidden>
<div class="line">
<input type="search" id="search" placeholder="Search models, ids and values" aria-label="Search" autocomplete="off">
<select id="group" aria-label="Order of the changes">
<option value="tree">As a tree</option><option value="model">By model</option><option value="action">By action</option>
</select>
<button id="fold">Fold all</button>
<button id="values" class="chip" aria-pressed="false">All values</button>
</div>
<div class="line">
<div class="chips" id="actions"></div><div class="chips" id="states"></div><div class="chips" id="models"></div>
</div>
</section>
<p class="found" id="found" role="status"></p>
<div id="list"></div>
<p class="nothing" id="rest" hidden>more below</p>
<noscript><p>The list of changes requires JavaScript, which is disabled. Use a text or Markdown report instead.</p></noscript>
</main>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def render(report: Report) -> str:
    """Return a report as an HTML page."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    return _PAGE.format(
        digest=digest, title=_text(report.title), style=STYLE, head="\n".join(_head(report)), data=_data(report), script=SCRIPT
    )


def _text(text: str) -> str:
    return escape(one_line(text))


def _head(report: Report) -> Iterator[str]:
    yield f"<h1>{_text(report.title)}</h1>"
    failed = bool(report.problems or report.outcomes["failed"])
    kind, word = ("bad", "failed") if failed else ("good", "in sync") if report.in_sync else ("differs", "drift")
    yield f'<p class="headline"><b class="{kind}">{word}</b>{_text(report.headline)}</p>'
    yield from _bar(report)
    yield f"<dl>{''.join(f'<dt>{name}</dt><dd>{_text(text)}</dd>' for name, text in facts(report))}</dl>"
    yield from _sentences("Problems", "bad", report.problems)
    yield from _sentences("Warnings", "differs", report.warnings)
    if report.omitted:
        yield f'<p class="differs sentences">{_text(more_changes(report.omitted, CAPPED))}</p>'
    if report.models:
        yield from _counts(report)


def _bar(report: Report) -> Iterator[str]:
    """Yield a bar that shows the share of objects that differ."""
    numbers = {**{action: report.summary[COUNTERS[action]] for action in _ACTIONS}, "rest": report.summary["unchanged"]}
    parts = (f'<span class="{name}" style="flex:{number}"></span>' for name, number in numbers.items() if number)
    if any(numbers.values()):
        yield f'<div class="bar" aria-hidden="true">{"".join(parts)}</div>'


def _sentences(title: str, kind: str, sentences: Iterable[str]) -> Iterator[str]:
    items = "".join(f'<li class="{kind}">{_text(sentence)}</li>' for sentence in sentences)
    if items:
        yield f'<h2>{title}</h2><ul class="sentences">{items}</ul>'


def _counts(report: Report) -> Iterator[str]:
    heads = "".join(f"<th>{heading}</th>" for heading in ("model", *HEADINGS))
    yield f'<div class="wide"><table class="counts"><thead><tr>{heads}</tr></thead><tbody>'
    rows = table(report)
    for place, (model, counts) in enumerate(rows):
        cells = "".join(f'<td class="{name if number else "none"}">{number:,}</td>' for name, number in zip(COUNTERS, counts))
        kind = ' class="total"' if len(report.models) > 1 and place == len(rows) - 1 else ""
        yield f'<tr{kind}><th scope="row">{escape(model)}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _data(report: Report) -> str:
    """Return the changes as JSON that cannot be interpreted as markup in a page."""
    lines = report.lines()
    models = list(dict.fromkeys(line.model for line in lines))
    places = {model: place for place, model in enumerate(models)}
    data = {
        "models": [one_line(model) for model in models],
        "actions": _ACTIONS,
        "states": _STATES,
        "changes": len(report.entries),
        "lines": [_row(line, places) for line in lines],
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_IN_A_SCRIPT)


def _row(line: Line, places: dict[str, int]) -> list[Any]:
    entry, start = line.entry, [line.depth, places[line.model], one_line(line.id)]
    if entry is None:
        return [*start, _NONE, _NONE, "", []]
    values = [list(attribute) for attribute in attributes(entry)]
    return [*start, _ACTIONS.index(entry.action), _STATES.index(entry.state), one_line(line.note), values]
