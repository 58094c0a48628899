/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What the checks of tessera doctor judge: text in, findings out. The host itself is in tests/host. */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "client/doctor-account.h"
#include "client/doctor-clock.h"
#include "client/doctor-service.h"
#include "client/doctor-stack.h"

#define NOW 1750000000 /* June 2025 */
#define DAY (24 * 60 * 60)

/* A host of files, below a folder of its own. */
typedef struct World {
        Doctor doctor;
        char *root;
} World;

static World world_new(void) {
        World world = { .root = g_dir_make_tmp("tessera-XXXXXX", NULL) };

        assert(world.root);
        doctor_init(&world.doctor);
        world.doctor.root = world.root;
        world.doctor.as_root = true;
        world.doctor.now = NOW;
        world.doctor.check = "test";
        return world;
}

static void remove_tree(const char *path) {
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *child = g_build_filename(path, name, NULL);
                remove_tree(child);
        }
        (void) g_remove(path);
}

static void world_deinit(World *world) {
        doctor_deinit(&world->doctor);
        remove_tree(world->root);
        g_free(world->root);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(World, world_deinit)

static void put(const World *world, const char *path, const char *text) {
        g_autofree char *whole = g_strconcat(world->root, path, NULL), *folder = g_path_get_dirname(whole);

        assert(g_mkdir_with_parents(folder, 0755) == 0);
        assert(g_file_set_contents(whole, text, -1, NULL));
}

/* The findings that are not good, one a line: "fail: TEXT | REMEDY". */
static char *said(World *world) {
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < world->doctor.findings->len; i++) {
                const Finding *finding = world->doctor.findings->pdata[i];
                if (finding->state == FINDING_OK)
                        continue;
                g_string_append_printf(text, "%s: %s | %s\n",
                                       finding->state == FINDING_FAIL   ? "fail"
                                       : finding->state == FINDING_WARN ? "warn"
                                                                        : "skipped",
                                       finding->text, finding->remedy ? finding->remedy : "-");
        }
        g_ptr_array_set_size(world->doctor.findings, 0);
        return g_string_free(text, FALSE);
}

static void assert_has(const char *text, const char *const *words) {
        for (; *words; words++)
                if (!strstr(text, *words))
                        g_error("not said: %s\nbut: %s", *words, text);
}

static void assert_said(World *world, const char *const *words) {
        g_autofree char *text = said(world);

        assert_has(text, words);
}

#define ASSERT_SAID(world, ...) assert_said(world, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_silent(World *world) {
        g_autofree char *text = said(world);

        g_assert_cmpstr(text, ==, "");
}

static void test_units(void) {
        g_auto(World) world = world_new();

        doctor_units_judge(&world.doctor, "Id=tesserad.socket\nActiveState=active\nUnitFileState=enabled\n\n"
                                          "Id=tesserad.service\nActiveState=inactive\nUnitFileState=enabled\n\n"
                                          "Id=tessera-end.path\nActiveState=active\nUnitFileState=enabled\n");
        assert_silent(&world);
        doctor_units_judge(&world.doctor, "UnitFileState=enabled\nActiveState=failed\nId=tesserad.service\n\n"
                                          "Id=tesserad.socket\nActiveState=inactive\nUnitFileState=enabled\n\n"
                                          "Id=tessera-end.path\nActiveState=active\nUnitFileState=disabled\n\n"
                                          "Id=other.path\nActiveState=inactive\nUnitFileState=masked-runtime\n");
        ASSERT_SAID(&world, "fail: tesserad.service is failed | systemctl enable --now tesserad.service",
                    "fail: tesserad.socket is inactive |", "fail: tessera-end.path is disabled: it will not",
                    "| systemctl unmask other.path && systemctl enable --now other.path");
}

static void test_stack_as_pam_goes_through_it(void) {
        g_auto(World) world = world_new();
        g_autoptr(GPtrArray) rules = NULL;
        const StackRule *rule;

        put(&world, "/etc/pam.d/sshd", "#%PAM-1.0\n"
                                       "-AUTH [success=2 \\\n"
                                       "  default=ignore] /lib/security/pam_a.so x=[y z] w # not this\n"
                                       "@include common\n"
                                       "account include inner\n"
                                       "session required pam_env.so user_readenv=1\n");
        put(&world, "/etc/pam.d/common", "auth sufficient pam_b.so\nauth substack nothing\n");
        put(&world, "/etc/pam.d/inner", "account required pam_c.so\nauth required pam_not.so\n@include inner\n");
        rules = stack_read(world.root, "sshd");
        rule = rules->pdata[0];
        g_assert_cmpstr(rule->type, ==, "auth");
        g_assert_cmpstr(rule->control, ==, "[success=2    default=ignore]");
        g_assert_cmpstr(rule->module, ==, "pam_a.so");
        assert(stack_rule_has(rule, "[y z]") == false && stack_rule_has(rule, "w"));
        g_assert_cmpuint(rule->line, ==, 2);
        g_assert_cmpuint(stack_rule_jump(rule), ==, 2);
        g_assert_cmpuint(rule->last, ==, 3);
        assert(!stack_rule_ends(rule) && !rule->included);
        rule = rules->pdata[1];
        g_assert_cmpstr(rule->file, ==, "/etc/pam.d/common");
        g_assert_cmpuint(rule->line, ==, 1);
        g_assert_cmpuint(rule->last, ==, 1);
        assert(stack_rule_ends(rule) && rule->included);
        assert(stack_find(rules, "account", "pam_c.so", 0) > 0);
        assert(stack_find(rules, "auth", "pam_not.so", 0) < 0);
        rule = rules->pdata[stack_find(rules, "session", NULL, 0)];
        assert(stack_rule_has(rule, "user_readenv=1"));
}

#define KEEP "| by hand, in a root shell that stays open until a login in another one has worked: "
#define BEHIND KEEP "move this rule behind tessera's lines, or take it out "
#define LINES KEEP "where what stands behind it is to be asked as well, put the lines of man pam_tessera in its place "
#define BLOCK "# tessera: begin\n" \
              "auth [success=1 ignore=ignore default=die] pam_tessera.so\nauth required pam_permit.so\n" \
              "account requisite pam_tessera.so\n# tessera: end\n"

/* Who is let in by such a line alone is locked out by what mends it for the others: no command does that. */
static void test_no_command_takes_a_line_out_of_a_stack(void) {
        g_auto(World) world = world_new();
        g_autofree char *text = NULL;

        put(&world, "/etc/pam.d/sudo", "auth sufficient pam_u2f.so\n"
                                       "auth [ success = done \\\n  default=ignore ] \\\n  pam_b.so\n"
                                       "@include more\n"
                                       "account [success=9 default=ignore] pam_c.so\n" BLOCK);
        put(&world, "/etc/pam.d/more", "\nauth [default=done] pam_d.so\n");
        put(&world, "/etc/pam.d/login", "auth sufficient pam_tessera.so\nauth required pam_unix.so\n");
        put(&world, "/etc/pam.d/su", "@include hand\nauth required pam_unix.so\n");
        put(&world, "/etc/pam.d/hand", "auth [success=done \\\n default=die] pam_tessera.so\n");
        doctor_run(&world.doctor, doctor_pam_checks);
        text = said(&world);
        assert_has(text, (const char *const[]) {
                "/etc/pam.d/sudo:1: pam_u2f.so (auth) can end", BEHIND "(line 1 of /etc/pam.d/sudo)\n",
                "/etc/pam.d/sudo:2: pam_b.so (auth) can end", BEHIND "(lines 2 to 4 of /etc/pam.d/sudo)\n",
                "/etc/pam.d/more:2: pam_d.so (auth) can end",
                BEHIND "(line 2 of /etc/pam.d/more, which other services may include too)\n",
                "/etc/pam.d/sudo:6: pam_c.so (account) jumps over", BEHIND "(line 6 of /etc/pam.d/sudo)\n",
                "/etc/pam.d/login:1: sufficient skips pam_unix.so", LINES "(line 1 of /etc/pam.d/login)\n",
                "/etc/pam.d/hand:1: [success=done", LINES "(lines 1 to 2 of /etc/pam.d/hand, which",
                NULL,
        });
        assert(!strstr(text, "| sed"));
}

/* It locks nobody out; but a file of several services, and a rule over several lines, are left to people. */
static void test_the_command_against_user_readenv(void) {
        g_auto(World) world = world_new();

        put(&world, "/etc/pam.d/sshd", "session required pam_env.so user_readenv=1\n"
                                       "session required pam_env.so \\\n user_readenv=1\n"
                                       "@include more\n" BLOCK "session required pam_tessera.so\n");
        put(&world, "/etc/pam.d/more", "session required pam_env.so user_readenv=1\n");
        put(&world, "/etc/ssh/sshd_config.d/00-tessera.conf", "# tessera: ours\n");
        doctor_run(&world.doctor, doctor_pam_checks);
        ASSERT_SAID(&world, "| sed -i '1s/[[:space:]]user_readenv=1//' /etc/pam.d/sshd\n",
                    "| take user_readenv=1 out of lines 2 to 3 of /etc/pam.d/sshd\n",
                    "| take user_readenv=1 out of line 1 of /etc/pam.d/more, which other services may include too\n");
}

static const char sshd_good[] = "port 22\nusepam yes\nkbdinteractiveauthentication yes\nusedns no\n"
                                "permituserenvironment no\nlogingracetime 120\npasswordauthentication yes\n";

static void test_sshd(void) {
        g_auto(World) world = world_new();

        doctor_sshd_judge(&world.doctor, sshd_good);
        assert_silent(&world);
        doctor_sshd_judge(&world.doctor, "usepam yes\nkbdinteractiveauthentication yes\nusedns no\n"
                                         "permituserenvironment no\nlogingracetime 0\n");
        assert_silent(&world);
        /* what sshd comes to first holds: the remedy is for that line */
        put(&world, "/etc/ssh/sshd_config", "# UseDNS no\nInclude /etc/ssh/sshd_config.d/*.conf\nUseDNS no\nMatch all\n"
                                            "PermitUserEnvironment yes\n");
        put(&world, "/etc/ssh/sshd_config.d/50-b.conf", "\n  usedns = yes\n");
        put(&world, "/etc/ssh/sshd_config.d/60-c.conf", "UseDNS yes\n");
        put(&world, "/etc/pam.d/sshd", "auth required pam_tessera.so timeout=40\n");
        doctor_sshd_judge(&world.doctor, "usepam no\nkbdinteractiveauthentication yes\nusedns yes\n"
                                         "permituserenvironment yes\nlogingracetime 45\n");
        ASSERT_SAID(&world, "fail: sshd has UsePAM no: ", "| tessera service enable sshd\n",
                    "warn: sshd has UseDNS yes: ",
                    "| sed -i '2s/.*/UseDNS no/' /etc/ssh/sshd_config.d/50-b.conf && systemctl reload ssh.service\n",
                    "warn: sshd has PermitUserEnvironment yes",
                    "| echo 'PermitUserEnvironment no' >> /etc/ssh/sshd_config.d/01-local.conf && systemctl reload",
                    "LoginGraceTime 45: a login that types a password needs up to 60 s");
}

static void judge_sudo(World *world, const char *json) {
        json_auto_t *sudoers = json_loads(json, 0, NULL);
        g_autoptr(GPtrArray) files = g_ptr_array_new();

        assert(sudoers);
        g_ptr_array_add(files, (void *) "/etc/sudoers");
        g_ptr_array_add(files, (void *) "/etc/sudoers.d/tessera");
        doctor_sudo_judge(&world->doctor, sudoers, files);
}

static void judge_plugin(World *world, const char *value, bool roles, bool place) {
        json_auto_t *sudoers = value ? json_pack("{s:[{s:[{s:s}]}]}", "Defaults", "Options", "group_plugin", value)
                                     : json_object();

        assert(sudoers);
        doctor_sudo_judge_plugin(&world->doctor, sudoers, roles, place);
}

#define OURS "{\"Options\":[{\"timestamp_timeout\":\"0\"}]},{\"Options\":[{\"noninteractive_auth\":true}]}"

static void test_sudo(void) {
        g_auto(World) world = world_new();

        put(&world, "/etc/sudoers", "Defaults env_reset\n# Defaults rootpw\nDefaults:bob mail_badpass, rootpw\n"
                                    "Defaults timestamp_timeout=5.5\n");
        judge_sudo(&world, "{\"Defaults\":[" OURS "]}");
        assert_silent(&world);
        judge_sudo(&world, "{\"Defaults\":[{\"Options\":[{\"targetpw\":true},{\"timestamp_timeout\":\"15\"}]}," OURS ","
                           "{\"Options\":[{\"targetpw\":false}]}]}");
        assert_silent(&world); /* the last one counts */
        judge_sudo(&world, "{}");
        ASSERT_SAID(&world, "warn: sudoers has timestamp_timeout other than 0",
                    "| sed -i '4s/timestamp_timeout=5.5/timestamp_timeout=0/' /etc/sudoers\n",
                    "warn: sudoers has not noninteractive_auth", "| tessera service enable sudo\n");
        judge_sudo(&world, "{\"Defaults\":[" OURS
                           ",{\"Binding\":[{\"username\":\"bob\"}],\"Options\":[{\"rootpw\":true}]}]}");
        ASSERT_SAID(&world, "warn: sudoers has rootpw", "| sed -i '3s/rootpw/!rootpw/' /etc/sudoers\n");
}

static void test_sudo_plugin(void) {
        g_auto(World) world = world_new();

        judge_plugin(&world, NULL, false, false);
        judge_plugin(&world, "group_file.so /etc/group", false, false);
        assert_silent(&world);
        judge_plugin(&world, NULL, false, true);
        ASSERT_SAID(&world, "warn: sudo has no group plugin", "| tessera service enable sudo\n");
        judge_plugin(&world, "group_file.so /etc/group", true, false);
        ASSERT_SAID(&world, "fail: sudo has another group plugin, group_file.so", "| tessera service enable sudo\n");
        judge_plugin(&world, "tessera_group.so", true, false);
        ASSERT_SAID(&world, "fail: sudo's group plugin tessera_group.so is not there");
        put(&world, "/usr/libexec/sudo/tessera_group.so", "");
        judge_plugin(&world, "tessera_group.so", true, true);
        assert_silent(&world);
}

static void test_accounts(void) {
        const int64_t today = NOW / DAY;
        static char hash[] = "$y$", empty[] = "", bash[] = "/bin/bash", nologin[] = "/usr/sbin/nologin", x[] = "x";
        struct passwd entry = { .pw_uid = 1001, .pw_passwd = x, .pw_shell = bash };
        struct spwd shadow = { .sp_pwdp = hash, .sp_lstchg = (long) today - 10, .sp_max = 99999, .sp_expire = -1 };

        g_assert_cmpint(account_judge(1001, &entry, &shadow, today), ==, ACCOUNT_GOOD);
        g_assert_cmpint(account_judge(1001, &entry, NULL, today), ==, ACCOUNT_GOOD); /* of a directory */
        g_assert_cmpint(account_judge(1001, NULL, NULL, today), ==, ACCOUNT_GONE);
        g_assert_cmpint(account_judge(1002, &entry, &shadow, today), ==, ACCOUNT_OTHER_UID);
        shadow.sp_max = 10;
        g_assert_cmpint(account_judge(1001, &entry, &shadow, today), ==, ACCOUNT_GOOD); /* the last day */
        shadow.sp_max = 9;
        g_assert_cmpint(account_judge(1001, &entry, &shadow, today), ==, ACCOUNT_AGED);
        shadow.sp_max = -1;
        shadow.sp_lstchg = 0;
        g_assert_cmpint(account_judge(1001, &entry, &shadow, today), ==, ACCOUNT_MUST_CHANGE);
        shadow.sp_lstchg = -1;
        g_assert_cmpint(account_judge(1001, &entry, &shadow, today), ==, ACCOUNT_GOOD);
        shadow.sp_expire = (long) today;
        g_assert_cmpint(account_judge(1001, &entry, &shadow, today), ==, ACCOUNT_EXPIRED);
        shadow.sp_expire = 0;
        g_assert_cmpint(account_judge(1001, &entry, &shadow, today), ==, ACCOUNT_EXPIRED);
        shadow.sp_expire = (long) today + 1;
        entry.pw_shell = nologin;
        g_assert_cmpint(account_judge(1001, &entry, &shadow, today), ==, ACCOUNT_NO_SHELL);
        shadow.sp_pwdp = empty;
        g_assert_cmpint(account_judge(1001, &entry, &shadow, today), ==, ACCOUNT_NO_PASSWORD);
        entry.pw_passwd = empty;
        g_assert_cmpint(account_judge(1001, &entry, NULL, today), ==, ACCOUNT_NO_PASSWORD);
}

static void test_selinux_and_apparmor(void) {
        g_auto(World) world = world_new();

        doctor_run(&world.doctor, doctor_mac_checks);
        assert_silent(&world);
        put(&world, "/sys/fs/selinux/enforce", "0");
        put(&world, "/sys/module/apparmor/parameters/enabled", "Y\n");
        put(&world, "/sys/kernel/security/apparmor/profiles", "/usr/bin/man (enforce)\nxtesserad (enforce)\n");
        doctor_run(&world.doctor, doctor_mac_checks);
        ASSERT_SAID(&world, "warn: SELinux has not tessera's module", "warn: AppArmor has no profile of tesserad");
        put(&world, "/sys/fs/selinux/enforce", "1");
        put(&world, "/etc/apparmor.d/usr.libexec.tesserad", "");
        doctor_run(&world.doctor, doctor_mac_checks);
        ASSERT_SAID(&world, "fail: SELinux enforces", "| semodule -i /usr/share/selinux/packages/tessera.pp",
                    "| apparmor_parser -r /etc/apparmor.d/usr.libexec.tesserad");
        put(&world, "/var/lib/selinux/targeted/active/modules/400/tessera/cil", "");
        put(&world, "/sys/kernel/security/apparmor/profiles", "/usr/bin/man (enforce)\ntesserad (enforce)\n");
        doctor_run(&world.doctor, doctor_mac_checks);
        assert_silent(&world);
}

static void test_clock(void) {
        g_auto(World) world = world_new();

        doctor_clock_judge(&world.doctor, NOW - 400 * DAY, true);
        doctor_clock_judge(&world.doctor, NOW + DAY / 2, true); /* made in another time zone, just now */
        assert_silent(&world);
        doctor_clock_judge(&world.doctor, NOW + 2 * DAY, true);
        ASSERT_SAID(&world, "fail: the clock says a day before this program was made");
        doctor_clock_judge(&world.doctor, NOW - 20LL * 365 * DAY, true);
        ASSERT_SAID(&world, "warn: the clock says 15 years after");
        doctor_clock_judge(&world.doctor, NOW, false);
        ASSERT_SAID(&world, "warn: the clock is synchronised with no other", "| timedatectl set-ntp true");
}

static void test_the_line_of_a_complaint(void) {
        static const struct {
                const char *complaint, *remedy;
        } rows[] = {
                { "\"/usr/sbin/sshd -t\" failed: /etc/ssh/sshd_config: line 124: Bad configuration option: Nonsense",
                  "sed -i '124s/^/# /' /etc/ssh/sshd_config" },
                { "\"/usr/sbin/visudo -c\" failed: /etc/sudoers.d/x:3:2: syntax error",
                  "sed -i '3s/^/# /' /etc/sudoers.d/x" },
                { "/etc/ssh/a b: line 3: no", NULL },
                { "no line at all", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *remedy = doctor_comment_out(rows[i].complaint);
                g_assert_cmpstr(remedy, ==, rows[i].remedy);
        }
}

static void test_names(void) {
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_autofree char *one = NULL, *two = NULL, *six = NULL, *many = NULL, *odd = doctor_quote("/etc/it's mine");

        g_ptr_array_add(names, (void *) "a");
        one = doctor_names(names);
        g_ptr_array_add(names, (void *) "b");
        two = doctor_names(names);
        for (size_t i = 0; i < 4; i++)
                g_ptr_array_add(names, (void *) "c");
        six = doctor_names(names);
        g_ptr_array_add(names, (void *) "d");
        many = doctor_names(names);
        g_assert_cmpstr(one, ==, "a");
        g_assert_cmpstr(two, ==, "a and b");
        g_assert_cmpstr(six, ==, "a, b, c, c, c and c");
        g_assert_cmpstr(many, ==, "a, b, c, c, c and 2 more");
        g_assert_cmpstr(odd, ==, "'/etc/it'\\''s mine'");
}

int main(void) {
        test_units();
        test_stack_as_pam_goes_through_it();
        test_no_command_takes_a_line_out_of_a_stack();
        test_the_command_against_user_readenv();
        test_sshd();
        test_sudo();
        test_sudo_plugin();
        test_accounts();
        test_selinux_and_apparmor();
        test_clock();
        test_the_line_of_a_complaint();
        test_names();
        return 0;
}
