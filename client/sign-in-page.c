/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/sign-in-page.h"

/*
 * System fonts and two palettes, each with a contrast of 7 and more. The mark and the heading say the same,
 * so that nothing hangs on a colour.
 */
static const char style[] =
        ":root{color-scheme:light dark;--back:#f5f5f2;--card:#ffffff;--text:#1c1d1f;--soft:#4a4d52;--line:#d9d9d4;"
        "--good:#14532d;--bad:#7f1d1d}"
        "@media(prefers-color-scheme:dark){:root{--back:#141518;--card:#1e2024;--text:#f1f1ef;--soft:#c2c5ca;"
        "--line:#3a3d43;--good:#86efac;--bad:#fca5a5}}"
        "*{box-sizing:border-box}"
        "body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--back);"
        "color:var(--text);font:1.0625rem/1.55 system-ui,sans-serif}"
        "main{width:100%;max-width:30rem;padding:2rem;background:var(--card);border:1px solid var(--line);"
        "border-radius:.75rem;overflow-wrap:anywhere}"
        ".name{margin:0 0 1.5rem;color:var(--soft);font-size:.9375rem;letter-spacing:.02em}"
        "h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}"
        ".good{color:var(--good)}.bad{color:var(--bad)}"
        "p{margin:0 0 .75rem}p:last-child{margin:0;color:var(--soft)}";

static const struct {
        const char *status;
        const char *title;
        const char *look;
        const char *mark;
} kinds[] = {
        [SIGN_IN_PAGE_DONE] = { "200 OK", "Signed in", "good", "&#10003;" },
        [SIGN_IN_PAGE_REFUSED] = { "200 OK", "Not signed in", "bad", "&#10007;" },
        [SIGN_IN_PAGE_BAD] = { "400 Bad Request", "This is not the page you are looking for", "bad", "&#10007;" },
        [SIGN_IN_PAGE_GONE] = { "410 Gone", "This link has been used", "bad", "&#10007;" },
};

/* As in "sha256-…" of a policy: base64 with its padding. */
static char *style_hash(void) {
        g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
        guint8 digest[32];
        gsize size = sizeof(digest);

        g_checksum_update(checksum, (const guchar *) style, -1);
        g_checksum_get_digest(checksum, digest, &size);
        return g_base64_encode(digest, size);
}

/* Paragraphs, escaped. Bytes that are no UTF-8 do not become any here. */
static char *body_text(const SignInPage *page) {
        g_autofree char *user = g_utf8_make_valid(page->user ?: "", -1), *host = g_utf8_make_valid(page->host ?: "", -1),
                        *why = g_utf8_make_valid(page->why ?: "", -1);

        switch (page->kind) {
        case SIGN_IN_PAGE_DONE:
                return g_markup_printf_escaped(
                        "<p>You are signed in as <b>%s</b> on <b>%s</b>.</p>\n"
                        "<p>You can close this page and go back to the terminal.</p>\n",
                        user, host);
        case SIGN_IN_PAGE_REFUSED:
                return g_markup_printf_escaped(
                        "<p>You are not signed in on <b>%s</b>: %s.</p>\n"
                        "<p>Close this page and go back to the terminal. To try again, run the command there once "
                        "more; if it goes on, tell whoever looks after that host.</p>\n",
                        host, why);
        case SIGN_IN_PAGE_GONE:
                return g_strdup("<p>It works once, and somebody has been here.</p>\n"
                                "<p>The terminal says what came of it. You can close this page.</p>\n");
        case SIGN_IN_PAGE_BAD:
        default:
                return g_strdup("<p>A program in a terminal waits here for a login page to send you back, and for "
                                "nothing else.</p>\n"
                                "<p>Open the link that the terminal shows.</p>\n");
        }
}

static char *document(const SignInPage *page) {
        g_autofree char *text = body_text(page);

        return g_strdup_printf("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                               "<title>%s - tessera</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n"
                               "<p class=\"name\">tessera</p>\n"
                               "<h1 class=\"%s\"><span aria-hidden=\"true\">%s</span> %s</h1>\n%s"
                               "</main>\n</body>\n</html>\n",
                               kinds[page->kind].title, style, kinds[page->kind].look, kinds[page->kind].mark,
                               kinds[page->kind].title, text);
}

char *sign_in_page(const SignInPage *page) {
        g_autofree char *html = document(page), *hash = style_hash();

        return g_strdup_printf("HTTP/1.1 %s\r\n"
                               "Content-Type: text/html; charset=utf-8\r\n"
                               "Content-Length: %zu\r\n"
                               "Connection: close\r\n"
                               "Cache-Control: no-store\r\n"
                               "Content-Security-Policy: default-src 'none'; style-src 'sha256-%s'; "
                               "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
                               "Cross-Origin-Opener-Policy: same-origin\r\n"
                               "Cross-Origin-Resource-Policy: same-origin\r\n"
                               "Referrer-Policy: no-referrer\r\n"
                               "X-Content-Type-Options: nosniff\r\n"
                               "\r\n%s",
                               kinds[page->kind].status, strlen(html), hash, html);
}
