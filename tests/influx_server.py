"""Debian's InfluxDB 1.6 on free ports of this machine, behind an nginx that gives it the write endpoint of newer ones.

influxdb-client writes to /api/v2/write, which InfluxDB has since 1.8; the proxy turns that into /write. Everything
else reaches the server as it is.
"""

import http.client
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.mosquitto_server import free_port, need, wait_for_port

INFLUXD = shutil.which("influxd")
NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)

INFLUXD_CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{backup_port}"
[meta]
dir = "{folder}/meta"
logging-enabled = false
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{direct_port}"
log-enabled = false
[monitor]
store-enabled = false
[logging]
level = "error"
"""

# No client_max_body_size: the 1 MB that nginx allows by itself is what a store meets in the field.
NGINX_CONFIG = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port};
        location = /api/v2/write {{
            rewrite ^ /write?db=$arg_bucket&precision=$arg_precision? break;
            proxy_pass http://127.0.0.1:{direct_port};
        }}
        location / {{ proxy_pass http://127.0.0.1:{direct_port}; }}
    }}
}}
"""


class Influx:
    """`url` for a store, `http_url` for everybody else (Grafana's queries). Data survive `stop` and `start`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.direct_port = free_port(), free_port()
        places = {
            "folder": folder, "port": self.port, "direct_port": self.direct_port, "backup_port": free_port(),
        }  # fmt: skip
        (folder / "influxdb.conf").write_text(INFLUXD_CONFIG.format(**places))
        (folder / "nginx.conf").write_text(NGINX_CONFIG.format(**places))
        self._influxd: subprocess.Popen[bytes] | None = None
        self._nginx: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"influxdb://127.0.0.1:{self.port}"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Influx":
        """Starts what does not run, and returns when it answers."""
        influxd, nginx = need(INFLUXD, "influxd"), need(NGINX, "nginx")
        if self._influxd is None:
            self._influxd = self._run([influxd, "-config", str(self.folder / "influxdb.conf")])
        if self._nginx is None:
            self._nginx = self._run([nginx, "-e", f"{self.folder}/nginx.log", "-c", f"{self.folder}/nginx.conf"])
        wait_for_port(self.direct_port, self._influxd, timeout_s=60)
        wait_for_port(self.port, self._nginx)
        self._wait_for_answer()
        return self

    def stop(self, kill: bool = False, proxy: bool = True) -> None:
        """Ends the server; without its proxy (`proxy=False`), which then answers 502 in its place."""
        if self._influxd is not None:
            self._influxd.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self._influxd.wait(30)
            self._influxd = None
        if proxy and self._nginx is not None:
            self._nginx.send_signal(signal.SIGTERM)
            self._nginx.wait(10)
            self._nginx = None

    def _run(self, arguments: list[str]) -> "subprocess.Popen[bytes]":
        with (self.folder / "servers.log").open("ab") as log:
            return subprocess.Popen(arguments, stdout=log, stderr=log)

    def _wait_for_answer(self, timeout_s: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/ping")
                if connection.getresponse().status == 204:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        raise RuntimeError(f"InfluxDB does not answer: {(self.folder / 'servers.log').read_text()[-2000:]}")
