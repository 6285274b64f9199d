# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""From a plan in a file to one that can be applied."""

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

    Values are taken from the live datasets, what the target's models protect now is marked, and every change is compared with the
    target as it is now. Nothing is changed.

    Args:
        stored: what :func:`.storage.plan_file.load` or the undo of a journal's run returns; not changed.
        source: where values are taken from, loaded; None where there is none, as for an undo.
        target: the dataset that is to be changed, loaded.
        key: the passphrase that the file was written with; None if it was written without.
        on_stale: ``fail`` raises when the target has moved since the plan was made; ``skip`` refuses those changes and what depends
            on them.
        lost_secrets: what becomes of sensitive values that no live object has any more: ``fail`` raises, ``leave`` makes all other
            changes.

    Raises:
        Refused: the models are not declared as they were when the plan was made, or the key is not the file's.
        SecretMoved: a sensitive value is not to be found any more; all such are counted, and the first ones named.
        RecordError: a value does not fit the target's field; it names model, id and attribute.
        StaleTarget: something is stale; its ``stale`` has every such change with a sentence.
    """
    plan = stored.resolve(source, target, key, lost_secrets=lost_secrets)
    plan.verdicts = check(plan, target, on_stale)
    return plan
