/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "pam/pam-ask.h"

static bool looks_cut(const char *begin, size_t size) {
        char text[2048];
        Typed typed = { .text = text, .size = size };

        assert(size < sizeof(text) && size >= strlen(begin));
        memset(text, 'a', size);
        memcpy(text, begin, strlen(begin));
        text[size] = '\0';
        return typed_looks_cut(&typed);
}

static void test_looks_cut(void) {
        assert(looks_cut("eyJhbGciOi.", 511));
        assert(looks_cut("eyJhbGciOi.", 1023));
        assert(!looks_cut("eyJhbGciOi.", 510));
        assert(!looks_cut("eyJhbGciOi.", 512));
        assert(!looks_cut("eyJhbGciOi.", 1022));
        assert(!looks_cut("correct horse", 511)); /* a blank: no token */
        assert(!looks_cut("xyz", 1023));
}

int main(void) {
        test_looks_cut();
        return 0;
}
