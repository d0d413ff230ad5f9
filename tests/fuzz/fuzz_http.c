/* fuzz_http.c -- request heads, and what may follow them, of any bytes at all.
 *
 * Byte 0 of the input says into which pieces to cut the rest. What the connection comes to must not
 * depend on that; a head that is taken is taken again as it is, and no shorter one is.
 */
#include "proto/http.h"
#include "proto/http_site.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/twice.h"

#define S(text)                                   \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
static const struct http_resource resources[] = {{S("/"), S("text/html"), S("page"), S("\"1\"")}};
static const struct slice origins[] = {S("https://a.example")};
static const struct http_site site = {resources, 1, origins, 1, true, 1700000000};

static void check_head(struct slice in)
{
    struct http_request request;
    size_t want = 0;
    uint8_t *copy = malloc(in.len + !in.len); /* a block of its own, for ASan */

    memcpy(copy, in.data, in.len);
    struct slice head = slice_of(copy, in.len);
    int64_t n = http_read(head, &request, &want);
    must(n <= (int64_t)in.len && n <= (int64_t)HTTP_HEAD_BYTES_MAX);
    if (n == 0)
        must(want > in.len && want <= HTTP_HEAD_BYTES_MAX);
    if (n < 0)
        must(n == -HTTP_BAD_REQUEST || n == -HTTP_HEAD_TOO_LARGE || n == -HTTP_VERSION);
    if (n > 0) {
        head.len = (size_t)n;
        must(memcmp(head.data + n - 4, "\r\n\r\n", 4) == 0);
        must(memchr(head.data, 0, head.len) == NULL);
        if (request.path.len != 1) /* "/" may stand for an absolute target without a path */
            must_be_inside(request.path, head);
        must_be_inside(request.host, head);
        must_be_inside(request.origin, head);
        must_be_inside(request.key, head);
        must(request.http10 || request.host.len > 0);
        must(request.method == HTTP_OTHER || request.path.data[0] == '/');
        struct http_request shorter;
        must(http_read(slice_of(head.data, head.len - 1), &shorter, &want) == 0 &&
             want == head.len);
    }
    free(copy);
}

int FUZZ_TARGET(http)(const uint8_t *data, size_t len)
{
    struct codec_limits limits = {.frame_bytes_max = 1000, .site = &site};
    enum reason end;

    if (len < 1)
        return 0;
    struct slice in = slice_of(data + 1, len - 1);
    check_head(in);
    drive_twice(CODEC_HTTP, &limits, in, data[0], &end);
    return 0;
}
