/* connection.c -- opening connections and putting split frames together. */
#include "tools/load/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/check.h"

#define DIAL_MS 10000u

size_t load_hello(uint8_t *out, const char *name)
{
    struct cmd cmd = {.type = MSG_HELLO, .hello = {.name = slice_str(name)}};
    size_t len = frame_encode_cmd(&cmd, out, LOAD_HELLO_BYTES);
    CHECK(len != 0);
    return len;
}

size_t load_join(uint8_t *out, const char *room, uint8_t flags)
{
    struct cmd cmd = {.type = MSG_JOIN, .join = {.flags = flags, .room = slice_str(room)}};
    size_t len = frame_encode_cmd(&cmd, out, LOAD_JOIN_BYTES);
    CHECK(len != 0);
    return len;
}

struct load_connection *load_connection_open(struct streams *streams,
                                             const struct net_target *target, struct slice opening,
                                             int *err)
{
    return load_connection_open_as(streams, target, &(struct net_manner){0}, opening, err);
}

struct load_connection *load_connection_open_as(struct streams *streams,
                                                const struct net_target *target,
                                                const struct net_manner *manner,
                                                struct slice opening, int *err)
{
    int fd = net_dial_as(target, manner, DIAL_MS);
    if (fd < 0) {
        *err = fd;
        return NULL;
    }
    ssize_t sent = send(fd, opening.data, opening.len, MSG_NOSIGNAL);
    if (sent != (ssize_t)opening.len) {
        *err = sent < 0 ? -errno : -ENOBUFS;
        close(fd);
        return NULL;
    }
    struct stream *stream = stream_open(streams, fd);
    if (stream == NULL) {
        *err = -ENOMEM;
        close(fd);
        return NULL;
    }
    return (struct load_connection *)stream;
}

void load_connection_fini(struct load_connection *connection)
{
    free(connection->carry);
    connection->carry = NULL;
}

void load_connection_pong(struct streams *streams, struct load_connection *connection,
                          uint64_t token)
{
    if (stream_sending(&connection->stream) || stream_closing(&connection->stream))
        return;
    struct cmd cmd = {.type = MSG_PONG, .pong = {.token = token}};
    size_t len = frame_encode_cmd(&cmd, connection->pong, sizeof(connection->pong));
    CHECK(len != 0);
    struct iovec iov = {.iov_base = connection->pong, .iov_len = len};
    stream_send(streams, &connection->stream, &iov, 1);
}

/* Moves bytes from *in to the carry until it holds `bytes`: 1 when it does, 0 when *in is used
 * up, -1 without memory. */
static int carry_fill(struct load_connection *connection, struct slice *in, size_t bytes)
{
    if (connection->carry_used < bytes) {
        if (connection->carry_bytes < bytes) {
            /* Grown to a power of two, so that frames of one size grow it once. */
            uint32_t grown = 256;
            while (grown < bytes)
                grown *= 2;
            uint8_t *carry = realloc(connection->carry, grown);
            if (carry == NULL)
                return -1;
            connection->carry = carry;
            connection->carry_bytes = grown;
        }
        size_t take = size_min(bytes - connection->carry_used, in->len);
        memcpy(connection->carry + connection->carry_used, in->data, take);
        connection->carry_used += (uint32_t)take;
        *in = slice_of(in->data + take, in->len - take);
    }
    return connection->carry_used >= bytes;
}

int load_connection_patch(struct load_connection *connection, struct slice *in, struct slice *frame)
{
    if (connection->carry_spent) {
        connection->carry_spent = false;
        connection->carry_used = 0;
        return load_connection_next(connection, in, frame);
    }
    if (in->len == 0)
        return 0;
    int filled = carry_fill(connection, in, FRAME_HEADER_BYTES);
    if (filled <= 0)
        return filled;
    uint32_t length;
    memcpy(&length, connection->carry, sizeof(length));
    size_t bytes = (size_t)__builtin_bswap32(length) + FRAME_LENGTH_BYTES;
    if (bytes < FRAME_HEADER_BYTES || bytes > FRAME_BYTES_CEILING ||
        connection->carry[4] != FRAME_MAGIC || connection->carry[5] != FRAME_VERSION)
        return -1;
    filled = carry_fill(connection, in, bytes);
    if (filled <= 0)
        return filled;
    connection->carry_spent = true;
    *frame = slice_of(connection->carry, bytes);
    return 1;
}
