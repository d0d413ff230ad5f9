/* test_counters.c -- the counters of a running server: in its file, by `uproar stats`, at SIGUSR1.
 */
#include "tests/e2e/harness.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char said[1048576];

TestSuite(counters, .fini = harness_fini, .timeout = 60);

/* `uproar stats --json` of this server. */
static json_t *look(const struct server *server)
{
    char file[96];

    snprintf(file, sizeof(file), "%s/stats", server->folder);
    cr_assert_eq(uproar(said, "stats", "--json", file), 0, "%s", said);
    json_t *all = json_loads(said, 0, NULL);
    cr_assert_not_null(all, "%s", said);
    return all;
}

static uint64_t count(const struct server *server, const char *name)
{
    json_t *all = look(server);
    json_t *value = json_object_get(json_object_get(all, "counters"), name);

    cr_assert_not_null(value, "no counter %s", name);
    uint64_t number = (uint64_t)json_integer_value(value);
    json_decref(all);
    return number;
}

/* Counts are shown at the end of the turn, which may be after the reply. */
static void wait_for_count(const struct server *server, const char *name, uint64_t wanted)
{
    for (int waited = 0; count(server, name) != wanted; waited += 5) {
        cr_assert_lt(waited, WAIT_MS, "%s is %llu", name, (unsigned long long)count(server, name));
        poll(NULL, 0, 5);
    }
}

Test(counters, are_read_while_the_server_runs)
{
    struct server *server = server_start(NULL);
    struct client *anna = login(server, "anna"), *bert = login(server, "bert");
    uint32_t room = join(anna, "room");

    join(bert, "room");
    publish(anna, room, "hello");
    expect_message(bert, "hello");
    publish(anna, room + 1, "nowhere");
    await(anna, MSG_NACK);
    wait_for_count(server, "connections_open", 2);
    cr_expect_eq(count(server, "connections_accepted"), 2);
    json_t *all = look(server);
    cr_expect_eq(json_array_size(json_object_get(all, "shards")), 4);
    json_int_t pid, refused;
    int alive;
    cr_assert_eq(json_unpack(all, "{s:I, s:b, s:{s:{s:I}}}", "pid", &pid, "alive", &alive,
                             "by_reason", "requests_refused", "not-joined", &refused),
                 0, "%s", said);
    cr_expect_eq(pid, server->pid);
    cr_expect(alive);
    cr_expect_eq(refused, 1);
    json_decref(all);
    client_close(bert, false);
    wait_for_count(server, "connections_open", 1);
    server_stop(server);
}

Test(counters, file_goes_with_the_server_and_its_last_ones_stay_after_a_kill)
{
    struct server *server = server_start(NULL);
    char file[96];

    snprintf(file, sizeof(file), "%s/stats", server->folder);
    login(server, "anna");
    server_stop(server);
    cr_expect_eq(access(file, F_OK), -1);

    server_again(server, NULL);
    login(server, "anna");
    wait_for_count(server, "connections_open", 1);
    kill(server->pid, SIGKILL);
    cr_assert_eq(waitpid(server->pid, NULL, 0), server->pid);
    server->pid = 0;
    cr_assert_eq(uproar(said, "stats", file), 0, "%s", said);
    cr_expect_not_null(strstr(said, "has ended"), "%s", said);
    cr_expect_not_null(strstr(said, "connections_open"));
}

/* Two servers must not count in one file. */
Test(counters, file_of_another_server_is_an_error)
{
    struct server *server = server_start(NULL);
    char flag[128], text[512];

    snprintf(flag, sizeof(flag), "--stats-file=%s/stats", server->folder);
    cr_expect_eq(uproard(text, "--listen", "127.0.0.1:0", flag), 1);
    cr_expect_not_null(strstr(text, "belongs to a server that runs"), "%s", text);
    server_stop(server);
}

Test(counters, are_logged_at_SIGUSR1)
{
    struct server *server = server_start(NULL);
    struct client *anna = login(server, "anna");

    barrier(anna);
    wait_for_count(server, "connections_open", 1);
    cr_expect_eq(server_logged(server, "msg=count "), 0);
    kill(server->pid, SIGUSR1);
    for (int waited = 0; !server_logged(server, "msg=count name=commands "); waited += 5) {
        cr_assert_lt(waited, WAIT_MS);
        poll(NULL, 0, 5);
    }
    cr_expect_eq(server_logged(server, "msg=count name=connections_open value=1 "), 1);
    barrier(anna); /* and it goes on */
    server_stop(server);
}

/* A histogram's count, of `uproar stats --json`. */
static uint64_t timed(const struct server *server, const char *stage)
{
    json_t *all = look(server);
    json_t *figures = json_object_get(json_object_get(all, "stages_us"), stage);
    json_t *number = json_object_get(figures, "count"), *p50 = json_object_get(figures, "p50");

    cr_assert(json_is_integer(number) && json_is_real(p50), "%s", said);
    uint64_t value = (uint64_t)json_integer_value(number);
    json_decref(all);
    return value;
}

Test(counters, show_where_messages_spend_their_time)
{
    struct server *server = server_start("--stage-sample", "1");
    struct client *anna = login(server, "anna"), *bert = login(server, "bert");
    uint32_t room = join(anna, "room");

    join(bert, "room");
    publish(anna, room, "hello");
    expect_message(bert, "hello");
    /* The completion of the send may be seen a turn later. */
    for (int waited = 0; timed(server, "stage_whole") == 0; waited += 5) {
        cr_assert_lt(waited, WAIT_MS);
        poll(NULL, 0, 5);
    }
    cr_expect_eq(timed(server, "stage_read"), 1);
    cr_expect_eq(timed(server, "stage_to_home"), 1);
    server_stop(server);
}

/* Without a word of where: both look into the same folders. */
Test(counters, are_found_by_the_port)
{
    char address[32], head[48];

    if (access("/dev/shm", W_OK) < 0 && access("/run/uproard", W_OK) < 0)
        cr_skip_test("this host has none of the folders");
    struct server *server = server_start("--stats-file", "auto");
    snprintf(address, sizeof(address), "127.0.0.1:%u", server->port);
    cr_expect_eq(uproar(said, "stats", address), 0, "%s", said);
    snprintf(head, sizeof(head), "process %d, 4 shards", (int)server->pid);
    cr_expect_not_null(strstr(said, head), "%s", said);
    cr_expect_eq(uproar(said, "stats", "--server", address, "--json"), 0, "%s", said);
    server_stop(server);
    cr_expect_eq(uproar(said, "stats", address), 3, "%s", said);
    cr_expect_not_null(strstr(said, "no server on port"), "%s", said);
}
