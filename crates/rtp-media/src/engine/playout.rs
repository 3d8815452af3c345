//! What a member of a conference says, brought from packets as they come to frames of 20 ms.
//!
//! A small queue: a packet is played at the first tick after it came, and the delay grows by what a late one was missed for. What has not
//! been needed for a second is given back. An adaptive buffer can take its place behind the same methods.

use std::collections::VecDeque;

use super::relay::Passing;
use super::stream::{Key, Payload};
use crate::buffer::Packet;
use crate::codec::CodecKind;

/// Packets that are held at most.
const MAX_HELD: usize = 32;
/// Samples that are held at most, from the next to be played to the end of the newest: 200 ms.
const MAX_AHEAD: i32 = 1_600;
/// For how many ticks more than [`SPARE`] has to lie unused before a frame is left out: a second.
const PATIENCE: u8 = 50;
/// Samples kept against jitter: 20 ms.
const SPARE: u32 = 160;
/// Samples in which sound comes back after a gap, and the longest that a gap is filled: 5 and 20 ms.
const FADE_IN: usize = 40;
const FILLED: usize = 160;

/// A packet that waits to be played.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Held {
    pub(super) number: u32,
    pub(super) timestamp: u32,
    pub(super) codec: CodecKind,
    pub(super) payload: Packet,
}

impl Held {
    /// The packet as it came.
    pub(super) fn passing(&self, source: Key, ssrc: u32) -> Passing<'_> {
        Passing {
            source,
            ssrc,
            number: self.number,
            restarted: false,
            timestamp: self.timestamp,
            marker: false,
            kind: Payload::Sound(self.codec),
            payload: &self.payload,
        }
    }

    fn samples(&self) -> u32 {
        count(self.codec.samples(&self.payload))
    }
}

/// What [`Playout::pull`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulled {
    /// The frame is what was said.
    Sound,
    /// Something was missing, and filled in.
    Patched,
    /// There is nothing; the frame means nothing.
    Nothing,
}

/// The queue. Timestamps and samples are at 8 kHz.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Playout {
    /// By timestamp.
    held: VecDeque<Held>,
    ssrc: u32,
    /// The timestamp of the next sample to be played; `None` before the first packet.
    at: Option<u32>,
    /// The number of the newest packet.
    newest: u32,
    /// Samples that were wanted since the queue ran dry.
    starved: u32,
    /// The newest samples that were played, and how many were filled in since.
    tail: Vec<i16>,
    gap: usize,
    /// The fewest samples left over by a tick, and for how many ticks they were counted.
    left_over: u32,
    ticks: u8,
    /// Packets that came when their time was over.
    pub(super) late: u64,
}

impl Playout {
    pub(super) fn new() -> Self {
        Self {
            held: VecDeque::with_capacity(MAX_HELD + 1),
            ssrc: 0,
            at: None,
            newest: 0,
            starved: 0,
            tail: vec![0; FILLED],
            // No fading in at first: who comes from a bridge goes on where he was.
            gap: 0,
            left_over: u32::MAX,
            ticks: 0,
            late: 0,
        }
    }

    /// Takes a packet of sound.
    pub(super) fn push(&mut self, packet: &Passing<'_>, codec: CodecKind) {
        let samples = count(codec.samples(packet.payload));
        if samples == 0 {
            return;
        }
        let newer = packet.number.wrapping_sub(self.newest).cast_signed() > 0;
        if self.at.is_none() || packet.restarted || packet.ssrc != self.ssrc {
            self.restart(packet);
        }
        let at = self.at.unwrap_or(packet.timestamp);
        let ahead = packet.timestamp.wrapping_sub(at).cast_signed();
        if self.held.is_empty() && newer && !(0..=MAX_AHEAD).contains(&ahead) {
            // After a pause, or where the sender's clock leapt, its time is what it says.
            self.restart(packet);
        } else if self.held.is_empty() && ahead > 0 {
            // What was waited for in vain will not come, or is over.
            self.at = Some(at.wrapping_add(self.starved.min(ahead.unsigned_abs())));
        } else if ahead.saturating_add(samples.cast_signed()) <= 0 {
            self.late += 1;
            return;
        }
        if newer {
            self.newest = packet.number;
        }
        self.starved = 0;
        self.insert(Held {
            number: packet.number,
            timestamp: packet.timestamp,
            codec,
            payload: Packet::from_slice(packet.payload),
        });
        self.make_room();
    }

    /// Writes the next frame, at most [`FILLED`] samples long.
    pub(super) fn pull(&mut self, frame: &mut [i16]) -> Pulled {
        if self.at.is_none() {
            return Pulled::Nothing;
        }
        let mut pulled = self.fill(frame);
        let over = self.span();
        self.left_over = self.left_over.min(over);
        self.ticks = self.ticks.saturating_add(1);
        if self.ticks >= PATIENCE {
            if self.left_over > SPARE && self.left_over != u32::MAX && pulled == Pulled::Sound {
                pulled = self.leave_out(frame);
            }
            (self.ticks, self.left_over) = (0, u32::MAX);
        }
        pulled
    }

    /// The packets that were not begun to be played, and from whom they are.
    pub(super) fn take_rest(&mut self) -> (u32, VecDeque<Held>) {
        let at = self.at.unwrap_or(0);
        let mut held = core::mem::take(&mut self.held);
        held.retain(|held| held.timestamp.wrapping_sub(at).cast_signed() >= 0);
        (self.ssrc, held)
    }

    fn restart(&mut self, packet: &Passing<'_>) {
        self.held.clear();
        (self.at, self.ssrc) = (Some(packet.timestamp), packet.ssrc);
        // Older than the packet, which is the newest.
        self.newest = packet.number;
        self.starved = 0;
        (self.ticks, self.left_over) = (0, u32::MAX);
    }

    fn insert(&mut self, new: Held) {
        let after = |held: &Held| new.timestamp.wrapping_sub(held.timestamp).cast_signed();
        let behind = self.held.iter().rev().take_while(|held| after(held) < 0).count();
        let place = self.held.len() - behind;
        let twin = place.checked_sub(1).and_then(|before| self.held.get(before));
        if twin.is_none_or(|twin| after(twin) != 0) {
            self.held.insert(place, new);
        }
    }

    /// Leaves out the oldest while there is too much: first a hole before it, then the packet.
    fn make_room(&mut self) {
        while self.held.len() > MAX_HELD || self.span().cast_signed() > MAX_AHEAD {
            let Some(front) = self.held.front() else { return };
            let hole = front.timestamp.wrapping_sub(self.at.unwrap_or(0)).cast_signed();
            if hole > 0 {
                self.at = Some(front.timestamp);
            } else if let Some(oldest) = self.held.pop_front() {
                self.at = Some(oldest.timestamp.wrapping_add(oldest.samples()));
            }
        }
    }

    /// Samples from the next to be played to the end of the newest.
    fn span(&self) -> u32 {
        let (Some(at), Some(last)) = (self.at, self.held.back()) else {
            return 0;
        };
        let span = last
            .timestamp
            .wrapping_add(last.samples())
            .wrapping_sub(at)
            .cast_signed();
        span.max(0).cast_unsigned()
    }

    /// Passes from this frame to the next, as if both were one.
    fn leave_out(&mut self, frame: &mut [i16]) -> Pulled {
        let mut next = [0; FILLED];
        let next = next.get_mut(..frame.len()).unwrap_or_default();
        let pulled = self.fill(next);
        let length = i32::try_from(frame.len()).unwrap_or(1);
        for ((sample, next), n) in frame.iter_mut().zip(next).zip(0..) {
            let mixed = (i32::from(*sample) * (length - n) + i32::from(*next) * n) / length;
            *sample = i16::try_from(mixed).unwrap_or(0);
        }
        pulled
    }

    fn fill(&mut self, frame: &mut [i16]) -> Pulled {
        let mut pulled = Pulled::Sound;
        let mut heard = self.gap < FILLED;
        let mut filled = 0;
        while let Some(rest) = frame.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let (at, wanted) = (self.at.unwrap_or(0), rest.len());
            let Some(front) = self.held.front() else {
                self.starved = self.starved.saturating_add(count(wanted));
                patch(&self.tail, &mut self.gap, rest);
                pulled = Pulled::Patched;
                break;
            };
            let into = at.wrapping_sub(front.timestamp).cast_signed();
            let done = if into < 0 {
                let gap = usize::try_from(into.unsigned_abs()).unwrap_or(wanted).min(wanted);
                patch(&self.tail, &mut self.gap, rest.get_mut(..gap).unwrap_or_default());
                pulled = Pulled::Patched;
                gap
            } else {
                let into = usize::try_from(into).unwrap_or(0);
                let done = front.codec.decode_from(&front.payload, into, rest);
                if into.saturating_add(done) >= front.codec.samples(&front.payload) {
                    self.held.pop_front();
                }
                if done > 0 {
                    heard = true;
                    let played = rest.get_mut(..done).unwrap_or_default();
                    rise(&mut self.gap, played);
                    remember(&mut self.tail, played);
                }
                done
            };
            self.at = Some(at.wrapping_add(count(done)));
            filled += done;
        }
        if heard { pulled } else { Pulled::Nothing }
    }
}

/// Fills a gap with what was heard last, backwards, so that there is no step, and fading to nothing.
fn patch(tail: &[i16], gap: &mut usize, out: &mut [i16]) {
    for sample in out {
        let left = tail.len().saturating_sub(*gap);
        let mirrored = left.checked_sub(1).and_then(|at| tail.get(at)).copied().unwrap_or(0);
        let faded =
            i32::from(mirrored) * i32::try_from(left).unwrap_or(0) / i32::try_from(tail.len().max(1)).unwrap_or(1);
        *sample = i16::try_from(faded).unwrap_or(0);
        *gap = gap.saturating_add(1).min(FILLED);
    }
}

/// Lets sound after a gap rise.
fn rise(gap: &mut usize, played: &mut [i16]) {
    if core::mem::take(gap) == 0 {
        return;
    }
    let steps = i32::try_from(FADE_IN).unwrap_or(1);
    for (sample, step) in played.iter_mut().zip(1..steps) {
        *sample = i16::try_from(i32::from(*sample) * step / steps).unwrap_or(0);
    }
}

fn remember(tail: &mut [i16], played: &[i16]) {
    let new = played.len().min(tail.len());
    tail.copy_within(new.., 0);
    let place = tail.len() - new;
    let newest = played.get(played.len() - new..).unwrap_or_default();
    if let Some(tail) = tail.get_mut(place..) {
        tail.copy_from_slice(newest);
    }
}

fn count(samples: usize) -> u32 {
    u32::try_from(samples).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn passing(number: u32, timestamp: u32, ssrc: u32, payload: &[u8]) -> Passing<'_> {
        Passing {
            source: Key::default(),
            ssrc,
            number,
            restarted: false,
            timestamp,
            marker: false,
            kind: Payload::Sound(CodecKind::Pcmu),
            payload,
        }
    }

    fn push(playout: &mut Playout, number: u32, timestamp: u32, ssrc: u32, payload: &[u8]) {
        playout.push(&passing(number, timestamp, ssrc, payload), CodecKind::Pcmu);
    }

    #[test]
    fn what_comes_in_time_is_played_as_it_came_over_the_wrap() {
        let mut playout = Playout::new();
        assert_eq!(playout.pull(&mut [0; 160]), Pulled::Nothing);
        for n in 0..500u32 {
            let code = u8::try_from(n % 256).unwrap();
            push(&mut playout, n, (n * 160).wrapping_sub(20_000), 1, &[code; 160]);
            let mut frame = [0; 160];
            assert_eq!(playout.pull(&mut frame), Pulled::Sound);
            assert_eq!(frame, [CodecKind::Pcmu.decode(code); 160]);
        }
    }

    #[test]
    fn a_source_that_begins_anew_or_pauses_or_leaps_is_played_at_once() {
        let mut playout = Playout::new();
        let mut heard = |number, timestamp, ssrc| {
            push(&mut playout, number, timestamp, ssrc, &[0x80; 160]);
            let mut frame = [0; 160];
            let pulled = playout.pull(&mut frame);
            for _ in 0..3 {
                playout.pull(&mut [0; 160]);
            }
            (pulled, frame[159])
        };
        // Each time the queue has run dry before: a pause, another source, a clock set forward and back.
        for (number, timestamp, ssrc) in [
            (5, 0, 1),
            (6, 640, 1),
            (1, 9, 2),
            (2, 900_000, 2),
            (3, 50, 2),
            (4, 690, 2),
        ] {
            assert_eq!(
                heard(number, timestamp, ssrc),
                (Pulled::Sound, 32_124),
                "{number} {timestamp}"
            );
        }
        assert_eq!(heard(2, 400, 2).0, Pulled::Nothing, "an old packet");
        assert_eq!(playout.late, 1);
    }

    #[test]
    fn needless_delay_is_given_back_without_a_step() {
        let mut playout = Playout::new();
        let sample = |at: u32| {
            let phase = f64::from(at) * core::f64::consts::TAU / 800.0;
            #[expect(clippy::cast_possible_truncation, reason = "8,000 at most")]
            let sample = (phase.sin() * 8_000.0).round() as i16;
            CodecKind::Pcmu.encode(sample)
        };
        let mut before = None;
        for n in 0..2_000u32 {
            let payload: Vec<u8> = (n * 160..(n + 1) * 160).map(sample).collect();
            push(&mut playout, n, n * 160, 1, &payload);
            // Five packets lie there before the first is played.
            if n < 5 {
                continue;
            }
            let mut frame = [0; 160];
            assert_eq!(playout.pull(&mut frame), Pulled::Sound);
            for sample in frame {
                let before = before.replace(sample).unwrap_or(sample);
                assert!((i32::from(sample) - i32::from(before)).abs() < 700, "{before} {sample}");
            }
        }
        assert!(playout.span() <= SPARE, "{}", playout.span());
    }

    proptest! {
        /// Whatever comes, whenever: what is held has its limits, and in the end the newest is heard.
        #[test]
        fn any_packets_in_any_order(
            steps in proptest::collection::vec((0u8..6, any::<u16>(), any::<u16>(), 0usize..700, 0u32..3), 1..200),
        ) {
            let mut playout = Playout::new();
            let mut timestamp = 0u32;
            for (n, (kind, number, jump, length, ssrc)) in (0u32..).zip(steps) {
                let mut frame = [0; 160];
                match kind {
                    0 | 1 => _ = playout.pull(&mut frame),
                    2 => {
                        timestamp = timestamp.wrapping_add(160);
                        push(&mut playout, n, timestamp, 1, &[7; 160]);
                    }
                    3 => push(&mut playout, u32::from(number), u32::from(jump) << 16, ssrc, &vec![7; length]),
                    4 => push(&mut playout, n, timestamp.wrapping_add(u32::from(jump)), 1, &vec![7; length * 2]),
                    _ => {
                        timestamp = timestamp.wrapping_sub(u32::from(jump));
                        push(&mut playout, n, timestamp, 1, &vec![7; length]);
                    }
                }
                prop_assert!(playout.held.len() <= MAX_HELD && playout.span().cast_signed() <= MAX_AHEAD);
                let rising = |(one, next): (&Held, &Held)| next.timestamp.wrapping_sub(one.timestamp).cast_signed() > 0;
                prop_assert!(playout.held.iter().zip(playout.held.iter().skip(1)).all(rising));
            }
            // The queue runs dry, and whoever speaks next is heard.
            for _ in 0..20 {
                playout.pull(&mut [0; 160]);
            }
            push(&mut playout, 1_000_000, 77, 9, &[0x80; 160]);
            let mut frame = [0; 160];
            prop_assert_eq!(playout.pull(&mut frame), Pulled::Sound);
            prop_assert_eq!(frame[159], 32_124);
        }
    }
}
