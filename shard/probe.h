/* probe.h -- the places where tracers may look into a running server (USDT).
 *
 * A probe is one nop in the code, and a note in the program that says where it stands and in which
 * registers or memory its arguments are. As long as nobody listens it stays a nop. bpftrace, perf
 * and SystemTap put a breakpoint there while they run, which costs half a microsecond and more.
 * `perf/trace` has ready-made questions, and `perf/trace --list` prints this table:
 *
 *   probe     arguments                       fires when
 *   accept    connection fd                   a connection was taken, to be served or refused
 *   decode    connection type bytes           a command was read; enum msg_type, its frame
 *   publish   session msgid room bytes        a PUBLISH was taken; bytes of its body
 *   number    session msgid room seq          the room's home gave the message its number
 *   run       room first count members        a turn's numbers from `first` leave for the members
 *   ring_out  from to messages stamp          a batch is in the ring between two shards
 *   ring_in   from to messages stamp          the same batch is about to be handled
 *   deliver   connection room from to         the send being built takes numbers from..to-1
 *   send      connection bytes pieces         that send goes to the kernel at the turn's end
 *   complete  connection bytes                the kernel has taken it; bytes of all sends so far
 *   gap       connection room from to reason  GAP goes to the client: it missed from..to
 *   close     connection reason in out        the descriptor is closed; bytes received and sent
 *
 * connection, session: ids as in the log, shard << 56 | slot << 32 | generation. from, to of rings:
 * shards. stamp: CLOCK_MONOTONIC in ns (shard/mesh.h). reason: enum reason. All fire on the shard's
 * thread, whose name is shard-N.
 *
 * Every argument is at hand where the probe stands, so none needs a semaphore. The provider is
 * `uproar`. The notes are those of SystemTap's <sys/sdt.h>, which only this file may include:
 * https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
 */
#ifndef UPROAR_SHARD_PROBE_H
#define UPROAR_SHARD_PROBE_H

#define SDT_USE_VARIADIC /* for STAP_PROBEV */
#include <sys/sdt.h>

#define PROBE(name, ...) STAP_PROBEV(uproar, name, __VA_ARGS__)

#endif
