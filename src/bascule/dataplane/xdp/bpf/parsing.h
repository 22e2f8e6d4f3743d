// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a frame to what the director needs of it. Nothing is changed here. */
#ifndef BASCULE_PARSING_H
#define BASCULE_PARSING_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "layout.h"

#define IP_WORD 4
#define IP_MIN_WORDS 5
#define IP_LENGTH_MAX 0xffff
#define IP_FRAGMENT_BITS 0x3fff /* more-fragments and the offset */

/* RFC 792; <linux/icmp.h> needs a C library for the target. */
#define ICMP_HEADER 8
#define ICMP_UNREACHABLE 3
#define ICMP_QUENCH 4
#define ICMP_REDIRECTED 5
#define ICMP_EXCEEDED 11
#define ICMP_PARAMETER 12

#define TCP_FLAGS_BYTE 13
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* What a frame turned out to be. */
enum kind { KIND_OTHER, KIND_MALFORMED, KIND_FRAGMENT, KIND_ICMP_ERROR, KIND_FLOW };

struct packet {
	__u32 client;  /* network order */
	__u32 virtual; /* network order */
	__u16 client_port;
	__u16 virtual_port;
	__u16 bytes; /* of IP */
	__u8 protocol;
	__u8 tcp_flags;
};

static __always_inline enum kind parse_icmp(void *at, void *end)
{
	__u8 *type = at;

	if (at + ICMP_HEADER > end)
		return KIND_MALFORMED;
	switch (*type) {
	case ICMP_UNREACHABLE:
	case ICMP_QUENCH:
	case ICMP_REDIRECTED:
	case ICMP_EXCEEDED:
	case ICMP_PARAMETER:
		return KIND_ICMP_ERROR;
	}
	return KIND_OTHER;
}

static __always_inline enum kind parse_transport(struct packet *packet, void *at, void *end)
{
	struct udphdr *ports = at; /* TCP's stand at the same place */

	if (packet->protocol == IPPROTO_ICMP)
		return parse_icmp(at, end);
	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return KIND_OTHER;
	/* Port 0 is the mark of a template in the connection table, and nobody's to answer. */
	if ((void *)(ports + 1) > end || !ports->source)
		return KIND_MALFORMED;
	packet->client_port = ports->source;
	packet->virtual_port = ports->dest;
	packet->tcp_flags = 0;
	if (packet->protocol == IPPROTO_TCP) {
		if (at + sizeof(struct tcphdr) > end)
			return KIND_MALFORMED;
		packet->tcp_flags = *((__u8 *)at + TCP_FLAGS_BYTE);
	}
	return KIND_FLOW;
}

/* `ip` is inside the frame already, options are not. */
static __always_inline enum kind parse_ip(struct packet *packet, struct iphdr *ip, void *end)
{
	__u32 header = ip->ihl * IP_WORD;
	__u32 total = bpf_ntohs(ip->tot_len);

	asm volatile("" : "+r"(total)); /* older verifiers know no bound of a swapped word; so the mask must be there */
	total &= IP_LENGTH_MAX;
	packet->client = ip->saddr;
	packet->virtual = ip->daddr;
	packet->protocol = ip->protocol;
	packet->bytes = total;
	if (ip->version != IPVERSION || ip->ihl < IP_MIN_WORDS)
		return KIND_MALFORMED;
	if (total < header || (void *)ip + total > end)
		return KIND_MALFORMED;
	if (ip->frag_off & bpf_htons(IP_FRAGMENT_BITS))
		return KIND_FRAGMENT;
	return parse_transport(packet, (void *)ip + header, end);
}

/* A MAC as the word that the maps hold. */
static __always_inline __u64 mac_word(const __u8 *mac)
{
	return *(const __u16 *)mac | (__u64)*(const __u16 *)(mac + 2) << 16 | (__u64)*(const __u16 *)(mac + 4) << 32;
}

#endif
