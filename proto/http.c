/* http.c -- see http.h. Numbers in brackets are sections of RFC 9112 unless they say 9110 or 6455.
 */
#include "proto/http.h"

struct field {
    struct slice name, value;
};

/* What was seen on the way, for what can only be judged at the end. */
struct seen {
    unsigned lines;
    bool host, origin, key, version, length, coding;
    bool upgrade_websocket, connection_upgrade, connection_close, connection_keep;
    struct slice authority; /* of an absolute target: stands for Host [3.2.2] */
};

static inline bool is_alpha(uint8_t c)
{
    return (c | 0x20u) >= 'a' && (c | 0x20u) <= 'z';
}

static inline bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_hex(uint8_t c)
{
    return is_digit(c) || ((c | 0x20u) >= 'a' && (c | 0x20u) <= 'f');
}

/* tchar [9110, 5.6.2] */
static inline bool is_token(uint8_t c)
{
    return is_alpha(c) || is_digit(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

static inline uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20u) : c;
}

static bool same_letters(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool http_same(struct slice a, const char *b)
{
    return same_letters(a, slice_str(b));
}

static struct slice from(struct slice s, size_t at)
{
    return slice_of(s.data + at, s.len - at);
}

/* A line without its CR LF. > 0: bytes with it; 0: its end is not there; < 0: a byte that no line
 * may hold [2.2, 9110 5.5]. A bare CR or LF is such a byte. */
static int64_t read_line(struct slice in, struct slice *line)
{
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.data[i];
        if (c == '\r') {
            if (i + 1 == in.len)
                return 0;
            *line = slice_of(in.data, i);
            return in.data[i + 1] == '\n' ? (int64_t)i + 2 : -HTTP_BAD_REQUEST;
        }
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return -HTTP_BAD_REQUEST;
    }
    return 0;
}

/* path [ "?" query ] (RFC 3986, 3.3 and 3.4): no fragment, whole percent escapes. */
static bool valid_path(struct slice path)
{
    if (path.len == 0 || path.data[0] != '/')
        return false;
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.data[i];
        if (c == '%') {
            if (path.len - i < 3 || !is_hex(path.data[i + 1]) || !is_hex(path.data[i + 2]))
                return false;
            i += 2;
        } else if (!is_alpha(c) && !is_digit(c) && (c == 0 || !strchr("-._~!$&'()*+,;=:@/?", c))) {
            return false;
        }
    }
    return true;
}

/* host [ ":" port ] (RFC 3986, 3.2), no user in front of it. Loose within the brackets of an
 * address: it is only ever compared. */
static bool valid_authority(struct slice host)
{
    size_t i = 0;

    if (host.len > 0 && host.data[0] == '[') {
        for (i = 1; i < host.len && (is_hex(host.data[i]) || strchr(":.", host.data[i]));)
            i++;
        if (i == 1 || i == host.len || host.data[i] != ']')
            return false;
        i++;
    } else {
        while (i < host.len && (is_alpha(host.data[i]) || is_digit(host.data[i]) ||
                                (host.data[i] != 0 && strchr("-._~", host.data[i]))))
            i++;
        if (i == 0)
            return false;
    }
    if (i < host.len && host.data[i++] != ':')
        return false;
    for (; i < host.len; i++)
        if (!is_digit(host.data[i]))
            return false;
    return true;
}

/* origin-form, or absolute-form, which a server must take as well [3.2.2]. */
static bool read_target(struct slice target, struct http_request *request, struct seen *seen)
{
    static const char scheme[] = "http://";
    size_t len = sizeof(scheme) - 1, end;

    if (target.len > len && http_same(slice_of(target.data, len), scheme)) {
        for (end = len; end < target.len && target.data[end] != '/' && target.data[end] != '?';)
            end++;
        seen->authority = slice_of(target.data + len, end - len);
        if (!valid_authority(seen->authority))
            return false;
        target = from(target, end);
        if (target.len == 0)
            target = slice_str("/");
    }
    if (!valid_path(target))
        return false;
    for (end = 0; end < target.len && target.data[end] != '?';)
        end++;
    request->path = slice_of(target.data, end);
    return true;
}

/* The forms of OPTIONS and CONNECT [3.2.3, 3.2.4], which lead nowhere. */
static bool other_target(struct slice target)
{
    return slice_equal(target, slice_str("*")) || valid_authority(target);
}

/* 0 or the status. */
static int read_request_line(struct slice line, struct http_request *request, struct seen *seen)
{
    size_t method = 0, target;

    while (method < line.len && is_token(line.data[method]))
        method++;
    if (method == 0 || method == line.len || line.data[method] != ' ')
        return HTTP_BAD_REQUEST;
    for (target = method + 1; target < line.len && line.data[target] != ' ';)
        target++;
    if (target == line.len)
        return HTTP_BAD_REQUEST;
    struct slice name = slice_of(line.data, method);
    struct slice version = from(line, target + 1);
    if (version.len != 8 || memcmp(version.data, "HTTP/", 5) != 0 || !is_digit(version.data[5]) ||
        version.data[6] != '.' || !is_digit(version.data[7]))
        return HTTP_BAD_REQUEST;
    if (version.data[5] != '1')
        return HTTP_VERSION;
    request->http10 = version.data[7] == '0'; /* a higher minor version is read as 1.1 [2.3] */
    request->method = slice_equal(name, slice_str("GET"))    ? HTTP_GET
                      : slice_equal(name, slice_str("HEAD")) ? HTTP_HEAD
                                                             : HTTP_OTHER;
    struct slice asked = slice_of(line.data + method + 1, target - method - 1);
    if (read_target(asked, request, seen))
        return 0;
    if (request->method != HTTP_OTHER || !other_target(asked))
        return HTTP_BAD_REQUEST;
    request->path = slice_of(NULL, 0);
    return 0;
}

/* Takes the next element of a comma-separated list [9110, 5.6.1], which may have empty ones. */
static bool next_element(struct slice *list, struct slice *element)
{
    while (list->len > 0) {
        size_t end = 0, first = 0;
        while (end < list->len && list->data[end] != ',')
            end++;
        size_t last = end;
        while (first < end && (list->data[first] == ' ' || list->data[first] == '\t'))
            first++;
        while (last > first && (list->data[last - 1] == ' ' || list->data[last - 1] == '\t'))
            last--;
        *element = slice_of(list->data + first, last - first);
        *list = from(*list, end < list->len ? end + 1 : end);
        if (element->len > 0)
            return true;
    }
    return false;
}

/* 16 bytes in base64 [6455, 4.2.1]: 22 letters, of which the last has four bits of 0, and "==". */
static bool valid_key(struct slice key)
{
    if (key.len != HTTP_KEY_BYTES || key.data[22] != '=' || key.data[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++)
        if (!is_alpha(key.data[i]) && !is_digit(key.data[i]) && key.data[i] != '+' &&
            key.data[i] != '/')
            return false;
    return strchr("AQgw", key.data[21]) != NULL;
}

/* A field that must not come twice. 0 or 400. */
static int once(bool *seen, struct slice *where, struct slice value)
{
    if (*seen)
        return HTTP_BAD_REQUEST;
    *seen = true;
    *where = value;
    return 0;
}

static void read_connection(struct slice list, struct seen *seen)
{
    struct slice token;

    while (next_element(&list, &token)) {
        seen->connection_upgrade |= http_same(token, "upgrade");
        seen->connection_close |= http_same(token, "close");
        seen->connection_keep |= http_same(token, "keep-alive");
    }
}

/* Names of subprotocols are compared byte by byte [6455, 11.5]. */
static void read_protocols(struct slice list, struct http_request *request)
{
    struct slice name;

    while (next_element(&list, &name)) {
        uint8_t known = slice_equal(name, slice_str(HTTP_PROTOCOL_NAME_BIN))    ? HTTP_PROTOCOL_BIN
                        : slice_equal(name, slice_str(HTTP_PROTOCOL_NAME_JSON)) ? HTTP_PROTOCOL_JSON
                                                                                : 0;
        request->offered = true;
        request->protocols |= known;
        if (request->protocol == 0)
            request->protocol = known;
    }
}

static void read_upgrade(struct slice list, struct seen *seen)
{
    struct slice protocol;

    while (next_element(&list, &protocol))
        seen->upgrade_websocket |= http_same(protocol, "websocket");
}

/* The fields of RFC 6455 section 4.2.1. 0 or the status. */
static int read_websocket(const struct field *field, struct http_request *request,
                          struct seen *seen)
{
    struct slice version;

    if (http_same(field->name, "sec-websocket-protocol"))
        read_protocols(field->value, request);
    else if (http_same(field->name, "sec-websocket-key"))
        return once(&seen->key, &request->key, field->value);
    else if (http_same(field->name, "sec-websocket-version")) {
        request->version13 = http_same(field->value, "13");
        return once(&seen->version, &version, field->value);
    }
    return 0;
}

/* 0 or the status. */
static int read_value(const struct field *field, struct http_request *request, struct seen *seen)
{
    struct slice value = field->value, unused;

    if (http_same(field->name, "host"))
        return once(&seen->host, &request->host, value);
    if (http_same(field->name, "origin"))
        return value.len == 0 ? HTTP_BAD_REQUEST : once(&seen->origin, &request->origin, value);
    if (http_same(field->name, "transfer-encoding"))
        return once(&seen->coding, &unused, value);
    if (http_same(field->name, "content-length"))
        return once(&seen->length, &unused, value);
    if (http_same(field->name, "connection"))
        read_connection(value, seen);
    else if (http_same(field->name, "upgrade"))
        read_upgrade(value, seen);
    else if (http_same(field->name, "if-none-match")) /* of several lines the first will do */
        request->etag = request->etag.len > 0 ? request->etag : value;
    else
        return read_websocket(field, request, seen);
    return 0;
}

/* field-name ":" OWS value OWS [5]: the name is a token to the colon, and no line begins with a
 * blank, which would continue the one before it [5.2]. */
static int read_field(struct slice line, struct field *field)
{
    size_t colon = 0, end = line.len;

    while (colon < line.len && is_token(line.data[colon]))
        colon++;
    if (colon == 0 || colon == line.len || line.data[colon] != ':')
        return HTTP_BAD_REQUEST;
    size_t begin = colon + 1;
    while (begin < end && (line.data[begin] == ' ' || line.data[begin] == '\t'))
        begin++;
    while (end > begin && (line.data[end - 1] == ' ' || line.data[end - 1] == '\t'))
        end--;
    field->name = slice_of(line.data, colon);
    field->value = slice_of(line.data + begin, end - begin);
    return 0;
}

/* What depends on several lines. 0 or the status. */
static int conclude(struct http_request *request, const struct seen *seen)
{
    /* A body would be what the next reader takes for a request. Only those have one that are not
     * served anyway: they are told so, and the connection ends [6.1, 6.3]. */
    bool body = seen->length || seen->coding;
    if (body && (request->method != HTTP_OTHER || (seen->length && seen->coding)))
        return HTTP_BAD_REQUEST;
    if (seen->host ? !valid_authority(request->host) : !request->http10) /* [3.2] */
        return HTTP_BAD_REQUEST;
    if (seen->authority.len > 0)
        request->host = seen->authority;
    if (!valid_key(request->key))
        request->key = slice_of(NULL, 0);
    request->upgrade = !request->http10 && seen->upgrade_websocket && seen->connection_upgrade;
    request->keep_alive =
        !body && !seen->connection_close && (!request->http10 || seen->connection_keep);
    return 0;
}

int64_t http_read(struct slice in, struct http_request *request, size_t *want)
{
    struct slice head = slice_of(in.data, size_min(in.len, HTTP_HEAD_BYTES_MAX)), line;
    struct seen seen = {.lines = 0};
    size_t at = 0;

    memset(request, 0, sizeof(*request));
    for (;; seen.lines++) {
        int64_t n = read_line(from(head, at), &line);
        if (n < 0)
            return n;
        if (n == 0 && in.len >= HTTP_HEAD_BYTES_MAX)
            return -HTTP_HEAD_TOO_LARGE;
        if (n == 0) {
            *want = in.len + 1; /* any byte may be a wrong one */
            return 0;
        }
        at += (size_t)n;
        struct field field;
        int refused;
        if (seen.lines == 0) {
            refused = read_request_line(line, request, &seen);
        } else if (line.len == 0) {
            refused = conclude(request, &seen);
            return refused ? -refused : (int64_t)at;
        } else if (seen.lines > HTTP_LINES_MAX) {
            refused = HTTP_HEAD_TOO_LARGE;
        } else {
            refused = read_field(line, &field);
            if (!refused)
                refused = read_value(&field, request, &seen);
        }
        if (refused)
            return -refused;
    }
}

static struct slice strong(struct slice etag)
{
    bool weak = etag.len > 2 && memcmp(etag.data, "W/", 2) == 0;
    return weak ? from(etag, 2) : etag;
}

bool http_etag_listed(struct slice list, struct slice etag)
{
    struct slice tag;

    if (slice_equal(list, slice_str("*")))
        return true;
    while (next_element(&list, &tag))
        if (slice_equal(strong(tag), strong(etag)))
            return true;
    return false;
}

/* The authority without the port that its scheme implies. */
static struct slice without_port(struct slice authority, const char *port)
{
    size_t len = strlen(port);

    if (authority.len > len && slice_equal(from(authority, authority.len - len), slice_str(port)))
        authority.len -= len;
    return authority;
}

bool http_origin_allowed(struct slice origin, struct slice host, const struct slice *allowed,
                         size_t count)
{
    static const char *const schemes[][2] = {{"http://", ":80"}, {"https://", ":443"}};

    if (origin.len == 0)
        return true;
    for (size_t i = 0; i < count; i++)
        if (slice_equal(allowed[i], origin) || slice_equal(allowed[i], slice_str("*")))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        size_t len = strlen(schemes[i][0]);
        if (origin.len > len && http_same(slice_of(origin.data, len), schemes[i][0]))
            return host.len > 0 && same_letters(without_port(from(origin, len), schemes[i][1]),
                                                without_port(host, schemes[i][1]));
    }
    return false;
}
