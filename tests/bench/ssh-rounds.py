#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""
Times `ssh host true`, in a host: ssh-rounds.py ROUNDS USER NAME:PORT… A prompt is answered by the
program in SSH_ASKPASS. Prints lines as bench-pam does.
"""

import os
import subprocess
import sys
import time

OPTIONS = ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
           "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1", "-o", "ControlPath=none"]


def main():
    rounds, user = int(sys.argv[1]), sys.argv[2]
    services = [argument.split(":") for argument in sys.argv[3:]]
    for number in range(rounds + 1):
        for name, port in services:
            argv = ["ssh", *OPTIONS, "-p", port, f"{user}@127.0.0.1", "true"]
            began = time.perf_counter()
            subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, env=os.environ)
            if number > 0:
                print(name, round((time.perf_counter() - began) * 1e6))


main()
