//! RTCP: reports every few seconds, what the peer's reports say, and the goodbye.

use core::net::SocketAddr;
use core::time::Duration;

use machine::Time;
use rand_core::Rng;

use super::Engine;
use super::output::Channel;
use super::stream::{Key, Stream};
use super::timers::Timer;
use crate::rtcp::{Compound, ReportBlock, RtcpPacket, RtcpWriter};
use crate::session::{CLOCK, low_word, ntp, ntp_middle, same};

/// A round trip longer than this is a peer's mistake, in 65536ths of a second: a minute.
const MAX_ROUND_TRIP: u32 = 60 << 16;

/// What a stream knows by RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Reports {
    /// The peer's last sender report: the middle of its NTP time, and when it came.
    last: Option<(u32, Time)>,
    /// The peer's RTCP address, where it is not the one that the agreement says.
    learned: Option<SocketAddr>,
    /// Packets sent at the last report, and at the one before.
    sent_at: [u64; 2],
    /// Packets received at the last report.
    received_at: u64,
    /// Whether any report was sent.
    began: bool,
    pub(super) remote_lost: Option<i32>,
    pub(super) remote_jitter: Option<Duration>,
    pub(super) round_trip: Option<Duration>,
}

impl Reports {
    /// The peer has another address.
    pub(super) fn forget_remote(&mut self) {
        self.learned = None;
    }

    fn take_block(&mut self, now: Time, block: &ReportBlock) {
        self.remote_lost = Some(block.lost);
        self.remote_jitter = Some(Duration::from_nanos(u64::from(block.jitter) * (1_000_000_000 / CLOCK)));
        if block.last_report != 0 {
            let away = ntp_middle(ntp(now))
                .wrapping_sub(block.last_report)
                .wrapping_sub(block.since_last);
            if away <= MAX_ROUND_TRIP {
                self.round_trip = Some(Duration::from_nanos((u64::from(away) * 1_000_000_000) >> 16));
            }
        }
    }
}

impl Stream {
    fn rtcp_remote(&self) -> Option<SocketAddr> {
        let after = |mut address: SocketAddr| {
            address.set_port(address.port().checked_add(1)?);
            Some(address)
        };
        match (self.reports.learned, self.latch.learned()) {
            (Some(learned), _) => Some(learned),
            (None, Some(rtp)) => after(rtp),
            (None, None) => self.config.remote_rtcp.or_else(|| after(self.latch.remote()?)),
        }
    }

    /// A report of this moment; a sender's if RTP was sent in the last two intervals (RFC 3550 §6.4).
    fn rtcp_report(&mut self, now: Time) -> RtcpWriter {
        let last = self.reports.last;
        let block = self.reception.as_mut().and_then(|reception| {
            let received = reception.total_received();
            let before = core::mem::replace(&mut self.reports.received_at, received);
            let since = last.map_or(0, |(_, at)| {
                low_word(u64::try_from(((now - at).as_nanos() << 16) / 1_000_000_000).unwrap_or(u64::MAX))
            });
            (received != before).then(|| reception.report(last.map_or(0, |(middle, _)| middle), since))
        });
        let blocks = block.as_slice();
        let ssrc = self.sending.ssrc();
        let [newest, before] = self.reports.sent_at;
        self.reports.sent_at = [self.sending.packets(), newest];
        self.reports.began = true;
        if self.sending.packets() > before {
            RtcpWriter::sender_report(ssrc, &self.sending.info(now), blocks)
        } else {
            RtcpWriter::receiver_report(ssrc, blocks)
        }
    }

    fn has_begun(&self) -> bool {
        self.sending.packets() > 0 || self.reception.is_some()
    }
}

impl Engine {
    /// Takes a datagram of RTCP. It changes nothing but what reports tell: a goodbye does not end a call, signalling
    /// does.
    pub(super) fn receive_rtcp(&mut self, key: Key, channel: Channel, remote: SocketAddr, data: &[u8]) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let Ok(compound) = Compound::parse(data) else {
            self.stats.malformed += 1;
            return;
        };
        let known = stream.latch.is_remote(remote) || stream.rtcp_remote().is_some_and(|known| same(known, remote));
        if !known {
            // Behind the same router, RTCP may come from a port of its own: learned once.
            let host = stream.latch.remote().is_some_and(|rtp| rtp.ip() == remote.ip());
            if !host || channel != Channel::Rtcp || stream.reports.learned.is_some() {
                stream.foreign += 1;
                self.stats.foreign += 1;
                return;
            }
            stream.reports.learned = Some(remote);
        }
        self.stats.rtcp += 1;
        let ours = stream.sending.ssrc();
        for packet in compound.packets() {
            let blocks = match packet {
                RtcpPacket::SenderReport(report) => {
                    stream.reports.last = Some((ntp_middle(report.info.ntp), now));
                    report.blocks
                }
                RtcpPacket::ReceiverReport(report) => report.blocks,
                RtcpPacket::Sdes(_) | RtcpPacket::Bye(_) | RtcpPacket::Other { .. } => continue,
            };
            for block in blocks.iter().filter(|block| block.ssrc == ours) {
                stream.reports.take_block(now, &block);
            }
        }
        self.heard(key);
    }

    /// Sends a report, and sets the time of the next.
    pub(super) fn report_due(&mut self, key: Key) {
        let now = self.now;
        let next = now + self.report_interval();
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        self.timers.set(&mut stream.due, key, Timer::Report, Some(next));
        if !stream.has_begun() {
            return;
        }
        let Some(remote) = stream.rtcp_remote() else { return };
        let ssrc = stream.sending.ssrc();
        let data = stream.rtcp_report(now).cname(ssrc, &self.config.cname).finish();
        let id = stream.id;
        self.transmit(id, Channel::Rtcp, remote, data);
    }

    /// Sends the last report, and the goodbye.
    pub(super) fn say_goodbye(&mut self, key: Key) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        // Who has sent nothing leaves without a word (RFC 3550 §6.3.7).
        if stream.sending.packets() == 0 && !stream.reports.began {
            return;
        }
        let Some(remote) = stream.rtcp_remote() else { return };
        let ssrc = stream.sending.ssrc();
        let data = stream
            .rtcp_report(now)
            .cname(ssrc, &self.config.cname)
            .bye(ssrc)
            .finish();
        let id = stream.id;
        self.transmit(id, Channel::Rtcp, remote, data);
    }

    /// The time to the next report: half to one and a half of the mean, and made good for the bias that this brings
    /// (RFC 3550 §6.3.1).
    pub(super) fn report_interval(&mut self) -> Duration {
        let part = u64::from(self.rng.next_u32() >> 16);
        let mean = u64::try_from(self.config.rtcp_interval.as_nanos())
            .unwrap_or(u64::MAX)
            .clamp(1_000_000, 1 << 45);
        let nanos = u128::from(mean) * u128::from(part + 32_768) / 65_536 * 100_000 / 121_828;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
