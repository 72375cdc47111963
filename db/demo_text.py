"""The words of the demo data: believable names, titles, Markdown and comments, all from one random source."""

import re
import unicodedata
from random import Random

TAGS = (
    "Databases", "Web", "Python", "Open Source", "Design", "Performance", "Security", "GraphQL",
    "Testing", "Accessibility", "Writing", "Careers", "Remote Work", "Typography", "Privacy",
    "Infrastructure", "Rust", "JavaScript", "Mobile", "Data", "Machine Learning", "Maps", "Science",
    "History", "Books", "Music", "Film", "Photography", "Travel", "Food", "Gardening", "Cycling",
    "Climate", "Energy", "Cities", "Education", "Health", "Economics", "Law", "Games",
)  # fmt: skip

_FIRST = (("ada", "Ada Lovelace"), ("ben", "Ben Okafor"))
_GIVEN = (
    "Amara", "Anna", "Arjun", "Aylin", "Beatriz", "Björn", "Carlos", "Chloé", "Dae-jung", "Dmitri",
    "Elif", "Emeka", "Fatima", "Freya", "Giulia", "Hana", "Hiroshi", "Ines", "Ivan", "Jamal", "João",
    "Jürgen", "Kwame", "Lars", "Leila", "Liam", "Łukasz", "Mei", "Miriam", "Naoko", "Niamh", "Noah",
    "Olga", "Omar", "Priya", "Rafael", "Rosa", "Samira", "Sofía", "Søren", "Thandiwe", "Tomáš", "Uche",
    "Viktor", "Wei", "Yara", "Yuki", "Zoë",
)  # fmt: skip
_FAMILY = (
    "Abe", "Adeyemi", "Andersen", "Bauer", "Becker", "Chen", "Costa", "Dubois", "Eriksen", "Fernández",
    "Fischer", "García", "Haddad", "Hansen", "Ito", "Jansen", "Kaya", "Khan", "Kim", "Kowalski", "Kumar",
    "Larsson", "Lefèvre", "Li", "Mensah", "Moreau", "Müller", "Murphy", "Nguyen", "Novák", "O’Brien",
    "Okafor", "Okoye", "Park", "Patel", "Pereira", "Petrov", "Popescu", "Rossi", "Sato", "Schmidt",
    "Silva", "Singh", "Tanaka", "Virtanen", "Yılmaz",
)  # fmt: skip
_TRADES = (
    "Software engineer", "Editor", "Data journalist", "Designer", "Librarian", "Teacher", "Translator",
    "Photographer", "Historian", "Physicist", "Gardener", "Cook", "Product manager", "Illustrator",
)  # fmt: skip
_PASTIMES = (
    "long walks", "old maps", "sourdough", "night trains", "printing presses", "chess endings",
    "wild swimming", "jazz records", "bicycle repair", "board games", "bird song", "public libraries",
)  # fmt: skip

# Each with the tag it belongs to. All are singular, so that every sentence below agrees with them.
SUBJECTS = (
    ("the slow query", "Databases"), ("the humble index", "Databases"), ("our style sheet", "Web"),
    ("the service worker", "Web"), ("the asyncio event loop", "Python"), ("type checking", "Python"),
    ("the first pull request", "Open Source"), ("an honest changelog", "Open Source"),
    ("our design system", "Design"), ("the empty state", "Design"), ("the cache", "Performance"),
    ("the page budget", "Performance"), ("two-factor login", "Security"), ("the threat model", "Security"),
    ("the public API", "GraphQL"), ("the persisted query", "GraphQL"), ("the flaky test", "Testing"),
    ("property-based testing", "Testing"), ("the skip link", "Accessibility"),
    ("the screen reader", "Accessibility"), ("plain language", "Writing"), ("the newsletter", "Writing"),
    ("the job interview", "Careers"), ("code review", "Careers"), ("the remote meeting", "Remote Work"),
    ("the variable font", "Typography"), ("the cookie banner", "Privacy"), ("the backup", "Infrastructure"),
    ("the borrow checker", "Rust"), ("the build step", "JavaScript"), ("the offline mode", "Mobile"),
    ("open data", "Data"), ("the training set", "Machine Learning"), ("the tram map", "Maps"),
    ("the failed replication", "Science"), ("the town archive", "History"), ("the reading list", "Books"),
    ("the jazz record", "Music"), ("the night train", "Travel"), ("sourdough", "Food"),
    ("the kitchen garden", "Gardening"), ("the cargo bike", "Cycling"), ("the heat pump", "Energy"),
    ("the city library", "Cities"),
)  # fmt: skip
_TITLES = (
    "What {} taught us", "In praise of {}", "A year with {}", "Rethinking {}", "Notes on {}",
    "The trouble with {}", "Why {} still matters", "Living with {}", "A field guide to {}", "Saving {}",
    "Everything we know about {}", "Questions about {}", "The case for {}", "The case against {}",
    "A short history of {}", "What nobody tells you about {}", "Ten years of {}", "Lessons from {}",
    "Learning to love {}", "A letter about {}", "Beyond {}", "A beginner’s guide to {}", "Keeping {} simple",
    "How we changed our minds about {}", "The hidden cost of {}", "Where {} comes from",
)  # fmt: skip
_SUBTITLES = (
    "a second look", "one year on", "the numbers", "lessons from a small team", "a view from Lagos",
    "a view from Lisbon", "a view from Osaka", "five mistakes we made", "what the readers said", "part one",
    "part two", "the long version", "a postscript", "what came after", "an interview", "ten small steps",
    "the evidence", "a personal account", "what we would do again", "a retrospective",
)  # fmt: skip
_SENTENCES = (
    "It started with {}, as these things often do.", "Nobody had planned for {}.",
    "We looked at {} for a week before we touched anything.", "There is a simple way to think about {}.",
    "The surprising part was not {} but how little it took.", "Most advice on {} leaves out the hard part.",
    "We asked forty readers about {}, and half of them disagreed.",
    "If you remember one thing about {}, let it be this.", "The numbers were clear: {} came first.",
    "For a month we wrote down each time {} got in the way.", "Without {} the rest would not have worked.",
    "It turns out that {} has a history.", "We were wrong about {}, and it is worth saying so.",
    "Some of this is taste, but {} is not.", "Much that is written about {} was true ten years ago.",
    "The best comment came from somebody who had lived with {} for a decade.",
    "My first encounter with {} was by accident.", "Every team has its own story about {}.",
    "The plan fitted on one page, and that was its best part.", "I kept a diary, and it is not flattering.",
    "Nothing about this was new; we had only never tried it.", "A small change on Tuesday saved the week.",
    "The old answer was another meeting.", "We wrote it down, and then again in fewer words.",
    "It took three attempts, two of them embarrassing.", "Then everything broke, on a Friday.",
    "What looked like a detail decided the outcome.", "The second version was shorter in every respect.",
    "You will hear the opposite from people I respect.", "Costs went down by a third, to our surprise.",
    "Somebody always asks whether it was worth it.", "We had a pot of coffee and no better idea.",
    "The first draft of this article said something else.", "It is slower than it sounds, and calmer.",
    "Read the footnotes: they are where the arguments are.", "Doing less turned out to be the hard part.",
    "A neighbour explained it to me in two sentences.", "None of the usual tools were of any help.",
    "Half a year later nobody wants to go back.", "There were objections, and most of them were good ones.",
)  # fmt: skip
_HEADINGS = (
    "Where we started", "What went wrong", "What we learned", "The numbers", "What comes next", "The details",
    "A second attempt", "Objections", "In practice", "How to begin", "What it costs", "Further reading",
)  # fmt: skip
_STEPS = (
    "Write down what you expect before you look.", "Change one thing at a time.", "Ask who is affected.",
    "Start with the smallest part.", "Keep the old way for a month.", "Measure twice, and on a bad day.",
    "Tell people **why**, not only what.", "Throw away what nobody has missed.", "Agree on *when to stop*.",
    "Let somebody else try it first.", "Leave a note for whoever comes next.", "Celebrate quietly.",
)  # fmt: skip
_LINKS = (
    "The [full notes](https://example.org/notes) are public.",
    "There is a [longer version](https://example.com/essays/long), with sources.",
    "See also [an earlier piece](/posts/notes) and the [discussion](https://example.net/talk).",
    "**In short:** less, later, and [in writing](https://example.org/writing).",
)  # fmt: skip
_CODE = {
    "Databases": "```sql\nSELECT title FROM posts ORDER BY published_at DESC LIMIT 20;\n```",
    "Performance": "```console\n$ curl -s -o /dev/null -w '%{time_total}\\n' localhost:8000\n0.012\n```",
    "Python": "```python\ndef minutes(text: str) -> int:\n    return max(1, len(text.split()) // 220)\n```",
    "GraphQL": "```graphql\nquery { posts(first: 3) { nodes { title } } }\n```",
    "Testing": "```python\ndef test_it_adds() -> None:\n    assert add(2, 2) == 4\n```",
    "Web": '```html\n<a href="#content" class="skip">Skip to the content</a>\n```',
    "Rust": '```rust\nfn main() {\n    println!("Hello, world");\n}\n```',
    "JavaScript": "```js\nconst total = items.reduce((sum, item) => sum + item.price, 0);\n```",
    "Infrastructure": "```console\n$ pg_dump --format=custom gazette > gazette.dump\n```",
}
_REMARKS = (
    "Thank you for this.", "I tried it on Monday, and it works.", "This matches what we saw.",
    "I am not convinced yet.", "Do you have numbers?", "The second point is the one that matters.",
    "We did the opposite, with the same result.", "Could you say more about the cost?", "Lovely piece.",
    "There is a small mistake in the third paragraph.", "I have waited for somebody to write this down.",
    "How does it look a year later?", "Sharing this with my team.", "That is fair.",
    "The quote is from an older edition, I think.", "It depends on the size of the team.",
    "Same here, and we never found out why.", "I would add one thing: start small.",
    "Has anybody tried it at scale?", "I have my doubts about {}.", "Finally a good word for {}.",
    "We gave up on {} last spring.", "My grandmother had opinions about {}, too.", "More about {}, please!",
    "I never thought about {} that way.", "You make {} sound easy.", "What would you use instead of {}?",
    "Strong disagree, but well argued.", "Bookmarked. 📌", "Came for {}, stayed for the footnotes.",
    "Is there a translation into Portuguese?", "The title promises more than the text.", "¡Muchas gracias!",
    "This saved me an afternoon.", "Please write a second part.", "+1",
)  # fmt: skip

SHORTEST_BODY, LONGEST_BODY = 300, 3000

_IN_ASCII = str.maketrans("ŁłØøıß’", "LlOois-")


def slug(text: str) -> str:
    """As in an address: letters without their accents, digits, hyphens."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_IN_ASCII))
    return re.sub(r"[^a-z0-9]+", "-", decomposed.encode("ascii", "ignore").decode().lower()).strip("-")


class Text:
    """Makes text. The paragraphs on each subject are written once and combined, which is what makes it quick.

    A subject is a position in SUBJECTS.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self._openings = [[self._paragraph(subject) for _ in range(6)] for subject, _ in SUBJECTS]
        self._parts = [self._parts_about(subject, tag) for subject, tag in SUBJECTS]

    def person(self, number: int) -> tuple[str, str | None]:
        """A username, unique by its number, and a name for most."""
        if number <= len(_FIRST):
            return _FIRST[number - 1]
        given, family = self.random.choice(_GIVEN), self.random.choice(_FAMILY)
        return f"{slug(given)}{number}", f"{given} {family}" if self.random.random() < 0.85 else None

    def bio(self) -> str:
        if self.random.random() < 0.4:
            return ""
        return f"{self.random.choice(_TRADES)}. Likes {self.random.choice(_PASTIMES)}."

    def subject(self) -> int:
        return self.random.randrange(len(SUBJECTS))

    def title(self, subject: int) -> str:
        title = self.random.choice(_TITLES).format(SUBJECTS[subject][0])
        return f"{title}: {self.random.choice(_SUBTITLES)}" if self.random.random() < 0.5 else title

    def body(self, subject: int) -> str:
        """Markdown, mostly short, between the shortest and the longest."""
        # The last part may go a few hundred characters beyond what is wanted.
        wanted = self.random.triangular(SHORTEST_BODY, LONGEST_BODY - 700, 700)
        chosen = [self.random.choice(self._openings[subject])]
        length = len(chosen[0])
        for part in self.random.sample(self._parts[subject], 20):
            if length >= wanted:
                break
            chosen.append(part)
            length += len(part) + 2
        return "\n\n".join(chosen)

    def remark(self, subject: int) -> str:
        remarks = self.random.sample(_REMARKS, self.random.choice((1, 1, 2, 3)))
        return " ".join(remarks).replace("{}", SUBJECTS[subject][0])

    def _parts_about(self, subject: str, tag: str) -> list[str]:
        parts = [self._paragraph(subject) for _ in range(24)]
        parts += [f"## {heading}\n\n{self._paragraph(subject)}" for heading in _HEADINGS]
        for _ in range(4):
            steps = self.random.sample(_STEPS, 4)
            parts.append("\n".join(f"- {step}" for step in steps))
            parts.append("\n".join(f"{number}. {step}" for number, step in enumerate(steps[:3], 1)))
            parts.append(f"> {self.random.choice(_SENTENCES).format(subject)}")
            parts.append(self.random.choice(_LINKS))
        if tag in _CODE:
            parts += [f"{self._paragraph(subject)}\n\n{_CODE[tag]}" for _ in range(6)]
        return parts

    def _paragraph(self, subject: str) -> str:
        sentences = self.random.sample(_SENTENCES, self.random.randint(2, 5))
        return " ".join(sentences).replace("{}", subject)
