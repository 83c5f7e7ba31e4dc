/* admin_answer: the parts of the four-letter words that are files of their own; for
 * admin_*.c alone. */
#ifndef ZKFS_SERVER_ADMIN_ANSWER_H
#define ZKFS_SERVER_ADMIN_ANSWER_H

#include "server/admin_words.h"

/* Answers that may be long: they begin here and go on by admin_answer_more(). ADMIN is
 * borrowed until admin_answer_end(). */
struct admin_answer *admin_answer_stat(const struct admin *admin);
struct admin_answer *admin_answer_cons(const struct admin *admin);
struct admin_answer *admin_answer_dump(const struct admin *admin);
struct admin_answer *admin_answer_wchs(const struct admin *admin);
struct admin_answer *admin_answer_wchc(const struct admin *admin);
struct admin_answer *admin_answer_wchp(const struct admin *admin);

/* What srvr tells behind the version; stat has it as well. */
void admin_put_server(const struct admin_facts *facts, struct buf *b);
void admin_put_version(struct buf *b);

/* mntr's lines. */
void admin_put_mntr(const struct admin_facts *facts, struct buf *b);

/* The mean, as Java prints a double that was rounded to four digits: "0.0", "0.47". */
void admin_put_average(const struct summary *values, struct buf *b);

#endif
