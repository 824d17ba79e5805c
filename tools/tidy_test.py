#!/usr/bin/env python3
"""Plants one fault after the other in a small repository and expects tools/tidy to find each."""
import os
import subprocess
import sys
import tempfile
import unittest

TOOLS = os.path.dirname(os.path.abspath(__file__))

DEPENDENCIES = "".join(f"| {name} | x | x | `{module}` |\n" for name, module in [
    ("nlohmann-json", "json"), ("toml++", "toml"), ("libarchive", "archive"), ("OpenSSL", "crypto"),
    ("libsodium", "crypto"), ("libcurl", "fetch"), ("CLI11", "apps/lethe"), ("fmt", "apps/lethe"),
    ("zstd", "image"), ("Boost (Asio, Beast)", "http"), ("libseccomp", "supervise")])
CLEAN = {
    "src/base/CMakeLists.txt": "lethe_module(base\n  SOURCES a.cc TESTS a_test.cc)\n",
    "src/base/a.h": "// A.\n#pragma once\nint A();\n",
    "src/base/a.cc": '#include "base/a.h"\n\nint A() { return 1\'000; }\n',
    "src/base/a_test.cc": '#include <gtest/gtest.h>\n\n#include "base/a.h"\n\nTEST(A, Works) {}\n',
    "src/mid/CMakeLists.txt": "lethe_module(mid SOURCES m.cc DEPS base EXTERNAL x)\n",
    "src/mid/m.h": "// M.\n#pragma once\n",
    "src/mid/m.cc": '#include "mid/m.h"\n\n#include "base/a.h"\n',
    "src/top/CMakeLists.txt": "lethe_module(top SOURCES t.cc DEPS mid)\n",
    "src/top/t.cc": '#include "mid/m.h"\n',
    "src/apps/x/CMakeLists.txt": "lethe_program(x SOURCES main.cc DEPS mid)\n",
    "src/apps/x/main.cc": '#include "base/a.h"  // transitive: fine in a program\n',
    "docs/dependencies.md": DEPENDENCIES,
    "docs/behaviours.md": "| M1 | p | 1 | `A.Works`, `src/base/a.cc` |\n"
                          + "".join(f"| M{i} | p | 1 | open |\n" for i in range(2, 25)),
    "tests/lab/CMakeLists.txt": "add_executable(near near.cc)\n",
    "tests/lab/near.h": "// Beside its user.\n#pragma once\n",
    "tests/lab/near.cc": '#include "near.h"\n',
    "recipes/r/recipe.lock": "format = 1\n",
    "recipes/r/patches/s/0001-x.patch": "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-\told\n+\tnew\n \n",
}
BODY = "  A();\n"


def function(lines):
    return "\nvoid Long(const char* text) {\n" + BODY * (lines - 2) + "}\n"


# Rule, file, appended text (or a replacement where it is a pair).
PLANTED = [
    ("layers", "src/top/t.cc", '#include "base/a.h"\n'),  # only through mid
    ("layers", "src/base/a.cc", '#include "mid/m.h"\n'),
    ("layers", "src/base/a.cc", '#include "base/none.h"\n'),
    ("layers", "src/base/CMakeLists.txt", ("TESTS", "DEPS top TESTS")),  # a ring
    ("third-party", "src/mid/m.cc", "#include <nlohmann/json.hpp>\n"),
    ("third-party", "src/mid/m.cc", "#include <boost/any.hpp>\n"),
    ("third-party", "src/mid/m.cc", "#include <gtest/gtest.h>\n"),
    ("third-party", "docs/dependencies.md", ("| zstd |", "| lz4 |")),
    ("third-party", "docs/dependencies.md", ("`fetch`", "`image`")),
    ("function-length", "src/base/a.cc", function(71)),
    ("function-length", "src/base/a.cc",
     "namespace n {\nclass C {\n  " + function(71) + "};\n}\n"),
    ("file-length", "src/base/a.cc", "// line\n" * 500),
    ("banned", "src/base/a.cc", 'auto s = std::format("x");\n'),
    ("banned", "src/base/a.cc", 'std::regex r("x");\n'),
    ("banned", "src/base/a.cc", 'int r = system("x");\n'),
    ("banned", "src/base/a.cc", 'int r = ::system("x");\n'),
    ("banned", "src/base/a.cc", 'auto f = popen("x", "r");\n'),
    ("banned", "src/base/a.cc", 'int i = std::stoi("1");\n'),
    ("banned", "src/base/a.cc", 'long i = std::stol("1");\n'),
    ("banned", "src/base/a.cc", 'int i = atoi("1");\n'),
    ("banned", "src/base/a.cc", "auto d = __DATE__;\n"),
    ("banned", "src/base/a.cc", "auto d = __TIME__;\n"),
    ("banned", "src/base/a.cc", "void F(char* a) { strcpy(a, a); }\n"),
    ("banned", "src/base/a.cc", "void F(char* a) { sprintf(a, a); }\n"),
    ("banned", "src/base/a.cc", "void F(char* a) { gets(a); }\n"),
    ("banned", "src/base/a.cc", "int r = rand();\n"),
    ("banned", "src/base/a.cc", "void F() { throw 1; }\n"),
    ("banned", "src/base/a.cc", "void F() { throw std::runtime_error(\"x\"); }\n"),
    ("banned", "src/base/a.cc", "auto l = std::source_location::current();\n"),
    ("banned", "src/base/a.cc", 'auto e = std::getenv("X");\n'),
    ("banned", "src/base/a.h", "#include <iostream>\n"),
    ("pragma", "src/base/a.h", ("#pragma once\n", "")),
    ("opening", "src/base/a.h", ("// A.\n", "")),
    ("columns", "src/base/a.cc", "// " + "x" * 98 + "\n"),
    ("tab", "src/base/a.cc", "\tint x;\n"),
    ("space", "src/base/a.cc", "int x; \n"),
    ("newline", "src/base/a.cc", "int x;\r\n"),
    ("newline", "src/base/a.cc", "int x;"),
    ("reachable", "src/base/b.cc", "int B();\n"),
    ("reachable", "src/base/b.h", "// B.\n#pragma once\n"),
    ("reachable", "src/base/CMakeLists.txt", (" a.cc", "")),
    ("behaviours", "docs/behaviours.md", ("`A.Works`", "`A.Gone`")),
    ("behaviours", "docs/behaviours.md", ("`src/base/a.cc`", "`tests/lab/gone`")),
    ("behaviours", "docs/behaviours.md", ("| M7 | p | 1 | open |\n", "")),
    ("behaviours", "docs/behaviours.md", ("| M7 | p | 1 | open |", "| M7 | p | 1 | yes |")),
    ("behaviours", "docs/behaviours.md", "| M7 | p | 1 | open |\n"),
    ("words", "src/base/a.cc", "// see /" + "home/somebody\n"),
    ("words", "docs/behaviours.md", "\nTake http://deb." + "debian.org/debian\n"),
    ("words", "recipes/r/recipe.lock", 'a = "http://mirror.example/debian"\n'),
    ("links", "docs/behaviours.md", "\nSee [that](gone.md).\n"),
]

# What must not be taken for a fault.
INNOCENT = [
    ("src/base/a.cc", function(70)),
    ("src/base/a.cc", "// std::stoi(x), throw, system(1)\n/* rand() */\n"),
    ("src/base/a.cc",
     'auto a = "std::stoi(x) { throw";\nauto b = R"(gets( { )";\nchar c = \'{\';\n'),
    ("src/base/a.cc", "const int kTable[] = {\n" + "  (1),\n" * 90 + "};\n"),
    ("src/base/a.cc", "void F(X* x) { x->system(1); x->rand(); }\n"),
    ("src/base/a.cc", "// " + "é" * 97 + "\n"),
    ("src/apps/x/main.cc", 'auto e = getenv("X");\n'),
    ("docs/behaviours.md", "\n[a](dependencies.md#x) [b](https://example.org) `[c](gone.md)`\n"),
]


class Tidy(unittest.TestCase):
    def run_with(self, path="", change="", git=False):
        with tempfile.TemporaryDirectory() as root:
            for name, text in CLEAN.items():
                self.write(root, name, text)
            if isinstance(change, tuple):
                self.assertIn(change[0], CLEAN[path])
                self.write(root, path, CLEAN[path].replace(*change))
            elif path:
                self.write(root, path, CLEAN.get(path, "") + change)
            if git:
                self.write(root, ".gitignore", "*.o.cc\n")
                self.write(root, "src/base/left.o.cc", "int rest = rand();\n")
                subprocess.run(["git", "init", "-q", root], check=True)
            return subprocess.run([sys.executable, os.path.join(TOOLS, "tidy"), root], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    def write(self, root, name, text):
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "w", encoding="utf-8", newline="") as f:
            f.write(text)

    def test_clean_repository_passes(self):
        for git in (False, True):
            result = self.run_with(git=git)
            self.assertEqual(result.stdout, "", result.stderr)
            self.assertEqual(result.returncode, 0)

    def test_finds_each_planted_fault(self):
        for rule, path, change in PLANTED:
            with self.subTest(rule=rule, path=path, change=change):
                result = self.run_with(path, change)
                self.assertEqual(result.returncode, 1, result.stdout)
                self.assertIn(f"[{rule}]", result.stdout)

    def test_leaves_the_innocent_alone(self):
        for path, change in INNOCENT:
            with self.subTest(path=path, change=change):
                self.assertEqual(self.run_with(path, change).stdout, "")

    def test_names_file_and_line(self):
        result = self.run_with("src/base/a.cc", "int r = rand();\n")
        self.assertTrue(result.stdout.startswith("src/base/a.cc:4: [banned]"), result.stdout)


if __name__ == "__main__":
    unittest.main()
