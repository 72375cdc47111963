"""What `gazette check` says before production: settings and circumstances that are insecure or unwise."""

from gql.check import of_database, of_settings
from gql.check.facts import Facts, look
from gql.check.rules import Finding, Given, Level, Rule
from gql.settings import Settings

RULES: tuple[Rule, ...] = (*of_settings.RULES, *of_database.RULES)


async def check(settings: Settings, workers: int) -> list[Finding]:
    """What is to be said, errors first."""
    return findings(Given(settings, workers, await look(settings)))


def findings(given: Given) -> list[Finding]:
    found = [
        Finding(rule.name, rule.level, message) for rule in RULES if (message := rule.find(given)) is not None
    ]
    return sorted(found, key=lambda finding: finding.level is Level.WARNING)


__all__ = ["RULES", "Facts", "Finding", "Given", "Level", "check", "findings"]
