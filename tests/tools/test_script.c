/* test_script.c -- what send, tail, who and rooms have in common: how they begin and fail. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

#include "tests/tools/client_fixture.h"
#include "tools/script.h"

TestSuite(script, .init = client_init, .fini = client_fini, .timeout = 60);

Test(script, without_a_server_ends_with_3)
{
    static const char *const verbs[] = {"send", "tail", "who"};

    for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++) {
        child_start(&child, (const char *[]){verbs[i], "lobby", "-s", "127.0.0.1:1", NULL});
        cr_expect_eq(child_wait(&child), 3, "%s", verbs[i]);
        child_expect_error(&child, "uproar: cannot connect to 127.0.0.1:1: nothing listens there");
    }
}

Test(script, other_protocol_is_recognised)
{
    fake_speak("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
    START(&child, "tail", "lobby");
    cr_expect_eq(child_wait(&child), 3);
    child_expect_error(&child, "what answers there is no Uproar server");
}

Test(script, silence_is_given_up)
{
    fake_mute(true);
    START(&child, "tail", "lobby", "--timeout", "1");
    cr_expect_eq(child_wait(&child), 3);
    child_expect_error(&child, "nothing answered within 1 s; is it an Uproar server?");
}

Test(script, taken_name_gets_digits_unless_it_was_insisted_on)
{
    fake_take_name("anna");
    START(&child, "send", "lobby", "-m", "x");
    cr_expect_eq(child_wait(&child), 0);
    child_expect_error(&child, "the name anna is taken; using anna2");
    START(&other, "send", "lobby", "-m", "x", "--name", "anna");
    cr_expect_eq(child_wait(&other), 3);
    child_expect_error(&other, "somebody else has this name");
}

Test(script, barred_room_ends_with_3)
{
    START(&child, "send", "full", "-m", "x");
    cr_expect_eq(child_wait(&child), 3);
    child_expect_error(&child, "this room has as many members as a room may have");
}

static void ignore(struct script *script, const struct note *note)
{
    (void)script;
    (void)note;
}

/* Its carrier has nowhere to go, and is never asked to. */
static void begin(struct script *script, const struct options *options)
{
    cr_redirect_stderr();
    cr_assert(script_init(script, options, 0, ignore));
}

static struct options some_options(void)
{
    struct options options = {
        .verb = VERB_TAIL, .room = "lobby", .reconnect = true, .name = "anna"};

    return options;
}

Test(script, reason_for_being_offline_is_said_once)
{
    struct options options = some_options();
    struct note down = {.type = NOTE_DOWN, .why = "gone", .retry_ms = 1500};
    struct note up = {.type = NOTE_UP, .again = true};
    struct script script;

    begin(&script, &options);
    script_tell(&script, &down);
    script_tell(&script, &down);
    down.why = "nobody there";
    script_tell(&script, &down);
    script_tell(&script, &up);
    script_tell(&script, &down);
    cr_expect(!script.done);
    fflush(stderr);
    cr_expect_stderr_eq_str("uproar: gone; trying again in 1.5 s\n"
                            "uproar: nobody there; trying again in 1.5 s\n"
                            "uproar: nobody there; trying again in 1.5 s\n");
    script_fini(&script);
}

Test(script, end_after_a_welcome_is_incomplete_and_before_it_no_server)
{
    struct options options = some_options();
    struct note over = {.type = NOTE_OVER, .why = "gone"};
    struct script script;

    begin(&script, &options);
    script_tell(&script, &over);
    cr_expect(script.done);
    cr_expect_eq(script.status, EXIT_NO_SERVER);
    script.session.was_up = true;
    script_tell(&script, &over);
    cr_expect_eq(script.status, EXIT_INCOMPLETE);
    script_fini(&script);
}

Test(script, being_put_out_of_the_room_is_incomplete)
{
    struct options options = some_options();
    struct note left = {.type = NOTE_LEFT, .reason = REASON_TOO_SLOW};
    struct script script;

    begin(&script, &options);
    script_tell(&script, &left);
    cr_expect(script.done);
    cr_expect_eq(script.status, EXIT_INCOMPLETE);
    fflush(stderr);
    cr_expect_stderr_eq_str("uproar: the reader fell too far behind\n");
    script_fini(&script);
}

Test(script, comes_back_only_for_a_tail_that_may)
{
    struct options options = some_options();
    struct script script;

    begin(&script, &options);
    cr_expect(script.session.config.reconnect);
    script_fini(&script);
    options.reconnect = false;
    cr_assert(script_init(&script, &options, 0, ignore));
    cr_expect(!script.session.config.reconnect);
    script_fini(&script);
    options = some_options();
    options.verb = VERB_SEND;
    cr_assert(script_init(&script, &options, 0, ignore));
    cr_expect(!script.session.config.reconnect);
    script_fini(&script);
}
