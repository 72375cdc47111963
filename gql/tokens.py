"""Access tokens, which say who asks, and the opaque tokens that are kept as hashes only."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import jwt

ACCESS_LIFETIME = timedelta(minutes=15)
SESSION_LIFETIME = timedelta(days=30)
MAILED_LIFETIME = timedelta(hours=1)
# So long a used refresh token still gives out its successor: an answer was lost, or two tabs asked at once.
REUSE = timedelta(seconds=30)

_ISSUER = "gazette"
_ALGORITHM = "HS256"
_TYPE = "at+jwt"
_LEEWAY = 10  # Seconds by which the clocks of two servers may differ.
_REQUIRED = ["iss", "aud", "exp", "iat", "sub", "sid"]
# Of each process; less than a kilobyte each.
_KEPT = 4096


class InvalidTokenError(Exception):
    """Not one of our access tokens, or not any more."""


class Claims(NamedTuple):
    """What an access token says, and until when it is accepted, in seconds since 1970."""

    user_id: int
    session_id: int
    until: int = 0


class Tokens:
    """Signs and reads tokens with secrets of which the first signs and all are accepted."""

    def __init__(self, secrets: Sequence[str]) -> None:
        # A key is named by its hash: a name of its own would be one thing more to configure.
        self._keys = {hash_token(secret)[:16]: secret for secret in secrets}
        self._current = hash_token(secrets[0])[:16]
        # A client sends its token with each request. The same text has the same signature and says the same:
        # only the time goes on. What is refused is not kept, so that nobody fills it but who has logged in.
        self._verified = lru_cache(maxsize=_KEPT)(self._verify)

    def access(self, claims: Claims, lifetime: timedelta = ACCESS_LIFETIME) -> str:
        now = int(time.time())
        payload = {
            "iss": _ISSUER,
            "aud": _ISSUER,
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
            "sub": str(claims.user_id),
            "sid": str(claims.session_id),
        }
        return jwt.encode(
            payload, self._keys[self._current], _ALGORITHM, {"kid": self._current, "typ": _TYPE}
        )

    def read(self, token: str) -> Claims:
        """What an access token says; raises InvalidTokenError for anything that `access` has not made."""
        claims = self._verified(token)
        if claims.until <= time.time():
            raise InvalidTokenError
        return claims

    def _verify(self, token: str) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != _TYPE:
                raise InvalidTokenError
            payload: dict[str, Any] = jwt.decode(
                token,
                self._keys[header["kid"]],
                [_ALGORITHM],
                {"require": _REQUIRED},
                audience=_ISSUER,
                issuer=_ISSUER,
                leeway=_LEEWAY,
            )
            return Claims(int(payload["sub"]), int(payload["sid"]), int(payload["exp"]) + _LEEWAY)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
            raise InvalidTokenError from error

    def successors(self, token: str) -> Iterator[str]:
        """What a refresh token can be exchanged for, by each key; the first is the one to give out now.

        Made from the token and a secret, it can be given out twice although only its hash is stored.
        """
        for key in self._keys.values():
            made = hmac.digest(key.encode(), b"successor of " + token.encode(), "sha256")
            yield base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def new_token() -> str:
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def now() -> datetime:
    """The time by which tokens live: this process's, as in the access tokens themselves."""
    return datetime.now(UTC)
