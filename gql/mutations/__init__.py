"""The root fields of mutations: one module an entity, with its inputs, payloads and what is done."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from strawberry.tools import create_type

from gql.mutation import mutations

# A module is there to declare its mutations; to name it here again would only be forgotten.
for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

Mutation: Any = create_type("Mutation", list(mutations.values()), description="What can be written.")
