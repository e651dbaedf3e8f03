# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Magic numbers: by which bytes a file shows what it holds. Tables only.

Each row is ``(name, kind, ((offset, bytes), ...))``; all of its pairs must be there. Facts are those of the specification
or of the header file that is named above each group; the numbers are public and the same in file(1) and blkid(8). What
Glance names itself (qcow2, vmdk, vdi, vhd, vhdx, iso) is not here: oslo.utils knows it.
"""

from __future__ import annotations

import typing as t

#: ``volume``: a disk or what lies on one, which Glance calls raw; ``image``: a disk in a format that is not supported here.
Kind = t.Literal["volume", "archive", "packed", "image", "format", "kernel", "program", "document", "text"]

Row = tuple[str, Kind, tuple[tuple[int, bytes], ...]]

_KIB = 1024


def _at(offset: int, *magics: bytes) -> tuple[tuple[tuple[int, bytes], ...], ...]:
    """Alternatives at one offset."""
    return tuple(((offset, magic),) for magic in magics)


def _rows(kind: Kind, table: dict[str, tuple[tuple[tuple[int, bytes], ...], ...]]) -> tuple[Row, ...]:
    return tuple((name, kind, each) for name, alternatives in table.items() for each in alternatives)


#: Told by the first bytes, or by bytes that nothing else has at their place. They count before a partition table.
FIRST: tuple[Row, ...] = (
    # PKWARE APPNOTE 4.3.7, 4.3.16 and 8.5; 7zFormat.txt; RAR 5.0 archive format; MS-CAB; xar; ar(5), deb(5); LSB (rpm);
    # cpio(5); ARJ TECHNOTE; LHA header; WIM file format (Microsoft); ZPAQ; Proxmox vma_spec.txt; dump headers of zfs and btrfs
    *_rows(
        "archive",
        {
            "zip": _at(0, b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\7\10", b"PK00PK\3\4"),
            "7z": _at(0, b"7z\xbc\xaf\x27\x1c"),
            "rar": _at(0, b"Rar!\x1a\x07"),
            "cab": _at(0, b"MSCF\0\0\0\0", b"ISc("),
            "xar": _at(0, b"xar!"),
            "deb": (((0, b"!<arch>\ndebian"),),),
            "ar": _at(0, b"!<arch>\n", b"!<thin>\n"),
            "rpm": _at(0, b"\xed\xab\xee\xdb"),
            "cpio": _at(0, b"070701", b"070702", b"070707"),
            "arj": (((0, b"\x60\xea"), (10, b"\2")),),
            "lha": _at(2, b"-lh0-", b"-lh1-", b"-lh4-", b"-lh5-", b"-lh6-", b"-lh7-", b"-lhd-", b"-lzs-", b"-lz5-"),
            "zoo": _at(20, b"\xdc\xa7\xc4\xfd"),
            "ace": _at(7, b"**ACE**"),
            "wim": _at(0, b"MSWIM\0\0\0", b"WLPWM\0\0\0"),
            "zpaq": _at(0, b"7kSt\xa0", b"zPQ"),
            "vma": _at(0, b"VMA\0"),
            "zfs send stream": _at(8, b"\xac\xcb\xba\xf5\x02\0\0\0", b"\0\0\0\x02\xf5\xba\xcb\xac"),
            "btrfs send stream": _at(0, b"btrfs-stream\0"),
            "xfsdump": _at(0, b"xFSdump0"),
        },
    ),
    # LZ4 frame format; lzip and lzop manuals; snappy framing_format.txt; lrzip, rzip, bzip3 headers; Apple lzfse.h
    *_rows(
        "packed",
        {
            "lz4": _at(0, b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18", b"\x03\x21\x4c\x18"),
            "lzip": _at(0, b"LZIP\1", b"LZIP\0"),
            "lzop": _at(0, b"\x89LZO\0\r\n\x1a\n"),
            "snappy": _at(0, b"\xff\x06\0\0sNaPpY"),
            "lrzip": _at(0, b"LRZI"),
            "rzip": _at(0, b"RZIP"),
            "bzip3": _at(0, b"BZ3v1"),
            "lzfse": _at(0, b"bvx2", b"bvx1", b"bvxn", b"bvx-"),
            "openssl enc": _at(0, b"Salted__"),
            "age": _at(0, b"age-encryption.org/"),
        },
    ),
    # libewf documentation; AFFLIB; partclone image_format; partimage; WIM aside, fsarchiver; VMware VDDK and open-vm-tools;
    # QEMU block/{parallels,bochs,cloop}.c and migration; Xen libxc-migration-stream; libvirt qemu_saveimage.h; AOSP sparse_format.h
    *_rows(
        "image",
        {
            "ploop": _at(0, b"WithoutFreeSpace", b"WithouFreSpacExt"),
            "ewf": _at(0, b"EVF\x09\x0d\x0a\xff\0", b"EVF2\r\n\x81\0", b"LVF\x09\x0d\x0a\xff\0", b"LEF2\r\n\x81\0"),
            "aff": _at(0, b"AFF10\r\n\0", b"AFF11\r\n\0", b"AFFLIB"),
            "partclone": _at(0, b"partclone-image"),
            "partimage": _at(0, b"PaRtImAgE-VoLuMe"),
            "fsarchiver": _at(0, b"FsA0"),
            "cowd": _at(0, b"COWD"),
            "sesparse": _at(0, b"\xbe\xba\xfe\xca\0\0\0\0"),
            "vmware state": _at(0, b"\xd0\xbe\xd2\xbe", b"\xd1\xba\xd1\xba", b"\xd2\xbe\xd2\xbe", b"\xd3\xbe\xd3\xbe"),
            "virtualbox state": _at(0, b"\x7fVirtualBox SavedState"),
            "bochs": _at(0, b"Bochs Virtual HD Image"),
            "cloop": _at(0, b"#!/bin/sh\n#V2.0 Format\n"),
            "xen state": _at(0, b"\xff\xff\xff\xff\xff\xff\xff\xffXENF", b"Xen saved domain", b"LinuxGuestRecord"),
            "libvirt state": _at(0, b"LibvirtQemudSave", b"LibvirtQemudPart"),
            "qemu state": _at(0, b"QEVM\0\0\0"),
            "android sparse": _at(0, b"\x3a\xff\x26\xed"),
            "android ota": _at(0, b"CrAU\0\0\0\0"),
            "dmg": _at(0, b"encrcdsa"),
            "sparseimage": _at(0, b"sprs\0\0\0"),
            "ciso": _at(0, b"CISO\0\0\0\0", b"CISO\x18\0\0\0"),
            "isz": _at(0, b"IsZ!"),
            "daa": _at(0, b"DAA\0\0\0"),
            "chd": _at(0, b"MComprHD"),
            "mds": _at(0, b"MEDIA DESCRIPTOR"),
            "cd sectors": _at(0, b"\0" + b"\xff" * 10 + b"\0"),
            "luks": _at(0, b"LUKS\xba\xbe"),
        },
    ),
    # Linux Documentation/arch/x86/boot.rst, arm64/booting.rst, riscv/boot-image-header.rst, drivers/firmware/efi/libstub (zboot),
    # arch/arm/boot/compressed/head.S, arch/s390/boot; U-Boot image.h; Devicetree specification; Android bootimg.h
    *_rows(
        "kernel",
        {
            "linux kernel": (
                ((510, b"\x55\xaa"), (514, b"HdrS")),
                ((56, b"ARM\x64"),),
                ((56, b"RSC\x05"),),
                ((0, b"MZ"), (4, b"zimg")),
                ((36, b"\x18\x28\x6f\x01"),),
                ((64 * _KIB + 8, b"S390EP"),),
            ),
            "u-boot image": _at(0, b"\x27\x05\x19\x56"),
            "devicetree": _at(0, b"\xd0\x0d\xfe\xed"),
            "android boot image": _at(0, b"ANDROID!", b"VNDRBOOT"),
        },
    ),
    # ELF gABI; Mach-O loader.h; UEFI PI (firmware volume); WebAssembly
    *_rows(
        "program",
        {
            "elf": _at(0, b"\x7fELF"),
            "mach-o": _at(0, b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe\0\0\0"),
            "firmware volume": _at(40, b"_FVH"),
            "wasm": _at(0, b"\0asm\1\0\0\0"),
        },
    ),
    # ISO 32000; PNG; JFIF; GIF89a; SQLite file format; MS-CFB; BEP 3
    *_rows(
        "document",
        {
            "pdf": _at(0, b"%PDF-"),
            "png": _at(0, b"\x89PNG\r\n\x1a\n"),
            "jpeg": _at(0, b"\xff\xd8\xff"),
            "gif": _at(0, b"GIF87a", b"GIF89a"),
            "sqlite": _at(0, b"SQLite format 3\0"),
            "ole2": _at(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
            "torrent": _at(0, b"d8:announce", b"d13:announce-list", b"d7:comment"),
        },
    ),
)

#: Partition tables and what lies on partitions; they count after all else but text.
VOLUMES: tuple[Row, ...] = (
    # UEFI (sectors of 512 and of 4096 bytes); Inside Macintosh: Devices; BSD disklabel.h; Sun and SGI disk labels; Amiga hardblocks.h; s390 vtoc.h
    *_rows(
        "volume",
        {
            "gpt": (*_at(512, b"EFI PART"), *_at(4096, b"EFI PART")),
            "apm": (((0, b"ER"), (512, b"PM")), *_at(512, b"PM\0\0")),
            "bsd disk label": tuple(((offset, b"\x57\x45\x56\x82"),) for offset in (0, 64, 512)),
            "amiga rdb": tuple(((block * 512, b"RDSK"),) for block in range(16)),
            "sun disk label": (((188, b"\x60\x0d\xde\xee"), (508, b"\xda\xbe")),),
            "sgi disk label": _at(0, b"\x0b\xe5\xa9\x41"),
            "dasd": _at(8 * _KIB, b"\xe5\xd6\xd3\xf1", b"\xd3\xd5\xe7\xf1"),
        },
    ),
    # Linux: ext4.h, xfs_format.h, btrfs_tree.h, reiserfs_fs.h, jfs_superblock.h, f2fs_fs.h, erofs_fs.h, squashfs_fs.h, cramfs_fs.h,
    # romfs_fs.h, nilfs2_ondisk.h, minix_fs.h, gfs2_ondisk.h, ocfs2_fs.h, bcachefs_format.h, ubi-media.h, swap.h, md_p.h; FreeBSD fs.h;
    # OpenZFS vdev_impl.h; LVM2 label.h; Microsoft: FAT, exFAT, NTFS, ReFS, BitLocker; Apple TN1150, Apple File System Reference; ECMA-167
    *_rows(
        "volume",
        {
            # The magic number is short, so the state is looked at, too: mounted, clean, with errors, or orphans being recovered
            "ext": tuple(((1080, b"\x53\xef" + bytes([state, 0])),) for state in range(8)),
            "xfs": _at(0, b"XFSB"),
            "btrfs": _at(64 * _KIB + 64, b"_BHRfS_M"),
            "bcachefs": tuple(
                ((4096 + 24, magic),)
                for magic in (
                    bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81"),
                    bytes.fromhex("c68573f666ce90a9d96a60cf803df7ef"),
                )
            ),
            "ntfs": _at(3, b"NTFS    "),
            "exfat": _at(3, b"EXFAT   "),
            "refs": _at(3, b"ReFS\0"),
            "bitlocker": _at(3, b"-FVE-FS-"),
            "fat": (*_at(54, b"FAT12   ", b"FAT16   ", b"FAT     "), *_at(82, b"FAT32   ")),
            "udf": tuple(((offset, magic),) for offset in (34817, 36865) for magic in (b"NSR02", b"NSR03")),
            "hfs": _at(1024, b"H+\0\4", b"HX\0\5"),
            "apfs": _at(32, b"NXSB"),
            "f2fs": _at(1024, b"\x10\x20\xf5\xf2"),
            "erofs": _at(1024, b"\xe2\xe1\xf5\xe0"),
            "squashfs": _at(0, b"hsqs", b"sqsh"),
            "cramfs": tuple(
                ((offset, magic),) for offset in (0, 512) for magic in (b"\x45\x3d\xcd\x28", b"\x28\xcd\x3d\x45")
            ),
            "romfs": _at(0, b"-rom1fs-"),
            "nilfs2": (((1024, b"\2\0\0\0"), (1030, b"\x34\x34")),),
            "minix": _at(1040, b"\x7f\x13\1\0", b"\x8f\x13\1\0", b"\x68\x24\1\0", b"\x78\x24\1\0"),
            "minix 3": tuple(((1048, b"\x5a\x4d\0\0" + bytes([0, high])),) for high in (4, 8, 16)),
            "bfs": _at(0, b"\xce\xfa\xad\x1b"),
            "reiserfs": _at(64 * _KIB + 52, b"ReIsErFs", b"ReIsEr2Fs", b"ReIsEr3Fs"),
            "jfs": _at(32 * _KIB, b"JFS1"),
            "gfs2": _at(64 * _KIB, b"\x01\x16\x19\x70\0\0\0\1"),
            "ocfs2": tuple(((size * 2, b"OCFSV2"),) for size in (512, 1024, 2048, 4096)),
            "ufs": tuple(
                ((offset + 1372, magic),)
                for offset in (8 * _KIB, 64 * _KIB)
                for magic in (b"\x54\x19\x01\0", b"\x19\x01\x54\x19", b"\0\x01\x19\x54", b"\x19\x54\x01\x19")
            ),
            "ubi": _at(0, b"UBI#\1"),
            "amiga fs": _at(0, *(b"DOS" + bytes([each]) for each in range(8)), b"SFS\0", b"PFS\1"),
            "bluestore": _at(0, b"bluestore block device\n"),
            "lvm": tuple(((sector * 512, b"LABELONE"),) for sector in range(4)),
            "md raid": (*_at(0, b"\xfc\x4e\x2b\xa9"), *_at(4096, b"\xfc\x4e\x2b\xa9")),
            "swap": tuple(
                ((page * _KIB - 10, magic),) for page in (4, 8, 16, 32, 64) for magic in (b"SWAPSPACE2", b"SWAP-SPACE")
            ),
            "zfs": tuple(
                ((128 * _KIB + slot * _KIB, magic),)
                for slot in range(128)
                for magic in (b"\x0c\xb1\xba\0\0\0\0\0", b"\0\0\0\0\0\xba\xb1\x0c")
            ),
        },
    ),
)

#: Formats that Glance has names for; whole files are left to oslo.utils. QEMU docs/interop/qcow2.rst, VMware VMDK 5.0, MS-VHDX, VirtualBox VDICore.h
FORMATS: tuple[Row, ...] = _rows(
    "format",
    {
        "qcow": (((0, b"QFI\xfb"), (4, b"\0\0\0\1")),),
        "qcow2": _at(0, b"QFI\xfb"),
        "qed": _at(0, b"QED\0"),
        "vmdk": _at(0, b"KDMV"),
        "vmdk descriptor": _at(0, b"# Disk DescriptorFile"),
        "vhdx": _at(0, b"vhdxfile"),
        "vhd": _at(0, b"conectix"),
        "vdi": _at(64, b"\x7f\x10\xda\xbe"),
    },
)

#: Told by the last bytes: offsets count from the end. Apple UDIF (koly), encrypted images (cdsaencr), Nero, UIF.
LAST: tuple[Row, ...] = (
    ("dmg", "image", ((512, b"koly\0\0\0\4"),)),
    ("dmg", "image", ((8, b"cdsaencr"),)),
    ("nrg", "image", ((12, b"NER5"),)),
    ("nrg", "image", ((8, b"NERO"),)),
    ("uif", "image", ((64, b"bbis"),)),
)
