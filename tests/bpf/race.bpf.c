// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Drives the director from several CPUs at once: packets of one flow after the other, each flow's on all CPUs nearly at
 * the same time, by tickets from a common counter. The buffer still holds the packet before as the director left it, so
 * its server is read there, and must be the one that all packets of that flow went to.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FLOWS 65536
#define PACKETS_SHIFT 3 /* packets of a flow: eight, the later half of them ACKs */
#define FRESH 0xee	/* the first byte of a buffer that no program has touched */
#define SYN 0x02
#define ACK 0x10
#define TTL 64

struct shared {
	__u64 ticket;
	__u64 base; /* the first flow's client address, host order */
	__u64 forwarded;
	__u64 held_back;
	__u64 astray; /* went to another server than the flow's packets before */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shared);
} shared SEC(".maps");

/* The server of each flow. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FLOWS);
	__type(key, __u32);
	__type(value, __u32);
} seen SEC(".maps");

/* The flow of the packet before, on this CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} before SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

static __always_inline void look_back(const struct ethhdr *frame, __u32 flow, struct shared *counts)
{
	__u32 *server = bpf_map_lookup_elem(&seen, &flow);
	__u32 went = frame->h_dest[4] << 8 | frame->h_dest[5];
	__u32 first;

	if (!server || frame->h_dest[0] == FRESH)
		return;
	if (frame->h_dest[3] != 5) { /* not a real server's MAC */
		__sync_fetch_and_add(&counts->held_back, 1);
		return;
	}
	__sync_fetch_and_add(&counts->forwarded, 1);
	first = __sync_val_compare_and_swap(server, 0, went);
	if (first && first != went)
		__sync_fetch_and_add(&counts->astray, 1);
}

static __always_inline void compose(struct ethhdr *frame, struct iphdr *ip, struct tcphdr *tcp, __u64 ticket, __u32 base)
{
	const __u8 director[ETH_ALEN] = {2, 0, 0, 0, 0xd0, 1};
	__u32 half = 1 << (PACKETS_SHIFT - 1);

	__builtin_memcpy(frame->h_dest, director, ETH_ALEN);
	ip->saddr = bpf_htonl(base + (ticket >> PACKETS_SHIFT));
	ip->ttl = TTL;
	((__u8 *)tcp)[13] = ticket & half ? ACK : SYN;
}

SEC("xdp")
int race(struct xdp_md *context)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *frame = (void *)(long)context->data;
	struct iphdr *ip = (void *)(frame + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 zero = 0;
	struct shared *counts = bpf_map_lookup_elem(&shared, &zero);
	__u32 *last = bpf_map_lookup_elem(&before, &zero);
	__u64 ticket;

	if ((void *)(tcp + 1) > end || !counts || !last)
		return XDP_ABORTED;
	look_back(frame, *last, counts);
	ticket = __sync_fetch_and_add(&counts->ticket, 1);
	*last = ticket >> PACKETS_SHIFT;
	compose(frame, ip, tcp, ticket, counts->base);
	bpf_tail_call(context, &under_test, 0);
	return XDP_ABORTED;
}

char _license[] SEC("license") = "Dual BSD/GPL";
