"""nginx with Waybill's own pages as plain files: what the machine can do when nothing is computed."""

import gzip
import os
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks.client import JSON, get
from tests.benchmarks.machine import need, run
from tests.benchmarks.servers import Server, Setup
from tests.benchmarks.waybill import Waybill

_CONFIGURATION = """\
{user}worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/errors.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 100000000;
  open_file_cache max=50000 inactive=10m;
  open_file_cache_valid 10m;
  default_type application/octet-stream;
  types {{ text/html html; application/vnd.pypi.simple.v1+json json; }}
  map $http_accept $page {{ default index.html; ~*application/vnd\\.pypi\\.simple\\.v1\\+json index.json; }}
  client_body_temp_path {folder}/temp-body;
  proxy_temp_path {folder}/temp-proxy;
  fastcgi_temp_path {folder}/temp-fastcgi;
  uwsgi_temp_path {folder}/temp-uwsgi;
  scgi_temp_path {folder}/temp-scgi;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/pages;
    location /python/simple/ {{
      gzip_static on;
      gzip_vary on;
      add_header Vary Accept;
      rewrite "^(?<path>.*)/$" $path/$page break;
    }}
    location /python/files/ {{ }}
  }}
}}
"""


class Nginx(Server):
    """Static files: pages compressed beforehand, file handles cached, sent by the kernel."""

    name = "nginx"
    takes_uploads = False

    def __init__(self, setup: Setup, original: Waybill) -> None:
        super().__init__(setup)
        self._original = original

    def install(self) -> str:
        need("nginx")
        return run("sh", "-c", "nginx -v 2>&1").strip().rpartition("/")[2]

    def create(self) -> None:
        (self.folder / "pages").mkdir()

    def fill(self) -> None:
        """Save every page and link every file under the address it has at Waybill."""
        pages = self.folder / "pages"
        with self._original.running(filled=True, core=None) as waybill:
            for url in [waybill.index_url, *map(waybill.page, self.setup.corpus.projects())]:
                folder = pages / urlsplit(url).path[1:]
                folder.mkdir(parents=True, exist_ok=True)
                for kind, accept in (("html", "text/html"), ("json", JSON)):
                    body = get(url, {**waybill.credentials, "Accept": accept}).body
                    (folder / f"index.{kind}").write_bytes(body)
                    (folder / f"index.{kind}.gz").write_bytes(gzip.compress(body, 9, mtime=0))
            for item in self.setup.corpus.items:
                path = pages / "python" / "files" / item.sha256 / item.filename
                path.parent.mkdir(parents=True)
                os.link(self.setup.corpus.path(item), path)
            self._save_metadata(waybill, pages)

    def command(self) -> list[str | Path]:
        path = self.folder / "nginx.conf"
        user = "user root;\n" if os.geteuid() == 0 else ""  # its worker would else be a user who may not read here
        path.write_text(_CONFIGURATION.format(folder=self.folder, port=self.port, user=user))
        return ["nginx", "-e", self.folder / "errors.log", "-c", path]

    @property
    def index_url(self) -> str:
        return f"{self.url}/python/simple/"

    def _save_metadata(self, waybill: Waybill, pages: Path) -> None:
        """Save the core metadata of what the installs ask for; nothing else asks."""
        for project in list(self.setup.corpus.projects())[:50]:
            for name, url in get(waybill.page(project), waybill.credentials).links().items():
                answer = get(f"{url}.metadata", waybill.credentials)
                if answer.status == 200:
                    (pages / urlsplit(url).path[1:]).with_name(f"{name}.metadata").write_bytes(answer.body)
