/* crowd.h -- many clients of tests/core/echo.h that speak at the same time. */
#ifndef UPROAR_TESTS_CORE_CROWD_H
#define UPROAR_TESTS_CORE_CROWD_H

#include "tests/core/echo.h"

/* Clients that all send `each` patterned bytes at once and read them back. */
struct crowd {
    unsigned count;
    size_t each;
    int fds[128];
    size_t sent[128], got[128];
};

void crowd_join(struct crowd *crowd, struct echo *echo, unsigned count, size_t each);
/* One client's turn: sends and reads what is possible, and checks each byte that it reads. */
void crowd_client(struct crowd *crowd, unsigned i);
bool crowd_served(const struct crowd *crowd);
/* Turns the loop until all have got everything back; a failure after ten seconds. */
void crowd_echo(struct crowd *crowd, struct echo *echo);
void crowd_leave(struct crowd *crowd);

#endif
