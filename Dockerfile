# One image for all four services; compose picks the command.
#   docker build .                      everything is fetched and built inside
#   docker build --target prebuilt .    no network: first `node tools/prepare-image.mjs` in a checkout that is built
ARG NODE_IMAGE=node:24.18.1-bookworm-slim

FROM ${NODE_IMAGE} AS base
# Agents work in git repositories.
RUN command -v git >/dev/null || (apt-get update \
    && apt-get install -y --no-install-recommends git ca-certificates && rm -rf /var/lib/apt/lists/*)
# The directories are made here so that new volumes belong to this user.
RUN useradd --uid 10001 --create-home --shell /bin/sh orbitmesh \
    && mkdir -p /var/lib/orbitmesh /workspace && chown orbitmesh /var/lib/orbitmesh /workspace && chmod 700 /var/lib/orbitmesh
ENV NODE_ENV=production ORBITMESH_HOME=/var/lib/orbitmesh UV_THREADPOOL_SIZE=16
WORKDIR /opt/orbitmesh

# Before the stage that builds: the classic builder runs every stage above its target.
FROM base AS prebuilt
COPY .cache/image/ ./
USER orbitmesh

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY . .
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund \
    && node node_modules/typescript7/bin/tsc -b \
    && node tools/prepare-image.mjs /out

FROM base AS runtime
COPY --from=build /out/ ./
USER orbitmesh
