/* Cameras: each sends a frame per period, as one burst, at its own phase. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "load.h"

#define BURST 64
#define LATE_NS 5000000ull
#define CAMERA_NICE (-10)

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value);
}

static void sleep_until(uint64_t due_ns) {
    struct timespec t = {.tv_sec = (time_t)(due_ns / 1000000000ull),
                         .tv_nsec = (long)(due_ns % 1000000000ull)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) continue;
}

/* Writes one RTP packet behind its four bytes of `$` framing; returns the bytes of both. */
static uint32_t write_packet(struct publisher *p, uint8_t *at, uint32_t bytes, const uint8_t *nal,
                             uint32_t nal_bytes, const struct stamp *stamp, int last) {
    uint8_t *rtp = at + 4;
    at[0] = '$';
    at[1] = 0;
    put16(at + 2, bytes);
    memcpy(rtp, pattern_for(p->id), bytes);
    rtp[0] = 0x80;
    rtp[1] = (uint8_t)(96 | (last ? 0x80 : 0));
    put16(rtp + 2, p->sequence++);
    put32(rtp + 4, p->timestamp);
    put32(rtp + 8, p->ssrc);
    memcpy(rtp + RTP_HEADER_BYTES, nal, nal_bytes);
    struct stamp masked = *stamp;
    stamp_mask(&masked);
    memcpy(rtp + RTP_HEADER_BYTES + nal_bytes, &masked, sizeof masked);
    return bytes + 4u;
}

/* STAP-A (RFC 6184 5.7.1) of a SEI that holds the stamp as user data, SPS and PPS. */
static uint32_t write_parameter_sets(struct publisher *p, uint8_t *at, const struct stamp *stamp) {
    uint8_t nal[6] = {0x78, 0, 0, 0x06, 5, sizeof *stamp};
    put16(nal + 1, 4u + sizeof *stamp);
    uint32_t sets_at = RTP_HEADER_BYTES + sizeof nal + sizeof *stamp + 1u;
    /* Baseline, level 3.1, 1280x720: the same as in the description. */
    static const uint8_t sets[] = {0, 9, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe4,
                                   0, 4, 0x68, 0xce, 0x3c, 0x80};
    uint32_t bytes = sets_at + sizeof sets;
    write_packet(p, at, bytes, nal, sizeof nal, stamp, 0);
    at[4 + sets_at - 1] = 0x80; /* the SEI's trailing bits */
    memcpy(at + 4 + sets_at, sets, sizeof sets);
    return bytes + 4u;
}

/* Builds the next frame in the publisher's buffer; offsets[i]..offsets[i + 1] is packet i. */
static uint32_t build_frame(struct publisher *p, uint64_t sent_ns, uint32_t *offsets) {
    int key = p->frame % p->gop_frames == 0;
    uint32_t left = key ? p->key_bytes : p->frame_bytes;
    uint32_t slices = (left + p->packet_bytes - 1u) / p->packet_bytes;
    uint32_t packets = slices + (key ? 1u : 0u);
    struct stamp stamp = {.magic = STAMP_MAGIC,
                          .publisher = p->id,
                          .index = p->sent,
                          .sent_ns = sent_ns,
                          .frame = p->frame,
                          .packets = (uint16_t)packets,
                          .key_frame = (uint32_t)key};
    uint32_t at = 0, n = 0;
    offsets[0] = 0;
    if (key) {
        at += write_parameter_sets(p, p->buffer, &stamp);
        offsets[++n] = at;
    }
    for (uint32_t i = 0; i < slices; i++) {
        uint32_t bytes = left < p->packet_bytes ? left : p->packet_bytes;
        if (bytes < PATTERN_FROM + 4u) bytes = PATTERN_FROM + 4u;
        left -= left < bytes ? left : bytes;
        /* FU indicator and header: S on the first, E on the last, type 5 or 1, and never both
         * bits (RFC 6184 5.8): a slice in one packet is a NAL unit as it is. Then a slice header's
         * first byte: macroblock 0, an I or P slice. */
        uint8_t type = key ? 5 : 1, slice = key ? 0x88 : 0x9a;
        uint8_t ends = (uint8_t)((i == 0 ? 0x80 : 0) | (i + 1 == slices ? 0x40 : 0));
        uint8_t fragment[3] = {0x7c, ends | type, slice}, whole[2] = {0x60 | type, slice};
        stamp.packet = (uint16_t)n;
        stamp.index = p->sent + n;
        at += write_packet(p, p->buffer + at, bytes, slices > 1 ? fragment : whole,
                           slices > 1 ? sizeof fragment : sizeof whole, &stamp, i + 1 == slices);
        offsets[++n] = at;
    }
    p->frame++;
    return n;
}

static void send_datagrams(struct publisher *p, const uint32_t *offsets, uint32_t packets) {
    struct mmsghdr messages[BURST];
    struct iovec parts[BURST];
    for (uint32_t from = 0; from < packets;) {
        uint32_t n = packets - from < BURST ? packets - from : BURST;
        memset(messages, 0, n * sizeof *messages);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t at = offsets[from + i] + 4u;
            parts[i] = (struct iovec){p->buffer + at, offsets[from + i + 1] - at};
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        int sent = sendmmsg(p->fd, messages, n, 0);
        if (sent <= 0) {
            p->errors++;
            return;
        }
        from += (uint32_t)sent;
    }
}

static void send_stream(struct publisher *p, const uint8_t *from, uint32_t bytes) {
    while (bytes) {
        ssize_t sent = send(p->fd, from, bytes, MSG_NOSIGNAL);
        if (sent <= 0) {
            p->errors++;
            return;
        }
        from += sent;
        bytes -= (uint32_t)sent;
    }
}

/* A sender report without blocks (RFC 3550 6.4.1), as cameras send every few seconds. */
static void send_report(struct publisher *p, uint64_t sent_ns) {
    uint8_t report[4 + 28] = {'$', 1, 0, 28, 0x80, 200, 0, 6};
    put32(report + 8, p->ssrc);
    put32(report + 12, (uint32_t)(sent_ns / 1000000000ull) + 2208988800u);
    put32(report + 16, (uint32_t)((sent_ns % 1000000000ull << 32) / 1000000000ull));
    put32(report + 20, p->timestamp);
    put32(report + 24, (uint32_t)p->sent);
    put32(report + 28, (uint32_t)p->sent * p->packet_bytes);
    if (p->transport == OVER_TCP) send_stream(p, report, sizeof report);
    else if (p->rtcp_fd >= 0 && send(p->rtcp_fd, report + 4, 28, 0) < 0) p->errors++;
}

static void send_frame(struct load *load, struct publisher *p, uint32_t *offsets) {
    uint64_t sent_ns = now_ns();
    uint64_t late_ns = sent_ns > p->due_ns ? sent_ns - p->due_ns : 0;
    if (late_ns > p->late_ns_max) p->late_ns_max = late_ns;
    if (late_ns > LATE_NS) p->late_frames++;
    uint32_t packets = build_frame(p, sent_ns, offsets);
    if (p->transport == OVER_TCP) send_stream(p, p->buffer, offsets[packets]);
    else send_datagrams(p, offsets, packets);
    p->sent += packets;
    if (sent_ns >= load->window_from_ns && sent_ns < load->window_to_ns) p->in_window += packets;
    uint32_t frames_per_s = (uint32_t)(1000000000ull / p->period_ns);
    if (frames_per_s == 0 || p->frame % (frames_per_s * 5u) == 1u) send_report(p, sent_ns);
    p->timestamp += (uint32_t)(p->period_ns * 9ull / 100000ull);
    p->due_ns += p->period_ns;
}

/* A camera does not wait for a busy machine: real-time priority, or a better nice value, where
 * the system allows it. */
static void keep_time(void) {
    struct sched_param priority = {.sched_priority = 1};
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority))
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), CAMERA_NICE);
}

/* All cameras have one period, so their order by due time never changes. */
void *publish_thread(void *argument) {
    struct load *load = argument;
    uint32_t room = 0;
    keep_time();
    for (uint32_t i = 0; i < load->publisher_count; i++)
        if (load->publishers[i].packets_buffer > room) room = load->publishers[i].packets_buffer;
    uint32_t offsets[room + 2u];
    for (uint32_t i = 0; load->running && load->publisher_count; i++) {
        struct publisher *p = &load->publishers[i % load->publisher_count];
        while (load->running && now_ns() + 100000000ull < p->due_ns)
            sleep_until(now_ns() + 50000000ull); /* a slow camera must not hold up the end */
        sleep_until(p->due_ns);
        if (load->running) send_frame(load, p, offsets);
    }
    return NULL;
}
