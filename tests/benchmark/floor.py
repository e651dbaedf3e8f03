# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The floor: what curl needs to send the same. It has its token before it starts, compares nothing and verifies nothing."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import cloud
import settings
from catalogue import Image
from contestants import Contestant
from measuring import Command, clean_environment


def one_by_one(images: list[Image], folder: Path) -> Command:
    """For each image two processes of curl: its record, then its data."""
    curl = "curl --silent --show-error --fail --output /dev/null --header @headers --header 'Content-Type: {}' {}"
    lines = ["set -eu"]
    for image_id, image in _recorded(images, folder):
        lines.append(curl.format("application/json", f"--data @{image_id}.json {_images_url()}"))
        lines.append(
            curl.format("application/octet-stream", f"--upload-file '{image.file}' {_images_url()}/{image_id}/file")
        )
    script = folder / "curl.sh"
    script.write_text("\n".join(lines) + "\n")
    return Command(["bash", str(script)], clean_environment())


def in_parallel(images: list[Image], folder: Path) -> Command:
    """One process for all records, one for all data, both with as many transfers at a time as we have workers."""
    records, uploads = [], []
    common = 'silent\nshow-error\nfail\noutput = "/dev/null"\nheader = "@headers"\n'
    for image_id, image in _recorded(images, folder):
        records.append(
            f'{common}header = "Content-Type: application/json"\ndata = "@{image_id}.json"\nurl = "{_images_url()}"\n'
        )
        upload = f'upload-file = "{image.file}"\nurl = "{_images_url()}/{image_id}/file"\n'
        uploads.append(f'{common}header = "Content-Type: application/octet-stream"\n{upload}')
    (folder / "records.curl").write_text("next\n".join(records))
    (folder / "uploads.curl").write_text("next\n".join(uploads))
    curl = f"curl --parallel --parallel-max {settings.WORKERS} --config"
    script = folder / "curl.sh"
    script.write_text(f"set -eu\n{curl} records.curl\n{curl} uploads.curl\n")
    return Command(["bash", str(script)], clean_environment())


def upload_alone(images: list[Image], folder: Path) -> Command:
    """The data of one image, into a record that is there already."""
    ((image_id, image),) = _recorded(images, folder)
    cloud.member().http("POST", "/v2/images", json=json.loads((folder / f"{image_id}.json").read_text()))
    headers = ["--header", "@headers", "--header", "Content-Type: application/octet-stream"]
    words = ["curl", "--silent", "--show-error", "--fail", "--upload-file", str(image.file), *headers]
    return Command([*words, f"{_images_url()}/{image_id}/file"], clean_environment())


def _recorded(images: list[Image], folder: Path) -> list[tuple[str, Image]]:
    """Files with the bodies of the POSTs. Glance takes an id only once, so each run has ids of its own."""
    (folder / "headers").write_text(f"X-Auth-Token: {cloud.token()}\n")
    recorded = [(str(uuid.uuid4()), image) for image in images]
    for image_id, image in recorded:
        (folder / f"{image_id}.json").write_text(json.dumps({"id": image_id, **cloud.record(image)}))
    return recorded


def _images_url() -> str:
    return f"{cloud.member().url}/v2/images"


ONE_BY_ONE = Contestant("curl, one by one", one_by_one, loops=True)
IN_PARALLEL = Contestant("curl, in parallel", in_parallel)
UPLOAD_ALONE = Contestant("curl, only the data", upload_alone)
