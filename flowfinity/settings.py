"""One module, every knob an environment variable; the composition root, which names the other rooms by string only."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from flowfinity import environment, logs

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(environment.text("DATA_DIR") or BASE_DIR / "var")
DATA_DIR.mkdir(parents=True, exist_ok=True)

VERSION = next(
    line.split()[1] for line in (BASE_DIR / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")
)

DEBUG = environment.switch("DEBUG")
SECRET_KEY = environment.secret_key(DATA_DIR)
PUBLIC_URL = environment.public_url()
SITE_NAME = environment.text("SITE_NAME", "Flowfinity")
# How many proxies of one's own stand in front: the client's address is that many from the end of X-Forwarded-For.
TRUSTED_PROXIES = environment.whole("TRUSTED_PROXIES", 0)
ALLOWED_HOSTS = [
    *filter(None, [urlsplit(PUBLIC_URL).hostname]),
    *filter(None, environment.text("ALLOWED_HOSTS").split(",")),
    "localhost",
    "127.0.0.1",
    "[::1]",
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
# Nothing under /api may ever redirect (contract, Addresses), so HTTPS is the proxy's to enforce.
SECURE_SSL_REDIRECT = False
APPEND_SLASH = True

INSTALLED_APPS = [
    "flowfinity",
    "integration",
    "leads",
    "flowfinity.configure.apps.ConfigureConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_filters",
    "rest_framework",
    "csp",
]

MIDDLEWARE = [
    "flowfinity.requests.RequestLine",
    "django.middleware.security.SecurityMiddleware",
    "flowfinity.requests.Straight",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "flowfinity.requests.Squeezed",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "flowfinity.workspace.preferences.Preferences",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]

# Where no page is: straight to the endpoint.
STRAIGHT_PREFIXES = ("/api/apps/",)

ROOT_URLCONF = "flowfinity.urls"
WSGI_APPLICATION = "flowfinity.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "flowfinity.workspace.context.site",
            ]
        },
    }
]

DATABASES = {"default": environment.database(DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What fills an empty site once; named by string, since the platform knows nothing of the demo.
DEMO_COMMAND = "load_demo"
# What knows who listens to an app, before many submissions go to it; named by string, since that is integration's.
PACE = "integration.pacing.advice"
# What other rooms show on pages of Configure, by page: functions of the request and of what the page is about.
CONFIGURE_PANELS: dict[str, list[str]] = {
    "home": ["integration.configure.home.home"],
    "publish": ["integration.configure.panels.publish"],
}

REDIS_URL = environment.text("REDIS_URL")
if REDIS_URL and urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    raise ImproperlyConfigured("REDIS_URL must start with redis://, rediss:// or unix://.")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # One that is away must not hold up whoever asks.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# Redis is Celery's broker. Nothing is promised there: a bell that is lost rings again within seconds.
CELERY_BROKER_URL = REDIS_URL or None
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker waits for Redis as long as it takes; a submission rings once, and does not wait (without max_retries: 6 s).
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 5, "max_retries": 0}
CELERY_BEAT_SCHEDULE = {
    # While no worker is there, one sweep is not kept waiting behind another.
    "sweep": {"task": "integration.hooks.tasks.sweep", "schedule": 5.0, "options": {"expires": 5.0}},
    "jobs": {"task": "flowfinity.tasks.sweep", "schedule": 5.0, "options": {"expires": 5.0}},
    "alarms": {"task": "integration.tasks.look_after_clients", "schedule": 60.0, "options": {"expires": 60.0}},
    # Far more often than needed: a beat that is restarted every day begins to count anew.
    "prune": {"task": "integration.tasks.prune", "schedule": 3_600.0, "options": {"expires": 60.0}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat")
# Written at each sweep, so that its time tells whether beat is alive.
CELERY_BEAT_SYNC_EVERY = 1

AUTH_USER_MODEL = "flowfinity.User"
AUTHENTICATION_BACKENDS = ["flowfinity.accounts.PeopleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

SENDS_MAIL = bool(environment.text("EMAIL_URL"))
# Django's EMAIL_* and DEFAULT_FROM_EMAIL.
globals().update(environment.mail())

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["flowfinity.formats"]
TIME_ZONE = environment.time_zone()
USE_I18N = True
USE_TZ = True
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
FILES_BUCKET = environment.text("FILES_BUCKET")
# How long a file's signed URL works.
FILE_URL_SECONDS = environment.whole("FILE_URL_SECONDS", 86_400, least=60)
STORAGES = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": FILES_BUCKET,
            "endpoint_url": environment.text("FILES_ENDPOINT_URL") or None,
            "access_key": environment.text("FILES_ACCESS_KEY") or None,
            "secret_key": environment.text("FILES_SECRET_KEY") or None,
            "region_name": environment.text("FILES_REGION") or None,
        },
    }
    if FILES_BUCKET
    else {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files", "file_permissions_mode": 0o600},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/api"],
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [SELF],
        "form-action": [SELF],
    },
}

REST_FRAMEWORK: dict[str, object] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": [],
    "EXCEPTION_HANDLER": "integration.rest.errors.answer",
    "UNAUTHENTICATED_USER": None,
}
# What the schema of the API says of itself; its paths come from what is enabled (integration/rest/schema.py).
SPECTACULAR_SETTINGS: dict[str, object] = {
    "POSTPROCESSING_HOOKS": [],
    "OAS_VERSION": "3.1.1",
    "TITLE": f"{SITE_NAME} API",
    "VERSION": VERSION,
    "DESCRIPTION": "What is enabled for REST on this site, now. JSON is the only thing spoken; nothing redirects; app, "
    "view, operation and field names are matched without regard to case. Every answer has an `X-Request-Id`.",
}
# The contract's limits: a body's bytes, and wrong passwords a minute for one account and address.
API_BODY_LIMIT = 10 * 1024 * 1024
API_WRONG_PASSWORDS_A_MINUTE = environment.whole("API_WRONG_PASSWORDS_A_MINUTE", 30, least=1)
# None by default: a rate that a busy Zap meets holds records up.
API_CALLS_A_MINUTE = environment.whole("API_CALLS_A_MINUTE", 0)
DATA_UPLOAD_MAX_MEMORY_SIZE = API_BODY_LIMIT

# For tests and intranets: hooks may go to plain HTTP and to private addresses.
HOOKS_ALLOW_PRIVATE = environment.switch("HOOKS_ALLOW_PRIVATE")
# How long it is kept what was delivered, and who polled and was refused (integration/retention.py).
HOOKS_KEEP_DAYS = environment.whole("HOOKS_KEEP_DAYS", 30, least=1)
LOG_KEEP_DAYS = environment.whole("LOG_KEEP_DAYS", 90, least=1)

LOG_FORMAT = environment.choice("LOG_FORMAT", ("json", "text"), "text" if sys.stderr.isatty() else "json")
LOGGING = logs.configuration(LOG_FORMAT)
