# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that plugins share which load one dataset."""

from __future__ import annotations


class ModuleDocFragment:
    """One dataset, and which of its objects are returned."""

    DOCUMENTATION = r"""
options:
  adapter:
    description:
      - The adapter that loads the dataset, as in O(dsync.core.dsync_diff#module:source.adapter). V(file), V(inventory), V(memory),
        V(netbox), V(nautobot), V(rest), V(snapshot) and V(sql) are built in.
    type: str
    required: true
  preset:
    description:
      - For the adapter V(rest), the system behind it, as in O(dsync.core.dsync_diff#module:source.preset). The name of a preset,
        the path of a YAML file on the controller, or a dictionary of C(name) and variables.
    type: raw
  options:
    description:
      - Options of the adapter, such as C(path) for V(file). The notes name those of the built-in adapters, and the collection's
        pages describe them.
    type: dict
    default: {}
  secrets:
    description:
      - Additional keyword arguments of the adapter, which are never shown or logged. Tokens and passwords belong here.
    type: dict
    default: {}
  name:
    description:
      - Display name of the dataset. Defaults to the name that the adapter gives it.
    type: str
  mapping:
    description:
      - How native records become objects of the declared models, as in O(dsync.core.dsync_diff#module:source.mapping). A
        dictionary, or the path of a YAML file on the controller.
    type: raw
  lookups:
    description:
      - Tables that O(mapping) translates values with, as in O(dsync.core.dsync_diff#module:source.lookups). A dictionary, or the
        path of a YAML file on the controller.
    type: raw
  models:
    description:
      - Declarations of the models of a record-based adapter, such as V(file) and V(sql). A dictionary of model name to declaration.
      - Mutually exclusive with O(models_file).
    type: dict
  models_file:
    description:
      - Path of a YAML file on the controller that contains the declarations, as in O(models), or a dictionary of C(models) and
        C(top_level). A relative path is searched where Ansible searches files.
      - Templates in the file are not evaluated, and are refused. The tag C(!unsafe) marks a string that is not a template.
    type: str
  only_models:
    description:
      - Names of the models whose objects are returned. Defaults to all models.
    type: list
    elements: str
  top_level:
    description:
      - Root models among the declared ones, in processing order. Defaults to all models that are not children of another model.
    type: list
    elements: str
  only:
    description:
      - Select only objects that match at least one of these selectors, and everything below them. Defaults to all objects.
    type: list
    elements: dict
    suboptions: &selector
      model:
        description: Name of a model. Matches its objects.
        type: str
      id:
        description:
          - Matches objects whose identifier matches a shell-style pattern, such as V(rtr-*), or after a V(~) a regular expression,
            such as V(~^rtr-[0-9]+$).
        type: str
      attributes:
        description:
          - Matches objects that have these values, as a dictionary of attribute or identifier to value. Sensitive attributes cannot
            be used.
        type: dict
  exclude:
    description:
      - Ignore objects that match at least one of these selectors, and everything below them.
    type: list
    elements: dict
    suboptions: *selector
"""

    ATTRIBUTES = r"""
options:
  attributes:
    description:
      - Names of the attributes that are returned, as a list for every model, or as a dictionary of model to such a list.
        Identifiers are always returned.
    type: raw
"""
