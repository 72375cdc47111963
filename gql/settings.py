"""Everything that can be configured, by environment variables."""

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from db.engine import DatabaseSettings
from gql.bounds import DEFAULT_PAGE, PAGE_LIMIT, Bounds, Limits, SocketBounds

SHORTEST_SECRET = 32
MAKE_ONE = "make one with `gazette secret`"


class MissingSecretError(Exception):
    """There is nothing to sign access tokens with."""

    def __str__(self) -> str:
        return f"GAZETTE_SECRET_KEYS is missing: {MAKE_ONE}."


def split(value: SecretStr) -> list[str]:
    return [key.strip() for key in value.get_secret_value().split(",") if key.strip()]


def _is_smtp(url: str) -> bool:
    """urlsplit's own complaint would quote a part of the password where that has a / or #."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_origin(text: str) -> bool:
    """As a browser says it: a scheme, a host and a port other than the usual one, and no more."""
    return text == "*" or re.fullmatch(r"[a-z][a-z0-9+.-]*://[a-z0-9.\[\]:_-]+", text) is not None


def _variable(name: str) -> AliasChoices:
    """Also settable by its Python name."""
    return AliasChoices(name, name.lower())


class Settings(BaseSettings):
    """One process; README.md has the same as a table."""

    model_config = SettingsConfigDict(env_prefix="GAZETTE_", extra="ignore", populate_by_name=True)

    host: str = Field("127.0.0.1", validation_alias=_variable("HOST"), description="the address to serve at")
    port: int = Field(
        8000, ge=1, le=65535, validation_alias=_variable("PORT"), description="the port to serve at"
    )
    database_url: str = Field(
        "sqlite:///gazette.db",
        validation_alias=_variable("DATABASE_URL"),
        description="SQLite (a file) or PostgreSQL",
    )
    read_connections: int = Field(5, ge=1, description="database connections for reading")
    write_connections: int = Field(3, ge=1, description="database connections for writing")
    connection_wait: float = Field(2.0, gt=0, description="seconds to wait for a connection, then 503")
    pgbouncer: bool = Field(
        default=False, description="whether PostgreSQL is behind PgBouncer in transaction mode"
    )
    statement_seconds: float = Field(
        5, ge=0, description="seconds after which the database ends a statement; 0: none"
    )
    operations: int = Field(64, ge=1, description="operations at once; others wait in order")
    page_limit: int = Field(
        PAGE_LIMIT,
        ge=DEFAULT_PAGE,
        description=f"nodes of a connection that one page can have, {DEFAULT_PAGE} or more",
    )
    body_limit: int = Field(Bounds.body, ge=1, description="bytes of a request's body")
    value_limit: int = Field(
        Bounds.values, ge=100, description="values of a request's JSON, each item of a list among them"
    )
    query_string_limit: int = Field(Bounds.query_string, ge=1, description="bytes of a query by GET")
    head_limit: int = Field(Bounds.head, ge=1024, description="bytes of a request's address and headers")
    request_timeout: int = Field(Bounds.seconds, ge=1, description="seconds in which a request has to arrive")
    deadline: float = Field(Bounds.deadline, gt=0, description="seconds that an operation may take")
    origins: str = Field(
        "", description="origins whose pages browsers let read answers, by commas; * for any"
    )
    document_limit: int = Field(Limits.document, ge=1, description="characters of a document")
    token_limit: int = Field(Limits.tokens, ge=1, description="tokens of a document, with comments")
    name_limit: int = Field(
        Limits.name, ge=50, description="characters of a name in a document, an alias for instance"
    )
    selection_limit: int = Field(
        Limits.selections,
        ge=1,
        description="fields and fragments that an operation selects",
    )
    depth_limit: int = Field(
        Limits.depth, ge=1, description="levels of fields, but for `edges`, `node` and `nodes`"
    )
    alias_limit: int = Field(Limits.aliases, ge=0, description="aliases of an operation")
    root_field_limit: int = Field(Limits.root_fields, ge=1, description="root fields of an operation")
    directive_limit: int = Field(Limits.directives, ge=0, description="directives of an operation")
    introspection_limit: int = Field(
        Limits.introspections, ge=1, description="times that an operation asks for the schema or a type"
    )
    introspection_depth: int = Field(
        Limits.introspection_depth, ge=1, description="levels of fields below the schema or a type"
    )
    cost_limit: int = Field(Limits.cost, ge=1, description="nodes that an operation may come to")
    answer_limit: int = Field(
        Limits.answer,
        ge=1,
        description="characters in an answer, of texts and JSON",
    )
    budget: int = Field(
        0, ge=0, description="nodes that each viewer or address can spend until they come back; 0: any number"
    )
    budget_seconds: int = Field(60, ge=1, description="seconds in which a whole budget comes back")
    trusted_only: bool = Field(
        default=False, description="whether only documents of `gazette documents add` are executed"
    )
    persisted_queries: bool = Field(
        default=True, description="whether clients can register a document, to send its hash later"
    )
    max_age: int = Field(
        0,
        ge=0,
        description="seconds for which caches answer GETs of trusted documents by themselves; 0: they ask",
    )
    events_kept: int = Field(
        3600, ge=60, description="seconds after which subscribers can come back and miss no event"
    )
    sockets: int = Field(
        SocketBounds.sockets, ge=1, le=20_000, description="sockets and event streams at once, of a process"
    )
    address_sockets: int = Field(
        SocketBounds.address_sockets, ge=1, description="sockets and event streams at once, of an address"
    )
    socket_operations: int = Field(
        SocketBounds.operations, ge=1, description="operations at once, of a socket"
    )
    socket_messages: int = Field(SocketBounds.messages, ge=1, description="messages a second, of a socket")
    init_seconds: float = Field(
        SocketBounds.init_seconds, gt=0, description="seconds that a socket has for `connection_init`"
    )
    ping_seconds: float = Field(
        SocketBounds.ping_seconds, gt=0, description="seconds between pings, and for the answer to one"
    )
    session_seconds: float = Field(
        SocketBounds.session_seconds, gt=0, description="seconds between looks at the sessions of all sockets"
    )
    shutdown: int = Field(10, ge=0, description="seconds that running operations have to finish at shutdown")
    access_log: bool = Field(default=False, description="whether each request is a line on the output")
    explorer: bool = Field(default=True, description="whether browsers get GraphiQL at /graphql")
    executor: Literal["compiled", "stock"] = Field(
        "compiled", description="`stock` runs operations by graphql-core's own executor, many times slower"
    )
    introspection: bool = Field(default=True, description="whether the schema can be asked for")
    suggestions: bool = Field(
        default=False, description="whether errors suggest names of the schema; GraphiQL suggests by itself"
    )
    secret_keys: SecretStr = Field(
        SecretStr(""),
        description="what signs access tokens: one or more, by commas; the first signs, all are accepted",
    )
    sign_up: bool = Field(default=True, description="whether strangers can make themselves an account")
    login_failures: int = Field(5, ge=1, description="failed log-ins of an account in 15 minutes")
    address_failures: int = Field(50, ge=1, description="failed log-ins from an address in 15 minutes")
    address_sign_ups: int = Field(
        20, ge=1, description="accounts tried to be made from an address in an hour"
    )
    proxies: str = Field(
        "127.0.0.1", description="proxies whose X-Forwarded-For is believed, by commas; * for any"
    )
    password_threads: int = Field(1, ge=1, description="passwords hashed at once, each on a core, in 19 MiB")
    redis_url: str = Field(
        "",
        validation_alias=_variable("REDIS_URL"),
        description="where several processes count together; empty: each counts by itself",
    )
    mail: SecretStr = Field(
        SecretStr("console"), description="`console`, or `smtp://user:password@host:587` (`smtps://` for TLS)"
    )
    mail_from: str = Field("gazette@localhost", description="the sender of mails")
    front_end: str = Field("", description="where links in mails lead to; empty: mails have the token only")

    @field_validator("secret_keys")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if any(len(key) < SHORTEST_SECRET for key in split(value)):
            raise ValueError(f"has a key of less than {SHORTEST_SECRET} characters: {MAKE_ONE}")
        return value

    @field_validator("mail")
    @classmethod
    def _known_mail(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() != "console" and not _is_smtp(value.get_secret_value()):
            raise ValueError(
                "has to be console, or smtp://user:password@host:587, with %2F for a / in the password"
            )
        return value

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        if not all(_is_origin(origin.strip()) for origin in value.split(",") if origin.strip()):
            raise ValueError("has to be *, or origins such as https://example.org, by commas")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://")):
            raise ValueError("has to start with redis:// or rediss://")
        return value

    @model_validator(mode="after")
    def _budget_for_one(self) -> Self:
        if 0 < self.budget < self.cost_limit:
            raise ValueError("GAZETTE_BUDGET has to be at least GAZETTE_COST_LIMIT, or 0")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """The keys; raises MissingSecretError where there is none."""
        keys = tuple(split(self.secret_keys))
        if not keys:
            raise MissingSecretError
        return keys

    @property
    def allowed_origins(self) -> list[str]:
        return [origin.strip() for origin in self.origins.split(",") if origin.strip()]

    @property
    def bounds(self) -> Bounds:
        return Bounds(
            body=self.body_limit,
            query_string=self.query_string_limit,
            head=self.head_limit,
            seconds=self.request_timeout,
            deadline=self.deadline,
            values=self.value_limit,
        )

    @property
    def socket_bounds(self) -> SocketBounds:
        return SocketBounds(
            sockets=self.sockets,
            address_sockets=self.address_sockets,
            operations=self.socket_operations,
            messages=self.socket_messages,
            init_seconds=self.init_seconds,
            ping_seconds=self.ping_seconds,
            session_seconds=self.session_seconds,
            values=self.value_limit,
        )

    @property
    def limits(self) -> Limits:
        return Limits(
            document=self.document_limit,
            tokens=self.token_limit,
            name=self.name_limit,
            selections=self.selection_limit,
            depth=self.depth_limit,
            aliases=self.alias_limit,
            root_fields=self.root_field_limit,
            directives=self.directive_limit,
            introspections=self.introspection_limit,
            introspection_depth=self.introspection_depth,
            cost=self.cost_limit,
            page=self.page_limit,
            answer=self.answer_limit,
        )

    @property
    def database(self) -> DatabaseSettings:
        return DatabaseSettings(
            url=self.database_url,
            read_connections=self.read_connections,
            write_connections=self.write_connections,
            connection_wait=self.connection_wait,
            pgbouncer=self.pgbouncer,
        )
