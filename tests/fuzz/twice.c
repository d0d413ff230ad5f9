/* twice.c -- see twice.h. */
#include "tests/fuzz/twice.h"

#include "tests/fuzz/drive.h"
#include "tests/fuzz/fuzz.h"

/* FNV-1a, for comparing. */
static uint64_t mix(uint64_t hash, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001B3);
    return hash ^ bytes.len;
}

/* A command by all that it says. Reading the slices is half of the test. */
static void remember(void *ctx, const struct cmd *cmd)
{
    uint64_t *hash = ctx, numbers[] = {cmd->type, cmd->error, cmd->ref};

    *hash = mix(*hash, slice_of(numbers, sizeof(numbers)));
    if (cmd->error != REASON_NONE)
        return;
    switch (cmd->type) {
    case MSG_HELLO:
        *hash = mix(mix(*hash, cmd->hello.name), cmd->hello.token);
        break;
    case MSG_PUBLISH:
        *hash = mix(*hash, cmd->publish.body);
        break;
    case MSG_DIRECT:
        *hash = mix(mix(*hash, cmd->direct.to), cmd->direct.body);
        break;
    case MSG_JOIN:
        *hash = mix(*hash, cmd->join.room);
        break;
    case MSG_WHO:
        *hash = mix(*hash, cmd->who.room);
        break;
    case MSG_NICK:
        *hash = mix(*hash, cmd->nick.name);
        break;
    default:
        break;
    }
}

static void drive_once(struct drive *drive, unsigned codec, const struct codec_limits *limits,
                       struct slice bytes, size_t step, uint64_t *hash)
{
    drive->want = drive->carry_len = drive->message_len = drive->out_len = 0;
    drive->commands = 0;
    drive->end = REASON_NONE;
    drive->limits = *limits;
    drive->command = remember;
    drive->ctx = hash;
    drive_open(drive, codec);
    drive_bytes_in_steps(drive, bytes, step);
    drive_fini(drive);
}

void drive_twice(unsigned codec, const struct codec_limits *limits, struct slice bytes, size_t step,
                 enum reason *end)
{
    static struct drive whole, pieces;
    uint64_t whole_hash = 0, pieces_hash = 0;

    drive_once(&whole, codec, limits, bytes, bytes.len + 1, &whole_hash);
    drive_once(&pieces, codec, limits, bytes, step + 1, &pieces_hash);
    must(whole.end == pieces.end);
    must(whole.codec == pieces.codec);
    must(whole.commands == pieces.commands && whole_hash == pieces_hash);
    must(whole.out_len == pieces.out_len);
    must(memcmp(whole.out, pieces.out, whole.out_len) == 0);
    *end = whole.end;
}
