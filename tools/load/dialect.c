/* dialect.c -- the table of dialects, and what to say when another one answers. */
#include "tools/load/dialect.h"

#include <stdio.h>

#include "proto/frame.h"
#include "tools/load/shared.h"
#include "tools/load/words.h"

static const struct load_dialect *const dialects[] = {
    &load_dialect_redis, &load_dialect_nats, &load_dialect_mqtt,
    &load_dialect_irc,   &load_dialect_go,
};

const struct load_dialect *load_dialect_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(dialects); i++)
        if (strcmp(dialects[i]->name, name) == 0)
            return dialects[i];
    return NULL;
}

const char *load_dialect_names(void)
{
    return "redis, nats, mqtt, irc or go; or native, ws, ws-json, or several of these three";
}

const char *load_dialect_guess(struct slice first)
{
    static const struct {
        const char *begins, *protocol;
    } marks[] = {
        {"INFO {", "nats"},   {"-ERR '", "nats"},   {"+PONG", "redis"},   {"-ERR ", "redis"},
        {"-NOAUTH", "redis"}, {"-DENIED", "redis"}, {"\x20\x02", "mqtt"}, {"PING :", "irc"},
        {"ERROR ", "irc"},    {"NOTICE ", "irc"},
    };
    if (first.len >= FRAME_HEADER_BYTES && first.data[4] == FRAME_MAGIC &&
        first.data[5] == FRAME_VERSION)
        return LOAD_PROTOCOL_NATIVE;
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
        if (load_begins(first, marks[i].begins))
            return marks[i].protocol;
    /* ":server.name NOTICE ...", as most IRC servers begin. */
    if (load_begins(first, ":")) {
        load_take_word(&first);
        if (load_begins(first, "NOTICE ") || load_begins(first, "0"))
            return "irc";
    }
    return NULL;
}

void load_dialect_explain(const struct load_dialect *dialect, struct slice came, char *out,
                          size_t out_bytes)
{
    char beginning[24 + 1];
    load_shown(came, beginning, sizeof(beginning));
    const char *guess = load_dialect_guess(came);
    const char *expected = dialect == NULL ? "an Uproar server" : dialect->server;
    if (guess != NULL && strcmp(guess, dialect == NULL ? LOAD_PROTOCOL_NATIVE : dialect->name) != 0)
        snprintf(out, out_bytes, "what answers is not %s: \"%s\"; try --protocol %s", expected,
                 beginning, guess);
    else
        snprintf(out, out_bytes, "what answers is not %s: \"%s\"", expected, beginning);
}
