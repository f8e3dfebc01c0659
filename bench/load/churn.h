/* Sessions set up and torn down as fast as the server answers. */
#ifndef BENCH_CHURN_H
#define BENCH_CHURN_H

#include <stdint.h>

/* Requests are templates: every `@` is replaced by the value that the step needs. */
struct churn_plan {
    const char *describe; /* sent as it is */
    const char *setup;    /* @ = Transport value's ports or channels */
    const char *play;     /* @ = session id */
    const char *teardown; /* @ = session id */
    uint32_t address;     /* IPv4, network order */
    uint16_t port;
    uint16_t workers;
    uint16_t client_port; /* worker i uses client_port + 2 i; 0 = interleaved 0-1 */
    uint16_t reserved;
    double seconds;
};

struct churn_result {
    uint64_t sessions; /* torn down with four answers of 200 */
    uint64_t refused;  /* a status other than 200 */
    uint64_t broken;   /* connection lost or nothing for 5 s */
    int32_t first_status; /* of the first refusal */
    int32_t first_step;
    double elapsed_s;
    double p50_ms, p99_ms, max_ms; /* connect to the answer of TEARDOWN */
    double step_p50_ms[4];         /* connect and DESCRIBE, SETUP, PLAY, TEARDOWN */
};

int churn_run(const struct churn_plan *plan, struct churn_result *result);

#endif
