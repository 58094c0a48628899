/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/network.h"

#define OTHER "other"
#define V4_SIZE 4
#define V6_48_SIZE 6
#define V6_64_SIZE 8

static Network network_new(NetworkKind kind, const void *prefix, size_t size) {
        Network network = { .kind = kind };

        memcpy(network.prefix, prefix, size);
        return network;
}

/* Who is here already connects from as many loopback addresses as he likes: they are one. */
static Network v4_of(const unsigned char address[V4_SIZE]) {
        static const unsigned char loopback[V4_SIZE] = { IN_LOOPBACKNET, 0, 0, 1 };

        return network_new(NETWORK_V4, address[0] == IN_LOOPBACKNET ? loopback : address, V4_SIZE);
}

Network network_of(const char *rhost) {
        size_t size = rhost ? strcspn(rhost, "%") : 0;
        char text[INET6_ADDRSTRLEN];
        struct in6_addr v6;
        struct in_addr v4;

        if (!rhost)
                return (Network) { .kind = NETWORK_NONE };
        if (size >= sizeof(text))
                return (Network) { .kind = NETWORK_OTHER };
        memcpy(text, rhost, size);
        text[size] = '\0';
        if (rhost[size] == '\0' && inet_pton(AF_INET, text, &v4) == 1)
                return v4_of((const unsigned char *) &v4);
        if (inet_pton(AF_INET6, text, &v6) != 1)
                return (Network) { .kind = NETWORK_OTHER };
        if (IN6_IS_ADDR_V4MAPPED(&v6))
                return v4_of(v6.s6_addr + 12);
        return network_new(NETWORK_V6_64, &v6, V6_64_SIZE);
}

bool network_from_string(const char *text, Network *ret) {
        char address[NETWORK_TEXT_MAX];
        size_t size = strlen(text);
        bool is_48 = size > 3 && strcmp(text + size - 3, "/48") == 0;
        bool is_64 = size > 3 && strcmp(text + size - 3, "/64") == 0;

        if (size >= sizeof(address))
                return false;
        if (strcmp(text, OTHER) == 0) {
                *ret = (Network) { .kind = NETWORK_OTHER };
                return true;
        }
        (void) snprintf(address, sizeof(address), "%.*s", (int) (is_48 || is_64 ? size - 3 : size), text);
        *ret = network_of(address);
        if (is_48)
                *ret = network_wider(ret);
        return ret->kind != NETWORK_NONE && ret->kind != NETWORK_OTHER && !(is_64 && ret->kind == NETWORK_V4);
}

Network network_wider(const Network *network) {
        if (network->kind != NETWORK_V6_64)
                return (Network) { .kind = NETWORK_NONE };
        return network_new(NETWORK_V6_48, network->prefix, V6_48_SIZE);
}

bool network_equal(const Network *a, const Network *b) {
        return a->kind == b->kind && memcmp(a->prefix, b->prefix, sizeof(a->prefix)) == 0;
}

void network_to_string(const Network *network, char ret[NETWORK_TEXT_MAX]) {
        struct in6_addr v6 = { 0 };
        char text[INET6_ADDRSTRLEN] = "";

        switch (network->kind) {
        case NETWORK_V4:
                (void) inet_ntop(AF_INET, network->prefix, text, sizeof(text));
                break;
        case NETWORK_V6_64:
        case NETWORK_V6_48:
                memcpy(&v6, network->prefix, sizeof(network->prefix));
                (void) inet_ntop(AF_INET6, &v6, text, sizeof(text));
                break;
        case NETWORK_OTHER:
                (void) snprintf(text, sizeof(text), "%s", OTHER);
                break;
        case NETWORK_NONE:
        case _NETWORK_KIND_MAX:
                break;
        }
        (void) snprintf(ret, NETWORK_TEXT_MAX, "%s%s", text,
                        network->kind == NETWORK_V6_64 ? "/64" : network->kind == NETWORK_V6_48 ? "/48" : "");
}
