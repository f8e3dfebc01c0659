#define _GNU_SOURCE
#include "churn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "histogram.h"
#include "rtsp_text.h"
#include "wire.h"

#define EVENTS 256
#define ROOM (256 * 1024)
#define STALL_NS 5000000000ull

enum step { DESCRIBE, SETUP, PLAY, TEARDOWN, STEPS };

struct worker {
    int fd;
    enum step step;
    uint32_t have;
    uint32_t number;
    uint64_t began_ns, moved_ns;
    char session[SESSION_BYTES];
    uint8_t *room;
};

struct churn {
    const struct churn_plan *plan;
    struct churn_result *result;
    struct worker *workers;
    struct histogram took, step_took[STEPS];
    int epoll_fd;
    int stopping;
    uint32_t open;
};

static void open_session(struct churn *c, struct worker *w) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(c->plan->port),
                             .sin_addr = {.s_addr = c->plan->address}};
    int one = 1;
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    w->step = DESCRIBE;
    w->have = 0;
    w->session[0] = 0;
    w->began_ns = w->moved_ns = now_ns();
    if (connect(w->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
        c->result->broken++;
    struct epoll_event event = {.events = EPOLLOUT, .data = {.ptr = w}};
    epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, w->fd, &event);
    c->open++;
}

static void close_session(struct churn *c, struct worker *w) {
    close(w->fd);
    w->fd = -1;
    c->open--;
    if (!c->stopping) open_session(c, w);
}

/* Sends the request of the worker's step; 0 when the socket would not take it whole. */
static int send_request(struct churn *c, struct worker *w) {
    const char *templates[STEPS] = {c->plan->describe, c->plan->setup, c->plan->play,
                                    c->plan->teardown};
    char ports[16];
    const char *value = w->session;
    if (w->step == SETUP) {
        uint32_t port = c->plan->client_port + 2u * w->number;
        snprintf(ports, sizeof ports, "%u-%u", port, port + 1u);
        value = c->plan->client_port ? ports : "0-1";
    }
    if (w->step != DESCRIBE) w->moved_ns = now_ns(); /* DESCRIBE is timed from connect */
    return send_filled(w->fd, templates[w->step], value);
}

/* Takes a status for the worker's step; returns whether the session goes on. */
static int take_status(struct churn *c, struct worker *w, int status, const uint8_t *from,
                       uint32_t bytes) {
    if (status != 200) {
        if (!c->result->refused++) {
            c->result->first_status = status;
            c->result->first_step = (int32_t)w->step;
        }
        return 0;
    }
    histogram_add(&c->step_took[w->step], (now_ns() - w->moved_ns) / 1000u, 1);
    if (w->step == SETUP) keep_session_id(w->session, from, bytes);
    if (w->step == TEARDOWN) {
        c->result->sessions += !c->stopping;
        histogram_add(&c->took, (now_ns() - w->began_ns) / 1000u, 1);
        return 0;
    }
    w->step++;
    if (send_request(c, w)) return 1;
    c->result->broken++;
    return 0;
}

static void take_bytes(struct churn *c, struct worker *w) {
    ssize_t n = recv(w->fd, w->room + w->have, ROOM - w->have, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        c->result->broken++;
        close_session(c, w);
        return;
    }
    w->have += (uint32_t)n;
    uint32_t at = 0, bytes;
    int status;
    while ((bytes = whole_message(w->room + at, w->have - at, &status)) != 0) {
        if (status && !take_status(c, w, status, w->room + at, bytes)) {
            close_session(c, w);
            return;
        }
        at += bytes;
    }
    w->have -= at;
    memmove(w->room, w->room + at, w->have);
}

static void take_event(struct churn *c, struct worker *w, uint32_t events) {
    if (w->fd < 0) return;
    if (events & EPOLLOUT) {
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = w}};
        epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, w->fd, &event);
        if (send_request(c, w)) return;
        c->result->broken++;
        close_session(c, w);
        return;
    }
    take_bytes(c, w);
}

static void end_stalled(struct churn *c, uint64_t now) {
    for (uint32_t i = 0; i < c->plan->workers; i++) {
        struct worker *w = &c->workers[i];
        if (w->fd < 0 || now - w->moved_ns < STALL_NS) continue;
        c->result->broken++;
        close_session(c, w);
    }
}

int churn_run(const struct churn_plan *plan, struct churn_result *result) {
    static struct churn c;
    memset(&c, 0, sizeof c);
    memset(result, 0, sizeof *result);
    c.plan = plan;
    c.result = result;
    c.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    c.workers = calloc(plan->workers, sizeof *c.workers);
    if (c.epoll_fd < 0 || !c.workers) return -1;
    uint64_t began = now_ns(), until = began + (uint64_t)(plan->seconds * 1e9), swept = began;
    for (uint32_t i = 0; i < plan->workers; i++) {
        c.workers[i].number = i;
        c.workers[i].room = malloc(ROOM);
        open_session(&c, &c.workers[i]);
    }
    struct epoll_event ready[EVENTS];
    while (c.open && now_ns() < until + STALL_NS) {
        int n = epoll_wait(c.epoll_fd, ready, EVENTS, 50);
        for (int i = 0; i < n; i++) take_event(&c, ready[i].data.ptr, ready[i].events);
        uint64_t now = now_ns();
        if (!c.stopping && now >= until) {
            c.stopping = 1;
            result->elapsed_s = (double)(now - began) / 1e9;
        }
        if (now - swept > 1000000000ull) end_stalled(&c, swept = now);
    }
    for (uint32_t i = 0; i < plan->workers; i++) {
        if (c.workers[i].fd >= 0) close(c.workers[i].fd);
        free(c.workers[i].room);
    }
    free(c.workers);
    close(c.epoll_fd);
    for (int i = 0; i < STEPS; i++)
        result->step_p50_ms[i] = histogram_share(&c.step_took[i], 0.5) / 1e3;
    result->p50_ms = histogram_share(&c.took, 0.5) / 1e3;
    result->p99_ms = histogram_share(&c.took, 0.99) / 1e3;
    result->max_ms = (double)c.took.max_us / 1e3;
    return 0;
}
