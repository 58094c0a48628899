/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The table of commands; one file per noun runs them. */

#include "client/verbs.h"

static const OptionSpec login_options[] = {
        { "password",       0, NULL,   "by password, as without this option" },
        { "device-code",    0, NULL,   "at an identity provider, with a code that any device's browser takes" },
        { "browser",        0, NULL,   "at an identity provider, in a browser of this machine" },
        { "provider",       0, "NAME", "at this one (default: the daemon's choice)" },
        { "name",           0, "NAME", "with a host: what this machine is called there (default: its name)" },
        { "device",         0, NULL,   "with a host: take a device's key from stdin, as device add prints it" },
        { "secret-service", 0, NULL,   "with a host: keep the key in the desktop's keyring, not in a file" },
        { NULL },
};

static const OptionSpec logout_options[] = {
        { "others", 0, NULL, "revoke all of your sessions but this one instead" },
        { "forget", 0, NULL, "with a host that cannot be reached: only forget it here" },
        { NULL },
};

static const OptionSpec device_enroll_options[] = {
        { "name", 0, "NAME", "what the other side is called" },
        { NULL },
};

static const OptionSpec session_list_options[] = {
        { "user",      0, "USER", "another user's (for administrators)" },
        { "all-users", 0, NULL,   "everybody's (for administrators)" },
        { "host",      0, "HOST", "only those of this host of the fleet" },
        { NULL },
};

static const OptionSpec session_revoke_options[] = {
        { "user",       0, "USER", "all of this user" },
        { "others",     0, NULL,   "all of yours but this one" },
        { "all-users",  0, NULL,   "everybody's (for administrators); asks for confirmation" },
        { "keep-login", 0, NULL,   "spare the live login: its shell stays" },
        { "reason",     0, "TEXT", "said in the session's events and the journal" },
        { NULL },
};

static const OptionSpec device_list_options[] = {
        { "user",      0, "USER", "another user's (for administrators)" },
        { "all-users", 0, NULL,   "everybody's (for administrators)" },
        { NULL },
};

static const OptionSpec device_add_options[] = {
        { "name", 0, "NAME", "what it is called: laptop, build-robot" },
        { "user", 0, "USER", "for this user (for administrators)" },
        { NULL },
};

static const OptionSpec device_revoke_options[] = {
        { "user",   0, "USER", "whose device it is (for administrators)" },
        { "reason", 0, "TEXT", "said in the list of devices and the journal" },
        { NULL },
};

static const OptionSpec token_print_options[] = {
        { "audience", 0, "HOST",    "a ticket for another host, good there once and for 60 s" },
        { "min-ttl",  0, "SECONDS", "fail unless it is good for that long" },
        { NULL },
};

static const OptionSpec token_refresh_options[] = {
        { "min-ttl", 0, "SECONDS", "fail unless it is good for that long" },
        { NULL },
};

static const OptionSpec token_verify_options[] = {
        { "audience", 0, "HOST", "whom the token must be for (default: this host)" },
        { "role",     0, "ROLE", "that its user must hold now" },
        { NULL },
};

static const OptionSpec user_add_options[] = {
        { "role",     0, "ROLE", "assign this role, too; the user is added with it or not at all" },
        { "provider", 0, "NAME", "without a password: whom this provider calls so is linked at the first sign-in" },
        { NULL },
};

static const OptionSpec user_link_options[] = {
        { "provider", 0, "NAME", "the identity provider" },
        { "subject",  0, "SUB",  "what the provider's tokens call the user for good (sub); no name, no address" },
        { NULL },
};

static const OptionSpec user_unlink_options[] = {
        { "provider", 0, "NAME", "the identity provider" },
        { NULL },
};

static const OptionSpec role_grant_options[] = {
        { "for",    0, "TIME", "how long, as 2h or 30min (default: until it is revoked)" },
        { "reason", 0, "TEXT", "shown with the role, and in the journal" },
        { NULL },
};

static const OptionSpec trust_add_options[] = {
        { "users", 0, "USERS", "whom its tickets may be for: names, or '*'" },
        { "roles", 0, "ROLES", "at most these roles, or '*'" },
        { NULL },
};

static const OptionSpec policy_check_options[] = {
        { "diff", 0, NULL, "also tell who would gain or lose what by a reload" },
        { NULL },
};

static const OptionSpec policy_explain_options[] = {
        { "session", 0, "ID", "go by this login of the user's" },
        { NULL },
};

static const OptionSpec throttle_reset_options[] = {
        { "user", 0, "USER", "all that this user owes" },
        { "host", 0, "HOST", "all that this address owes" },
        { NULL },
};

static const OptionSpec log_options[] = {
        { "user",  0, "USER", "of this user" },
        { "since", 0, "TIME", "a duration, as 2h, or a date" },
        { NULL },
};

static const OptionSpec service_enable_options[] = {
        { "breakglass", 0, "GROUP",
          "a Unix group whose members get in by their Unix password while the daemon is down" },
        { "dry-run",    0, NULL,    "show what would change, and change nothing" },
        { NULL },
};

static const OptionSpec service_disable_options[] = {
        { "all", 0, NULL, "every service" },
        { NULL },
};

static const OptionSpec store_migrate_options[] = {
        { "dry-run", 0, NULL, "look for what stands in the way, count, and change nothing" },
        { NULL },
};

const CommandSpec command_table[] = {
        { "status", NULL, "[HOST]", 0, 1, "show who is signed in here (the default), or this machine at a host", NULL,
          verb_status },
        { "login", NULL, "[HOST]", 0, 1, "sign this login in, or again; or this machine in to a host",
          login_options, verb_login },
        { "logout", NULL, "[HOST]", 0, 1, "sign this login out, the shell stays; or this machine out of a host",
          logout_options, verb_logout },
        { "ssh", NULL, "HOST...", 1, OPERANDS_ANY, "ssh, without a prompt where one is signed in, over a shared connection",
          NULL, verb_ssh, .raw = true },
        { "askpass", NULL, "PROMPT", 0, 1, "answer ssh's prompt for it; for SSH_ASKPASS", NULL, verb_askpass, .raw = true },
        { "passwd", NULL, "[USER]", 0, 1, "change a password", NULL, verb_passwd },
        { "session", "list", NULL, 0, 0, "list live sessions", session_list_options, verb_session_list },
        { "session", "show", "ID", 1, 1, "show a session and what happened to it", NULL, verb_session_show },
        { "session", "revoke", "[ID...]", 0, OPERANDS_ANY, "end sessions, their tokens and logins at once",
          session_revoke_options, verb_session_revoke },
        { "device", "list", NULL, 0, 0, "list the machines that may act for you", device_list_options,
          verb_device_list },
        { "device", "add", NULL, 0, 0, "register a device by its public key on stdin, or make a key for one",
          device_add_options, verb_device_add },
        { "device", "revoke", "NAME|ID", 1, 1, "end a device, its sessions and their logins at once",
          device_revoke_options, verb_device_revoke },
        { "token", "print", NULL, 0, 0, "print an access token of this session, or a ticket", token_print_options,
          verb_token_print },
        { "token", "refresh", NULL, 0, 0, "print an access token for a device's refresh token on stdin",
          token_refresh_options, verb_token_refresh },
        { "token", "verify", NULL, 0, 0, "check a token on stdin", token_verify_options, verb_token_verify },
        { "token", "decode", NULL, 0, 0, "show what a token on stdin says, verifying nothing", NULL,
          verb_token_decode },
        { "user", "list", NULL, 0, 0, "list users", NULL, verb_user_list },
        { "user", "show", "USER", 1, 1, "show a user", NULL, verb_user_show },
        { "user", "add", "USER", 1, 1, "let tessera know a Unix account, with a password or a provider",
          user_add_options, verb_user_add },
        { "user", "link", "USER", 1, 1, "let whom a provider knows by this subject sign in as a user", user_link_options,
          verb_user_link },
        { "user", "unlink", "USER", 1, 1, "let nobody of a provider sign in as a user any more", user_unlink_options,
          verb_user_unlink },
        { "user", "enable", "USER", 1, 1, "let a disabled user in again", NULL, verb_user_enable },
        { "user", "disable", "USER", 1, 1, "keep a user out, and revoke everything of it", NULL, verb_user_disable },
        { "user", "remove", "USER", 1, 1, "forget a user; the Unix account stays", NULL, verb_user_remove },
        { "role", "list", NULL, 0, 0, "list roles", NULL, verb_role_list },
        { "role", "show", "ROLE", 1, 1, "show a role", NULL, verb_role_show },
        { "role", "grant", "ROLE USER", 2, 2, "assign a role to a user, from now on, beside policy.conf",
          role_grant_options, verb_role_grant },
        { "role", "revoke", "ROLE USER", 2, 2, "take an assigned role away at once", NULL, verb_role_revoke },
        { "policy", "check", "[FILE]", 0, 1, "tell every mistake in the configuration, or in a draft",
          policy_check_options, verb_policy_check },
        { "policy", "explain", "USER SERVICE", 2, 2, "tell why a service would let a user in, or not",
          policy_explain_options, verb_policy_explain },
        { "key", "list", NULL, 0, 0, "list the keys that sign tokens and tickets", NULL, verb_key_list },
        { "key", "export", NULL, 0, 0, "print the public keys of this host's tickets, for trust add", NULL,
          verb_key_export },
        { "key", "prepare", NULL, 0, 0, "make the next keys, and print what export prints", NULL, verb_key_prepare },
        { "key", "rotate", NULL, 0, 0, "let the next keys sign; the old ones verify until they are over", NULL,
          verb_key_rotate },
        { "key", "rename", "NAME", 1, 1, "call this host NAME in its tokens; those that are out end", NULL,
          verb_key_rename },
        { "trust", "list", NULL, 0, 0, "list the hosts whose tickets are accepted here", NULL, verb_trust_list },
        { "trust", "add", "HOST", 1, 1, "accept the tickets of a host, whose public keys are on stdin",
          trust_add_options, verb_trust_add },
        { "trust", "remove", "HOST", 1, 1, "accept no ticket of a host any more", NULL, verb_trust_remove },
        { "throttle", "list", NULL, 0, 0, "list who has failed too often, and when the next try is", NULL,
          verb_throttle_list },
        { "throttle", "reset", NULL, 0, 0, "forget the failures of a user or host", throttle_reset_options,
          verb_throttle_reset },
        { "store", "migrate", NULL, 0, 0, "move this host's own store to the Redis of its fleet; tesserad must be stopped",
          store_migrate_options, verb_store_migrate },
        { "store", "adopt", NULL, 0, 0, "believe the Redis at the configured address from now on, though it is another one",
          NULL, verb_store_adopt },
        { "log", NULL, NULL, 0, 0, "show what happened, from the journal", log_options, verb_log },
        { "monitor", NULL, NULL, 0, 0, "show what happens, as it happens", NULL, verb_monitor },
        { "doctor", NULL, NULL, 0, 0, "look at this host for what is amiss, and say what mends it", NULL, verb_doctor },
        { "service", "list", NULL, 0, 0, "list the services that can ask tessera", NULL, verb_service_list },
        { "service", "enable", "SERVICE...", 1, OPERANDS_ANY,
          "make a service (sshd, sudo, su, login, passwd) ask tessera; undone unless confirmed, but with --yes",
          service_enable_options, verb_service_enable },
        { "service", "confirm", NULL, 0, 0, "keep what was enabled; in a login made after it", NULL,
          verb_service_confirm },
        { "service", "disable", "[SERVICE...]", 0, OPERANDS_ANY, "make a service's files what they were",
          service_disable_options, verb_service_disable },
        { "service", "undo", NULL, 0, 0, NULL, NULL, verb_service_undo },
        { "device", "enroll", NULL, 0, 0, NULL, device_enroll_options, verb_device_enroll },
        { NULL },
};

const CommandAlias command_aliases[] = {
        { "sessions", "session", NULL },
        { "enable", "service", "enable" },
        { "disable", "service", "disable" },
        { NULL },
};
