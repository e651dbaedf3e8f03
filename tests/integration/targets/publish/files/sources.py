# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sources.py FOLDER: makes what the tests publish, in FOLDER/served, and tells the digests of the unpacked raw disks."""

import hashlib
import json
import lzma
import pathlib
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
served = folder / "served"
served.mkdir()
digests = {}
for number, name in enumerate(("first", "second"), 1):
    raw = folder / "disk.raw"
    raw.write_bytes(bytes(65536) + bytes([number]) * 65536 + bytes(4 * 1024 * 1024))
    digests[name] = hashlib.sha512(raw.read_bytes()).hexdigest()
    qcow2 = folder / f"{name}.qcow2"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2], check=True)
    (folder / f"{name}.qcow2.xz").write_bytes(lzma.compress(qcow2.read_bytes()))

packed = (folder / "first.qcow2.xz").read_bytes()
(served / "disk.qcow2.xz").write_bytes(packed)
(served / "corrupt.qcow2.xz").write_bytes(packed[: len(packed) // 2])
names = {"disk.qcow2.xz": packed, "corrupt.qcow2.xz": packed[: len(packed) // 2], "gone.qcow2.xz": b"gone"}
sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in names.items()]
(served / "SHA256SUMS").write_text("".join(sums))
packed = (folder / "second.qcow2.xz").read_bytes()
(folder / "SHA256SUMS.second").write_text(f"{hashlib.sha256(packed).hexdigest()}  disk.qcow2.xz\n")
print(json.dumps(digests))
