// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the program and user space share: sizes, bits and records. `layout.py` beside this folder is its mirror;
 * a test compares the two by way of the object's BTF. Change LAYOUT_VERSION with anything here: pinned maps of
 * another version are refused.
 */
#ifndef BASCULE_LAYOUT_H
#define BASCULE_LAYOUT_H

#include <linux/types.h>

#define LAYOUT_VERSION 2

#define SLOTS_PER_LINE 4	  /* one cache line */
#define MAX_SERVICES 16384	  /* index 0 is never a service */
#define MAX_SERVERS 65536	  /* index 0 is never a server */
#define SERVERS_PER_SERVICE 256
#define DIRECTORY_LINES 8192	  /* a power of two */
#define OVERFLOW_ENTRIES 16384	  /* connections that found both of their lines full */
#define MAX_ACCEPTED 64		  /* (interface, MAC) pairs */
#define MAX_RELAYS 4096	  /* (virtual address, interface) pairs that a predecessor may have frames of */
#define MAX_REQUESTS 4096	  /* orders to the housekeeping program in one run */
#define STATES 16

/* The upper half of a slot's value word. 0: the slot is free. */
#define META_VALID 0x80000000u	  /* published: the rest may be believed */
#define META_TEMPLATE 0x40000000u /* a persistence template, not a connection */
#define META_CLAIMING 0x20000000u /* being filled by the owner in the low bits */
#define META_DEAD 0x10000000u	  /* being emptied by the owner in the low bits */
#define META_STATE_SHIFT 16
#define META_STATE_MASK 0x000f0000u
#define META_SERVER_MASK 0x0000ffffu
#define OWNER_USER 0xffffu	  /* the owner when user space's housekeeping claims or empties; a CPU is number + 1 */

/* Numbered as IPVS's sync messages number them. */
enum connection_state {
	STATE_NONE = 0,
	STATE_ESTABLISHED = 1,
	STATE_SYN_RECV = 3,
	STATE_FIN_WAIT = 4,
	STATE_TIME_WAIT = 5,
	STATE_CLOSE = 6,
	STATE_UDP = 11,
};
/* States that count as active, one bit each; all others are inactive. */
#define ACTIVE_STATES ((1u << STATE_ESTABLISHED) | (1u << STATE_UDP))

enum scheduler { SCHEDULER_WLC = 0, SCHEDULER_LC = 1, SCHEDULER_WRR = 2, SCHEDULER_RR = 3 };

#define SERVICE_PRESENT 1u
#define SERVICE_PERSISTENT 2u
#define SERVER_PRESENT 1u

enum request_kind { REQUEST_FREE = 1, REQUEST_RESTORE = 2 };
enum request_result { RESULT_NONE = 0, RESULT_DONE = 1, RESULT_REFUSED = 2 };
#define POSITION_OVERFLOW 0xffffffffu

/* The packets by verdict: index into the `verdicts` map. */
enum verdict {
	VERDICT_OTHER = 0,	   /* passed: not for a service */
	VERDICT_FOREIGN_MAC = 1,   /* passed: not addressed to a MAC of ours */
	VERDICT_TX = 2,		   /* sent back out of the same interface */
	VERDICT_REDIRECT = 3,	   /* sent out of another interface */
	VERDICT_NO_ENTRY = 4,	   /* passed: TCP without SYN and without connection */
	VERDICT_FRAGMENT = 5,	   /* passed: a fragment for a service's address */
	VERDICT_ICMP_ERROR = 6,	   /* passed: an ICMP error for a service's address */
	VERDICT_TTL = 7,	   /* passed: time to live used up */
	VERDICT_REFUSED = 8,	   /* answered with a reset: no server available */
	VERDICT_NO_SERVER = 9,	   /* dropped: no server available */
	VERDICT_SERVER_GONE = 10,  /* dropped: the connection's server was removed */
	VERDICT_NO_NEIGHBOUR = 11, /* dropped: the connection's server has no known MAC */
	VERDICT_RACED = 12,	   /* dropped: another CPU is filling or emptying this connection's slot */
	VERDICT_TABLE_FULL = 13,   /* dropped: no room for a new connection */
	VERDICT_MALFORMED = 14,	   /* passed: headers that do not fit the frame, or a source port 0 */
	VERDICT_RELAYED = 15,	   /* sent to the director that handed over just now, which has the connection */
	VERDICTS = 16,
};
/* Things that happen beside the verdict. */
enum incident {
	INCIDENT_WITHDRAWN = 0, /* claims given up because another CPU had the same flow */
	INCIDENT_OVERFLOWED = 1, /* connections that went to the overflow map */
	INCIDENT_REUSED = 2,	/* slots given a new connection of the same flow */
	INCIDENTS = 3,
};

/* One connection, or template (port 0), or directory entry. */
struct slot {
	__u64 key;   /* in memory: client address, client port (network order), service index (host order) */
	union {
		__u64 value;
		struct {
			__u32 stamp; /* low 32 bits of jiffies at the last packet */
			__u32 meta;
		};
	};
};

struct line {
	struct slot slots[SLOTS_PER_LINE];
} __attribute__((aligned(64)));

struct settings {
	__u32 layout_version;
	__u32 hz; /* jiffies per second */
	__u64 seed;
	__u32 timeouts[STATES]; /* jiffies */
	__s64 overflow_used;	/* entries in the overflow map; the programs count */
	__u64 reserved[5];
};

struct service {
	__u32 address; /* network order */
	__u16 port;    /* network order */
	__u8 protocol;
	__u8 scheduler;
	__u32 flags;
	__u32 server_count; /* used entries of its list */
	__u32 persistence;  /* jiffies */
	__u32 client_mask;  /* of persistence; network order */
	__u32 max_weight;   /* of its present servers, for wrr */
	__u32 weight_gcd;
	__u64 reserved[4];
};

struct server_list {
	__u16 servers[SERVERS_PER_SERVICE];
};

/* The position of rr and wrr in a service's list; the program's own. */
struct cursor {
	__u32 position;
	__u32 weight;
};

struct server {
	__u64 mac;	  /* first six bytes in memory; 0 = not known */
	__u64 source_mac; /* of the interface it is reached by; likewise */
	__u32 ifindex;
	__u32 weight;
	__u32 flags;
	__u32 active; /* the programs count */
	__u32 inactive;
	__u32 persistent;
	__u32 address; /* network order */
	__u16 port;    /* network order */
	__u16 service;
	__u64 reserved[2];
};

/* A frame is looked at when it came in by this interface for this MAC. */
struct accepted {
	__u64 mac;
	__u32 ifindex; /* 0 ends the list */
	__u32 reserved;
};

struct accepted_list {
	struct accepted entries[MAX_ACCEPTED];
};

/* Whose frames without a connection here are another director's: those for an address that it hands over. */
struct relay_key {
	__u32 address; /* network order */
	__u32 ifindex;
};

struct relay {
	__u64 mac;	  /* the predecessor's */
	__u64 source_mac; /* of the interface that the frames come by, and leave by */
	__u64 until;	  /* jiffies */
};

struct counters {
	__u64 connections;
	__u64 packets;
	__u64 bytes; /* of IP, without the Ethernet header */
};

struct request {
	__u64 key;
	__u64 value;	/* FREE: what the slot must still hold; RESTORE: what to put there */
	__u32 position; /* FREE: line * SLOTS_PER_LINE + slot, or POSITION_OVERFLOW */
	__u16 kind;
	__u16 result;
};

struct clock {
	__u64 jiffies;
	__u64 monotonic; /* ns */
};

#endif
