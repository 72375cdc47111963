"""How text is compared where case and Unicode form must not matter."""

import unicodedata


def normal(text: str) -> str:
    """One form for all ways to write the same characters: NFKC."""
    return unicodedata.normalize("NFKC", text)


def fold(text: str) -> str:
    """One key for all spellings of a username or an email: NFKC, case folded.

    Folding can leave a form that is not normal, hence the second pass. It is done here and not by an index on
    an expression, because SQLite's lower() knows ASCII only.
    """
    return normal(normal(text).casefold())
