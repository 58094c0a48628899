# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""From a laptop with nothing but the command: one password, and from then on no prompt; and what thieves get."""

import base64
import itertools
import json
import re
import statistics
import time

import pytest
from conftest import PASSWORDS, ROOT, SCALED_CUTS, server
from cryptography.hazmat.primitives.asymmetric import ed25519
from laptop import DIRECT, STATE, Laptop, ended
from network import Network

ALICE = PASSWORDS["alice"]
WHERE = "alice@web1"
names = (f"laptop{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def net(server_layer, laptop_layer):
    with Network("laptop", "thief", "web1", "jump") as network:
        network.web1 = server(network, "web1", server_layer)
        network.laptop = Laptop(network.host("laptop", laptop_layer))
        network.thief = Laptop(network.host("thief", laptop_layer))
        yield network


@pytest.fixture
def web1(net):
    return net.web1


@pytest.fixture
def laptop(net):
    """Signed in once, by the password, as a device of its own."""
    name = next(names)
    net.laptop.sign_in(WHERE, ALICE, name)
    net.laptop.device = name
    return net.laptop


@pytest.fixture
def thief(net):
    return net.thief


def device(web1, name):
    found = json.loads(web1.sh("tessera --json device list --user alice").stdout)
    return [one for one in found if one["name"] == name][0]


def sessions(web1, device_id):
    found = json.loads(web1.sh("tessera --json session list --user alice").stdout)
    return [one for one in found if one["device"] == device_id]


def alarms(web1):
    return web1.journal("TESSERA_EVENT=reuse")


@pytest.fixture
def quiet(web1, net):
    """Whatever the test does: no alarm is raised by it, and the device is as good as before."""
    before = alarms(web1)
    yield
    assert alarms(web1) == before
    assert device(web1, net.laptop.device)["state"] == "active"


# No prompt


def test_the_laptop_has_the_command_alone(laptop):
    found = laptop.host.sh("dpkg-query -W -f '${Package} ${db:Status-Status}\\n' 'tessera*' '*tessera'", check=False).stdout
    assert [line.split()[0] for line in found.splitlines() if line.endswith(" installed")] == ["tessera"]


def test_status_names_the_host_and_where_the_key_lies(laptop):
    shown = laptop.run("tessera status", check=False)
    row = [line.split() for line in shown.stdout.splitlines() if laptop.device in line][0]
    assert shown.returncode == 0 and row[:2] == ["web1", "alice"] and "file" in row
    assert laptop.host.sh(f"stat -c %a {STATE}").stdout == "700\n"
    assert laptop.host.sh(f"find {STATE} -type f ! -perm 600").stdout == ""


def test_a_session_from_a_device_has_its_origins_freshness(laptop, web1):
    opened = json.loads(laptop.run(f"tessera ssh {DIRECT} {WHERE} tessera --json status").stdout)["session"]
    registered = device(web1, laptop.device)
    assert opened["methods"] == ["tok"] and opened["device"] == registered["id"]
    time.sleep(1.1)
    later = json.loads(laptop.run(f"tessera ssh {DIRECT} {WHERE} tessera --json status").stdout)["session"]
    assert later["auth_time"] == opened["auth_time"] < later["opened"]
    assert laptop.login(WHERE, command="sudo -n id -u").stdout == "0\n"


def test_a_hundred_logins_across_a_restart(laptop, web1, quiet):
    loop = f"for i in $(seq 50); do tessera ssh {WHERE} true || exit 1; [ $((i % 5)) != 0 ] || tessera ssh {DIRECT} {WHERE} true || exit 1; done"
    laptop.run(loop, timeout=120)
    web1.sh("systemctl restart tesserad.service")
    laptop.run(loop, timeout=120)


@pytest.mark.parametrize("options", ["", DIRECT], ids=["riding", "direct"])
def test_fifty_in_parallel(laptop, quiet, options):
    shown = laptop.run(f"for i in $(seq 50); do {{ tessera ssh {options} {WHERE} true; echo $?; }} & done; wait",
                       timeout=120)
    assert shown.stdout.split() == ["0"] * 50, shown.stderr


def test_what_it_prints_and_returns_is_the_commands(laptop):
    assert laptop.run(f"echo hello | tessera ssh {WHERE} 'cat; exit 7'", check=False).stdout == "hello\n"
    assert laptop.run(f"tessera ssh {WHERE} 'exit 7'", check=False).returncode == 7


# Everything that speaks ssh, riding on the connection that tessera ssh keeps


@pytest.fixture
def riding(laptop, quiet):
    """The guide's lines in ssh_config, and one `tessera ssh`."""
    laptop.run("mkdir -p -m 700 ~/.ssh; cat > ~/.ssh/config", input=guide_lines())
    laptop.run(f"tessera ssh {WHERE} true")
    yield laptop
    laptop.run("rm ~/.ssh/config")


def guide():
    return (ROOT / "docs/ssh.md").read_text()


def guide_lines():
    """The block of ssh_config that it tells people to write."""
    return [block for block in re.findall(r"^```\n(.*?)^```", guide(), re.M | re.S) if "ControlPath" in block][0]


def test_scp(riding, web1):
    riding.run(f"seq 10000 > ~/numbers; scp -B ~/numbers {WHERE}:numbers; scp -B {WHERE}:numbers ~/again; cmp ~/numbers ~/again")
    assert web1.sh("wc -l < ~alice/numbers").stdout == "10000\n"


def test_sftp_in_batch_mode(riding, web1):
    riding.run(f"echo by-sftp > ~/sent; printf 'put sent arrived\\nls -l arrived\\n' | (cd; sftp -b - {WHERE})")
    assert web1.read("/home/alice/arrived") == "by-sftp\n"


def test_rsync(riding, web1):
    riding.run(f"mkdir -p ~/tree/deep; echo leaf > ~/tree/deep/leaf; rsync -a -e 'ssh -o BatchMode=yes' ~/tree/ {WHERE}:tree/")
    assert web1.read("/home/alice/tree/deep/leaf") == "leaf\n"


def test_git_clone_and_push(riding, web1):
    riding.run(f"ssh -o BatchMode=yes {WHERE} git init -q --bare work.git")
    riding.run(f"cd; export GIT_SSH_COMMAND='ssh -o BatchMode=yes'; git clone -q {WHERE}:work.git work; cd work; "
               "git -c user.name=ann -c user.email=ann@laptop commit -q --allow-empty -m first; git push -q origin HEAD:main")
    assert "first" in web1.sh("git -C ~alice/work.git log --oneline main", user="alice").stdout


def test_an_ansible_playbook_with_sudo(riding, web1):
    riding.host.write("/home/ann/play.yml", """
- hosts: all
  gather_facts: false
  tasks:
    - copy: {content: "by ansible\\n", dest: /home/alice/by-ansible}
    - command: id -u
      become: true
      register: who
    - assert: {that: who.stdout == "0"}
""")
    line = re.search(r"^    (.*ansible-playbook .*)$", guide(), re.M)[1]
    riding.run(f"cd; {line.replace('site.yml', 'play.yml')}", timeout=120)
    assert web1.read("/home/alice/by-ansible") == "by ansible\n"


# Whatever is lost on the way


def test_R3_the_connection_is_cut_at_random_moments(net, laptop, web1, rng, quiet):
    def measure():
        start = time.monotonic()
        laptop.login(WHERE)
        return time.monotonic() - start

    length = statistics.median(measure() for _ in range(5))
    for number in range(SCALED_CUTS):
        what, moment = rng.choice(("network", "ssh", "daemon")), rng.uniform(0, 1.1 * length)
        login = laptop.start(f"tessera ssh {DIRECT} {WHERE} true")
        time.sleep(moment)
        if what == "network":
            net.pull(web1)
            time.sleep(rng.uniform(0, 0.2))
            laptop.cut(login)
            net.plug(web1)
        elif what == "ssh":
            laptop.cut(login)
        else:
            web1.signal("tesserad.service", "KILL")
            login.wait(timeout=60)
        again = laptop.login(WHERE, check=False)
        assert again.returncode == 0, (number, what, moment, again.stderr)
        assert alarms(web1) == "", (number, what, moment)


# Thieves


@pytest.mark.parametrize("order", ["TO", "OT", "random"])
def test_R2_a_copied_device(laptop, thief, web1, rng, order):
    """Each takes its own next counter; the first that is taken twice is found, whoever comes second."""
    live = laptop.stay(WHERE)
    registered = device(web1, laptop.device)
    monitor = web1.spawn("exec tessera --json monitor > /run/monitor.out")
    laptop.copy_to(thief)
    steps = [rng.choice("TO") for _ in range(8)] + ["T", "O"] * 8 if order == "random" else order
    counters, used = {"T": 0, "O": 0}, set()
    for who in steps:
        counters[who] += 1
        result = (thief if who == "T" else laptop).login(WHERE, check=False)
        if counters[who] in used:
            break
        used.add(counters[who])
        assert result.returncode == 0, (steps, who, result.stderr)
    assert result.returncode != 0, steps
    assert ended(live, seconds=2) is not None
    now = device(web1, laptop.device)
    assert now["state"] == "revoked" and now["reason"] == "reuse"
    assert all(one["state"] == "revoked" for one in sessions(web1, registered["id"]))
    for one in (laptop, thief):
        assert one.login(WHERE, check=False).returncode != 0
    web1.wait("grep -q '\"reuse\"' /run/monitor.out")
    monitor.kill()
    with laptop.host.shell("alice", ALICE, address="web1") as shell:
        assert laptop.device in shell.greeting and "revoked" in shell.greeting


def test_a_copy_on_another_machine_is_refused_and_sends_nothing(laptop, thief, web1, quiet):
    laptop.copy_to(thief, same_machine=False)
    before = device(web1, laptop.device)["used"]
    refused = thief.login(WHERE, check=False)
    assert refused.returncode != 0 and "machine" in refused.stderr
    assert device(web1, laptop.device)["used"] == before
    assert laptop.login(WHERE).returncode == 0


def test_R5_nothing_on_the_host_makes_a_refresh_token(laptop, web1):
    """All secrets of the host, each tried as the device's key."""
    laptop.login(WHERE)
    registered = device(web1, laptop.device)
    web1.sh("sqlite3 /var/lib/tessera/tessera.db '.backup /run/backup.db'")
    found = web1.sh(f"sqlite3 /run/backup.db \"select public_key from device where id = '{registered['id']}'\"").stdout
    secret = [base64.b64decode(found.strip())]
    assert len(secret[0]) == 32
    for line in web1.sh("cat /var/lib/tessera/keys/*").stdout.splitlines():
        if line.startswith("secret="):
            secret.append(base64.urlsafe_b64decode(line.removeprefix("secret=") + "="))
    assert len(secret) >= 3
    for seed in secret:
        counter = (1000).to_bytes(4, "big")
        head = bytes.fromhex(registered["id"]) + counter
        signature = ed25519.Ed25519PrivateKey.from_private_bytes(seed).sign(
            b"tessera-ts1\0" + head + len(b"web1").to_bytes(2, "big") + b"web1")
        token = "ts1_" + base64.urlsafe_b64encode(head + signature).decode().rstrip("=")
        assert web1.ssh("alice", token, check=False).returncode == 255
    # What the laptop keeps stands nowhere on the host.
    kept = laptop.host.sh(f"find {STATE} -type f -exec cat {{}} +").stdout
    dump = web1.sh("sqlite3 /run/backup.db .dump; cat /var/lib/tessera/keys/*").stdout
    words = re.findall(r"(?<![\w-])[\w-]{43}(?![\w-])", kept)  # which may begin or end with "-"
    assert words and not [word for word in words if word in dump]
    assert device(web1, laptop.device)["state"] == "active"
    laptop.login(WHERE)


def test_a_revoked_device_is_out_at_once(laptop, web1):
    live = laptop.stay(WHERE)
    web1.sh(["tessera", "device", "revoke", device(web1, laptop.device)["id"]])
    assert ended(live, seconds=2) is not None
    assert laptop.login(WHERE, check=False).returncode != 0


# Jump hosts


@pytest.fixture(scope="module")
def jump(net, server_layer):
    """A jump host that shows tessera's own prompt and keeps what it is told."""
    host = net.host("jump", server_layer)
    host.write("/usr/local/bin/keep", "#!/bin/sh\ntr '\\0' '\\n' >> /run/told\necho >> /run/told\n", mode=0o755)
    host.sh("sed -i '0,/^auth.*pam_tessera/{/^auth.*pam_tessera/a auth optional pam_exec.so expose_authtok quiet /usr/local/bin/keep\n"
            "s/\\[success=1 ignore=ignore default=die\\]/[success=2 ignore=ignore default=die]/}' /etc/pam.d/sshd")
    return host


@pytest.mark.parametrize("prompt", ["Password or token: ", "(alice@web1) Password or token: "])
def test_P36_a_jump_host_is_told_nothing(laptop, jump, quiet, prompt):
    jump.sh(f"sed -i 's/pam_tessera.so.*/pam_tessera.so [prompt={prompt}]/' /etc/pam.d/sshd; rm -f /run/told")
    # A password does arrive there: the trap works.
    laptop.host.ssh("alice", "a-password", address="jump", check=False)
    assert "a-password" in jump.read("/run/told")
    jump.sh("rm /run/told")
    assert laptop.run(f"tessera ssh {DIRECT} -J alice@jump {WHERE} true", check=False).returncode != 0
    assert jump.sh("cat /run/told", check=False).stdout.strip() == ""


def test_through_a_jump_host_that_takes_a_key(laptop, jump, quiet):
    laptop.run("test -e ~/.ssh/id_ed25519 || ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519")
    key = laptop.run("cat ~/.ssh/id_ed25519.pub").stdout
    jump.sh("install -d -m 700 -o alice -g alice ~alice/.ssh; cat > ~alice/.ssh/authorized_keys", input=key)
    assert laptop.run(f"tessera ssh {DIRECT} -J alice@jump {WHERE} hostname").stdout == "web1\n"
