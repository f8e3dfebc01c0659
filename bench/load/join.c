#define _GNU_SOURCE
#include "join.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "histogram.h"
#include "rtsp_text.h"

#define EVENTS 256
#define ROOM 8192

enum step { CONNECT, DESCRIBE, SETUP, PLAY, DONE };

struct joiner {
    int fd;
    enum step step;
    uint32_t number, have;
    uint64_t asked_ns;
    char session[SESSION_BYTES];
    uint8_t room[ROOM];
};

struct crowd {
    struct load *load;
    const struct join_plan *plan;
    struct join_result *result;
    struct histogram answers;
    int epoll_fd;
    uint32_t left;
};

static void leave(struct crowd *c, struct joiner *j, int failed) {
    epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, j->fd, NULL);
    if (failed) {
        close(j->fd);
        j->fd = -1;
    }
    j->step = DONE;
    c->left--;
}

static void begin(struct crowd *c, struct joiner *j) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(c->plan->port),
                             .sin_addr = {.s_addr = c->plan->address}};
    int one = 1;
    j->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(j->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLOUT, .data = {.ptr = j}};
    epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, j->fd, &event);
    if (connect(j->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        c->result->broken++;
        leave(c, j, 1);
    }
}

/* From its PLAY on a reader over TCP is the readers' thread's: the answer is among the frames. */
static int play(struct crowd *c, struct joiner *j) {
    const struct join_plan *plan = c->plan;
    int at = (int)(plan->first_reader + j->number);
    if (plan->over_tcp) {
        leave(c, j, 0);
        at = load_add_reader(c->load, j->fd, -1, OVER_TCP, plan->group, plan->publisher, 0);
        if (at < 0) return 0;
    }
    c->result->asked_ns = j->asked_ns = c->load->readers[at].play_ns = now_ns();
    return send_filled(j->fd, plan->play, j->session);
}

/* Goes on with the next request; 0 when the socket would not take it. */
static int ask(struct crowd *c, struct joiner *j) {
    char value[16] = "0-1";
    j->asked_ns = now_ns();
    switch (++j->step) {
    case DESCRIBE: return send_filled(j->fd, c->plan->describe, "");
    case SETUP:
        if (!c->plan->over_tcp) {
            uint32_t port = c->plan->client_ports[j->number];
            snprintf(value, sizeof value, "%u-%u", port, port + 1u);
        }
        return send_filled(j->fd, c->plan->setup, value);
    case PLAY: return play(c, j);
    default: leave(c, j, 0); return 1;
    }
}

static void fail(struct crowd *c, struct joiner *j) {
    c->result->broken++;
    if (j->step != DONE) leave(c, j, 1);
}

static void take_answer(struct crowd *c, struct joiner *j) {
    ssize_t n = recv(j->fd, j->room + j->have, ROOM - j->have, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        fail(c, j);
        return;
    }
    j->have += (uint32_t)n;
    int status;
    uint32_t bytes = whole_message(j->room, j->have, &status);
    if (!bytes) return;
    histogram_add(&c->answers, (now_ns() - j->asked_ns) / 1000u, 1);
    if (status != 200) {
        if (!c->result->refused++) {
            c->result->first_status = status;
            c->result->first_step = (int32_t)j->step - DESCRIBE;
        }
        leave(c, j, 1);
        return;
    }
    keep_session_id(j->session, j->room, bytes);
    j->have = 0;
    if (!ask(c, j)) fail(c, j);
}

static void take_event(struct crowd *c, struct joiner *j) {
    if (j->step != CONNECT) {
        take_answer(c, j);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = j}};
    epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, j->fd, &event);
    if (!ask(c, j)) fail(c, j);
}

int join_run(struct load *load, const struct join_plan *plan, struct join_result *result,
             int32_t *fds) {
    static struct crowd c;
    memset(&c, 0, sizeof c);
    memset(result, 0, sizeof *result);
    c = (struct crowd){.load = load, .plan = plan, .result = result, .left = plan->count};
    c.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct joiner *joiners = calloc(plan->count, sizeof *joiners);
    if (c.epoll_fd < 0 || !joiners) return -1;
    result->began_ns = now_ns();
    uint64_t until = result->began_ns + (uint64_t)(plan->deadline_s * 1e9);
    for (uint32_t i = 0; i < plan->count; i++) {
        joiners[i].number = i;
        begin(&c, &joiners[i]);
    }
    struct epoll_event ready[EVENTS];
    while (c.left && now_ns() < until) {
        int n = epoll_wait(c.epoll_fd, ready, EVENTS, 50);
        for (int i = 0; i < n; i++) take_event(&c, ready[i].data.ptr);
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        if (joiners[i].step != DONE) fail(&c, &joiners[i]);
        fds[i] = joiners[i].fd;
    }
    free(joiners);
    close(c.epoll_fd);
    result->answer_p99_ms = histogram_share(&c.answers, 0.99) / 1e3;
    result->answer_max_ms = (double)c.answers.max_us / 1e3;
    return 0;
}
