"""Rules about the database and Redis, as they are found."""

from datetime import timedelta

from gql.check.rules import Given, Level, is_local, rules

_ENCRYPTED = {"require", "verify-ca", "verify-full"}
_CLOCKS_APART = timedelta(seconds=5)


def database_away(given: Given) -> str | None:
    """the database does not answer"""
    if given.facts.is_reachable:
        return None
    return f"DATABASE_URL {given.settings.database.safe_url} does not answer."


def database_not_migrated(given: Given) -> str | None:
    """the tables are not those of this version"""
    return None if given.facts.is_migrated else "The database is not migrated: run `gazette migrate`."


def demo_accounts(given: Given) -> str | None:
    """there are accounts with the demo password, which everybody knows"""
    if not given.facts.demo_users:
        return None
    names = ", ".join(given.facts.demo_users)
    return f"{names} and perhaps others have the demo password: begin with an empty database."


def not_durable(given: Given) -> str | None:
    """PostgreSQL is set to lose what it has confirmed, in a power failure"""
    if given.facts.is_durable in (None, True):
        return None
    return "PostgreSQL's fsync, full_page_writes or synchronous_commit is off: set them to on."


def too_many_connections(given: Given) -> str | None:
    """the workers' connections together are more than PostgreSQL has"""
    settings, most = given.settings, given.facts.connections
    # One more is held to hear of what other processes have written.
    wanted = given.workers * (settings.read_connections + settings.write_connections + 1)
    if most is None or wanted <= most or settings.pgbouncer:
        return None
    return (
        f"{given.workers} workers may need {wanted} connections, and PostgreSQL has {most}: "
        "lower GAZETTE_READ_CONNECTIONS, or raise its max_connections."
    )


def superuser(given: Given) -> str | None:
    """the database's role is a superuser's: an error here would be one everywhere on that server"""
    if not given.facts.is_superuser:
        return None
    return "DATABASE_URL is a superuser's: give the tables to a role that owns nothing else."


def database_in_the_clear(given: Given) -> str | None:
    """PostgreSQL is on another machine, and TLS is not insisted on"""
    url = given.settings.database.parsed_url
    hosts = url.normalized_query.get("host", ()) or (url.host,)
    is_encrypted = url.query.get("ssl") in _ENCRYPTED
    if given.settings.database.is_sqlite or is_encrypted or all(is_local(host) for host in hosts):
        return None
    return "DATABASE_URL does not insist on TLS: add ?sslmode=verify-full, unless the network is yours alone."


def clocks_apart(given: Given) -> str | None:
    """the database's clock and this machine's differ, by which tokens and publications are timed"""
    ahead = given.facts.clock_ahead
    if ahead is None or abs(ahead) <= _CLOCKS_APART:
        return None
    return f"The database's clock is {ahead.total_seconds():+.0f} s from this machine's: synchronise both."


def one_writer(given: Given) -> str | None:
    """several workers write to an SQLite file, one at a time"""
    if given.workers == 1 or not given.settings.database.is_sqlite:
        return None
    return (
        f"{given.workers} workers wait for each other's writes on SQLite, and the file has to be on a local "
        "disk: use PostgreSQL for more than reading."
    )


def file_readable(given: Given) -> str | None:
    """everybody on the machine can read the SQLite file"""
    if not given.facts.is_file_open:
        return None
    return "SQLite's file, with addresses and password hashes, is for everybody to read: chmod 600."


def redis_away(given: Given) -> str | None:
    """Redis does not answer: nobody can log in"""
    if given.facts.is_redis_reachable in (None, True):
        return None
    return "REDIS_URL does not answer, and without it nobody can log in."


RULES = (
    *rules(
        Level.ERROR,
        database_away,
        database_not_migrated,
        demo_accounts,
        not_durable,
        too_many_connections,
        redis_away,
    ),
    *rules(Level.WARNING, superuser, database_in_the_clear, clocks_apart, one_writer, file_readable),
)
