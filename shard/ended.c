/* ended.c -- see ended.h. */
#include "shard/ended.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "shard/probe.h"
#include "shard/session.h"
#include "shard/shard.h"

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

struct peer peer_of(const struct shard *shard, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } from;
    socklen_t len = sizeof(from);
    struct peer peer = {.port = 0};

    if (shard->options->log_level < LOG_INFO || getpeername(fd, &from.any, &len) < 0)
        return peer;
    if (from.any.sa_family == AF_INET) {
        memcpy(peer.address, v4_mapped, sizeof(v4_mapped));
        memcpy(peer.address + sizeof(v4_mapped), &from.v4.sin_addr, sizeof(from.v4.sin_addr));
        peer.port = ntohs(from.v4.sin_port);
    } else if (from.any.sa_family == AF_INET6) {
        memcpy(peer.address, &from.v6.sin6_addr, sizeof(peer.address));
        peer.port = ntohs(from.v6.sin6_port);
    }
    return peer;
}

void peer_text(const struct peer *peer, char out[PEER_TEXT_BYTES])
{
    char address[INET6_ADDRSTRLEN] = "";
    bool v4 = memcmp(peer->address, v4_mapped, sizeof(v4_mapped)) == 0;

    if (peer->port == 0) {
        snprintf(out, PEER_TEXT_BYTES, "-");
        return;
    }
    inet_ntop(v4 ? AF_INET : AF_INET6, peer->address + (v4 ? sizeof(v4_mapped) : 0), address,
              sizeof(address));
    snprintf(out, PEER_TEXT_BYTES, v4 ? "%s:%u" : "[%s]:%u", address, peer->port);
}

void ended_record(struct shard *shard, const struct session *session)
{
    const struct stream *stream = &session->stream;
    char peer[PEER_TEXT_BYTES];

    stats_add_reason(shard->stats, STAT_ENDED, session->end_reason, 1);
    PROBE(close, session_connection(shard, session), session->end_reason, stream->bytes_in,
          stream->bytes_out);
    if (shard->options->log_level < LOG_INFO || !log_allowed(&shard->ended_lines))
        return;
    peer_text(&session->peer, peer);
    log_event(LOG_INFO, "connection ended", LOG_HEX("id", session_connection(shard, session)),
              LOG_HEX("session", session->id), LOG_STR("peer", peer),
              LOG_SLICE("name", session_name(session)),
              LOG_MS("duration", (uint32_t)shard->loop.now_ms - session->began_ms),
              LOG_U64("bytes_in", stream->bytes_in), LOG_U64("bytes_out", stream->bytes_out),
              LOG_U64("gaps", session->gaps), LOG_STR("reason", reason_name(session->end_reason)));
}
