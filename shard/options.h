/* options.h -- every limit and choice of the server, in one table.
 *
 * The table in options.c gives each option its name, unit, default, bounds and sentence; it
 * is what --help prints and what is checked at start. Read-only once the threads run.
 */
#ifndef UPROAR_SHARD_OPTIONS_H
#define UPROAR_SHARD_OPTIONS_H

#include "core/log.h"
#include "core/uring.h"
#include "proto/limits.h"

#define UPROAR_VERSION "0.1.0"
#define WORKERS_MAX    256u /* one more than the largest port number of the mesh */
#define DEFAULT_LISTEN "127.0.0.1:7667"

struct options {
    const char *listen;
    const char *port_file;    /* NULL: none */
    const char *log_file;     /* NULL: stderr */
    const char *web;          /* a folder with the page's files; NULL: those built in */
    const char *allow_origin; /* pages of others that may connect, with commas; NULL: none */
    const char *stats_file;   /* a path, "auto" or "none"; NULL: auto (stats_file.h) */

    /* Numbers: the unit is the end of the name. */
    uint64_t workers; /* 0: as many as the CPUs that may be used */
    uint64_t clients_max;
    uint64_t address_clients_max;  /* connections of one address; 0: no limit */
    uint64_t address_connects_max; /* new ones in a second; 0: no limit */
    uint64_t rooms_max;            /* on the whole server */
    uint64_t rooms_per_client_max;
    uint64_t room_members_max;
    uint64_t body_bytes_max;
    uint64_t memory_bytes_max;   /* process and its sockets; 0: see ceiling.h */
    uint64_t message_bytes_max;  /* not an option: the part of it for messages (ceiling.h) */
    uint64_t feed_bytes_max;     /* kept of one room for those who lag, on each shard */
    uint64_t control_bytes_max;  /* replies waiting for one client */
    uint64_t unacked_max;        /* publishes of one client on their way to a home */
    uint64_t publish_bytes;      /* a second, of one client, counted as they go out; 0: no limit */
    uint64_t publish_burst;      /* bytes at once */
    uint64_t presence_names_max; /* members up to which PRESENCE gives names */
    uint64_t presence_ms;        /* between two PRESENCE of a larger room; 0: each turn */
    uint64_t list_entries_max;   /* entries in one answer to WHO or ROOMS */
    uint64_t flush_us;           /* ceiling of the adaptive spacing between sends */
    uint64_t spin_us;
    uint64_t hello_ms;     /* from accept to a complete HELLO */
    uint64_t heartbeat_ms; /* 0: nobody is asked whether it lives */
    uint64_t send_ms;      /* a send may make no progress for so long */
    uint64_t resume_ms;    /* a session outlives its connection for so long */
    uint64_t drain_ms;     /* at SIGTERM: what is owed may take so long */
    uint64_t sndbuf_bytes; /* SO_SNDBUF of a client; 0: see ceiling.h */
    uint64_t rcvbuf_bytes; /* SO_RCVBUF of a client; 0: the same */
    uint64_t backlog;
    uint64_t stage_sample;           /* one of so many runs is timed (stages.h); 0: none */
    uint64_t mesh_slots;             /* in one ring between two shards; see mesh.h */
    uint64_t sq_entries, cq_entries; /* io_uring's queues, for each shard */

    bool pin; /* each worker to a CPU of its own */
    enum log_level log_level;
    enum log_format log_format;
    enum uring_recv_mode recv_mode;
    unsigned ring_without; /* URING_NO_… */
    unsigned enable_echo;  /* /echo is there */
};

enum options_result { OPTIONS_RUN, OPTIONS_EXIT_OK, OPTIONS_EXIT_USAGE };

/* Fills *options from the command line; strings point into argv. Prints help, the version or
 * a sentence on what is wrong; the caller exits 0 or 2 then. Before threads start. */
enum options_result options_parse(struct options *options, int argc, char **argv);

#endif
