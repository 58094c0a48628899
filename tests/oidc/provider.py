# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A provider that behaves, until a test tells it how not to: provider.answers[PATH] = what it does there.

An answer is a dict (JSON, 200), a Reply, or a function of the request that returns one of these, or
None when it has written to request.wfile itself. A list is one answer after the other, the last for ever.
"""

import collections
import http.server
import json
import socket
import ssl
import threading
import urllib.parse
import warnings

import tokens

Reply = collections.namedtuple("Reply", "status body type headers", defaults=(200, b"", "application/json", {}))

METADATA = "/.well-known/openid-configuration"
ACCESS_TOKEN = "the-canary-access-token"
DEVICE_CODE = "the-canary-device-code"


def error(word, status=400):
    return Reply(status, json.dumps({"error": word}).encode())


class Provider:
    def __init__(self, authority=None, kind="good", host="localhost"):
        self.seen = []  # (path, form, headers)
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.server.request_queue_size = 64
        self.port = self.server.server_address[1]
        if authority:
            self._use_tls(authority, kind)
        self.issuer = f"{'https' if authority else 'http'}://{host}:{self.port}"
        self.key = tokens.EcKey("key-1")
        self.nonce = None
        self.answers = self.good_answers()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _use_tls(self, authority, kind):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if kind == "anonymous":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("ADH:@SECLEVEL=0")
        elif kind == "old":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # so it is
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        if kind != "anonymous":
            context.load_cert_chain(authority.certificate("good" if kind == "old" else kind))
        # The handshake waits for the connection's own thread: one that hangs holds up nobody else.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)

    def good_answers(self):
        return {
            METADATA: lambda request: self.metadata(),
            "/jwks": lambda request: {"keys": [self.key.jwk()]},
            "/device": lambda request: self.device(),
            "/token": lambda request: self.tokens(),
        }

    def metadata(self, **changes):
        whole = {"issuer": self.issuer, "token_endpoint": self.issuer + "/token", "jwks_uri": self.issuer + "/jwks",
                 "device_authorization_endpoint": self.issuer + "/device",
                 "authorization_endpoint": self.issuer + "/authorize", **changes}
        return {name: value for name, value in whole.items() if value is not None}

    def device(self, **changes):
        return {"device_code": DEVICE_CODE, "user_code": "WDJB-MJHT", "verification_uri": self.issuer + "/verify",
                "verification_uri_complete": self.issuer + "/verify?user_code=WDJB-MJHT", "expires_in": 60,
                "interval": 1, **changes}

    def claims(self, **changes):
        return tokens.claims(self.issuer, **{"nonce": self.nonce, **changes})

    def tokens(self, id_token=None, **changes):
        id_token = id_token or tokens.signed(self.key, self.claims(at_hash=tokens.at_hash(ACCESS_TOKEN)))
        return {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300, "id_token": id_token, **changes}

    def count(self, path):
        with self.lock:
            return sum(entry[0] == path for entry in self.seen)

    def forms(self, path):
        with self.lock:
            return [entry[1] for entry in self.seen if entry[0] == path]

    def headers(self, path):
        with self.lock:
            return [entry[2] for entry in self.seen if entry[0] == path]

    def take(self, path, form, headers):
        with self.lock:
            self.seen.append((path, form, headers))
            answer = self.answers.get(path, Reply(404, b"{}"))
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            return answer

    def end(self):
        self.server.shutdown()
        self.server.server_close()


def _handler(provider):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def handle(self):
            try:
                if isinstance(self.request, ssl.SSLSocket):
                    self.request.do_handshake()
                super().handle()
            except (OSError, ssl.SSLError):
                pass  # the helper has hung up, as it should

        def finish(self):
            try:
                super().finish()
            except OSError:
                pass

        def do_GET(self):
            self.answer({})

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.answer(dict(urllib.parse.parse_qsl(body, keep_blank_values=True)))

        def answer(self, form):
            answer = provider.take(urllib.parse.urlsplit(self.path).path, form, dict(self.headers))
            if callable(answer):
                answer = answer(self)
            if answer is None:
                self.close_connection = True
                return
            if isinstance(answer, dict):
                answer = Reply(200, json.dumps(answer).encode())
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.type)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *arguments):
            pass

    return Handler


def plain_listener():
    """A port that speaks no TLS: whatever comes, it answers HTTP."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                end, _ = listener.accept()
            except OSError:
                return
            with end:
                end.recv(1024)
                end.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

    threading.Thread(target=serve, daemon=True).start()
    return listener
