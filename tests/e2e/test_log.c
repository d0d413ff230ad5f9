/* test_log.c -- the log as those see it who keep and read it: files, SIGHUP, JSON. */
#include "tests/e2e/harness.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/uproar-e2e-log-XXXXXX";
static char file[64], moved[64];

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/log", folder);
    snprintf(moved, sizeof(moved), "%s/log.1", folder);
}

static void teardown(void)
{
    harness_fini();
    unlink(file);
    unlink(moved);
    rmdir(folder);
}

TestSuite(log, .init = setup, .fini = teardown, .timeout = 60);

/* How often the file has the text; 0 as well when there is no such file. */
static unsigned count(const char *path, const char *text)
{
    static char log[262144];
    unsigned times = 0;
    FILE *in = fopen(path, "r");
    if (!in)
        return 0;
    log[fread(log, 1, sizeof(log) - 1, in)] = '\0';
    fclose(in);
    for (const char *at = log; (at = strstr(at, text)); at++)
        times++;
    return times;
}

static void wait_for(const char *path, const char *text)
{
    for (int waited = 0; count(path, text) == 0; waited += 5) {
        cr_assert_lt(waited, WAIT_MS, "no \"%s\" in %s", text, path);
        poll(NULL, 0, 5);
    }
}

Test(log, goes_on_in_a_new_file_at_SIGHUP)
{
    struct server *server = server_start("--log-file", file);
    client_close(login(server, "anna"), false);
    wait_for(file, "name=anna");
    cr_assert_eq(rename(file, moved), 0);
    client_close(login(server, "bert"), false); /* written to the file that was moved */
    wait_for(moved, "name=bert");
    kill(server->pid, SIGHUP);
    wait_for(file, "SIGHUP");
    client_close(login(server, "carl"), false);
    wait_for(file, "name=carl");
    server_stop(server);
    cr_assert_eq(count(moved, "msg=listening"), 1);
    cr_assert_eq(count(moved, "connection ended"), 2);
    cr_assert_eq(count(moved, "stop"), 0);
    cr_assert_eq(count(file, "connection ended"), 1);
    cr_assert_eq(count(file, "msg=stopped"), 1);
    cr_assert_eq(server_logged(server, "msg="), 0, "nothing is for stderr");
}

Test(log, is_appended_to)
{
    struct server *server = server_start("--log-file", file);
    server_stop(server);
    server_again(server, "--log-file", file);
    server_stop(server);
    cr_assert_eq(count(file, "msg=stopped"), 2);
}

Test(log, without_a_file_SIGHUP_does_nothing)
{
    struct server *server = server_start(NULL);
    struct client *anna = login(server, "anna");
    kill(server->pid, SIGHUP);
    barrier(anna);
    server_stop(server);
    cr_assert_eq(server_logged(server, "SIGHUP"), 0);
}

Test(log, a_file_that_cannot_be_written_is_refused_with_a_sentence)
{
    char said[4096];
    cr_assert_eq(uproard(said, "--log-file", "/nonexistent/log", "--listen", "127.0.0.1:0"), 1);
    cr_assert(strstr(said, "/nonexistent/log"), "%s", said);
    cr_assert(strstr(said, "--log-file"), "%s", said);
}

static const char *text_of(json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    cr_assert_not_null(text, "no %s", key);
    return text;
}

Test(log, each_line_is_a_JSON_object_whatever_clients_are_called)
{
    static const char *const names[] = {"anna", "\"}\\", "a\",\"reason\":\"x", "\xe2\x98\x83 {",
                                        "\\u0000"};
    struct server *server = server_start("--log-file", file, "--log-format", "json");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        client_close(login(server, names[i]), false);
        poll(NULL, 0, 1);
    }
    server_stop(server);

    char line[4096];
    unsigned ended = 0, stopped = 0, seen[ARRAY_SIZE(names)] = {0};
    FILE *in = fopen(file, "r");
    cr_assert_not_null(in);
    while (fgets(line, sizeof(line), in)) {
        json_error_t error;
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        cr_assert(json_is_object(object), "%s in %s", error.text, line);
        const char *msg = text_of(object, "msg");
        cr_assert(*text_of(object, "time") && *text_of(object, "level") &&
                  *text_of(object, "thread"));
        stopped += strcmp(msg, "stopped") == 0;
        if (strcmp(msg, "connection ended") == 0) {
            ended++;
            cr_assert(json_is_integer(json_object_get(object, "bytes_in")), "%s", line);
            cr_assert(json_is_integer(json_object_get(object, "duration_ms")), "%s", line);
            cr_assert_str_eq(text_of(object, "reason"), "peer-closed");
            for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                seen[i] += strcmp(text_of(object, "name"), names[i]) == 0;
        }
        json_decref(object);
    }
    fclose(in);
    cr_assert_eq(stopped, 1);
    cr_assert_eq(ended, ARRAY_SIZE(names));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        cr_assert_eq(seen[i], 1, "%s", names[i]);
}
