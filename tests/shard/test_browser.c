/* test_browser.c -- the codecs that have state, on a shard: HTTP, WebSocket, one becoming the
 * other.
 */
#include "tests/shard/browser.h"

TestSuite(browser, .timeout = 60);

Test(browser, chats_with_a_native_client_in_json_and_binary)
{
    world_start(2, 0, NULL);
    struct slice room = room_homed("room", 1);
    struct browser *anna = browser_login(0, "anna", NULL);
    uint32_t id = browser_join(anna, room);
    struct client *bert = login(0, "bert");
    cr_assert_eq(join(bert, room), id);
    browser_publish(anna, id, 7, "one");
    expect_text(anna, "{\"type\":\"ACK\""); /* replies go first */
    expect_text(anna, "{\"type\":\"MESSAGE\"");
    assert_slice(expect(bert, MSG_MESSAGE)->message.body, "one");
    publish(bert, id, slice_str("two"));
    struct slice text = expect_text(anna, "{\"type\":\"MESSAGE\"");
    cr_assert_not_null(memmem(text.data, text.len, "\"body\":\"two\"", 12));
    world_stop();
}
