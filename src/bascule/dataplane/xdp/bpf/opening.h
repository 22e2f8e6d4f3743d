// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Beginning a connection: persistence template, scheduling, a slot. */
#ifndef BASCULE_OPENING_H
#define BASCULE_OPENING_H

#include "schedulers.h"
#include "states.h"
#include "table.h"

#define WORDS_KEY(word, half, last) ((__u64)(word) | (__u64)(half) << 32 | (__u64)(last) << 48)
/* In memory: client address, port, service index. */
#define CONNECTION_KEY(address, port, service) WORDS_KEY(address, port, service)
/* In memory: address, port, protocol, 1. */
#define DIRECTORY_KEY(address, port, protocol) WORDS_KEY(address, port, (__u16)(protocol) | 1u << 8)

enum opened { OPENED, JOINED, NO_SERVER, NO_ROOM, RACED };

struct opening {
	__u64 key;
	__u64 old; /* what the connection's slot holds of one that is over; 0 = it has none */
	__u32 service;
	__u32 stamp;
	__u32 state;
	__u32 server; /* result */
	__u32 client; /* network order */
	__u32 owner;
};

static __always_inline int server_present(__u32 index)
{
	struct server *server = bpf_map_lookup_elem(&servers, &index);

	return server && server->flags & SERVER_PRESENT;
}

/* A server with weight 0 keeps its persistent clients; one that is gone or out of reach does not. */
static __always_inline int keeps_clients(__u32 index)
{
	struct server *server = bpf_map_lookup_elem(&servers, &index);

	return server && server->flags & SERVER_PRESENT && server->mac;
}

static __always_inline __u32 published_meta(__u32 state, __u32 server)
{
	return META_VALID | state << META_STATE_SHIFT | server;
}

/* The template that is there, restarted, or given another server in place of one that is gone. The server, or 0. */
static __always_inline __u32 use_template(struct slot *slot, __u64 value, __u64 key, const struct opening *opening,
					  const struct service *service)
{
	__u32 meta = value >> 32;
	__u32 server = meta & META_SERVER_MASK;

	if (!keeps_clients(server))
		server = schedule(opening->service, service);
	if (!server)
		return 0;
	if (!CONNECTIONS_RESTART_TEMPLATE && server == (meta & META_SERVER_MASK))
		return server;
	meta = (meta & ~META_SERVER_MASK) | server;
	if (replace(slot, value, meta, opening->stamp))
		return server;
	return published(slot, key) >> 32 & META_SERVER_MASK; /* another CPU was quicker: its choice holds */
}

/* The server that this client's template names, or the scheduler's, to which a template then points. */
static __always_inline __u32 persistent_server(const struct opening *opening, const struct service *service,
					       const struct settings *settings)
{
	__u64 key = CONNECTION_KEY(opening->client & service->client_mask, 0, opening->service);
	struct claim claim = {.key = key, .stamp = opening->stamp, .owner = opening->owner};
	struct slot *slot = find(key, settings);
	__u64 value = slot ? published(slot, key) : 0;
	__u32 server;

	if (value)
		return use_template(slot, value, key, opening, service);
	server = schedule(opening->service, service);
	if (!server)
		return 0;
	claim.meta = META_TEMPLATE | published_meta(STATE_NONE, server);
	if (claim_and_account(&claim) == CLAIM_FOUND)
		return claim.meta & META_SERVER_MASK;
	return server;
}

/* A template of whose connections one was established says so in its state. */
__noinline int assure_template(__u32 client, __u32 index)
{
	const struct settings *settings = get_settings();
	struct service *service = bpf_map_lookup_elem(&services, &index);
	struct slot *slot;
	__u64 key, meta;

	if (!settings || !service || !(service->flags & SERVICE_PERSISTENT))
		return 0;
	key = CONNECTION_KEY(client & service->client_mask, 0, index);
	slot = find(key, settings);
	meta = slot ? published(slot, key) >> 32 : 0;
	if (meta && state_of(meta) == STATE_NONE)
		__sync_val_compare_and_swap(&slot->meta, meta, meta | STATE_ESTABLISHED << META_STATE_SHIFT);
	return 0;
}

/* In place of a connection that is over. */
static __always_inline int reopen(struct opening *opening, const struct settings *settings)
{
	struct slot *slot = find(opening->key, settings);
	__u64 value;

	if (!slot)
		return RACED;
	if (replace(slot, opening->old, published_meta(opening->state, opening->server), opening->stamp)) {
		count_incident(INCIDENT_REUSED);
		return OPENED;
	}
	value = published(slot, opening->key);
	opening->server = value >> 32 & META_SERVER_MASK;
	return value ? JOINED : RACED;
}

static __always_inline int open_new(struct opening *opening)
{
	struct claim claim = {
		.key = opening->key,
		.stamp = opening->stamp,
		.meta = published_meta(opening->state, opening->server),
		.owner = opening->owner,
	};

	switch (claim_and_account(&claim)) {
	case CLAIM_DONE:
		return OPENED;
	case CLAIM_FOUND:
		opening->server = claim.meta & META_SERVER_MASK;
		return JOINED;
	case CLAIM_FULL:
		return NO_ROOM;
	default:
		return RACED;
	}
}

/* Schedules a new connection and puts it into the table. */
__noinline int open_connection(struct opening *opening)
{
	const struct settings *settings = get_settings();
	struct service *service;
	__u32 index;

	if (!opening || !settings)
		return NO_ROOM;
	index = opening->service; /* older verifiers take no key from a caller's memory */
	service = bpf_map_lookup_elem(&services, &index);
	if (!service)
		return NO_SERVER;
	if (service->flags & SERVICE_PERSISTENT)
		opening->server = persistent_server(opening, service, settings);
	else
		opening->server = schedule(opening->service, service);
	if (!opening->server)
		return NO_SERVER;
	return opening->old ? reopen(opening, settings) : open_new(opening);
}

#endif
