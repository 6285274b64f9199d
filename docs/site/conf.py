# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings for the docs site, which scripts/docs_site.py gathers and `make docs` builds."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "dsync.core"
author = "dsync contributors"
project_copyright = author
extensions = [
    "myst_parser",
    "sphinx_copybutton",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_antsibull_ext",
]
exclude_patterns = ["schemas"]
suppress_warnings = ["ref.python"]  # a type in a signature that is named like an attribute of a class, such as `type`
highlight_language = "default"
napoleon_use_ivar = True

html_theme = "furo"
html_title = "dsync.core"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
copybutton_prompt_text = "$ "

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
python_use_unqualified_type_names = True


ANSIBLE = "https://docs.ansible.com/ansible/latest/"
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
BUILT_IN = re.compile(r"ansible_collections\.ansible\.builtin\.(\w+_(?:module|filter|test|lookup|inventory))")


def link_to_ansible(app: Sphinx, environment: Any, node: Any, text: nodes.Element) -> nodes.Element | None:
    """Return a link to Ansible's own documentation for a label of it, without asking the network which there are."""
    label = node["reftarget"]
    page = ANSIBLE_PAGES.get(label)
    if built_in := BUILT_IN.fullmatch(label):
        page = f"collections/ansible/builtin/{built_in[1]}.html"
    if page is None or node["reftype"] != "ref":
        return None
    return nodes.reference("", "", text, internal=False, refuri=ANSIBLE + page)


CONTENTS = re.compile(r"^\.\. contents::\n(?:   .*\n)+", re.MULTILINE)


def drop_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Take the list of contents out of a generated page: the theme shows one beside each page."""
    if page.startswith("collections/"):
        source[0] = CONTENTS.sub("", source[0])


def setup(app: Sphinx) -> None:
    """Fit the generated pages to the theme, link to Ansible's, and show CSV as it is: Pygments has no lexer for it."""
    app.connect("source-read", drop_contents)
    app.connect("missing-reference", link_to_ansible)
    app.add_lexer("csv", TextLexer)
