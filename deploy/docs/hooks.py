"""MkDocs hooks: scripts in files instead of pages, and READMEs of the repository as reference pages."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
REFERENCE: Final = {
    "reference/operations.md": "deploy/README.md",
    "reference/methods.md": "ml/README.md",
    "reference/server.md": "server/README.md",
    "reference/changes.md": "CHANGELOG.md",
}
ICON: Final = "frontend/public/favicon.svg"
_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the repository's own documents and the icon to the pages."""
    for address, source in REFERENCE.items():
        files.append(File.generated(config, address, content=(ROOT / source).read_text()))
    files.append(File.generated(config, "pictures/icon.svg", content=(ROOT / ICON).read_bytes()))
    return files


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Move each inline script into a file, because the server's content security policy refuses inline ones.

    A script without attributes runs where it stands, and so does its file. Scripts of a type, which hold
    data, stay.
    """

    def replace(match: re.Match[str]) -> str:
        script = match[1].encode()
        address = f"assets/inline-{hashlib.sha256(script).hexdigest()[:12]}.js"
        path = Path(config.site_dir) / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(script)
        return f'<script src="{get_relative_url(address, page.url)}"></script>'

    return _SCRIPT.sub(replace, output)


def on_post_template(output_content: str, *, template_name: str, config: MkDocsConfig) -> str:
    """Leave out the theme's 404 page: the server shows the application's own."""
    del config
    return "" if template_name == "404.html" else output_content
