/* The floor under a relay: RTSP as the load speaks it, and packets from a publisher to readers with
 * nothing checked, counted, kept or reported. One thread. Usage: bare_relay PORT FIRST_RTP_PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load/rtsp_text.h"

#define EVENTS 256
#define BATCH 64
#define SLOT 2048
#define MOUNTS 256
#define ROOM (256 * 1024)
#define BUFFER_BYTES (4 * 1024 * 1024)
#define MOST_RUN_BYTES 64000

enum kind { LISTENER, CONNECTION, MEDIA, IGNORED };

struct source {
    enum kind kind;
    int fd;
};

struct mount;

struct connection {
    struct source source;
    struct mount *mount;
    int publishes, over_tcp;
    uint32_t have, waiting, waiting_room;
    struct sockaddr_in reader;
    uint8_t *room, *waits;
};

struct mount {
    struct source media, control;
    char path[64], sdp[2048];
    uint16_t port;
    uint32_t datagram_readers, stream_readers;
    struct connection **streams;
    struct mmsghdr *datagrams;
};

static int epoll_fd, sender, segment;
static uint16_t next_port;
static uint32_t mounts;
static struct mount *table[MOUNTS];
static uint8_t slots[BATCH][SLOT], run[BATCH * SLOT], framed[BATCH * (SLOT + 4)];
static struct iovec run_bytes = {.iov_base = run};

static void watch(struct source *source, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data = {.ptr = source}};
    epoll_ctl(epoll_fd, how, source->fd, &event);
}

static int datagram_socket(uint16_t port) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = BUFFER_BYTES;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) perror("bind"), exit(1);
    return fd;
}

static struct mount *mount_of(const char *uri) {
    const char *path = strstr(uri, "://");
    path = path ? strchr(path + 3, '/') : NULL;
    size_t length = path ? strcspn(++path, "/ \r\n") : 0;
    if (length == 0 || length >= sizeof table[0]->path) return NULL;
    for (uint32_t i = 0; i < mounts; i++)
        if (strncmp(table[i]->path, path, length) == 0 && !table[i]->path[length]) return table[i];
    if (mounts == MOUNTS) return NULL;
    struct mount *mount = table[mounts++] = calloc(1, sizeof *mount);
    memcpy(mount->path, path, length);
    return mount;
}

/* What a reader over TCP has not taken waits, and goes on when its socket has room. */
static void send_stream(struct connection *to, const uint8_t *from, size_t bytes) {
    ssize_t sent = 0;
    if (!to->waiting) {
        sent = send(to->source.fd, from, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) sent = 0;
        if ((size_t)sent == bytes) return;
        watch(&to->source, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    }
    size_t left = bytes - (size_t)sent;
    if (to->waiting + left > to->waiting_room) {
        to->waiting_room = 2 * (to->waiting + (uint32_t)left);
        to->waits = realloc(to->waits, to->waiting_room);
    }
    memcpy(to->waits + to->waiting, from + sent, left);
    to->waiting += (uint32_t)left;
}

static void send_waiting(struct connection *to) {
    ssize_t sent = send(to->source.fd, to->waits, to->waiting, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0) return;
    to->waiting -= (uint32_t)sent;
    memmove(to->waits, to->waits + sent, to->waiting);
    if (!to->waiting) watch(&to->source, EPOLLIN, EPOLL_CTL_MOD);
}

static void send_run(struct mount *mount, size_t bytes, int packet_bytes) {
    run_bytes.iov_len = bytes;
    if (packet_bytes != segment) {
        segment = packet_bytes;
        setsockopt(sender, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
    }
    for (uint32_t from = 0; from < mount->datagram_readers;) {
        int sent = sendmmsg(sender, mount->datagrams + from, mount->datagram_readers - from, 0);
        from += sent > 0 ? (uint32_t)sent : 1;
    }
}

/* Packets of one length, and a shorter one behind them, are one run. */
static void send_datagrams(struct mount *mount, uint8_t **packets, const size_t *bytes, int count) {
    for (int i = 0; i < count;) {
        size_t length = bytes[i], total = 0;
        do {
            memcpy(run + total, packets[i], bytes[i]);
            total += bytes[i];
        } while (bytes[i++] == length && i < count && bytes[i] <= length &&
                 total + length < MOST_RUN_BYTES);
        send_run(mount, total, (int)length);
    }
}

static void fan_out(struct mount *mount, uint8_t **packets, const size_t *bytes, int count) {
    if (mount->datagram_readers) send_datagrams(mount, packets, bytes, count);
    if (!mount->stream_readers) return;
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        uint8_t head[4] = {'$', 0, (uint8_t)(bytes[i] >> 8), (uint8_t)bytes[i]};
        memcpy(framed + total, head, 4);
        memcpy(framed + total + 4, packets[i], bytes[i]);
        total += 4 + bytes[i];
    }
    for (uint32_t i = 0; i < mount->stream_readers; i++)
        send_stream(mount->streams[i], framed, total);
}

static void relay_datagrams(struct mount *mount) {
    struct mmsghdr messages[BATCH] = {0};
    struct iovec rooms[BATCH];
    uint8_t *packets[BATCH];
    size_t bytes[BATCH];
    for (int i = 0; i < BATCH; i++) {
        rooms[i] = (struct iovec){packets[i] = slots[i], SLOT};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &rooms[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(mount->media.fd, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) bytes[i] = messages[i].msg_len;
    if (count > 0) fan_out(mount, packets, bytes, count);
}

static void publish_over_udp(struct mount *mount) {
    if (mount->port) return;
    mount->port = next_port;
    next_port += 2;
    mount->media = (struct source){MEDIA, datagram_socket(mount->port)};
    mount->control = (struct source){IGNORED, datagram_socket(mount->port + 1)};
    watch(&mount->media, EPOLLIN, EPOLL_CTL_ADD);
    watch(&mount->control, EPOLLIN, EPOLL_CTL_ADD);
}

static void play(struct connection *to) {
    struct mount *mount = to->mount;
    if (to->over_tcp) {
        mount->streams =
            realloc(mount->streams, (mount->stream_readers + 1) * sizeof *mount->streams);
        mount->streams[mount->stream_readers++] = to;
        return;
    }
    mount->datagrams =
        realloc(mount->datagrams, (mount->datagram_readers + 1) * sizeof *mount->datagrams);
    struct msghdr message = {.msg_name = &to->reader, .msg_namelen = sizeof to->reader,
                             .msg_iov = &run_bytes, .msg_iovlen = 1};
    mount->datagrams[mount->datagram_readers++] = (struct mmsghdr){.msg_hdr = message};
}

static void stop(struct connection *of) {
    struct mount *mount = of->mount;
    for (uint32_t i = 0; mount && i < mount->stream_readers; i++)
        if (mount->streams[i] == of) mount->streams[i] = mount->streams[--mount->stream_readers];
    for (uint32_t i = 0; mount && i < mount->datagram_readers; i++)
        if (mount->datagrams[i].msg_hdr.msg_name == &of->reader)
            mount->datagrams[i] = mount->datagrams[--mount->datagram_readers];
}

static void set_up(struct connection *of, const char *transport, char *answer, size_t room) {
    const char *ports = strstr(transport, "client_port=");
    of->over_tcp = !ports || strcspn(transport, "\r") < (size_t)(ports - transport);
    if (of->over_tcp) {
        snprintf(answer, room, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
        return;
    }
    int port = atoi(ports + strlen("client_port="));
    socklen_t length = sizeof of->reader;
    getpeername(of->source.fd, (struct sockaddr *)&of->reader, &length);
    of->reader.sin_port = htons((uint16_t)port);
    if (of->publishes) publish_over_udp(of->mount);
    int own = of->mount->port ? of->mount->port : next_port;
    snprintf(answer, room, "Transport: RTP/AVP;unicast;client_port=%d-%d;server_port=%d-%d\r\n",
             port, port + 1, own, own + 1);
}

static void answer(struct connection *to, const char *head, uint32_t bytes) {
    const char *end = memmem(head, bytes, "\r\n\r\n", 4), *body = "";
    const char *cseq = find_header(head, end, "cseq:");
    const char *transport = find_header(head, end, "transport:");
    char headers[2048] = "", text[8192];
    if (!to->mount) to->mount = mount_of(head);
    int known = to->mount != NULL;
    if (known && strncmp(head, "ANNOUNCE", 8) == 0) {
        to->publishes = 1;
        size_t length = bytes - (uint32_t)(end + 4 - head);
        if (length < sizeof to->mount->sdp) memcpy(to->mount->sdp, end + 4, length);
    } else if (known && strncmp(head, "DESCRIBE", 8) == 0) {
        const char *uri = strchr(head, ' ') + 1;
        body = to->mount->sdp;
        snprintf(headers, sizeof headers,
                 "Content-Base: %.*s/\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n",
                 (int)strcspn(uri, " "), uri, strlen(body));
    } else if (known && transport) {
        set_up(to, transport, headers, sizeof headers);
    }
    int length = snprintf(text, sizeof text,
                          "RTSP/1.0 %s\r\nCSeq: %d\r\nSession: %d\r\n%s\r\n%s",
                          known ? "200 OK" : "404 Not Found", cseq ? atoi(cseq) : 0,
                          to->source.fd, headers, body);
    send_stream(to, (uint8_t *)text, (size_t)length);
    if (known && strncmp(head, "PLAY", 4) == 0) play(to);
    if (strncmp(head, "TEARDOWN", 8) == 0) stop(to);
}

static void leave(struct connection *from) {
    stop(from);
    close(from->source.fd);
    free(from->room);
    free(from->waits);
    free(from);
}

static void take_stream(struct connection *from) {
    ssize_t got = recv(from->source.fd, from->room + from->have, ROOM - from->have, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        leave(from);
        return;
    }
    from->have += (uint32_t)got;
    uint8_t *packets[BATCH];
    size_t bytes[BATCH];
    int count = 0, status;
    uint32_t at = 0, length;
    while ((length = whole_message(from->room + at, from->have - at, &status)) != 0) {
        uint8_t *message = from->room + at;
        if (*message != '$') {
            answer(from, (char *)message, length);
        } else if (from->publishes && message[1] == 0 && length <= SLOT) {
            packets[count] = message + 4;
            bytes[count++] = length - 4;
        }
        at += length;
        if (count == BATCH) fan_out(from->mount, packets, bytes, count), count = 0;
    }
    if (count) fan_out(from->mount, packets, bytes, count);
    from->have -= at;
    memmove(from->room, from->room + at, from->have);
}

static void accept_all(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *connection = calloc(1, sizeof *connection);
        connection->source = (struct source){CONNECTION, fd};
        connection->room = malloc(ROOM);
        watch(&connection->source, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static void serve(struct source *source, uint32_t events) {
    switch (source->kind) {
    case LISTENER: accept_all(source->fd); break;
    case MEDIA: relay_datagrams((struct mount *)source); break;
    case IGNORED: recv(source->fd, run, sizeof run, MSG_DONTWAIT); break;
    case CONNECTION:
        if (events & EPOLLOUT) send_waiting((struct connection *)source);
        if (events & ~(uint32_t)EPOLLOUT) take_stream((struct connection *)source);
    }
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    struct rlimit most = {0};
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    signal(SIGPIPE, SIG_IGN);
    next_port = (uint16_t)atoi(arguments[2]);
    sender = datagram_socket(0);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1])),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 1024) < 0) {
        perror("listen");
        return 1;
    }
    struct source listener = {LISTENER, fd};
    watch(&listener, EPOLLIN, EPOLL_CTL_ADD);
    struct epoll_event ready[EVENTS];
    for (;;) {
        int n = epoll_wait(epoll_fd, ready, EVENTS, -1);
        for (int i = 0; i < n; i++) serve(ready[i].data.ptr, ready[i].events);
    }
}
