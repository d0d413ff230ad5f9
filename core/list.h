/* list.h -- intrusive doubly linked list, the kernel's shape: the head is a node too.
 *
 * Any thread, one at a time. A node must be initialised (list_init) or linked before
 * list_del or list_linked may be asked about it; list_del leaves it initialised.
 */
#ifndef UPROAR_CORE_LIST_H
#define UPROAR_CORE_LIST_H

#include "core/base.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *node)
{
    node->next = node->prev = node;
}

static inline bool list_linked(const struct list *node)
{
    return node->next != node;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_del(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The first node, unlinked; NULL when empty. */
static inline struct list *list_pop(struct list *head)
{
    struct list *node = head->next;
    if (node == head)
        return NULL;
    list_del(node);
    return node;
}

/* Moves all of `from` to the end of `to`. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define list_entry(node, type, member) container_of(node, type, member)

/* Visits every node; the current one may be unlinked or freed by the body. */
#define list_for_each_safe(node, after, head)                                   \
    for (struct list *node = (head)->next, *after = node->next; node != (head); \
         node = after, after = node->next)

#endif
