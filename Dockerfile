# One image for web, worker and beat: docker-compose.yml says which a container is.
FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

# A user of its own, without rights to anything but its data.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin flowfinity \
    && install --directory --owner flowfinity --mode 700 /data

WORKDIR /site
# What is installed changes less often than the code, so it is a layer below.
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir -r requirements.txt
COPY manage.py CHANGELOG.md LICENSE ./
COPY locale locale
COPY leads leads
COPY integration integration
COPY flowfinity flowfinity

USER flowfinity
ENV DATA_DIR=/data HOST=0.0.0.0 PORT=8000
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz', timeout=5)"]
CMD ["python", "manage.py", "serve"]
