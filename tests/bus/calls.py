# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Every method with arguments that are well-formed and all about alice: one line for a new method.

"ID" is a session of alice's that is nobody's own login here, "NEW-ID" and "NEW-NAME" a device's that
there is not; ("secret", text) is a descriptor, ("refresh-token",) one with the next refresh token of a
device of hers.
"""

import os

from daemon import PASSWORD

CALLS = {
    # method: signature and arguments
    "Daemon.Check": ("",),
    "Daemon.LookAtStore": ("",),
    "Daemon.AdoptStore": ("s", ""),
    "Login.Authenticate": ("ssa{sv}h", "alice", "sshd", {}, ("secret", PASSWORD)),
    "Login.Check": ("ssa{sv}", "alice", "sudo", {}),
    "Login.Authorize": ("ssa{sv}", "alice", "sshd", {}),
    "Login.HasRole": ("ssa{sv}", "alice", "admin", {}),
    "Login.OpenSession": ("ssa{sv}", "alice", "sshd", {}),
    "Login.CloseSession": ("s", "ID"),
    "Login.ChangePassword": ("ssa{sv}hh", "alice", "passwd", {}, ("secret", PASSWORD), ("secret", PASSWORD)),
    "Sessions.GetCurrent": ("",),
    "Sessions.List": ("a{sv}", {"user": "alice"}),
    "Sessions.Show": ("s", "ID"),
    "Sessions.Revoke": ("a{sv}a{sv}", {"ids": ["ID"]}, {}),
    "Sessions.Logout": ("b", False),
    "Sessions.StepUp": ("h", ("secret", PASSWORD)),
    "Sessions.StartSignIn": ("a{sv}", {}),
    "Sessions.FinishSignIn": ("sha{sv}", "0" * 32, ("secret", ""), {}),
    "Tokens.Print": ("a{sv}", {}),
    "Tokens.Verify": ("ha{sv}", ("secret", "no token"), {}),
    "Monitor.Subscribe": ("",),
    "Monitor.Unsubscribe": ("",),
    "Users.List": ("",),
    "Users.Show": ("s", "alice"),
    "Users.Add": ("sha{sv}", "alice", ("secret", PASSWORD), {}),
    "Users.SetEnabled": ("sb", "alice", False),
    "Users.Remove": ("s", "alice"),
    "Users.Link": ("sss", "alice", "corp", "248289761001"),
    "Users.Unlink": ("ss", "alice", "corp"),
    "Users.SetPassword": ("shh", "alice", ("secret", PASSWORD), ("secret", PASSWORD)),
    "Roles.List": ("",),
    "Roles.Show": ("s", "admin"),
    "Roles.Grant": ("ssa{sv}", "everyone", "alice", {}),
    "Roles.Revoke": ("ss", "everyone", "alice"),
    "Policy.Explain": ("ssa{sv}", "alice", "sudo", {}),
    "Policy.Show": ("",),
    "Keys.List": ("",),
    "Keys.Export": ("",),
    "Keys.Prepare": ("",),
    "Keys.Rotate": ("",),
    "Keys.Rename": ("s", "web9.example"),
    "Trust.List": ("",),
    "Throttle.List": ("",),
    "Throttle.Reset": ("a{sv}", {"user": "alice"}),
    "Tokens.Refresh": ("ha{sv}", ("refresh-token",), {}),
    "Devices.List": ("a{sv}", {"user": "alice"}),
    "Devices.Add": ("sssa{sv}", "NEW-ID", "NEW-NAME",
                    "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg", {"user": "alice"}),
    "Devices.Revoke": ("sa{sv}", "laptop", {"user": "alice"}),
}


def for_session(session, arguments):
    """The same with that session's id."""
    signature, *values = arguments
    words = {"ID": session, "NEW-ID": os.urandom(16).hex(), "NEW-NAME": os.urandom(8).hex()}
    return signature, *[{"ids": [session]} if v == {"ids": ["ID"]} else words.get(v, v) if isinstance(v, str) else v
                        for v in values]
