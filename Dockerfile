# The image that runs fpctl on a schedule (docs/scheduling.md). Rules and exclusions are not in it:
# mount the repository at /work, or build an image on top that copies it there. The base is pinned: SECURITY.md says
# how to renew it.
FROM python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb AS build
WORKDIR /src
COPY requirements.hashes.txt pyproject.toml README.md LICENSE NOTICE ./
COPY src ./src
# What `fpctl demo` shows is part of the package.
COPY rules ./rules
COPY exclusions ./exclusions
# Every wheel is one whose hash is known, the build backend too, which is not needed any more when fpctl is built.
RUN python -m venv /opt/fpctl \
 && /opt/fpctl/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes \
    --only-binary :all: -r requirements.hashes.txt \
 && /opt/fpctl/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
 && /opt/fpctl/bin/python -m pip uninstall --yes hatchling trove-classifiers pathspec pluggy tomlkit \
 && /opt/fpctl/bin/python -m pip check \
 && /opt/fpctl/bin/python -m compileall -q /opt/fpctl/lib

FROM python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb
LABEL org.opencontainers.image.title="fpctl" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/fpctl /opt/fpctl
ENV PATH="/opt/fpctl/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin fpctl \
 && mkdir /work \
 && chown fpctl /work
USER 10001
WORKDIR /work
ENTRYPOINT ["fpctl"]
CMD ["--help"]
