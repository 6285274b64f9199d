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
    ├── ObjectCrudException         create, update or delete of one object; .result
    │   ├── ObjectNotCreated
    │   ├── ObjectNotUpdated
    │   └── ObjectNotDeleted
    ├── DiffException               comparing
    │   ├── DiffClassMismatch
    │   └── ModelMismatch           the two sides do not describe the same thing
    └── PydanticMissing             pydantic is absent or too old (also an ImportError)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .apply import Result


class DSyncException(Exception):
    """Root of the library's own exceptions."""


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

    result: Result | None = None


class ObjectNotCreated(ObjectCrudException):
    """Creating an object failed."""


class ObjectNotUpdated(ObjectCrudException):
    """Updating an object failed."""


class ObjectNotDeleted(ObjectCrudException):
    """Deleting an object failed."""


class DiffException(DSyncException):
    """Two datasets cannot be compared, or a diff cannot be used."""


class DiffClassMismatch(DiffException):
    """A diff that was passed in is not of the ``diff_class`` that was asked for."""


class ModelMismatch(DiffException):
    """The two sides declare a model in ways that cannot be compared."""


class PydanticMissing(DSyncException, ImportError):
    """Pydantic is absent or too old, so no model can be made."""
