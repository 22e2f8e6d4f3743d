// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which frames are looked at. In promiscuous mode and on bridges, frames for others come by too. */
#ifndef BASCULE_ACCEPTANCE_H
#define BASCULE_ACCEPTANCE_H

#include "maps.h"

/* Addressed to the interface's own MAC, or to a virtual one held here? */
static __always_inline int is_accepted(__u32 ifindex, __u64 mac)
{
	__u32 zero = 0;
	struct accepted_list *list = bpf_map_lookup_elem(&accepted, &zero);

	if (!list)
		return 0;
	for (int i = 0; i < MAX_ACCEPTED; i++) {
		if (list->entries[i].mac == mac && list->entries[i].ifindex == ifindex)
			return 1;
		if (!list->entries[i].ifindex)
			return 0;
	}
	return 0;
}

#endif
