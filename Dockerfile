# riverrun in a container: docker build -t riverrun . && docker run --rm riverrun --help

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/riverrun
WORKDIR /src
# The dependencies alone first: a change of the code does not install them anew.
COPY pyproject.toml LICENSE ./
RUN /opt/riverrun/bin/pip install ".[avro,compiled]"
COPY topics topics
COPY learners learners
COPY agents agents
COPY app app
RUN /opt/riverrun/bin/pip install --no-deps --force-reinstall .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home riverrun \
    && install --directory --owner riverrun /var/cache/riverrun
COPY --from=build /opt/riverrun /opt/riverrun
USER riverrun
WORKDIR /home/riverrun
COPY pipelines pipelines
# Numba keeps what it compiled beside the code unless told: there nobody may write.
ENV PATH=/opt/riverrun/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/cache/riverrun \
    RIVERRUN_WORKER__WEB_PORT=6066
# What the pipeline has compiled takes half a minute of CPU: here, not at the first start.
RUN ["riverrun", "try", "pipelines/fraud.toml", "--source", "live", "--limit", "100"]
# A worker that gets SIGTERM ends its transaction, leaves the group and exits with 0.
STOPSIGNAL SIGTERM
# Workers and sinks have a page to ask; every other command is well while it runs.
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 \
    CMD ["python", "-P", "-m", "app.healthcheck"]
ENTRYPOINT ["riverrun"]
CMD ["--help"]
