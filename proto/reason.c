/* reason.c -- what a reason is called and how it is said, from the one list in cmd.h. */
#include "proto/cmd.h"

const char *reason_name(enum reason reason)
{
    switch (reason) {
#define X(id, number, name, sentence) \
    case REASON_##id:                 \
        return name;
        REASONS(X)
#undef X
    }
    return "unknown"; /* a number from a newer peer */
}

const char *reason_sentence(enum reason reason)
{
    switch (reason) {
#define X(id, number, name, sentence) \
    case REASON_##id:                 \
        return sentence;
        REASONS(X)
#undef X
    }
    return "unknown";
}
