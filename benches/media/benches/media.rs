//! `rtp-media` measured, beside other crates where there are any.
//!
//! `RATIO <name> <ours> <unit> <peer> <peer's value> <ours/peer>` and `FIGURE <name> <value> <unit>`: medians.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use bench_media::{alternate, figure, ratio};
use machine::{Machine, Time};
use rtp_media::mixer::{Gain, Instructions, Mixer, MixerConfig, PartyId, Role, Settings};
use rtp_media::packet::{RtpHeader, RtpWriter};
use rtp_media::resample::{Rate, Resampler};
use rtp_media::{
    Channel, Command, ConferenceConfig, ConferenceId, Engine, EngineConfig, MemberSettings, Output, StreamConfig,
    StreamId,
};
use rubato::Resampler as _;

fn main() {
    // `cargo test` and `cargo bench -- --test` only ask whether it can be started.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    mixing();
    listeners();
    resampling();
    conferences();
}

/// A conference at 16 kHz: 320 samples a tick.
#[derive(Clone)]
struct Conference {
    mixer: Mixer,
    parties: Vec<PartyId>,
    voices: Vec<[i16; 320]>,
}

impl Conference {
    fn new(instructions: Instructions, parties: usize, settings: Settings) -> Self {
        let mut config = MixerConfig::default();
        config.instructions = instructions;
        let mut mixer = Mixer::new(config);
        let parties: Vec<PartyId> = (0..parties)
            .map(|_| mixer.join(Rate::Hz16000, settings).expect("there is room"))
            .collect();
        let mut state = 1_u32;
        let voices = parties
            .iter()
            .map(|_| {
                std::array::from_fn(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 16) as u16 as i16 >> 3
                })
            })
            .collect();
        Self { mixer, parties, voices }
    }

    /// What it costs to copy the frames into the mixer: a decoder that writes in place saves it.
    fn hand_in_and_back(&mut self) {
        for (party, voice) in self.parties.iter().zip(&self.voices) {
            self.mixer.push(*party, voice).expect("a frame of a tick");
            self.mixer.withdraw(*party).expect("has not left");
        }
    }

    /// A tick in which the first `speakers` hand in a frame, and everybody takes what he hears.
    fn tick(&mut self, speakers: usize) {
        for (party, voice) in self.parties.iter().zip(&self.voices).take(speakers) {
            self.mixer.push(*party, voice).expect("a frame of a tick");
        }
        self.mixer.mix();
        for party in &self.parties {
            _ = black_box(self.mixer.heard(*party).expect("has not left"));
        }
    }
}

/// Everybody speaks.
fn mixing() {
    let (best, baseline) = (Instructions::best(), Instructions::baseline());
    for parties in [3, 10, 100, 1_000] {
        let [mut one, mut other] = [best, baseline].map(|path| Conference::new(path, parties, Settings::default()));
        let mut plain = Plain::new(&one.voices);
        let mut handed = one.clone();
        let times = alternate(&mut [
            &mut || one.tick(parties),
            &mut || other.tick(parties),
            &mut || plain.tick(),
            &mut || handed.hand_in_and_back(),
        ]);
        let each = |n: usize| times[n] / parties as f64;
        for (n, path) in [(0, best), (1, baseline)] {
            ratio(
                &format!("media/mix_{parties}_{}", path.name()),
                each(n),
                "ns/party",
                "plain_loops",
                each(2),
            );
        }
        figure(&format!("media/mix_{parties}_copying_alone"), each(3), "ns/party");
    }
    let mut loud = Settings::default();
    loud.gain = Gain::from_db(3);
    let mut gains = Conference::new(best, 100, loud);
    let times = alternate(&mut [&mut || gains.tick(100)]);
    figure("media/mix_100_with_gain", times[0] / 100.0, "ns/party");
}

/// Few speak, many listen.
fn listeners() {
    let mut room = Conference::new(Instructions::best(), 1_000, Settings::default());
    let mut monitors = Conference::new(Instructions::best(), 1_000, Settings::new(Role::Monitor));
    let times = alternate(&mut [&mut || room.tick(3), &mut || room_of(&mut monitors)]);
    figure("media/mix_1000_of_whom_3_speak", times[0] / 1_000.0, "ns/party");
    figure("media/mix_1000_monitors", times[1] / 1_000.0, "ns/party");
}

fn room_of(monitors: &mut Conference) {
    monitors.tick(0);
}

/// What one would write first: the sum, and for each what it is without him.
struct Plain {
    voices: Vec<Vec<i16>>,
    sums: Vec<i32>,
    out: Vec<Vec<i16>>,
}

impl Plain {
    fn new(voices: &[[i16; 320]]) -> Self {
        Self {
            voices: voices.iter().map(|voice| voice.to_vec()).collect(),
            sums: vec![0; 320],
            out: vec![vec![0; 320]; voices.len()],
        }
    }

    fn tick(&mut self) {
        for n in 0..320 {
            self.sums[n] = self.voices.iter().map(|voice| i32::from(voice[n])).sum();
        }
        for (voice, out) in self.voices.iter().zip(&mut self.out) {
            for n in 0..320 {
                out[n] = (self.sums[n] - i32::from(voice[n])).clamp(-32_768, 32_767) as i16;
            }
        }
        black_box(&self.out);
    }
}

/// 20 ms from one rate to another.
fn resampling() {
    for (from, to) in [
        (Rate::Hz8000, Rate::Hz16000),
        (Rate::Hz16000, Rate::Hz8000),
        (Rate::Hz48000, Rate::Hz8000),
    ] {
        let mut ours = Resampler::new(from, to);
        let (frame, mut out) = (vec![1_000; from.samples(20)], vec![0; to.samples(20)]);
        let mut theirs =
            rubato::FftFixedIn::<f32>::new(from.hertz() as usize, to.hertz() as usize, from.samples(20), 1, 1)
                .expect("rates that it knows");
        let (wave, mut heard) = ([vec![0.1_f32; from.samples(20)]], theirs.output_buffer_allocate(true));
        let times = alternate(&mut [
            &mut || ours.process(&frame, &mut out).expect("frames of 20 ms"),
            &mut || _ = black_box(theirs.process_into_buffer(&wave, &mut heard, None)),
        ]);
        let name = format!("media/resample_{}_to_{}", from.hertz(), to.hertz());
        ratio(&name, times[0], "ns/frame", "rubato", times[1]);
    }
}

/// An engine with conferences, in which everybody speaks: a packet in and a packet out for each 20 ms.
struct Rooms {
    engine: Engine,
    now: Time,
    streams: u64,
    number: u32,
    payload: [u8; 160],
}

impl Rooms {
    fn new(rooms: u64, members: u64) -> Self {
        let mut engine = Engine::new(EngineConfig::default(), [1; 32]);
        let now = Time::from_secs(1_700_000_000);
        let mut ask = |command| engine.handle(now, command).expect("within the limits");
        for room in 0..rooms {
            let (conference, config) = (ConferenceId(room), ConferenceConfig::default());
            ask(Command::OpenConference { conference, config });
            for member in 0..members {
                let stream = StreamId(room * members + member);
                let mut config = StreamConfig::new(([198, 51, 100, 1], 20_000).into());
                config.remote = Some(peer());
                ask(Command::Open { stream, config });
                let settings = MemberSettings::default();
                ask(Command::Join {
                    conference,
                    stream,
                    settings,
                });
            }
        }
        let payload = std::array::from_fn(|n| (n * 37 % 256) as u8);
        Self {
            engine,
            now,
            streams: rooms * members,
            number: 0,
            payload,
        }
    }

    fn tick(&mut self) {
        let header = RtpHeader {
            marker: false,
            payload_type: 0,
            sequence: self.number as u16,
            timestamp: self.number.wrapping_mul(160),
            ssrc: 7,
        };
        self.number += 1;
        let packet = RtpWriter::new(header, &self.payload).to_packet().expect("a packet");
        for stream in 0..self.streams {
            self.engine
                .receive(self.now, StreamId(stream), Channel::Rtp, peer(), &packet);
        }
        self.now += Duration::from_millis(20);
        self.engine.handle_timeout(self.now);
        let mut sent = 0;
        while let Some(output) = self.engine.poll_output() {
            sent += u64::from(matches!(output, Output::Transmit(_)));
        }
        assert!(sent >= self.streams, "a packet for each");
    }
}

fn peer() -> SocketAddr {
    ([192, 0, 2, 1], 4_000).into()
}

/// What a member costs in 20 ms, from the packet that comes to the one that goes.
fn conferences() {
    let (mut threes, mut hundred) = (Rooms::new(100, 3), Rooms::new(1, 100));
    // A first tick, in which the queues have nothing yet.
    threes.tick();
    hundred.tick();
    let times = alternate(&mut [&mut || threes.tick(), &mut || hundred.tick()]);
    figure("media/conference_of_3", times[0] / 300.0, "ns/member");
    figure("media/conference_of_100", times[1] / 100.0, "ns/member");
}
