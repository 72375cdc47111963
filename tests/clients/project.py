"""A front end as `docs/clients.md` describes it: its lines, the client kit, and the tests on them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.server import gazette

ROOT = Path(__file__).parent.parent.parent
CLIENTS = ROOT / "clients"
PAGE = (ROOT / "docs" / "clients.md").read_text()
ADDRESS = '"http://127.0.0.1:8000/graphql"'


def blocks(*titles: str) -> dict[str, str]:
    """The files that some sections of the page show, by the names that it gives them."""
    sections = re.split(r"^## (.*)\n", PAGE, flags=re.MULTILINE)
    texts = dict(zip(sections[1::2], sections[2::2], strict=True))
    text = "".join(texts[title] for title in titles)
    scripts = re.findall(r"^```tsx?\n// (\S+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    # JSON has no comments.
    data = re.findall(r"^`(\S+)`:\n\n```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return dict(scripts + data)


class Project:
    """A folder with the files of some sections, which ask the address in the environment's API."""

    def __init__(self, folder: Path, *titles: str) -> None:
        self.folder = folder
        kit = gazette("client-kit", str(folder / "src" / "gazette"))
        assert kit.returncode == 0, kit.stderr
        for name, text in blocks(*titles).items():
            (folder / name).write_text(text.replace(ADDRESS, "process.env.API as string"))
        for name in ("package.json", "tsconfig.json", "eslint.config.js"):
            shutil.copy(CLIENTS / name, folder)
        (folder / "node_modules").symlink_to(CLIENTS / "node_modules")

    def with_tests(self, *names: str) -> "Project":
        for name in ("world.ts", *names):
            shutil.copy(CLIENTS / "tests" / name, self.folder / "src")
        return self

    def generated(self) -> "Project":
        """With types of its documents."""
        self.run("graphql-codegen", "--config", "src/gazette/codegen.ts")
        return self

    def built(self, entry: str) -> str:
        """A script of `src`, bundled as in development, where packages say more of what is wrong."""
        output = f"dist/{Path(entry).stem}"
        self.run("vite", "build", "--mode", "development", "--ssr", f"src/{entry}", "--outDir", output)
        return f"{output}/{Path(entry).stem}.js"

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of the packages to its end, which has to be a good one; what it printed."""
        return self._run([str(CLIENTS / "node_modules" / ".bin" / program), *arguments])

    def node(self, *arguments: str, **environment: str) -> str:
        return self._run(["node", *arguments], **environment)

    def _run(self, command: list[str], **environment: str) -> str:
        finished = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert finished.returncode == 0, f"{' '.join(command)}\n{finished.stdout}{finished.stderr}"
        return finished.stdout
