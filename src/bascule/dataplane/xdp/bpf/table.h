// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The connection table: finding, claiming and emptying slots.
 *
 * A slot belongs to whom its meta says: 0 nobody, CLAIMING or DEAD the owner in its low bits, VALID everybody. Only the
 * owner writes the key. A claim goes 0 -> CLAIMING, key, look for rivals, CLAIMING -> VALID, each step a full barrier.
 * Of two claims of one key at least one sees the other: the lower position stays and strikes the higher one DEAD, which
 * fails only if that was published in the meantime; the one that cannot publish withdraws. So one key is published once.
 */
#ifndef BASCULE_TABLE_H
#define BASCULE_TABLE_H

#include "counters.h"
#include "defects.h"

#define MIX_1 0xff51afd7ed558ccdULL
#define MIX_2 0xc4ceb9fe1a85ec53ULL
#define MIX_SHIFT 33
#define FIRST_LINE_ENOUGH 3 /* slots in use until which the second line is not considered */
#define RIVAL_PATIENCE 32   /* looks at a rival that is about to publish */

enum claim_result { CLAIM_DONE, CLAIM_FOUND, CLAIM_RACED, CLAIM_FULL };

struct claim {
	__u64 key;
	__u32 stamp;
	__u32 meta; /* to publish; after CLAIM_FOUND what the other published */
	__u32 owner;
	__u32 unused;
};

struct places {
	__u32 first;
	__u32 second;
};

static __always_inline __u64 mix(__u64 key, __u64 seed)
{
	key ^= seed;
	key ^= key >> MIX_SHIFT;
	key *= MIX_1;
	key ^= key >> MIX_SHIFT;
	key *= MIX_2;
	return key ^ key >> MIX_SHIFT;
}

static __always_inline struct places places_of(__u64 key, __u64 seed, __u32 mask)
{
	__u64 hash = mix(key, seed);
	struct places places = {.first = hash & mask, .second = hash >> 32 & mask};

	if (places.second == places.first)
		places.second ^= 1;
	return places;
}

static __always_inline struct settings *get_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline struct line *table_line(__u32 index)
{
	return bpf_map_lookup_elem(&table, &index);
}

#define READ(place) (*(volatile typeof(place) *)&(place))
#define WRITE(place, what) (*(volatile typeof(place) *)&(place) = (what))

/* 1 if equal, else 0, without a branch: which slot it is cannot be predicted. */
static __always_inline __u64 equal(__u64 left, __u64 right)
{
	__u64 difference = left ^ right;

	asm volatile("" : "+r"(difference));
	return ((difference | -difference) >> 63) ^ 1;
}

/* 1 if not zero, else 0, likewise; in a loop, a branch also multiplies what the verifier walks. */
static __always_inline __u64 some(__u64 word)
{
	asm volatile("" : "+r"(word));
	return (word | -word) >> 63;
}

/* How many slots have this key. */
static __always_inline __u32 count_key(struct line *line, __u64 key)
{
	__u32 count = 0;

#pragma unroll
	for (int i = 0; i < SLOTS_PER_LINE; i++)
		count += equal(READ(line->slots[i].key), key);
	return count;
}

/* The slot of this key, published or not, or NULL. */
static __always_inline struct slot *find_in_line(struct line *line, __u64 key)
{
	__u64 which = equal(READ(line->slots[1].key), key) + 2 * equal(READ(line->slots[2].key), key) +
		      3 * equal(READ(line->slots[3].key), key);
	struct slot *slot;

	asm volatile("" : "+r"(which));
	slot = &line->slots[which & (SLOTS_PER_LINE - 1)];
	return READ(slot->key) == key ? slot : NULL;
}

/* What the slot holds if it is published and of this key, else 0. The key is read again, for the slot may change
 * hands between the two reads.
 */
static __always_inline __u64 published(struct slot *slot, __u64 key)
{
	__u64 value = READ(slot->value);

	return (value >> 32 & META_VALID) && READ(slot->key) == key ? value : 0;
}

/* Where the connection may be. */
static __always_inline struct slot *find(__u64 key, const struct settings *settings)
{
	struct places places = places_of(key, settings->seed, table_mask);
	struct line *line = table_line(places.first);
	struct slot *slot = line ? find_in_line(line, key) : NULL;

	if (slot)
		return slot;
	line = table_line(places.second);
	slot = line ? find_in_line(line, key) : NULL;
	if (slot || !READ(settings->overflow_used))
		return slot;
	return bpf_map_lookup_elem(&overflow, &key);
}

static __always_inline __u32 slots_used(struct line *line)
{
	__u32 used = 0;

#pragma unroll
	for (int i = 0; i < SLOTS_PER_LINE; i++)
		used += some(READ(line->slots[i].meta));
	return used;
}

/* The first free slot's number, or SLOTS_PER_LINE; without a branch, for which slots are free cannot be predicted. */
static __always_inline __u32 first_free(struct line *line)
{
	__u32 number = 0;

#pragma unroll
	for (int i = SLOTS_PER_LINE - 1; i >= 0; i--)
		number = some(READ(line->slots[i].meta)) * (number + 1);
	return number;
}

/* Makes a free slot of the line the claimant's; its number, or SLOTS_PER_LINE. */
static __always_inline __u32 occupy(struct line *line, __u32 owner)
{
	for (int i = 0; i < SLOTS_PER_LINE; i++) {
		__u32 number = first_free(line);
		__u32 *meta = &line->slots[number & (SLOTS_PER_LINE - 1)].meta;

		if (number >= SLOTS_PER_LINE)
			break;
		if (!CLAIMS_ARE_EXCLUSIVE)
			return number;
		if (__sync_val_compare_and_swap(meta, 0, META_CLAIMING | owner) == 0)
			return number;
	}
	return SLOTS_PER_LINE;
}

static __always_inline void vacate(struct slot *slot)
{
	WRITE(slot->key, 0);
	__sync_lock_test_and_set(&slot->meta, 0);
}

/* Looks again and again, within bounds, at a rival that is about to publish. */
__noinline int await(struct slot *rival, struct claim *claim)
{
	if (!rival || !claim)
		return CLAIM_RACED;
	for (int i = 0; i < RIVAL_PATIENCE; i++) {
		__u64 value = published(rival, claim->key);

		if (value) {
			claim->meta = value >> 32;
			return CLAIM_FOUND;
		}
	}
	return CLAIM_RACED;
}

/* Two claims of one key: CLAIM_DONE if ours may go on. */
static __always_inline int outdo(struct slot *rival, struct claim *claim, int rival_is_lower)
{
	__u32 meta = READ(rival->meta);

	if (meta & META_VALID)
		return await(rival, claim) == CLAIM_FOUND ? CLAIM_FOUND : CLAIM_DONE;
	if (!(meta & META_CLAIMING))
		return CLAIM_DONE;
	if (rival_is_lower)
		return await(rival, claim);
	if (__sync_val_compare_and_swap(&rival->meta, meta, META_DEAD | (meta & META_SERVER_MASK)) == meta)
		return CLAIM_DONE;
	return await(rival, claim);
}

/* Every slot of the line but ours (`own`; SLOTS_PER_LINE if ours is elsewhere) that has our key is a rival. */
__noinline int outdo_line(struct line *line, struct claim *claim, __u32 own, int line_is_lower)
{
	if (!line || !claim)
		return CLAIM_RACED;
#pragma unroll
	for (__u32 i = 0; i < SLOTS_PER_LINE; i++) {
		int result;

		if (i == own || READ(line->slots[i].key) != claim->key)
			continue;
		result = outdo(&line->slots[i], claim, own == SLOTS_PER_LINE ? line_is_lower : i < own);
		if (result != CLAIM_DONE)
			return result;
	}
	return CLAIM_DONE;
}

/* A claim in the overflow map stands against every claim in the lines, and withdraws when it sees one. */
static __always_inline int outdo_overflow(struct claim *claim)
{
	struct settings *settings = get_settings();
	struct slot *rival;
	__u64 key;

	if (!settings || !READ(settings->overflow_used))
		return CLAIM_DONE;
	key = claim->key;
	rival = bpf_map_lookup_elem(&overflow, &key);
	return rival ? await(rival, claim) : CLAIM_DONE;
}

/* The last step of a claim, by which it becomes visible. */
static __always_inline int publish(struct slot *slot, struct claim *claim)
{
	__u32 claimed = META_CLAIMING | claim->owner;

	if (__sync_val_compare_and_swap(&slot->meta, claimed, claim->meta) == claimed)
		return CLAIM_DONE;
	return CLAIM_RACED;
}

/* `own` is in `line`, the other candidate is `other`. */
__noinline int settle(struct line *line, struct line *other, __u32 own, struct claim *claim, int other_is_lower)
{
	struct slot *slot;
	int result;

	if (!line || !other || !claim)
		return CLAIM_FULL;
	slot = &line->slots[own & (SLOTS_PER_LINE - 1)];
	WRITE(slot->stamp, claim->stamp);
	if (!CLAIMS_ARE_EXCLUSIVE) {
		WRITE(slot->key, claim->key);
		WRITE(slot->meta, claim->meta);
		return CLAIM_DONE;
	}
	__sync_lock_test_and_set(&slot->key, claim->key);
	result = CLAIM_DONE;
	if (CLAIMS_LOOK_FOR_RIVALS && count_key(line, claim->key) + count_key(other, claim->key) > 1) {
		result = outdo_line(line, claim, own, 0);
		if (result == CLAIM_DONE)
			result = outdo_line(other, claim, SLOTS_PER_LINE, other_is_lower);
	}
	if (result == CLAIM_DONE)
		result = outdo_overflow(claim);
	if (result == CLAIM_DONE)
		result = publish(slot, claim);
	if (result != CLAIM_DONE)
		vacate(slot);
	return result;
}

/* Both lines are full. */
__noinline int claim_overflow(struct line *first, struct line *second, struct claim *claim)
{
	struct settings *settings = get_settings();
	struct slot value = {};
	struct slot *slot;
	int result;

	if (!first || !second || !claim || !settings)
		return CLAIM_FULL;
	value.key = claim->key;
	value.stamp = claim->stamp;
	value.meta = META_CLAIMING | claim->owner;
	__sync_fetch_and_add(&settings->overflow_used, 1);
	if (bpf_map_update_elem(&overflow, &value.key, &value, BPF_NOEXIST)) {
		__sync_fetch_and_add(&settings->overflow_used, -1);
		slot = bpf_map_lookup_elem(&overflow, &value.key);
		return slot ? await(slot, claim) : CLAIM_FULL;
	}
	result = outdo_line(first, claim, SLOTS_PER_LINE, 1);
	if (result == CLAIM_DONE)
		result = outdo_line(second, claim, SLOTS_PER_LINE, 1);
	slot = bpf_map_lookup_elem(&overflow, &value.key);
	if (result == CLAIM_DONE)
		result = slot ? publish(slot, claim) : CLAIM_RACED;
	if (result == CLAIM_DONE) {
		count_incident(INCIDENT_OVERFLOWED);
		return result;
	}
	bpf_map_delete_elem(&overflow, &value.key);
	__sync_fetch_and_add(&settings->overflow_used, -1);
	return result;
}

/* Puts a connection that `find` did not find into the table. Counts nothing but withdrawals and overflows. */
__noinline int claim_slot(struct claim *claim)
{
	struct settings *settings = get_settings();
	struct line *first, *second;
	struct places places;
	__u32 used, own;

	if (!claim || !settings)
		return CLAIM_FULL;
	places = places_of(claim->key, settings->seed, table_mask);
	first = table_line(places.first);
	second = table_line(places.second);
	if (!first || !second)
		return CLAIM_FULL;
	used = slots_used(first);
	if (used < FIRST_LINE_ENOUGH || used <= slots_used(second)) {
		own = occupy(first, claim->owner);
		if (own < SLOTS_PER_LINE)
			return settle(first, second, own, claim, places.second < places.first);
	}
	own = occupy(second, claim->owner);
	if (own < SLOTS_PER_LINE)
		return settle(second, first, own, claim, places.first < places.second);
	own = occupy(first, claim->owner);
	if (own < SLOTS_PER_LINE)
		return settle(first, second, own, claim, places.second < places.first);
	return claim_overflow(first, second, claim);
}

/* A claim counted: the new connection's or template's server has one more. */
static __always_inline int claim_and_account(struct claim *claim)
{
	int result = claim_slot(claim);

	if (result == CLAIM_DONE)
		account(claim->meta, 1);
	else if (result != CLAIM_FULL)
		count_incident(INCIDENT_WITHDRAWN);
	return result;
}

/* Gives a published slot another content, unless anybody touched it since `old` was read. */
static __always_inline int replace(struct slot *slot, __u64 old, __u32 meta, __u32 stamp)
{
	__u64 wanted = (__u64)meta << 32 | stamp;

	if (__sync_val_compare_and_swap(&slot->value, old, wanted) != old)
		return 0;
	if ((__u32)(old >> 32) == meta)
		return 1;
	account(old >> 32, -1);
	account(meta, 1);
	return 1;
}

#endif
