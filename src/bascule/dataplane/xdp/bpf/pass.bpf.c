// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Passes everything. A veth end whose peer transmits or redirects by XDP must carry an XDP program itself, or the
 * kernel drops those frames.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass(struct xdp_md *context)
{
	(void)context;
	return XDP_PASS;
}

const volatile __u64 source_hash = SOURCE_HASH;
char _license[] SEC("license") = "Dual BSD/GPL";
