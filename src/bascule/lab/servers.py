# SPDX-License-Identifier: Apache-2.0
"""Real servers that answer with their name: nginx, with a configuration and a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

from bascule.errors import KernelRefusedError
from bascule.lab.network import LabHost
from bascule.lab.waiting import wait_for

NGINX = "nginx"
DEADLINE_SECONDS = 10.0

CONFIGURATION = """\
# One process that serves; every connection ends with its answer, as the demonstration counts connections.
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_timeout 0;
    server {{
        listen {port};
        default_type text/plain;
        location / {{ return 200 "{name}\\n"; }}
    }}
}}
"""


class Nginx:
    """nginx in one host. It ends with the host's network at the latest."""

    def __init__(self, host: LabHost, port: int = 80) -> None:
        """Nothing is started yet."""
        self.host = host
        self.port = port
        self._folder = host.folder / "nginx"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens. Raises KernelRefusedError where nginx is missing, WaitedTooLongError."""
        if shutil.which(NGINX) is None:
            raise KernelRefusedError("nginx is missing: install nginx")
        self._folder.mkdir(exist_ok=True)
        configuration = self._folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(folder=self._folder, port=self.port, name=self.host.name))
        command = [NGINX, "-p", str(self._folder), "-c", str(configuration), "-e", str(self._folder / "error.log")]
        self._process = self.host.popen(command, log="nginx")
        wait_for(self.listens, DEADLINE_SECONDS, f"nginx on {self.host.name} to listen", evidence=self._evidence)

    def listens(self) -> bool:
        """Whether a socket listens on the port in this host."""
        shown = self.host.run(["ss", "-Hltn", f"sport = :{self.port}"]).stdout
        return bool(shown.strip())

    def stop(self) -> None:
        """Stop it at once; connections to its port are then refused."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGTERM)
        self._process.wait(DEADLINE_SECONDS)
        self._process = None
        wait_for(lambda: not self.listens(), DEADLINE_SECONDS, f"nginx on {self.host.name} to be gone")

    def answered(self) -> int:
        """Requests that it has answered since its first start, by its own log."""
        log = self._folder / "access.log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def _evidence(self) -> str:
        return self.host.log_file("nginx").read_text()
