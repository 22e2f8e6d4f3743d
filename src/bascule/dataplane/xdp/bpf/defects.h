// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Deliberate defects. The object that ships is built with none; tests build one with each and must then fail. */
#ifndef BASCULE_DEFECTS_H
#define BASCULE_DEFECTS_H

#ifdef DEFECT_CLAIM
#define CLAIMS_ARE_EXCLUSIVE 0
#else
#define CLAIMS_ARE_EXCLUSIVE 1
#endif

#ifdef DEFECT_RIVALS
#define CLAIMS_LOOK_FOR_RIVALS 0
#else
#define CLAIMS_LOOK_FOR_RIVALS 1
#endif

#ifdef DEFECT_STAMP
#define PACKETS_REFRESH_STAMP 0
#else
#define PACKETS_REFRESH_STAMP 1
#endif

#ifdef DEFECT_TEMPLATE
#define CONNECTIONS_RESTART_TEMPLATE 0
#else
#define CONNECTIONS_RESTART_TEMPLATE 1
#endif

#ifdef DEFECT_WEIGHT
#define WEIGHT_OF(server) 1
#else
#define WEIGHT_OF(server) ((server)->weight)
#endif

#ifdef DEFECT_RELAY_LOOP
#define RELAYS_RETURN_NOTHING 0
#else
#define RELAYS_RETURN_NOTHING 1
#endif

#ifdef DEFECT_RELAY_FOREVER
#define RELAYS_END 0
#else
#define RELAYS_END 1
#endif

#ifdef DEFECT_TTL
#define TTL_STEP 0
#else
#define TTL_STEP 1
#endif

#endif
