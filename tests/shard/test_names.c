/* test_names.c -- nobody twice, folded, and direct messages find their way. */
#include "tests/shard/fixture.h"

#include <stdio.h>

TestSuite(names, .timeout = 60);

static bool same(const char *a, const char *b)
{
    return names_same(slice_str(a), slice_str(b));
}

Test(names, ascii_letters_fold_and_nothing_else)
{
    cr_assert(same("anna", "ANNA"));
    cr_assert(same("aZ09", "Az09"));
    cr_assert(same("", ""));
    cr_assert_not(same("anna", "annb"));
    cr_assert_not(same("anna", "ann"));
    /* What differs from a letter by the same bit is no letter. */
    cr_assert_not(same("[", "{"));
    cr_assert_not(same("@", "`"));
    cr_assert_not(same("Zoë", "ZoË"), "beyond ASCII names are bytes");
    cr_assert(same("Zoë", "zOë"));
}

Test(names, equal_names_have_one_home)
{
    world_start(4, 0, NULL);
    const struct shard *shard = world_shard(0);
    cr_assert_eq(shard_name_hash(shard, slice_str("Anna")),
                 shard_name_hash(shard, slice_str("aNNA")));
    cr_assert_neq(shard_room_hash(shard, slice_str("Anna")),
                  shard_room_hash(shard, slice_str("aNNA")), "rooms do not fold");
    cr_assert_neq(shard_name_hash(shard, slice_str("[")), shard_name_hash(shard, slice_str("{")));
    world_stop();
}

static void claim(unsigned probe, uint64_t id, const char *name)
{
    struct xmsg *msg = probe_post(probe, 0, XMSG_NAME_CLAIM);

    msg->who = (struct session_ref){(uint32_t)id, 1, probe_port(probe)};
    msg->id = id;
    xnames_attach(probe_segments(probe), msg, slice_str(name), slice_of(NULL, 0));
}

static void change(unsigned probe, uint64_t id, const char *name)
{
    struct xmsg *msg = probe_post(probe, 0, XMSG_NAME_CLAIM);

    msg->who = (struct session_ref){(uint32_t)id, 1, probe_port(probe)};
    msg->id = id;
    msg->flags = 1;
    xnames_attach(probe_segments(probe), msg, slice_str(name), slice_of(NULL, 0));
}

static void release(unsigned probe, uint64_t id, const char *name)
{
    struct xmsg *msg = probe_post(probe, 0, XMSG_NAME_RELEASE);

    msg->who = (struct session_ref){(uint32_t)id, 1, probe_port(probe)};
    xnames_attach(probe_segments(probe), msg, slice_str(name), slice_of(NULL, 0));
    probe_flush(probe);
}

static void granted(unsigned probe, uint64_t id, const char *name)
{
    const struct xmsg *msg = probe_expect(probe, XMSG_NAME_GRANTED);
    struct slice got;

    xnames_of(msg, &got, NULL);
    assert_slice(got, name);
    cr_assert_eq(msg->id, id);
    cr_assert_eq(msg->who.slot, id);
}

static void taken(unsigned probe, uint64_t id)
{
    const struct xmsg *msg = probe_expect(probe, XMSG_NAME_TAKEN);

    cr_assert_eq(msg->value, REASON_NAME_TAKEN);
    cr_assert_eq(msg->id, id);
}

Test(names, the_first_has_it_until_it_is_released)
{
    world_start(1, 2, NULL);
    struct names *names = &world_shard(0)->names;
    claim(0, 1, "Anna");
    granted(0, 1, "Anna");
    claim(1, 2, "aNNA");
    taken(1, 2);
    release(1, 2, "anna"); /* not hers to give */
    claim(1, 2, "anna");
    taken(1, 2);
    release(0, 1, "ANNA");
    claim(1, 2, "anna");
    granted(1, 2, "anna");
    cr_assert_eq(names->entries.in_use, 1);
    release(1, 2, "anna");
    release(1, 2, "anna"); /* twice does no harm */
    probe_expect_silence(1);
    cr_assert_eq(names->entries.in_use, 0);
    cr_assert_eq(names->by_name.count, 0);
    world_stop();
}

Test(names, ones_own_name_may_be_claimed_in_another_spelling)
{
    world_start(1, 1, NULL);
    claim(0, 1, "anna");
    granted(0, 1, "anna");
    change(0, 1, "ANNA");
    granted(0, 1, "ANNA");
    cr_assert_eq(world_shard(0)->names.entries.in_use, 1);
    release(0, 1, "anna");
    probe_expect_silence(0);
    cr_assert_eq(world_shard(0)->names.entries.in_use, 0);
    world_stop();
}

Test(names, many_names_are_all_found_again)
{
    world_start(1, 1, NULL);
    char name[16];
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "Name%u", i);
        claim(0, i, name);
        granted(0, i, name);
    }
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "nAME%u", i);
        claim(0, 1000 + i, name);
        taken(0, 1000 + i);
        release(0, i, name);
    }
    probe_expect_silence(0);
    cr_assert_eq(world_shard(0)->names.entries.in_use, 0);
    world_stop();
}

/* DIRECT from session 5 of probe 0. */
static void direct(const char *to, const char *body)
{
    struct xwriter writer = {NULL, 0};
    size_t tail = 4 + strlen(to) + strlen(body);
    struct xdirect *record =
        xwriter_reserve(probe_segments(0), &writer, XRECORD_BYTES(struct xdirect, tail));
    *record = (struct xdirect){.sender = 5,
                               .msgid = 77,
                               .who = {5, 1, probe_port(0)},
                               .body_bytes = (uint32_t)strlen(body),
                               .name_bytes = 4,
                               .to_bytes = (uint8_t)strlen(to)};
    uint8_t *at = (uint8_t *)(record + 1);
    memcpy(at, "bert", 4);
    memcpy(at + 4, to, strlen(to));
    memcpy(at + 4 + strlen(to), body, strlen(body));
    xwriter_attach(&writer, probe_post(0, 0, XMSG_DIRECT));
    probe_flush(0);
}

Test(names, a_direct_message_is_passed_on_to_where_the_name_is)
{
    world_start(1, 2, NULL);
    claim(1, 9, "Anna");
    granted(1, 9, "Anna");
    direct("anna", "hello");
    const struct xmsg *msg = probe_expect(1, XMSG_DELIVER);
    cr_assert_eq(msg->who.slot, 9);
    cr_assert_eq(msg->who.port, probe_port(1));
    const struct xdirect *record = xmsg_record(msg, 0);
    cr_assert_eq(record->who.slot, 5);
    cr_assert_eq(record->msgid, 77);
    assert_slice(slice_of((const uint8_t *)(record + 1) + 4 + record->to_bytes, record->body_bytes),
                 "hello");
    probe_expect_silence(0); /* the receipt is the receiver's shard's to give */
    release(1, 9, "anna");
    world_stop();
}

static enum reason refused(void)
{
    const struct xmsg *msg = probe_expect(0, XMSG_RECEIPTS);
    const struct xreceipt *record = xmsg_record(msg, 0);

    cr_assert_eq(record->room, 0);
    cr_assert_eq(record->msgid, 77);
    cr_assert_eq(record->body_bytes, 5);
    return (enum reason)record->reason;
}

Test(names, a_direct_message_to_nobody_is_refused)
{
    world_start(1, 2, NULL);
    direct("anna", "hello");
    cr_assert_eq(refused(), REASON_NO_SUCH_NAME);
    claim(1, 9, "anna");
    granted(1, 9, "anna");
    struct segment *hoard = memory_hoard(&world_shard(0)->segments, 0);
    direct("anna", "hello");
    cr_assert_eq(refused(), REASON_NO_MEMORY);
    memory_give_back(hoard);
    release(1, 9, "anna");
    world_stop();
}

Test(names, the_loser_of_a_name_may_try_another)
{
    world_start(2, 0, NULL);
    login(0, "anna");
    struct client *bert = client_open(1);
    client_say(bert, .type = MSG_HELLO, .hello.name = slice_str("ANNA"));
    expect_error(bert, REASON_NAME_TAKEN, MSG_HELLO);
    cr_assert_eq(bert->session->state, SESSION_NEW);
    client_say(bert, .type = MSG_HELLO, .hello.name = slice_str("bert"));
    assert_slice(expect(bert, MSG_WELCOME)->welcome.name, "bert");
    world_stop();
}

Test(names, who_left_while_the_name_was_claimed_does_not_keep_it)
{
    world_start(1, 1, NULL);
    /* The name's home is the probe, so that the answer can be late. */
    struct slice name = name_homed("anna", 1);
    struct client *anna = client_open(0);
    client_say(anna, .type = MSG_HELLO, .hello.name = name);
    struct xmsg msg = *probe_expect(0, XMSG_NAME_CLAIM);
    cr_assert_eq(anna->session->state, SESSION_NAMING);
    client_close(anna);
    world_settle();
    world_shard(0);
    cr_assert_eq(world_shard(0)->streams.open, 1, "it waits for the answer before it says FIN");
    struct xmsg *grant = probe_post(0, 0, XMSG_NAME_GRANTED);
    grant->who = msg.who;
    grant->id = msg.id;
    xnames_attach(probe_segments(0), grant, name, slice_of(NULL, 0));
    const struct xmsg *back = probe_expect(0, XMSG_NAME_RELEASE);
    cr_assert_eq(back->who.slot, msg.who.slot);
    cr_assert_eq(back->who.generation, msg.who.generation);
    probe_expect_silence(0);
    cr_assert_eq(world_shard(0)->streams.open, 0);
    world_stop();
}

/* NAME_CLAIM as HELLO says it with a token. */
static void claim_with(unsigned probe, uint64_t id, const char *name, struct slice token)
{
    struct xmsg *msg = probe_post(probe, 0, XMSG_NAME_CLAIM);

    msg->who = (struct session_ref){(uint32_t)id, 1, probe_port(probe)};
    msg->id = id;
    xnames_attach(probe_segments(probe), msg, slice_str(name), token);
}

/* The token of a session that has just been granted this name; it lives as long as the world. */
static struct slice token_of(unsigned probe, uint64_t id, const char *name)
{
    struct slice got, token;

    claim(probe, id, name);
    xnames_of(probe_expect(probe, XMSG_NAME_GRANTED), &got, &token);
    cr_assert_eq(token.len, TOKEN_BYTES);
    return token;
}

Test(names, a_token_that_fits_takes_the_name_over)
{
    world_start(1, 2, NULL);
    struct slice token = token_of(0, 1, "Anna"), name, passed;
    claim_with(1, 2, "aNNa", token);
    const struct xmsg *msg = probe_expect(0, XMSG_TAKEOVER);
    cr_assert_eq(msg->cookie, 1);
    cr_assert_eq(msg->value, 1);
    cr_assert_eq(msg->id, 1, "the session's");
    cr_assert_eq(msg->who.slot, 2);
    cr_assert_eq(msg->who.port, probe_port(1));
    xnames_of(msg, &name, &passed);
    assert_slice(name, "aNNa");
    cr_assert(slice_equal(passed, token));
    probe_expect_silence(1);
    release(0, 1, "Anna"); /* not his any more */
    claim(0, 1, "anna");
    taken(0, 1);
    /* And back, by the same token. */
    claim_with(0, 3, "anna", token);
    msg = probe_expect(1, XMSG_TAKEOVER);
    cr_assert_eq(msg->cookie, 2);
    cr_assert_eq(msg->id, 1, "the session is still the same");
    release(0, 3, "anna");
    probe_expect_silence(1);
    cr_assert_eq(world_shard(0)->names.entries.in_use, 0);
    world_stop();
}

Test(names, a_token_that_does_not_fit_is_like_none)
{
    uint8_t wrong[TOKEN_BYTES];
    world_start(1, 2, NULL);
    struct slice token = token_of(0, 1, "anna"), other = token_of(0, 2, "bert"), name, fresh;
    for (unsigned bit = 0; bit < 8 * TOKEN_BYTES; bit++) {
        memcpy(wrong, token.data, sizeof(wrong));
        wrong[bit / 8] ^= (uint8_t)(1u << bit % 8);
        claim_with(1, 9, "anna", slice_of(wrong, sizeof(wrong)));
        taken(1, 9);
    }
    claim_with(1, 9, "anna", other);
    taken(1, 9);
    release(0, 1, "anna");
    probe_expect_silence(0);
    claim_with(1, 9, "anna", token);
    const struct xmsg *msg = probe_expect(1, XMSG_NAME_GRANTED);
    xnames_of(msg, &name, &fresh);
    cr_assert_eq(fresh.len, TOKEN_BYTES);
    cr_assert_not(slice_equal(fresh, token), "the session is over, and so is its token");
    release(1, 9, "anna");
    release(0, 2, "bert");
    probe_expect_silence(0);
    world_stop();
}

Test(names, the_token_goes_with_a_change)
{
    world_start(1, 2, NULL);
    struct slice token = token_of(0, 1, "anna");
    struct xmsg *msg = probe_post(0, 0, XMSG_NAME_CLAIM);
    msg->who = (struct session_ref){1, 1, probe_port(0)};
    msg->id = 1;
    msg->flags = 1;
    msg->number = names_token_hash(world_shard(0), token);
    xnames_attach(probe_segments(0), msg, slice_str("anja"), slice_of(NULL, 0));
    granted(0, 1, "anja");
    release(0, 1, "anna");
    claim_with(1, 2, "anja", token);
    cr_assert_eq(probe_expect(0, XMSG_TAKEOVER)->id, 1);
    release(1, 2, "anja");
    probe_expect_silence(1);
    cr_assert_eq(world_shard(0)->names.entries.in_use, 0);
    world_stop();
}

static void nick(unsigned probe, uint64_t id, const char *old_name, const char *name)
{
    struct xmsg *msg = probe_post(probe, 0, XMSG_NAME_CLAIM);

    msg->who = (struct session_ref){(uint32_t)id, 1, probe_port(probe)};
    msg->id = id;
    msg->flags = 2;
    xnames_attach(probe_segments(probe), msg, slice_str(name), slice_str(old_name));
    probe_flush(probe);
}

Test(names, a_nick_goes_by_the_home_of_the_old_name_which_knows_the_token)
{
    char name[NAME_BYTES_MAX + 1];
    world_start(1, 2, NULL);
    struct slice homed = name_homed("anja", 0);
    snprintf(name, sizeof(name), "%.*s", (int)homed.len, (const char *)homed.data);
    struct slice token = token_of(0, 1, "anna");
    nick(1, 9, "anna", name);
    taken(1, 9);
    nick(1, 9, "nobody", name);
    taken(1, 9);
    nick(0, 1, "anna", name);
    granted(0, 1, name);
    release(0, 1, "anna");
    claim_with(1, 2, name, token);
    cr_assert_eq(probe_expect(0, XMSG_TAKEOVER)->id, 1);
    release(1, 2, name);
    probe_expect_silence(1);
    cr_assert_eq(world_shard(0)->names.entries.in_use, 0);
    world_stop();
}
