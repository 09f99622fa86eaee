/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * poolwatch: the ABI of /dev/poolwatch, and the records of the ledger that it shows.
 *
 * THE LEDGER
 * ==========
 *
 * A *session* is one loader and the BPF programs it attached. Its ledger is a set of *tables*. Each table is an array
 * of records of one type and one size; a record begins with a struct poolwatch_head. A record whose head.id is 0 is a
 * free slot. head.id is (generation << 32 | slot), unique within the session and never used again, so that a reader
 * who sees the same id twice has seen the same thing twice.
 *
 *   POOLWATCH_DEFS      struct poolwatch_def       what to watch: one pool definition
 *   POOLWATCH_PROCS     struct poolwatch_proc      one watched process image
 *   POOLWATCH_POOLS     struct poolwatch_pool      one pool
 *   POOLWATCH_THREADS   struct poolwatch_thread    one thread (or goroutine): what it holds, what it asks for
 *   POOLWATCH_EDGES     struct poolwatch_edge      "holding a unit of this, asked for a unit of that", per pair of
 *   sites POOLWATCH_COUNTERS  struct poolwatch_counter   what was lost, by cause
 *
 * The BPF programs write records while readers copy them: no lock is held, no record is ever stopped for a reader. A
 * single 64-bit field is never torn; two fields of one record may belong to two moments. What a reader concludes from
 * several fields it must confirm with a second copy: a thread whose request[i].seq and hold[j].word are the same in
 * two copies has, in all the time between them, been in that one request with those holds.
 *
 * Who takes a slot writes head.id last; who frees it writes 0 to head.id first. The device copies a record only if
 * head.id and head.uid were the same before and after, so that a copy never shows parts of what took the slot next.
 *
 * Times are CLOCK_MONOTONIC in ns, except "start", which is CLOCK_BOOTTIME in ns (as /proc/PID/stat tells it, in
 * ticks). Process and thread numbers are those of the initial pid namespace.
 *
 * Names (comm, a definition's name) are bytes of somebody else's choice, NUL-terminated within their field only if the
 * program that wrote them did so: escape them where they are printed.
 *
 * THE DEVICE
 * ==========
 *
 * /dev/poolwatch is made with mode 0640, owned by root; the group "poolwatch" is given to it by a udev rule.
 *
 * Who sees what is decided by the open file, at open(2), and stays as it was wherever the descriptor is passed to: a
 * file opened with CAP_SYS_PTRACE in the initial user namespace sees all; any other sees the events and records of its
 * effective uid, and those with the uid POOLWATCH_UID_ALL. Each open file has a cursor and a SEEK_DATA mark of its own;
 * descriptors made by dup(2) or fork(2) share them. Threads may use one file at the same time.
 *
 * open(2)
 *   O_RDONLY: a reader. Its cursor stands at the oldest event still kept.
 *   O_RDWR or O_WRONLY: a loader; needs CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN) in the initial user namespace, else
 *   EPERM. The open file is the session: POOLWATCH_IOC_SESSION gives its number, the loader's bind program hands the
 *   tables to that number, and the last close of the file ends the session: tables are dropped, its number is unknown
 *   to SNAPSHOT, its programs' events are refused. Events it emitted before stay in the ring.
 *   ENOMEM; EBUSY: the module was loaded with max_sessions and as many are open for writing. EACCES is the file
 *   system's.
 *
 * read(2), readv(2): one event (struct poolwatch_event) a call.
 *   Returns event.size. In this order: EPIPE, once: events were overwritten before they were read; the cursor now
 *   stands at the oldest kept one. EAGAIN: O_NONBLOCK, and nothing to read; without O_NONBLOCK the call waits. EINVAL:
 *   the buffer is smaller than the event; the cursor stays. EFAULT: the buffer is not writable; the cursor stays.
 *   EINTR: a signal. EBADF: opened O_WRONLY. Events that this file may not see are passed over.
 *   The number of events missed at an EPIPE is the gap in event.seq for a file that sees all: then every event was
 *   either delivered or lies in such a gap. For other files the gap is an upper bound: it counts what they may not see,
 *   too. pread(2): ESPIPE.
 *
 * write(2): EINVAL always (EBADF: opened O_RDONLY). Events reach the device through the kernel functions only.
 *
 * poll(2): EPOLLIN | EPOLLRDNORM when read would return an event or EPIPE; EPOLLPRI with it when it would be EPIPE.
 *
 * llseek(2): (0, SEEK_SET) the oldest event kept; (0, SEEK_END) behind the newest; (0, SEEK_DATA) the first event after
 *   the last POOLWATCH_IOC_CLEAR of this file, or the oldest kept. Returns 0. An offset other than 0: ESPIPE. Another
 *   whence: EINVAL.
 *
 * mmap(2): ENODEV.
 *
 * ioctl(2): unknown commands ENOTTY; a flag that is not known here, or padding that is not 0: EINVAL; EFAULT: the
 *   argument is not readable or not writable. What is only "out" may hold anything on entry.
 *   POOLWATCH_IOC_INFO      fills struct poolwatch_info. Any open file.
 *   POOLWATCH_IOC_SESSION   stores the session's number (__u32, never 0) of a loader's file. A reader's file: EBADF.
 *   POOLWATCH_IOC_SNAPSHOT  copies records, see struct poolwatch_snapshot. Any open file.
 *   POOLWATCH_IOC_CLEAR     moves this file's SEEK_DATA mark behind the newest event. Any open file.
 *
 * All memory is taken when the module is loaded (parameters ring_kb, max_sessions) or when a file is opened (a fixed
 * amount, charged to the opener's memory cgroup); nothing a reader does can make it grow. A reader that is inside
 * POOLWATCH_IOC_SNAPSHOT keeps the one map it copies from alive until the call returns.
 *
 * Removal: the module counts its open files and the loaded BPF programs that call it. While there is one of either,
 * delete_module(2) fails with EWOULDBLOCK (rmmod: "Module poolwatch is in use") and nothing changes for anybody,
 * readers blocked in read and poll included. Once the last is gone it is removed, and the device with it. So no call on
 * an open file ever meets a module that is leaving.
 *
 * THE KERNEL FUNCTIONS
 * ====================
 *
 * The way in, for BPF programs; to be declared __ksym __weak, so that one object also runs where there is no module.
 * They exist only if the module was built with BTF and the kernel has CONFIG_DEBUG_INFO_BTF_MODULES: see
 * POOLWATCH_FEATURE_KFUNCS.
 *
 * int poolwatch_emit(void *data, __u32 data__sz, __u32 session)
 *   Puts the struct poolwatch_event at @data into the ring as an event of @session; seq and session in the copy are the
 *   device's. Programs of the types kprobe (uprobes are of it), tracing and syscall, in any context, NMI included.
 *   Never waits for a reader.
 *   0. EINVAL: @data__sz or size is not that of a struct poolwatch_event, type is 0, or pad is not 0. ENOENT: no such
 *   session. EBUSY: called from inside another poolwatch_emit on the same CPU (a tracing program or an NMI that
 *   interrupted it). Each refusal is counted in struct poolwatch_info.
 *
 * int poolwatch_bind(struct bpf_map *map, __u32 session, __u32 table)
 *   Makes @map, a BPF_MAP_TYPE_ARRAY of the table's records, @table of @session, and keeps a reference to it until the
 *   session ends. Programs of the type syscall.
 *   0. EINVAL: no such table; not an array; value_size is not the record's; values with special fields (locks, timers,
 *   kernel pointers). ENOENT: no such session. EPERM: the session was opened by another process. EBUSY: that table is
 *   bound already.
 */
#ifndef _UAPI_LINUX_POOLWATCH_H
#define _UAPI_LINUX_POOLWATCH_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#include <linux/ioctl.h>
#endif

/* Incremented: major when a reader of the old one would misread, minor when something was added. */
#define POOLWATCH_ABI_MAJOR 1
#define POOLWATCH_ABI_MINOR 0

#define POOLWATCH_NAME 32	 /* bytes of a definition's name, with its NUL */
#define POOLWATCH_COMM 16	 /* as TASK_COMM_LEN */
#define POOLWATCH_HOLDS 16	 /* pools that one thread's hold set can name */
#define POOLWATCH_REQUESTS 4	 /* acquires in progress of one thread: an acquire may call another pool's */
#define POOLWATCH_BUCKETS 40	 /* of a histogram: i counts 2^(i-1) <= ns < 2^i, 0 is 0 ns, the last is open */
#define POOLWATCH_UID_ALL (~0u)	 /* a record that every reader sees */
#define POOLWATCH_UNKNOWN (-1ll) /* of capacity and available */
#define POOLWATCH_UNLIMITED 0x7fffffffll /* of capacity: its maker says that it has none */

enum poolwatch_table {
	POOLWATCH_DEFS,
	POOLWATCH_PROCS,
	POOLWATCH_POOLS,
	POOLWATCH_THREADS,
	POOLWATCH_EDGES,
	POOLWATCH_COUNTERS,
	POOLWATCH_TABLES,
};

/**
 * struct poolwatch_head - how every record of a table begins
 * @id: generation << 32 | slot; 0: the slot is free
 * @uid: owner of the process it is about (initial user namespace), or POOLWATCH_UID_ALL
 * @tgid: that process, 0 if none
 */
struct poolwatch_head {
	__u64 id;
	__u32 uid;
	__u32 tgid;
};

/* poolwatch_def.flags */
#define POOLWATCH_DEF_POLL (1u << 0)	  /* "wait poll": a waiter is a thread whose tries keep failing */
#define POOLWATCH_DEF_RESOURCE (1u << 1)  /* units are named by a handle */
#define POOLWATCH_DEF_OWNER_RES (1u << 2) /* "owner resource": whoever returns the handle is right */
#define POOLWATCH_DEF_GOROUTINE (1u << 3) /* "owner goroutine" */
#define POOLWATCH_DEF_CONFIRM (1u << 4)	  /* a pool only once a thread released what it acquired itself */
#define POOLWATCH_DEF_WORKER (1u << 5)	  /* has scope or wait-on probes: units are workers */
#define POOLWATCH_DEF_DETACHED (1u << 6)  /* over its budget: its probes are gone, its books are closed */
#define POOLWATCH_DEF_PRESUMED (1u << 7)  /* a worker that gave its pool tasks is presumed to wait for it: no proof */

struct poolwatch_def {
	struct poolwatch_head head;
	char name[POOLWATCH_NAME];
	__u32 flags;
	__u32 min_capacity; /* a smaller one is not a pool; 0: any */
	__s64 capacity;	    /* if the definition states a number, else POOLWATCH_UNKNOWN */
	__u32 futex_from;   /* [from, to) behind the key lies the word that waiters sleep on; both 0: not known */
	__u32 futex_to;
	__u64 hits_emulated; /* of its probes, on instructions the kernel emulates; renewed every few seconds */
	__u64 hits_stepped;  /* and on those that it single-steps */
	__u64 cost;	     /* what these hits took, ns, as calibrated; 0: not measured */
	__u32 share;	     /* of one CPU since the time before, in 1/1000 */
	__u32 budget;	     /* the largest share allowed, in 1/1000; 0: any */
	__u64 pad[3];
};

/* poolwatch_proc.flags */
#define POOLWATCH_PROC_FROM_START (1u << 0) /* watched from its first instruction: no unknown holds */
#define POOLWATCH_PROC_EXITED (1u << 1)

struct poolwatch_proc {
	struct poolwatch_head head;
	char comm[POOLWATCH_COMM];
	__u64 start;	/* boot time, ns */
	__u64 attached; /* when the acquire probes were in place, ns; all bits set: not yet */
	__u32 space;	/* number of the process image; exec makes a new one */
	__u32 flags;
	__u64 pad[9];
};

/* poolwatch_pool.flags */
#define POOLWATCH_POOL_SHARED (1u << 0)	    /* lies in a shared mapping: addr is an offset in the file (dev, ino) */
#define POOLWATCH_POOL_CREATED (1u << 1)    /* seen from its creation: no unknown holds */
#define POOLWATCH_POOL_CONFIRMED (1u << 2)  /* a thread released what it had acquired */
#define POOLWATCH_POOL_SIGNALLING (1u << 3) /* posted by a thread that never waited: not a pool */
#define POOLWATCH_POOL_UNCERTAIN (1u << 4)  /* the books may be wrong since uncertain_since */
#define POOLWATCH_POOL_AMBIGUOUS (1u << 5)  /* bare counts were released by threads that held none: holders in doubt */
#define POOLWATCH_POOL_DESTROYED (1u << 6)
#define POOLWATCH_POOL_ENDED (1u << 7)	    /* its definition was detached: the books are closed */
#define POOLWATCH_POOL_STATED (1u << 8)	    /* capacity is from definition, expression, create or resize: not learned */

/**
 * struct poolwatch_pool - one pool
 * @addr: the key: an address in the process, or with POOLWATCH_POOL_SHARED an offset in the file
 * @capacity: units in all as the definition's expression, create or resize call last said; POOLWATCH_UNKNOWN if it
 *	never did or what it said was implausible (0, or 2^31 and more)
 * @available: free units as the definition's "available" expression read when the pool was first seen, or
 *	POOLWATCH_UNKNOWN
 * @in_use: granted and not released, as far as the ledger saw (never counts unknown holds)
 * @most_seen: the most units that were known to exist at once: outstanding, plus available where that can be read
 * @blocked_at: @in_use when a request last blocked (was not granted at once), or POOLWATCH_UNKNOWN
 * @returned_unknown: units released that no request seen here had taken: taken before the attach, or by someone else
 * @requesting: requests in progress
 * @nesting: threads that hold at least one unit and have, since they took it, asked for another
 * @depth: the most units of this pool that one thread held, the one it asked for included
 * @hold, @wait: histograms, ns
 */
struct poolwatch_pool {
	struct poolwatch_head head;
	__u64 addr;
	__u64 dev;
	__u64 ino;
	__u32 def; /* slot in POOLWATCH_DEFS */
	__u32 flags;
	__u32 space;
	__u32 depth;
	__s64 capacity;
	__s64 available;
	__s64 in_use;
	__s64 in_use_max;
	__s64 most_seen;
	__s64 blocked_at;
	__s64 requesting;
	__s64 nesting;
	__s64 nesting_max;
	__u64 created; /* first seen */
	__u64 uncertain_since;
	__u64 last_grant;
	__u64 full_since; /* in_use reached capacity; 0: it is not full */
	__u64 requests;
	__u64 grants;
	__u64 blocked;	/* requests that were not granted at once: in_use was at capacity on entry */
	__u64 failures; /* returned without a unit */
	__u64 releases;
	__u64 returned_unknown;
	__u64 foreign; /* released by another thread than the holder */
	__u64 nested;  /* requests made while holding */
	__u64 told;    /* when a full or blocked event was last emitted: at most one in 10 ms */
	__u64 doubted; /* when a bare unit last came back that may have been anybody's: holds from before may be gone */
	__u64 pad[2];
	__u64 hold[POOLWATCH_BUCKETS];
	__u64 wait[POOLWATCH_BUCKETS];
};

/*
 * hold.word: who is written by several threads (a foreign release changes another thread's hold) and so is packed into
 * one word, changed by compare-and-swap only:
 *   bits  0..19  slot of the pool in POOLWATCH_POOLS
 *   bits 20..39  units held
 *   bit  40      nested: asked for another unit while holding these
 *   bit  41      the thread released a unit of this pool that it had never asked for
 *   bits 42..63  generation, increased by every change
 * 0 is an unused entry. An entry with 0 units remembers that the thread has used the pool.
 */
#define POOLWATCH_HOLD_POOL(w) ((__u32)((w) & 0xfffff))
#define POOLWATCH_HOLD_UNITS(w) ((__u32)((w) >> 20 & 0xfffff))
#define POOLWATCH_HOLD_NESTED (1ull << 40)
#define POOLWATCH_HOLD_POSTED (1ull << 41)
#define POOLWATCH_HOLD_GEN (1ull << 42)

struct poolwatch_hold {
	__u64 word;
	__u64 since;	/* the first of the units still held was granted */
	__u64 site;	/* return address of the acquire that got it */
	__u64 resource; /* handle of the last one granted, 0 if units have none */
};

/* poolwatch_request.flags */
#define POOLWATCH_REQ_WAIT_ON (1u << 0) /* needs a unit to make progress, but takes none */
#define POOLWATCH_REQ_POLL (1u << 1)	/* between two failing tries of a "wait poll" definition */
#define POOLWATCH_REQ_FULL (1u << 2)	/* in_use was at capacity when it was made */
#define POOLWATCH_REQ_BEFORE (1u << 3)	/* made before the attach: since is that of the attach, the wait is longer */

struct poolwatch_request {
	__u64 seq;  /* increased by every request of the thread; 0: this entry is unused */
	__u64 pool; /* head.id of the pool */
	__u64 since;
	__u64 site; /* return address of the acquire */
	__u64 tried; /* POOLWATCH_REQ_POLL: when the last try failed; who has not tried for a second waits no longer */
	__u32 units;
	__u32 flags;
};

/* poolwatch_thread.flags */
#define POOLWATCH_THREAD_EXITED (1u << 0)   /* ended while holding: kept until what it held is returned or forgotten */
#define POOLWATCH_THREAD_OVERFLOW (1u << 1) /* held units of more than POOLWATCH_HOLDS pools: books uncertain */
#define POOLWATCH_THREAD_GOROUTINE (1u << 2)

struct poolwatch_thread {
	struct poolwatch_head head;
	__u64 owner; /* thread number, or goroutine number */
	__u64 start; /* of the thread, boot time, ns; 0 for goroutines */
	__u32 tid;   /* thread, or the one the goroutine last ran on */
	__u32 space;
	__u32 flags;
	__u32 requests; /* entries of request[] in use, outermost first */
	char comm[POOLWATCH_COMM];
	__u64 exited; /* 0: not */
	__u64 seq;    /* of the last request made */
	struct poolwatch_hold hold[POOLWATCH_HOLDS];
	struct poolwatch_request request[POOLWATCH_REQUESTS];
	/*
	 * Of the last request, once its loader saw that the thread sleeps outside all of its requests: it left them by
	 * a longjmp or an exception, and they end with its next one. Written by the loader; a new request has another
	 * seq.
	 */
	__u64 left;
	__u64 pad[5];
};

/**
 * struct poolwatch_edge - holding a unit of @from (acquired at @from_site), asked at @to_site for a unit of @to
 * @from, @to: head.id of the pools; the same one for a nested request
 * @depth: the most units of @from held by the asking thread
 * @tid: the thread that was first seen to do it, or on which its goroutine ran
 * @goroutine: the goroutine; 0: a thread
 */
struct poolwatch_edge {
	struct poolwatch_head head;
	__u64 from;
	__u64 to;
	__u64 from_site;
	__u64 to_site;
	__u64 count;
	__u64 first;
	__u64 last;
	__u32 depth;
	__u32 tid;
	__u64 goroutine;
	__u64 pad[5];
};

/* Causes of loss, the slots of POOLWATCH_COUNTERS. */
enum poolwatch_cause {
	POOLWATCH_LOST_POOLS,	     /* no room for a pool */
	POOLWATCH_LOST_THREADS,	     /* no room for a thread */
	POOLWATCH_LOST_HOLDS,	     /* hold set full */
	POOLWATCH_LOST_UNITS,	     /* no room for a handle */
	POOLWATCH_LOST_EDGES,	     /* no room for an edge */
	POOLWATCH_LOST_DEPTH,	     /* more acquires in progress in one thread than POOLWATCH_REQUESTS */
	POOLWATCH_LOST_EVENTS,	     /* ring buffer full */
	POOLWATCH_LOST_STACKS,	     /* user stack not readable */
	POOLWATCH_LOST_READS,	     /* an expression read memory that was not there */
	POOLWATCH_LOST_RACES,	     /* compare-and-swap did not succeed within its bound */
	POOLWATCH_RETIRED_REQUESTS,  /* an acquire whose return was never seen: longjmp, exec, missed probe */
	POOLWATCH_UNMATCHED_RETURNS, /* a return with no request: made before the attach */
	POOLWATCH_UNMATCHED_RELEASES, /* a release of a unit nobody was seen to hold */
	POOLWATCH_FOREIGN_TGID,	     /* a hit by a process that is not the probe's target */
	POOLWATCH_LOST_MAPPING,	     /* could not be told whether an address lies in a shared mapping */
	POOLWATCH_UNKNOWN_STACKS,    /* of whole stacks: one not learned yet, so that a hold has a site only */
	POOLWATCH_LOST_TIMES,	     /* of whole stacks: no room to add up for how long units were held */
	POOLWATCH_CAUSES,
};

struct poolwatch_counter {
	struct poolwatch_head head;
	__u64 count;
	__u64 last; /* when it last counted */
};

/* Edges of the ledger: the only things that become events. */
enum poolwatch_event_type {
	POOLWATCH_EV_POOL = 1,	/* a pool was seen for the first time */
	POOLWATCH_EV_NESTED,	/* a request while holding a unit of the same pool, first for these sites */
	POOLWATCH_EV_ORDER,	/* a request while holding a unit of another pool, first for these sites */
	POOLWATCH_EV_FULL,	/* in_use reached capacity */
	POOLWATCH_EV_BLOCKED,	/* a thread that holds something asked a full pool: a deadlock may have formed */
	POOLWATCH_EV_WAITED,	/* a request made of a full pool ended; value: ns waited; units: 0 if it failed */
	POOLWATCH_EV_EXIT,	/* a thread ended while holding; value: units */
	POOLWATCH_EV_RETURNED,	/* a unit of a thread that had ended was returned */
	POOLWATCH_EV_PROC_EXIT, /* a watched process ended */
	POOLWATCH_EV_PROC_EXEC, /* a watched process became another program */
	POOLWATCH_EV_PROC_FORK, /* a watched process made a child; value: its process number */
	POOLWATCH_EV_SIGNALLING, /* a pool turned out to be a signalling semaphore */
	POOLWATCH_EV_UNCERTAIN,	/* a pool's books may be wrong from now on */
};

/**
 * struct poolwatch_event - one event
 * @size: of this event in bytes; later minor versions may append fields
 * @seq: position in the device's ring, or in the session's ring buffer in direct mode
 * @pool, @held: head.id; @held is the pool held (nested, order, blocked), 0 if none
 */
struct poolwatch_event {
	__u32 size;
	__u16 type;
	__u16 session;
	__u64 seq;
	__u64 time;
	__u32 uid;
	__u32 tgid;
	__u32 tid;
	__u32 def;
	__u64 pool;
	__u64 held;
	__u64 site;
	__u64 held_site;
	__u64 value;
	__u32 units;
	__u32 pad;
	char comm[POOLWATCH_COMM];
};

/* poolwatch_info.features */
#define POOLWATCH_FEATURE_KFUNCS (1u << 0) /* the module has BTF: BPF programs can reach it */

/**
 * struct poolwatch_info - POOLWATCH_IOC_INFO
 * @sessions: open now
 * @ring_size: events that the ring can hold
 * @oldest, @next: sequence numbers: of the oldest event kept, and of the next one to come
 * @emitted: events accepted since the module was loaded
 * @drop_invalid: events refused because of a wrong size, type, padding or session
 * @drop_overrun: EPIPEs returned to readers, all of them
 * @drop_busy: events refused because the CPU was inside poolwatch_emit already
 * @flags: in: must be 0
 *
 * abi_major, abi_minor, features and flags will keep their places and meaning in every version, so that a program of
 * another major version can tell so.
 */
struct poolwatch_info {
	__u32 abi_major;
	__u32 abi_minor;
	__u32 features;
	__u32 flags;
	__u32 sessions;
	__u32 max_sessions;
	__u64 ring_size;
	__u64 oldest;
	__u64 next;
	__u64 emitted;
	__u64 drop_invalid;
	__u64 drop_overrun;
	__u64 drop_busy;
	__u64 pad[3];
};

/**
 * struct poolwatch_snapshot - POOLWATCH_IOC_SNAPSHOT: copy records of one table of one session
 * @session: in: the session; 0: the one with the lowest number (ENOENT if there is none). out: the one taken
 * @table: in: enum poolwatch_table; EINVAL if unknown
 * @flags: in: 0 or POOLWATCH_SNAP_NEXT
 * @record: out: size of one record
 * @cursor: in: 0 to begin, else what the last call left. out: where to go on. One behind the end finds no records.
 * @buf, @len: in: room. @len smaller than one record: EINVAL, with @record filled in
 * @count: out: records copied. Fewer than fit means the end of the table was reached.
 * @hidden: out: records passed over because they belong to others
 * @pad: in: 0
 *
 * Free slots and records that the reader may not see are passed over, as are records that change hands all the time
 * while they are copied. To go from session to session, ask with @session one more than the last one taken and
 * POOLWATCH_SNAP_NEXT. Session numbers are from 1 to 65535, given in rising order and used again only after all others.
 *
 * ENOENT: no such session, or it ended. ENODATA: it has not bound that table yet. EFAULT: the structure or the room is
 * not accessible; some of the room may have been written. EINTR: a fatal signal, or one while another thread is inside
 * the call with the same file. On failure the structure is as it was, but for @record at the EINVAL above.
 */
#define POOLWATCH_SNAP_NEXT (1u << 0) /* the lowest-numbered session from @session on that has bound @table */
struct poolwatch_snapshot {
	__u32 session;
	__u32 table;
	__u32 flags;
	__u32 record;
	__u64 cursor;
	__u64 buf;
	__u64 len;
	__u32 count;
	__u32 hidden;
	__u64 pad[2];
};

#define POOLWATCH_IOC_MAGIC 0xB7
#define POOLWATCH_IOC_INFO _IOWR(POOLWATCH_IOC_MAGIC, 0, struct poolwatch_info)
#define POOLWATCH_IOC_SESSION _IOR(POOLWATCH_IOC_MAGIC, 1, __u32)
#define POOLWATCH_IOC_SNAPSHOT _IOWR(POOLWATCH_IOC_MAGIC, 2, struct poolwatch_snapshot)
#define POOLWATCH_IOC_CLEAR _IO(POOLWATCH_IOC_MAGIC, 3)

#endif /* _UAPI_LINUX_POOLWATCH_H */
