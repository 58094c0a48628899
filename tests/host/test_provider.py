# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Signing in at the company's login page: Enter alone at ssh, a browser, Enter; and every other end of it."""

import json

from company import Knock


def current(shell):
    return json.loads(shell.run("tessera status --json")[0])["session"]


def test_enter_alone_and_a_browser_open_the_shell(company):
    with company.shell("alice") as shell:
        session = current(shell)
        print(session)
        print(shell.greeting)
        assert session["methods"] == ["oidc:corp"]
