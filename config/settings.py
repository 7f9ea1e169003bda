"""Django's settings. Those that differ between installations are environment variables (docs/settings.md)."""

from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from config import cache, env, mail_settings
from config.home import layout
from config.limits import MAX_BODY

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = layout.home()

DEBUG = env.boolean("FIRSTHAND_DEBUG")
SECRET_KEY = env.secret("FIRSTHAND_SECRET_KEY") or HOME.secret_key()
ALLOWED_HOSTS = list(env.words("FIRSTHAND_ALLOWED_HOSTS", ("*",)))
CSRF_TRUSTED_ORIGINS = list(env.words("FIRSTHAND_TRUSTED_ORIGINS"))

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "config",
    "projects",
    "outbox",
    "analytics",
    "feedback",
]

MIDDLEWARE = [
    "config.no_store.no_store",
    "django.middleware.security.SecurityMiddleware",
    "config.content_security.content_security_policy",
    # Before sessions: their cookie goes into a query, too.
    "config.nul.NulRefused",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Each kind of insight keeps its templates in its own package.
        "DIRS": [BASE_DIR / "templates", BASE_DIR / "analytics" / "insights"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"ui": "dashboard.tags"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _database(url: str) -> dict[str, Any]:
    parts = dict(conninfo_to_dict(url))
    named = {
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
    }
    # up.connections() allows for these and for those of ingest, per web process.
    pool = {"min_size": 1, "max_size": 12, "timeout": 10}
    # Without CONN_HEALTH_CHECKS the pool hands out connections that a restart of the database has closed.
    engine = {"ENGINE": "django.db.backends.postgresql", "CONN_HEALTH_CHECKS": True}
    return {**engine, **named, "OPTIONS": {**parts, "pool": pool}}


DATABASE_URL = layout.database_url()
DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LAKE_URL = layout.lake_url()
LAKE_CACHE = env.integer("FIRSTHAND_LAKE_CACHE", 10 * 1024**3)
ENGINE_URL = env.text("FIRSTHAND_ENGINE", "duckdb://")
ENGINE_MEMORY = env.text("FIRSTHAND_ENGINE_MEMORY", "4GB")
QUESTION_MEMORY = env.text("FIRSTHAND_QUESTION_MEMORY", "1GB")
QUESTION_SECONDS = env.integer("FIRSTHAND_QUESTION_SECONDS", 30, least=1)
ENGINE_THREADS = env.integer("FIRSTHAND_ENGINE_THREADS", 2, least=1)
GEOIP_PATH = env.text("FIRSTHAND_GEOIP")
# At least 3: enrich looks for duplicates in the lake only from two days of age on, and an event may be 23 hours ahead
# of its arrival. With fewer, one could leave PostgreSQL before, be sent again, and be stored twice.
HOT_DAYS = env.integer("FIRSTHAND_HOT_DAYS", 3, least=3)
KEEP_MONTHS = env.integer("FIRSTHAND_KEEP_MONTHS", 0)

BROKER_URL = env.text("FIRSTHAND_BROKER_URL", "filesystem://")
CACHES = {"default": cache.configuration(env.text("FIRSTHAND_CACHE_URL", cache.DATABASE))}

SITE_URL = env.text("FIRSTHAND_URL").rstrip("/")
MAIL_SERVER = mail_settings.from_url(env.secret("FIRSTHAND_EMAIL_URL"))
EMAIL_BACKEND = MAIL_SERVER.backend
EMAIL_FILE_PATH = HOME.mail
EMAIL_HOST = MAIL_SERVER.host
EMAIL_PORT = MAIL_SERVER.port
EMAIL_HOST_USER = MAIL_SERVER.user
EMAIL_HOST_PASSWORD = MAIL_SERVER.password
EMAIL_USE_TLS = MAIL_SERVER.starttls
EMAIL_USE_SSL = MAIL_SERVER.tls
# Shorter than the outbox's lease: a mail server that hangs must not outlast it, or the mail is sent twice.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("FIRSTHAND_EMAIL_FROM", "Firsthand <firsthand@localhost>")

WEBHOOK_PRIVATE = env.boolean("FIRSTHAND_WEBHOOK_PRIVATE")
OUTBOX_BUILDERS = {
    "comment.mail": "feedback.notifications.comment_mail",
    "comment.webhook": "feedback.notifications.comment_webhook",
    "test.webhook": "feedback.webhooks.test_event",
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/assets/"
STATIC_ROOT = HOME.static
# No MEDIA_URL: pictures are served by a view, after checking access.
MEDIA_ROOT = HOME.files
STATICFILES_DIRS = [BASE_DIR / "static"]

LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_SAMESITE = "Lax"
# Only with FIRSTHAND_HTTPS: over HTTP, browsers do not send secure cookies, so nobody could sign in.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.boolean("FIRSTHAND_HTTPS")
# Only with FIRSTHAND_HTTPS: without a proxy that sets this header, any client could claim to use HTTPS.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.boolean("FIRSTHAND_HTTPS") else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY
# For static files and mail too: the default, 0644, ignores the umask.
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

DASHBOARD_SECTIONS = [
    "analytics.console.navigation.PEOPLE",
    "feedback.console.navigation.INBOX",
    "analytics.console.navigation.INSIGHTS",
    "analytics.console.navigation.SETTINGS",
]
DASHBOARD_SETTINGS_TABS = [
    "analytics.console.navigation.SETTINGS_TABS",
    "feedback.console.navigation.SETTINGS_TABS",
    "outbox.console.navigation.SETTINGS_TABS",
]
COMMENT_READER = "feedback.timeline_comments.TimelineComments"

API_RATE = env.integer("FIRSTHAND_API_RATE", 1200, least=1)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.auth.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.auth.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.body.JSONBody"],
    "DEFAULT_SCHEMA_CLASS": "api.describe.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["api.auth.KeyThrottle"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.negotiation.Negotiation",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "analytics.api.errors.respond",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Firsthand export API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["api.describe.add_components"],
    "SORT_OPERATION_PARAMETERS": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "config.logs.Formatter", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("FIRSTHAND_LOG_LEVEL", "WARNING")},
}
