"""Cases, slides and the uploads that become slides."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from ml.slides.resolution import Resolution
from server.core.message_field import MessageField
from server.core.models import Entity
from server.jobs.models import Job
from server.projects.models import Label, Project


class Case(Entity):
    """One patient or animal, under a pseudonym. All splits are by case.

    ``clinical`` maps the names of clinical fields to numbers or words. ``months`` is how long the patient
    was followed and ``event`` whether the event (death, recurrence) was seen at the end.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="cases")
    pseudonym = models.CharField(max_length=100)
    clinical = models.JSONField(default=dict)
    months = models.FloatField(null=True)
    event = models.BooleanField(null=True)
    # Keyed digest of the name of the files that made the case; empty where a person chose the pseudonym.
    origin_digest = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "pseudonym"], name="slides_one_case_per_pseudonym"),
            models.CheckConstraint(
                condition=Q(months__isnull=True, event__isnull=True) | Q(months__gte=0, event__isnull=False),
                name="slides_follow_up_is_complete",
            ),
        ]

    def __str__(self) -> str:
        return self.pseudonym


class CaseNumber(models.Model):
    """The last number of a project's neutral pseudonyms."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True, related_name="+")
    last = models.PositiveIntegerField(default=0)


class Slide(Entity):
    """One scanned image. Its identity is the SHA-256 of its content.

    ``label`` is the diagnosis: what the slide as a whole is.
    """

    class State(models.TextChoices):
        """State of a slide: importing until its content has been read; failed with a message."""

        IMPORTING = "importing"
        READY = "ready"
        FAILED = "failed"

    class ProgressState(models.TextChoices):
        """Annotation progress of a slide."""

        NEW = "new"
        IN_PROGRESS = "in_progress"
        FINISHED = "finished"

    class ColourProfile(models.TextChoices):
        """Treatment of the file's ICC profile: none present, sRGB already, or tiles converted to sRGB."""

        NONE = "none"
        SRGB = "srgb"
        CONVERTED = "converted"

    class ScaleSource(models.TextChoices):
        """Source of resolution or magnification: the file, an estimate, a manager, or none."""

        FILE = "file"
        ESTIMATED = "estimated"
        CORRECTED = "corrected"
        UNKNOWN = "unknown"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="slides")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="slides")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, null=True, related_name="slides")
    name = models.CharField(max_length=255)
    state = models.CharField(max_length=10, choices=State.choices, default=State.IMPORTING)
    progress_state = models.CharField(max_length=12, choices=ProgressState.choices, default=ProgressState.NEW)
    # True once a person has set the state: from then on it does not follow the work by itself.
    progress_marked = models.BooleanField(default=False)
    failure = MessageField(null=True)
    failure_code = models.CharField(max_length=50, blank=True)
    import_job_id = models.UUIDField(null=True)
    source_key = models.CharField(max_length=500, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    format = models.CharField(max_length=50, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    tile_size = models.PositiveIntegerField(default=0)
    level_count = models.PositiveSmallIntegerField(default=0)
    # µm per level-0 pixel as measured with; ``file_`` keeps the file's own, to which a correction reverts.
    mpp_x = models.FloatField(null=True)
    mpp_y = models.FloatField(null=True)
    resolution_source = models.CharField(
        max_length=10, choices=ScaleSource.choices, default=ScaleSource.UNKNOWN
    )
    file_mpp_x = models.FloatField(null=True)
    file_mpp_y = models.FloatField(null=True)
    file_resolution_source = models.CharField(
        max_length=10, choices=ScaleSource.choices, default=ScaleSource.UNKNOWN
    )
    # When the resolution in use changed; what was computed before is out of date.
    resolution_changed_at = models.DateTimeField(null=True)
    # Messages about statements of the file that were not used as they are.
    resolution_notes = models.JSONField(default=list, blank=True)
    magnification = models.FloatField(null=True)
    magnification_source = models.CharField(
        max_length=10, choices=ScaleSource.choices, default=ScaleSource.UNKNOWN
    )
    colour_profile = models.CharField(
        max_length=10, choices=ColourProfile.choices, default=ColourProfile.NONE
    )
    # Of a file with several images that may be the slide: index, name, width, height, level_count of each.
    images = models.JSONField(default=list)
    # Of a fluorescence or near-infrared slide: name, colour, bits, low, high, top, visible of each.
    channels = models.JSONField(default=list)
    tissue = models.JSONField(null=True)
    tissue_fraction = models.FloatField(null=True)
    focus_score = models.FloatField(null=True)
    pen_score = models.FloatField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "sha256"],
                condition=Q(state="ready"),
                name="slides_same_content_once_per_project",
            ),
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(width__gt=0, height__gt=0, sha256__regex="^[0-9a-f]{64}$"),
                name="slides_ready_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(mpp_x__isnull=True, mpp_y__isnull=True) | Q(mpp_x__gt=0, mpp_y__gt=0),
                name="slides_mpp_is_positive",
            ),
        ]
        indexes = [
            # Deleting asks whether another project still shows the same content.
            models.Index(fields=["sha256"], name="slides_by_content"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def resolution(self) -> Resolution | None:
        """Return µm per level-0 pixel along both axes, None where unknown."""
        return Resolution.of_axes(self.mpp_x, self.mpp_y)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Return the names of the channels; none for a colour image."""
        return tuple(channel["name"] for channel in self.channels)


class Upload(Entity):
    """A file being uploaded by the tus protocol.

    The number of received bytes is the length of the file under ``storage_key``, so that no byte can be
    counted that is not there. Files of one folder drop share ``folder`` and keep their ``relative_path``.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="uploads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    filename = models.CharField(max_length=255)
    relative_path = models.CharField(max_length=500, blank=True)
    folder = models.CharField(max_length=64, blank=True)
    case = models.CharField(max_length=100, blank=True)
    length = models.PositiveBigIntegerField()
    storage_key = models.CharField(max_length=500)
    finished_at = models.DateTimeField(null=True)
    slide = models.ForeignKey(Slide, on_delete=models.SET_NULL, null=True, related_name="uploads")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(length__gt=0), name="slides_upload_is_not_empty"),
        ]
        indexes = [
            models.Index(fields=["user", "project", "folder"], name="slides_uploads_of_a_folder"),
        ]

    def __str__(self) -> str:
        return self.relative_path or self.filename


class Registration(Entity):
    """Registration of one slide's tissue with another's of the same project.

    ``document`` is the map from ``fixed`` to ``moving`` (``ml.slides.registration.transform``), None until it
    is computed. ``landmarks`` are the pairs that people set: {"fixed": [[x, y]], "moving": [[x, y]]}.
    """

    fixed = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="registrations")
    moving = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="+")
    document = models.JSONField(null=True)
    landmarks = models.JSONField(null=True)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["fixed", "moving"], name="slides_registered_once"),
            models.CheckConstraint(
                condition=~Q(fixed=models.F("moving")), name="slides_registered_on_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.moving} on {self.fixed}"


class DwellConsent(Entity):
    """A user's consent to the storage of views; withdrawing it deletes this and every view."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"consent of {self.user}"


class DwellView(Entity):
    """Time that a user had one part of a slide on the screen; visible to that user alone.

    The box is in level-0 pixels; ``scale`` is level-0 pixels per pixel of the screen.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="+")
    x = models.FloatField()
    y = models.FloatField()
    width = models.FloatField()
    height = models.FloatField()
    scale = models.FloatField()
    milliseconds = models.PositiveIntegerField()

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["user", "slide"], name="slides_dwell_of_a_person")]
        constraints = [
            models.CheckConstraint(
                condition=Q(width__gt=0, height__gt=0, scale__gt=0, milliseconds__gt=0),
                name="slides_dwell_is_somewhere",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.milliseconds} ms of {self.slide_id}"


class Quality(Entity):
    """Quality map of a slide: a class for each cell of a grid, from the slide's corner.

    ``picture`` is a grey PNG of ``columns`` x ``rows`` class numbers (``ml.slides.quality.map.CLASSES``),
    None until the job has ended; ``step`` is the width of a cell in level-0 pixels and
    ``step_y`` its height, None where it is as high as wide. ``blur``, ``fold``,
    ``pen`` and ``bubble`` are shares of the area that is not glass.
    """

    slide = models.OneToOneField(Slide, on_delete=models.CASCADE, related_name="quality")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="+")
    picture = models.BinaryField(null=True)
    step = models.FloatField(null=True)
    step_y = models.FloatField(null=True)
    rows = models.PositiveIntegerField(default=0)
    columns = models.PositiveIntegerField(default=0)
    blur = models.FloatField(default=0)
    fold = models.FloatField(default=0)
    pen = models.FloatField(default=0)
    bubble = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(picture__isnull=True) | Q(step__gt=0, rows__gt=0, columns__gt=0),
                name="slides_quality_is_complete",
            ),
        ]

    def __str__(self) -> str:
        return f"quality of {self.slide}"

    @property
    def is_outdated(self) -> bool:
        """Return whether the resolution of the slide changed since the map was asked for."""
        changed_at = self.slide.resolution_changed_at
        return self.picture is not None and changed_at is not None and changed_at > self.job.created_at
