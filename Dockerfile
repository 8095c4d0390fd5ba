# Build: docker build -t throttlewatch .   Run: see README.md, "In a container".
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY config ./config
COPY probe ./probe
RUN python -m venv /opt/throttlewatch \
    && /opt/throttlewatch/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home --shell /usr/sbin/nologin throttlewatch \
    && install -d -m 0700 -o throttlewatch -g throttlewatch /var/lib/throttlewatch
COPY --from=build /opt/throttlewatch /opt/throttlewatch
ENV PATH=/opt/throttlewatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STATE_DIRECTORY=/var/lib/throttlewatch \
    THROTTLEWATCH_LISTEN=127.0.0.1:9880
USER throttlewatch
VOLUME /var/lib/throttlewatch
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['THROTTLEWATCH_LISTEN'].rsplit(':', 1)[1] + '/-/healthy', timeout=4)"]
ENTRYPOINT ["throttlewatch"]
CMD ["run"]
