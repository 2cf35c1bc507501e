"""Words as Zapier wants them: labels in title case and short, descriptions of one line."""

from __future__ import annotations

import re

LONGEST_LABEL = 64
LONGEST_HELP = 1_000
# What a title leaves small, unless it stands at an end or after a colon.
SMALL = frozenset("a an and as at but by en for if in of on or the to v via vs".split())
FIRST_LETTER = re.compile(r"^(\W*)(\w)", re.DOTALL)


def title(text: str) -> str:
    """The text in title case, on one line; words that have a capital somewhere are left as they are."""
    words = text.split()
    return " ".join(
        capital(word, ends=index in (0, len(words) - 1) or words[index - 1][-1] in ":.;?!–—")
        for index, word in enumerate(words)
    )


def capital(word: str, ends: bool) -> str:
    """A word, or the parts of one with hyphens or slashes, with a capital first letter where a title has one."""
    if len(parts := re.split(r"([-/])", word)) > 1:
        return "".join(part if part in "-/" else capital(part, ends=True) for part in parts)
    if any(letter.isupper() for letter in word) or (word in SMALL and not ends):
        return word
    return FIRST_LETTER.sub(
        lambda found: found[1] + (found[2].upper() if len(found[2].upper()) == 1 else found[2]), word
    )


def line(text: str, longest: int = LONGEST_HELP) -> str:
    """The text on one line, cut where it is longer than that."""
    whole = " ".join(text.split())
    return whole if len(whole) <= longest else whole[: longest - 1].rstrip() + "…"


def label(pattern: str, app: str, part: str) -> str:
    """The pattern with both names in its places, in title case, the longer one cut until all of it fits."""
    room = LONGEST_LABEL - len(pattern.format(app="", part=""))
    app = line(app, max(room - len(line(part)), room // 3))
    return title(pattern.format(app=app, part=line(part, room - len(app))))
