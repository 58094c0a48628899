# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""
The shipped lines (policy/pam) in the real libpam, around common-* files as Debian's: what a stack says for
each word of ours and of the modules below. In place of the module stands pam_debug, which says what it is
told to; only root's exemption is the real pam_rootok.
"""

import ctypes
import itertools
import os
import pathlib
import subprocess

import pytest

from conftest import ROOT

PAM_D = pathlib.Path("/etc/pam.d")
SERVICES = ["sshd", "sudo", "su", "login", "passwd"]
CODES = dict(success=0, system_err=4, buf_err=5, perm_denied=6, auth_err=7, cred_insufficient=8, authinfo_unavail=9,
             authtok_err=20, conv_err=19, cred_unavail=15, module_unknown=28, session_err=14)
COMMON = """{type} [success=1 default=ignore] pam_debug.so {below}
{type} requisite pam_deny.so
{type} required pam_permit.so
"""
FUNCTIONS = {"auth": "pam_authenticate", "account": "pam_acct_mgmt", "session": "pam_open_session",
             "password": "pam_chauthtok"}


class Conversation(ctypes.Structure):
    _fields_ = [("conv", ctypes.c_void_p), ("data", ctypes.c_void_p)]


@pytest.fixture(scope="module", autouse=True)
def pam_d(namespace):
    # @include and substack look here, wherever the service's own file is.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", PAM_D], check=True)
    yield
    subprocess.run(["umount", PAM_D], check=True)


def arguments(kind, word):
    """What makes pam_debug say @word; for passwd a pair, one for each of the two rounds."""
    if kind == "password":
        first, second = word if isinstance(word, tuple) else (word, word)
        return f"prechauthtok={first} chauthtok={second}"
    return {"auth": "auth=", "account": "acct=", "session": "open_session="}[kind] + word


def shipped(service, kind, word):
    """The service's lines of one type as they are shipped, and what stands beside them on Debian."""
    lines = [line for line in (ROOT / "policy/pam" / service).read_text().splitlines() if line.startswith(kind)]
    ours = "\n".join(lines).replace("pam_tessera.so", "pam_debug.so " + arguments(kind, word))
    return {"auth": ours, "password": ours, "account": ours + "\n@include common-account",
            "session": "@include common-session\n" + ours}[kind] + "\n"


def ask(service, kind, word, below, more=""):
    """The code of the whole stack, where ours says @word, what stands below @below, and @more stands behind."""
    (PAM_D / f"common-{kind}").write_text(COMMON.format(type=kind, below=arguments(kind, below)))
    (PAM_D / service).write_text(shipped(service, kind, word) + more)
    (PAM_D / "other").write_text("".join(f"{one} required pam_deny.so\n" for one in FUNCTIONS))
    pam, handle = ctypes.CDLL("libpam.so.0"), ctypes.c_void_p()
    assert pam.pam_start(service.encode(), b"alice", ctypes.byref(Conversation()), ctypes.byref(handle)) == 0
    code = pam[FUNCTIONS[kind]](handle, 0)
    pam.pam_end(handle, code)
    return code


def as_alice(check):
    """@check in a process that alice has started: root's exemption is not hers."""
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(4001, 0, 0)
            check()
        except BaseException as error:
            print(error, flush=True)
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def rows(kind):
    """
    (ours, below, what the stack says): our no is the stack's; our yes is in auth and password, and to be confirmed
    elsewhere; where the user is not ours, it is theirs to say.
    """
    no = [word for word in CODES if word != "success"]
    for word, below in itertools.product(no, ["success", "auth_err"]):
        # In session the others come first, and say what is said when both refuse.
        yield word, below, "refused" if kind == "session" and below != "success" else CODES[word]
    for below in ("success", "auth_err"):
        yield "ignore", below, 0 if below == "success" else "refused"
        yield "success", below, 0 if below == "success" or kind in ("auth", "password") else "refused"


@pytest.mark.parametrize("service,kind", [(service, kind) for service in SERVICES for kind in FUNCTIONS
                                          if any(line.startswith(kind) for line in
                                                 (ROOT / "policy/pam" / service).read_text().splitlines())])
def test_P5_P24_a_stack_with_the_shipped_lines(service, kind):
    def check():
        for word, below, code in rows(kind):
            found = ask(service, kind, word, below)
            assert found == code or (code == "refused" and found != 0), (word, below, found)

    as_alice(check)


@pytest.mark.parametrize("service", ["sshd", "sudo", "su", "login"])
def test_P38_what_stands_behind_is_still_asked(service):
    def check():
        for word, below in (("success", "auth_err"), ("ignore", "success")):
            assert ask(service, "auth", word, below, "auth required pam_deny.so\n") != 0
        assert ask(service, "account", "success", "success", "account required pam_deny.so\n") != 0

    as_alice(check)


@pytest.mark.parametrize("service", ["sudo", "su"])
def test_P37_root_passes_the_account_lines_whatever_ours_says(service):
    for word in CODES:
        assert ask(service, "account", word, "success") == 0
        assert ask(service, "account", word, "auth_err") != 0  # and is not let past common-account


@pytest.mark.parametrize("service", ["sshd", "login"])
def test_P6_a_process_of_roots_is_no_exemption_at_a_login(service):
    for word in CODES:
        assert ask(service, "account", word, "success") == CODES[word]


def test_passwd_goes_one_way_in_both_rounds():
    """PAM asks everything twice: first whether it could be done, then to do it."""
    def check():
        assert ask("passwd", "password", ("success", "authtok_err"), "success") == CODES["authtok_err"]
        assert ask("passwd", "password", ("auth_err", "success"), "success") == CODES["auth_err"]
        assert ask("passwd", "password", "ignore", ("success", "authtok_err")) == CODES["authtok_err"]
        assert ask("passwd", "password", "ignore", ("authtok_err", "success")) != 0
        assert ask("passwd", "password", "success", ("authtok_err", "authtok_err")) == 0

    as_alice(check)
