"""Everything that can be configured, by environment variables."""

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from db.engine import DatabaseSettings


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
    operations: int = Field(64, ge=1, description="operations at once; others wait in order")
    shutdown: int = Field(10, ge=0, description="seconds that running operations have to finish at shutdown")
    explorer: bool = Field(default=True, description="whether browsers get GraphiQL at /graphql")
    introspection: bool = Field(default=True, description="whether the schema can be asked for")

    @property
    def database(self) -> DatabaseSettings:
        return DatabaseSettings(
            url=self.database_url,
            read_connections=self.read_connections,
            write_connections=self.write_connections,
            connection_wait=self.connection_wait,
        )
