/* test_ask.c -- `uproar who` and `uproar rooms` in pipes. */
#include <jansson.h>
#include <stdio.h>

#include "tests/tools/client_fixture.h"
#include "tools/client.h"

TestSuite(ask, .init = client_init, .fini = client_fini, .timeout = 60);

Test(ask, who_and_rooms_answer_and_end)
{
    START(&other, "tail", "lobby", "--name", "tail er");
    fake_await_members("lobby", 1);
    START(&child, "who", "lobby");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_str_eq(strbuf_text(&child.out), "tail er\n");
    strbuf_fini(&child.out);
    START(&child, "rooms");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_str_eq(strbuf_text(&child.out), "lobby\t1\n");
    strbuf_fini(&child.out);
    START(&child, "who", "nowhere");
    cr_expect_eq(child_wait(&child), 1);
    child_expect_error(&child, "there is no such room");
    child_signal(&other, SIGTERM);
    child_wait(&other);
}

Test(ask, json_has_one_object_for_each_line)
{
    json_t *object;

    START(&other, "tail", "lobby", "--name", "t\"er");
    fake_await_members("lobby", 1);
    START(&child, "who", "lobby", "--json");
    cr_expect_eq(child_wait(&child), 0);
    object = json_loads(strbuf_text(&child.out), 0, NULL);
    cr_assert(object != NULL, "%s", strbuf_text(&child.out));
    cr_expect_str_eq(json_string_value(json_object_get(object, "name")), "t\"er");
    json_decref(object);
    strbuf_fini(&child.out);
    START(&child, "rooms", "--json");
    cr_expect_eq(child_wait(&child), 0);
    object = json_loads(strbuf_text(&child.out), 0, NULL);
    cr_assert(object != NULL, "%s", strbuf_text(&child.out));
    cr_expect_eq(json_integer_value(json_object_get(object, "members")), 1);
    json_decref(object);
    child_signal(&other, SIGTERM);
    child_wait(&other);
}

Test(ask, no_rooms_is_an_answer)
{
    START(&child, "rooms");
    cr_expect_eq(child_wait(&child), 0);
    cr_expect_str_eq(strbuf_text(&child.out), "");
    cr_expect_str_eq(strbuf_text(&child.err), "");
}

Test(ask, answer_that_could_not_be_written_is_not_fine)
{
    char words[][32] = {"uproar", "who", "lobby", "--name", "asker", "--server", ""};
    char *argv[ARRAY_SIZE(words) + 1] = {NULL};

    START(&other, "tail", "lobby");
    fake_await_members("lobby", 1);
    snprintf(words[6], sizeof(words[6]), "%s", fake_address());
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
        argv[i] = words[i];
    cr_assert(freopen("/dev/full", "w", stdout) != NULL);
    cr_expect_eq(client_main((int)ARRAY_SIZE(words), argv), 1);
    child_signal(&other, SIGTERM);
    child_wait(&other);
}
