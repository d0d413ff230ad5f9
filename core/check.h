/* check.h -- stop at once when the program itself is wrong.
 *
 * CHECK is always on, also in release builds: a server that goes on with a broken
 * invariant corrupts what it should have kept. It is for programmer errors only;
 * nothing that a peer, the network, the disk or an operator can influence may
 * reach it. Prints file, line, function and the expression, then abort(3).
 */
#ifndef UPROAR_CORE_CHECK_H
#define UPROAR_CORE_CHECK_H

#include "core/base.h"

_Noreturn void check_failed(const char *file, int line, const char *function,
                            const char *expression);

#define CHECK(cond)                                            \
    do {                                                       \
        if (unlikely(!(cond)))                                 \
            check_failed(__FILE__, __LINE__, __func__, #cond); \
    } while (0)

#endif
