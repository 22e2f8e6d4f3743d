// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The yardstick: the director as one would write it on the kernel's own hash maps. Services by an 8-byte key, connections
 * by a 16-byte key, each connection's state, stamp and server in the map's value, templates likewise. It parses, counts,
 * schedules and rewrites with the director's own headers, so that what differs is the tables.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "acceptance.h"
#include "forwarding.h"
#include "housekeeping.h"
#include "maps.h"
#include "opening.h"
#include "parsing.h"
#include "states.h"

#define FLOWS 4194304

struct service_key {
	__u32 address;
	__u16 port;
	__u16 protocol;
};

struct flow_key {
	__u32 client;
	__u32 virtual;
	__u16 client_port;
	__u16 virtual_port;
	__u32 protocol;
};

struct flow {
	__u32 stamp;
	__u16 server;
	__u16 state;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SERVICES);
	__type(key, struct service_key);
	__type(value, __u32);
} services_by_key SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

const volatile __u64 source_hash = SOURCE_HASH;

static __always_inline __u32 meta_of(__u32 state, __u32 server)
{
	return state << META_STATE_SHIFT | server;
}

static __always_inline int deliver(struct xdp_md *context, const struct packet *packet, __u32 service, __u32 index,
				   __u32 connections)
{
	struct server *server = bpf_map_lookup_elem(&servers, &index);

	if (!server || !(server->flags & SERVER_PRESENT) || !server->mac)
		return XDP_DROP;
	count_packet(service, index, packet->bytes, connections);
	return forward(context, server);
}

static __always_inline int go_on(struct xdp_md *context, const struct packet *packet, __u32 service, struct flow *flow,
				 __u32 now)
{
	__u32 next = next_state(flow->state, packet->tcp_flags);

	if (flow->stamp != now)
		flow->stamp = now;
	if (packet->protocol == IPPROTO_TCP && next != flow->state) {
		account(meta_of(flow->state, flow->server), -1);
		flow->state = next;
		account(meta_of(next, flow->server), 1);
	}
	return deliver(context, packet, service, flow->server, 0);
}

static __always_inline __u32 choose(const struct flow_key *key, __u32 index, const struct service *service, __u32 now)
{
	struct flow_key template = *key;
	struct flow *held;
	struct flow flow = {.stamp = now};

	if (!(service->flags & SERVICE_PERSISTENT))
		return schedule(index, service);
	template.client_port = 0;
	held = bpf_map_lookup_elem(&flows, &template);
	if (held) {
		held->stamp = now;
		return held->server;
	}
	flow.server = schedule(index, service);
	if (flow.server && !bpf_map_update_elem(&flows, &template, &flow, BPF_NOEXIST))
		account(META_TEMPLATE | flow.server, 1);
	return flow.server;
}

static __always_inline int begin(struct xdp_md *context, const struct packet *packet, const struct flow_key *key,
				 __u32 index, __u32 now)
{
	struct service *service = bpf_map_lookup_elem(&services, &index);
	struct flow flow = {.stamp = now, .state = first_state(packet)};

	if (!service)
		return XDP_DROP;
	flow.server = choose(key, index, service, now);
	if (!flow.server || bpf_map_update_elem(&flows, key, &flow, BPF_NOEXIST))
		return XDP_DROP;
	account(meta_of(flow.state, flow.server), 1);
	return deliver(context, packet, index, flow.server, 1);
}

static __always_inline int balance(struct xdp_md *context, const struct packet *packet)
{
	struct service_key service_key = {packet->virtual, packet->virtual_port, packet->protocol};
	struct flow_key key = {packet->client, packet->virtual, packet->client_port, packet->virtual_port, packet->protocol};
	__u32 *service = bpf_map_lookup_elem(&services_by_key, &service_key);
	__u32 now = bpf_jiffies64();
	struct flow *flow;

	if (!service)
		return XDP_PASS;
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow)
		return go_on(context, packet, *service, flow, now);
	if (!begins(packet))
		return XDP_PASS;
	return begin(context, packet, &key, *service, now);
}

SEC("xdp")
int director(struct xdp_md *context)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *frame = (void *)(long)context->data;
	struct iphdr *ip = (void *)(frame + 1);
	struct packet packet = {};

	if ((void *)(ip + 1) > end || frame->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (!is_accepted(context->ingress_ifindex, mac_word(frame->h_dest)))
		return XDP_PASS;
	if (parse_ip(&packet, ip, end) != KIND_FLOW || ip->ttl < TTL_MIN)
		return XDP_PASS;
	return balance(context, &packet);
}

char _license[] SEC("license") = "Dual BSD/GPL";
