// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that user space runs by BPF_PROG_RUN: emptying slots of connections that are over and putting connections in,
 * by the same compare-and-swap that the packets use; and the clock that the stamps are read from.
 */
#ifndef BASCULE_HOUSEKEEPING_H
#define BASCULE_HOUSEKEEPING_H

#include "table.h"

struct order {
	__u32 count; /* of requests */
	__u32 done;  /* result */
};

/* Only if it holds what the orderer saw: a packet that came since has changed the stamp, and the connection stays. */
static __always_inline int seize(struct slot *slot, const struct request *request)
{
	__u64 dead = (__u64)(META_DEAD | OWNER_USER) << 32;

	if (READ(slot->key) != request->key || !(request->value >> 32 & META_VALID))
		return 0;
	if (__sync_val_compare_and_swap(&slot->value, request->value, dead) != request->value)
		return 0;
	account(request->value >> 32, -1);
	return 1;
}

static __always_inline int free_overflow(const struct request *request)
{
	__u64 key = request->key;
	struct slot *slot = bpf_map_lookup_elem(&overflow, &key);
	struct settings *settings = get_settings();

	if (!slot || !settings || !seize(slot, request))
		return 0;
	bpf_map_delete_elem(&overflow, &key);
	__sync_fetch_and_add(&settings->overflow_used, -1);
	return 1;
}

static __always_inline int free_slot(const struct request *request)
{
	struct line *line;
	struct slot *slot;

	if (request->position == POSITION_OVERFLOW)
		return free_overflow(request);
	line = table_line(request->position / SLOTS_PER_LINE);
	if (!line)
		return 0;
	slot = &line->slots[request->position & (SLOTS_PER_LINE - 1)];
	if (!seize(slot, request))
		return 0;
	vacate(slot);
	return 1;
}

static __always_inline int restore(const struct request *request)
{
	struct claim claim = {
		.key = request->key,
		.stamp = request->value,
		.meta = request->value >> 32,
		.owner = OWNER_USER,
	};
	const struct settings *settings = get_settings();

	if (!settings || !(claim.meta & META_VALID) || find(claim.key, settings))
		return 0;
	return claim_and_account(&claim) == CLAIM_DONE;
}

static long carry_out(__u32 index, void *context)
{
	struct order *order = context;
	struct request *request = bpf_map_lookup_elem(&requests, &index);
	int done;

	if (!request)
		return 1;
	done = request->kind == REQUEST_FREE ? free_slot(request) : restore(request);
	request->result = done ? RESULT_DONE : RESULT_REFUSED;
	order->done += done;
	return 0;
}

SEC("syscall")
int housekeep(struct order *context)
{
	struct order order = {};

	bpf_loop(context->count, carry_out, &order, 0);
	context->done = order.done;
	return 0;
}

SEC("syscall")
int read_clock(struct clock *context)
{
	context->jiffies = bpf_jiffies64();
	context->monotonic = bpf_ktime_get_ns();
	return 0;
}

#endif
