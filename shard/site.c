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

static void add(struct site *site, struct http_resource resource)
{
    CHECK(site->http.resource_count < SITE_RESOURCES_MAX);
    site->resources[site->http.resource_count++] = resource;
}

static void show(struct site *site)
{
    size_t count;
    const struct http_resource *files = web_resources(&site->web, &count);

    site->http.resource_count = 0;
    add(site, (struct http_resource){.path = slice_str("/healthz"),
                                     .type = slice_str("text/plain; charset=utf-8"),
                                     .body = slice_str("ok\n")});
    for (size_t i = 0; i < count; i++)
        add(site, files[i]);
}

int site_init(struct site *site, const struct options *options, char *why, size_t why_bytes)
{
    int origins = site_origins(options->allow_origin, site->origins);

    CHECK(origins >= 0); /* options_parse has looked */
    site->http = (struct http_site){.resources = site->resources,
                                    .origins = site->origins,
                                    .origin_count = (size_t)origins,
                                    .echo = options->enable_echo != 0};
    int err = web_init(&site->web, options->web, why, why_bytes);
    if (err == 0)
        show(site);
    return err;
}

void site_fini(struct site *site)
{
    web_fini(&site->web);
}

void site_turn(struct site *site, uint64_t realtime_ms)
{
    site->http.now_s = realtime_ms / 1000;
    if (unlikely(site->web.dir != NULL) && web_look(&site->web, realtime_ms))
        show(site);
}
