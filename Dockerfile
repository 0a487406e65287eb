# The server's roles: one image, the role is the command. The gateway does not need it: it installs from the same source
# with the extra "gateway".
ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN python -m venv /opt/kehai
COPY requirements/build.txt requirements/server.txt /src/requirements/
# Each requirement is pinned to an exact version and checked against its hash.
RUN /opt/kehai/bin/pip install --require-hashes -r /src/requirements/build.txt \
 && /opt/kehai/bin/pip install --require-hashes -r /src/requirements/server.txt
COPY . /src
WORKDIR /src
RUN /opt/kehai/bin/python scripts/fetch-frontend \
 && /opt/kehai/bin/pip install --no-deps --no-build-isolation --no-index .

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="Kehai" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /var/lib/kehai --create-home kehai
COPY --from=build /opt/kehai /opt/kehai
ENV PATH=/opt/kehai/bin:$PATH PYTHONUNBUFFERED=1
USER kehai
VOLUME /var/lib/kehai
EXPOSE 8000
ENTRYPOINT ["kehai"]
CMD ["--help"]
