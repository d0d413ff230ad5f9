/* modes.h -- the ways to receive that a kernel may leave us: stream tests run in each of them. */
#ifndef UPROAR_TESTS_CORE_MODES_H
#define UPROAR_TESTS_CORE_MODES_H

#include <criterion/parameterized.h>

#include "core/uring.h"

static struct uring_config modes[] = {
    {.recv_mode = URING_RECV_CAPPED},
    {.recv_mode = URING_RECV_MULTISHOT},
    {.recv_mode = URING_RECV_ONESHOT},
    {.recv_mode = URING_RECV_AUTO, .without = URING_NO_DEFER | URING_NO_NO_IOWAIT},
};

#define STREAM_TEST(name)                                                          \
    ParameterizedTestParameters(stream, name)                                      \
    {                                                                              \
        return cr_make_param_array(struct uring_config, modes, ARRAY_SIZE(modes)); \
    }                                                                              \
    ParameterizedTest(struct uring_config *config, stream, name)

#endif
