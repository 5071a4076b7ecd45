"""The processes of an installation, and the command of each.

``manage.py up`` starts them all on one machine; ``manage.py part NAME`` becomes one of them, as the compose
file does in containers.
"""

from __future__ import annotations

# Pages hold an event stream open: the web server ends it after a second and does not wait for the browser.
_WEB = (
    "-m",
    "uvicorn",
    "server.config.asgi:application",
    "--no-access-log",
    "--timeout-graceful-shutdown",
    "1",
)
_WORKER = ("-m", "celery", "--quiet", "-A", "server.config", "worker", "-l", "WARNING")
_ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def _worker(queue: str, *pool: str) -> tuple[str, ...]:
    return (*_WORKER, *_ALONE, "-n", f"{queue}@%h", "-Q", queue, *pool)


# By name, the arguments of the Python interpreter. Computing has processes of its own, which stay warm, so
# that a quick round starts at once.
PARTS: dict[str, tuple[str, ...]] = {
    "web": _WEB,
    "worker-io": _worker("io", "-P", "threads", "-c", "2"),
    "sweep": ("manage.py", "sweep"),
    "worker-cpu": _worker("cpu", "-P", "solo"),
    "worker-gpu": _worker("gpu", "-P", "solo"),
    "worker-live": _worker("live", "-P", "threads", "-c", "4"),
}


def part_environment(name: str) -> dict[str, str]:
    """Return the variables that a part has beside those of the installation."""
    # In a container everything runs as its only user, and static files are small: neither is news to anybody.
    warnings = (
        "ignore:You're running the worker with superuser privileges,"
        "ignore:StreamingHttpResponse must consume synchronous iterators"
    )
    variables = {"COVERSLIP_PART": name, "PYTHONWARNINGS": warnings}
    if name == "worker-live":
        # Somebody waits for the stroke that has just been drawn.
        variables["BROKER_POLL_SECONDS"] = "0.02"
    return variables
