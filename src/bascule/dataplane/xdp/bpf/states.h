// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connection states as a director sees them that hears only the client (in DR the answers pass it by). */
#ifndef BASCULE_STATES_H
#define BASCULE_STATES_H

#include "parsing.h"

/* What a segment says, the strongest word first. */
enum event { EVENT_RST, EVENT_SYN, EVENT_FIN, EVENT_ACK, EVENTS };

/* The next state; 0 = it stays. */
static const __u8 next_states[EVENTS][STATES] = {
	[EVENT_RST] = {
		[STATE_ESTABLISHED] = STATE_CLOSE,
		[STATE_FIN_WAIT] = STATE_CLOSE,
		[STATE_TIME_WAIT] = STATE_CLOSE,
	},
	[EVENT_SYN] = {
		[STATE_FIN_WAIT] = STATE_SYN_RECV,
		[STATE_TIME_WAIT] = STATE_SYN_RECV,
		[STATE_CLOSE] = STATE_SYN_RECV,
	},
	[EVENT_FIN] = {
		[STATE_ESTABLISHED] = STATE_FIN_WAIT,
		[STATE_SYN_RECV] = STATE_TIME_WAIT,
	},
	[EVENT_ACK] = {
		[STATE_SYN_RECV] = STATE_ESTABLISHED,
	},
};

/* States in which a SYN is a new connection's, and is scheduled anew. */
#define OVER_STATES ((1u << STATE_FIN_WAIT) | (1u << STATE_TIME_WAIT) | (1u << STATE_CLOSE))

static __always_inline enum event event_of(__u8 tcp_flags)
{
	if (tcp_flags & TCP_RST)
		return EVENT_RST;
	if (tcp_flags & TCP_SYN)
		return EVENT_SYN;
	if (tcp_flags & TCP_FIN)
		return EVENT_FIN;
	return tcp_flags & TCP_ACK ? EVENT_ACK : EVENTS;
}

static __always_inline __u32 state_of(__u32 meta)
{
	return (meta & META_STATE_MASK) >> META_STATE_SHIFT;
}

static __always_inline __u32 next_state(__u32 state, __u8 tcp_flags)
{
	enum event event = event_of(tcp_flags);
	__u32 next;

	if (event >= EVENTS)
		return state;
	next = next_states[event][state & (STATES - 1)];
	return next ? next : state;
}

/* May this packet begin a connection? */
static __always_inline int begins(const struct packet *packet)
{
	if (packet->protocol == IPPROTO_UDP)
		return 1;
	return (packet->tcp_flags & (TCP_SYN | TCP_RST)) == TCP_SYN;
}

static __always_inline __u32 first_state(const struct packet *packet)
{
	return packet->protocol == IPPROTO_UDP ? STATE_UDP : STATE_SYN_RECV;
}

#endif
