/* test_json.c -- objects that a strict reader takes. */
#include "tools/load/json.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

Test(load_json, is_read_back)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    cr_assert_not_null(out);
    load_json_begin(out, "drip");
    load_json_count(out, "count", 1ull << 40);
    load_json_real(out, "real", 0.25);
    load_json_real(out, "nothing", NAN);
    load_json_real(out, "endless", INFINITY);
    load_json_flag(out, "flag", true);
    load_json_end(out, false);
    fclose(out);

    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", text);
    cr_expect_str_eq(json_string_value(json_object_get(json, "mode")), "drip");
    cr_expect_eq(json_integer_value(json_object_get(json, "count")), 1ll << 40);
    cr_expect_eq(json_real_value(json_object_get(json, "real")), 0.25);
    cr_expect(json_is_null(json_object_get(json, "nothing")));
    cr_expect(json_is_null(json_object_get(json, "endless")));
    cr_expect(json_is_true(json_object_get(json, "flag")));
    cr_expect(json_is_false(json_object_get(json, "clean")));
    cr_expect_eq(text[len - 1], '\n');
    json_decref(json);
    free(text);
}
