# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""All exceptions of the library.

::

    DSyncException
    ├── DeclarationError            the declaration of a model or adapter class is wrong (also an AttributeError)
    ├── ObjectStoreException        the store of loaded objects
    │   ├── ObjectAlreadyExists     .existing, .new
    │   ├── ObjectNotFound
    │   └── ObjectStoreWrongType
    ├── ObjectCrudException         create, update, move or delete; .result
    │   ├── ObjectNotCreated
    │   ├── ObjectNotUpdated
    │   ├── ObjectNotMoved
    │   └── ObjectNotDeleted
    ├── DiffException               comparing
    │   ├── DiffClassMismatch
    │   ├── ModelMismatch           the two sides declare a model differently
    │   └── AmbiguousMatch          several objects have the same match key
    ├── Refused                     a run is refused before anything is written
    │   ├── LimitExceeded           more changes than a limit allows
    │   ├── EmptySource             the source has no objects of a model that the target has
    │   ├── SourceShrank            the source has far fewer objects than at the last successful run
    │   ├── RefusedChanges          because of some of the changes; .changes
    │   │   ├── StaleTarget         the target does not match the plan
    │   │   ├── MissingReference    an object would refer to a missing one
    │   │   └── TargetNotWritable   the target cannot be changed in this way
    │   ├── ReferenceCycle          objects refer to one another in a cycle
    │   ├── PlanNotReady            a plan from a file was not prepared
    │   ├── SecretMoved             a sensitive value differs from the one in the plan
    │   └── LockHeld                another run holds the lock
    ├── RecordError                 a plan, journal or baseline file cannot be read or written
    ├── SelectorError               a selector is invalid
    ├── DefinitionError             a model, mapping or option that was declared in data is wrong
    ├── RecordProblem               a native record does not fit its declaration
    │   └── NothingKept             none of the changes of a run was committed
    ├── TransientError              raised by adapters: the same call may succeed later
    ├── LibraryMissing              an optional library is not installed; .library (also an ImportError)
    └── PydanticMissing             pydantic is missing or too old (also an ImportError)

    KeyboardInterrupt
    └── AskedToEnd                  a signal ends a run as Ctrl-C does; .signal
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class DSyncException(Exception):
    """Root of the library's own exceptions.

    Attributes:
        file: the absolute path of the file that the text is about, as it is in the text; empty if it is not about a file.
        side: ``source`` or ``target``, if a shard of it could not be loaded; empty otherwise.
    """

    file: str = ""
    side: str = ""


class DeclarationError(DSyncException, AttributeError):
    """The declaration of a model or adapter class is wrong; raised when the class is created."""


class ObjectStoreException(DSyncException):
    """An object cannot be stored, or cannot be found, in a dataset."""


class ObjectAlreadyExists(ObjectStoreException):
    """An object with the same identity already exists.

    Attributes:
        existing: the existing object, if it is known.
        new: the new object, if it is known.
    """

    def __init__(self, message: str, existing: Any = None, new: Any = None) -> None:
        super().__init__(message)
        self.existing = existing
        self.new = new

    @property
    def existing_object(self) -> Any:
        """The existing object (DiffSync's name for it)."""
        return self.existing


class ObjectNotFound(ObjectStoreException):
    """No object with this identity is in the dataset."""


class ObjectStoreWrongType(ObjectStoreException):
    """An object is of a model that is not allowed here."""


class ObjectCrudException(DSyncException):
    """Creating, updating or deleting an object failed.

    Adapters raise it, or one of its subclasses, from ``create``, ``update`` and ``delete``; any other exception counts too.

    Attributes:
        result: the result of the run up to the failure, if a synchronisation raises this.
    """

    result: object = None


class ObjectNotCreated(ObjectCrudException):
    """Creating an object failed."""


class ObjectNotUpdated(ObjectCrudException):
    """Updating an object failed."""


class ObjectNotMoved(ObjectCrudException):
    """Moving an object to another parent failed."""


class ObjectNotDeleted(ObjectCrudException):
    """Deleting an object failed."""


class DiffException(DSyncException):
    """Two datasets cannot be compared, or a diff cannot be used."""


class DiffClassMismatch(DiffException):
    """A given diff is not of the requested ``diff_class``."""


class ModelMismatch(DiffException):
    """The two sides declare a model in ways that cannot be compared."""


class AmbiguousMatch(DiffException):
    """Several objects of one side have the same match key, so it is ambiguous which of them matches an object of the other side."""


class Refused(DSyncException):
    """A run is refused before anything is written."""


class PlanNotReady(Refused):
    """A plan that comes from a file was not bound to live datasets, or not checked against the target."""


class LimitExceeded(Refused):
    """The plan has more changes than a limit allows."""


class EmptySource(Refused):
    """The source has no objects of a model of which the target has some."""


class SourceShrank(Refused):
    """The source has far fewer objects than at the last successful run."""


class RefusedChanges(Refused):
    """A run is refused because of some of its changes.

    Attributes:
        changes: (change, sentence) for each of them.
    """

    def __init__(self, message: str, changes: Sequence[tuple[Any, str]] = ()) -> None:
        super().__init__(message)
        self.changes = tuple(changes)


class StaleTarget(RefusedChanges):
    """The target does not match a saved plan: objects were changed since it was made."""


class MissingReference(RefusedChanges):
    """Changes would leave an object that refers to a missing one."""


class TargetNotWritable(RefusedChanges):
    """The target does not support some of the changes."""


class ReferenceCycle(Refused):
    """Changes cannot be ordered because their objects refer to one another, or take unique values from one another, in a cycle."""


class SecretMoved(Refused):
    """A sensitive value of the source differs from the one in a saved plan."""


class LockHeld(Refused):
    """Another run holds the lock and did not release it in time."""


class RecordError(DSyncException):
    """A plan, journal or baseline file cannot be read, cannot be written, or is invalid."""


class SelectorError(DSyncException, ValueError):
    """A selector is invalid."""


class DefinitionError(DSyncException, ValueError):
    """A model, a mapping or an adapter's option that a user declared in data is wrong; the message begins with its place."""


class RecordProblem(DSyncException):
    """A native record does not fit its declaration: a value cannot be read, computed or written back, or an identity occurs
    twice; or a system refuses it.

    Attributes:
        maybe: whether the failed change may have been made nevertheless, as after a connection is lost during a commit.
        rejected: whether the system itself rejected the change, because of what it holds, and made nothing. A create is then
            attempted again after the delete of an object that may be in its way.
    """

    def __init__(self, message: str, maybe: bool = False, rejected: bool = False) -> None:
        super().__init__(message)
        self.maybe, self.rejected = maybe, rejected


class NothingKept(RecordProblem):
    """None of the changes of a run was committed; raised by ``sync_complete`` of a transactional adapter.

    After any other exception of ``sync_complete`` the changes count as possibly made.
    """


class TransientError(DSyncException):
    """A create, update, move or delete failed with a transient error; adapters raise it so that the call is retried."""


class AskedToEnd(KeyboardInterrupt):
    """A signal other than that of Ctrl-C ends a run in the same orderly way.

    Attributes:
        signal: its name.
    """

    def __init__(self, signal: str) -> None:
        super().__init__(signal)
        self.signal = signal


class LibraryMissing(DSyncException, ImportError):
    """A library that only some features require is not installed.

    Attributes:
        library: its name for pip.
    """

    def __init__(self, message: str, library: str) -> None:
        super().__init__(message)
        self.library = library


class PydanticMissing(DSyncException, ImportError):
    """Pydantic is missing or too old, so no model can be created."""
