/* json_say.h -- a client's commands in uproar.v1.json (proto/WEBSOCKET.md).
 *
 * proto/json.h has the server's half of the format; this is what a client writes. Pure; any thread.
 */
#ifndef UPROAR_TOOLS_JSON_SAY_H
#define UPROAR_TOOLS_JSON_SAY_H

#include "proto/cmd.h"

/* Beside the strings of a command: names of fields and numbers at their longest. The largest is
 * PUBLISH's. */
#define JSON_SAY_BYTES 128u

/* Writes a client's command as one object, with every field that its type has. Only type and the
 * matching member of the union are read; strings are UTF-8. Bytes written, 0 when cap is too small
 * or it is no command. A string needs as many bytes as it has, and up to five more for each
 * character that must be escaped. */
size_t json_say(const struct cmd *cmd, uint8_t *out, size_t cap);

#endif
