/* session_rooms.h -- what session.c hands to session_rooms.c, and nobody else needs. */
#ifndef UPROAR_TOOLS_SESSION_ROOMS_H
#define UPROAR_TOOLS_SESSION_ROOMS_H

#include "tools/session.h"

/* The connection is gone: every room that was joined is wanted again. */
void session_rooms_unjoin(struct session *session);

/* Sends JOIN for the next wanted room, unless one is under way. */
void session_rooms_join_next(struct session *session);

/* An ERROR about the JOIN under way. false: there is none, so this is about something else. */
bool session_rooms_barred(struct session *session, const struct event *event);

/* Any event that may concern a room. true: it has been dealt with, or is stale. */
bool session_rooms_event(struct session *session, const struct event *event, uint64_t now_ms);

#endif
