# The image that runs fpctl on a schedule (docs/scheduling.md). Rules and exclusions are not in it:
# mount the repository at /work, or build an image on top that copies it there.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE NOTICE ./
COPY src ./src
RUN python -m venv /opt/fpctl \
 && /opt/fpctl/bin/python -m pip install --no-cache-dir --disable-pip-version-check -c constraints.txt '.[kusto,postgres]' \
 && /opt/fpctl/bin/python -m compileall -q /opt/fpctl/lib

FROM python:3.13-slim-bookworm
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
