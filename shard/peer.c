/* peer.c -- see peer.h. */
#include "shard/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "shard/session.h"
#include "shard/shard.h"

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static struct peer from_v4(const void *address, uint16_t port)
{
    struct peer peer = {.port = port};

    memcpy(peer.address, v4_mapped, sizeof(v4_mapped));
    memcpy(peer.address + sizeof(v4_mapped), address, sizeof(uint32_t));
    return peer;
}

static struct peer from_v6(const void *address, uint16_t port)
{
    struct peer peer = {.port = port};

    memcpy(peer.address, address, sizeof(peer.address));
    return peer;
}

static bool wanted(const struct options *options)
{
    return options->log_level >= LOG_INFO || options->address_clients_max > 0 ||
           options->address_connects_max > 0;
}

struct peer peer_of(const struct shard *shard, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } from;
    socklen_t len = sizeof(from);

    if (!wanted(shard->options) || getpeername(fd, &from.any, &len) < 0)
        return (struct peer){.port = 0};
    if (from.any.sa_family == AF_INET)
        return from_v4(&from.v4.sin_addr, ntohs(from.v4.sin_port));
    if (from.any.sa_family == AF_INET6)
        return from_v6(&from.v6.sin6_addr, ntohs(from.v6.sin6_port));
    return (struct peer){.port = 0};
}

bool peer_is_v4(const struct peer *peer)
{
    return memcmp(peer->address, v4_mapped, sizeof(v4_mapped)) == 0;
}

void peer_text(const struct peer *peer, char out[PEER_TEXT_BYTES])
{
    char address[INET6_ADDRSTRLEN] = "";
    bool v4 = peer_is_v4(peer);

    if (peer->port == 0) {
        snprintf(out, PEER_TEXT_BYTES, "-");
        return;
    }
    inet_ntop(v4 ? AF_INET : AF_INET6, peer->address + (v4 ? sizeof(v4_mapped) : 0), address,
              sizeof(address));
    snprintf(out, PEER_TEXT_BYTES, v4 ? "%s:%u" : "[%s]:%u", address, peer->port);
}

bool peer_keep(struct shard *shard, struct session *session, const struct peer *peer)
{
    session->peer_port = 0;
    session->peer_v6 = !peer_is_v4(peer);
    if (peer->port == 0)
        return true;
    if (session->peer_v6) {
        void *address = pool_get(&shard->v6_addresses, &session->peer_address);
        if (address == NULL)
            return false;
        memcpy(address, peer->address, sizeof(peer->address));
    } else {
        memcpy(&session->peer_address, peer->address + sizeof(v4_mapped), sizeof(uint32_t));
    }
    session->peer_port = peer->port;
    return true;
}

struct peer peer_kept(const struct shard *shard, const struct session *session)
{
    if (session->peer_port == 0)
        return (struct peer){.port = 0};
    return session->peer_v6
               ? from_v6(pool_at(&shard->v6_addresses, session->peer_address), session->peer_port)
               : from_v4(&session->peer_address, session->peer_port);
}

void peer_drop(struct shard *shard, struct session *session)
{
    if (session->peer_v6 && session->peer_port != 0)
        pool_put(&shard->v6_addresses, session->peer_address);
    session->peer_port = 0;
}
