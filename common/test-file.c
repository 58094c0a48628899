/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/file.h"

static int folder;

static int read_it(const char *name, size_t max, int secret) {
        _cleanup_free_ char *data = NULL;
        size_t size;

        return file_read_trusted(folder, name, max, getuid(), secret, &data, &size);
}

static void test_S6_files_of_trust(void) {
        assert(file_write_atomic(folder, "good", "text", 4, 0600) == 0);
        assert(read_it("good", 4, 1) == 0);
        assert(read_it("good", 3, 1) == -EFBIG);
        assert(symlinkat("good", folder, "link") == 0 && read_it("link", 4, 0) == -ELOOP);
        assert(mkfifoat(folder, "fifo", 0600) == 0 && read_it("fifo", 4, 0) == -EISDIR);
        assert(read_it(".", 4, 0) == -EISDIR);
        assert(read_it("none", 4, 0) == -ENOENT);
        assert(fchmodat(folder, "good", 0640, 0) == 0 && read_it("good", 4, 1) == -EPERM && read_it("good", 4, 0) == 0);
        assert(fchmodat(folder, "good", 0620, 0) == 0 && read_it("good", 4, 0) == -EPERM);
}

static void test_S6_a_planted_temporary_file_is_not_written_through(void) {
        struct stat st;

        assert(file_write_atomic(folder, "victim", "old", 3, 0600) == 0);
        assert(symlinkat("victim", folder, "target.new") == 0);
        assert(file_write_atomic(folder, "target", "new text", 8, 0640) == 0);
        assert(fstatat(folder, "victim", &st, 0) == 0 && st.st_size == 3);
        assert(fstatat(folder, "target", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode));
        assert((st.st_mode & 07777) == 0640);
}

int main(void) {
        char path[] = "/tmp/test-file-XXXXXX";
        static const char *const names[] = { "good", "link", "fifo", "victim", "target" };

        assert(mkdtemp(path));
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert(folder >= 0);
        umask(0);
        test_S6_files_of_trust();
        test_S6_a_planted_temporary_file_is_not_written_through();
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                assert(unlinkat(folder, names[i], 0) == 0);
        assert(rmdir(path) == 0 && close(folder) == 0);
        return 0;
}
