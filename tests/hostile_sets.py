# Writes sets that no store may take: tests/hostile_sets.py FOLDER. Prints, for each, its file, the
# exit code of `lethe store import`, and words of its message.
import hashlib
import io
import sys
import tarfile

folder = sys.argv[1]


def name_of(data):
    digest = hashlib.sha256(data).hexdigest()
    return f"objects/{digest[:2]}/{digest}"


good = b"the bytes of a package"
other = b"the bytes of another one"
lock = b"not read"


def sums(extra=""):
    lines = sorted(f"{hashlib.sha256(d).hexdigest()}  {name_of(d)}\n" for d in (good, other))
    return ("".join(lines) + extra + f"{hashlib.sha256(lock).hexdigest()}  recipe.lock\n").encode()


def member(name, data=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + b"\0" * (-len(data) % 512)


def declared(name, size, data):
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT) + data


def write(file, code, words, *members, head=None):
    with open(f"{folder}/{file}.tar", "wb") as out:
        out.write(head if head is not None else member("SHA256SUMS", sums()))
        for each in members:
            out.write(each)
        out.write(b"\0" * 1024)
    print(f"{file}.tar\t{code}\t{words}")


name = name_of(good)
stranger = "is not one of SHA256SUMS"
write("absolute", 4, f"member /etc/passwd {stranger}", member("/etc/passwd", good))
write("dots", 4, f"member objects/../../up {stranger}", member("objects/../../up", good))
write("dots-in-name", 4, f"member ./{name} {stranger}", member("./" + name, good))
write("symlink", 4, f"member {name} is a symbolic link",
      member(name, b"", tarfile.SYMTYPE, "/etc/passwd"))
write("hardlink", 4, f"member {name} is a hard link",
      member(name, b"", tarfile.LNKTYPE, "/etc/passwd"))
write("device", 4, f"member {name} is a device", member(name, b"", tarfile.CHRTYPE))
write("pipe", 4, f"member {name} is a pipe", member(name, b"", tarfile.FIFOTYPE))
write("folder", 4, "member objects/ is a folder", member("objects/", b"", tarfile.DIRTYPE))
write("pax", 4, "member header is no plain file",
      member("header", b"11 path=ab\n", tarfile.XHDTYPE))
write("other-bytes", 3, f"member {name} is not what its name says", member(name, other))
write("too-short", 3, f"member {name} is not what its name says", member(name, good[:-1]))
write("too-large", 4, f"member {name} is too large", declared(name, 5 << 30, good))
write("cut-off", 4, f"ends inside of {name}", declared(name, 1 << 20, good))
write("twice", 4, f"member {name} is there twice", member(name, good), member(name, good))
write("no-sums", 4, f"member {name} is not SHA256SUMS", member(name, good), head=b"")
climbing = sums(hashlib.sha256(good).hexdigest() + "  ../../up\n")
write("sum-of-a-path", 4, "the name is not that of an object",
      head=member("SHA256SUMS", climbing))
write("incomplete", 4, "is missing", member(name, good))
