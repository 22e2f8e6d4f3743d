// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The director: IPv4, TCP and UDP, direct routing, with the semantics of IPVS (ipvsadm(8)). */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "acceptance.h"
#include "forwarding.h"
#include "housekeeping.h"
#include "maps.h"
#include "opening.h"
#include "parsing.h"
#include "relaying.h"
#include "states.h"
#include "table.h"

const volatile __u64 source_hash = SOURCE_HASH;
const volatile __u32 layout_version = LAYOUT_VERSION;

static __always_inline int pass(enum verdict verdict)
{
	count_verdict(verdict);
	return XDP_PASS;
}

static __always_inline int drop(enum verdict verdict)
{
	count_verdict(verdict);
	return XDP_DROP;
}

/* The index of the service that owns this address, port and protocol, or 0. Port and protocol 0: any service there? */
static __always_inline __u32 find_service(__u32 address, __u16 port, __u8 protocol, const struct settings *settings)
{
	__u64 key = DIRECTORY_KEY(address, port, protocol);
	struct places places = places_of(key, settings->seed, DIRECTORY_LINES - 1);
	struct line *line = bpf_map_lookup_elem(&directory, &places.first);
	struct slot *slot = line ? find_in_line(line, key) : NULL;

	if (!slot) {
		line = bpf_map_lookup_elem(&directory, &places.second);
		slot = line ? find_in_line(line, key) : NULL;
	}
	return slot ? (__u32)published(slot, key) : 0;
}

/* Fragments and ICMP errors are the stack's; they count if a service's address is meant. */
static __always_inline int pass_aside(enum kind kind, const struct packet *packet, const struct settings *settings)
{
	if (kind == KIND_MALFORMED)
		return pass(VERDICT_MALFORMED);
	if (kind == KIND_OTHER || !find_service(packet->virtual, 0, 0, settings))
		return pass(VERDICT_OTHER);
	return pass(kind == KIND_FRAGMENT ? VERDICT_FRAGMENT : VERDICT_ICMP_ERROR);
}

static __always_inline int deliver(struct xdp_md *context, const struct packet *packet, __u32 service, __u32 index,
				   __u32 connections)
{
	struct server *server = bpf_map_lookup_elem(&servers, &index);

	if (!server || !(server->flags & SERVER_PRESENT))
		return drop(VERDICT_SERVER_GONE);
	if (!server->mac)
		return drop(VERDICT_NO_NEIGHBOUR);
	count_packet(service, index, packet->bytes, connections);
	return forward(context, server);
}

/* A packet of a connection that is there. */
static __always_inline int go_on(struct xdp_md *context, const struct packet *packet, __u32 service, struct slot *slot,
				 __u64 value, __u32 now)
{
	__u32 meta = value >> 32;
	__u32 next;

	if (PACKETS_REFRESH_STAMP && (__u32)value != now)
		WRITE(slot->stamp, now);
	if (packet->protocol == IPPROTO_TCP) {
		next = next_state(state_of(meta), packet->tcp_flags) << META_STATE_SHIFT | (meta & ~META_STATE_MASK);
		if (next != meta && __sync_val_compare_and_swap(&slot->meta, meta, next) == meta) {
			account(meta, -1);
			account(next, 1);
			if (state_of(next) == STATE_ESTABLISHED)
				assure_template(packet->client, service);
		}
	}
	return deliver(context, packet, service, meta & META_SERVER_MASK, 0);
}

/* A packet that may begin a connection. */
static __always_inline int begin(struct xdp_md *context, const struct packet *packet, struct opening *opening)
{
	int result = open_connection(opening);

	switch (result) {
	case OPENED:
		return deliver(context, packet, opening->service, opening->server, 1);
	case JOINED:
		return deliver(context, packet, opening->service, opening->server, 0);
	case NO_SERVER:
		return refuse(context, packet);
	case NO_ROOM:
		return drop(VERDICT_TABLE_FULL);
	default:
		return drop(VERDICT_RACED);
	}
}

/* Does the packet belong to the connection of this slot, or does it begin another one in its place? What may begin one
 * does so when the slot's server was removed: a SYN, and every UDP packet, for nothing else would ever move that flow.
 */
static __always_inline int belongs(const struct packet *packet, __u64 value, __u32 now, const struct settings *settings)
{
	__u32 meta = value >> 32;
	__u32 state = state_of(meta);

	if ((__s32)(now - (__u32)value) > (__s32)settings->timeouts[state & (STATES - 1)])
		return 0;
	if (!begins(packet))
		return 1;
	return !(OVER_STATES >> state & 1) && server_present(meta & META_SERVER_MASK);
}

static __always_inline int balance(struct xdp_md *context, const struct packet *packet, __u32 service,
				   const struct settings *settings)
{
	__u32 now = bpf_jiffies64();
	struct opening opening = {
		.key = CONNECTION_KEY(packet->client, packet->client_port, service),
		.service = service,
		.stamp = now,
		.state = first_state(packet),
		.client = packet->client,
	};
	struct slot *slot = find(opening.key, settings);
	__u64 value = slot ? published(slot, opening.key) : 0;

	if (value && belongs(packet, value, now, settings) && !began_there(context, packet, value, now, settings))
		return go_on(context, packet, service, slot, value, now);
	if (!begins(packet))
		return slot && !value ? drop(VERDICT_RACED) : relay(context, packet);
	opening.old = value;
	opening.owner = bpf_get_smp_processor_id() + 1;
	return begin(context, packet, &opening);
}

SEC("xdp")
int director(struct xdp_md *context)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *frame = (void *)(long)context->data;
	struct iphdr *ip = (void *)(frame + 1);
	struct settings *settings = get_settings();
	struct packet packet = {};
	enum kind kind;
	__u32 service;

	if ((void *)(ip + 1) > end || frame->h_proto != bpf_htons(ETH_P_IP) || !settings)
		return pass(VERDICT_OTHER);
	if (!is_accepted(context->ingress_ifindex, mac_word(frame->h_dest)))
		return pass(VERDICT_FOREIGN_MAC);
	kind = parse_ip(&packet, ip, end);
	if (kind != KIND_FLOW)
		return pass_aside(kind, &packet, settings);
	service = find_service(packet.virtual, packet.virtual_port, packet.protocol, settings);
	if (!service)
		return pass(VERDICT_OTHER);
	if (ip->ttl < TTL_MIN)
		return pass(VERDICT_TTL);
	return balance(context, &packet, service, settings);
}

char _license[] SEC("license") = "Dual BSD/GPL";
