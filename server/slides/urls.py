"""URLs of the ``slides`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.slides import api
from server.slides.quality import api as quality_api
from server.slides.registration import api as registrations
from server.slides.uploads import api as tus
from server.slides.viewing import api as viewing_api
from server.slides.viewing import dwell_api

PROJECT = "projects/<uuid:project_id>"
SLIDE = "slides/<uuid:slide_id>"

urlpatterns = [
    path(f"{PROJECT}/slides", api.SlidesView.as_view(), name="slides"),
    path(f"{PROJECT}/cases", api.CasesView.as_view(), name="cases"),
    path(f"{PROJECT}/uploads/finish", api.FinishFolderView.as_view(), name="finish-folder"),
    path(f"{PROJECT}/quality", quality_api.ProjectQualityView.as_view(), name="project-quality"),
    path("cases/<uuid:case_id>", api.CaseView.as_view(), name="case"),
    path(SLIDE, api.SlideView.as_view(), name="slide"),
    path(f"{SLIDE}/image", api.ImageChoiceView.as_view(), name="slide-image"),
    path(f"{SLIDE}/resolution", viewing_api.ResolutionView.as_view(), name="slide-resolution"),
    path(f"{SLIDE}/viewer", api.ViewerView.as_view(), name="viewer"),
    path(f"{SLIDE}/grant", api.GrantView.as_view(), name="grant"),
    path(f"{SLIDE}/thumbnail.jpg", api.ThumbnailView.as_view(), name="thumbnail"),
    path(f"{SLIDE}/tissue", api.TissueView.as_view(), name="tissue"),
    path(f"{SLIDE}/quality", quality_api.QualityView.as_view(), name="quality"),
    path(f"{SLIDE}/quality.png", quality_api.QualityPictureView.as_view(), name="quality-picture"),
    path("dwell", dwell_api.DwellConsentView.as_view(), name="dwell-consent"),
    path(f"{SLIDE}/dwell", dwell_api.DwellView.as_view(), name="dwell"),
    path(f"{SLIDE}/dwell/recording", dwell_api.DwellRecordingView.as_view(), name="dwell-recording"),
    path(f"{SLIDE}/registrations", registrations.RegistrationsView.as_view(), name="registrations"),
    path(
        "registrations/<uuid:registration_id>",
        registrations.RegistrationView.as_view(),
        name="registration",
    ),
    path("uploads", tus.UploadsView.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", tus.UploadView.as_view(), name="upload"),
]
