/* returning.h -- clients that come back: with a token, on any shard, to what is told them then. */
#ifndef UPROAR_TESTS_SHARD_RETURNING_H
#define UPROAR_TESTS_SHARD_RETURNING_H

#include "tests/shard/fixture.h"

struct token {
    uint8_t bytes[TOKEN_BYTES];
};

/* HELLO with a token, and nobody takes a turn. */
void hello_with(struct client *client, struct slice name, const struct token *token);
/* HELLO without one, and WELCOME, whose token is kept. */
struct client *login_for(unsigned shard, struct slice name, struct token *token);
/* HELLO with a token, and a WELCOME that says that this is session `id` with the same token. */
struct client *resumed(unsigned shard, struct slice name, const struct token *token, uint64_t id);
/* JOINED, and the PRESENCE that tells it of itself: from now on it sees who comes and goes. */
uint32_t join_seeing(struct client *client, struct slice room);
/* RST, and the server has noticed. */
void reset(struct client *client);
/* GOAWAY replaced, which says not to come back, and the end; other events may come before it. */
void expect_replaced(struct client *client);

/* What came for one room, and for all. */
struct heard {
    struct room_name {
        uint8_t len;
        char bytes[ROOM_BYTES_MAX];
    } name;
    uint32_t room, members;
    uint64_t head, gap_from, gap_to;
    unsigned gaps; /* with reason away */
};

struct told {
    struct heard rooms[4096];
    unsigned joined, messages, left, errors, others;
};

/* Until nothing more comes. A GAP must follow the JOINED of its room. */
void hear_all(struct client *client, struct told *told);
/* NULL: no JOINED came for it. */
const struct heard *heard_room(const struct told *told, struct slice name);

/* Over all shards. */
uint32_t names_in_use(unsigned shards);
uint32_t members_in_use(unsigned shards);

#endif
