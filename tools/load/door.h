/* door.h -- how main stops a thread whose loop comes and goes within that thread.
 *
 * A ring belongs to the thread that made it, so a loop is made and ended in its thread, while
 * main may want to wake it at any time. The door says whether the loop stands, under a lock, so
 * that nobody writes to an eventfd that was closed a moment ago.
 *
 *                        main   the loop's thread
 *   load_door_init         x
 *   load_door_stop, _knock x
 *   load_door_open, _shut            x
 *   load_door_stopped                x
 */
#ifndef UPROAR_TOOLS_LOAD_DOOR_H
#define UPROAR_TOOLS_LOAD_DOOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/loop.h"

struct load_door {
    pthread_mutex_t lock;
    struct loop *loop; /* under the lock; NULL while it does not stand */
    _Atomic bool stop;
};

static inline void load_door_init(struct load_door *door)
{
    pthread_mutex_init(&door->lock, NULL);
    door->loop = NULL;
    atomic_init(&door->stop, false);
}

/* Between loop_init and loop_run. */
static inline void load_door_open(struct load_door *door, struct loop *loop)
{
    pthread_mutex_lock(&door->lock);
    door->loop = loop;
    pthread_mutex_unlock(&door->lock);
}

/* Between loop_run and loop_fini. */
static inline void load_door_shut(struct load_door *door)
{
    load_door_open(door, NULL);
}

/* Wakes the loop if it stands and sleeps. What it is to see was stored with seq_cst. */
static inline void load_door_knock(struct load_door *door)
{
    pthread_mutex_lock(&door->lock);
    if (door->loop != NULL)
        wake_ring(&door->loop->wake);
    pthread_mutex_unlock(&door->lock);
}

static inline void load_door_stop(struct load_door *door)
{
    /* seq_cst: the loop's last look before it sleeps (load_door_stopped) must not miss it. */
    atomic_store_explicit(&door->stop, true, memory_order_seq_cst);
    load_door_knock(door);
}

static inline bool load_door_stopped(struct load_door *door)
{
    return atomic_load_explicit(&door->stop, memory_order_seq_cst);
}

#endif
