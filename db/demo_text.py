"""The words of the demo data: believable names, titles, Markdown and comments, all from one random source."""

from random import Random

TAGS = (
    "Databases", "Web", "Python", "Open Source", "Design", "Performance", "Security", "GraphQL",
    "Testing", "Accessibility", "Writing", "Careers", "Remote Work", "Typography", "Privacy",
    "Infrastructure", "Rust", "JavaScript", "Mobile", "Data", "Machine Learning", "Maps", "Science",
    "History", "Books", "Music", "Film", "Photography", "Travel", "Food", "Gardening", "Cycling",
    "Climate", "Energy", "Cities", "Education", "Health", "Economics", "Law", "Games",
)  # fmt: skip

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

_SUBJECTS = (
    "a slow database", "the humble index", "our design system", "a newsroom", "the night train",
    "open data", "a small team", "code review", "the city library", "an honest changelog",
    "the first release", "a kitchen garden", "the comment section", "plain text", "a public API",
    "the last mile", "your reading list", "good defaults", "an old printer", "the weekly newsletter",
    "a hundred bug reports", "the style guide", "a broken build", "remote meetings", "the archive",
    "a map of everything", "the missing manual", "two factor login",
)  # fmt: skip
_TITLES = (
    "What {} taught us", "How we fixed {}", "In praise of {}", "A year with {}", "Rethinking {}",
    "Notes on {}", "The trouble with {}", "Why {} still matters", "Living with {}", "A field guide to {}",
    "Saving {}", "Everything we know about {}", "Small steps towards {}", "Questions about {}",
    "Who needs {}?",
)  # fmt: skip
_SENTENCES = (
    "It started with {}, as these things often do.", "Nobody had planned for {}.",
    "We measured {} before we touched it.", "The surprising part was not {} but how little it took.",
    "There is a simple way to think about {}.", "Most advice on {} leaves out the hard part.",
    "We asked forty readers about {}, and half of them disagreed.",
    "If you remember one thing about {}, let it be this.", "The numbers were clear: {} came first.",
    "Every morning began with {} and a pot of coffee.", "Then {} broke, on a Friday.",
    "For a week we wrote down each time {} got in the way.", "The old answer to {} was more meetings.",
    "Without {} the rest would not have worked.", "It turns out that {} has a history.",
    "We were wrong about {}, and it is worth saying so.", "Some of this is taste, but {} is not.",
    "The best comment came from somebody who had lived with {} for ten years.",
)  # fmt: skip
_REMARKS = (
    "Thank you for this.", "I tried it on Monday, and it works.", "This matches what we saw.",
    "I am not convinced yet.", "Do you have numbers?", "The second point is the one that matters.",
    "We did the opposite, with the same result.", "Could you say more about the cost?", "Lovely piece.",
    "There is a small mistake in the third paragraph.", "I have waited for somebody to write this down.",
    "How does it look a year later?", "Sharing this with my team.",
    "The quote is from an older edition, I think.", "That is fair.",
    "It depends on the size of the team.", "Same here, and we never found out why.",
    "I would add one thing: start small.", "Has anybody tried it at scale?",
)  # fmt: skip
_CODE = (
    "```sql\nSELECT title FROM posts ORDER BY published_at DESC LIMIT 20;\n```",
    "```python\ndef reading_time(text: str) -> int:\n    return max(1, len(text.split()) // 220)\n```",
    "```graphql\nquery { posts(first: 3) { nodes { title } } }\n```",
    "```shell\nmake serve\n```",
)
_LINKS = (
    "[the specification](https://spec.graphql.org/)",
    "[our archive](/archive)",
    "[this essay](/essays/plain-text)",
)

SHORTEST_BODY, LONGEST_BODY = 300, 3000


class Text:
    """Makes text. Its paragraphs are written once and combined, which is what makes it quick."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._paragraphs = [self._paragraph() for _ in range(300)]
        self._blocks = [self._block(number) for number in range(120)]

    def name(self) -> str:
        return f"{self.random.choice(_GIVEN)} {self.random.choice(_FAMILY)}"

    def bio(self) -> str:
        if self.random.random() < 0.4:
            return ""
        return f"{self.random.choice(_TRADES)}. Likes {self.random.choice(_PASTIMES)}."

    def title(self) -> str:
        title = self.random.choice(_TITLES).format(self.random.choice(_SUBJECTS))
        return title[0].upper() + title[1:]

    def body(self) -> str:
        """Markdown, mostly short, between the shortest and the longest."""
        wanted = int(self.random.triangular(SHORTEST_BODY, LONGEST_BODY - 600, 700))
        parts = [self.random.choice(self._paragraphs)]
        length = len(parts[0])
        while length < wanted:
            part = self.random.choice(self._blocks if self.random.random() < 0.3 else self._paragraphs)
            parts.append(part)
            length += len(part) + 2
        return "\n\n".join(parts)

    def remark(self) -> str:
        return " ".join(self.random.sample(_REMARKS, self.random.choice((1, 1, 2, 3))))

    def _paragraph(self) -> str:
        sentences = self.random.sample(_SENTENCES, self.random.randint(2, 5))
        text = " ".join(sentence.format(self.random.choice(_SUBJECTS)) for sentence in sentences)
        return text[0].upper() + text[1:]

    def _block(self, number: int) -> str:
        subjects = self.random.sample(_SUBJECTS, 3)
        return (
            f"## On {subjects[0]}",
            "\n".join(f"- {subject}" for subject in subjects),
            f"> {self.random.choice(_SENTENCES).format(subjects[1])}",
            self.random.choice(_CODE),
            f"**In short:** {subjects[2]}, and {self.random.choice(_LINKS)}.",
        )[number % 5]
