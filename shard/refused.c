/* refused.c -- see refused.h. */
#include "shard/refused.h"

#include "shard/peer.h"
#include "shard/session.h"
#include "shard/shard.h"

void refused_record(struct shard *shard, const struct session *session, const struct cmd *cmd)
{
    char from[PEER_TEXT_BYTES];

    if (shard->options->log_level < LOG_INFO || !log_allowed(&shard->refused_lines))
        return;
    struct peer peer = peer_kept(shard, session);
    const char *about = msg_type_name(cmd->type);
    peer_text(&peer, from);
    log_event(LOG_INFO, "request refused", LOG_HEX("id", session_connection(shard, session)),
              LOG_STR("peer", from), LOG_SLICE("name", session_name(session)),
              LOG_STR("protocol", codecs[session->codec]->name),
              LOG_STR("about", about != NULL ? about : ""),
              LOG_STR("reason", reason_name(cmd->error)),
              LOG_STR("cause", cmd->fault != NULL ? cmd->fault : reason_sentence(cmd->error)));
}
