# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""look.py PREFIX [remove]: tells or removes the images whose names begin with PREFIX, by plain HTTP.

Address, token and project come from the environment, for command lines can be seen.
"""

import json
import os
import pathlib
import sys
import urllib.request

prefix = sys.argv[1]
glance = os.environ["TEST_GLANCE"] + "/v2/images"


def ask(url, method="GET"):
    headers = {"X-Auth-Token": os.environ["TEST_TOKEN"]}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers, method=method), timeout=600) as answer:
        return json.loads(answer.read() or "null")


found = []
for hidden in ("false", "true"):
    listed = ask(f"{glance}?owner={os.environ['TEST_PROJECT']}&os_hidden={hidden}&limit=1000")["images"]
    found += [image for image in listed if image["name"].startswith(prefix)]
if "remove" in sys.argv:
    for image in found:
        ask(f"{glance}/{image['id']}", "DELETE")
else:
    for image in found:
        if image["visibility"] == "shared":
            image["members"] = [member["member_id"] for member in ask(f"{glance}/{image['id']}/members")["members"]]


def lines(path, *wanted):
    log = path.read_text().splitlines() if path.exists() else []
    return sum(any(word in line for word in wanted) for line in log)


folder = pathlib.Path(os.environ["TEST_FOLDER"])
told = {
    "images": found,
    "downloads": lines(folder / "server.log", "GET /disk"),
    "writes": lines(pathlib.Path(os.environ["TEST_LOG"]), " POST ", " PUT ", " PATCH ", " DELETE "),
    "logins": lines(pathlib.Path(os.environ["TEST_LOG"]).with_name("keystone-access.log"), " POST /v3/auth/tokens"),
    "left": [path.name for path in folder.glob("work/*")],
}
print(json.dumps(told))
