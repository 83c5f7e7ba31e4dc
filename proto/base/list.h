/* list: an intrusive doubly linked list. A `struct list` inside an object links
 * it; one outside is the head. The owner of the head owns the order, not the
 * objects. Header only. */
#ifndef ZKFS_PROTO_BASE_LIST_H
#define ZKFS_PROTO_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

/* The object of TYPE whose MEMBER is the link PTR. */
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Walks from first to last; the current object must not be removed. */
#define LIST_FOR(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)

/* The same, and the current object may be removed (and freed). */
#define LIST_FOR_SAFE(it, head)                                               \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
         it = it##_next, it##_next = it->next)

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert_between(struct list *prev, struct list *item, struct list *next)
{
    item->prev = prev;
    item->next = next;
    prev->next = item;
    next->prev = item;
}

static inline void list_push_back(struct list *head, struct list *item)
{
    list_insert_between(head->prev, item, head);
}

static inline void list_push_front(struct list *head, struct list *item)
{
    list_insert_between(head, item, head->next);
}

/* Leaves ITEM linked to itself, so that removing it twice does no harm. */
static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

/* The first item, taken off; NULL when empty. */
static inline struct list *list_pop_front(struct list *head)
{
    struct list *item = head->next;

    if (item == head)
        return NULL;
    list_remove(item);
    return item;
}

#endif
