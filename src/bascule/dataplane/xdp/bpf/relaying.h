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

/* The predecessor of this address that is still to be asked, or NULL. */
static __always_inline const struct relay *predecessor(const struct xdp_md *context, __u32 address)
{
	struct relay_key key = { .address = address, .ifindex = context->ingress_ifindex };
	const struct relay *found = bpf_map_lookup_elem(&relays, &key);

	return found && (!RELAYS_END || bpf_jiffies64() < found->until) ? found : NULL;
}

/* TCP without SYN and without a connection here. What the predecessor has sent comes from one that has none either: two
 * that relay to each other must not pass a frame to and fro.
 */
static __always_inline int relay(struct xdp_md *context, const struct packet *packet)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *frame = (void *)(long)context->data;
	struct iphdr *ip = (void *)(frame + 1);
	const struct relay *to = predecessor(context, packet->virtual);

	if (!to || (void *)(ip + 1) > end || (RELAYS_RETURN_NOTHING && mac_word(frame->h_source) == to->mac)) {
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
