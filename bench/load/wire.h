/* What every packet of the benchmark carries, and how it is told on arrival.
 *
 * An RTP packet (RFC 3550) with an H.264 payload (RFC 6184): a key frame begins with a STAP-A of
 * SEI, SPS and PPS and goes on as FU-A of an IDR slice; any other frame is FU-A of a non-IDR
 * slice, or the NAL unit as it is where that is one packet. The slices are not decodable; the
 * headers are what a server looks at. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdint.h>
#include <string.h>
#include <time.h>

#define STAMP_MAGIC 0x48575442u
#define RTP_HEADER_BYTES 12
#define PATTERN_FROM 64 /* the stamp ends before this offset; the checked filler begins here */
#define HEAD_BYTES 64   /* as much of a packet as a reader needs to see */

struct stamp {
    uint32_t magic;
    uint32_t publisher;
    uint64_t index;   /* packets of this publisher, counted from 0 */
    uint64_t sent_ns; /* CLOCK_MONOTONIC when its frame was handed to the kernel */
    uint32_t frame;
    uint16_t packet; /* place in the frame */
    uint16_t packets;
    uint32_t key_frame;
} __attribute__((packed));

/* What is behind the magic is written masked, and unmasked when it is read: zeros in a row would be
 * a start code inside a NAL unit, at which some servers cut it, as some cameras need. */
#define STAMP_MASK 0x5a
static inline void stamp_mask(struct stamp *stamp) {
    uint8_t *bytes = (uint8_t *)stamp;
    for (uint32_t i = sizeof stamp->magic; i < sizeof *stamp; i++) bytes[i] ^= STAMP_MASK;
}

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* Offset of the stamp: behind the header of the NAL unit or FU-A and one byte of slice header, or
 * in the SEI message of the STAP-A; 0 if neither. */
static inline uint32_t stamp_offset(const uint8_t *rtp, uint32_t bytes) {
    if (bytes < RTP_HEADER_BYTES + 6 + sizeof(struct stamp) || (rtp[0] >> 6) != 2) return 0;
    uint32_t at = 0;
    switch (rtp[12] & 0x1f) {
    case 1:
    case 5: at = 14; break;
    case 28: at = 15; break;
    case 24: at = 18; break;
    default: return 0;
    }
    uint32_t magic;
    memcpy(&magic, rtp + at, 4);
    return magic == STAMP_MAGIC ? at : 0;
}

/* The filler of a packet is a window of this table, moved by the publisher's number. */
extern uint8_t pattern_table[65536 + 512];
void pattern_fill_table(void);

static inline const uint8_t *pattern_for(uint32_t publisher) {
    return pattern_table + (publisher * 13u & 255u);
}

#endif
