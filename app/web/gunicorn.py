"""gunicorn's configuration for the portal, in development and in production.

`gunicorn -c python:app.web.gunicorn "app.portal:create_app()"`. Names without an underscore are gunicorn's settings
(https://docs.gunicorn.org/en/stable/settings.html). A reverse proxy belongs in front: a few hundred slow connections
fill the threads of a bare gunicorn (docs/operate/production.md).
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from gunicorn import glogging

from app.core import logs
from app.core.config import load
from app.core.errors import Invalid

try:
    _settings = load()
except Invalid as problem:
    sys.exit(problem.message)

logs.set_up(level=_settings.log_level, as_json=_settings.logs_json)

_metrics_folder = Path(_settings.data_dir) / "metrics" / f"portal-{_settings.portal_port}"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics_folder)  # before prometheus_client is first imported


class _Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own lines, in our form."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401  (gunicorn's own)
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True


proc_name = "postern-portal"
bind = f"{_settings.bind_host}:{_settings.portal_port}"
workers = _settings.portal_workers
worker_class = "gthread"
threads = _settings.portal_threads
timeout = 30  # a worker whose threads are all stuck for so long is replaced
graceful_timeout = 30
keepalive = 15
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  (heartbeats, kept off slow disks)
control_socket_disable = True

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
header_map = "drop"  # names with an underscore, which could pass for another header

# Who the client is and whether it came by https is decided in one place, web.limits, by POSTERN_PROXY_HOPS.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

logger_class = _Logger
loglevel = "warning"
accesslog = None


def on_starting(_server: object) -> None:
    """Begin counting afresh: files of the previous run would be added to this one's."""
    shutil.rmtree(_metrics_folder, ignore_errors=True)
    _metrics_folder.mkdir(parents=True)


def post_worker_init(worker: Any) -> None:  # noqa: ANN401  (gunicorn's own)
    """Compile the templates before the first reader waits for it, and let this worker answer for the metrics of all.

    Through the application: nothing here may import prometheus_client, see `_metrics_folder`.
    """
    for name in worker.wsgi.jinja_env.list_templates(extensions=["html"]):
        worker.wsgi.jinja_env.get_template(name)
    worker.wsgi.extensions["postern.metrics"](_settings.metrics_host, _settings.portal_metrics_port)
