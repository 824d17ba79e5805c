# Writes Debian packages that a build must refuse, or handle exactly, in place of a package that the
# recipe's lock pins: tests/hostile_packages.py DEB OUTSIDE FOLDER. Prints, for each, its file, the
# exit code of `lethe image build`, and words of its message.
import io
import subprocess
import sys
import tarfile

deb, outside, folder = sys.argv[1:]


def part(name):
    flag = {"control": "--ctrl-tarfile", "data": "--fsys-tarfile"}[name]
    return subprocess.run(["dpkg-deb", flag, deb], check=True, stdout=subprocess.PIPE).stdout


control_tar, data_tar = part("control"), part("data")


def tar(base, *entries, leave_out=()):
    """The tar `base` without `leave_out`, then `entries`: (name, type, target or bytes, mode)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT,
                      errors="surrogateescape") as target:
        with tarfile.open(fileobj=io.BytesIO(base)) as source:
            for info in source:
                if info.name not in leave_out:
                    target.addfile(info, source.extractfile(info) if info.isreg() else None)
        for name, kind, content, mode in entries:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                target.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content
                target.addfile(info)
    return out.getvalue()


def write(name, code, words, control=control_tar, data=data_tar, data_name="data.tar"):
    path = f"{folder}/{name}.deb"
    with open(path, "wb") as out:
        out.write(b"!<arch>\n")
        for member, content in (("debian-binary", b"2.0\n"), ("control.tar", control),
                                (data_name, data)):
            out.write(f"{member:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
            out.write(content + b"\n" * (len(content) % 2))
    print(f"{name}.deb\t{code}\t{words}")


def data_with(*entries):
    return tar(data_tar, *entries)


REG, LINK, DIR, CHR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE

write("newline", 4, r"'etc/a\x0ab' is not UTF-8 in one line",
      data=data_with(("etc/a\nb", REG, b"", 0o644)))
write("not-utf8", 4, r"'etc/\xff' is not UTF-8", data=data_with(("etc/\udcff", REG, b"", 0o644)))
write("climb", 4, "'../../up' leaves the package", data=data_with(("../../up", REG, b"", 0o644)))
write("absolute", 4, "absolute path", data=data_with((f"{outside}/file", REG, b"x", 0o644)))
write("device", 4, "'/etc/null' is a device, pipe or socket",
      data=data_with(("etc/null", CHR, "", 0o666)))
write("folder-through-link", 4, "is used as a folder and is none",
      data=data_with(("evil", LINK, outside, 0o777), ("evil/sub", DIR, "", 0o777)))
BOMB = """
import sys, tarfile
info = tarfile.TarInfo("bomb")
info.size = 4 << 30
sys.stdout.buffer.write(info.tobuf(tarfile.GNU_FORMAT))
for _ in range(4096):
    sys.stdout.buffer.write(bytes(1 << 20))
sys.stdout.buffer.write(bytes(1024))
"""
write("bomb", 4, "'bomb' is larger than 1073741824",
      data=subprocess.run(["bash", "-c", 'python3 -c "$1" | zstd -q -1', "bomb", BOMB], check=True,
                          stdout=subprocess.PIPE).stdout,
      data_name="data.tar.zst")
with tarfile.open(fileobj=io.BytesIO(control_tar)) as source:
    control = source.extractfile("./control").read()
other = b"Package: other\n" + control[control.index(b"\n") + 1:]
write("other-name", 1, "control: is of 'other'",
      control=tar(control_tar, ("./control", REG, other, 0o644), leave_out=["./control"]))
write("script-reaches-out", 1, "post-installation script subprocess returned error",
      control=tar(control_tar, ("./postinst", REG, f"#!/bin/sh\necho x >{outside}/file\n".encode(),
                                0o755), leave_out=["./postinst"]))
write("odd-names", 0, "-", data=data_with(
    ("etc/-rf", REG, b"", 0o600), ("etc/a b$(x)", REG, b"", 0o640),
    ("etc/out", LINK, "../../../../outside", 0o777)))
