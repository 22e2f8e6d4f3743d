// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which real server takes a new connection; formulas of ipvsadm(8) and of the LVS papers. Each returns a server's index,
 * or 0. They are global functions so that the verifier walks each loop once.
 */
#ifndef BASCULE_SCHEDULERS_H
#define BASCULE_SCHEDULERS_H

#include "counters.h"
#include "table.h"

#define ACTIVE_COST_SHIFT 8 /* an active connection counts as 256 inactive ones */
#define CURSOR_TRIES 4	    /* against other CPUs that move the same cursor */

static __always_inline struct server *listed_server(struct server_list *list, __u32 position, __u32 *index)
{
	asm volatile("" : "+r"(position)); /* else the compiler leaves out the mask, by which the verifier knows the bound */
	*index = list->servers[position & (SERVERS_PER_SERVICE - 1)];
	return bpf_map_lookup_elem(&servers, index);
}

/* May get new connections, unless its weight is 0. */
static __always_inline __u32 is_reachable(const struct server *server)
{
	return some(server->flags & SERVER_PRESENT) & some(server->mac);
}

static __always_inline __u32 usable_weight(const struct server *server)
{
	return WEIGHT_OF(server) * is_reachable(server);
}

static __always_inline __u64 overhead(const struct server *server)
{
	return ((__u64)server->active << ACTIVE_COST_SHIFT) + server->inactive;
}

/* wlc: the least overhead / weight; lc: the same with all weights 1. The first of equals wins. The first usable server
 * beats 1 / 0, and weight 0 beats nothing. Few servers beat the best so far, so only those are asked whether they are
 * there at all.
 */
static __always_inline int least_loaded(__u32 service_index, __u32 count, int weighted)
{
	struct server_list *list = bpf_map_lookup_elem(&lists, &service_index);
	__u64 least_overhead = 1;
	__u32 least_weight = 0;
	__u32 chosen = 0;

	if (!list)
		return 0;
	if (count > SERVERS_PER_SERVICE)
		count = SERVERS_PER_SERVICE;
	for (__u32 i = 0; i < count; i++) {
		__u32 index, weight;
		struct server *server = listed_server(list, i, &index);
		__u64 load;

		if (!server) /* cannot be: there is one for every index */
			break;
		weight = weighted ? WEIGHT_OF(server) : some(WEIGHT_OF(server));
		load = overhead(server);
		if (least_overhead * weight <= load * least_weight)
			continue;
		if (!is_reachable(server))
			continue;
		least_overhead = load;
		least_weight = weight;
		chosen = index;
	}
	return chosen;
}

__noinline int schedule_wlc(__u32 service, __u32 count)
{
	return least_loaded(service, count, 1);
}

__noinline int schedule_lc(__u32 service, __u32 count)
{
	return least_loaded(service, count, 0);
}

/* Where a walk over a list ended. */
struct walk {
	__u32 chosen;	/* 0: nowhere */
	__u32 position; /* one past the chosen */
};

/* The first usable server from `start` to the end of the list that has at least this weight (1 or more). */
__noinline int walk_list(__u32 service, __u32 start, __u32 count, __u32 weight, struct walk *walk)
{
	struct server_list *list = bpf_map_lookup_elem(&lists, &service);

	if (!list || !walk)
		return 0;
	for (__u32 i = start; i < SERVERS_PER_SERVICE && i < count; i++) {
		__u32 index;
		struct server *server = listed_server(list, i, &index);

		if (!server)
			break;
		if (usable_weight(server) < weight)
			continue;
		walk->chosen = index;
		walk->position = i + 1;
		return 0;
	}
	return 0;
}

/* The greatest usable weight of the list. */
__noinline int heaviest_weight(__u32 service, __u32 count)
{
	struct server_list *list = bpf_map_lookup_elem(&lists, &service);
	__u32 heaviest = 0;

	if (!list)
		return 0;
	for (__u32 i = 0; i < SERVERS_PER_SERVICE && i < count; i++) {
		__u32 index;
		struct server *server = listed_server(list, i, &index);
		__u32 own;

		if (!server)
			break;
		own = usable_weight(server);
		heaviest = own > heaviest ? own : heaviest;
	}
	return heaviest;
}

/* rr: the next usable server after the last one chosen. */
static __always_inline void step_rr(__u32 service, __u32 count, struct cursor *next, struct walk *walk)
{
	walk_list(service, next->position, count, 1, walk);
	if (!walk->chosen)
		walk_list(service, 0, count, 1, walk);
}

/* wrr: rounds over the list with a sinking weight, heaviest first, by steps of the weights' common divisor; a round
 * takes every server that is at least that heavy. Rounds in which none is usable are leapt over.
 */
static __always_inline void step_wrr(__u32 service, __u32 count, __u32 divisor, struct cursor *next, struct walk *walk)
{
	__u32 heaviest;

	if (next->weight)
		walk_list(service, next->position, count, next->weight, walk);
	if (walk->chosen)
		return;
	heaviest = heaviest_weight(service, count);
	if (!heaviest)
		return;
	next->weight = next->weight > divisor ? next->weight - divisor : heaviest;
	if (next->weight > heaviest)
		next->weight = heaviest;
	walk_list(service, 0, count, next->weight, walk);
}

/* A step of the service's cursor, taken anew while other CPUs move it at the same time. `divisor` 0: rr. */
__noinline int schedule_round(__u32 service, __u32 count, __u32 divisor)
{
	struct cursor *cursor = bpf_map_lookup_elem(&cursors, &service);
	struct walk walk = {};

	if (!cursor)
		return 0;
	for (int i = 0; i < CURSOR_TRIES; i++) {
		__u64 old = *(volatile __u64 *)cursor;
		struct cursor next = {.position = old, .weight = old >> 32};

		walk.chosen = 0;
		if (divisor)
			step_wrr(service, count, divisor, &next, &walk);
		else
			step_rr(service, count, &next, &walk);
		if (!walk.chosen)
			return 0;
		if (__sync_val_compare_and_swap((__u64 *)cursor, old, (__u64)next.weight << 32 | walk.position) == old)
			break;
	}
	return walk.chosen;
}

static __always_inline __u32 schedule(__u32 index, const struct service *service)
{
	switch (service->scheduler) {
	case SCHEDULER_LC:
		return schedule_lc(index, service->server_count);
	case SCHEDULER_WRR:
		return schedule_round(index, service->server_count, service->weight_gcd ? service->weight_gcd : 1);
	case SCHEDULER_RR:
		return schedule_round(index, service->server_count, 0);
	default:
		return schedule_wlc(index, service->server_count);
	}
}

#endif
