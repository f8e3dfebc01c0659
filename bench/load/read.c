/* Readers: one thread drains every socket and looks at the head of each packet. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "load.h"
#include "web.h"

#define EVENTS 1024
#define DATAGRAMS 64
#define STREAM_BYTES (512 * 1024)
#define LARGEST_FRAME (65536 + 4)
#define SLEEP_MS 100
#define POLLING_NICE 5

/* Follows the first key frame until it is whole: every packet of it, in order. */
static void follow_first_frame(struct reader *r, const struct stamp *s, uint64_t now) {
    if (s->key_frame && s->packet == 0) {
        r->key_frame = s->frame;
        r->key_next = 1;
    } else if (r->key_next && s->frame == r->key_frame && s->packet == r->key_next) {
        r->key_next++;
    } else {
        r->key_next = 0;
    }
    if (r->key_next && r->key_next == s->packets) r->first_frame_ns = now;
}

static void take_packet(struct load *load, struct reader *r, const uint8_t *rtp, uint32_t bytes,
                        uint64_t now) {
    uint32_t at = stamp_offset(rtp, bytes);
    struct stamp s;
    if (at) {
        memcpy(&s, rtp + at, sizeof s);
        stamp_mask(&s);
    }
    if (!at || (int32_t)s.publisher != r->publisher) {
        r->damaged++;
        return;
    }
    uint32_t sequence = (uint32_t)rtp[2] << 8 | rtp[3];
    if (r->received == 0) {
        r->first_packet_ns = now;
        r->first_sent_ns = s.sent_ns;
    } else if (s.index > r->last_index) {
        r->missing += s.index - r->last_index - 1u;
        if (((sequence - r->last_sequence) & 0xffffu) != ((s.index - r->last_index) & 0xffffu))
            r->sequence_breaks++;
    } else {
        r->repeated++;
        return;
    }
    r->last_index = s.index;
    r->last_sequence = sequence;
    r->received++;
    r->bytes += bytes;
    if (now - s.sent_ns > OLD_NS) r->last_old_ns = now;
    if (r->checks_filler && (rtp[RTP_HEADER_BYTES] & 0x1f) != 24 && bytes > PATTERN_FROM &&
        memcmp(rtp + PATTERN_FROM, pattern_for(s.publisher) + PATTERN_FROM, bytes - PATTERN_FROM))
        r->damaged++;
    if (!r->first_frame_ns) follow_first_frame(r, &s, now);
    if (s.sent_ns >= load->window_from_ns && s.sent_ns < load->window_to_ns) {
        r->in_window++;
        histogram_add(&load->latency[r->group], (now - s.sent_ns) / 1000u, 1);
    }
}

/* When a datagram came to its socket, on the clock of now_ns(); `now` where the kernel does not say. */
static uint64_t arrived_ns(struct msghdr *message, uint64_t now) {
    struct timespec stamp, clock;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
            clock_gettime(CLOCK_REALTIME, &clock);
            int64_t ago = (clock.tv_sec - stamp.tv_sec) * 1000000000ll + clock.tv_nsec - stamp.tv_nsec;
            return ago > 0 ? now_ns() - (uint64_t)ago : now;
        }
    return now;
}

/* Datagrams are cut to their head unless this reader checks the filler: MSG_TRUNC tells the
 * true length all the same, and the kernel is spared the copy. */
static uint64_t drain_datagrams(struct load *load, struct reader *r) {
    static uint8_t room[DATAGRAMS][2048];
    struct mmsghdr messages[DATAGRAMS];
    struct iovec parts[DATAGRAMS];
    static uint8_t controls[DATAGRAMS][CMSG_SPACE(sizeof(struct timespec))];
    uint32_t each = r->checks_filler ? sizeof room[0] : HEAD_BYTES;
    uint64_t taken = 0;
    for (;;) {
        for (uint32_t i = 0; i < DATAGRAMS; i++) {
            parts[i] = (struct iovec){room[i], each};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
            if (r->kernel_stamps) {
                messages[i].msg_hdr.msg_control = controls[i];
                messages[i].msg_hdr.msg_controllen = sizeof controls[i];
            }
        }
        int n = recvmmsg(r->fd, messages, DATAGRAMS, MSG_DONTWAIT | MSG_TRUNC, NULL);
        if (n <= 0) return taken;
        uint64_t now = now_ns();
        for (int i = 0; i < n; i++) {
            uint32_t bytes = messages[i].msg_len;
            if (r->transport == OVER_SRTP) take_encrypted(load, r, room[i], bytes, now);
            else if (r->kernel_stamps)
                take_packet(load, r, room[i], bytes, arrived_ns(&messages[i].msg_hdr, now));
            else take_packet(load, r, room[i], bytes, now);
        }
        taken += (uint64_t)n;
        if (n < DATAGRAMS) return taken;
    }
}

static void drain_rtcp(struct reader *r) {
    uint8_t head[HEAD_BYTES];
    while (recv(r->rtcp_fd, head, sizeof head, MSG_DONTWAIT | MSG_TRUNC) > 0) r->other_packets++;
}

/* Bytes of the RTSP response at `from`, 0 when it is not whole yet. */
static uint32_t take_response(struct reader *r, const uint8_t *from, uint32_t bytes) {
    const uint8_t *end = memmem(from, bytes, "\r\n\r\n", 4);
    if (!end) return 0;
    uint32_t head = (uint32_t)(end - from) + 4u, body = 0;
    for (const uint8_t *at = from; at + 16 < end; at++)
        if (at[0] == '\n' && strncasecmp((const char *)at + 1, "content-length:", 15) == 0)
            body = (uint32_t)strtoul((const char *)at + 16, NULL, 10);
    if (head + body > bytes) return 0;
    r->last_status = head > 12 ? atoi((const char *)from + 9) : -1;
    r->responses++;
    return head + body;
}

/* Walks `$` frames (RFC 2326 10.12) and responses; returns the bytes it used up. */
static uint32_t walk_stream(struct load *load, struct reader *r, const uint8_t *from,
                            uint32_t bytes, uint64_t now, uint64_t *taken) {
    uint32_t at = 0;
    while (bytes - at >= 4u) {
        uint32_t used;
        if (from[at] == '$') {
            uint32_t length = (uint32_t)from[at + 2] << 8 | from[at + 3];
            if (bytes - at < length + 4u) break;
            if (from[at + 1] == 0) {
                take_packet(load, r, from + at + 4, length, now);
                ++*taken;
            } else {
                r->other_packets++;
            }
            used = length + 4u;
        } else if (from[at] == 'R') {
            used = take_response(r, from + at, bytes - at);
            if (!used) break;
        } else {
            r->damaged++; /* framing lost: nothing behind it can be trusted */
            r->closed = 1;
            return bytes;
        }
        at += used;
    }
    return at;
}

static uint64_t drain_stream(struct load *load, struct reader *r) {
    static uint8_t room[LARGEST_FRAME + STREAM_BYTES];
    uint64_t taken = 0;
    while (!r->closed) {
        if (r->pending_bytes) memcpy(room, r->pending, r->pending_bytes);
        ssize_t n = recv(r->fd, room + r->pending_bytes, STREAM_BYTES, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return taken;
        if (n <= 0) {
            r->closed = 1;
            epoll_ctl(load->epoll_fd, EPOLL_CTL_DEL, r->fd, NULL);
            return taken;
        }
        uint32_t bytes = r->pending_bytes + (uint32_t)n;
        uint64_t now = now_ns();
        uint32_t used = r->transport == OVER_WEBSOCKET
                            ? walk_websocket(load, r, room, bytes, now, &taken)
                            : walk_stream(load, r, room, bytes, now, &taken);
        r->pending_bytes = bytes - used;
        if (r->pending_bytes > LARGEST_FRAME) r->closed = 1;
        if (r->pending_bytes && !r->closed) {
            if (!r->pending) r->pending = malloc(LARGEST_FRAME);
            memcpy(r->pending, room + used, r->pending_bytes);
        }
        if (n < STREAM_BYTES) return taken;
    }
    return taken;
}

/* A loop that polls leaves the CPU to the cameras and to Python whenever they want it. */
static int longest_sleep_ms(const struct load *load) {
    if (!load->polls) return SLEEP_MS;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), POLLING_NICE);
    return 0;
}

void *read_thread(void *argument) {
    struct load *load = argument;
    static struct epoll_event ready[EVENTS];
    int sleep_ms = longest_sleep_ms(load);
    while (load->running) {
        int n = epoll_wait(load->epoll_fd, ready, EVENTS, sleep_ms);
        uint64_t began = now_ns(), taken = 0;
        for (int i = 0; i < n; i++) {
            struct reader *r = &load->readers[ready[i].data.u64 >> 1];
            if (ready[i].data.u64 & 1u) drain_rtcp(r);
            else if (r->transport == OVER_UDP || r->transport == OVER_SRTP)
                taken += drain_datagrams(load, r);
            else taken += drain_stream(load, r);
        }
        load->received += taken;
        uint64_t pass_ns = now_ns() - began;
        if (pass_ns > load->longest_pass_ns) load->longest_pass_ns = pass_ns;
    }
    return NULL;
}
