"""The message that asks for a painting. It carries an id; the row has the request."""

from __future__ import annotations

from celery import current_app

from server.painting.services import PAINT


@current_app.task(name=PAINT)  # type: ignore[untyped-decorator]
def paint_message(painting_id: str) -> None:
    """Paint the newest request of a painting."""
    from server.painting.live import paint_newest  # noqa: PLC0415 - keeps torch out of web processes

    paint_newest(painting_id)
