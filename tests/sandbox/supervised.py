"""`python -m tests.sandbox.supervised <data_dir> <base_port> <script>…`: a supervisor over one Python script each.

A script finds its port in the variable PORT; one that begins with ANSWERS is waited for until it answers there.
STOP_WITHIN_S may shorten the supervisor's patience. Stands in for `postern run`, whose processes would only be slow.
"""

import os
import sys
from pathlib import Path

from app.core.config import Settings
from app.sandbox import supervisor
from app.sandbox.commands import Command
from app.sandbox.run import supervise

ANSWERS = "# answers\n"
SERVES = f"""{ANSWERS}
import http.server, os
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def main() -> None:
    supervisor.FIRST_PAUSE_S = 0.02
    supervisor.STOP_WITHIN_S = float(os.environ.get("STOP_WITHIN_S", supervisor.STOP_WITHIN_S))
    folder, base_port, *scripts = sys.argv[1:]
    settings = Settings(data_dir=Path(folder), base_port=int(base_port))
    wanted = [
        Command(
            name=f"number{index}",
            argv=(sys.executable, "-c", script),
            about=(f"http://127.0.0.1:{port}", "a process for tests"),
            ports={f"POSTERN_NUMBER{index}_PORT": port},
            ready_url=f"http://127.0.0.1:{port}/" if script.startswith(ANSWERS) else None,
            environment={"PORT": str(port)},
        )
        for index, script in enumerate(scripts)
        for port in (settings.base_port + index,)
    ]
    sys.exit(supervise(settings, wanted, prepare=lambda: None))


if __name__ == "__main__":
    main()
