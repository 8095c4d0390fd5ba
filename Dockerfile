# Build: docker build -t throttlewatch .   Run: see docs/install.md, "In a container".
#
# The base is named by its digest, which is that of the list for all architectures. Before you take a
# newer one, ask the registry: docker buildx imagetools inspect python:3.11-slim-bookworm
ARG BASE=python:3.11.16-slim-bookworm@sha256:528257d48c1da0dcecc2e725d1ae34498d60c965f1241e39cd6a85a8859bdf84

FROM ${BASE} AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/quic.txt ./requirements/
# Only the files whose hashes stand there, and only wheels: nothing that is fetched is carried out.
RUN python -m venv /opt/throttlewatch \
    && /opt/throttlewatch/bin/pip install --require-hashes --only-binary :all: -r requirements/quic.txt
COPY pyproject.toml compose.yaml *.md CITATION.cff LICENSE ./
COPY docs ./docs
COPY config ./config
COPY probe ./probe
RUN /opt/throttlewatch/bin/pip install --no-deps --no-build-isolation .

FROM ${BASE}
LABEL org.opencontainers.image.title="throttlewatch" \
    org.opencontainers.image.description="Measures, from inside networks, whether X, Facebook, Instagram or YouTube are being throttled, and proves it." \
    org.opencontainers.image.documentation="throttlewatch files FOLDER writes it out" \
    org.opencontainers.image.licenses="Apache-2.0"
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
