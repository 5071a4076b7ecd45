"""A test nginx with the shipped configuration, for tests and benchmarks."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1] / "deploy/nginx/coverslip.conf.template"


def find_nginx() -> str | None:
    """Return the path of nginx, also outside the PATH of ordinary users."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def write_configuration(folder: Path, **values: str) -> Path:
    """Fill in the shipped template and add the directives of a distribution's nginx.conf."""
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"${{COVERSLIP_{name.upper()}}}", value)
    if "${" in text:
        message = "the template has a name that got no value"
        raise ValueError(message)
    (folder / "coverslip.conf").write_text(text)
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(
        f"{user} worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events {}\n"
        f"http {{ access_log {folder}/access.log;\n{temporary}\ninclude {folder}/coverslip.conf; }}\n"
    )
    return main
