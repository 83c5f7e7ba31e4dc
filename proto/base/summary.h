/* summary: what is kept of many values, none below 0: how many, the least, the greatest,
 * their sum. A histogram keeps their distribution as well, in memory of a fixed size: exact
 * below 32, and within a sixteenth above. Zeroed is empty. Plain values. */
#ifndef ZKFS_PROTO_BASE_SUMMARY_H
#define ZKFS_PROTO_BASE_SUMMARY_H

#include <stdint.h>

struct summary {
    int64_t min, max, sum, count; /* all 0 while there is nothing */
};

#define HISTOGRAM_BUCKETS 448

struct histogram {
    struct summary all;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void summary_add(struct summary *summary, int64_t value);
void histogram_add(struct histogram *histogram, int64_t value);

/* The value that so many thousandths of all do not exceed; 0 while there is nothing. */
int64_t histogram_quantile(const struct histogram *histogram, unsigned per_mille);

#endif
