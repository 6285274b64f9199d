# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Turn a plan from a file into a plan that can be applied."""

from __future__ import annotations

from ..dataset.dataset import Dataset
from ..storage.stored_plan import LostSecrets, ResolvedPlan, StoredPlan
from .staleness import OnStale, check


def prepare(
    stored: StoredPlan,
    source: Dataset | None,
    target: Dataset,
    key: str | None = None,
    *,
    on_stale: OnStale = "fail",
    lost_secrets: LostSecrets = "fail",
) -> ResolvedPlan:
    """Return a plan from a file with real values and with verdicts on its changes, ready to be applied to ``target``.

    Values are taken from the live datasets, changes that the target's models now protect are marked, and every change is compared
    with the current target. Nothing is changed.

    Args:
        stored: what :func:`.storage.plan_file.load` or the undo of a journal's run returns; not changed.
        source: the loaded dataset from which values are taken; None if there is none, as for an undo.
        target: the loaded dataset to change.
        key: the passphrase that the file was written with; None if it was written without.
        on_stale: ``fail`` raises if the target has changed since the plan was made; ``skip`` refuses those changes and the changes
            that depend on them.
        lost_secrets: how to handle sensitive values that no live object has any more: ``fail`` raises, ``leave`` makes all other
            changes.

    Raises:
        Refused: the declarations of the models have changed since the plan was made, or the key is not the file's.
        SecretMoved: a sensitive value cannot be found any more; the message counts such values and names the first ones.
        RecordError: a value does not fit the target's field; it names model, id and attribute.
        StaleTarget: a change is stale; its ``stale`` contains every such change with a sentence.
    """
    plan = stored.resolve(source, target, key, lost_secrets=lost_secrets)
    plan.verdicts = check(plan, target, on_stale)
    return plan
