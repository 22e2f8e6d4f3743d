// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* After a planned switch: connections that began with the predecessor and whose next frame comes here. It alone has them
 * in its table, and forwards frames for its own MAC as long as its program sits there, whether it is active or not.
 */
#ifndef BASCULE_RELAYING_H
#define BASCULE_RELAYING_H

#include "counters.h"
#include "defects.h"
#include "forwarding.h"
#include "parsing.h"
#include "states.h"

/* The predecessor that this frame may be for, or NULL. What it has sent itself comes from one that has no connection
 * either: two that relay to each other must not pass a frame to and fro.
 */
static __always_inline const struct relay *predecessor(const struct xdp_md *context, const struct packet *packet)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *frame = (void *)(long)context->data;
	struct relay_key key = { .address = packet->virtual, .ifindex = context->ingress_ifindex };
	const struct relay *found = bpf_map_lookup_elem(&relays, &key);

	if (!found || (void *)(frame + 1) > end || (RELAYS_END && bpf_jiffies64() >= found->until))
		return NULL;
	return RELAYS_RETURN_NOTHING && mac_word(frame->h_source) == found->mac ? NULL : found;
}

/* A connection that has ended here, and was silent for a second: a frame without SYN may well be of another one from the
 * same port, which began with the predecessor.
 */
static __always_inline int began_there(const struct xdp_md *context, const struct packet *packet, __u64 value, __u32 now,
				       const struct settings *settings)
{
	if (!(OVER_STATES >> state_of(value >> 32) & 1) || (__s32)(now - (__u32)value) <= (__s32)settings->hz)
		return 0;
	return !begins(packet) && predecessor(context, packet);
}

/* TCP without SYN and without a connection here. */
static __always_inline int relay(struct xdp_md *context, const struct packet *packet)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *frame = (void *)(long)context->data;
	struct iphdr *ip = (void *)(frame + 1);
	const struct relay *to = predecessor(context, packet);

	if (!to || (void *)(ip + 1) > end) {
		count_verdict(VERDICT_NO_ENTRY);
		return XDP_PASS;
	}
	write_mac(frame->h_dest, to->mac);
	write_mac(frame->h_source, to->source_mac);
	lower_ttl(ip);
	count_verdict(VERDICT_RELAYED);
	return XDP_TX;
}

#endif
