# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The shipped module under the real libpam, with a mock daemon behind it.

Everything runs in a mount namespace of its own: /run is empty there, and accounts are a file of
ours, so the module finds its fixed paths and the machine notices nothing.
"""

import ctypes
import os
import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from mock import Mock  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRIVATE = "/run/tessera/private"
ALICE, BOB, CAROL, DORA = 4001, 4002, 4003, 4004
SWEPT = {}  # entry point: how many faults, for the last lines
NAMES = """PAM_SUCCESS 0 PAM_SYSTEM_ERR 4 PAM_BUF_ERR 5 PAM_PERM_DENIED 6 PAM_AUTH_ERR 7 PAM_CRED_INSUFFICIENT 8
PAM_AUTHINFO_UNAVAIL 9 PAM_USER_UNKNOWN 10 PAM_SESSION_ERR 14 PAM_CRED_UNAVAIL 15 PAM_CONV_ERR 19
PAM_AUTHTOK_ERR 20 PAM_AUTHTOK_RECOVERY_ERR 21 PAM_TRY_AGAIN 24 PAM_IGNORE 25""".split()
CODES = {int(number): name[4:] for name, number in zip(NAMES[::2], NAMES[1::2])}

# What stands below us answers with a code of its own: that is how IGNORE shows.
CODES[28] = "IGNORE"
BELOW = ("pam_debug.so auth=module_unknown acct=module_unknown open_session=module_unknown "
         "close_session=module_unknown cred=module_unknown prechauthtok=success chauthtok=module_unknown")
STACK = """
auth [success=1 ignore=ignore default=die] {module} {arguments}
auth required {below}
auth required pam_permit.so
account [success=1 ignore=ignore default=die] {module} {arguments}
account required {below}
account required pam_permit.so
session [success=1 ignore=ignore default=die] {module} {arguments}
session required {below}
session required pam_permit.so
password [success=1 ignore=ignore default=die] {module} {arguments}
password required {below}
password required pam_permit.so
"""
# For close_session, where libpam goes the way that open_session went: here IGNORE shows as PERM_DENIED.
PLAIN = """
auth required {module} {arguments}
account required {module} {arguments}
session required {module} {arguments}
"""


def pytest_terminal_summary(terminalreporter):
    for function, counts in SWEPT.items():
        terminalreporter.write_line(f"injected {sum(counts):,} faults in {function}: none let anybody in")


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


@pytest.fixture(scope="session", autouse=True)
def namespace(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) != 0:
        pytest.skip("needs a mount namespace")
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    folder = tmp_path_factory.mktemp("etc")
    (folder / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
        "messagebus:x:4100:4100::/:/bin/false\ntessera:x:4101:4101::/:/bin/false\n"
        f"alice:x:{ALICE}:{ALICE}::/:/bin/sh\nbob:x:{BOB}:{BOB}::/:/bin/sh\n"
        f"carol:x:{CAROL}:{CAROL}::/:/bin/sh\ndora:x:{DORA}:{DORA}::/:/bin/sh\n")
    (folder / "group").write_text(f"root:x:0:\nnogroup:x:65534:\nalice:x:{ALICE}:\nbob:x:{BOB}:\ncarol:x:{CAROL}:\ndora:x:{DORA}:\n"
                                  "tessera:x:4101:\nrescue:x:4200:alice\n")
    (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\n")
    for file in ("passwd", "group", "nsswitch.conf"):
        mount("--bind", folder / file, f"/etc/{file}")


class Result:
    """What a command to the driver did."""

    def __init__(self, lines):
        self.lines = lines
        words = lines[-1].split(" ")
        assert words[0] == "ok", lines
        self.ok = words[1:]

    @property
    def code(self):
        return CODES.get(int(self.ok[0]), int(self.ok[0]))

    def texts(self, word):
        return [bytes.fromhex(line.split(" ")[-1]).decode(errors="replace")
                for line in self.lines[:-1] if line.startswith(word + " ")]

    @property
    def delays(self):
        return [int(line.split()[1]) for line in self.lines if line.startswith("delay ")]


def hexed(text):
    if text is None:
        return "-"
    return (text if isinstance(text, bytes) else text.encode()).hex() or "00"


class Driver:
    """A PAM application (tests/pam/driver.c) and its one handle."""

    def __init__(self, program, module, folder, environment=None, before=lambda: None):
        def begin():
            signal.alarm(300)  # a module that hangs fails its test
            before()

        self.module, self.folder = module, folder
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment or {"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                                        preexec_fn=begin)

    def do(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        lines = []
        while not lines or lines[-1].split(" ")[0] != "ok":
            line = self.process.stdout.readline()
            assert line, f"the driver died with {self.process.wait()} after {lines} at {words[0:2]}"
            lines.append(line.rstrip("\n"))
        return Result(lines)

    def start(self, service="sshd", user="alice", arguments="timeout=2", ruser=None, rhost=None, below=BELOW,
              stack=STACK):
        (self.folder / service).write_text(stack.format(module=self.module, arguments=arguments, below=below))
        assert self.do("start", service, hexed(user), self.folder).code == "SUCCESS"
        if ruser is not None:
            self.do("item", "ruser", hexed(ruser))
        if rhost is not None:
            self.do("item", "rhost", hexed(rhost))
        return self

    def answer(self, text, kind="text", flip=None):
        self.do("answer", kind, hexed(text) if text else "", *([hexed(flip)] if flip else []))
        return self

    def answers(self, *texts):
        """One for each prompt, in this order."""
        self.answer(texts[0])
        for text in texts[1:]:
            self.do("then", hexed(text))
        return self

    def call(self, function, flags=0):
        return self.do("call", function, flags)

    def get(self, name):
        return bytes.fromhex(self.do("get", name).ok[0]).decode()

    def end(self):
        return self.do("end", 0)

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=10)


@pytest.fixture
def module(build):
    return build / "pam/pam_tessera.so"


@pytest.fixture
def make_driver(build, module, tmp_path):
    drivers = []

    def make(**options):
        drivers.append(Driver(build / "tests/pam/pam-driver", module, tmp_path, **options))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.stop()


@pytest.fixture
def driver(make_driver):
    return make_driver()


@pytest.fixture
def make_mock():
    mocks = []

    def make(path=PRIVATE, **options):
        mocks.append(Mock(path, **options))
        return mocks[-1]

    yield make
    for mock in mocks:
        mock.close()


@pytest.fixture
def mock(make_mock):
    return make_mock()
