"""Django's ``createsuperuser`` with a check of passwords from the environment."""

from __future__ import annotations

import os
from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from server.accounts.models import User


class Command(createsuperuser.Command):
    """Create an administrator; refuse a weak ``DJANGO_SUPERUSER_PASSWORD``."""

    def handle(self, *arguments: Any, **options: Any) -> str | None:
        """Check the password of ``--noinput``, then continue as Django does."""
        password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        if not options["interactive"] and password is not None:
            name = options.get("username") or os.environ.get("DJANGO_SUPERUSER_USERNAME", "")
            try:
                validate_password(password, User(username=name))
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from error
        return super().handle(*arguments, **options)
