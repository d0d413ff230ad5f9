/* test_web.c -- the page's files: those that were built in, and those of a folder. */
#include "shard/web.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/shard/caught_log.h"

static char folder[] = "/tmp/uproar-web-XXXXXX";
static char why[512];
static struct web web;

static void put(const char *name, const char *text, size_t repeats)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    for (size_t i = 0; i < repeats; i++)
        fputs(text, file);
    fclose(file);
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    log_catch();
}

static void teardown(void)
{
    char command[128];

    web_fini(&web);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(web, .init = setup, .fini = teardown, .timeout = 30);

static const struct http_resource *find(const char *path)
{
    size_t count;
    const struct http_resource *all = web_resources(&web, &count);

    for (size_t i = 0; i < count; i++)
        if (slice_equal(all[i].path, slice_str(path)))
            return &all[i];
    return NULL;
}

static bool begins(struct slice text, const char *with)
{
    return text.len >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

Test(web, what_is_built_in)
{
    static const char *const types[][2] = {{"/", "text/html; charset=utf-8"},
                                           {"/style.css", "text/css; charset=utf-8"},
                                           {"/uproar.js", "text/javascript; charset=utf-8"},
                                           {"/icon.svg", "image/svg+xml"}};
    size_t count;

    cr_assert_eq(web_init(&web, NULL, why, sizeof(why)), 0);
    const struct http_resource *all = web_resources(&web, &count);
    cr_assert(count == web_files_count && count <= WEB_FILES_MAX);
    for (size_t i = 0; i < count; i++)
        cr_assert(all[i].body.len > 0 && all[i].body.len <= WEB_FILE_BYTES_MAX &&
                  all[i].etag.len == 18);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        const struct http_resource *file = find(types[i][0]);
        cr_assert_not_null(file, "%s", types[i][0]);
        cr_assert(slice_equal(file->type, slice_str(types[i][1])));
    }
    cr_assert(begins(find("/")->body, "<!doctype html>\n"));
    cr_assert(begins(find("/uproar.js")->body, "/* uproar.js -- "));
    cr_assert_null(find("/index.html"), "a page has one address");
    cr_assert_not(web_look(&web, UINT64_MAX), "it cannot change");
}

Test(web, a_folder_is_read)
{
    put("index.html", "<!doctype html>", 1);
    put("a.js", "1;", 1);
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), 0, "%s", why);
    cr_assert(slice_equal(find("/")->body, slice_str("<!doctype html>")));
    cr_assert(slice_equal(find("/a.js")->body, slice_str("1;")));
    cr_assert_not(slice_equal(find("/")->etag, find("/a.js")->etag));
}

Test(web, only_plain_names_of_known_types_are_served)
{
    size_t count;

    put("index.html", "x", 1);
    put("README.md", "x", 1);
    put(".hidden.js", "x", 1);
    put("Upper.js", "x", 1);
    put("blank space.js", "x", 1);
    put("none", "x", 1);
    put("js", "x", 1);
    put("-dash.js", "x", 1);
    put("page.js.bak", "x", 1);
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), 0, "%s", why);
    web_resources(&web, &count);
    cr_assert_eq(count, 1);
}

Test(web, an_empty_file_is_one)
{
    put("index.html", "x", 1);
    put("empty.css", "", 1);
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), 0, "%s", why);
    cr_assert_eq(find("/empty.css")->body.len, 0);
}

Test(web, what_changes_is_read_again_when_it_is_time)
{
    put("index.html", "old", 1);
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), 0);
    cr_assert_not(web_look(&web, 1000), "nothing has changed");
    put("index.html", "newer", 1);
    put("more.js", "x", 1);
    cr_assert_not(web_look(&web, 1000 + WEB_LOOK_MS - 1), "not yet");
    cr_assert(web_look(&web, 1000 + WEB_LOOK_MS));
    cr_assert(slice_equal(find("/")->body, slice_str("newer")));
    cr_assert_not_null(find("/more.js"));
    cr_assert_not(web_look(&web, 1000 + 2 * WEB_LOOK_MS));
}

Test(web, what_was_there_stays_while_it_cannot_be_read)
{
    char path[128];

    put("index.html", "old", 1);
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), 0);
    put("big.js", "0123456789abcdef", WEB_FILE_BYTES_MAX / 16 + 1);
    cr_assert_not(web_look(&web, 1000));
    cr_assert(slice_equal(find("/")->body, slice_str("old")));
    cr_assert_not_null(strstr(log_caught(), "big.js"), "%s", log_caught());
    snprintf(path, sizeof(path), "%s/big.js", folder);
    unlink(path);
    put("index.html", "newer", 1);
    cr_assert(web_look(&web, 2000));
    cr_assert(slice_equal(find("/")->body, slice_str("newer")));
}

Test(web, without_an_index_it_is_no_page)
{
    put("a.js", "x", 1);
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), -ENOENT);
    cr_assert_not_null(strstr(why, "index.html"), "%s", why);
}

Test(web, a_folder_that_is_not_there)
{
    cr_assert_eq(web_init(&web, "/nonexistent/web", why, sizeof(why)), -ENOENT);
    cr_assert_str_eq(why, "--web: /nonexistent/web: No such file or directory");
}

Test(web, a_file_as_long_as_may_be_and_one_byte_longer)
{
    put("index.html", "0123456789abcdef", WEB_FILE_BYTES_MAX / 16);
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), 0, "%s", why);
    cr_assert_eq(find("/")->body.len, WEB_FILE_BYTES_MAX);
    web_fini(&web);
    put("long.css", "0123456789abcdef", WEB_FILE_BYTES_MAX / 16 + 1);
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), -EFBIG);
    cr_assert_not_null(strstr(why, "long.css"), "%s", why);
}

Test(web, as_many_files_as_may_be_and_one_more)
{
    size_t count;

    put("index.html", "x", 1);
    for (unsigned i = 1; i < WEB_FILES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%u.js", i);
        put(name, "x", 1);
    }
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), 0, "%s", why);
    web_resources(&web, &count);
    cr_assert_eq(count, WEB_FILES_MAX);
    web_fini(&web);
    put("more.js", "x", 1);
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), -E2BIG);
}

Test(web, a_folder_with_the_name_of_a_file)
{
    char path[128];

    put("index.html", "x", 1);
    snprintf(path, sizeof(path), "%s/sub.js", folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(web_init(&web, folder, why, sizeof(why)), -EFBIG);
}
