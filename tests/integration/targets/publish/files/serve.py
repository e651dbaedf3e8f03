# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""serve.py FOLDER STATE: serves a folder on a free port of loopback.

STATE.json gets port and process id once it listens; STATE.log gets a line for each request.
"""

import functools
import http.server
import json
import os
import pathlib
import sys

folder, state = sys.argv[1:]
log = pathlib.Path(state + ".log")


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, form, *values):
        with log.open("a") as lines:
            lines.write(form % values + "\n")


log.touch()
with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
    written = pathlib.Path(state + ".json.new")
    written.write_text(json.dumps({"port": server.server_port, "pid": os.getpid()}))
    written.rename(state + ".json")
    server.serve_forever()
