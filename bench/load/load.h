/* The media side of the load: cameras and readers over sockets that Python has set up by RTSP. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "histogram.h"
#include "wire.h"

#define MAX_GROUPS 4
#define OLD_NS 150000000ull

/* OVER_SRTP: datagrams of which only the RTP header can be read (RFC 3711 3.1), so packets count by
 * their numbers, and when they were sent is not known. OVER_WEBSOCKET: fragments of MP4, one for a
 * frame, of which the stamp is somewhere in the picture. */
enum transport { OVER_UDP = 0, OVER_TCP = 1, OVER_SRTP = 2, OVER_WEBSOCKET = 3 };

/* Read by Python as it stands (bench/native.py has the same fields in the same order). */
struct reader {
    uint64_t received;      /* RTP packets with our stamp */
    uint64_t in_window;     /* of these, sent inside the measured window */
    uint64_t bytes;         /* RTP bytes */
    uint64_t missing;       /* holes in the publisher's count */
    uint64_t repeated;      /* packets that did not move the count forward */
    uint64_t sequence_breaks; /* RTP sequence numbers that moved otherwise than the count */
    uint64_t damaged;       /* filler or length wrong, or no stamp at all */
    uint64_t other_packets; /* RTCP and anything on another channel */
    uint64_t responses;     /* RTSP responses inside the TCP stream */
    uint64_t play_ns;       /* set by Python when it sends PLAY */
    uint64_t first_packet_ns;
    uint64_t first_sent_ns; /* when the camera had sent the first packet */
    uint64_t last_old_ns;   /* when a packet older than OLD_NS came last */
    uint64_t first_frame_ns; /* a key frame is whole, from its first to its last packet */
    uint64_t last_index;
    int32_t last_status;
    int32_t closed;
    int32_t fd;
    int32_t rtcp_fd;
    int32_t transport;
    int32_t group;
    int32_t checks_filler;
    int32_t publisher;
    int32_t kernel_stamps; /* latency up to its socket, not up to this thread (SO_TIMESTAMPNS) */
    uint32_t last_sequence;
    uint32_t key_frame;
    uint32_t key_next;
    uint32_t pending_bytes;
    uint8_t *pending;
};

struct publisher {
    uint64_t sent;
    uint64_t in_window;
    uint64_t late_ns_max; /* how late the latest frame left */
    uint64_t late_frames; /* later than 5 ms */
    uint64_t errors;
    uint64_t period_ns;
    uint64_t due_ns;
    int32_t fd;
    int32_t rtcp_fd;
    int32_t transport;
    uint32_t id;
    uint32_t packet_bytes; /* whole RTP packet */
    uint32_t frame_bytes;  /* RTP bytes of one ordinary frame */
    uint32_t key_bytes;    /* RTP bytes of a key frame beside its STAP-A */
    uint32_t gop_frames;
    uint32_t frame;
    uint32_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    uint32_t packets_buffer;
    uint8_t *buffer;
};

struct load {
    struct reader *readers;
    struct publisher *publishers;
    uint32_t reader_count, reader_room;
    uint32_t publisher_count, publisher_room;
    _Atomic uint64_t window_from_ns, window_to_ns;
    _Atomic uint64_t received; /* all readers */
    _Atomic uint64_t longest_pass_ns; /* one pass of the readers' loop over ready sockets */
    _Atomic int running;
    int polls; /* the readers' loop never sleeps */
    int epoll_fd;
    pthread_t reading, publishing;
    int reading_started, publishing_started;
    struct histogram latency[MAX_GROUPS];
};

struct load *load_new(uint32_t readers, uint32_t publishers);
void load_free(struct load *load);
struct reader *load_readers(struct load *load);
struct publisher *load_publishers(struct load *load);
int load_add_reader(struct load *load, int fd, int rtcp_fd, int transport, int group, int publisher,
                    int checks_filler);
int load_add_publisher(struct load *load, int fd, int rtcp_fd, int transport, uint32_t packet_bytes,
                       uint32_t frame_bytes, uint32_t key_bytes, uint32_t gop_frames,
                       uint64_t period_ns, uint64_t phase_ns);
int load_start_readers(struct load *load, int polls);
int load_start_publishers(struct load *load);
void load_window(struct load *load, uint64_t from_ns, uint64_t to_ns);
uint64_t load_received(struct load *load);
uint64_t load_longest_pass_ns(struct load *load);
double load_latency_us(struct load *load, uint32_t group_mask, double share);
void load_stop(struct load *load);

void *publish_thread(void *load);
void *read_thread(void *load);

#endif
