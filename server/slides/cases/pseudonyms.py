"""Cases by pseudonym, chosen by a user or neutral."""

from __future__ import annotations

from django.utils.crypto import salted_hmac

from server.projects.models import Project
from server.slides.models import Case, CaseNumber

LONGEST_PSEUDONYM = 100
_SALT = "slides.case"


def case_under(project: Project, pseudonym: str) -> Case:
    """Return the case of this pseudonym, created if missing."""
    return Case.objects.get_or_create(project=project, pseudonym=pseudonym.strip()[:LONGEST_PSEUDONYM])[0]


def case_of_file(project: Project, name: str) -> Case:
    """Return the case of files of this name, created under a neutral pseudonym (``Case 0001``) if missing.

    Names of files and folders often name the patient. Only a keyed digest of the name is kept, by which
    further files of the same name join their case.
    """
    digest = salted_hmac(_SALT, name, algorithm="sha256").hexdigest()
    # The lock of the row makes those wait who bring files of the same project.
    numbers, _ = CaseNumber.objects.select_for_update().get_or_create(project=project)
    case = Case.objects.filter(project=project, origin_digest=digest).first()
    if case is not None:
        return case
    while True:
        # A number is never given twice, so that no later case is taken for one that was removed.
        numbers.last += 1
        pseudonym = f"Case {numbers.last:04d}"
        if not Case.objects.filter(project=project, pseudonym=pseudonym).exists():
            break
    numbers.save(update_fields=["last"])
    return Case.objects.create(project=project, pseudonym=pseudonym, origin_digest=digest)
