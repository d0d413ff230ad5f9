/* printable.c -- see printable.h. */
#include "tools/printable.h"

#include "proto/text.h"

/* The first code point of `text` and its length; 0 when these bytes are no UTF-8. */
static size_t first_code(struct slice text, uint32_t *code)
{
    uint8_t lead = text.data[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (len > text.len || !utf8_valid(slice_of(text.data, len)))
        return 0;
    *code = len == 1 ? lead : lead & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        *code = *code << 6 | (text.data[i] & 0x3f);
    return len;
}

/* Characters that a terminal acts upon, or that show nothing and mislead. The zero-width joiner
 * and non-joiner are left alone: emoji and several scripts are wrong without them. */
static bool misleads(uint32_t code)
{
    return (code >= 0x80 && code <= 0x9f) ||     /* C1 controls */
           code == 0x061c ||                     /* Arabic letter mark */
           code == 0x200b ||                     /* zero-width space */
           (code >= 0x200e && code <= 0x200f) || /* left-to-right, right-to-left marks */
           (code >= 0x2028 && code <= 0x202e) || /* separators, embeddings, overrides */
           (code >= 0x2060 && code <= 0x206f) || /* invisible operators, isolates */
           code == 0xfeff ||                     /* byte order mark */
           (code >= 0xfff9 && code <= 0xfffb) || /* interlinear annotation */
           (code >= 0xe0000 && code <= 0xe007f); /* tags */
}

void printable_append(struct strbuf *out, struct slice text)
{
    while (text.len > 0) {
        uint32_t code = 0;
        size_t len = first_code(text, &code);

        if (len == 0) {
            strbuf_printf(out, "\\x%02x", text.data[0]);
            len = 1;
        } else if (code == '\n') {
            strbuf_puts(out, "\\n");
        } else if (code == '\t') {
            strbuf_puts(out, "\\t");
        } else if (code == '\r') {
            strbuf_puts(out, "\\r");
        } else if (code < 0x20 || code == 0x7f) {
            strbuf_printf(out, "\\x%02x", code);
        } else if (misleads(code)) {
            strbuf_printf(out, "\\u{%04x}", code);
        } else {
            strbuf_append(out, text.data, len);
        }
        text.data += len;
        text.len -= len;
    }
}
