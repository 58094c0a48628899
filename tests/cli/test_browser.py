# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The page at the end of a sign-in, as a real browser shows it: what it says, and that people can read it.

Screenshots go to build/screenshots.
"""

import shutil
import tempfile

import pytest
from browser import OPTIONS, PROGRAM, Chromium, contrast, look_at_page, use_scheme
from test_sign_in import ALLOW, CODE_FLOW, Browser as Waiting, command, daemon, verdict  # noqa: F401


@pytest.fixture(scope="module")
def chromium():
    if not shutil.which(PROGRAM):
        pytest.skip(f"needs {PROGRAM}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Chromium([PROGRAM, *OPTIONS, f"--user-data-dir={folder}"],
                           env={"PATH": "/usr/bin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8"})
        yield browser
        browser.end()


def test_contrast_is_computed_as_wcag_does():
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == 21
    assert round(contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)"), 2) == 4.48


@pytest.mark.parametrize("answer, heading, sentence", [
    (ALLOW, "Signed in", "You are signed in as root on web1.example.org. You can close this page and go back to the terminal."),
    (verdict("deny", reason="credential", message="somebody else than root approved it"), "Not signed in",
     "You are not signed in on web1.example.org: somebody else than root approved it.")], ids=["done", "refused"])
def test_the_page_at_the_end(chromium, command, daemon, request, answer, heading, sentence):  # noqa: F811
    daemon.answers.update(StartSignIn=CODE_FLOW, FinishSignIn=answer)
    waiting = Waiting(command)
    use_scheme(chromium, "light")
    chromium.open(f"http://127.0.0.1:{waiting.port(daemon)}/callback?code=4711&state=xyz")
    assert waiting.end()[0] == (0 if answer is ALLOW else 3)
    assert chromium.complaints() == []  # the policy threw nothing away, and nothing was asked for beside the page
    look_at_page(chromium, f"sign-in-{request.node.callspec.id}", heading, sentence)
