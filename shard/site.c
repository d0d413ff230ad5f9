/* site.c -- see site.h. */
#include "shard/site.h"

#include "core/check.h"

/* As a browser writes Origin (RFC 6454 section 6.1): no path, not even a slash. */
static bool is_origin(struct slice origin)
{
    const uint8_t *colon = memmem(origin.data, origin.len, "://", 3);

    if (slice_equal(origin, slice_str("*")) || slice_equal(origin, slice_str("null")))
        return true;
    if (colon == NULL || colon == origin.data)
        return false;
    const uint8_t *host = colon + 3, *end = origin.data + origin.len;
    return host < end && memchr(host, '/', (size_t)(end - host)) == NULL;
}

int site_origins(const char *list, struct slice origins[SITE_ORIGINS_MAX])
{
    unsigned count = 0;

    if (list == NULL)
        return 0;
    for (;; list++) {
        struct slice origin = slice_of(list, strcspn(list, ","));
        if (count == SITE_ORIGINS_MAX || !is_origin(origin))
            return -1;
        origins[count++] = origin;
        list += origin.len;
        if (*list == '\0')
            return (int)count;
    }
}

static void add(struct site *site, const char *path, const char *type, struct slice body)
{
    CHECK(site->http.resource_count < SITE_RESOURCES_MAX);
    site->resources[site->http.resource_count++] =
        (struct http_resource){.path = slice_str(path), .type = slice_str(type), .body = body};
}

void site_init(struct site *site, const struct options *options)
{
    int origins = site_origins(options->allow_origin, site->origins);

    CHECK(origins >= 0); /* options_parse has looked */
    site->http = (struct http_site){.resources = site->resources,
                                    .origins = site->origins,
                                    .origin_count = (size_t)origins,
                                    .echo = options->enable_echo != 0};
    add(site, "/healthz", "text/plain; charset=utf-8", slice_str("ok\n"));
}
