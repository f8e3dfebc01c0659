/* Latencies in microseconds: exact to 64, then 64 steps per power of two (1.6 %). */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS (64 * 24)

struct histogram {
    uint64_t count[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t max_us;
};

static inline uint32_t histogram_bucket(uint64_t us) {
    if (us < 64) return (uint32_t)us;
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(us) - 6u;
    uint32_t at = 64u * (shift + 1u) + (uint32_t)((us >> shift) - 64u);
    return at < HISTOGRAM_BUCKETS ? at : HISTOGRAM_BUCKETS - 1u;
}

static inline void histogram_add(struct histogram *h, uint64_t us, uint64_t times) {
    h->count[histogram_bucket(us)] += times;
    h->total += times;
    if (us > h->max_us) h->max_us = us;
}

/* Upper edge of the bucket that holds the given share (0..1) of all values; 0 when empty. */
static inline double histogram_share(const struct histogram *h, double share) {
    if (h->total == 0) return 0.0;
    double wanted = share * (double)h->total, seen = 0.0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += (double)h->count[i];
        if (seen >= wanted && h->count[i]) {
            if (i < 64) return (double)i;
            uint32_t shift = i / 64u - 1u;
            return (double)((((uint64_t)(i % 64u) + 65u) << shift) - 1u);
        }
    }
    return (double)h->max_us;
}

#endif
