# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Every exception that the library raises on purpose.

::

    DSyncException
    ├── DeclarationError            a model or adapter class is declared wrongly (also an AttributeError)
    ├── ObjectStoreException        keeping loaded objects
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
    │   ├── ModelMismatch           the two sides do not describe the same thing
    │   └── AmbiguousMatch          several objects have the same match key
    ├── Refused                     a run is refused before anything is written
    │   ├── LimitExceeded           more changes than a limit allows
    │   ├── EmptySource             the source has nothing of what the target has
    │   ├── SourceShrank            the source has much less than at the last good run
    │   ├── RefusedChanges          some changes are to blame; .changes
    │   │   ├── StaleTarget         the target does not match the plan
    │   │   ├── MissingReference    an object would refer to another one that is not there
    │   │   └── TargetNotWritable   the target cannot be changed in this way
    │   ├── ReferenceCycle          objects refer to one another in a circle
    │   ├── PlanNotReady            a plan from a file was not prepared
    │   ├── SecretMoved             a sensitive value is not the one that the plan was made with
    │   └── LockHeld                another run holds the lock
    ├── RecordError                 a plan, journal or baseline file cannot be read or written
    ├── SelectorError               a selector says something impossible
    ├── DefinitionError             a model, mapping or option that was declared in data is wrong
    ├── RecordProblem               a native record does not fit what was declared
    │   └── NothingKept             the changes of a run could not be kept, and none of them was
    ├── TransientError              raised by adapters: the same call may succeed later
    ├── LibraryMissing              an optional library is absent; .library (also an ImportError)
    └── PydanticMissing             pydantic is absent or too old (also an ImportError)

    KeyboardInterrupt
    └── AskedToEnd                  a signal ends a run as Ctrl-C does; .signal
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class DSyncException(Exception):
    """Root of the library's own exceptions.

    Attributes:
        file: the absolute path of the file that the text is about, as it is in the text; empty where it is about no file.
    """

    file: str = ""


class DeclarationError(DSyncException, AttributeError):
    """A model or adapter class is declared wrongly; raised when the class is made."""


class ObjectStoreException(DSyncException):
    """An object cannot be kept, or cannot be found, in a dataset."""


class ObjectAlreadyExists(ObjectStoreException):
    """An object with the same identity is there already.

    Attributes:
        existing: the object that was there first, if it is known.
        new: the object that came second, if it is known.
    """

    def __init__(self, message: str, existing: Any = None, new: Any = None) -> None:
        super().__init__(message)
        self.existing = existing
        self.new = new

    @property
    def existing_object(self) -> Any:
        """The object that was there first (DiffSync's name for it)."""
        return self.existing


class ObjectNotFound(ObjectStoreException):
    """No object with this identity is in the dataset."""


class ObjectStoreWrongType(ObjectStoreException):
    """An object is of a model that has no place here."""


class ObjectCrudException(DSyncException):
    """Creating, updating or deleting an object failed.

    Adapters raise it, or one of its subclasses, from ``create``, ``update`` and ``delete``; any other exception counts as much.

    Attributes:
        result: what the run did before it stopped, when a synchronisation raises this.
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
    """A diff that was passed in is not of the ``diff_class`` that was asked for."""


class ModelMismatch(DiffException):
    """The two sides declare a model in ways that cannot be compared."""


class AmbiguousMatch(DiffException):
    """Several objects of one side have the same match key, so that it is not clear which of them is an object of the other side."""


class Refused(DSyncException):
    """A run is refused before anything is written."""


class PlanNotReady(Refused):
    """A plan that comes from a file was not bound to live datasets, or not checked against the target."""


class LimitExceeded(Refused):
    """The plan has more changes than a limit allows."""


class EmptySource(Refused):
    """The source has no object at all of a model of which the target has some."""


class SourceShrank(Refused):
    """The source has much fewer objects than at the last good run."""


class RefusedChanges(Refused):
    """A run is refused because of some of its changes.

    Attributes:
        changes: (change, sentence) for each of them.
    """

    def __init__(self, message: str, changes: Sequence[tuple[Any, str]] = ()) -> None:
        super().__init__(message)
        self.changes = tuple(changes)


class StaleTarget(RefusedChanges):
    """The target is not as a saved plan expects it: the objects of its changes have moved on."""


class MissingReference(RefusedChanges):
    """Changes would leave an object that refers to another one which is not there."""


class TargetNotWritable(RefusedChanges):
    """The target says of changes that it cannot make such changes at all."""


class ReferenceCycle(Refused):
    """Changes cannot be put in an order, since their objects refer to one another, or take unique values, in a circle."""


class SecretMoved(Refused):
    """A sensitive value of the source is not the one that a saved plan was made with."""


class LockHeld(Refused):
    """Another run holds the lock, and did not let go of it in time."""


class RecordError(DSyncException):
    """A plan, journal or baseline file cannot be read, cannot be written, or is not what it should be."""


class SelectorError(DSyncException, ValueError):
    """A selector says something impossible."""


class DefinitionError(DSyncException, ValueError):
    """A model, a mapping or an adapter's option that a user declared in data is wrong; the text begins with its place."""


class RecordProblem(DSyncException):
    """A native record does not fit what was declared: a value cannot be read, computed or written back, or an identity is there
    twice; or a system refuses it.

    Attributes:
        maybe: whether what failed may have been done nevertheless, as when a connection is lost while something is made permanent.
    """

    def __init__(self, message: str, maybe: bool = False) -> None:
        super().__init__(message)
        self.maybe = maybe


class NothingKept(RecordProblem):
    """None of the changes of a run was kept; raised by ``sync_complete`` of a transactional adapter.

    After any other exception of ``sync_complete`` the changes count as ones that may have been made.
    """


class TransientError(DSyncException):
    """A create, update, move or delete failed in a way that may pass; adapters raise it so that the call is tried again."""


class AskedToEnd(KeyboardInterrupt):
    """A signal other than that of Ctrl-C asks for the end of a run, in the same orderly way.

    Attributes:
        signal: its name.
    """

    def __init__(self, signal: str) -> None:
        super().__init__(signal)
        self.signal = signal


class LibraryMissing(DSyncException, ImportError):
    """A library that only some features need is absent.

    Attributes:
        library: its name, as pip knows it.
    """

    def __init__(self, message: str, library: str) -> None:
        super().__init__(message)
        self.library = library


class PydanticMissing(DSyncException, ImportError):
    """Pydantic is absent or too old, so no model can be made."""
