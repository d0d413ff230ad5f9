/* test_list.c -- order, unlinking, and walks that unlink as they go. */
#include "core/list.h"

#include <criterion/criterion.h>

struct item {
    int value;
    struct list link;
};

static void items_init(struct item *items, int count, struct list *head)
{
    list_init(head);
    for (int i = 0; i < count; i++) {
        items[i].value = i;
        list_init(&items[i].link);
        list_add_tail(head, &items[i].link);
    }
}

/* The values in order, as decimal digits, read forwards; checks the way back too. */
static long digits(struct list *head)
{
    long forwards = 0, backwards = 0, unit = 1;
    for (struct list *node = head->next; node != head; node = node->next)
        forwards = forwards * 10 + list_entry(node, struct item, link)->value;
    for (struct list *node = head->prev; node != head; node = node->prev, unit *= 10)
        backwards += unit * list_entry(node, struct item, link)->value;
    cr_assert_eq(forwards, backwards);
    return forwards;
}

Test(list, keeps_order)
{
    struct list head;
    struct item items[6];
    items_init(items, 6, &head);
    cr_assert_eq(digits(&head), 12345);
}

Test(list, del_unlinks_and_leaves_the_node_initialised)
{
    struct list head;
    struct item items[4];
    items_init(items, 4, &head);
    cr_assert(list_linked(&items[2].link));
    list_del(&items[2].link);
    cr_assert_not(list_linked(&items[2].link));
    cr_assert_eq(digits(&head), 13);
    list_del(&items[2].link); /* once more does nothing */
    cr_assert_eq(digits(&head), 13);
    list_add_tail(&head, &items[2].link);
    cr_assert_eq(digits(&head), 132);
}

Test(list, pop_takes_the_first_until_empty)
{
    struct list head;
    struct item items[2];
    items_init(items, 2, &head);
    cr_assert_not(list_empty(&head));
    cr_assert_eq(list_pop(&head), &items[0].link);
    cr_assert_not(list_linked(&items[0].link));
    cr_assert_eq(list_pop(&head), &items[1].link);
    cr_assert(list_empty(&head));
    cr_assert_null(list_pop(&head));
}

Test(list, splice_moves_all_to_the_end)
{
    struct list a, b;
    struct item items_a[3], items_b[3];
    items_init(items_a, 3, &a);
    items_init(items_b, 3, &b);
    items_b[0].value = 7;
    list_splice_tail(&a, &b);
    cr_assert_eq(digits(&a), 12712);
    cr_assert(list_empty(&b));
    list_splice_tail(&a, &b); /* nothing */
    cr_assert_eq(digits(&a), 12712);
    list_splice_tail(&b, &a); /* into an empty list */
    cr_assert_eq(digits(&b), 12712);
    cr_assert(list_empty(&a));
}

Test(list, walk_survives_unlinking_of_the_current_node)
{
    struct list head;
    struct item items[7];
    items_init(items, 7, &head);
    int visited = 0;
    list_for_each_safe(node, after, &head)
    {
        visited++;
        if (list_entry(node, struct item, link)->value % 2 == 0)
            list_del(node);
    }
    cr_assert_eq(visited, 7);
    cr_assert_eq(digits(&head), 135);
}
