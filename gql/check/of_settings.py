"""Rules about settings alone."""

from urllib.parse import urlsplit

from gql.check.rules import Given, Level, is_local, rules
from gql.settings import MAKE_ONE, Settings, split

_FEWEST_CHARACTERS = 10  # Different ones. Of 32 that are random, also of hexadecimal digits, there are more.
_TELLING = ("secret", "password", "change", "example", "default", "gazette", "insecure")
_RAISED = 10  # Times the default.
_LIMITS = (
    "body_limit", "query_string_limit", "head_limit", "request_timeout", "deadline", "document_limit",
    "token_limit", "selection_limit", "depth_limit", "alias_limit", "root_field_limit", "directive_limit",
    "introspection_limit", "introspection_depth", "cost_limit", "page_limit", "answer_limit",
    "statement_seconds", "login_failures", "address_failures", "address_sign_ups",
)  # fmt: skip
_EVERYWHERE = {"*", "0.0.0.0/0", "::/0"}


def secret_missing(given: Given) -> str | None:
    """there is no key that signs access tokens"""
    if split(given.settings.secret_keys):
        return None
    return f"GAZETTE_SECRET_KEYS is missing, and nothing is served without it: {MAKE_ONE}."


def secret_weak(given: Given) -> str | None:
    """a key looks like words, or like a pattern: who guesses it is whoever they like"""
    if not any(_is_weak(key) for key in split(given.settings.secret_keys)):
        return None
    return f"GAZETTE_SECRET_KEYS has a key that can be guessed: {MAKE_ONE}."


def _is_weak(key: str) -> bool:
    """Not how random it is, which nobody can see: a key that a program made is never one of these."""
    repeats = key in (key + key)[1:-1]
    words = not any(character.isdigit() for character in key)
    telling = any(word in key.lower() for word in _TELLING)
    return repeats or words or telling or len(set(key)) < _FEWEST_CHARACTERS


def secret_of_development(given: Given) -> str | None:
    """a key is the one that `make serve` keeps in `.secret`"""
    if given.facts.development_secret not in split(given.settings.secret_keys):
        return None
    return f"GAZETTE_SECRET_KEYS has the key of development, which lies in .secret: {MAKE_ONE}."


def mail_on_console(given: Given) -> str | None:
    """mails are printed where the server runs, and so is what resets a password"""
    if given.settings.mail.get_secret_value() != "console":
        return None
    return "GAZETTE_MAIL is console: the log has what resets passwords. Set smtp://user:password@host:587."


def mail_sender(given: Given) -> str | None:
    """mails are sent in the name of localhost, and arrive nowhere"""
    settings = given.settings
    is_default = settings.mail_from == Settings.model_fields["mail_from"].default
    if settings.mail.get_secret_value() == "console" or not is_default:
        return None
    return "GAZETTE_MAIL_FROM is not set: give it an address of your domain."


def proxies_anybody(given: Given) -> str | None:
    """any client can say where it comes from, and is nobody whose attempts could be counted"""
    if not {proxy.strip() for proxy in given.settings.proxies.split(",")} & _EVERYWHERE:
        return None
    return "GAZETTE_PROXIES believes anybody's X-Forwarded-For: name the proxy's address, or its network."


def origins_any(given: Given) -> str | None:
    """the pages of any origin read answers"""
    if "*" not in given.settings.allowed_origins:
        return None
    return "GAZETTE_ORIGINS is *: any page can have its visitors read this API. Name your front ends."


def origins_in_the_clear(given: Given) -> str | None:
    """an origin's pages come without TLS, so that anybody on the way can change them"""
    found = [origin for origin in given.settings.allowed_origins if _is_in_the_clear(origin)]
    if not found:
        return None
    return f"GAZETTE_ORIGINS has {found[0]}, whose pages can be changed on the way: use https."


def links_in_the_clear(given: Given) -> str | None:
    """links in mails lead to pages without TLS, with tokens"""
    if not _is_in_the_clear(given.settings.front_end):
        return None
    return "GAZETTE_FRONT_END is without TLS, and what resets a password goes there: use https."


def _is_in_the_clear(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_local(parts.hostname)


def redis_missing(given: Given) -> str | None:
    """several workers count log-ins and budgets each for itself"""
    if given.workers == 1 or given.settings.redis_url:
        return None
    return f"REDIS_URL is not set: {given.workers} workers allow {given.workers} times as many attempts."


def redis_in_the_clear(given: Given) -> str | None:
    """Redis is on another machine, without TLS"""
    parts = urlsplit(given.settings.redis_url)
    if parts.scheme != "redis" or is_local(parts.hostname):
        return None
    return "REDIS_URL is without TLS: use rediss://, unless the network is yours alone."


def budget_missing(given: Given) -> str | None:
    """anybody can ask for as much as the server can do"""
    if given.settings.budget or given.settings.trusted_only:
        return None
    return "GAZETTE_BUDGET is 0: if the API is open to the world, set the nodes that each viewer can spend."


def explorer_on(given: Given) -> str | None:
    """strangers get GraphiQL"""
    if not given.settings.explorer:
        return None
    return "GAZETTE_EXPLORER is on: where the API is for your own front ends only, set it to false."


def introspection_on(given: Given) -> str | None:
    """strangers get the schema, deprecated and unfinished parts as well"""
    if not given.settings.introspection:
        return None
    return "GAZETTE_INTROSPECTION is on: where the API is for your own front ends only, set it to false."


def suggestions_on(given: Given) -> str | None:
    """errors tell names of the schema, also where introspection is off"""
    if not given.settings.suggestions:
        return None
    return "GAZETTE_SUGGESTIONS is on: set it to false."


def statements_without_end(given: Given) -> str | None:
    """the database works on for operations that nobody waits for"""
    if given.settings.statement_seconds:
        return None
    return "GAZETTE_STATEMENT_SECONDS is 0: set the seconds that a statement may take."


def limits_raised(given: Given) -> str | None:
    """a limit is more than ten times its default: it was measured to hold there"""
    raised = [name for name in _LIMITS if _is_raised(given.settings, name)]
    if not raised:
        return None
    names = ", ".join(f"GAZETTE_{name.upper()}" for name in raised)
    return f"{names}: more than {_RAISED} times the default, so try what one hostile request costs."


def _is_raised(settings: Settings, name: str) -> bool:
    default: float = Settings.model_fields[name].default
    value: float = getattr(settings, name)
    return value > _RAISED * default


RULES = (
    *rules(Level.ERROR, secret_missing, secret_weak, secret_of_development, mail_on_console, proxies_anybody),
    *rules(
        Level.WARNING,
        mail_sender,
        origins_any,
        origins_in_the_clear,
        links_in_the_clear,
        redis_missing,
        redis_in_the_clear,
        budget_missing,
        explorer_on,
        introspection_on,
        suggestions_on,
        statements_without_end,
        limits_raised,
    ),
)
