/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "daemon/bus/gate-stream.h"
#include "daemon/bus/gate.h"

/* The fixed part of a message: endianness, type, flags, version, length of the body, serial, length of the fields. */
#define FIXED_SIZE 16
#define FIELDS_MAX (16 * 1024)
#define PIECE_SIZE 16384
#define LINE_MAX_SIZE 1024 /* of the handshake */

#define TYPE_METHOD_CALL 1
#define FLAG_NO_REPLY 1

#define FIELD_SIGNATURE 8
#define FIELD_UNIX_FDS 9
#define FIELD_UNKNOWN 0xfe /* and 0xff: fields that nobody knows have to be ignored */

struct Gate {
        int outer, inner; /* the bus's and GDBus's side */
        GThread *in, *out;
};

/* Messages */

typedef struct Header {
        uint8_t bytes[FIXED_SIZE];
        uint64_t fields; /* padded */
        uint64_t body;
} Header;

static uint32_t read_u32(const uint8_t *header, size_t at) {
        const uint8_t *p = header + at;

        return header[0] == 'B' ? (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3] :
                                  (uint32_t) p[3] << 24 | (uint32_t) p[2] << 16 | (uint32_t) p[1] << 8 | p[0];
}

static size_t align_to(size_t at, size_t alignment) {
        return (at + alignment - 1) & ~(alignment - 1);
}

static bool header_parse(Header *header) {
        if (header->bytes[0] != 'l' && header->bytes[0] != 'B')
                return false;
        header->body = read_u32(header->bytes, 4);
        header->fields = ((uint64_t) read_u32(header->bytes, 12) + 7) & ~UINT64_C(7);
        return true;
}

/* Where the value at @at (of a one-letter type, in @header of @size bytes) ends; 0 when it does not fit. */
static size_t skip_value(const uint8_t *header, size_t size, size_t at, char type) {
        switch (type) {
        case 'u':
                at = align_to(at, 4) + 4;
                break;
        case 's':
        case 'o':
                at = align_to(at, 4);
                if (at + 4 > size || read_u32(header, at) > size)
                        return 0;
                at += 4 + read_u32(header, at) + 1;
                break;
        case 'g':
                if (at >= size)
                        return 0;
                at += 1 + header[at] + 1U;
                break;
        default: /* no field of the specification has another type */
                return 0;
        }
        return at <= size ? at : 0;
}

bool gate_strip_header(unsigned char *header, size_t size) {
        size_t end = FIXED_SIZE + read_u32(header, 12);

        if (size < FIXED_SIZE || end > size)
                return false;
        for (size_t at = FIXED_SIZE; at < end;) {
                /* a struct (y, v), at a multiple of 8: code, then the signature of one letter, then the value */
                at = align_to(at, 8);
                if (at + 4 > end || header[at + 1] != 1 || header[at + 3] != '\0')
                        return false;
                if (header[at] == FIELD_SIGNATURE)
                        header[at] = FIELD_UNKNOWN;
                else if (header[at] == FIELD_UNIX_FDS)
                        header[at] = FIELD_UNKNOWN + 1;
                at = skip_value(header, end, at + 4, (char) header[at + 2]);
                if (at == 0)
                        return false;
        }
        memset(header + 4, 0, 4); /* the length of the body */
        return true;
}

/* The two directions */

static bool pass_on(int from, int to, uint64_t left) {
        uint8_t piece[PIECE_SIZE];

        while (left > 0) {
                _cleanup_fds_ Fds fds = { .n = 0 };
                ssize_t n = stream_receive(from, piece, MIN(left, sizeof(piece)), &fds);

                if (n <= 0 || !stream_send_all(to, piece, (size_t) n, &fds))
                        return false;
                left -= (uint64_t) n;
        }
        return true;
}

static bool drop(int from, uint64_t left) {
        uint8_t piece[PIECE_SIZE];

        while (left > 0) {
                _cleanup_fds_ Fds fds = { .n = 0 };
                ssize_t n = stream_receive(from, piece, MIN(left, sizeof(piece)), &fds);

                if (n <= 0)
                        return false;
                left -= (uint64_t) n;
        }
        return true;
}

/* A call of which the header alone goes on. */
static bool pass_stripped(int from, int to, const Header *header) {
        uint8_t bytes[FIXED_SIZE + FIELDS_MAX];
        _cleanup_fds_ Fds fds = { .n = 0 };
        Fds none = { .n = 0 };

        memcpy(bytes, header->bytes, FIXED_SIZE);
        if (!stream_receive_all(from, bytes + FIXED_SIZE, header->fields, &fds) || !drop(from, header->body))
                return false;
        if (!gate_strip_header(bytes, FIXED_SIZE + header->fields))
                return true;
        return stream_send_all(to, bytes, FIXED_SIZE + header->fields, &none);
}

static bool message_in(Gate *gate, Header *header, Fds *fds) {
        bool is_call = header->bytes[1] == TYPE_METHOD_CALL && !(header->bytes[2] & FLAG_NO_REPLY);

        if (!header_parse(header))
                return false;
        if (FIXED_SIZE + header->fields + header->body <= GATE_MESSAGE_MAX)
                return stream_send_all(gate->inner, header->bytes, FIXED_SIZE, fds) &&
                       pass_on(gate->outer, gate->inner, header->fields + header->body);
        fds_close(fds);
        if (is_call && header->fields <= FIELDS_MAX)
                return pass_stripped(gate->outer, gate->inner, header);
        return drop(gate->outer, header->fields + header->body);
}

static bool message_out(Gate *gate, Header *header, Fds *fds) {
        return header_parse(header) && stream_send_all(gate->outer, header->bytes, FIXED_SIZE, fds) &&
               pass_on(gate->inner, gate->outer, header->fields + header->body);
}

/* One line of the handshake, whose first @done bytes are in @line already; returns its length, 0 at the end. */
static size_t read_line(int from, char *line, size_t done) {
        Fds none = { .n = 0 };

        /* Byte by byte, because a message may follow at once. */
        while (done == 0 || line[done - 1] != '\n') {
                if (done == LINE_MAX_SIZE || stream_receive(from, line + done, 1, &none) <= 0)
                        return 0;
                done++;
        }
        fds_close(&none);
        return done;
}

/* A line of the handshake begins with another capital letter than a message; only the bus begins with either. */
static bool first_in(Gate *gate, bool *ret_begun) {
        _cleanup_fds_ Fds fds = { .n = 0 };
        char line[LINE_MAX_SIZE];
        Header header;
        size_t n;

        if (!stream_receive_all(gate->outer, header.bytes, 1, &fds))
                return false;
        if (header.bytes[0] == 'l' || header.bytes[0] == 'B') {
                *ret_begun = true;
                return stream_receive_all(gate->outer, header.bytes + 1, FIXED_SIZE - 1, &fds) &&
                       message_in(gate, &header, &fds);
        }
        line[0] = (char) header.bytes[0];
        n = read_line(gate->outer, line, 1);
        return n > 0 && stream_send_all(gate->inner, line, n, &fds);
}

static bool next_in(Gate *gate) {
        _cleanup_fds_ Fds fds = { .n = 0 };
        Header header;

        return stream_receive_all(gate->outer, header.bytes, FIXED_SIZE, &fds) && message_in(gate, &header, &fds);
}

/* What the bus says: lines, then messages. */
static gpointer carry_in(gpointer data) {
        Gate *gate = data;
        bool begun = false;

        while (begun ? next_in(gate) : first_in(gate, &begun))
                ;
        (void) shutdown(gate->inner, SHUT_RDWR);
        return NULL;
}

static bool line_out(Gate *gate, bool *ret_begun) {
        char line[LINE_MAX_SIZE + 1];
        Fds none = { .n = 0 };
        size_t n;

        n = read_line(gate->inner, line, 0);
        line[n] = '\0';
        *ret_begun = strcmp(line, "BEGIN\r\n") == 0;
        return n > 0 && stream_send_all(gate->outer, line, n, &none);
}

static bool next_out(Gate *gate) {
        _cleanup_fds_ Fds fds = { .n = 0 };
        Header header;

        return stream_receive_all(gate->inner, header.bytes, FIXED_SIZE, &fds) && message_out(gate, &header, &fds);
}

/* What GDBus says: lines until BEGIN, then messages. */
static gpointer carry_out(gpointer data) {
        Gate *gate = data;
        bool begun = false;

        while (begun ? next_out(gate) : line_out(gate, &begun))
                ;
        (void) shutdown(gate->outer, SHUT_RDWR);
        return NULL;
}

/* Blocking, but not for ever: a bus that takes nothing any more is given up. */
static int prepare(int fd) {
        struct timeval timeout = { .tv_sec = GATE_SEND_TIMEOUT_S };
        int flags;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        return 0;
}

int gate_new(int fd, Gate **ret, int *ret_fd) {
        _cleanup_close_ int outer = fd;
        int ends[2], r;
        Gate *gate;

        r = prepare(outer);
        if (r < 0)
                return error_trace(r);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return error_trace(-errno);
        gate = g_new0(Gate, 1);
        gate->outer = steal_fd(&outer);
        gate->inner = ends[0];
        gate->in = g_thread_new("gate-in", carry_in, gate);
        gate->out = g_thread_new("gate-out", carry_out, gate);
        *ret = gate;
        *ret_fd = ends[1];
        return 0;
}

Gate *gate_free(Gate *gate) {
        if (!gate)
                return NULL;
        /* No more is read from GDBus than it has written; the bus hangs up when it has that, or is hung up on. */
        (void) shutdown(gate->inner, SHUT_RD);
        g_thread_join(gate->out);
        (void) shutdown(gate->outer, SHUT_RDWR);
        (void) shutdown(gate->inner, SHUT_RDWR);
        g_thread_join(gate->in);
        (void) close(gate->outer);
        (void) close(gate->inner);
        g_free(gate);
        return NULL;
}
