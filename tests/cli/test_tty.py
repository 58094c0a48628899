# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Prompts at a terminal: nothing that was typed of a password is shown or left behind."""

import fcntl
import os
import select
import signal
import subprocess
import termios
import time

import pytest

TYPED = "canary-hunter2"


class Terminal:
    """A program with a terminal of its own, which we keep when the program is gone."""

    def __init__(self, argv, **options):
        self.master, self.slave = os.openpty()
        self.output = ""
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(argv, stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        preexec_fn=self._take_terminal, **options)

    def _take_terminal(self):
        os.setsid()
        for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):  # a job in the background has them ignored
            signal.signal(name, signal.SIG_DFL)
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def read_until(self, text, seconds=10):
        deadline = time.monotonic() + seconds
        while text not in self.output:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {text!r} in {self.output!r}"
            self.output += os.read(self.master, 4096).decode(errors="replace")

    def read_rest(self):
        while select.select([self.master], [], [], 0.1)[0]:
            self.output += os.read(self.master, 4096).decode(errors="replace")
        return self.output

    def type(self, text):
        os.write(self.master, text.encode())

    def wait(self, seconds=10):
        return self.process.wait(seconds)

    def attributes(self):
        return termios.tcgetattr(self.slave)

    def echoes(self):
        return bool(self.attributes()[3] & termios.ECHO)

    def left_behind(self):
        """What the next reader of the terminal, a shell, would get."""
        os.set_blocking(self.slave, False)
        attributes = self.attributes()
        attributes[3] &= ~termios.ICANON  # so that a line without an end counts too
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)
        try:
            return os.read(self.slave, 4096)
        except BlockingIOError:
            return b""

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal():
    opened = []

    def start(argv, **options):
        opened.append(Terminal([str(word) for word in argv], **options))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def tessera(build):
    return build / "client" / "tessera"


@pytest.fixture
def prompt(build):
    """The prompt alone, with a time limit in seconds."""
    return lambda seconds: [build / "client" / "test-secret-input", "prompt", seconds]


def assert_nothing_left(term):
    assert TYPED not in term.read_rest()
    assert term.attributes() == term.before
    assert term.left_behind() == b""


def test_answer_is_taken_without_echo(terminal, prompt):
    term = terminal(prompt(20))
    term.read_until("Password: ")
    assert not term.echoes()
    term.type(TYPED + "\n")
    assert term.wait() == 0
    term.read_until(f"result 0 size {len(TYPED)}")
    assert_nothing_left(term)


@pytest.mark.parametrize("how", ["^C", "^\\", signal.SIGTERM, signal.SIGHUP, signal.SIGALRM])
def test_S7_interrupt_restores_the_terminal_and_drops_what_was_typed(terminal, tessera, how):
    term = terminal([tessera, "login"])
    term.read_until("Password: ")
    term.type(TYPED)
    keys = {"^C": ("\x03", signal.SIGINT), "^\\": ("\x1c", signal.SIGQUIT)}
    if how in keys:
        term.type(keys[how][0])
        expected = keys[how][1]
    else:
        term.process.send_signal(how)
        expected = how
    assert term.wait() == -expected
    assert_nothing_left(term)


def test_S7_timeout_restores_the_terminal_and_drops_what_was_typed(terminal, prompt):
    term = terminal(prompt(1))
    term.read_until("Password: ")
    term.type(TYPED)
    assert term.wait() == 1
    term.read_until("result -110")
    assert_nothing_left(term)


def test_S7_stopped_prompt_shows_nothing_and_asks_again(terminal, prompt):
    command = " ".join(str(word) for word in prompt(20))
    term = terminal(["bash", "-c", f"set -m; {command}; echo stopped; read -r -n 99 -t 0.2 got; echo \"<$got>\"; fg"])
    term.read_until("Password: ")
    term.type(TYPED)
    term.type("\x1a")
    term.read_until("stopped")
    assert term.echoes()
    term.read_until("<>")
    shown, _, term.output = term.output.partition("<>")
    term.read_until("Password: ")
    assert not term.echoes()
    term.type("again\n")
    term.read_until("result 0 size 5")
    assert TYPED not in shown + term.output


def test_end_of_input_is_no_password(terminal, tessera):
    term = terminal([tessera, "login"])
    term.read_until("Password: ")
    term.type("\x04")
    assert term.wait() == 2
    assert "no password" in term.read_rest()


def test_half_a_line_ended_by_end_of_input_waits_for_the_rest(terminal, prompt):
    term = terminal(prompt(20))
    term.read_until("Password: ")
    term.type("half\x04")
    time.sleep(0.2)
    term.type("whole\n")
    term.read_until("result 0 size 9")


def test_long_answers_are_refused_not_cut(terminal, prompt):
    term = terminal(prompt(20))
    term.read_until("Password: ")
    for _ in range(3):
        term.type("x" * 3000 + "\x04")
        time.sleep(0.1)
    term.read_until("result -7")
    assert_nothing_left(term)


def test_new_passwords_must_be_the_same(terminal, tessera):
    term = terminal([tessera, "passwd", "alice"])
    term.read_until("New password: ")
    term.type(TYPED + "\n")
    term.read_until("Once more: ")
    term.type(TYPED + "x\n")
    assert term.wait() == 1
    assert "not the same" in term.read_rest()
    assert_nothing_left(term)


def test_confirmation(terminal, tessera):
    for command in (["user", "remove", "nobody-here"], ["device", "revoke", "laptop"], ["key", "rename", "web1"]):
        for answer, status in (("n", 1), ("", 1), ("y", 5), ("yes", 5)):
            term = terminal([tessera, *command])
            term.read_until("[y/N] ")
            term.type(answer + "\n")
            assert term.wait() == status, command
            assert ("nothing was changed" in term.read_rest()) == (status == 1)


def test_no_input_never_asks(terminal, tessera):
    for command in (["login"], ["passwd", "alice"], ["token", "verify"], ["user", "remove", "bob"],
                    ["token", "refresh"], ["device", "revoke", "laptop"], ["key", "rename", "web1"],
                    ["session", "revoke", "--all-users"]):
        term = terminal([tessera, "--no-input", *command])
        assert term.wait() == 2, command
        assert "--no-input" in term.read_rest()


def test_colour_only_at_a_terminal(terminal, tessera):
    token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJoIn0.c2ln"
    plain = subprocess.run([tessera, "token", "decode"], input=token, capture_output=True, text=True, check=True)
    assert "\033" not in plain.stdout
    for options, environment, colour in (([], {}, True), (["--no-color"], {}, False), ([], {"NO_COLOR": "1"}, False),
                                         ([], {"TERM": "dumb"}, False)):
        term = terminal([tessera, "token", "decode", *options], env={"TERM": "xterm", **environment})
        term.read_until("Token: ")
        term.type(token + "\n")
        assert term.wait() == 0
        assert ("\033[1m" in term.read_rest()) == colour


# askpass, whose ssh may be gone before the human has answered


@pytest.fixture
def asking(terminal, build, tmp_path):
    """askpass, asked by a fake ssh, below a shell that goes on; and that ssh's pid."""
    askpass = tmp_path / "tessera-askpass"
    askpass.symlink_to(build / "client/tessera")

    def start(prompt):
        environment = {**os.environ, "PATH": f"{build}/tests/cli:{os.environ['PATH']}", "SSH_ASKPASS": str(askpass),
                       "FAKE_PROMPTS": prompt, "XDG_STATE_HOME": str(tmp_path)}
        term = terminal(["sh", "-c", "ssh alice@web1 & echo pid $!; wait; read line; echo got $line"], env=environment)
        term.read_until("pid ")
        term.read_until(": ")
        return term, int(term.output.split("pid ")[1].split()[0])

    return start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_S7_an_ssh_that_is_gone_takes_its_prompt_along(asking, number):
    """Else the terminal stays silent, and the next line that is typed, for whomever, goes nowhere."""
    term, pid = asking("bob@web1's password: ")
    assert not term.echoes()
    term.type(TYPED)
    os.kill(pid, number)
    deadline = time.monotonic() + 5
    while not term.echoes() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert term.attributes() == term.before
    term.type("next\n")
    term.read_until("got next")
    assert TYPED not in term.output


def test_P22_a_prompt_moves_no_cursor(asking):
    """What a host asks comes from the host: nothing in it may paint over the line that says who asks."""
    term, _ = asking("(bob@evil) \x1b[2J\x1b]0;x\x07\r\u009b1m(alice@web1) Password or token: ")
    shown = term.read_rest().split("pid ")[1]
    assert "(bob@evil) ?[2J?]0;x??" in shown and "\x1b" not in shown and "\x07" not in shown and "\u009b" not in shown
