# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The script of the HTML report: search, filters, groups, folding, and a list that grows while scrolling.

Nothing from the data becomes markup: every string is set as text.
"""

from __future__ import annotations

SCRIPT = r"""
"use strict";
(() => {
  const STEP = 150;
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const list = byId("list"), found = byId("found"), search = byId("search"), group = byId("group");

  const parents = [], lines = data.lines.map((line, index) => {
    const [depth, model, id, action, state, note, values] = line;
    parents.length = depth;
    const parent = depth ? parents[depth - 1] : null;
    parents[depth] = index;
    return {index, depth, parent, model: data.models[model], id, action: data.actions[action], state: data.states[state], note,
      values, below: 0, text: null};
  });
  for (const line of lines) if (line.parent !== null) lines[line.parent].below += 1;

  const chosen = {action: new Set(), model: new Set(), state: new Set()};
  const folded = new Set(), opened = new Map();
  let words = [], items = [], shown = 0;

  const haystack = (line) => line.text ??= [line.model, line.id, line.action, line.note, ...line.values.flat()]
    .filter((part) => part).join("\n").toLowerCase();
  const fits = (line) => line.action !== undefined
    && Object.entries(chosen).every(([key, set]) => !set.size || set.has(line[key]))
    && words.every((word) => haystack(line).includes(word));

  function inTree() {
    const wanted = new Uint8Array(lines.length);
    let count = 0;
    for (const line of lines) {
      if (!fits(line)) continue;
      count += 1;
      wanted[line.index] = 2;
      for (let at = line.parent; at !== null && !wanted[at]; at = lines[at].parent) wanted[at] = 1;
    }
    const visible = [];
    let hiddenBelow = Infinity;
    for (const line of lines) {
      if (line.depth > hiddenBelow || !wanted[line.index]) continue;
      const isFolded = !words.length && folded.has(`line ${line.index}`);
      hiddenBelow = isFolded ? line.depth : Infinity;
      visible.push({line, depth: line.depth, key: `line ${line.index}`, foldable: line.below > 0 && !words.length, isFolded,
        context: wanted[line.index] === 1});
    }
    return [visible, count];
  }

  function inGroups(by) {
    const groups = new Map(data[`${by}s`].map((name) => [name, []]));
    let count = 0;
    for (const line of lines) {
      if (!fits(line)) continue;
      count += 1;
      groups.get(line[by]).push(line);
    }
    const visible = [];
    for (const [name, members] of groups) {
      if (!members.length) continue;
      const key = `${by} ${name}`, isFolded = folded.has(key);
      visible.push({title: name, number: members.length, depth: 0, key, foldable: true, isFolded});
      if (!isFolded) for (const line of members) visible.push({line, depth: 1, key: `line ${line.index}`, foldable: false});
    }
    return [visible, count];
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) marked(made, text);
    return made;
  }

  function marked(into, text) {
    const lower = words.length ? text.toLowerCase() : "";
    let at = 0;
    while (words.length && lower.length === text.length) {
      const hits = words.map((word) => [lower.indexOf(word, at), word.length]).filter(([place]) => place >= 0);
      if (!hits.length) break;
      const [place, length] = hits.reduce((one, other) => other[0] < one[0] ? other : one);
      into.append(text.slice(at, place));
      into.appendChild(document.createElement("mark")).textContent = text.slice(place, place + length);
      at = place + length;
    }
    into.append(text.slice(at));
  }

  function valuesOf(line) {
    const values = element("div", "values");
    for (const [name, before, after] of line.values) {
      const row = element("div"), value = element("span", "value");
      row.append(element("span", "name", name), value);
      if (before !== null) value.append(element("del", "", before));
      if (before !== null && after !== null) value.append(element("span", "arrow", "→"));
      if (after !== null) value.append(element("ins", "", after));
      values.append(row);
    }
    return values;
  }

  const isOpen = (line) => opened.get(line.index) ?? (opened.get("all") || words.length > 0 || line.action === "update");

  function rowOf(item) {
    const {line} = item, row = element("div", "row"), top = element("div", "top");
    row.style.setProperty("--depth", item.depth);
    row.append(top);
    const fold = element(item.foldable ? "button" : "span", "fold", item.foldable ? (item.isFolded ? "▸" : "▾") : "");
    if (item.foldable) {
      fold.dataset.fold = item.key;
      fold.setAttribute("aria-expanded", String(!item.isFolded));
      fold.setAttribute("aria-label", `what is below ${item.title ?? `${line.model} ${line.id}`}`);
    }
    top.append(fold);
    if (!line) {
      row.classList.add("group");
      top.append(element("span", "id", item.title), element("span", "model", `${item.number}`));
      return row;
    }
    if (line.action === undefined || item.context) row.classList.add("context");
    if (line.action !== undefined) top.append(element("span", `badge ${line.action}`, line.action));
    top.append(element("span", "model", line.model), element("span", "id", line.id));
    if (line.note) top.append(element("span", `ended ${line.state}`, line.note));
    if (line.values.length && !item.context) {
      const open = isOpen(line), many = line.values.length;
      const more = element("button", "more", open ? "hide" : `${many} ${many === 1 ? "attribute" : "attributes"}`);
      more.dataset.more = line.index;
      more.setAttribute("aria-expanded", String(open));
      top.append(more);
      if (open) row.append(valuesOf(line));
    }
    return row;
  }

  function grow(to) {
    const rows = document.createDocumentFragment();
    for (; shown < Math.min(to, items.length); shown += 1) rows.append(rowOf(items[shown]));
    list.append(rows);
    byId("rest").hidden = shown >= items.length;
    watch.unobserve(byId("rest"));
    watch.observe(byId("rest"));  // reports at once whether there is still room to fill
  }

  const watch = new IntersectionObserver((entries) => {
    if (shown < items.length && entries.some((entry) => entry.isIntersecting)) grow(shown + STEP);
  }, {rootMargin: "1500px"});

  function draw(keep = 0) {
    const [visible, count] = group.value === "tree" ? inTree() : inGroups(group.value);
    items = visible;
    shown = 0;
    list.replaceChildren();
    grow(Math.max(keep, STEP));
    const all = data.changes;
    found.textContent = count === all ? `${all.toLocaleString()} ${all === 1 ? "change" : "changes"}`
      : `${count.toLocaleString()} of ${all.toLocaleString()} changes`;
    if (!items.length) list.append(element("div", "nothing", all ? "No change is like that." : "Nothing differs."));
  }

  function chips(name) {
    const counts = new Map(data[`${name}s`].map((value) => [value, 0]));
    for (const line of lines) if (line.action !== undefined) counts.set(line[name], counts.get(line[name]) + 1);
    const used = [...counts].filter(([, number]) => number);
    if (used.length < 2) return;
    const place = byId(`${name}s`);
    for (const [value, number] of used) {
      const chip = place.appendChild(element("button", "chip"));
      chip.append(`${value} `, element("small", "", number.toLocaleString()));
      chip.setAttribute("aria-pressed", "false");
      chip.addEventListener("click", () => {
        const on = !chosen[name].delete(value);
        if (on) chosen[name].add(value);
        chip.setAttribute("aria-pressed", String(on));
        draw();
      });
    }
  }

  ["action", "model", "state"].forEach(chips);
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      words = search.value.toLowerCase().split(/\s+/).filter((word) => word);
      draw();
    }, 120);
  });
  group.addEventListener("change", () => draw());
  byId("fold").addEventListener("click", () => {
    const keys = group.value === "tree" ? lines.filter((line) => line.below).map((line) => `line ${line.index}`)
      : data[`${group.value}s`].map((name) => `${group.value} ${name}`);
    const unfold = keys.some((key) => folded.has(key));
    keys.forEach((key) => unfold ? folded.delete(key) : folded.add(key));
    byId("fold").textContent = unfold ? "Fold all" : "Unfold all";
    draw();
  });
  byId("values").addEventListener("click", () => {
    const on = !opened.get("all");
    opened.clear();
    opened.set("all", on);
    byId("values").setAttribute("aria-pressed", String(on));
    draw(shown);
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const {fold, more} = button.dataset;
    if (fold !== undefined) {
      if (!folded.delete(fold)) folded.add(fold);
      draw(shown);
      list.querySelector(`[data-fold="${CSS.escape(fold)}"]`)?.focus();
    } else if (more !== undefined) {
      opened.set(Number(more), !isOpen(lines[more]));
      const row = button.closest(".row"), item = items[[...list.children].indexOf(row)];
      row.replaceWith(rowOf(item));
      list.querySelector(`[data-more="${more}"]`)?.focus();
    }
  });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    }
  });
  addEventListener("beforeprint", () => grow(Infinity));
  byId("tools").hidden = !data.changes;
  draw();
})();
"""
