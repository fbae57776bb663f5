# Two images from one file. A service:   docker build --target service --build-arg SERVICE=booking --build-arg SETTINGS=BOOKING .
#                        The sandboxes:  docker build --target sandbox .   (bank, SMS, registry, mail sink)
# All services share one layer of packages, those of deploy/service.lock; a change of code makes only the last, small
# layer again. Nothing is built or fetched in the final images, which have neither pip nor a compiler.

FROM python:3.13-slim AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/app PATH=/opt/venv/bin:$PATH
# /data is for volumes: a new volume takes the owner of the folder that it is mounted over.
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin dawr \
 && install -d -o dawr -g dawr -m 0700 /data
WORKDIR /app

FROM base AS builder
RUN python -m venv --without-pip /opt/venv
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

FROM builder AS service-packages
COPY deploy/service.lock /tmp/packages.lock
RUN --mount=type=cache,target=/root/.cache/pip \
    /usr/local/bin/python -m pip --python /opt/venv/bin/python install --no-deps --only-binary :all: --require-hashes -r /tmp/packages.lock

FROM builder AS sandbox-packages
COPY deploy/sandbox.lock /tmp/packages.lock
RUN --mount=type=cache,target=/root/.cache/pip \
    /usr/local/bin/python -m pip --python /opt/venv/bin/python install --no-deps --only-binary :all: --require-hashes -r /tmp/packages.lock

# The packages of this repository are plain namespace packages: laid side by side they need no build.
FROM base AS service-code
ARG SERVICE
COPY libs/contracts/src libs/servicekit/src services/${SERVICE}/src ./
COPY deploy/healthy.py ./
RUN python -m compileall -q --invalidation-mode unchecked-hash .

FROM base AS sandbox-code
COPY tools/src/dawr/tools/bank dawr/tools/bank
COPY tools/src/dawr/tools/mailsink dawr/tools/mailsink
COPY tools/src/dawr/tools/registry dawr/tools/registry
COPY tools/src/dawr/tools/sms dawr/tools/sms
COPY deploy/healthy.py ./
RUN python -m compileall -q --invalidation-mode unchecked-hash .

FROM base AS sandbox
COPY --from=sandbox-packages /opt/venv /opt/venv
COPY --from=sandbox-code /app /app
ENV BANK_HTTP_HOST=0.0.0.0 BANK_HTTP_PORT=8000 BANK_DATA_PATH=/data \
    SMS_HTTP_HOST=0.0.0.0 SMS_HTTP_PORT=8000 SMS_DATA_PATH=/data \
    REGISTRY_HTTP_HOST=0.0.0.0 REGISTRY_HTTP_PORT=8000 \
    MAILSINK_HTTP_HOST=0.0.0.0 MAILSINK_HTTP_PORT=8000 MAILSINK_SMTP_HOST=0.0.0.0 MAILSINK_PATH=/data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-IS", "/app/healthy.py", "/healthz"]
ENTRYPOINT ["python", "-m"]
CMD ["dawr.tools.bank"]

FROM base AS service
COPY --from=service-packages /opt/venv /opt/venv
ARG SERVICE
COPY --from=service-code /app /app
# SETTINGS is what the service's variables begin with: BOOKING for booking.
ARG SETTINGS
ENV SERVICE=${SERVICE} ${SETTINGS}_HTTP_HOST=0.0.0.0 ${SETTINGS}_HTTP_PORT=8000
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-IS", "/app/healthy.py", "/healthz"]
ENTRYPOINT ["/bin/sh", "-c", "exec python -m \"dawr.$SERVICE\" \"$@\"", "dawr"]
CMD ["run"]
