/* test_site.c -- what is served over HTTP, and to whom. */
#include "shard/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/shard/browser.h"

TestSuite(site, .timeout = 60);

Test(site, origins_are_cut_at_commas)
{
    struct slice origins[SITE_ORIGINS_MAX];

    cr_assert_eq(site_origins(NULL, origins), 0);
    cr_assert_eq(site_origins("https://a.example", origins), 1);
    assert_slice(origins[0], "https://a.example");
    cr_assert_eq(site_origins("https://a.example,http://b:8080,null,*", origins), 4);
    assert_slice(origins[1], "http://b:8080");
    assert_slice(origins[2], "null");
    assert_slice(origins[3], "*");
}

Test(site, what_is_no_origin_is_refused)
{
    static const char *const wrong[] = {"",
                                        ",",
                                        "https://a,",
                                        ",https://a",
                                        "a.example",
                                        "https://",
                                        "https://a.example/",
                                        "://a",
                                        "https://a//b"};
    struct slice origins[SITE_ORIGINS_MAX];
    char many[2 * SITE_ORIGINS_MAX + 3] = "";

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        cr_assert_eq(site_origins(wrong[i], origins), -1, "\"%s\"", wrong[i]);
    for (unsigned i = 0; i <= SITE_ORIGINS_MAX; i++)
        memcpy(many + 2 * i, ",*", 2);
    many[2 * SITE_ORIGINS_MAX] = '\0';
    cr_assert_eq(site_origins(many + 1, origins), SITE_ORIGINS_MAX);
    many[2 * SITE_ORIGINS_MAX] = ',';
    cr_assert_eq(site_origins(many + 1, origins), -1, "one too many");
}

Test(site, the_page_health_and_nothing_else)
{
    struct slice body;

    world_start(1, 0, NULL);
    struct browser *check = browser_open(0);
    browser_ask(check, "GET / HTTP/1.1", "");
    cr_assert_eq(browser_answer(check, &body), 200);
    cr_assert(body.len > 15 && memcmp(body.data, "<!doctype html>", 15) == 0);
    browser_ask(check, "GET /style.css HTTP/1.1", "");
    expect_status(check, 200);
    browser_ask(check, "GET /index.html HTTP/1.1", "");
    expect_status(check, 404);
    browser_ask(check, "GET /healthz HTTP/1.1", "");
    cr_assert_eq(browser_answer(check, &body), 200);
    assert_slice(body, "ok\n");
    browser_ask(check, "GET /metrics HTTP/1.1", "");
    expect_status(check, 404);
    browser_ask(check, "GET /echo HTTP/1.1", "");
    expect_status(check, 404);
    browser_ask(check, "GET /ws HTTP/1.1", "");
    expect_status(check, 426);
    world_stop();
}

/* Names that would leave a folder are no names: they are compared and never opened. */
Test(site, no_request_is_a_path_on_the_disk)
{
    static const char *const targets[] = {"/../Makefile", "/%2e%2e/Makefile", "//style.css",
                                          "/./style.css", "/style.css/",      "/style.css%00"};

    world_start(1, 0, "--web", "tools/web");
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        struct browser *browser = browser_open(0);
        char line[64];
        snprintf(line, sizeof(line), "GET %s HTTP/1.1", targets[i]);
        browser_ask(browser, line, "");
        cr_assert_eq(browser_answer(browser, NULL), 404, "%s", targets[i]);
    }
    world_stop();
}

Test(site, a_folder_of_its_own_is_read_again)
{
    char folder[] = "/tmp/uproar-site-XXXXXX", path[64];
    struct slice body;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/index.html", folder);
    for (unsigned version = 1; version <= 2; version++) {
        char text[16];
        FILE *file = fopen(path, "w");
        cr_assert_not_null(file);
        fprintf(file, "%*u", (int)version, version); /* a length of its own, too */
        fclose(file);
        if (version == 1)
            world_start(1, 0, "--web", folder);
        world_shard(0)->site.web.look_ms = 0;
        world_turn(0);
        struct browser *browser = browser_open(0);
        browser_ask(browser, "GET / HTTP/1.1", "");
        cr_assert_eq(browser_answer(browser, &body), 200);
        snprintf(text, sizeof(text), "%*u", (int)version, version);
        assert_slice(body, text);
    }
    world_stop();
    unlink(path);
    rmdir(folder);
}

Test(site, date_is_the_turn_s)
{
    world_start(1, 0, NULL);
    world_turn(0);
    struct shard *shard = world_shard(0);
    cr_assert_eq(shard->site.http.now_s, shard->loop.realtime_ms / 1000);
    cr_assert_gt(shard->site.http.now_s, 1700000000u);
    world_stop();
}

static unsigned upgrade_from(const char *origin)
{
    struct browser *browser = browser_open(0);
    char fields[256];

    snprintf(fields, sizeof(fields),
             "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: %s\r\n",
             origin);
    browser_ask(browser, "GET /ws HTTP/1.1", fields);
    return browser_answer(browser, NULL);
}

Test(site, pages_from_elsewhere_may_not_connect_unless_allowed)
{
    world_start(1, 0, "--allow-origin", "https://one.example,http://two.example:8000");
    cr_assert_eq(upgrade_from("http://here"), 101);
    cr_assert_eq(upgrade_from("https://one.example"), 101);
    cr_assert_eq(upgrade_from("http://two.example:8000"), 101);
    cr_assert_eq(upgrade_from("http://two.example"), 403);
    cr_assert_eq(upgrade_from("https://evil.example"), 403);
    cr_assert_eq(upgrade_from("null"), 403);
    world_stop();
}

Test(site, echo_is_there_when_it_was_asked_for)
{
    world_start(1, 0, "--enable-echo=on");
    struct browser *browser = browser_ws(0, "/echo", NULL);
    browser_say(browser, "hi");
    expect_text(browser, "hi");
    browser_close(browser, 1000);
    expect_close(browser, 1000);
    world_stop();
}
