# One image for gateway, monitor, dashboards, simulated lamps and tools; the command says which.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/trezor
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE trezor.py trezor_demo.py trezor_run.py trezor_wiring.py ./
COPY gateway gateway
COPY monitor monitor
COPY dashboards dashboards
COPY firmware_sim firmware_sim
COPY scorecard scorecard
COPY deploy deploy
RUN /opt/trezor/bin/pip install --constraint requirements.lock .

FROM python:3.11-slim-bookworm
COPY --from=build /opt/trezor /opt/trezor
# Compose runs it as whoever provisioned, whose number is not known here: what it writes to is open to all inside.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin trezor \
 && mkdir --mode 1777 /var/lib/trezor /var/lib/trezor/slots /var/lib/trezor/alerts
ENV PATH=/opt/trezor/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/trezor
ENTRYPOINT ["trezor"]
CMD ["--help"]
