//! A conference's tick: what all said is mixed and sent.

use core::time::Duration;
use std::collections::VecDeque;

use machine::Time;
use smallvec::SmallVec;

use super::super::Engine;
use super::super::give_out;
use super::super::output::{Channel, Event, Output, Stats, Transmit};
use super::super::playout::Pulled;
use super::super::stream::{Key, Stream};
use super::{Conference, ConferenceKey, TICK};
use crate::buffer::Packet;
use crate::codec::CodecKind;
use crate::mixer::Heard;
use crate::packet::RtpHeader;

/// Ticks that are missed by a caller who is at most so late are made good at once; after that, the schedule begins anew.
const MAX_LATE: Duration = Duration::from_millis(200);
/// How far the clock may be ahead where a conference takes over from a bridge and the receiver is not to notice: 40 ms.
const SLACK: u32 = 320;

/// The packets that a member is sent.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Packets {
    /// Whether the last packet of the stream was of this conference, so that the next one follows it without a gap.
    joined: bool,
    /// Ticks in which the conference was silent since the member joined and has been sent nothing, up to two: what he
    /// heard before goes on in one of them.
    awaited: u8,
    /// Samples that do not fill a packet yet, where packets are not 20 ms long.
    pending: Vec<i16>,
}

/// What is the same for many members: coded once.
type Coded = SmallVec<[(CodecKind, bool, SmallVec<[u8; 160]>); 4]>;

impl Engine {
    /// Mixes what the members of a conference said, and sends it.
    pub(in super::super) fn tick(&mut self, key: ConferenceKey, due: Time) {
        self.conferences.ticks.pop_front();
        let overslept = due + MAX_LATE < self.now;
        let due = if overslept { self.now } else { due };
        self.conferences.schedule(key, due + TICK);
        self.gather(key);
        let Some(conference) = self.conferences.conferences.get_mut(key) else {
            return;
        };
        conference.mixer.mix();
        let mut coded = Coded::new();
        let mut out = Out {
            outputs: &mut self.outputs,
            stats: &mut self.stats,
            limit: self.config.limits.outputs,
            due,
            overslept,
        };
        for member in &conference.members {
            if let Some(stream) = self.streams.get_mut(*member) {
                send(conference, stream, &mut coded, &mut out);
            }
        }
        self.tell_speaker(key);
    }

    /// Takes what each member and the play-out say in this tick.
    fn gather(&mut self, key: ConferenceKey) {
        let Some(conference) = self.conferences.conferences.get_mut(key) else {
            return;
        };
        for member in &conference.members {
            let Some(stream) = self.streams.get_mut(*member) else {
                continue;
            };
            let Some(member) = &mut stream.member else { continue };
            let Ok(frame) = conference.mixer.frame_mut(member.party) else {
                continue;
            };
            let pulled = member.playout.pull(frame);
            self.stats.concealed += u64::from(pulled == Pulled::Patched);
            if pulled == Pulled::Nothing || !stream.config.receive {
                let _ = conference.mixer.withdraw(member.party);
            }
        }
        let Some(play) = &mut conference.play else { return };
        let Ok(frame) = conference.mixer.frame_mut(play.party) else {
            return;
        };
        let filled = play.playback.fill(&self.library, self.config.country, frame);
        frame.iter_mut().skip(filled).for_each(|sample| *sample = 0);
        if filled == 0 {
            self.end_conference_play(key, true);
        }
    }

    fn tell_speaker(&mut self, key: ConferenceKey) {
        let Some(conference) = self
            .conferences
            .conferences
            .get_mut(key)
            .filter(|c| c.config.tell_speaker)
        else {
            return;
        };
        let speaker = conference.mixer.active_speaker();
        let stream_of = |key: &Key| {
            let stream = self.streams.get(*key)?;
            (Some(stream.member.as_ref()?.party) == speaker).then_some(stream.id)
        };
        let stream = speaker.and_then(|_| conference.members.iter().find_map(stream_of));
        if core::mem::replace(&mut conference.speaker, stream) != stream {
            let event = Event::Speaker {
                conference: conference.id,
                stream,
            };
            self.outputs.push_back(event.into());
        }
    }
}

/// Where packets go, and for which moment.
struct Out<'a> {
    outputs: &'a mut VecDeque<Output>,
    stats: &'a mut Stats,
    limit: usize,
    due: Time,
    /// Whether the schedule begins anew, and timestamps with it.
    overslept: bool,
}

/// Sends a member what he hears in this tick.
fn send(conference: &Conference, stream: &mut Stream, coded: &mut Coded, out: &mut Out<'_>) {
    let overridden = stream.is_overridden();
    let Some(member) = &mut stream.member else { return };
    let Ok(heard) = conference.mixer.heard(member.party) else {
        return;
    };
    let packets = &mut member.sending;
    packets.joined &= !out.overslept;
    let Some(_) = stream.latch.remote().filter(|_| stream.config.send && !overridden) else {
        packets.joined = false;
        packets.pending.clear();
        return;
    };
    if heard == Heard::Silence && !packets.joined && packets.awaited < 2 {
        packets.awaited += 1;
        return;
    }
    let codec = stream.config.codec;
    let frame = codec.rate().samples(20);
    let wanted = codec.rate().samples(stream.config.ptime_ms);
    if wanted == frame && packets.pending.is_empty() {
        match heard {
            Heard::Own(samples) => {
                let mut codes = SmallVec::<[u8; 160]>::from_elem(0, samples.len());
                codec.encode_all(samples, &mut codes);
                packet(stream, &codes, frame, out);
            }
            Heard::Silence | Heard::Shared(_) => packet(stream, once(coded, codec, heard, frame), frame, out),
        }
        return;
    }
    match heard.samples() {
        Some(samples) => packets.pending.extend_from_slice(samples),
        None => packets.pending.resize(packets.pending.len() + frame, 0),
    }
    let mut pending = core::mem::take(&mut packets.pending);
    while let Some(samples) = pending.get(..wanted) {
        let mut codes = SmallVec::<[u8; 800]>::from_elem(0, wanted);
        codec.encode_all(samples, &mut codes);
        packet(stream, &codes, wanted, out);
        pending.drain(..wanted);
    }
    if let Some(member) = &mut stream.member {
        member.sending.pending = pending;
    }
}

/// What many hear, coded once.
fn once<'a>(coded: &'a mut Coded, codec: CodecKind, heard: Heard<'_>, frame: usize) -> &'a [u8] {
    let silent = heard == Heard::Silence;
    let known = coded
        .iter()
        .position(|(kind, is_silent, _)| (*kind, *is_silent) == (codec, silent));
    let at = known.unwrap_or_else(|| {
        let mut codes = SmallVec::from_elem(0, frame);
        codec.encode_all(heard.samples().unwrap_or(&[0; 160]), &mut codes);
        coded.push((codec, silent, codes));
        coded.len() - 1
    });
    coded.get(at).map(|(_, _, codes)| codes.as_slice()).unwrap_or_default()
}

fn packet(stream: &mut Stream, codes: &[u8], samples: usize, out: &mut Out<'_>) {
    let (Some(member), Some(remote)) = (&mut stream.member, stream.latch.remote()) else {
        return;
    };
    let sending = &mut stream.sending;
    let (timestamp, follows) = if member.sending.joined {
        (sending.following(), true)
    } else {
        sending.taking_over(out.due, SLACK)
    };
    member.sending.joined = true;
    let header = RtpHeader {
        marker: !follows,
        payload_type: stream.config.send_payload,
        sequence: sending.next_sequence(),
        timestamp,
        ssrc: sending.ssrc(),
    };
    let mut data = Packet::from_slice(&header.to_bytes());
    data.extend_from_slice(codes);
    let at = sending.moment_of(timestamp, out.due);
    let samples = u32::try_from(samples).unwrap_or(0);
    sending.sent(at, header.sequence, timestamp, samples, codes.len());
    let transmit = Transmit {
        stream: stream.id,
        channel: Channel::Rtp,
        remote,
        data,
    };
    give_out(out.outputs, out.stats, out.limit, transmit);
}
