/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <curl/curl.h>
#include <glib-unix.h>
#include <string.h>

#include "common/trusted-file.h"
#include "daemon/oidc/http-body.h"
#include "daemon/oidc/http.h"

#define CONNECTIONS_KEPT 8L
#define JSON_TYPES "Accept: application/json"

struct Http {
        CURLM *multi;
        guint timer;
};

struct HttpRequest {
        Http *http;
        CURL *easy;
        struct curl_slist *headers;
        Secret *form;
        HttpBody body;
        OidcReason refused; /* before anything was sent */
        guint source;       /* says so */
        HttpDone done;
        gpointer data;
};

/* One for each descriptor that libcurl wants to hear about. */
typedef struct Watch {
        Http *http;
        guint source;
} Watch;

static void request_free(HttpRequest *request) {
        g_clear_handle_id(&request->source, g_source_remove);
        if (request->easy) {
                (void) curl_multi_remove_handle(request->http->multi, request->easy);
                curl_easy_cleanup(request->easy);
        }
        curl_slist_free_all(request->headers);
        (void) secret_free(request->form);
        http_body_deinit(&request->body);
        g_free(request);
}

/* The end of a request */

static OidcReason reason_of(CURLcode code, const HttpBody *body) {
        if (body->too_large)
                return OIDC_TOO_LARGE;
        switch (code) {
        case CURLE_OK:
                return OIDC_GOOD;
        case CURLE_OPERATION_TIMEDOUT:
                return OIDC_TIMEOUT;
        case CURLE_FILESIZE_EXCEEDED:
                return OIDC_TOO_LARGE;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
                return OIDC_TLS;
        default:
                return OIDC_UNREACHABLE;
        }
}

static void finish(HttpRequest *request, CURLcode code) {
        HttpAnswer answer = { .reason = reason_of(code, &request->body), .detail = code == CURLE_OK ? "" : curl_easy_strerror(code) };
        const char *type = NULL;

        (void) curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &answer.status);
        (void) curl_easy_getinfo(request->easy, CURLINFO_CONTENT_TYPE, &type);
        answer.json = http_type_is_json(type);
        answer.body = http_body_text(&request->body);
        answer.size = request->body.size;
        if (answer.reason == OIDC_TOO_LARGE)
                answer.detail = "the answer is longer than 256 KiB";
        request->done(&answer, request->data);
        request_free(request);
}

static void reap(Http *http) {
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(http->multi, &left))) {
                HttpRequest *request = NULL;

                if (message->msg != CURLMSG_DONE)
                        continue;
                (void) curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &request);
                finish(request, message->data.result);
        }
}

/* libcurl and the main loop */

static gboolean on_timer(gpointer data) {
        Http *http = data;
        int running;

        http->timer = 0;
        (void) curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        reap(http);
        return G_SOURCE_REMOVE;
}

static int set_timer(CURLM *multi, long ms, void *data) {
        Http *http = data;

        g_clear_handle_id(&http->timer, g_source_remove);
        if (ms >= 0)
                http->timer = g_timeout_add((guint) ms, on_timer, http);
        return 0;
}

static gboolean on_ready(int fd, GIOCondition condition, gpointer data) {
        Http *http = ((Watch *) data)->http; /* libcurl may drop the watch meanwhile */
        int running, flags = 0;

        if (condition & (G_IO_IN | G_IO_HUP))
                flags |= CURL_CSELECT_IN;
        if (condition & G_IO_OUT)
                flags |= CURL_CSELECT_OUT;
        if (condition & G_IO_ERR)
                flags |= CURL_CSELECT_ERR;
        (void) curl_multi_socket_action(http->multi, fd, flags, &running);
        reap(http);
        return G_SOURCE_CONTINUE; /* a source that was removed meanwhile stays removed */
}

static int set_watch(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data) {
        Http *http = data;
        Watch *watch = socket_data;
        GIOCondition wanted = (what & CURL_POLL_IN ? G_IO_IN : 0) | (what & CURL_POLL_OUT ? G_IO_OUT : 0);

        if (watch)
                g_clear_handle_id(&watch->source, g_source_remove);
        if (what == CURL_POLL_REMOVE) {
                (void) curl_multi_assign(http->multi, fd, NULL);
                g_free(watch);
                return 0;
        }
        if (!watch) {
                watch = g_new0(Watch, 1);
                watch->http = http;
                (void) curl_multi_assign(http->multi, fd, watch);
        }
        watch->source = g_unix_fd_add(fd, wanted | G_IO_ERR | G_IO_HUP, on_ready, watch);
        return 0;
}

Http *http_new(void) {
        Http *http;

        if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
                return NULL;
        http = g_new0(Http, 1);
        http->multi = curl_multi_init();
        g_assert(http->multi);
        (void) curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, set_watch);
        (void) curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
        (void) curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
        (void) curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
        (void) curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
        return http;
}

Http *http_free(Http *http) {
        if (!http)
                return NULL;
        (void) curl_multi_cleanup(http->multi);
        g_clear_handle_id(&http->timer, g_source_remove);
        curl_global_cleanup();
        g_free(http);
        return NULL;
}

/* A request */

/* An option that cannot be set would be a rule that does not hold. */
#define set(easy, option, value) (curl_easy_setopt((easy), (option), (value)) == CURLE_OK)

static bool set_rules(CURL *easy, bool loopback) {
        return set(easy, CURLOPT_PROTOCOLS_STR, loopback ? "http,https" : "https") &&
               set(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
               set(easy, CURLOPT_SSL_VERIFYPEER, 1L) &&
               set(easy, CURLOPT_SSL_VERIFYHOST, 2L) &&
               set(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2) &&
               set(easy, CURLOPT_PROXY, "") && /* the empty string, unlike none, is none whatever http_proxy says */
               set(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED) &&
               set(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1) &&
               set(easy, CURLOPT_HTTP09_ALLOWED, 0L) &&
               set(easy, CURLOPT_TIMEOUT_MS, HTTP_DEADLINE_S * 1000L) &&
               set(easy, CURLOPT_MAXFILESIZE, (long) HTTP_BODY_MAX) &&
               set(easy, CURLOPT_NOSIGNAL, 1L) &&
               /* A look-up that hangs has a thread, for which nobody shall wait: it ends by itself. */
               set(easy, CURLOPT_QUICK_EXIT, 1L) &&
               set(easy, CURLOPT_USERAGENT, "tessera/" TESSERA_VERSION);
}

static bool set_authorities(CURL *easy, const char *ca_file) {
        return !ca_file || (set(easy, CURLOPT_CAINFO, ca_file) && set(easy, CURLOPT_CAPATH, NULL));
}

static bool add_header(HttpRequest *request, const char *line) {
        struct curl_slist *longer = curl_slist_append(request->headers, line);

        if (longer)
                request->headers = longer;
        return longer != NULL;
}

static bool set_headers(HttpRequest *request, const Secret *authorization) {
        _cleanup_secret_ Secret *line = NULL;

        if (!add_header(request, JSON_TYPES) || !add_header(request, "Expect:"))
                return false;
        if (authorization) {
                line = secret_new(strlen("Authorization: ") + authorization->size);
                if (!line)
                        return false;
                (void) g_snprintf(line->data, line->size + 1, "Authorization: %s", authorization->data);
                if (!add_header(request, line->data))
                        return false;
        }
        return set(request->easy, CURLOPT_HTTPHEADER, request->headers);
}

static bool set_body(HttpRequest *request) {
        CURL *easy = request->easy;

        if (!set(easy, CURLOPT_WRITEFUNCTION, http_body_write) || !set(easy, CURLOPT_WRITEDATA, &request->body) ||
            !set(easy, CURLOPT_HEADERFUNCTION, http_body_header) || !set(easy, CURLOPT_HEADERDATA, &request->body))
                return false;
        if (!request->form)
                return set(easy, CURLOPT_HTTPGET, 1L);
        return set(easy, CURLOPT_POST, 1L) && set(easy, CURLOPT_POSTFIELDS, request->form->data) &&
               set(easy, CURLOPT_POSTFIELDSIZE, (long) request->form->size);
}

static bool prepare(HttpRequest *request, const HttpCall *call) {
        CURL *easy = request->easy;

        return easy && set(easy, CURLOPT_URL, call->url) && set(easy, CURLOPT_PRIVATE, request) &&
               set_rules(easy, call->provider->insecure_loopback) &&
               set_authorities(easy, call->provider->ca_file) && set_headers(request, call->authorization) &&
               set_body(request);
}

static gboolean on_refused(gpointer data) {
        HttpRequest *request = data;
        HttpAnswer answer = { .reason = request->refused, .detail = "not sent", .body = "" };

        request->source = 0;
        request->done(&answer, request->data);
        request_free(request);
        return G_SOURCE_REMOVE;
}

static OidcReason check_call(const HttpCall *call) {
        if (provider_url_mistake(call->url, call->provider->insecure_loopback))
                return OIDC_ENDPOINT;
        if (call->provider->ca_file && !trusted_file_is(call->provider->ca_file))
                return OIDC_CA_FILE;
        return OIDC_GOOD;
}

HttpRequest *http_send(Http *http, const HttpCall *call, HttpDone done, gpointer data) {
        _cleanup_secret_ Secret *authorization = call->authorization;
        HttpRequest *request = g_new0(HttpRequest, 1);

        *request = (HttpRequest) { .http = http, .form = call->form, .done = done, .data = data };
        request->refused = check_call(call);
        if (request->refused == OIDC_GOOD) {
                request->easy = curl_easy_init();
                if (!prepare(request, call) || curl_multi_add_handle(http->multi, request->easy) != CURLM_OK)
                        request->refused = OIDC_UNREACHABLE;
        }
        if (request->refused != OIDC_GOOD)
                request->source = g_idle_add(on_refused, request);
        return request;
}

HttpRequest *http_cancel(HttpRequest *request) {
        if (request)
                request_free(request);
        return NULL;
}

OidcReason http_answer_is_json(const HttpAnswer *answer) {
        if (answer->reason != OIDC_GOOD)
                return answer->reason;
        if (answer->status != 200)
                return OIDC_STATUS;
        return answer->json ? OIDC_GOOD : OIDC_CONTENT_TYPE;
}
