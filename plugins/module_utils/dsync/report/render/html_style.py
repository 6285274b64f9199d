# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The style of the HTML report: light or dark according to the system, for screens, phones and paper."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f5f6f8; --line: #dfe2e7; --text: #1c2024; --dim: #5d6670; --accent: #2257c9;
  --create: #17723b; --create-ground: #e2f5e8; --update: #855400; --update-ground: #fdf0d3;
  --move: #14607a; --move-ground: #def1f8;
  --delete: #b3261e; --delete-ground: #fde6e4; --plain: #b8bfc8; --mark: #ffe37a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --raised: #1d2127; --line: #333a43; --text: #e5e8ec; --dim: #9aa4af; --accent: #8ab0ff;
    --create: #6fd492; --create-ground: #15321f; --update: #f0bc5a; --update-ground: #38290b;
    --move: #7cc8e6; --move-ground: #0f2d38;
    --delete: #ff9990; --delete-ground: #421916; --plain: #4a535e; --mark: #6b5600;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
.headline { margin: .4rem 0 1rem; font-size: 1.05rem; }
.headline b { display: inline-block; margin-right: .5rem; padding: 0 .6rem; border-radius: 1rem; font-weight: 600; }
.good { color: var(--create); background: var(--create-ground); }
.differs { color: var(--update); background: var(--update-ground); }
.bad { color: var(--delete); background: var(--delete-ground); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 1rem 0; }
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
.bar { display: flex; height: .6rem; margin: 1rem 0; overflow: hidden; border-radius: .3rem; background: var(--plain); }
.bar span { min-width: 2px; }
.bar .create { background: var(--create); } .bar .update { background: var(--update); } .bar .move { background: var(--move); }
.bar .delete { background: var(--delete); }
.bar .rest { background: var(--plain); }
.wide { margin-top: 1.2rem; overflow-x: auto; }
table.counts { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.counts th, .counts td { padding: .2rem .8rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
.counts th { color: var(--dim); font-weight: 500; }
.counts th:first-child { padding-left: 0; text-align: left; }
.counts tbody th { color: var(--text); }
.counts tr.total > * { border-bottom: 0; font-weight: 600; }
.counts td.none { color: var(--dim); }
.counts td.create { color: var(--create); } .counts td.update { color: var(--update); } .counts td.move { color: var(--move); }
.counts td.delete { color: var(--delete); }
.sentences { margin: 0; padding: 0; list-style: none; }
.sentences li { margin: .3rem 0; padding: .35rem .7rem; border-radius: .3rem; overflow-wrap: anywhere; }
.note { color: var(--dim); }
summary { cursor: pointer; }
.tools { position: sticky; top: 0; z-index: 1; margin: 1.5rem -1.25rem 0; padding: .7rem 1.25rem; background: var(--ground);
  border-bottom: 1px solid var(--line); }
.tools .line { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.tools .line + .line { margin-top: .5rem; }
input[type=search], select, button { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line);
  border-radius: .4rem; padding: .25rem .6rem; }
input[type=search] { flex: 1 1 16rem; min-width: 0; background: var(--raised); }
button { cursor: pointer; }
button:hover { background: var(--raised); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.chip { padding: .1rem .65rem; border-radius: 1rem; white-space: nowrap; }
.chip[aria-pressed=true] { border-color: var(--accent); color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
.chip small { color: var(--dim); font-variant-numeric: tabular-nums; }
.chips { display: flex; flex-wrap: wrap; gap: .35rem; max-height: 5.5rem; overflow-y: auto; }
.found { margin: .8rem 0 .4rem; color: var(--dim); }
.row { padding: .3rem 0 .3rem calc(var(--depth) * 1.4rem); border-bottom: 1px solid var(--line);
  content-visibility: auto; contain-intrinsic-size: auto 2.3rem; }
.row .top { display: flex; flex-wrap: wrap; gap: .15rem .5rem; align-items: baseline; padding-left: 2.1rem; }
.row .fold { flex: none; width: 1.6rem; margin: 0 0 0 -2.1rem; padding: 0; border: 0; color: var(--dim); line-height: 1.4;
  text-align: center; }
.row .badge { flex: none; min-width: 4.2rem; padding: 0 .5rem; border-radius: .3rem; font-size: .85rem; text-align: center; }
.badge.create { color: var(--create); background: var(--create-ground); }
.badge.update { color: var(--update); background: var(--update-ground); }
.badge.move { color: var(--move); background: var(--move-ground); }
.badge.delete { color: var(--delete); background: var(--delete-ground); }
.row .model { color: var(--dim); }
.row .id { font-weight: 600; overflow-wrap: anywhere; }
.row.context .id, .row.group .id { font-weight: 500; }
.row.context .badge { opacity: .6; }
.row .ended { font-size: .9rem; overflow-wrap: anywhere; }
.ended.done { color: var(--create); } .ended.refused { color: var(--update); } .ended.failed { color: var(--delete); }
.ended.open { color: var(--dim); }
.row .more { padding: 0 .4rem; border: 0; color: var(--accent); font-size: .9rem; }
.values { margin: .2rem 0 .1rem 2.1rem; font: .85rem/1.5 ui-monospace, monospace; }
.values div { display: grid; grid-template-columns: minmax(6rem, 10rem) 1fr; gap: 0 1rem; }
.values .name { color: var(--dim); overflow-wrap: anywhere; }
.values .value { min-width: 0; max-height: 22rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.values ins, .values del { padding: 0 .25rem; border-radius: .2rem; text-decoration: none; }
.values ins { color: var(--create); background: var(--create-ground); }
.values del { color: var(--delete); background: var(--delete-ground); }
.values .arrow { margin: 0 .35rem; color: var(--dim); }
mark { color: inherit; background: var(--mark); border-radius: .15rem; }
.nothing { padding: 2rem 0; color: var(--dim); text-align: center; }
@media (max-width: 40rem) {
  main { padding: 1rem .8rem 3rem; }
  h1 { font-size: 1.25rem; }
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .3rem; }
  .counts { font-size: .8rem; }
  .counts th, .counts td { padding: .2rem .3rem; }
  .counts thead th, .counts th:first-child { white-space: normal; }
  .counts th:first-child { position: sticky; left: 0; max-width: 10rem; overflow-wrap: break-word; background: var(--ground); }
  .tools { position: static; margin: 1rem -.8rem 0; padding: .5rem .8rem; }
  .chips { flex-wrap: nowrap; max-width: 100%; overflow-x: auto; }
  .row { padding-left: calc(min(var(--depth), 5) * .7rem); }
  .row .badge { min-width: 3.6rem; padding: 0 .3rem; }
  .values div { grid-template-columns: 1fr; margin-bottom: .25rem; }
}
@media print {
  .tools, .fold, .more { display: none !important; }
  .row { break-inside: avoid; content-visibility: visible; }
}
"""
