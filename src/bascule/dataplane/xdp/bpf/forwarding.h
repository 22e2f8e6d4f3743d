// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sending a packet on to its real server (direct routing), and refusing one for which there is none. */
#ifndef BASCULE_FORWARDING_H
#define BASCULE_FORWARDING_H

#include "counters.h"
#include "defects.h"
#include "parsing.h"

#define TTL_MIN 2
#define REPLY_TTL 64
#define TCP_WORDS_SHIFT 4

static __always_inline void write_mac(__u8 *to, __u64 mac)
{
	*(__u16 *)to = mac;
	*(__u16 *)(to + 2) = mac >> 16;
	*(__u16 *)(to + 4) = mac >> 32;
}

/* RFC 1624: the time to live is the upper byte of its 16-bit word. */
static __always_inline void lower_ttl(struct iphdr *ip)
{
	__u32 check = ip->check + bpf_htons(TTL_STEP << 8);

	ip->check = check + (check >> 16);
	ip->ttl -= TTL_STEP;
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

/* The frame goes to the server's MAC, from the MAC of the interface that it leaves by. */
static __always_inline int forward(struct xdp_md *context, const struct server *server)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *frame = (void *)(long)context->data;
	struct iphdr *ip = (void *)(frame + 1);

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	write_mac(frame->h_dest, server->mac);
	write_mac(frame->h_source, server->source_mac);
	lower_ttl(ip);
	if (server->ifindex == context->ingress_ifindex) {
		count_verdict(VERDICT_TX);
		return XDP_TX;
	}
	count_verdict(VERDICT_REDIRECT);
	return bpf_redirect(server->ifindex, 0);
}

static __always_inline void turn_around(struct ethhdr *frame, struct iphdr *ip)
{
	__u64 source = mac_word(frame->h_source);
	__u32 address = ip->saddr;
	__u16 *words = (__u16 *)ip;
	__u32 sum = 0;

	write_mac(frame->h_source, mac_word(frame->h_dest));
	write_mac(frame->h_dest, source);
	ip->saddr = ip->daddr;
	ip->daddr = address;
	ip->tot_len = bpf_htons(sizeof(struct iphdr) + sizeof(struct tcphdr));
	ip->ttl = REPLY_TTL;
	ip->check = 0;
#pragma unroll
	for (__u32 i = 0; i < sizeof(struct iphdr) / sizeof(__u16); i++)
		sum += words[i];
	ip->check = fold(sum);
}

/* A SYN becomes the reset that answers it (RFC 9293, 3.5.2). */
static __always_inline void make_reset(const struct iphdr *ip, struct tcphdr *tcp)
{
	__u16 port = tcp->source;
	__u16 *words = (__u16 *)tcp;
	__u32 sum = bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(struct tcphdr));

	tcp->source = tcp->dest;
	tcp->dest = port;
	tcp->ack_seq = bpf_htonl(bpf_ntohl(tcp->seq) + 1);
	tcp->seq = 0;
	words[6] = bpf_htons(sizeof(struct tcphdr) / IP_WORD << (8 + TCP_WORDS_SHIFT) | TCP_RST | TCP_ACK);
	tcp->window = 0;
	tcp->check = 0;
	tcp->urg_ptr = 0;
	sum += (ip->saddr & 0xffff) + (ip->saddr >> 16) + (ip->daddr & 0xffff) + (ip->daddr >> 16);
#pragma unroll
	for (__u32 i = 0; i < sizeof(struct tcphdr) / sizeof(__u16); i++)
		sum += words[i];
	tcp->check = fold(sum);
}

/* No server: a SYN is answered with a reset, anything else is dropped. Never the stack's: a local listener is not meant. */
static __always_inline int refuse(struct xdp_md *context, const struct packet *packet)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *frame = (void *)(long)context->data;
	struct iphdr *ip = (void *)(frame + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	int surplus;

	if (packet->protocol != IPPROTO_TCP || (void *)(tcp + 1) > end || ip->ihl != IP_MIN_WORDS) {
		count_verdict(VERDICT_NO_SERVER);
		return XDP_DROP;
	}
	turn_around(frame, ip);
	make_reset(ip, tcp);
	surplus = end - (void *)(tcp + 1);
	bpf_xdp_adjust_tail(context, -surplus);
	count_verdict(VERDICT_REFUSED);
	return XDP_TX;
}

#endif
