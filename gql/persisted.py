"""From a request's id of a document to the document, and which documents are executed at all."""

from dataclasses import replace

from db.errors import DatabaseUnavailableError
from gql.errors import NoRegistrationError, UnavailableError, UnknownDocumentError, UntrustedDocumentError
from gql.registered import Registered
from gql.requests import Operation, Reference
from gql.trusted import Trusted


class Persisted:
    """The trusted documents, and those that clients register, where they may."""

    def __init__(
        self, trusted: Trusted, registered: Registered | None = None, *, trusted_only: bool = False
    ) -> None:
        self._trusted = trusted
        self._registered = registered
        self.trusted_only = trusted_only

    async def found(self, operation: Operation) -> tuple[Operation, bool]:
        """The operation with its document, and whether that is a trusted one that was asked for by its id.

        Raises UnknownDocumentError, NoRegistrationError, UntrustedDocumentError and UnavailableError.
        """
        reference = operation.reference
        try:
            if operation.query:
                await self._check(operation)
                return operation, False
            assert reference is not None  # noqa: S101 # A request without both is none.
            text = await self._trusted.text(reference.id)
        except DatabaseUnavailableError as error:
            raise UnavailableError from error
        if text is not None:
            return replace(operation, query=text, reference=None), True
        text = await self._registered_text(reference)
        return replace(operation, query=text, reference=None), False

    async def keep(self, operation: Operation) -> None:
        """Register a document that came with its hash and is one that can be executed."""
        if self._registered and operation.reference and operation.query:
            await self._registered.keep(operation.reference.id, operation.query)

    async def close(self) -> None:
        await self._trusted.close()
        if self._registered:
            await self._registered.close()

    async def _check(self, operation: Operation) -> None:
        if not self.trusted_only or await self._trusted.has(operation.query):
            return
        if operation.reference is not None:
            raise NoRegistrationError("PersistedQueryNotSupported")
        raise UntrustedDocumentError("Only trusted documents are executed here, and this is none of them.")

    async def _registered_text(self, reference: Reference) -> str:
        """Apollo's older clients go by the messages."""
        if not reference.is_automatic:
            raise UnknownDocumentError("There is no document of this id.")
        if self._registered is None and not self.trusted_only:
            raise NoRegistrationError("PersistedQueryNotSupported")
        text = await self._registered.text(reference.id) if self._registered else None
        if text is None:
            raise UnknownDocumentError("PersistedQueryNotFound")
        return text
