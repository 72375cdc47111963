"""How text is compared where case and Unicode form must not matter."""

import unicodedata

_LONGEST = 1024  # Characters: twice as many as the longest key.


def normal(text: str) -> str:
    """One form for all ways to write the same characters: NFKC.

    What is longer than all that has such a form stays as it is. To sort accents takes time by the square of
    their number: 80,000 of them on one letter kept the process busy for seven seconds.
    """
    if len(text) > _LONGEST:
        return text
    return unicodedata.normalize("NFKC", text)


def fold(text: str) -> str:
    """One key for all spellings of a username or an email: NFKC, case folded.

    Folding can leave a form that is not normal, hence the second pass. It is done here and not by an index on
    an expression, because SQLite's lower() knows ASCII only.
    """
    return normal(normal(text).casefold())
