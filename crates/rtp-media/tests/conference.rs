//! Conferences: who hears whom, when, and what a phone notices of the change from a bridge and back.
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

mod common;

use common::{Rig, Sent, alaw, config, event, ms, rtp};
use machine::{Machine, Time};
use rtp_media::codec::g711;
use rtp_media::mixer::{Gain, Role, Settings};
use rtp_media::{
    Command, CommandError, ConferenceConfig, ConferenceId, EngineConfig, Event, MemberSettings, Output, PlayId, Sound,
    Source, StreamId, Tone,
};

const ROOM: ConferenceId = ConferenceId(1);

fn open(rig: &mut Rig, config: ConferenceConfig) {
    let conference = ROOM;
    rig.command(Command::OpenConference { conference, config }).unwrap();
}

fn join(rig: &mut Rig, stream: u64, settings: MemberSettings) -> Result<(), CommandError> {
    rig.command(Command::Join {
        conference: ROOM,
        stream: StreamId(stream),
        settings,
    })
}

fn set(rig: &mut Rig, stream: u64, settings: MemberSettings) -> Result<(), CommandError> {
    let stream = StreamId(stream);
    rig.command(Command::SetMember { stream, settings })
}

fn whisper(to: u64) -> MemberSettings {
    Settings::new(Role::Whisper { to: StreamId(to) })
}

/// Streams 1 to `members` in a room.
fn room(members: u64) -> Rig {
    let mut rig = Rig::new();
    open(&mut rig, ConferenceConfig::default());
    for stream in 1..=members {
        rig.open(stream, config(stream));
        join(&mut rig, stream, MemberSettings::default()).unwrap();
    }
    rig
}

/// What each stream says all the time: a level.
struct Talk {
    levels: Vec<(u64, i16)>,
    sequence: u16,
}

impl Talk {
    fn new(levels: &[(u64, i16)]) -> Self {
        let levels = levels.to_vec();
        Self { levels, sequence: 100 }
    }

    /// 20 ms, in which each says his level; what was sent to each.
    fn tick(&mut self, rig: &mut Rig) -> Vec<Sent> {
        for (stream, level) in &self.levels {
            let payload = [g711::ulaw_encode(*level); 160];
            rig.receive(
                *stream,
                &rtp(0, self.sequence, u32::from(self.sequence) * 160, &payload),
            );
        }
        self.sequence += 1;
        rig.pass(ms(20))
            .iter()
            .filter_map(|(at, output)| Sent::of(*at, output))
            .collect()
    }
}

/// The last sample that each of the streams was sent.
fn last(sent: &[Sent], streams: &[u64]) -> Vec<i16> {
    let of = |stream: &u64| sent.iter().rfind(|sent| sent.stream == *stream);
    streams
        .iter()
        .map(|stream| g711::ulaw_decode(*of(stream).unwrap().payload.last().unwrap()))
        .collect()
}

/// A level that µ-law keeps.
fn kept(level: i16) -> i16 {
    g711::ulaw_decode(g711::ulaw_encode(level))
}

#[test]
fn everybody_hears_the_others() {
    let mut rig = room(3);
    let mut talk = Talk::new(&[(1, 1_000), (2, 200), (3, -4_000)]);
    let (a, b, c) = (kept(1_000), kept(200), kept(-4_000));
    for tick in 0..50 {
        let sent = talk.tick(&mut rig);
        assert_eq!(sent.len(), 3, "a packet for each every 20 ms");
        if tick > 0 {
            assert_eq!(last(&sent, &[1, 2, 3]), [kept(b + c), kept(a + c), kept(a + b)]);
        }
    }
    assert_eq!((rig.engine.stats().late, rig.engine.stats().concealed), (0, 0));
}

#[test]
fn a_supervisor_listens_whispers_barges_in_and_leaves() {
    let mut rig = room(2);
    rig.open(3, config(3));
    join(&mut rig, 3, Settings::new(Role::Monitor)).unwrap();
    let mut talk = Talk::new(&[(1, 1_000), (2, 200), (3, 4_000)]);
    let (caller, agent, supervisor) = (kept(1_000), kept(200), kept(4_000));
    let mut hears = |rig: &mut Rig| {
        (0..3).for_each(|_| _ = talk.tick(rig));
        last(&talk.tick(rig), &[1, 2, 3])
    };
    let both = kept(caller + agent);
    assert_eq!(hears(&mut rig), [agent, caller, both]);
    set(&mut rig, 3, whisper(2)).unwrap();
    assert_eq!(hears(&mut rig), [agent, kept(caller + supervisor), both]);
    set(&mut rig, 3, MemberSettings::default()).unwrap();
    assert_eq!(
        hears(&mut rig),
        [kept(agent + supervisor), kept(caller + supervisor), both]
    );
    let mut quiet = MemberSettings::default();
    (quiet.gain, quiet.volume) = (Gain::from_db(-6), Gain::SILENT);
    set(&mut rig, 3, quiet).unwrap();
    let half = (f64::from(supervisor) * Gain::from_db(-6).factor()).round() as i16;
    assert_eq!(hears(&mut rig), [kept(agent + half), kept(caller + half), 0]);
    rig.command(Command::Leave { stream: StreamId(3) }).unwrap();
    rig.command(Command::Leave { stream: StreamId(3) }).unwrap();
    assert_eq!(rig.engine.members(ROOM), Some(vec![StreamId(1), StreamId(2)]));
    let sent = talk.tick(&mut rig);
    assert!(sent.iter().all(|sent| sent.stream != 3));
    assert_eq!(last(&sent, &[1, 2]), [agent, caller]);
}

/// Whoever is whispered to may come later, go, and come back.
#[test]
fn a_whisper_waits_for_its_ear() {
    let mut rig = room(1);
    rig.open(2, config(2));
    rig.open(3, config(3));
    join(&mut rig, 3, whisper(2)).unwrap();
    let mut talk = Talk::new(&[(1, 1_000), (2, 200), (3, 4_000)]);
    for _ in 0..3 {
        (0..3).for_each(|_| _ = talk.tick(&mut rig));
        assert_eq!(last(&talk.tick(&mut rig), &[1]), [0], "nobody hears him");
        join(&mut rig, 2, MemberSettings::default()).unwrap();
        (0..3).for_each(|_| _ = talk.tick(&mut rig));
        let sent = talk.tick(&mut rig);
        assert_eq!(last(&sent, &[1, 2]), [kept(200), kept(kept(1_000) + kept(4_000))]);
        rig.command(Command::Leave { stream: StreamId(2) }).unwrap();
    }
}

/// A voice whose every packet is its own, so that what was heard can be told from what was said.
fn said(n: u32) -> [u8; 160] {
    std::array::from_fn(|k| {
        let phase = f64::from(n * 160 + k as u32) * core::f64::consts::TAU / 777.7;
        g711::ulaw_encode((8_000.0 * phase.sin()) as i16)
    })
}

/// A call of two for two seconds; in the second half second a supervisor comes and listens, and goes after a second. What
/// stream 2 was sent, by timestamp. The phones' packets come `phase` after the conference's ticks.
fn supervised(phase: u64, jitter: &dyn Fn(u32) -> u64) -> Vec<Sent> {
    let mut rig = Rig::bridged(2);
    rig.open(3, config(3));
    let start = rig.now;
    let mut heard = Vec::new();
    let mut arrivals: Vec<(Time, u32)> = (0..100)
        .map(|n| (start + ms(u64::from(n) * 20 + phase + jitter(n)), n))
        .collect();
    arrivals.sort_unstable();
    let mut commands = [(start + ms(505), true), (start + ms(1_505), false)]
        .into_iter()
        .peekable();
    for (at, n) in arrivals {
        let mut until = |rig: &mut Rig, until: Time| {
            let passed = rig.pass(until - rig.now);
            heard.extend(
                passed
                    .iter()
                    .filter_map(|(at, output)| Sent::of(*at, output))
                    .filter(|sent| sent.stream == 2),
            );
        };
        if let Some((time, joins)) = commands.next_if(|(time, _)| *time <= at) {
            until(&mut rig, time);
            if joins {
                open(&mut rig, ConferenceConfig::default());
                for (stream, role) in [(1, Role::Participant), (2, Role::Participant), (3, Role::Monitor)] {
                    join(&mut rig, stream, Settings::new(role)).unwrap();
                }
            } else {
                rig.bridge(1, 2);
                rig.command(Command::CloseConference { conference: ROOM }).unwrap();
            }
        }
        until(&mut rig, at);
        rig.receive(1, &rtp(0, n as u16, n * 160, &said(n)));
    }
    let passed = rig.pass(ms(100));
    heard.extend(
        passed
            .iter()
            .filter_map(|(at, output)| Sent::of(*at, output))
            .filter(|sent| sent.stream == 2),
    );
    heard
}

/// Every sample of the call is heard once and in order, the numbering has no hole, and nothing is more than one frame late.
#[test]
fn a_bridge_becomes_a_conference_and_a_bridge_again_without_a_gap_or_a_click() {
    for phase in 0..20 {
        let heard = supervised(phase, &|_| 0);
        let samples: Vec<u8> = heard.iter().flat_map(|sent| sent.payload.clone()).collect();
        let whole: Vec<u8> = (0..100)
            .flat_map(said)
            .map(|code| if code == 0x7f { 0xff } else { code })
            .collect();
        let samples: Vec<u8> = samples
            .into_iter()
            .map(|code| if code == 0x7f { 0xff } else { code })
            .collect();
        assert_eq!(samples.len(), whole.len(), "phase {phase}");
        assert!(samples == whole, "phase {phase}");
        for pair in heard.windows(2) {
            assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
            assert_eq!(
                pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp),
                160,
                "phase {phase}"
            );
            assert_eq!(pair[1].header.ssrc, pair[0].header.ssrc);
            let pause = pair[1].at - pair[0].at;
            assert!(pause <= ms(40), "phase {phase}: {pause:?}");
        }
    }
}

/// The same over a network that delays by up to 15 ms: what is filled in or left out is at most a frame a change.
#[test]
fn with_jitter_a_change_costs_no_more_than_a_frame_or_two() {
    for phase in 0..20 {
        let jitter = |n: u32| u64::from(n.wrapping_mul(2_654_435_761) >> 28) % 15;
        let heard = supervised(phase, &jitter);
        let frames: usize = heard.iter().map(|sent| sent.payload.len()).sum::<usize>() / 160;
        assert!((99..=101).contains(&frames), "phase {phase}: {frames}");
        let steps: Vec<i32> = heard
            .iter()
            .flat_map(|sent| {
                sent.payload
                    .iter()
                    .map(|code| i32::from(g711::ulaw_decode(*code)))
                    .collect::<Vec<_>>()
            })
            .collect();
        // The voice itself moves by at most 65 a sample, and µ-law by 512 at most where it is loud.
        let clicks = steps
            .windows(2)
            .filter(|pair| (pair[1] - pair[0]).abs() > 1_200)
            .count();
        assert!(clicks <= 2, "phase {phase}: {clicks}");
        let stats_gap = heard.windows(2).map(|pair| pair[1].at - pair[0].at).max().unwrap();
        assert!(stats_gap <= ms(60), "phase {phase}: {stats_gap:?}");
    }
}

#[test]
fn lost_packets_are_filled_in_and_late_ones_are_played() {
    let mut rig = room(2);
    let mut heard = Vec::new();
    let mut tick = |rig: &mut Rig, packets: &[u32]| {
        for n in packets {
            rig.receive(1, &rtp(0, *n as u16, n * 160, &said(*n)));
        }
        let passed = rig.pass(ms(20));
        heard.extend(
            passed
                .iter()
                .filter_map(|(at, output)| Sent::of(*at, output))
                .filter(|sent| sent.stream == 2),
        );
    };
    (0..10).for_each(|n| tick(&mut rig, &[n]));
    tick(&mut rig, &[]); // 10 is late
    tick(&mut rig, &[10, 11]);
    tick(&mut rig, &[12]);
    tick(&mut rig, &[14, 14, 11]); // 13 is lost, 14 is doubled, 11 comes again
    (15..40).for_each(|n| tick(&mut rig, &[n]));
    let heard: Vec<Vec<u8>> = heard.into_iter().map(|sent| sent.payload).collect();
    let decoded = |frame: &[u8]| {
        frame
            .iter()
            .map(|code| i32::from(g711::ulaw_decode(*code)))
            .collect::<Vec<_>>()
    };
    let played: Vec<Option<u32>> = heard
        .iter()
        .map(|frame| (0..40).find(|n| decoded(&said(*n))[40..] == decoded(frame)[40..]))
        .collect();
    let gap = (0..10)
        .map(Some)
        .chain([None, Some(10), Some(11), Some(12), None, Some(14)])
        .chain((15..38).map(Some));
    assert_eq!(played, gap.collect::<Vec<_>>());
    assert_eq!((rig.engine.stats().concealed, rig.engine.stats().late), (2, 1));
    let all: Vec<i32> = heard.iter().flat_map(|frame| decoded(frame)).collect();
    assert!(
        all.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 1_200),
        "no clicks"
    );
}

/// After a burst the delay falls again, and what was not played in time does not pile up.
#[test]
fn a_burst_is_worked_off() {
    let mut rig = room(2);
    let mut n = 0;
    let mut say = |rig: &mut Rig, packets: u32| {
        for _ in 0..packets {
            rig.receive(1, &rtp(0, n as u16, n * 160, &said(n)));
            n += 1;
        }
        rig.pass(ms(20));
        n
    };
    (0..10).for_each(|_| _ = say(&mut rig, 1));
    (0..9).for_each(|_| _ = say(&mut rig, 0));
    say(&mut rig, 10);
    for _ in 0..600 {
        say(&mut rig, 1);
    }
    // Now stop: how much was still to come?
    let mut rest = 0;
    for _ in 0..20 {
        let passed = rig.pass(ms(20));
        let sent: Vec<Sent> = passed.iter().filter_map(|(at, output)| Sent::of(*at, output)).collect();
        rest += usize::from(
            sent.iter()
                .any(|sent| sent.stream == 2 && sent.payload[80..] != [0xff; 80]),
        );
    }
    assert!(rest <= 3, "{rest} frames behind after twelve seconds");
    let say = |rig: &mut Rig, n: u32| rig.receive(1, &rtp(0, n as u16, n * 160, &said(n)));
    (700..60_000).for_each(|n| say(&mut rig, n));
    assert!(format!("{:?}", rig.engine).len() < 200_000, "nothing piles up");
}

#[test]
fn a_prompt_is_heard_by_all_among_the_voices_or_by_one_alone() {
    let mut rig = room(3);
    rig.engine.add_sound("a", Sound::from_samples(&[4_000; 800])).unwrap();
    let mut talk = Talk::new(&[(1, 1_000)]);
    (0..3).for_each(|_| _ = talk.tick(&mut rig));
    let (conference, source) = (ROOM, Source::Music("a".into()));
    let play = |play, repeat| Command::PlayToConference {
        conference,
        play: PlayId(play),
        source: source.clone(),
        repeat,
    };
    rig.command(play(1, true)).unwrap();
    talk.tick(&mut rig);
    let (voice, music) = (kept(1_000), kept(4_000));
    assert_eq!(
        last(&talk.tick(&mut rig), &[1, 2, 3]),
        [music, kept(voice + 4_000), kept(voice + 4_000)]
    );
    rig.command(play(2, true)).unwrap();
    let ended = |play, completed| Event::ConferencePlayEnded {
        conference,
        play: PlayId(play),
        completed,
    };
    assert_eq!(rig.events(), [ended(1, false)]);
    rig.command(Command::StopConference { conference }).unwrap();
    rig.command(Command::StopConference { conference }).unwrap();
    assert_eq!(rig.events(), [ended(2, false)]);
    let (play, source) = (PlayId(3), Source::Tone(Tone::Beep));
    rig.command(Command::PlayToConference {
        conference,
        play,
        source: source.clone(),
        repeat: false,
    })
    .unwrap();
    let start = rig.now;
    let outputs = rig.pass(ms(400));
    let end = outputs
        .into_iter()
        .find_map(|(at, output)| event(output).map(|event| (at - start, event)));
    let (at, told) = end.unwrap();
    assert_eq!(told, ended(3, true));
    assert!((ms(250)..ms(300)).contains(&at), "{at:?}");
    // To one alone: the others hear the voice.
    rig.command(Command::Play {
        stream: StreamId(2),
        play,
        source,
        repeat: true,
    })
    .unwrap();
    (0..3).for_each(|_| _ = talk.tick(&mut rig));
    let sent = talk.tick(&mut rig);
    assert_eq!(sent.iter().filter(|sent| sent.stream == 2).count(), 1);
    assert_eq!(last(&sent, &[1, 3]), [0, voice]);
    rig.command(Command::Stop { stream: StreamId(2) }).unwrap();
    (0..2).for_each(|_| _ = talk.tick(&mut rig));
    assert_eq!(last(&talk.tick(&mut rig), &[2]), [voice]);
}

#[test]
fn laws_and_packet_times_are_those_of_each_member() {
    let mut rig = Rig::new();
    open(&mut rig, ConferenceConfig::default());
    for stream in 1..=4 {
        let mut config = if stream == 2 { alaw(2) } else { config(stream) };
        config.ptime_ms = [20, 20, 30, 10][stream as usize - 1];
        rig.open(stream, config);
        join(&mut rig, stream, MemberSettings::default()).unwrap();
    }
    let mut talk = Talk::new(&[(1, 1_000)]);
    (0..5).for_each(|_| _ = talk.tick(&mut rig));
    let sent: Vec<Sent> = (0..60).flat_map(|_| talk.tick(&mut rig)).collect();
    for (stream, count, samples) in [(1, 60, 160), (2, 60, 160), (3, 40, 240), (4, 120, 80)] {
        let packets: Vec<&Sent> = sent.iter().filter(|sent| sent.stream == stream).collect();
        assert_eq!(packets.len(), count, "stream {stream}");
        let heard = match stream {
            1 => 0xff,
            2 => g711::alaw_encode(kept(1_000)),
            _ => g711::ulaw_encode(1_000),
        };
        for packet in &packets {
            assert_eq!(packet.payload, vec![heard; samples]);
        }
        for pair in packets.windows(2) {
            assert_eq!(
                pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp),
                samples as u32
            );
            assert!(!pair[1].header.marker);
        }
    }
    // A phone that sends 30 ms packets is heard whole.
    let mut heard = Vec::new();
    for n in 0..40u16 {
        rig.receive(3, &rtp(0, n, u32::from(n) * 240, &[g711::ulaw_encode(500); 240]));
        heard.extend(rig.pass(ms(30)).iter().filter_map(|(at, output)| Sent::of(*at, output)));
    }
    let loud = heard
        .iter()
        .filter(|sent| sent.stream == 4 && sent.payload[40] != 0xff)
        .count();
    assert!(loud >= 115, "{loud} of 120");
}

#[test]
fn held_members_are_sent_nothing_or_heard_by_nobody() {
    let mut rig = room(2);
    let mut talk = Talk::new(&[(1, 1_000), (2, 200)]);
    (0..3).for_each(|_| _ = talk.tick(&mut rig));
    let mut held = config(1);
    (held.send, held.receive) = (false, false);
    rig.update(1, held);
    talk.tick(&mut rig);
    let sent = talk.tick(&mut rig);
    assert!(sent.iter().all(|sent| sent.stream == 2));
    assert_eq!(last(&sent, &[2]), [0]);
    rig.update(1, config(1));
    (0..2).for_each(|_| _ = talk.tick(&mut rig));
    assert_eq!(last(&talk.tick(&mut rig), &[1, 2]), [kept(200), kept(1_000)]);
}

#[test]
fn keys_reach_the_others_where_the_conference_sends_them_on() {
    for relays in [false, true] {
        let mut rig = Rig::new();
        let mut settings = ConferenceConfig::default();
        settings.relay_digits = relays;
        open(&mut rig, settings);
        for stream in 1..=3 {
            rig.open(stream, config(stream));
        }
        join(&mut rig, 1, MemberSettings::default()).unwrap();
        join(&mut rig, 2, MemberSettings::default()).unwrap();
        join(&mut rig, 3, Settings::new(Role::Monitor)).unwrap();
        for presser in [1, 3] {
            for n in 0..3 {
                rig.receive(presser, &rtp(101, n, 0, &[5, 0x80, 3, 0x20]));
            }
            let outputs = rig.pass(ms(500));
            let digits = outputs
                .iter()
                .filter(|(_, output)| matches!(output, Output::Event(Event::Digit { digit: '5', .. })));
            assert_eq!(digits.count(), 1);
            let events: Vec<u64> = outputs
                .iter()
                .filter_map(|(at, output)| Sent::of(*at, output))
                .filter(|sent| sent.header.payload_type == 101 && sent.header.marker)
                .map(|sent| sent.stream)
                .collect();
            assert_eq!(
                events,
                if relays && presser == 1 { vec![2, 3] } else { vec![] },
                "{presser}"
            );
        }
    }
}

#[test]
fn the_speaker_is_told_where_it_is_wanted() {
    let mut rig = Rig::new();
    let mut settings = ConferenceConfig::default();
    settings.tell_speaker = true;
    open(&mut rig, settings);
    for stream in 1..=2 {
        rig.open(stream, config(stream));
        join(&mut rig, stream, MemberSettings::default()).unwrap();
    }
    let mut told = Vec::new();
    for (talk, ticks) in [(Talk::new(&[(2, 3_000)]), 20), (Talk::new(&[]), 100)] {
        let mut talk = talk;
        for _ in 0..ticks {
            for (stream, level) in talk.levels.clone() {
                rig.receive(
                    stream,
                    &rtp(
                        0,
                        talk.sequence,
                        u32::from(talk.sequence) * 160,
                        &[g711::ulaw_encode(level); 160],
                    ),
                );
            }
            talk.sequence += 1;
            told.extend(rig.pass(ms(20)).into_iter().filter_map(|(_, output)| event(output)));
        }
    }
    let speaker = |stream| Event::Speaker {
        conference: ROOM,
        stream,
    };
    assert_eq!(told, [speaker(Some(StreamId(2))), speaker(None)]);
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    let mut limited = EngineConfig::default();
    (limited.limits.conferences, limited.limits.conference_members) = (2, 2);
    let mut rig = Rig::with(limited);
    let config_of = ConferenceConfig::default();
    (1..=4).for_each(|stream| rig.open(stream, config(stream)));
    let failed = |stream, error| Event::Failed {
        stream: StreamId(stream),
        error,
    };
    assert_eq!(
        join(&mut rig, 1, MemberSettings::default()),
        Err(CommandError::UnknownConference)
    );
    assert_eq!(
        set(&mut rig, 1, MemberSettings::default()),
        Err(CommandError::NotAMember)
    );
    assert_eq!(
        rig.events(),
        [
            failed(1, CommandError::UnknownConference),
            failed(1, CommandError::NotAMember)
        ]
    );
    let open = |rig: &mut Rig, number| {
        let conference = ConferenceId(number);
        rig.command(Command::OpenConference {
            conference,
            config: config_of,
        })
    };
    assert_eq!(open(&mut rig, 1), Ok(()));
    assert_eq!(open(&mut rig, 1), Err(CommandError::DuplicateConference));
    assert_eq!(rig.events(), []);
    assert_eq!(open(&mut rig, 2), Ok(()));
    assert_eq!(open(&mut rig, 3), Err(CommandError::TooManyConferences));
    let (conference, error) = (ConferenceId(3), CommandError::TooManyConferences);
    assert_eq!(rig.events(), [Event::ConferenceFailed { conference, error }]);
    rig.bridge(3, 4);
    assert_eq!(join(&mut rig, 1, whisper(1)), Err(CommandError::WhisperToSelf));
    assert_eq!(join(&mut rig, 9, whisper(1)), Err(CommandError::UnknownStream));
    assert_eq!(join(&mut rig, 1, whisper(77)), Ok(()));
    assert_eq!(set(&mut rig, 1, whisper(1)), Err(CommandError::WhisperToSelf));
    assert_eq!(join(&mut rig, 2, MemberSettings::default()), Ok(()));
    assert_eq!(
        join(&mut rig, 3, MemberSettings::default()),
        Err(CommandError::ConferenceFull)
    );
    assert_eq!(
        join(&mut rig, 2, Settings::new(Role::Monitor)),
        Ok(()),
        "who is there may come again"
    );
    // What was refused left the bridge alone.
    rig.drain();
    rig.receive(3, &rtp(0, 1, 160, &[1; 160]));
    assert_eq!(rig.sent().len(), 1);
    let gone = ConferenceId(3);
    let play = Command::PlayToConference {
        conference: gone,
        play: PlayId(1),
        source: Source::Tone(Tone::Beep),
        repeat: false,
    };
    assert_eq!(rig.command(play), Err(CommandError::UnknownConference));
    assert_eq!(
        rig.command(Command::CloseConference { conference: gone }),
        Err(CommandError::UnknownConference)
    );
    assert_eq!(
        rig.command(Command::StopConference { conference: gone }),
        Err(CommandError::UnknownConference)
    );
    assert_eq!(
        rig.command(Command::Leave { stream: StreamId(9) }),
        Err(CommandError::UnknownStream)
    );
}

#[test]
fn when_all_have_left_or_it_is_closed_nothing_is_due() {
    let mut rig = room(2);
    let source = Source::Tone(Tone::Dial);
    let (conference, play) = (ROOM, PlayId(1));
    rig.command(Command::PlayToConference {
        conference,
        play,
        source,
        repeat: true,
    })
    .unwrap();
    rig.command(Command::Close { stream: StreamId(1) }).unwrap();
    rig.command(Command::CloseConference { conference }).unwrap();
    let ends = [
        Event::ConferencePlayEnded {
            conference,
            play,
            completed: false,
        },
        Event::ConferenceClosed { conference },
    ];
    let events = rig.events();
    assert_eq!(events[1..], ends);
    assert_eq!(
        (
            rig.engine.live_conferences(),
            rig.engine.live_streams(),
            rig.engine.members(ROOM)
        ),
        (0, 1, None)
    );
    let outputs = rig.pass(ms(1_000));
    assert!(
        outputs.iter().all(|(at, output)| Sent::of(*at, output).is_none()),
        "the stream is open, and silent"
    );
    rig.command(Command::Close { stream: StreamId(2) }).unwrap();
    assert_eq!(rig.engine.poll_timeout(), None);
}

#[test]
fn who_wakes_late_makes_good_or_begins_anew() {
    let mut rig = room(2);
    rig.pass(ms(100));
    rig.now += ms(100);
    rig.engine.handle_timeout(rig.now);
    assert_eq!(rig.sent().len(), 10, "five ticks for two members");
    rig.now += ms(60_000);
    rig.engine.handle_timeout(rig.now);
    let sent = rig.sent();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|sent| sent.header.marker));
    assert!(rig.engine.poll_timeout().unwrap() > rig.now);
}

#[test]
fn a_conference_that_was_saved_goes_on() {
    let mut rig = room(3);
    rig.engine.add_sound("a", Sound::from_samples(&[99; 805])).unwrap();
    set(&mut rig, 3, whisper(2)).unwrap();
    let (play, source) = (PlayId(1), Source::Music("a".into()));
    rig.command(Command::PlayToConference {
        conference: ROOM,
        play,
        source,
        repeat: true,
    })
    .unwrap();
    let mut talk = Talk::new(&[(1, 1_000), (2, 300), (3, 4_000)]);
    (0..7).for_each(|_| _ = talk.tick(&mut rig));
    let text = serde_json::to_string(&rig.engine).unwrap();
    let mut again = Rig {
        engine: serde_json::from_str(&text).unwrap(),
        now: rig.now,
    };
    again.engine.add_sound("a", Sound::from_samples(&[99; 805])).unwrap();
    for _ in 0..50 {
        let mut same = Talk {
            levels: talk.levels.clone(),
            sequence: talk.sequence,
        };
        assert_eq!(talk.tick(&mut rig), same.tick(&mut again));
    }
    let both = [&rig, &again].map(|rig| serde_json::to_string(&rig.engine).unwrap());
    assert_eq!(both[0], both[1]);
}
