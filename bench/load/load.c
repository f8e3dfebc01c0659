#include "load.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

uint8_t pattern_table[65536 + 512];

void pattern_fill_table(void) {
    for (uint32_t i = 0; i < sizeof pattern_table; i++) pattern_table[i] = (uint8_t)(i * 7u);
}

struct load *load_new(uint32_t readers, uint32_t publishers) {
    pattern_fill_table();
    struct load *load = calloc(1, sizeof *load);
    if (!load) return NULL;
    load->readers = calloc(readers + 1u, sizeof *load->readers);
    load->publishers = calloc(publishers + 1u, sizeof *load->publishers);
    load->reader_room = readers;
    load->publisher_room = publishers;
    load->window_from_ns = UINT64_MAX;
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    load->running = 1;
    if (!load->readers || !load->publishers || load->epoll_fd < 0) return NULL;
    return load;
}

void load_free(struct load *load) {
    for (uint32_t i = 0; i < load->reader_count; i++) free(load->readers[i].pending);
    for (uint32_t i = 0; i < load->publisher_count; i++) free(load->publishers[i].buffer);
    close(load->epoll_fd);
    free(load->readers);
    free(load->publishers);
    free(load);
}

struct reader *load_readers(struct load *load) { return load->readers; }
struct publisher *load_publishers(struct load *load) { return load->publishers; }
uint64_t load_received(struct load *load) { return load->received; }
uint64_t load_longest_pass_ns(struct load *load) { return load->longest_pass_ns; }

static int watch(struct load *load, int fd, uint64_t key) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.u64 = key}};
    return epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int load_add_reader(struct load *load, int fd, int rtcp_fd, int transport, int group, int publisher,
                    int checks_filler) {
    if (load->reader_count == load->reader_room || group >= MAX_GROUPS) return -1;
    uint32_t at = load->reader_count;
    struct reader *r = &load->readers[at];
    r->fd = fd;
    r->rtcp_fd = rtcp_fd;
    r->transport = transport;
    r->group = group;
    r->publisher = publisher;
    r->checks_filler = checks_filler;
    load->reader_count++;
    if (watch(load, fd, (uint64_t)at << 1) < 0) return -1;
    if (rtcp_fd >= 0 && watch(load, rtcp_fd, (uint64_t)at << 1 | 1u) < 0) return -1;
    return (int)at;
}

int load_add_publisher(struct load *load, int fd, int rtcp_fd, int transport, uint32_t packet_bytes,
                       uint32_t frame_bytes, uint32_t key_bytes, uint32_t gop_frames,
                       uint64_t period_ns, uint64_t phase_ns) {
    if (load->publisher_count == load->publisher_room) return -1;
    uint32_t at = load->publisher_count;
    struct publisher *p = &load->publishers[at];
    p->fd = fd;
    p->rtcp_fd = rtcp_fd;
    p->transport = transport;
    p->id = at;
    p->packet_bytes = packet_bytes;
    p->frame_bytes = frame_bytes;
    p->key_bytes = key_bytes;
    p->gop_frames = gop_frames;
    p->period_ns = period_ns;
    p->due_ns = phase_ns;
    p->ssrc = 0x48570000u + at;
    p->sequence = 65000u + at * 17u; /* wraps early in every run */
    p->timestamp = 0xffff0000u + at;
    uint32_t largest = frame_bytes > key_bytes ? frame_bytes : key_bytes;
    p->packets_buffer = largest / packet_bytes + 3u;
    p->buffer = malloc((size_t)p->packets_buffer * (packet_bytes + 4u));
    if (!p->buffer) return -1;
    load->publisher_count++;
    return (int)at;
}

int load_start_readers(struct load *load, int polls) {
    load->polls = polls;
    load->reading_started = pthread_create(&load->reading, NULL, read_thread, load) == 0;
    return load->reading_started ? 0 : -1;
}

/* The phases handed in at load_add_publisher count from this moment. */
int load_start_publishers(struct load *load) {
    uint64_t now = now_ns();
    for (uint32_t i = 0; i < load->publisher_count; i++) load->publishers[i].due_ns += now;
    load->publishing_started = pthread_create(&load->publishing, NULL, publish_thread, load) == 0;
    return load->publishing_started ? 0 : -1;
}

/* Only packets sent in [from_ns, to_ns) count as expected, received and timed. */
void load_window(struct load *load, uint64_t from_ns, uint64_t to_ns) {
    load->window_to_ns = to_ns;
    load->longest_pass_ns = 0;
    load->window_from_ns = from_ns;
}

double load_latency_us(struct load *load, uint32_t group_mask, double share) {
    static struct histogram all;
    memset(&all, 0, sizeof all);
    for (uint32_t g = 0; g < MAX_GROUPS; g++) {
        if (!(group_mask >> g & 1u)) continue;
        for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) all.count[i] += load->latency[g].count[i];
        all.total += load->latency[g].total;
        if (load->latency[g].max_us > all.max_us) all.max_us = load->latency[g].max_us;
    }
    return share >= 1.0 ? (double)all.max_us : histogram_share(&all, share);
}

void load_stop(struct load *load) {
    load->running = 0;
    if (load->publishing_started) pthread_join(load->publishing, NULL);
    if (load->reading_started) pthread_join(load->reading, NULL);
    load->publishing_started = load->reading_started = 0;
}
