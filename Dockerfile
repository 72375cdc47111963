# The image of `gazette serve`: `docker build -t gazette .`; README.md says how it is run.

FROM python:3.11.14-slim-bookworm AS packages
WORKDIR /build
COPY requirements-runtime.lock .
# The environment has no pip of its own: in the image nothing is installed any more.
RUN python -m venv --without-pip /opt/gazette && \
    pip --python /opt/gazette/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements-runtime.lock

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin gazette
COPY --from=packages /opt/gazette /opt/gazette
WORKDIR /app
COPY db db
COPY migrations migrations
COPY gql gql
ENV PATH=/opt/gazette/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATABASE_URL=sqlite:////data/gazette.db
USER 10001
# Where SQLite's file is, for as long as there is no DATABASE_URL.
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
# Without a shell in between, which would keep signals to itself: the server ends what it does, and then itself.
ENTRYPOINT ["python", "-m", "gql"]
CMD ["serve"]
