/* upgrade.c -- see upgrade.h. */
#include "tools/load/upgrade.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/check.h"
#include "core/clock.h"
#include "tools/load/words.h"

#define VERSION "HTTP/1.1 "

static const char *const protocols[LOAD_WIRES] = {
    [LOAD_WS] = HTTP_PROTOCOL_NAME_BIN,
    [LOAD_WS_JSON] = HTTP_PROTOCOL_NAME_JSON,
};

struct load_upgrade *load_upgrade_new(enum load_wire wire, struct slice opening)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct load_upgrade *upgrade = malloc(sizeof(*upgrade) + opening.len);
    if (upgrade == NULL)
        return NULL;
    *upgrade = (struct load_upgrade){.wire = wire, .opening_bytes = opening.len};
    memcpy(upgrade->opening, opening.data, opening.len);
    /* 16 bytes: 21 digits of 6 bits, one of 2 bits and four zeros, and the padding. */
    random_bytes(upgrade->key, sizeof(upgrade->key));
    for (size_t i = 0; i < 22; i++)
        upgrade->key[i] = (uint8_t)base64[upgrade->key[i] & (i < 21 ? 63u : 48u)];
    upgrade->key[22] = upgrade->key[23] = '=';
    return upgrade;
}

size_t load_upgrade_request(const struct load_upgrade *upgrade, uint8_t *out)
{
    int len = snprintf((char *)out, LOAD_REQUEST_BYTES,
                       "GET " HTTP_PATH_WS " HTTP/1.1\r\n"
                       "Host: localhost\r\n"
                       "Connection: Upgrade\r\n"
                       "Upgrade: websocket\r\n"
                       "Sec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: %.*s\r\n"
                       "Sec-WebSocket-Protocol: %s\r\n"
                       "\r\n",
                       (int)HTTP_KEY_BYTES, (const char *)upgrade->key, protocols[upgrade->wire]);
    CHECK(len > 0 && (size_t)len < LOAD_REQUEST_BYTES);
    return (size_t)len;
}

int64_t load_upgrade_head(struct slice in)
{
    size_t known = size_min(in.len, strlen(VERSION));
    if (memcmp(in.data, VERSION, known) != 0)
        return -1;
    const uint8_t *end = memmem(in.data, in.len, "\r\n\r\n", 4);
    size_t len = end == NULL ? in.len : (size_t)(end - in.data) + 4;
    if (len > LOAD_HEAD_BYTES_MAX)
        return -1;
    return end == NULL ? 0 : (int64_t)len;
}

unsigned load_upgrade_status(struct slice head)
{
    uint64_t status;
    struct slice rest = slice_of(head.data + strlen(VERSION), head.len - strlen(VERSION));
    return load_take_decimal(&rest, &status) && status <= 999 ? (unsigned)status : 0;
}

/* The value of the field that is called so, without blanks around it; its data NULL: there is
 * none. *count: how many there are. */
static struct slice field_of(struct slice head, const char *name, unsigned *count)
{
    struct slice line, found = {NULL, 0};
    size_t used;
    *count = 0;
    while ((used = load_line(head, &line)) != 0) {
        head = slice_of(head.data + used, head.len - used);
        size_t len = strlen(name);
        if (line.len <= len || line.data[len] != ':' || !http_same(slice_of(line.data, len), name))
            continue;
        found = slice_of(line.data + len + 1, line.len - len - 1);
        while (found.len > 0 && found.data[0] == ' ')
            found = slice_of(found.data + 1, found.len - 1);
        while (found.len > 0 && found.data[found.len - 1] == ' ')
            found.len--;
        ++*count;
    }
    return found;
}

static bool is(struct slice head, const char *name, struct slice value)
{
    unsigned count;
    struct slice found = field_of(head, name, &count);
    return count == 1 && slice_equal(found, value);
}

uint32_t load_upgrade_retry_s(struct slice head)
{
    unsigned count;
    uint64_t seconds;
    struct slice found = field_of(head, "Retry-After", &count);
    return count == 1 && load_take_decimal(&found, &seconds) && found.len == 0
               ? (uint32_t)u64_min(seconds, 3600)
               : 0;
}

bool load_upgrade_right(const struct load_upgrade *upgrade, struct slice head)
{
    uint8_t accept[HTTP_ACCEPT_BYTES];
    unsigned upgrades, connections, extensions;
    struct slice protocol = slice_str(protocols[upgrade->wire]);
    http_accept(slice_of(upgrade->key, sizeof(upgrade->key)), accept);
    struct slice to = field_of(head, "Upgrade", &upgrades);
    struct slice connection = field_of(head, "Connection", &connections);
    (void)field_of(head, "Sec-WebSocket-Extensions", &extensions);
    return upgrades == 1 && connections == 1 && extensions == 0 && http_same(to, "websocket") &&
           http_same(connection, "upgrade") &&
           is(head, "Sec-WebSocket-Accept", slice_of(accept, sizeof(accept))) &&
           is(head, "Sec-WebSocket-Protocol", protocol);
}
