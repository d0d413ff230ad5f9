/* ended.c -- see ended.h. */
#include "shard/ended.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/clock.h"
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

/* A bucket of lines that fills again with time. */
static bool may_write(struct ended *ended, uint64_t now_ns)
{
    const uint64_t line_ns = NS_PER_SEC / ENDED_LINES_PER_SECOND;

    if (ended->full_ns < now_ns)
        ended->full_ns = now_ns;
    if (ended->full_ns - now_ns > (ENDED_LINES_BURST - 1) * line_ns) {
        ended->suppressed++;
        return false;
    }
    ended->full_ns += line_ns;
    return true;
}

void ended_record(struct shard *shard, const struct session *session)
{
    const struct stream *stream = &session->stream;
    struct ended *ended = &shard->ended;
    char peer[PEER_TEXT_BYTES];

    stats_add_reason(shard->stats, STAT_ENDED, session->end_reason, 1);
    if (shard->options->log_level < LOG_INFO || !may_write(ended, shard->loop.now_ns))
        return;
    peer_text(&session->peer, peer);
    log_info("connection ended id=%llx session=%llx peer=%s duration_ms=%llu bytes_in=%llu "
             "bytes_out=%llu gaps=%u reason=%s suppressed=%llu name=%.*s",
             (unsigned long long)session->connection, (unsigned long long)session->id, peer,
             (unsigned long long)(shard->loop.now_ms - session->began_ms),
             (unsigned long long)stream->bytes_in, (unsigned long long)stream->bytes_out,
             session->gaps, reason_name(session->end_reason), (unsigned long long)ended->suppressed,
             session->name_bytes, session->name);
    ended->suppressed = 0;
}
