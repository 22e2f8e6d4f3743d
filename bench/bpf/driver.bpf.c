// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Makes the packet that the program under test gets: the next flow's headers over what the one before left, then a tail
 * call. Its own cost is measured with `empty` under test, and taken off. `swap` is the least that a director can do.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define TTL 64
#define FIRST_CLIENT 0x0a000000
#define FIRST_PORT 1024
#define PORTS_SHIFT 14 /* flows of one client */
#define FLAGS_BYTE 13
#define CHECK 0x1234

/* What to send; user space writes between runs. */
struct course {
	__u64 state;  /* of the random numbers, or the next flow */
	__u32 flows;  /* random ones below this; 0 = every packet the next flow */
	__u32 flags;  /* of TCP */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct course);
} course SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

/* Marsaglia's xorshift: 64 bits of state. */
static __always_inline __u32 next_flow(struct course *at)
{
	__u64 x = at->state;

	if (!at->flows) {
		at->state = x + 1;
		return x;
	}
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	at->state = x;
	return (x >> 32) * at->flows >> 32;
}

SEC("xdp")
int drive(struct xdp_md *context)
{
	const __u8 director[ETH_ALEN] = {2, 0, 0, 0, 0xd0, 1};
	void *end = (void *)(long)context->data_end;
	struct ethhdr *frame = (void *)(long)context->data;
	struct iphdr *ip = (void *)(frame + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 zero = 0;
	struct course *at = bpf_map_lookup_elem(&course, &zero);
	__u32 flow;

	if ((void *)(tcp + 1) > end || !at)
		return XDP_ABORTED;
	flow = next_flow(at);
	__builtin_memcpy(frame->h_dest, director, ETH_ALEN);
	ip->saddr = bpf_htonl(FIRST_CLIENT + (flow >> PORTS_SHIFT));
	ip->ttl = TTL;
	ip->check = CHECK;
	tcp->source = bpf_htons(FIRST_PORT + (flow & ((1 << PORTS_SHIFT) - 1)));
	((__u8 *)tcp)[FLAGS_BYTE] = at->flags;
	bpf_tail_call(context, &under_test, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int empty(struct xdp_md *context)
{
	(void)context;
	return XDP_TX;
}

/* Swaps the MACs and sends the frame back. */
SEC("xdp")
int swap(struct xdp_md *context)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *frame = (void *)(long)context->data;
	__u8 mac[ETH_ALEN];

	if ((void *)(frame + 1) > end)
		return XDP_ABORTED;
	__builtin_memcpy(mac, frame->h_dest, ETH_ALEN);
	__builtin_memcpy(frame->h_dest, frame->h_source, ETH_ALEN);
	__builtin_memcpy(frame->h_source, mac, ETH_ALEN);
	return XDP_TX;
}

char _license[] SEC("license") = "Dual BSD/GPL";
