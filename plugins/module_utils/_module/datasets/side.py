# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The datasets of a task: source and target, or the only one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...dsync import DSync
from ...dsync._util.redaction import Redactor, collect_secrets, secret_strings
from ...dsync.plan.change import Change, secrets_of
from ..argspec import dataset_arguments
from ..bundle.format import Bundle
from ..errors import TaskFailure
from ..masking import secrets_in
from ..output.messages import error_context
from ..output.progress import Progress
from .adapter_class import adapter_class
from .adapter_ref import AdapterRef
from .construct import construct
from .declarations import bind_models

if TYPE_CHECKING:
    from ...dsync.records.definition import DataModel


@dataclass
class Side:
    """One dataset of a task.

    Attributes:
        role: source, target, or dataset.
        params: its arguments.
        models: the models that the task declares; None if the adapter has its own.
        progress: notified while the dataset is loaded.
        dataset: the adapter, once it is constructed.
        counts: model → number of objects, once they are loaded.
    """

    role: str
    params: Mapping[str, Any]
    models: DataModel | None = None
    progress: Progress = field(default_factory=Progress)
    dataset: DSync = field(init=False)
    counts: dict[str, int] = field(init=False, default_factory=dict)

    def open(self, bundle: Bundle) -> None:
        """Construct the adapter. Raises TaskFailure."""
        with self.error_prefix():
            adapter = adapter_class(AdapterRef.parse(self.params["adapter"]), bundle)
            adapter = bind_models(adapter, self.models, self.params)
            self.dataset = construct(adapter, self.params["options"], self.params["secrets"], self.params["name"])
            self.dataset.name = Redactor(self.secrets()).redact(self.dataset.name)
            if self.role in bundle.inventories:
                receiver: Any = self.dataset
                receiver.receive(bundle.inventories[self.role])

    def load(self, purpose: str = "load") -> None:
        """Load the objects; ``purpose`` is the stage that the progress shows. Raises TaskFailure."""
        adapter = AdapterRef.parse(self.params["adapter"]).class_name
        with self.error_prefix(), error_context("load()"), self.progress.loading(purpose, self.role, adapter, self.dataset):
            self.dataset.load()
        self.adopt(self.dataset)

    def adopt(self, dataset: DSync) -> None:
        """Have this dataset, which is loaded."""
        self.dataset = dataset
        self.counts = {name: dataset.count(name) for name in sorted(dataset.get_all_model_names() | dataset.unread.keys())}

    @contextmanager
    def error_prefix(self) -> Iterator[None]:
        """Prefix the message of a failure with the dataset's role and its adapter."""
        try:
            yield
        except TaskFailure as failure:
            raise TaskFailure(f"{self.role} ({self.params['adapter']}): {failure}") from failure.__cause__

    def secrets(self) -> set[str]:
        """Return the adapter's secrets as strings, including those in options and URLs, and each of them as a single line too."""
        elsewhere = secrets_in({**self.params["options"], "name": self.params["name"]})
        return _also_in_one_line(secret_strings([self.params["secrets"], *elsewhere]))

    def sensitive_values(self) -> set[str]:
        """Return the sensitive values of all loaded objects as strings."""
        return _also_in_one_line(collect_secrets(self.dataset)) if hasattr(self, "dataset") else set()

    def record(self) -> dict[str, Any]:
        """Return the dataset's part of the result."""
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
    return secrets | secret_strings(lines - secrets)


def hidden_strings(sides: Iterable[Side], changes: Iterable[Change] = ()) -> set[str]:
    """Return all strings to mask: the adapters' secrets, and the sensitive values of loaded objects and of changes, which may have
    deleted their objects."""
    of_sides = (side.secrets() | side.sensitive_values() for side in sides)
    return set().union(*of_sides, *(_also_in_one_line(secrets_of(change)) for change in changes))


def make_sides(params: Mapping[str, Any], progress: Progress) -> list[Side]:
    """Return source and target, or the only dataset of a task, not yet constructed."""
    return [Side(role, arguments, progress=progress) for role, arguments in dataset_arguments(params).items()]
