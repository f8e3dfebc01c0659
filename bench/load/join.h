/* A crowd that joins: sessions of readers set up side by side, which then stay. */
#ifndef BENCH_JOIN_H
#define BENCH_JOIN_H

#include <stdint.h>

#include "load.h"

/* Requests are templates: every `@` is replaced by the value that the step needs. */
struct join_plan {
    const char *describe; /* sent as it is */
    const char *setup;    /* @ = Transport value's ports or channels */
    const char *play;     /* @ = session id */
    uint32_t address;     /* IPv4, network order */
    uint16_t port;
    uint16_t count;
    int32_t over_tcp;
    int32_t group;
    int32_t publisher;
    uint32_t first_reader; /* over UDP: these many readers from here on are there already */
    const uint16_t *client_ports; /* over UDP: the RTP port of each */
    double deadline_s;
};

struct join_result {
    uint64_t began_ns; /* when the first one connected */
    uint64_t asked_ns; /* when the last PLAY was sent */
    uint64_t refused;  /* a status other than 200 */
    uint64_t broken;   /* connection lost, or no answer until the deadline */
    int32_t first_status; /* of the first refusal */
    int32_t first_step;
    double answer_p99_ms; /* DESCRIBE without connecting, SETUP and, over UDP, PLAY */
    double answer_max_ms;
};

/* Connections are left open, their descriptors in `fds`, -1 for one that failed. */
int join_run(struct load *load, const struct join_plan *plan, struct join_result *result,
             int32_t *fds);

#endif
