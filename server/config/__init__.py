"""Composition of all apps: settings, URLs, the ASGI application, the Celery application."""

from __future__ import annotations

from server.config.celery import app as celery_app

__all__ = ["celery_app"]
