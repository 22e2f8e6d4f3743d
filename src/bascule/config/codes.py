# SPDX-License-Identifier: Apache-2.0
"""The stable names of all findings, each with its severity and one line of what it means.

A code never changes its meaning. Those below `meaning/` are checks that keepalived does not have.
"""

from __future__ import annotations

from bascule.model.diagnostic import Severity

NOTE, WARNING, ERROR, FATAL = Severity.NOTE, Severity.WARNING, Severity.ERROR, Severity.FATAL

CODES: dict[str, tuple[Severity, str]] = {
    # The file.
    "unreadable-file": (FATAL, "The file does not exist or cannot be read."),
    "empty-file": (WARNING, "The file says nothing."),
    "comment-file": (WARNING, "The whole file is a comment."),
    "byte-order-mark": (WARNING, "The file starts with a byte order mark; keepalived loses the first block to it."),
    # Lines and braces.
    "unterminated-quote": (ERROR, "A double quote is not closed on its line."),
    "nul-character": (ERROR, "A line holds a NUL character and is skipped."),
    "extra-brace": (ERROR, "A closing brace has nothing to close."),
    "missing-close": (ERROR, "A block is still open at the end of the file, or (fatal) where another begins."),
    "missing-open": (ERROR, "A keyword that takes a block has no opening brace."),
    "unexpected-brace": (ERROR, "An opening brace stands after a word that takes no block."),
    # Words.
    "unknown-keyword": (ERROR, "The word is no keyword of this block; its line or block is skipped."),
    "skipped": (ERROR, "This text is skipped together with the unknown block that it stands in."),
    "wrong-case": (ERROR, "The word is right but for its capitals, and is not applied."),
    "legacy-spelling": (WARNING, "A spelling that keepalived skips or has replaced, honoured as it was meant."),
    "deprecated": (WARNING, "An old name of a keyword."),
    "missing-argument": (ERROR, "A keyword lacks an argument; keepalived would not start."),
    "missing-name": (ERROR, "A block lacks its name or address and is skipped."),
    "bad-number": (ERROR, "The word is not a number of the kind that is needed here."),
    "out-of-range": (ERROR, "The number is outside what the keyword accepts."),
    "bad-address": (ERROR, "The word is not an IP address of the kind that is needed here."),
    "bad-word": (ERROR, "The word is not one of those that the keyword accepts."),
    "incomplete": (ERROR, "A block lacks what it cannot do without, and is skipped."),
    "rounded": (WARNING, "A number has more decimal places than can be kept, or no digits at all."),
    "duplicate": (ERROR, "Something of this name is defined already; the later one is skipped."),
    "repeated": (WARNING, "A keyword stands twice in a block; the last one counts, and keepalived says so."),
    "shortened": (WARNING, "A name is longer than can be kept, and loses its end."),
    "unknown-reference": (ERROR, "Nothing of this name is defined above; the line is ignored."),
    "include": (ERROR, "A file to include is missing, cannot be read, or includes itself."),
    "undefined": (ERROR, "A definition of this name does not stand above, and its braces are taken for a block."),
    "bad-definition": (ERROR, "A sequence, list or definition is not written as it must be."),
    "expansion-limit": (ERROR, "Definitions or sequences generate more text than is sensible."),
    "not-acted-on": (WARNING, "Understood, but bascule does not act on it yet."),
    "unknown-to-keepalived": (WARNING, "A keyword of this language that keepalived 2.2.7 skips."),
    "keepalived-skips": (WARNING, "In effect here, while keepalived skips it after an error further up."),
    # Meaning.
    "meaning/extra-words": (WARNING, "Words after the last argument are ignored, by keepalived without a word."),
    "meaning/undefined-in-quotes": (
        WARNING,
        "A definition of this name does not stand above; the name stays in the text.",
    ),
    "meaning/missing-argument": (WARNING, "A keyword lacks its argument; keepalived takes it in silence, for nothing."),
    "meaning/unread": (ERROR, "Wrong, where keepalived does not read: it has ended further up, or skips the block."),
    "meaning/keepalived-applies": (WARNING, "Skipped here, while keepalived applies it to the enclosing block."),
    "meaning/instance-incomplete": (ERROR, "An instance lacks what it cannot do without, and is left out."),
    "meaning/duplicate-router": (FATAL, "Two instances share a virtual router id on one interface."),
    "meaning/line-continuation": (
        WARNING,
        "A backslash at the end of a line continues nothing: it is a part of the word.",
    ),
    "meaning/missing-open": (
        WARNING,
        "A keyword that takes lines has no opening brace; keepalived reads to the next '}'.",
    ),
    "meaning/unlisted-name": (WARNING, "A table, protocol or the like has a name that only some machines know."),
    "meaning/unknown-group": (WARNING, "A service is of a group that is defined nowhere."),
    "meaning/script-user": (WARNING, "Scripts without a user do not run as root, as keepalived would have them."),
    "meaning/auth-pass-long": (WARNING, "Only the first 8 bytes of a password are sent."),
    "meaning/auth-pass-missing": (WARNING, "Authentication without a password."),
    "meaning/auth-both": (WARNING, "Adverts are signed (auth_hmac); the other authentication does nothing."),
    "meaning/active-key": (WARNING, "auth_hmac without an active_key; keepalived does not sign then."),
    "meaning/source-is-vip": (WARNING, "Adverts from a virtual address make two active directors deaf to each other."),
    "meaning/nopreempt-master": (
        WARNING,
        "nopreempt has no effect with the initial state MASTER, nor with priority 255.",
    ),
    "meaning/strict": (WARNING, "Strict mode does not allow what is written."),
    "meaning/advert-fraction": (WARNING, "VRRP version 2 sends whole seconds."),
    "meaning/no-protocol": (WARNING, "A service without protocol is a UDP service."),
    "meaning/no-scheduler": (WARNING, "A service without lb_algo uses wlc."),
    "meaning/no-servers": (WARNING, "A service has no real server."),
    "meaning/duplicate-service": (WARNING, "Two services share address, port and protocol; the later one is skipped."),
    "meaning/duplicate-server": (WARNING, "A real server stands twice in a service; the later one is skipped."),
    "meaning/vip-unheld": (WARNING, "No instance holds the address of this service."),
    "meaning/server-is-vip": (WARNING, "A real server has the address of its own service."),
    "meaning/dr-port": (WARNING, "DR cannot change the port: the real server's is the service's."),
    "meaning/port-without-persistence": (WARNING, "A service of all ports needs persistence."),
    "meaning/quorum-unreachable": (WARNING, "The quorum is above the sum of the real servers' weights."),
    "meaning/mail-nowhere": (WARNING, "Mail has a receiver but no server."),
    "meaning/witness": (WARNING, "A witness that this director itself can be, or that no instance asks."),
    "meaning/vip-count": (WARNING, "More virtual addresses than an advert has room for."),
    "meaning/vip-twice": (WARNING, "Two instances hold the same virtual address."),
    "meaning/auth-version": (WARNING, "VRRP version 3 has no authentication."),
    "meaning/auth-family": (WARNING, "VRRP has no authentication over IPv6."),
    "meaning/version-family": (WARNING, "VRRP version 2 over IPv6, which only keepalived speaks."),
    "meaning/advert-long": (WARNING, "VRRP version 3 sends at most 40.95 seconds."),
    "meaning/preempt-delay": (WARNING, "preempt_delay has no effect where the instance never preempts."),
    "meaning/unicast-self": (WARNING, "A director is its own unicast peer."),
    "meaning/sync-group": (WARNING, "A sync group lacks members, or shares one with another group."),
    "meaning/weight": (WARNING, "A weight counts for nothing here; what has it is not followed."),
    "meaning/hysteresis": (WARNING, "The hysteresis is not below the quorum."),
    # Between directors: `bascule check A.conf B.conf`.
    "meaning/peer-vrid": (WARNING, "Directors give one router different virtual router ids."),
    "meaning/peer-version": (WARNING, "Directors speak different versions of VRRP."),
    "meaning/peer-interval": (WARNING, "Directors send adverts at different intervals."),
    "meaning/peer-auth": (WARNING, "Directors authenticate differently."),
    "meaning/peer-addresses": (WARNING, "Directors list different virtual addresses."),
    "meaning/peer-unicast": (WARNING, "Directors do not send their adverts to each other."),
    "meaning/peer-source": (WARNING, "Directors send from the same address."),
    "meaning/peer-priority": (WARNING, "Directors have the same priority."),
    "meaning/peer-missing": (WARNING, "A director lacks an instance that another has."),
    "meaning/peer-sync-group": (WARNING, "Directors group their instances differently."),
    "meaning/peer-service": (WARNING, "Directors balance differently."),
    "meaning/peer-router-id": (NOTE, "Directors have the same router_id."),
    # On this machine: `bascule check --local`.
    "meaning/no-interface": (WARNING, "The machine has no interface of this name."),
    "meaning/no-script": (WARNING, "A script is not there, or cannot be executed."),
    "meaning/insecure-script": (WARNING, "Somebody but root can change a script that the daemon runs."),
}
"""Code: its severity unless a finding says otherwise, and what it means."""
