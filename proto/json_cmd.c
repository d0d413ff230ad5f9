/* json_cmd.c -- JSON from client to server: reading it.
 *
 * Three steps: the object into a table of the known keys, whatever its type is; the type; then the
 * fields, as frame_cmd.c does it: do they fit (MALFORMED), is what they hold allowed (BAD_TOKEN,
 * NAME_…)? So a refusal can say what it refuses even if `type` came last.
 */
#include "proto/json.h"

#include "proto/json_text.h"
#include "proto/text.h"

enum key {
    KEY_TYPE,
    KEY_FEATURES,
    KEY_NAME,
    KEY_TOKEN,
    KEY_FLAGS,
    KEY_ROOM,
    KEY_EPOCH,
    KEY_SINCE,
    KEY_MSGID,
    KEY_BODY,
    KEY_TO,
    KEYS,
};

/* A key, and what people are told of a field that is wrong. */
#define NAMED(key, text)                                                     \
    [KEY_##key] = {text,                                                     \
                   sizeof(text) - 1,                                         \
                   "\"" text "\" is missing",                                \
                   "\"" text "\" has a value that this field does not take", \
                   "\"" text "\" stands twice",                              \
                   "\"" text "\" does not belong to a message of this type"}

static const struct {
    const char *name;
    size_t len;
    const char *missing, *unfit, *twice, *stray;
} keys[KEYS] = {
    NAMED(TYPE, "type"),   NAMED(FEATURES, "features"),
    NAMED(NAME, "name"),   NAMED(TOKEN, "token"),
    NAMED(FLAGS, "flags"), NAMED(ROOM, "room"),
    NAMED(EPOCH, "epoch"), NAMED(SINCE, "since"),
    NAMED(MSGID, "msgid"), NAMED(BODY, "body"),
    NAMED(TO, "to"),
};

#define BIT(key) (1u << KEY_##key)

enum kind { STRING, NUMBER, OTHER /* what no field takes: true, null, -1, 0.5, 2^32 */ };

struct value {
    enum kind kind;
    uint32_t number;
    struct span string;
};

struct object {
    struct value values[KEYS];
    unsigned present;  /* 1 << enum key */
    bool unknown;      /* a key that no message has */
    const char *fault; /* what was wrong first; NULL: nothing yet */
};

struct text {
    uint8_t *at, *end;
    const char *fault; /* if it is known better than that this is no JSON */
};

/* For what returns false. */
static bool wrong(const char **fault, const char *what)
{
    if (*fault == NULL)
        *fault = what;
    return false;
}

static void skip_blanks(struct text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t' || *t->at == '\r'))
        t->at++;
}

/* Takes this character, with blanks in front of it. */
static bool take(struct text *t, char c)
{
    skip_blanks(t);
    if (t->at == t->end || *t->at != (uint8_t)c)
        return false;
    t->at++;
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits; false if they are not there. */
static bool take_hex4(struct text *t, uint32_t *value)
{
    if (t->end - t->at < 4)
        return false;
    *value = 0;
    for (unsigned i = 0; i < 4; i++) {
        int digit = hex_digit(*t->at++);
        if (digit < 0)
            return false;
        *value = *value << 4 | (uint32_t)digit;
    }
    return true;
}

/* Behind \u: a character, or the first half of a pair, which needs the second (RFC 8259 section 7).
 */
static bool take_code_point(struct text *t, uint32_t *c)
{
    static const char half[] = "half of a surrogate pair stands alone";
    uint32_t low;

    if (!take_hex4(t, c))
        return false;
    if (*c < 0xD800 || *c > 0xDFFF)
        return true;
    if (*c > 0xDBFF || t->end - t->at < 6 || t->at[0] != '\\' || t->at[1] != 'u')
        return wrong(&t->fault, half);
    t->at += 2;
    if (!take_hex4(t, &low) || low < 0xDC00 || low > 0xDFFF)
        return wrong(&t->fault, half);
    *c = 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* In UTF-8: fewer bytes than the escape had. */
static uint8_t *store_utf8(uint8_t *p, uint32_t c)
{
    if (c < 0x80) {
        *p++ = (uint8_t)c;
        return p;
    }
    if (c < 0x800) {
        *p++ = (uint8_t)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *p++ = (uint8_t)(0xE0 | c >> 12);
        } else {
            *p++ = (uint8_t)(0xF0 | c >> 18);
            *p++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
        }
        *p++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    }
    *p++ = (uint8_t)(0x80 | (c & 0x3F));
    return p;
}

/* Behind a backslash: what it stands for goes to *out. */
static bool take_escape(struct text *t, uint8_t **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint32_t c;

    if (t->at == t->end)
        return false;
    uint8_t letter = *t->at++;
    if (letter == 'u') {
        if (!take_code_point(t, &c))
            return false;
        *out = store_utf8(*out, c);
        return true;
    }
    const char *found = letter == 0 ? NULL : strchr(from, letter);
    if (!found)
        return false;
    *(*out)++ = (uint8_t)to[found - from];
    return true;
}

/* A string, with blanks in front of it. */
static bool take_string(struct text *t, struct span *string)
{
    if (!take(t, '"'))
        return false;
    uint8_t *begin = t->at, *out = begin;
    for (;;) {
        size_t plain = json_plain(t->at, (size_t)(t->end - t->at));
        if (out != t->at)
            memmove(out, t->at, plain);
        out += plain;
        t->at += plain;
        if (t->at == t->end)
            return false;
        uint8_t c = *t->at++;
        if (c == '"')
            break;
        if (c != '\\' || !take_escape(t, &out))
            return false;
    }
    *string = span_of(begin, (size_t)(out - begin));
    return true;
}

/* RFC 8259 section 6. Only whole numbers of 32 bits are of use to anybody. */
static bool take_number(struct text *t, struct value *value)
{
    uint8_t *begin = t->at;
    uint64_t number = 0;

    while (t->at < t->end && *t->at >= '0' && *t->at <= '9' && number <= UINT32_MAX)
        number = number * 10 + (uint64_t)(*t->at++ - '0');
    size_t digits = (size_t)(t->at - begin);
    value->kind = digits > 0 && number <= UINT32_MAX ? NUMBER : OTHER;
    value->number = (uint32_t)number;
    if (digits > 1 && *begin == '0')
        return false;
    for (; t->at < t->end && *t->at != 0 && strchr("+-.eE0123456789", *t->at); t->at++)
        value->kind = OTHER;
    return t->at > begin;
}

static bool take_word(struct text *t, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len) != 0)
        return false;
    t->at += len;
    return true;
}

/* Anything but an object or an array. */
static bool take_value(struct text *t, struct value *value)
{
    skip_blanks(t);
    if (t->at < t->end && *t->at == '"') {
        value->kind = STRING;
        return take_string(t, &value->string);
    }
    if (t->at < t->end && (*t->at == '{' || *t->at == '['))
        return wrong(&t->fault, "a value is an object or an array");
    value->kind = OTHER;
    return take_word(t, "true") || take_word(t, "false") || take_word(t, "null") ||
           take_number(t, value);
}

static enum key key_of(struct span name)
{
    unsigned key = 0;

    while (key < KEYS &&
           (keys[key].len != name.len || memcmp(keys[key].name, name.data, name.len) != 0))
        key++;
    return (enum key)key;
}

/* One flat object. */
static bool take_object(struct text *t, struct object *object)
{
    struct span name;

    if (!take(t, '{'))
        return false;
    if (!take(t, '}')) {
        do {
            struct value value;
            if (!take_string(t, &name) || !take(t, ':') || !take_value(t, &value))
                return false;
            enum key key = key_of(name);
            if (key == KEYS) {
                object->unknown = true;
                continue;
            }
            if (object->present & 1u << key)
                return wrong(&t->fault, keys[key].twice);
            object->present |= 1u << key;
            object->values[key] = value;
        } while (take(t, ','));
        if (!take(t, '}'))
            return false;
    }
    skip_blanks(t);
    return t->at == t->end;
}

static bool read_object(struct span in, struct object *object)
{
    struct text t = {.at = in.data, .end = in.data + in.len};

    if (take_object(&t, object))
        return true;
    object->fault = t.fault != NULL ? t.fault : "this is not one JSON object";
    return false;
}

/* Whether the field is there, and is of this kind. */
static bool has(struct object *object, enum key key, enum kind kind)
{
    if (!(object->present & 1u << key))
        return wrong(&object->fault, keys[key].missing);
    return object->values[key].kind == kind || wrong(&object->fault, keys[key].unfit);
}

static bool get_u32(struct object *object, enum key key, uint32_t *value)
{
    if (!has(object, key, NUMBER))
        return false;
    *value = object->values[key].number;
    return true;
}

static bool get_string(struct object *object, enum key key, struct slice *value)
{
    if (!has(object, key, STRING))
        return false;
    *value = span_slice(object->values[key].string);
    return true;
}

/* A string of decimal digits, as one would write the number: no sign, no zeros in front. */
static bool get_u64(struct object *object, enum key key, uint64_t *value)
{
    struct slice digits;
    uint64_t number = 0;

    if (!get_string(object, key, &digits))
        return false;
    if (digits.len == 0 || (digits.len > 1 && digits.data[0] == '0'))
        return wrong(&object->fault, keys[key].unfit);
    for (size_t i = 0; i < digits.len; i++) {
        uint8_t digit = (uint8_t)(digits.data[i] - '0');
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return wrong(&object->fault, keys[key].unfit);
        number = number * 10 + digit;
    }
    *value = number;
    return true;
}

/* What is there if it is right, or not there at all. */
static bool get_u32_maybe(struct object *object, enum key key, uint32_t *value)
{
    return !(object->present & 1u << key) || get_u32(object, key, value);
}

/* Hexadecimal digits to bytes, in place. */
static enum reason read_token(struct span digits, struct slice *token)
{
    if (digits.len != 0 && digits.len != (size_t)2 * TOKEN_BYTES)
        return REASON_BAD_TOKEN;
    for (size_t i = 0; i < digits.len; i += 2) {
        int high = hex_digit(digits.data[i]), low = hex_digit(digits.data[i + 1]);
        if (high < 0 || low < 0)
            return REASON_BAD_TOKEN;
        digits.data[i / 2] = (uint8_t)(high << 4 | low);
    }
    *token = slice_of(digits.data, digits.len / 2);
    return REASON_NONE;
}

static enum reason read_hello(struct object *object, struct cmd *cmd)
{
    const struct value *token = &object->values[KEY_TOKEN];
    bool resumes = (object->present & BIT(TOKEN)) != 0;

    if (!get_string(object, KEY_NAME, &cmd->hello.name) ||
        !get_u32_maybe(object, KEY_FEATURES, &cmd->hello.features) ||
        (resumes && !has(object, KEY_TOKEN, STRING)))
        return REASON_MALFORMED;
    enum reason refused = resumes ? read_token(token->string, &cmd->hello.token) : REASON_NONE;
    return refused ? refused : name_check(cmd->hello.name, NAME_BYTES_MAX);
}

/* SINCE and its two numbers go together. */
static enum reason read_join(struct object *object, struct cmd *cmd)
{
    uint32_t flags = 0;

    if (!get_string(object, KEY_ROOM, &cmd->join.room) || !get_u32_maybe(object, KEY_FLAGS, &flags))
        return REASON_MALFORMED;
    if (flags > UINT8_MAX) {
        object->fault = keys[KEY_FLAGS].unfit;
        return REASON_MALFORMED;
    }
    cmd->join.flags = (uint8_t)flags;
    if (flags & JOIN_SINCE) {
        if (!get_u64(object, KEY_EPOCH, &cmd->join.epoch) ||
            !get_u64(object, KEY_SINCE, &cmd->join.since))
            return REASON_MALFORMED;
    } else if (object->present & (BIT(EPOCH) | BIT(SINCE))) {
        object->fault = "\"epoch\" and \"since\" need the flag that says that they are there";
        return REASON_MALFORMED;
    }
    return name_check(cmd->join.room, ROOM_BYTES_MAX);
}

static enum reason read_publish(struct object *object, struct cmd *cmd)
{
    bool msgid = get_u64(object, KEY_MSGID, &cmd->publish.msgid);
    bool room = get_u32(object, KEY_ROOM, &cmd->publish.room);

    cmd->ref = cmd->publish.msgid;
    return msgid && room && get_string(object, KEY_BODY, &cmd->publish.body) ? REASON_NONE
                                                                             : REASON_MALFORMED;
}

static enum reason read_direct(struct object *object, struct cmd *cmd)
{
    bool msgid = get_u64(object, KEY_MSGID, &cmd->direct.msgid);

    cmd->ref = cmd->direct.msgid;
    if (!msgid || !get_string(object, KEY_TO, &cmd->direct.to) ||
        !get_string(object, KEY_BODY, &cmd->direct.body))
        return REASON_MALFORMED;
    return name_check(cmd->direct.to, NAME_BYTES_MAX);
}

static enum reason read_name(struct object *object, enum key key, struct slice *name,
                             size_t bytes_max)
{
    return get_string(object, key, name) ? name_check(*name, bytes_max) : REASON_MALFORMED;
}

/* Which keys a command may have beside its type. */
static unsigned keys_of(enum msg_type type)
{
    switch (type) {
    case MSG_HELLO:
        return BIT(FEATURES) | BIT(NAME) | BIT(TOKEN);
    case MSG_JOIN:
        return BIT(FLAGS) | BIT(ROOM) | BIT(EPOCH) | BIT(SINCE);
    case MSG_LEAVE:
    case MSG_WHO:
        return BIT(ROOM);
    case MSG_PUBLISH:
        return BIT(ROOM) | BIT(MSGID) | BIT(BODY);
    case MSG_DIRECT:
        return BIT(MSGID) | BIT(TO) | BIT(BODY);
    case MSG_PING:
    case MSG_PONG:
        return BIT(TOKEN);
    case MSG_NICK:
        return BIT(NAME);
    default: /* MSG_ROOMS */
        return 0;
    }
}

/* Whether there are no fields but those of this type. */
static bool belong(struct object *object, enum msg_type type)
{
    unsigned stray = object->present & ~(keys_of(type) | BIT(TYPE));

    if (stray != 0)
        return wrong(&object->fault, keys[__builtin_ctz(stray)].stray);
    return !object->unknown || wrong(&object->fault, "there is a field that no message has");
}

static enum reason read_fields(struct object *object, struct cmd *cmd)
{
    switch (cmd->type) {
    case MSG_HELLO:
        return read_hello(object, cmd);
    case MSG_JOIN:
        return read_join(object, cmd);
    case MSG_LEAVE:
        if (!get_u32(object, KEY_ROOM, &cmd->leave.room))
            return REASON_MALFORMED;
        cmd->ref = cmd->leave.room;
        return REASON_NONE;
    case MSG_PUBLISH:
        return read_publish(object, cmd);
    case MSG_DIRECT:
        return read_direct(object, cmd);
    case MSG_WHO:
        return read_name(object, KEY_ROOM, &cmd->who.room, ROOM_BYTES_MAX);
    case MSG_ROOMS:
        return REASON_NONE;
    case MSG_PING:
    case MSG_PONG: /* the same member under two names */
        return get_u64(object, KEY_TOKEN, &cmd->ping.token) ? REASON_NONE : REASON_MALFORMED;
    case MSG_NICK:
        return read_name(object, KEY_NAME, &cmd->nick.name, NAME_BYTES_MAX);
    case MSG_NONE:
        return REASON_UNKNOWN_TYPE;
    default:
        return REASON_WRONG_DIRECTION;
    }
}

void json_decode_cmd(struct span text, struct cmd *cmd)
{
    struct object object;
    struct slice type;

    object.present = 0;
    object.unknown = false;
    object.fault = NULL;
    memset(cmd, 0, sizeof(*cmd));
    cmd->error = REASON_MALFORMED;
    if (read_object(text, &object) && get_string(&object, KEY_TYPE, &type)) {
        cmd->type = msg_type_named(type);
        cmd->error = read_fields(&object, cmd);
        if (cmd->error != REASON_UNKNOWN_TYPE && cmd->error != REASON_WRONG_DIRECTION &&
            !belong(&object, cmd->type))
            cmd->error = REASON_MALFORMED;
    }
    cmd->fault = cmd->error == REASON_MALFORMED ? object.fault : NULL;
}
