# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What a module owes the program that loads it: threads, descriptors, handlers, environment."""

import re
import subprocess

import pytest

from conftest import ALICE, ROOT
from mock import ALLOW, DENY, HANG_UP, NOT_OURS, STEP_UP, Error

EXPORTS = {"pam_sm_authenticate", "pam_sm_setcred", "pam_sm_acct_mgmt", "pam_sm_open_session", "pam_sm_close_session",
           "pam_sm_chauthtok"}
FORBIDDEN = re.compile(r"pthread_create|thrd_create|sigaction|signal|fork|clone|exec|system|popen|atexit|alarm"
                       r"|setitimer|timer_create|sleep|getenv|setlocale|chdir|umask|printf$|puts|syslog$|getaddrinfo|gethostby"
                       r"|res_query|dlopen|wait(pid)?$|sd_bus_(open|default|flush)")


def symbols(module, *options):
    output = subprocess.run(["nm", "-D", *options, module], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in output.splitlines()}


def test_P12_P27_the_module_calls_nothing_of_these(module):
    found = {name for name in symbols(module, "--undefined-only")
             if FORBIDDEN.search(name) and name not in ("snprintf", "pam_getenv", "pam_syslog", "sd_bus_wait",
                                                             "nanosleep")}
    assert found == set()


def test_only_entry_points_are_exported(module):
    assert symbols(module, "--defined-only") == EXPORTS


def test_links_libpam_libsystemd_libc(module):
    output = subprocess.run(["objdump", "-p", module], capture_output=True, text=True, check=True).stdout
    needed = set(re.findall(r"NEEDED\s+(\S+)", output))
    assert needed == {"libpam.so.0", "libsystemd.so.0", "libc.so.6"}
    assert "STACK" in output and "RELRO" in output


def test_no_writable_data_of_its_own(module):
    """No static mutable state: .data and .bss hold the start files' own few words, and no name of ours."""
    output = subprocess.run(["objdump", "-t", module], capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in output.splitlines() if re.search(r"\s\.(data|bss)\s", line)]
    assert {words[-1].split(".")[0] for words in lines} <= {"", "__dso_handle", "completed", "__TMC_END__"}


def test_P27_source_reads_no_environment():
    sources = [*(ROOT / "pam").glob("*.[ch]"), *(ROOT / "client/lib").glob("*.[ch]"),
               ROOT / "common/memfd.c", ROOT / "common/name.c", ROOT / "common/service.c"]
    for source in sources:
        assert not re.search(r"(?<!pam_)getenv\s*\(|\benviron\b", source.read_text()), source


def test_P3_source_never_sets_the_user():
    for source in (ROOT / "pam").glob("*.c"):
        assert not re.search(r"pam_set_item\s*\([^;]*PAM_R?USER", source.read_text()), source


def test_P27_hostile_environment_changes_nothing(make_driver, mock, tmp_path):
    mock.answers.update(Authenticate=DENY, Authorize=DENY)
    hostile = {name: f"unix:path={tmp_path}/evil" for name in
               ("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "DBUS_STARTER_ADDRESS")}
    hostile.update(HOME=str(tmp_path), XDG_RUNTIME_DIR=str(tmp_path), TMPDIR=str(tmp_path), TZ=":" + str(tmp_path),
                   LANGUAGE=str(tmp_path), NLSPATH=str(tmp_path), SYSTEMD_LOG_LEVEL="debug",
                   SYSTEMD_LOG_TARGET="console", TESSERA_SESSION="f" * 32, SSH_AUTH_INFO_0="publickey evil", PATH="/usr/bin:/bin", LC_ALL="C")
    driver = make_driver(environment=hostile).start().answer("hunter2")
    assert driver.call("authenticate").code == "AUTH_ERR"
    assert driver.call("account").code == "PERM_DENIED"
    assert [call["context"] for call in mock.calls] == [{}, {}]


def every_outcome(driver, mock):
    """One round through every kind of end."""
    for answer in (ALLOW, DENY, NOT_OURS, STEP_UP, HANG_UP, Error("org.tessera.Tessera1.Error.Busy")):
        for method in ("Check", "Authenticate", "Authorize", "OpenSession"):
            mock.answers[method] = answer
        for service in ("sshd", "sudo"):
            driver.start(service, arguments="timeout=1", ruser="alice").answer("hunter2")
            for function in ("authenticate", "account", "open", "close"):
                driver.call(function)
            driver.end()


@pytest.mark.parametrize("way", ["calls", "reload"])
def test_P12_P13_nothing_stays_behind(driver, mock, module, way):
    """Descriptors, threads and signal handlers after a thousand calls and loads; pam_end unloads the module."""
    driver.do("uid", ALICE)
    every_outcome(driver, mock)
    before = driver.do("state").ok
    if way == "calls":
        for _ in range(1000 // 48):
            every_outcome(driver, mock)
    else:
        assert driver.do("reload", module, 1000).ok == ["0"]  # and it is gone at the end
    assert driver.do("state").ok == before


@pytest.mark.parametrize("answer", [ALLOW, DENY, NOT_OURS, HANG_UP, Error("org.tessera.Tessera1.Error.Busy")],
                         ids=["allow", "deny", "not ours", "outage", "busy"])
def test_F8_no_memory_stays_behind(make_driver, mock, answer):
    """malloc's cache per thread counts as used and would blur the figure."""
    driver = make_driver(environment={"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0", "PATH": "/usr/bin:/bin"})
    for method in ("Authenticate", "Authorize", "OpenSession"):
        mock.answers[method] = answer
    driver.start(arguments="timeout=1").answer("hunter2")
    for function in ("authenticate", "account"):
        assert driver.do("soak", function, 200).ok == ["0"], function


def test_P13_no_descriptor_outlives_a_call_that_fails(driver, mock):
    mock.answers.update(Authenticate=ALLOW)
    driver.start(arguments="timeout=1").answer("hunter2")
    driver.call("authenticate")
    before = driver.do("state").ok
    for function in ("socket", "connect", "getsockopt", "memfd_create", "fcntl", "write", "read", "poll", "malloc"):
        for n in range(1, 12):
            driver.do("arm", function, n)
            driver.call("authenticate")
            driver.do("disarm")
            assert driver.do("state").ok == before, (function, n)


@pytest.mark.parametrize("answer", [ALLOW, DENY, NOT_OURS, HANG_UP], ids=["allow", "deny", "not ours", "outage"])
@pytest.mark.parametrize("text", ["canary-4711", "canary-4711" * 1000])
def test_S2_S3_the_answer_is_wiped_before_it_is_freed(driver, mock, answer, text):
    mock.answers["Authenticate"] = answer
    driver.start(arguments="debug timeout=1").answer(text)
    driver.do("watch", b"canary-4711".hex())
    driver.call("authenticate")
    driver.end()  # libpam wipes PAM_AUTHTOK
    assert driver.do("watch", "-").ok == ["0"]


def test_the_manual_names_every_argument_and_default():
    manual = (ROOT / "docs/pam_tessera.8.scd").read_text()
    header = (ROOT / "pam/pam-options.h").read_text()
    names = re.findall(r'\{ "(\w+=?)", parse_', (ROOT / "pam/pam-options.c").read_text())
    assert names and all(f"*{name}*" in manual for name in names)
    value = dict(re.findall(r'#define (OPTIONS_\w+) +"?([^"\n/]+)', header))
    assert f"[prompt={value['OPTIONS_PROMPT']}]" in manual
    assert f"at most {value['OPTIONS_PROMPT_MAX']} bytes" in manual
    timeout, most = value["OPTIONS_TIMEOUT"].strip(), value["OPTIONS_TIMEOUT_MAX"].strip()
    assert f"1 to\n\t{most}, {timeout} by default" in manual


def test_P30_one_look_up_and_none_before_the_cheap_checks(driver, mock):
    mock.answers.update(Check=STEP_UP, Authenticate=ALLOW, Authorize=ALLOW, OpenSession=ALLOW)
    for service, user, arguments, expected in (("sshd", "alice", "", "1"), ("sudo", "root", "", "1"),
                                               ("sshd", "a/b", "", "0"), ("sshd", "alice", "nullok", "0")):
        driver.start(service, user, arguments, ruser="alice").answer("hunter2")
        driver.do("uid", ALICE if service == "sudo" else 0)
        for function in ("authenticate", "account"):
            driver.do("arm", "getpwnam", 0)
            driver.call(function)
            assert driver.do("disarm").ok == [expected], (service, user, function)
        driver.do("uid", 0)
