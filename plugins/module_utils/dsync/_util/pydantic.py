# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The only file that imports pydantic.

If pydantic is missing or too old, the names below still exist, so importing the library never fails, and creating any
model raises :class:`~.exceptions.PydanticMissing`: it fails closed.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from ..exceptions import PydanticMissing

PYDANTIC_MINIMUM = "2.6"
"""The oldest release of pydantic that is supported."""

HAS_PYDANTIC = True
"""Whether pydantic is installed and new enough."""

PYDANTIC_IMPORT_ERROR: str | None = None
"""The traceback of the failed import, for Ansible's ``exception``."""

PYDANTIC_PROBLEM: str | None = None
"""One sentence about why pydantic cannot be used."""


def _check_version(version: str) -> None:
    """Raise ImportError when ``version`` is older than :data:`PYDANTIC_MINIMUM`."""
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) < tuple(int(part) for part in PYDANTIC_MINIMUM.split(".")):
        raise ImportError(f"pydantic {version} is too old, {PYDANTIC_MINIMUM} or newer is needed")


if TYPE_CHECKING:
    from pydantic import (
        AfterValidator,
        BaseModel,
        BeforeValidator,
        ConfigDict,
        Field,
        SecretBytes,
        SecretStr,
        TypeAdapter,
        ValidationError,
    )
    from pydantic_core import PydanticCustomError, SchemaError, SchemaValidator, core_schema
else:
    try:
        import pydantic

        _check_version(pydantic.VERSION)
        from pydantic import (
            AfterValidator,
            BaseModel,
            BeforeValidator,
            ConfigDict,
            Field,
            SecretBytes,
            SecretStr,
            TypeAdapter,
            ValidationError,
        )
        from pydantic_core import PydanticCustomError, SchemaError, SchemaValidator, core_schema
    except ImportError as error:
        HAS_PYDANTIC = False
        PYDANTIC_IMPORT_ERROR = traceback.format_exc()
        PYDANTIC_PROBLEM = str(error)

        def _refuse(*_args: Any, **_kwargs: Any) -> Any:
            raise PydanticMissing(f"dsync needs pydantic {PYDANTIC_MINIMUM} or newer: {PYDANTIC_PROBLEM}")

        class BaseModel:
            """Replaces pydantic's base class; making an instance raises PydanticMissing."""

            __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")
            model_fields: dict = {}

            def __new__(cls, *args: Any, **kwargs: Any) -> Any:
                _refuse()

            def __init_subclass__(cls, **kwargs: Any) -> None:
                super().__init_subclass__()

        class SecretStr:
            """Replaces pydantic's type of the same name."""

            __init__ = _refuse

        class SecretBytes:
            """Replaces pydantic's type of the same name."""

            __init__ = _refuse

        class ValidationError(ValueError):
            """Replaces pydantic's exception of the same name."""

        class SchemaError(ValueError):
            """Replaces pydantic's exception of the same name."""

        def Field(*_args: Any, **_kwargs: Any) -> Any:  # noqa: N802  # pydantic's name
            """Replaces pydantic's function of the same name, which classes call when they are declared."""

        ConfigDict = dict
        AfterValidator = BeforeValidator = Field
        TypeAdapter = _refuse
        PydanticCustomError = SchemaValidator = core_schema = _refuse

__all__ = (
    "HAS_PYDANTIC",
    "PYDANTIC_IMPORT_ERROR",
    "PYDANTIC_MINIMUM",
    "PYDANTIC_PROBLEM",
    "AfterValidator",
    "BaseModel",
    "BeforeValidator",
    "ConfigDict",
    "Field",
    "PydanticCustomError",
    "SchemaError",
    "SchemaValidator",
    "SecretBytes",
    "SecretStr",
    "TypeAdapter",
    "ValidationError",
    "core_schema",
)
