/* ceiling.h -- how --memory is divided at start: one ceiling for the process and for what the
 * kernel holds in its clients' sockets.
 *
 * Half is for messages (feeds, replies, what crosses shards), in equal shares for the shards. The
 * other half is for clients: each is counted with the most that it can make us and the kernel
 * hold, whether it does or not. Where that leaves less than SOCKBUF_MOST for each buffer of each of
 * --clients, those buffers that the options do not set are made smaller, all alike, down to
 * SOCKBUF_LEAST; where even that is too much, there are fewer clients.
 *
 * What the kernel holds for a reader that stalls was measured (Linux 6.18, loopback, peers with the
 * smallest SO_RCVBUF; SO_MEMINFO, wmem_queued + fwd_alloc): it is 2 * SO_SNDBUF + 4096 for each
 * SO_SNDBUF from 4 KiB to 64 KiB, with bodies from 64 bytes to 256 KiB alike. See README.md.
 * SO_RCVBUF is doubled in the same way (socket(7)), for a client that sends and is not read.
 */
#ifndef UPROAR_SHARD_CEILING_H
#define UPROAR_SHARD_CEILING_H

#include "shard/options.h"

#define CEILING_LEAST (8ull << 20)
#define SOCKBUF_LEAST 4096u
#define SOCKBUF_MOST  65536u

/* The kernel's struct sock with file and inode, 3.7 KB, and an armed receive, 0.9 KB. */
#define SOCKET_BYTES    4608u
/* The last segment of a buffer, and the page that was taken ahead. */
#define SOCKBUF_OVERRUN 4096u

/* The most that the kernel holds for one connection. */
uint64_t ceiling_socket_bytes(uint64_t sndbuf_bytes, uint64_t rcvbuf_bytes);
/* The same and what a client takes from pools, in as many rooms as it may be. */
uint64_t ceiling_client_bytes(const struct options *options);

/* Settles memory_bytes_max, message_bytes_max, sndbuf_bytes, rcvbuf_bytes and clients_max. usable:
 * what the host or the control group has (core/memory.h). */
void ceiling_divide(struct options *options, uint64_t usable);

#endif
