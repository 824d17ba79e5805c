"""What functional tests of trust share: people with real key files, policies, git histories.

Keys are made by ssh-keygen with the software authenticator (lethe-test-sk), commits by `git commit
-S`; nothing touches the network or the HOME of who runs the test. LETHE names the program under
test (default: that of build/release); the authenticator lies in the lib folder of the same build.

    with Fixture() as t:
        for person in ("alice", "bob"):
            t.new_key(person)
        policy = t.write_policy("policy.toml", {"alice": ALL, "bob": ALL})
        repo = t.git_repo("repo")
        repo.commit_as("alice", "first", {"file": "content"})
        t.lethe("policy", "check", policy)
        t.lethe_as("bob", "policy", "approve", "2.toml", code=3, says="is wanted")
How the person at the key answers is a keyword of upper case: LETHE_TEST_SK_TOUCH="no".
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
LETHE = pathlib.Path(os.environ.get("LETHE", TOP / "build/release/bin/lethe")).resolve()
AUTHENTICATOR = LETHE.parent.parent / "lib/liblethe-test-sk.so"
APPLICATION = "ssh:lethe-test"

# What a key may.
ALL = ("commit", "review", "release", "policy")

# Answers of the person, for **environment: NO_TOUCH signs without a touch, PIN gives the PIN (as on
# a device with a fingerprint reader: nobody types).
NO_TOUCH = {"LETHE_TEST_SK_TOUCH": "no"}
PIN = {"LETHE_TEST_SK_PIN": "device"}


class Failed(Exception):
    """A promise that does not hold."""


def check(condition, message):
    if not condition:
        raise Failed(message)


class Fixture:
    """A folder of its own, an isolated environment, people's keys."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lethe-trust-"))
        self.keys = {}  # person: private key file
        home = self.folder / "home"
        home.mkdir()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC",
            "SSH_SK_PROVIDER": str(AUTHENTICATOR), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(home / "gitconfig"), "GIT_TERMINAL_PROMPT": "0",
            "TMPDIR": str(self.folder / "tmp"), "ASAN_OPTIONS": "detect_leaks=0",
        }
        (self.folder / "tmp").mkdir()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is Failed:
            sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")

    def path(self, name):
        return self.folder / name  # an absolute name stays

    def run(self, *argv, cwd=None, stdin=None, **environment):
        """The finished process: .returncode, .stdout, .stderr as text."""
        with subprocess.Popen([str(a) for a in argv], cwd=cwd or self.folder,
                              env={**self.environment, **environment},
                              stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="backslashreplace", start_new_session=True) as process:
            out, err = process.communicate(stdin, timeout=600)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def must(self, *argv, code=0, says="", **more):
        """The stdout of a program that must exit with `code`, and say `says` on stderr."""
        done = self.run(*argv, **more)
        shown = " ".join(str(a) for a in argv)
        if done.returncode != code:
            raise Failed(f"'{shown}' exited with {done.returncode}, not {code}:\n"
                         f"{done.stdout}{done.stderr}")
        if says not in done.stderr:
            raise Failed(f"'{shown}' does not say '{says}':\n{done.stderr}")
        return done.stdout

    def lethe(self, *arguments, **more):
        return self.must(LETHE, *arguments, **more)

    def lethe_json(self, *arguments, **more):
        return json.loads(self.lethe(*arguments, "--json", **more))

    def lethe_as(self, person, *arguments, **more):
        """A command that signs: with the person's key, touch and PIN."""
        return self.lethe(*arguments, "--key", self.keys[person], **{**PIN, **more})

    def refused_untouched(self, person, *arguments, says, code=3):
        """A command that is refused before it asks the person for a touch."""
        done = self.run(LETHE, *arguments, "--key", self.keys[person], **PIN)
        shown = " ".join(str(a) for a in arguments)
        check(done.returncode == code and says in done.stderr,
              f"'{shown}' exited with {done.returncode}, not {code} and '{says}':\n{done.stderr}")
        check("touch the key" not in done.stderr, f"'{shown}' asks for a touch:\n{done.stderr}")

    def new_key(self, person, kind="ed25519", name=None, application=APPLICATION, options=(),
                **environment):
        """Enrolls a key ("ed25519" or "ecdsa"); its private file. The person's last key counts."""
        file = self.path(name or f"{person}.key")
        self.must("ssh-keygen", "-q", "-t", f"{kind}-sk", "-N", "", "-C", person,
                  "-O", f"application={application}", *options, "-f", file, **environment)
        self.keys[person] = file
        return file

    @staticmethod
    def public_line(key):
        return " ".join(pathlib.Path(f"{key}.pub").read_text("ascii").split()[:2])

    def fingerprint(self, key):
        return self.must("ssh-keygen", "-l", "-f", f"{key}.pub").split()[1]

    def sign(self, person, namespace, message, key=None, options=(), **environment):
        """The armoured signature of bytes, by `ssh-keygen -Y sign`."""
        file = self.path("tmp/message")
        file.write_bytes(message)
        signature = self.path("tmp/message.sig")
        signature.unlink(missing_ok=True)
        self.must("ssh-keygen", "-q", "-Y", "sign", "-f", key or self.keys[person], "-n", namespace,
                  *options, file, **environment)
        return signature.read_text("ascii")

    def policy_text(self, people, number=1, **more):
        """`people`: person -> uses, or a list of (key file, uses, further lines of the block).
        Further keywords: test_keys, review_pin, release_approvals, release_pin, release_extra,
        policy_approvals, policy_pin, revoked [(fingerprint, reason)], extra (text at the end)."""
        boolean = {True: "true", False: "false"}
        names = ", ".join(f'"{person}"' for person in people)
        text = (f'format = 1\nnumber = {number}\ndomain = "vpn.example"\npeople = [{names}]\n'
                f'test_keys = {boolean[more.get("test_keys", True)]}\n'
                f'\n[review]\nowners_file = "CODEOWNERS"\n'
                f'pin = {boolean[more.get("review_pin", False)]}\n'
                f'\n[release]\napprovals = {more.get("release_approvals", 2)}\n'
                f'pin = {boolean[more.get("release_pin", True)]}\nmax_age_days = 14\n'
                f'{more.get("release_extra", "builders = 0" + chr(10) + "log = false")}\n'
                f'\n[policy]\napprovals = {more.get("policy_approvals", 2)}\n'
                f'pin = {boolean[more.get("policy_pin", True)]}\n')
        for person, held in people.items():
            if not isinstance(held, list):
                held = [(self.keys[person], held, "")]
            for key, uses, lines in held:
                may = ", ".join(f'"{use}"' for use in uses)
                text += (f'\n[[key]]\nperson = "{person}"\nkey = "{self.public_line(key)}"\n'
                         f'may = [{may}]\ntest = true\n{lines}')
        for fingerprint, reason in more.get("revoked", ()):
            text += f'\n[[revoked]]\nkey = "{fingerprint}"\nreason = "{reason}"\n'
        return text + more.get("extra", "")

    def write_policy(self, name, people, number=1, **more):
        file = self.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.policy_text(people, number, **more), "utf-8")
        return file

    def git_repo(self, name, object_format="sha1"):
        folder = self.path(name)
        self.must("git", "init", "-q", "-b", "main", f"--object-format={object_format}", folder)
        # Of notes; commits name their person.
        for key, value in (("name", "nobody"), ("email", "nobody@vpn.example")):
            self.must("git", "-C", folder, "config", f"user.{key}", value)
        return Repository(self, folder)


class Repository:
    """A git repository in which people of the fixture commit."""

    def __init__(self, fixture, folder):
        self.fixture = fixture
        self.folder = folder

    def git(self, *arguments, **more):
        return self.fixture.must("git", *arguments, cwd=self.folder, **more).rstrip("\n")

    def head(self, name="HEAD"):
        return self.git("rev-parse", "--verify", f"{name}^{{commit}}")

    def write(self, files):
        """`files`: path -> text, bytes, or None to remove it. Adds them to the index."""
        for path, content in files.items():
            file = self.folder / path
            if content is None:
                self.git("rm", "-q", "--", path)
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
            self.git("add", "--", path)

    def signing(self, person, key=None):
        """Options of git: who commits, and with which key."""
        return ["-c", f"user.name={person}", "-c", f"user.email={person}@vpn.example",
                "-c", "gpg.format=ssh", "-c", f"user.signingkey={key or self.fixture.keys[person]}"]

    def commit_as(self, person, message, files=None, key=None, sign=True, **environment):
        """Commits the index (and `files`), signed; the commit's ID."""
        self.write(files or {})
        self.git(*self.signing(person, key), "commit", "-q", "--allow-empty", "-m", message,
                 "-S" if sign else "--no-gpg-sign", **environment)
        return self.head()

    def merge_as(self, person, branches, message="merge", key=None, sign=True, **environment):
        """A merge commit of one branch (or of a list) into the current one; its ID."""
        branches = [branches] if isinstance(branches, str) else list(branches)
        self.git(*self.signing(person, key), "merge", "-q", "--no-ff", "--no-edit", "-m", message,
                 "-S" if sign else "--no-gpg-sign", *branches, **environment)
        return self.head()

    def switch(self, branch, start=None):
        """To a branch; it is made at `start` where that is named."""
        self.git("switch", "-q", *(["-c", branch, start] if start else [branch]))
