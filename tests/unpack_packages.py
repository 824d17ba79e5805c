#!/usr/bin/env python3
"""Lays the files of some packages of an image into a folder, for tests that run them without a
guest: tests/unpack_packages.py LETHE ISO FOLDER PACKAGE... The packages come from the store; each
file is held against the image's manifest, so that it is what the image has."""
import glob
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile


def store():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("LETHE_STORE") or os.path.join(cache, "lethe")


def package_file(package):
    """The .deb with this digest: as fetched, or as rebuilt with patches."""
    digest = package["sha256"]
    fetched = os.path.join(store(), "objects", digest[:2], digest)
    rebuilt = glob.glob(os.path.join(store(), "steps/rebuilt-*/result", package["name"] + ".deb"))
    for path in [fetched] + rebuilt:
        if os.path.exists(path):
            with open(path, "rb") as f:
                if hashlib.sha256(f.read()).hexdigest() == digest:
                    return path
    sys.exit(f"unpack_packages: the store has no {package['name']} with digest {digest}")


def contents(path):
    """Regular files by their absolute path."""
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], check=True, stdout=subprocess.PIPE)
    with tarfile.open(fileobj=io.BytesIO(tar.stdout)) as archive:
        return {entry.name.removeprefix("."): archive.extractfile(entry).read()
                for entry in archive if entry.isfile()}


def main():
    lethe, iso, folder, wanted = sys.argv[1], sys.argv[2], sys.argv[3], set(sys.argv[4:])
    text = subprocess.run([lethe, "image", "inspect", iso, "--manifest"], check=True,
                          stdout=subprocess.PIPE).stdout
    manifest = json.loads(text)
    packages = [p for p in manifest["packages"] if p["name"] in wanted]
    missing = wanted - {p["name"] for p in packages}
    if missing:
        sys.exit(f"unpack_packages: the image has no package {', '.join(sorted(missing))}")
    files = {}
    for package in packages:
        files.update(contents(package_file(package)))
    for entry in manifest["root"]:
        target = folder + entry["path"]
        if entry["type"] == "directory" and entry["package"] in wanted | {""}:
            os.makedirs(target, exist_ok=True)
        elif entry["type"] == "symlink" and (entry["package"] in wanted
                                             or entry["path"].count("/") == 1):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(entry["target"], target)
        elif entry["type"] == "file" and entry["package"] in wanted:
            body = files.get(entry["path"], b"")
            if hashlib.sha256(body).hexdigest() != entry["sha256"]:
                sys.exit(f"unpack_packages: {entry['path']} is not that of its package")
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as f:
                f.write(body)
            os.chmod(target, entry["mode"])


if __name__ == "__main__":
    main()
