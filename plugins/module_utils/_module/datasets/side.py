# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two sides of a task: its adapters, made and loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...dsync import DSync
from ...dsync._util.redaction import Redactor, collect_secrets, secret_texts
from ...dsync.plan.change import Change, secrets_of
from ..argspec import sides_in
from ..bundle.importer import Cargo
from ..errors import TaskFailure
from ..masking import secrets_in
from ..output.messages import stage
from ..output.progress import Progress
from .adapter_class import adapter_class
from .adapter_ref import Reference
from .construct import opened
from .declarations import joined

if TYPE_CHECKING:
    from ...dsync.records.definition import DataModel


@dataclass
class Side:
    """One side of a task.

    Attributes:
        role: source or target.
        params: what the task says of it.
        models: the models that the task declares for both sides, if it does.
        progress: is told how far the loading is.
        dataset: its adapter, once it is made.
        counts: model → number of objects, once they are loaded.
    """

    role: str
    params: Mapping[str, Any]
    models: DataModel | None = None
    progress: Progress = field(default_factory=Progress)
    dataset: DSync = field(init=False)
    counts: dict[str, int] = field(init=False, default_factory=dict)

    def open(self, cargo: Cargo) -> None:
        """Make the adapter. Raises TaskFailure."""
        with self.named():
            adapter = adapter_class(Reference.parse(self.params["adapter"]), cargo)
            adapter = joined(adapter, self.models, self.params)
            self.dataset = opened(adapter, self.params["options"], self.params["secrets"], self.params["name"])
            self.dataset.name = Redactor(self.secrets()).redact(self.dataset.name)
            if self.role in cargo.inventories:
                receiver: Any = self.dataset
                receiver.receive(cargo.inventories[self.role])

    def load(self, purpose: str = "load") -> None:
        """Load the objects; ``purpose`` is the stage that is told meanwhile. Raises TaskFailure."""
        adapter = Reference.parse(self.params["adapter"]).class_name
        with self.named(), stage("load()"), self.progress.loading(purpose, self.role, adapter, self.dataset):
            self.dataset.load()
        self.counts = {name: self.dataset.count(name) for name in sorted(self.dataset.get_all_model_names())}

    @contextmanager
    def named(self) -> Iterator[None]:
        """Begin the sentence of a failure with the side's role and its adapter."""
        try:
            yield
        except TaskFailure as failure:
            raise TaskFailure(f"{self.role} ({self.params['adapter']}): {failure}") from failure.__cause__

    def secrets(self) -> set[str]:
        """Return the texts of the adapter's secrets, which nobody may see, also as they are when told in one line; those that are
        given as options, or in addresses, included."""
        elsewhere = secrets_in({**self.params["options"], "name": self.params["name"]})
        return _also_in_one_line(secret_texts([self.params["secrets"], *elsewhere]))

    def sensitive_values(self) -> set[str]:
        """Return the texts of the sensitive values of all objects that there are."""
        return _also_in_one_line(collect_secrets(self.dataset)) if hasattr(self, "dataset") else set()

    def record(self) -> dict[str, Any]:
        """Return what the result says of this side."""
        given = {"records": self.dataset.result_records()} if hasattr(self.dataset, "result_records") else {}
        return {
            "name": self.dataset.name,
            "adapter": self.params["adapter"],
            "counts": self.counts,
            "total": sum(self.counts.values()),
            **given,
        }


def _also_in_one_line(secrets: set[str]) -> set[str]:
    lines = {" ".join(secret.split()) for secret in secrets}
    return secrets | secret_texts(lines - secrets)


def hidden_texts(sides: Iterable[Side], changes: Iterable[Change] = ()) -> set[str]:
    """Return all that nobody may see: the adapters' secrets, the sensitive values of the objects that there are, and those of
    changes, after which some of the objects are no more."""
    of_sides = (side.secrets() | side.sensitive_values() for side in sides)
    return set().union(*of_sides, *(_also_in_one_line(secrets_of(change)) for change in changes))


def both_sides(params: Mapping[str, Any], progress: Progress) -> list[Side]:
    """Return source and target, or the only dataset, as a task describes them."""
    return [Side(role, arguments, progress=progress) for role, arguments in sides_in(params).items()]
