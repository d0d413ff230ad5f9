/* fake_inside.h -- what the fake server's two halves share: fake_answers.c decides what is said,
 * fake_server.c owns the sockets, the thread and the calls of tests. All of it under one lock. */
#ifndef UPROAR_TESTS_TOOLS_FAKE_INSIDE_H
#define UPROAR_TESTS_TOOLS_FAKE_INSIDE_H

#include "proto/frame.h"

#define FAKE_PEOPLE_MAX 8u
#define FAKE_ROOMS_MAX  8u

struct fake_room {
    char name[ROOM_BYTES_MAX + 1];
    uint64_t head;
};

struct fake_peer {
    int fd; /* -1: free */
    uint64_t id;
    bool hello;
    char name[NAME_BYTES_MAX + 1];
    bool in[FAKE_ROOMS_MAX], no_echo[FAKE_ROOMS_MAX];
    bool held; /* fd is -1: the session waits for its token */
    size_t len;
    uint8_t bytes[2 * FRAME_BYTES_CEILING];
};

/* How it behaves, and what it knows. */
struct fake {
    bool muted, holding;
    enum reason refusal;
    char taken[NAME_BYTES_MAX + 1];
    char last_body[FRAME_BYTES_CEILING];
    uint64_t epoch;
    struct fake_peer peers[FAKE_PEOPLE_MAX];
    struct fake_room rooms[FAKE_ROOMS_MAX];
};
extern struct fake fake;

/* Does what a client asks. */
void fake_obey(struct fake_peer *peer, const struct cmd *cmd);

void fake_give(struct fake_peer *peer, const struct event *event);
/* The id of the room, which exists from then on; 0: there are too many. */
uint32_t fake_room_id(const char *name, size_t len);
uint32_t fake_members_of(uint32_t room);
/* A message in the room; its number. sender NULL: somebody without a connection. */
uint64_t fake_publish(uint32_t room, const struct fake_peer *sender, const char *name,
                      uint64_t msgid, struct slice body);

#endif
