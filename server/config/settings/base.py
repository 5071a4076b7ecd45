"""Settings that every environment shares. Values come from the environment, typed."""

from __future__ import annotations

from pathlib import Path

import environ

env = environ.Env()

ROOT = Path(__file__).resolve().parents[3]
HOME = Path(env.str("COVERSLIP_HOME", default=str(ROOT / ".coverslip"))).resolve()

INSTALLED_APPS = [
    # Before Django's, whose command ``createsuperuser`` it replaces.
    "server.accounts",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "server.core",
    "server.audit",
    "server.projects",
    "server.jobs",
    "server.slides",
    "server.objects",
    "server.annotations",
    "server.registry",
    "server.inference",
    "server.review",
    "server.learning",
    "server.painting",
    "server.exchange",
    "server.config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "server.config.headers.ResponseHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    # What the libraries say of a form comes in the language of the pages; our own words they have themselves.
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

CSRF_FAILURE_VIEW = "server.config.pages.answer_forbidden"
# No address ends with a slash; looking for one would resolve each address twice.
APPEND_SLASH = False
ROOT_URLCONF = "server.config.urls"
ASGI_APPLICATION = "server.config.asgi.application"
TEMPLATES: list[dict[str, object]] = []

# One file serves a whole installation until DATABASE_URL names a PostgreSQL.
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{HOME / 'coverslip.sqlite3'}")}
# Each thread of the web process keeps its connection for so many seconds, and tests it before a request.
DATABASES["default"] |= {"CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=600), "CONN_HEALTH_CHECKS": True}
# Requests that the web process works on at the same time; it has as many database connections for them.
WEB_THREADS = env.int("WEB_THREADS", default=16)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # Writers queue up at BEGIN instead of failing when a read turns into a write.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        # What was acknowledged outlives a failure of power: each commit is flushed.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["server.accounts.sessions.PasswordBackend"]
SESSION_ENGINE = "server.accounts.sessions"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
FRONTEND_DIST = Path(env.str("FRONTEND_DIST", default=str(ROOT / "frontend" / "dist")))
WHITENOISE_ROOT = FRONTEND_DIST
WHITENOISE_MAX_AGE = 3600

# Everything that is not in the database: slides by content, object sets, weights, features.
STORAGE_ROOT = HOME / "storage"
# The tag or commit of an image that holds no repository.
COMMIT = env.str("COVERSLIP_COMMIT", default="")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "server.accounts.authentication.TokenAuthentication",
        "server.accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["server.core.rendering.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["server.core.parsing.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "server.core.paging.PageNumberPagination",
    "DEFAULT_FILTER_BACKENDS": ["server.core.filtering.FilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "server.core.schema.ProblemSchema",
    "EXCEPTION_HANDLER": "server.core.problems.handle_exception",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Coverslip",
    "DESCRIPTION": "Annotate whole slide images, review a model's suggestions, retrain.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "server.core.geojson.add_components",
    ],
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "server.projects.models.Role",
        "JobStateEnum": "server.jobs.models.Job.State",
        "SlideStateEnum": "server.slides.models.Slide.State",
        "ObjectSetStateEnum": "server.objects.models.ObjectSet.State",
        "VerdictKindEnum": "server.review.models.Verdict.Kind",
        "SuggestionStateEnum": ["open", "accepted", "rejected", "relabelled", "redrawn"],
        "ComparisonStateEnum": ["ready", "missing"],
        "ScaleSourceEnum": "server.slides.models.Slide.ScaleSource",
        "ModelVersionStateEnum": "server.registry.models.ModelVersion.State",
    },
}

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
# Workers give way to the web server on the same machine by so much (0 to 19).
WORKER_NICENESS = env.int("WORKER_NICENESS", default=10)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "io"
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_TRANSPORT = "server.core.files.broker:Transport"
    # Remote control needs messages to all workers, which files do not carry.
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
    BROKER_FOLDER = HOME / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_FOLDER / "messages"),
        "data_folder_out": str(BROKER_FOLDER / "messages"),
        "store_processed": False,
        "polling_interval": env.float("BROKER_POLL_SECONDS", default=0.2),
    }

# Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or networks, comma-separated.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])

# Bytes of a form outside its files, as ``bodies`` allows of other bodies. An annotation of the most points
# takes half of it, so that ``annotations`` refuses larger ones by its own sentence.
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 2**20

# Passwords that one web process checks at the same time; each check occupies a core.
PASSWORD_CHECKS = env.int("PASSWORD_CHECKS", default=2)

# A tile grant outlives a coffee, not a day; the viewer renews it.
TILE_GRANT_SECONDS = env.int("TILE_GRANT_SECONDS", default=3600)
# Per process: slides held open, bytes of encoded tiles kept, decoding threads (0: one per core, at most 4).
TILE_OPEN_SLIDES = env.int("TILE_OPEN_SLIDES", default=64)
TILE_CACHE_BYTES = env.int("TILE_CACHE_BYTES", default=256 * 2**20)
TILE_THREADS = env.int("TILE_THREADS", default=0)
# A Redis in which web processes share the tiles that cost decoding; empty: each has its own memory only.
TILE_CACHE_URL = env.str("TILE_CACHE_URL", default="")
UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_BYTES", default=100 * 2**30)
# An unfinished upload is thrown away this long after its last byte.
UPLOAD_EXPIRY_SECONDS = env.int("UPLOAD_EXPIRY_SECONDS", default=7 * 24 * 3600)
# Where networks are trained and run. The quick loop stays on the cpu queue.
COMPUTE_DEVICE = env.str("COMPUTE_DEVICE", default="cpu")
# Processes that read a slide ahead of the network; empty: as many as the device can use.
READ_WORKERS = env.str("READ_WORKERS", default="")
DEEP_QUEUE = env.str("DEEP_QUEUE", default="gpu")
JOB_HEARTBEAT_SECONDS = env.int("JOB_HEARTBEAT_SECONDS", default=5)
JOB_LAPSE_SECONDS = env.int("JOB_LAPSE_SECONDS", default=30)

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SAMESITE = "Lax"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        # Every refusal is told to the client; the file-system broker has no host name to miss.
        "django.request": {"level": "ERROR"},
        "kombu.connection": {"level": "ERROR"},
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
