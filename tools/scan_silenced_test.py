#!/usr/bin/env python3
"""Compiles small programs that could log, each in one way; tools/scan-silenced must say so."""
import os
import subprocess
import sys
import tempfile
import unittest

SCAN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scan-silenced")
SILENT = "int main(int argc, char** argv) { (void)argv; return argc; }\n"


def program(folder, source, *flags):
    path = os.path.join(folder, "program")
    with open(path + ".cc", "w", encoding="ascii") as f:
        f.write(source)
    subprocess.run(["c++", "-O1", *flags, "-o", path, path + ".cc"], check=True)
    return path


class Scan(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def scan(self, source, texts=None, flags=()):
        command = [sys.executable, SCAN]
        if texts is not None:
            listing = os.path.join(self.folder.name, "texts")
            with open(listing, "w", encoding="ascii") as f:
                f.write(texts)
            command += ["--texts", listing]
        ran = subprocess.run(command + [program(self.folder.name, source, *flags)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        return ran.returncode, ran.stdout

    def test_passes_a_silent_program(self):
        self.assertEqual(self.scan(SILENT), (0, ""))

    def test_finds_imports(self):
        for header, call, name in [
                ("syslog.h", 'syslog(3, "x")', "syslog"),
                ("syslog.h", 'openlog("x", 0, 0)', "openlog"),
                ("utmp.h", 'logwtmp("l", "n", "h")', "logwtmp"),
                ("utmpx.h", 'updwtmpx("/x", 0)', "updwtmpx"),
                ("stdio.h", 'puts("x")', "puts"),
                ("stdio.h", 'perror("x")', "perror"),
                ("stdio.h", 'dprintf(2, "x")', "dprintf"),
                ("err.h", 'warnx("x")', "warnx")]:
            source = f"#include <{header}>\nint main() {{ {call}; }}\n"
            self.assertEqual(self.scan(source), (1, f"[import] {name}\n"), call)

    def test_sees_through_hardened_names(self):
        source = '#include <syslog.h>\nint main(int, char** v) { syslog(3, v[0], 1); }\n'
        _, out = self.scan(source, flags=("-O2", "-D_FORTIFY_SOURCE=2", "-Wno-format-security"))
        self.assertEqual(out, "[import] __syslog_chk\n")

    def test_finds_texts(self):
        for text, found in [
                ("client %s came", True), ("remote IP address %I", True), ("%5.2f", True),
                ("%-*d", True), ("%%s", False),
                ("a client came back", True), ("client", False), ("two words", False),
                ("100%", False), ("peer=%lu", True)]:
            source = f'const char* volatile p = "{text}";\nint main() {{ return p[0]; }}\n'
            self.assertEqual(self.scan(source), (1, f"[text] {text}\n") if found else (0, ""), text)

    def test_holds_texts_against_the_list(self):
        source = 'const char* volatile p = "one\\n%s \\"\\\\";\nint main() { return p[0]; }\n'
        self.assertEqual(self.scan(source, '# why\none\\n%s "\\\\\n'), (0, ""))
        self.assertEqual(self.scan(source, ""), (1, '[text] one\\n%s "\\\\\n'))
        self.assertEqual(self.scan(SILENT, "one %s\n"), (1, "[stale] one %s\n"))

    def test_refuses_what_it_cannot_judge(self):
        self.assertEqual(self.scan(SILENT, flags=("-static",))[0], 4)
        for body in (b"", b"\x7fELF\x02\x01", b"#!/bin/sh\n"):
            path = os.path.join(self.folder.name, "no-program")
            with open(path, "wb") as f:
                f.write(body)
            ran = subprocess.run([sys.executable, SCAN, path], stderr=subprocess.PIPE, check=False)
            self.assertEqual(ran.returncode, 4, body)


if __name__ == "__main__":
    unittest.main()
