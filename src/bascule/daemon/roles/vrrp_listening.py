# SPDX-License-Identifier: Apache-2.0
"""An instance's ear: whose adverts pass, what is remarked of them, and what is said of those that do not."""

from __future__ import annotations

import time

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_refusals import Refusals
from bascule.daemon.roles.vrrp_rim import Rim
from bascule.daemon.roles.vrrp_seats import Seat
from bascule.daemon.roles.vrrp_settings import expected_of
from bascule.daemon.roles.vrrp_speaking import Speaker
from bascule.model.base import IPAddress
from bascule.model.configuration import ChecksumForm, VrrpInstance
from bascule.vrrp import acceptance
from bascule.vrrp.packet import Advert, Datagram, RefusedPacketError


class Listener(Speaker):
    """What an instance hears. Signatures and sequence numbers are those that it speaks with."""

    def __init__(self, rim: Rim, log: Log, seat: Seat) -> None:
        """Nothing has been heard."""
        super().__init__(rim, log, seat)
        self.refusals = Refusals()
        self.received = 0
        self.checksum_forms: dict[str, int] = {}
        """Adverts received, by what their checksum covers."""

    def _configure(self, config: VrrpInstance, source: IPAddress) -> None:
        super()._configure(config, source)
        self._expected = expected_of(config)
        self._familiar: IPAddress | None = None
        """Whose addresses need not be compared again."""
        self._remarked: tuple[Advert, IPAddress] | None = None

    def _accept(
        self, advert: Advert, datagram: Datagram, own: frozenset[IPAddress], now: float
    ) -> RefusedPacketError | None:
        """Count an advert with this VRID, and say seldom why one does not pass; returns that, too."""
        try:
            acceptance.verify(advert, datagram, self._expected, own, datagram.source == self._familiar)
            if self._guard is not None:
                self._say_clock(datagram.source, self._guard.check(datagram, time.time()), now)
            if datagram.ah is not None and self.sequences is not None:
                self.sequences.hear(datagram.source, datagram.ah.sequence)
        except RefusedPacketError as error:
            self._refused(error, datagram.source, now)
            return error
        self.received += 1
        if self.config.skip_check_adv_addr:
            self._familiar = datagram.source
        form = advert.checksum_form.value
        self.checksum_forms[form] = self.checksum_forms.get(form, 0) + 1
        if advert.checksum_form is ChecksumForm.OLD_UNICAST is not self._form:
            self._fall_back(datagram.source)
        self._remark(advert, datagram, now)
        return None

    def _say_clock(self, source: IPAddress, odd: str | None, now: float) -> None:
        if odd is not None:
            self._say("clock_differs", f"{source}: {odd}", now)

    def _fall_back(self, source: IPAddress) -> None:
        """Send the old unicast checksum, too, as keepalived means to, until the configuration is another.

        Only for a peer: a stranger's must not decide what peers hear.
        """
        if any(source == peer.address for peer in self.config.unicast_peers):
            self._form = ChecksumForm.OLD_UNICAST
            self._payloads.clear()
            self._log.warning("old_unicast_checksum", instance=self.name, source=source, detail="sent from now on")

    def _remark(self, advert: Advert, datagram: Datagram, now: float) -> None:
        """Say how an advert differs from what is configured here; most are as the one before."""
        if (advert, datagram.source) == self._remarked:
            return
        self._remarked = (advert, datagram.source)
        for remark, detail in acceptance.remarks(advert, datagram, self._expected):
            self._say(remark.value, f"{datagram.source}: {detail}", now)

    def _refused(self, error: RefusedPacketError, source: IPAddress, now: float) -> None:
        count = self.refusals.count(error, now)
        if count:
            self._log.warning(
                "packet_refused",
                instance=self.name,
                reason=error.reason.value,
                source=source,
                count=count,
                detail=error.detail,
            )
