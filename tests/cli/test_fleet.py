# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""One device for the hosts of a fleet: who is given its tokens, and who decided that."""

import base64
import concurrent.futures
import fcntl
import json
import os
import shutil
import subprocess

import pytest

from scale import scaled
from test_device_file import KEY, PROMPT, counter_of, keyring, laptop  # noqa: F401 (fixtures)
from test_ssh import host  # noqa: F401

FLEET = "web.example"
PROMPT2 = "(alice@web2) Password or token: "
DEVICE = "cd" * 16


def login(host, name, fleet=FLEET, **environment):
    """At the fake host @name, which says that it is of @fleet."""
    return host.run("login", f"alice@{name}", *environment.pop("words", ()), AUDIENCE=fleet,
                    OFFERED=json.dumps({"host": f"{name}.example"}), **environment)


def fake(host):
    """The ssh that asks, in place of the host's side of registering."""
    return {"PATH": f"{host.build}/tests/cli:{os.environ['PATH']}"}


def ssh(host, name="web2"):
    """What ssh to @name is answered."""
    return host.ssh(f"alice@{name}", prompt=f"(alice@{name}) Password or token: ", **fake(host))


def log(host):
    path = host.folder / "log"
    return path.read_text() if path.exists() else ""


def status(host, *words):
    return json.loads(host.run("--json", "status", *words).stdout)


def alias(host, name="web2"):
    return host.state / "tessera/aliases" / f"alice@{name}"


@pytest.fixture
def fleet(host):  # noqa: F811
    """A laptop that is the device of alice at web1, for the fleet, and signed in to web2 as well."""
    assert login(host, "web1", words=("--name", "laptop")).returncode == 0
    done = login(host, "web2", ID="ef" * 16, KNOWN="1")
    assert done.returncode == 0, done.stderr
    return host


def device_of(answer):
    return base64.urlsafe_b64decode(answer.strip()[4:])[:16].hex()


# Signing in


def test_another_host_of_the_fleet_takes_the_device_that_there_is(fleet):
    assert [path.name for path in (fleet.state / "tessera/devices").iterdir()] == ["alice@web1"]
    assert log(fleet).splitlines()[-1] == f"known {DEVICE}"
    answers = [ssh(fleet, name).stdout for name in ("web1", "web2", "web2", "web1")]
    assert [counter_of(answer) for answer in answers] == [1, 2, 3, 4]
    assert {device_of(answer) for answer in answers} == {DEVICE}
    again = login(fleet, "web2", ID="ef" * 16, KNOWN="1")
    assert again.returncode == 0 and "nothing changed" in again.stdout
    third = json.loads(fleet.run("--json", "login", "alice@web3", AUDIENCE=FLEET, KNOWN="1", ID="ef" * 16,
                                 OFFERED='{"host":"web3.example"}').stdout)
    assert third == {"changed": True, "user": "alice", "host": "web3", "port": 22, "device": DEVICE, "name": "laptop",
                     "with": "alice@web1"}


def test_R4_parallel_logins_to_all_hosts_take_distinct_counters(fleet):
    count = scaled(100)
    with concurrent.futures.ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda n: ssh(fleet, ("web1", "web2")[n % 2]).stdout, range(count)))
    assert sorted(map(counter_of, answers)) == list(range(1, count + 1))


@pytest.mark.parametrize("environment", [
    {},                                             # it does not know the device, as it was revoked
    {"KNOWN": "1", "fleet": "db.example"},          # another fleet
    {"KNOWN": "1", "fleet": "web2.example"},        # none
    {"KNOWN": "1", "words": ("--name", "another")},
    {"KNOWN": "1", "words": ("--secret-service",)},
])
def test_what_another_host_is_not_to_share_is_a_device_of_its_own(host, keyring, environment):  # noqa: F811
    assert login(host, "web1", words=("--name", "laptop")).returncode == 0
    done = login(host, "web2", ID="ef" * 16, **environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(host.file("alice@web2").read_text())["device"] == "ef" * 16
    assert not alias(host).exists() and "revoke" not in log(host)
    assert [counter_of(ssh(host, name).stdout) for name in ("web1", "web2")] == [1, 1]


def test_A9_a_device_for_one_host_is_given_to_no_other(host):  # noqa: F811
    """What web1 calls itself is no fleet, whoever says later that it is one."""
    for offered in ({"host": FLEET}, {}):
        done = host.run("login", "alice@web1", AUDIENCE=FLEET, OFFERED=json.dumps(offered), ID=os.urandom(16).hex())
        assert done.returncode == 0, done.stderr
        assert login(host, "evil", ID=os.urandom(16).hex(), KNOWN="1").returncode == 0
        assert "known" not in log(host) and not alias(host, "evil").exists()
        host.run("logout", "--forget", "alice@evil")


def test_another_users_device_is_not_shared(host):  # noqa: F811
    assert login(host, "web1").returncode == 0
    assert host.run("login", "bob@web2", AUDIENCE=FLEET, OFFERED='{"host":"web2.example"}', KNOWN="1",
                    ID="ef" * 16).returncode == 0
    assert "known" not in log(host) and host.file("bob@web2").exists()


def test_R3_a_host_that_goes_before_it_says_yes(host):  # noqa: F811
    assert login(host, "web1").returncode == 0
    done = login(host, "web2", ID="ef" * 16, STOP="known")
    assert done.returncode == 1 and done.stderr
    assert not alias(host).exists() and not host.file("alice@web2").exists()


@pytest.mark.skipif(not shutil.which("expect"), reason="no expect")
def test_A9_a_human_says_which_host_is_of_the_fleet(host):  # noqa: F811
    """A host that claims to be gets what is good at all others. Before the yes it learns nothing, and after a no neither."""
    assert login(host, "web1", words=("--name", "laptop")).returncode == 0

    def ask(answer):
        script = f"""log_user 1; set timeout 20; stty columns 300
            spawn {host.tessera} login alice@web2
            expect -ex {{[y/N] }} {{ send "{answer}\\r"; expect eof }} eof
            exit [lindex [wait] 3]"""
        return subprocess.run(["expect", "-c", script], capture_output=True, text=True, timeout=60, check=False,
                              env={**host.environment, "AUDIENCE": FLEET, "KNOWN": "1", "ID": "ef" * 16,
                                   "OFFERED": '{"host":"web2.example"}'})

    done = ask("n")
    assert done.returncode == 1 and "nothing was changed" in done.stdout
    for word in ("alice@web2", "alice@web1", FLEET, '"laptop"'):
        assert word in done.stdout.split("[y/N]")[0]
    assert "known" not in log(host) and not alias(host).exists() and not host.file("alice@web2").exists()
    assert ask("y").returncode == 0 and alias(host).exists()
    again = ask("n")
    assert again.returncode == 0 and "[y/N]" not in again.stdout


# What it is used for


def test_status_shows_whose_device_it_is(fleet):
    hosts = status(fleet)["hosts"]
    assert [(one["host"], one["device"], one["fleet"], one["with"], one["state"]) for one in hosts] == [
        ("web1", DEVICE, True, None, "active"), ("web2", DEVICE, True, "alice@web1", "active")]
    one = status(fleet, "alice@web2")
    assert (one["host"], one["device"]["host"], one["device"]["with"]) == ("web2", "web2", "alice@web1")
    assert status(fleet, "alice@web1")["device"]["with"] is None
    assert "file (web1)" in fleet.run("status").stdout
    text = fleet.run("status", "alice@web2").stdout
    assert "alice@web1" in text and FLEET in text


def test_ssh_without_a_human(fleet):
    assert counter_of(fleet.run("--no-input", "ssh", "alice@web2", FAKE_PROMPTS=PROMPT2, **fake(fleet)).stdout) == 1
    assert fleet.run("--no-input", "ssh", "alice@web3", FAKE_PROMPTS=PROMPT, **fake(fleet)).returncode == 4


def test_P36_only_the_hosts_that_were_named_are_given_anything(fleet):
    for name in ("web3", "web", FLEET, "web2.example"):
        assert ssh(fleet, name).stdout == "exit 1\n"
    assert fleet.ssh("-p", "2222", "alice@web2", prompt=PROMPT2, **fake(fleet)).stdout == "exit 1\n"
    assert fleet.counter() == 0


def test_one_ssh_is_answered_once_by_whatever_name(fleet):
    answers = fleet.ssh("alice@web2", prompt=f"{PROMPT2}\n{PROMPT2}", **fake(fleet)).stdout.splitlines()
    assert counter_of(answers[0]) == 1 and answers[1:] == ["exit 1"]


# Signing out


def test_logout_of_one_host_leaves_the_device(fleet):
    before = log(fleet)
    done = fleet.run("logout", "alice@web2")
    assert done.returncode == 0 and "goes on" in done.stdout, done.stderr
    assert log(fleet) == before  # nobody was told, as nothing is revoked
    assert fleet.run("status", "alice@web2").returncode == 4
    assert ssh(fleet, "web2").stdout == "exit 1\n" and counter_of(ssh(fleet, "web1").stdout) == 1
    again = json.loads(fleet.run("--json", "logout", "alice@web2").stdout)
    assert again == {"changed": False, "user": "alice", "host": "web2", "also": []}


@pytest.mark.parametrize("forget", [(), ("--forget",)])
def test_logout_of_the_devices_host_ends_it_for_all(fleet, forget):
    done = fleet.run("--json", "logout", "alice@web1", *forget, FAKE_PROMPTS=PROMPT, **fake(fleet))
    assert json.loads(done.stdout) == {"changed": True, "user": "alice", "host": "web1", "also": ["alice@web2"]}
    assert (f"device revoke {DEVICE}" in log(fleet)) == (not forget)
    assert not alias(fleet).exists() and not fleet.file().exists()
    assert fleet.run("status", "alice@web2").returncode == 4
    assert ssh(fleet, "web2").stdout == "exit 1\n"


def test_logout_says_what_goes_with_it(fleet):
    assert "with it that for alice@web2" in fleet.run("logout", "--forget", "alice@web1").stdout


def test_logout_forget_of_one_host_keeps_the_key(host, keyring):  # noqa: F811
    """The key in the Secret Service is the other host's, too."""
    assert login(host, "web1", words=("--secret-service",)).returncode == 0
    assert login(host, "web2", KNOWN="1", ID="ef" * 16).returncode == 0
    assert counter_of(ssh(host, "web2").stdout) == 1
    assert host.run("logout", "--forget", "alice@web2").returncode == 0
    assert counter_of(ssh(host, "web1").stdout) == 2
    assert [key.name for key in keyring.iterdir()] == [DEVICE]


# What becomes of the device


def test_another_device_in_its_place_is_good_for_all(fleet):
    assert login(fleet, "web1", ID="01" * 16, KNOWN="1").returncode == 0
    assert log(fleet).splitlines()[-1] == f"revoke {DEVICE}"
    assert device_of(ssh(fleet, "web2").stdout) == "01" * 16


@pytest.mark.parametrize("now", ["db.example", "web1.example"])
def test_A9_a_device_for_something_else_is_not_given_to_them(fleet, now):
    done = login(fleet, "web1", fleet=now, ID="01" * 16)
    assert done.returncode == 0 and "not signed in to alice@web2 any more" in done.stderr
    assert ssh(fleet, "web2").stdout == "exit 1\n" and fleet.run("status", "alice@web2").returncode == 4
    assert fleet.counter() == 0


@pytest.mark.parametrize("change", [
    lambda file: {**file, "audience": "db.example"},
    lambda file: {key: value for key, value in file.items() if key != "fleet"},
])
def test_A9_nor_is_one_that_was_put_there_meanwhile(fleet, change):
    """Whoever waited for the lock looks again."""
    content = json.loads(fleet.file().read_text())
    with (fleet.state / "tessera/locks/alice@web1").open("w") as lock, concurrent.futures.ThreadPoolExecutor() as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        late = pool.submit(ssh, fleet, "web2")
        concurrent.futures.wait([late], 2)
        assert not late.done()
        fleet.file().write_text(json.dumps(change(content)))
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert late.result().stdout == "exit 1\n"
    assert ssh(fleet, "web2").stdout == "exit 1\n" and fleet.run("status", "alice@web2").returncode == 4


def test_a_host_that_went_to_another_fleet_has_a_device_of_its_own(fleet):
    assert login(fleet, "web2", fleet="db.example", ID="01" * 16).returncode == 0
    assert not alias(fleet).exists() and "revoke" not in log(fleet)
    assert [device_of(ssh(fleet, name).stdout) for name in ("web1", "web2")] == [DEVICE, "01" * 16]


def test_an_alias_that_leads_nowhere_is_none(fleet):
    fleet.file().unlink()
    assert ssh(fleet, "web2").stdout == "exit 1\n"
    assert [(one["host"], one["state"]) for one in status(fleet)["hosts"]] == [("web2", "lost")]
    assert fleet.run("status", "alice@web2").returncode == 4
    done = login(fleet, "web2", ID="01" * 16)
    assert done.returncode == 0 and not alias(fleet).exists()
    assert device_of(ssh(fleet, "web2").stdout) == "01" * 16


@pytest.mark.parametrize("spoil, words", [
    (lambda file: file.write_text(file.read_text()[:-3]), "damaged"),
    (lambda file: file.write_text(file.read_text().replace('"web1"', '"../web1"')), "damaged"),
    (lambda file: file.rename(file.parent / "alice@web3"), None),
    (lambda file: file.chmod(0o644), "could be read"),
    (lambda file: file.parent.chmod(0o755), "could be read"),
    (lambda file: (file.rename(file.parent / "other"), file.symlink_to("other")), "link"),
])
def test_what_is_not_in_order_is_told_and_left(fleet, spoil, words):
    """Who could write an alias would choose who is given tokens."""
    spoil(alias(fleet))
    for name in ("web2", "web3"):
        answer = ssh(fleet, name)
        assert answer.stdout == "exit 1\n"
    assert not words or words in ssh(fleet, "web2").stderr
    assert fleet.counter() == 0 and counter_of(ssh(fleet, "web1").stdout) == 1
    fleet.run("status")
    alias(fleet).parent.chmod(0o700)
    assert fleet.run("logout", "--forget", "alice@web2").returncode == 0
    assert login(fleet, "web2", KNOWN="1", ID="ef" * 16).returncode == 0
    assert counter_of(ssh(fleet, "web2").stdout) == 2


def test_a_copied_home_acts_by_no_name(fleet):
    fleet.file().write_text(json.dumps({**json.loads(fleet.file().read_text()), "machine_id": "0" * 32}))
    for name in ("web1", "web2"):
        answer = ssh(fleet, name)
        assert answer.stdout == "exit 1\n" and "another machine" in answer.stderr
    assert {one["state"] for one in status(fleet)["hosts"]} == {"copied"}
    assert fleet.run("login", "alice@web3", AUDIENCE=FLEET, OFFERED='{"host":"web3.example"}', KNOWN="1",
                     ID="ef" * 16).returncode == 0
    assert "known" not in log(fleet).splitlines()[-1] and not alias(fleet, "web3").exists()


# Robots

ROBOT = {**KEY, "host": "web1.example", "audience": FLEET}


def give(laptop, name, key, *words):  # noqa: F811
    return laptop.run("--json", "login", f"alice@{name}", "--device", *words, stdin=json.dumps(key) + "\n")


def test_R4_a_fleets_key_is_for_each_host_that_it_is_given_for(laptop, keyring):  # noqa: F811
    """One key, one file, one counter; and what sets the machine up does it every day."""
    for first in (True, False):
        for name in ("web1", "web2"):
            done = give(laptop, name, ROBOT)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["changed"] == first
    assert [path.name for path in (laptop.state / "tessera/devices").iterdir()] == ["alice@web1"]
    assert [counter_of(ssh(laptop, name).stdout) for name in ("web1", "web2", "web1")] == [1, 2, 3]
    assert ssh(laptop, "web3").stdout == "exit 1\n"
    done = give(laptop, "web3", ROBOT, "--secret-service")  # it lies in a file, and would not move
    assert done.returncode == 1 and not alias(laptop, "web3").exists()
    done = give(laptop, "web3", {**ROBOT, "audience": "db.example"})
    assert done.returncode == 1 and not alias(laptop, "web3").exists()


def test_R4_a_fleets_key_in_place_of_a_hosts_own(laptop):  # noqa: F811
    assert give(laptop, "web1", ROBOT).returncode == 0
    assert give(laptop, "web2", {**ROBOT, "device": "ef" * 16, "audience": "web1.example"}).returncode == 0
    assert device_of(ssh(laptop, "web2").stdout) == "ef" * 16
    assert give(laptop, "web2", ROBOT).returncode == 0
    assert not laptop.file("alice@web2").exists() and device_of(ssh(laptop, "web2").stdout) == KEY["device"]
    own = {**ROBOT, "device": "ef" * 16, "audience": "db.example"}
    assert give(laptop, "db1", own).returncode == 0 and give(laptop, "db2", own).returncode == 0
    done = laptop.run("login", "alice@db1", "--device", stdin=json.dumps(ROBOT))
    assert done.returncode == 0 and "not signed in to alice@db2 any more" in done.stderr
    assert ssh(laptop, "db2").stdout == "exit 1\n" and device_of(ssh(laptop, "db1").stdout) == KEY["device"]
    assert give(laptop, "web2", {**ROBOT, "device": "ef" * 16}).returncode == 0
    assert not alias(laptop).exists() and device_of(ssh(laptop, "web2").stdout) == "ef" * 16
