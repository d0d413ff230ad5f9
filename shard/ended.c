/* ended.c -- see ended.h. */
#include "shard/ended.h"

#include "shard/peer.h"
#include "shard/probe.h"
#include "shard/session.h"
#include "shard/shard.h"

void ended_record(struct shard *shard, const struct session *session)
{
    const struct stream *stream = &session->stream;
    struct peer peer = peer_kept(shard, session);
    char from[PEER_TEXT_BYTES];

    stats_add_reason(shard->stats, STAT_ENDED, session->end_reason, 1);
    PROBE(close, session_connection(shard, session), session->end_reason, stream->bytes_in,
          stream->bytes_out);
    if (shard->options->log_level < LOG_INFO || !log_allowed(&shard->ended_lines))
        return;
    peer_text(&peer, from);
    log_event(
        LOG_INFO, "connection ended", LOG_HEX("id", session_connection(shard, session)),
        LOG_HEX("session", session->id), LOG_STR("peer", from),
        LOG_SLICE("name", session_name(session)),
        LOG_STR("protocol", session->codec == CODEC_UNKNOWN ? "" : codecs[session->codec]->name),
        LOG_MS("duration", (uint32_t)shard->loop.now_ms - session->began_ms),
        LOG_U64("bytes_in", stream->bytes_in), LOG_U64("bytes_out", stream->bytes_out),
        LOG_U64("gaps", session->gaps), LOG_STR("reason", reason_name(session->end_reason)));
}
