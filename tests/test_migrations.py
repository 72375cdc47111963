"""Migrations lose nothing, on both databases."""

import asyncio
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import delete, func, inspect, select, text

from db import demo, models
from db.base import Base
from db.engine import Database, DatabaseSettings
from db.migrate import MigrationError, alembic_config, head_revision, migrate, revision_of
from tests import factories
from tests.conftest import NewUrl
from tests.server import gazette
from tests.worlds import everything

pytestmark = pytest.mark.anyio

SIZE = demo.Size(users=5, posts=30, comments=60)

REBUILD = '''
"""widen the title."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("posts", recreate="{recreate}") as posts:
        posts.alter_column("title", type_=sa.String(300), existing_type=sa.String(200))


def downgrade() -> None:
    with op.batch_alter_table("posts", recreate="{recreate}") as posts:
        posts.alter_column("title", type_=sa.String(200), existing_type=sa.String(300))
'''


async def rows(settings: DatabaseSettings) -> dict[str, int]:
    """How many there are in each table."""
    database = Database(settings)
    async with database.reading() as connection:
        counted = {
            table.name: await connection.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }
    await database.dispose()
    return counted


async def tables(settings: DatabaseSettings) -> set[str]:
    database = Database(settings)
    async with database.reading() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    await database.dispose()
    return set(names) - {"alembic_version"}


async def seeded(settings: DatabaseSettings) -> dict[str, int]:
    database = Database(settings)
    await demo.seed(database, SIZE)
    await database.dispose()
    return await rows(settings)


async def test_from_nothing_to_the_current_revision_and_back(new_url: NewUrl) -> None:
    settings = DatabaseSettings(url=new_url())
    assert await migrate(settings, "base") is None
    assert await tables(settings) == set()
    assert await migrate(settings) == head_revision()
    assert await tables(settings) == set(Base.metadata.tables)
    assert await migrate(settings, "-1") == "0003"
    assert await migrate(settings, "+1") == head_revision()
    assert await migrate(settings, "base") is None


async def test_rows_survive_every_revision_down_and_up(new_url: NewUrl) -> None:
    settings = DatabaseSettings(url=new_url())
    database = Database(settings)
    await demo.seed(database, SIZE)
    before = await everything(database)
    await database.dispose()
    assert await migrate(settings, "0001") == "0001"
    assert await migrate(settings) == head_revision()
    after = await everything(database)
    await database.dispose()
    assert after == before


async def test_the_migrations_make_what_the_models_declare(new_url: NewUrl) -> None:
    # `alembic check` raises on a difference.
    await asyncio.to_thread(command.check, alembic_config(DatabaseSettings(url=new_url())))


async def test_a_difference_between_models_and_tables_is_found(new_url: NewUrl) -> None:
    settings = DatabaseSettings(url=new_url())
    database = Database(settings)
    async with database.writing() as session:
        await session.execute(text("ALTER TABLE tags ADD COLUMN colour VARCHAR(10)"))
    await database.dispose()
    with pytest.raises(Exception, match="New upgrade operations detected"):
        await asyncio.to_thread(command.check, alembic_config(settings))


async def test_migrating_again_keeps_the_rows(new_url: NewUrl) -> None:
    settings = DatabaseSettings(url=new_url())
    before = await seeded(settings)
    assert await migrate(settings) == head_revision()
    assert await rows(settings) == before


@pytest.fixture
def with_rebuild(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: str, new_url: NewUrl) -> None:
    """A migration more, which alters a table that others refer to: SQLite can only copy and drop it.

    The template of all databases, which `new_url` makes, is migrated without it.
    """
    recreate = "always" if backend == "sqlite" else "auto"
    add_migration(monkeypatch, tmp_path, REBUILD.format(head=head_revision(), recreate=recreate))


def add_migration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    (tmp_path / "rebuild.py").write_text(script)
    original = alembic_config

    def config(settings: DatabaseSettings | None = None) -> Config:
        made = original(settings)
        scripts = made.get_main_option("script_location")
        made.set_main_option("version_locations", f"{scripts}/versions;{tmp_path}")
        made.set_main_option("path_separator", ";")
        return made

    monkeypatch.setattr("db.migrate.alembic_config", config)


@pytest.mark.usefixtures("with_rebuild")
async def test_rebuilding_a_table_loses_no_child_row(new_url: NewUrl) -> None:
    settings = DatabaseSettings(url=new_url())
    before = await seeded(settings)
    assert before["comments"] == SIZE.comments
    assert await migrate(settings) == "9999"
    assert await rows(settings) == before
    assert await migrate(settings, "-1") == head_revision()
    assert await rows(settings) == before


async def test_a_migration_that_orphans_rows_changes_nothing(
    new_sqlite_url: NewUrl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = DatabaseSettings(url=new_sqlite_url())
    before = await seeded(settings)
    script = REBUILD.format(head=head_revision(), recreate="always")
    change = 'def upgrade() -> None:\n    op.execute("DELETE FROM users")'
    add_migration(monkeypatch, tmp_path, script.replace("def upgrade() -> None:", change))
    with pytest.raises(RuntimeError, match="nothing was changed"):
        await migrate(settings)
    assert await rows(settings) == before
    assert await revision_of(settings) == head_revision()


@pytest.mark.usefixtures("with_rebuild")
async def test_no_id_is_given_out_twice_whatever_was_rebuilt(new_url: NewUrl) -> None:
    settings = DatabaseSettings(url=new_url())
    await seeded(settings)
    database = Database(settings)
    async with database.writing() as session:
        last = await session.scalar(select(func.max(models.Post.id)))
        await session.execute(delete(models.Post).where(models.Post.id == last))
    await migrate(settings, "9999")
    author = factories.user()
    post = factories.post(author)
    comment = factories.comment(post, author)
    await factories.save(database, comment, factories.tag())
    await database.dispose()
    assert post.id == (last or 0) + 1
    assert (author.id, comment.id) == (SIZE.users + 1, SIZE.comments + 1)


async def test_no_table_of_sqlite_gives_out_an_id_twice(new_sqlite_url: NewUrl) -> None:
    database = Database(DatabaseSettings(url=new_sqlite_url()))
    for table in Base.metadata.sorted_tables:
        if "id" in table.c and table.c.id.type.python_type is int:
            async with database.reading() as connection:
                name = {"name": table.name}
                sql = await connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), name)
            assert "AUTOINCREMENT" in str(sql), table.name
    await database.dispose()


async def test_two_that_start_at_once_migrate_once(new_url: NewUrl) -> None:
    settings = DatabaseSettings(url=new_url())
    await migrate(settings, "base")
    started = (asyncio.to_thread(gazette, "migrate", DATABASE_URL=settings.url) for _ in range(2))
    finished = await asyncio.gather(*started)
    assert [(process.returncode, process.stderr) for process in finished] == [(0, "")] * 2
    assert await revision_of(settings) == head_revision()


async def test_an_unknown_revision_is_a_clear_error(new_url: NewUrl) -> None:
    settings = DatabaseSettings(url=new_url())
    with pytest.raises(MigrationError, match="nowhere"):
        await migrate(settings, "nowhere")
    assert await revision_of(settings) == head_revision()


def test_file_names_are_dated() -> None:
    folder = Path(str(alembic_config().get_main_option("script_location"))) / "versions"
    names = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert names
    assert all(name[:10].replace("_", "").isdigit() for name in names)
