//! The mixer against its definition, and what listeners of other rates hear.
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

use proptest::prelude::*;
use rtp_media::mixer::{Gain, Heard, Instructions, Mixer, MixerConfig, MixerError, PartyId, Role, Settings};
use rtp_media::resample::Rate;

const TICK: usize = 160;

/// One party as the definition sees it.
#[derive(Clone)]
struct Model {
    id: PartyId,
    settings: Settings,
    /// The gains of the tick before: to all, and to one alone.
    public: f64,
    whisper: Option<(PartyId, f64)>,
}

/// What a party hears is the sum of what the others say to all and of what is whispered to it, each with its gain, cut once.
fn defined(models: &mut [Model], frames: &[Option<Vec<i16>>]) -> Vec<Vec<i16>> {
    let said = |frame: &Option<Vec<i16>>, from: f64, to: f64, n: usize| {
        let steps = ((to - from) * 4_096.0 * (n + 1) as f64 / TICK as f64).trunc() / 4_096.0;
        let sample = frame.as_ref().map_or(0.0, |frame| f64::from(frame[n]));
        (sample * (from + steps) + 0.5).floor() as i64
    };
    let mut to_all = vec![vec![0i64; TICK]; models.len()];
    let mut to_one = vec![vec![0i64; TICK]; models.len()];
    let ids: Vec<PartyId> = models.iter().map(|model| model.id).collect();
    for (k, model) in models.iter_mut().enumerate() {
        let loud = if model.settings.muted {
            0.0
        } else {
            model.settings.gain.factor()
        };
        let public = if model.settings.role == Role::Participant {
            loud
        } else {
            0.0
        };
        to_all[k] = (0..TICK).map(|n| said(&frames[k], model.public, public, n)).collect();
        model.public = public;
        let wanted = match model.settings.role {
            Role::Whisper { to } => Some((to, loud)),
            _ => None,
        };
        if let Some((to, from)) = model.whisper.or(wanted.map(|(to, _)| (to, 0.0))) {
            let lasting = wanted.filter(|(wanted, _)| *wanted == to);
            let gain = lasting.map_or(0.0, |(_, gain)| gain);
            if let Some(target) = ids.iter().position(|id| *id == to) {
                for (n, sum) in to_one[target].iter_mut().enumerate() {
                    *sum += said(&frames[k], from, gain, n);
                }
            }
            model.whisper = lasting.map(|_| (to, gain));
        }
    }
    (0..models.len())
        .map(|k| {
            let settings = models[k].settings;
            (0..TICK)
                .map(|n| {
                    let others: i64 = (0..models.len())
                        .filter(|other| *other != k)
                        .map(|other| to_all[other][n])
                        .sum();
                    let heard = (others + to_one[k][n]) as f64 * settings.volume.factor();
                    let heard = (heard + 0.5).floor();
                    if settings.deaf {
                        0
                    } else {
                        heard.clamp(-32_768.0, 32_767.0) as i16
                    }
                })
                .collect()
        })
        .collect()
}

#[derive(Clone, Debug)]
enum Step {
    Join(u8),
    Leave(usize),
    Set(usize, u8, i16, i16, usize),
    /// What each says: nothing, or noise of this loudness.
    Tick(Vec<Option<u32>>, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let gain = || prop_oneof![3 => Just(4_096i16), 1 => 0i16..=16_384];
    prop_oneof![
        2 => any::<u8>().prop_map(Step::Join),
        1 => any::<usize>().prop_map(Step::Leave),
        3 => (any::<usize>(), any::<u8>(), gain(), gain(), any::<usize>()).prop_map(|(a, b, c, d, e)| Step::Set(a, b, c, d, e)),
        6 => (proptest::collection::vec(proptest::option::of(0u32..17), 8), any::<u64>()).prop_map(|(a, b)| Step::Tick(a, b)),
    ]
}

fn settings(kind: u8, gain: i16, volume: i16, to: Option<PartyId>) -> Settings {
    let mut settings = Settings::new(match (kind % 4, to) {
        (0, _) => Role::Monitor,
        (1, Some(to)) => Role::Whisper { to },
        _ => Role::Participant,
    });
    settings.gain = Gain::try_from(gain).unwrap();
    settings.volume = Gain::try_from(volume).unwrap();
    settings.muted = kind & 0x10 != 0 && kind & 0x20 != 0;
    settings.deaf = kind & 0x40 != 0 && kind & 0x80 != 0;
    settings
}

fn noise(loudness: u32, seed: &mut u64) -> Vec<i16> {
    (0..TICK)
        .map(|_| {
            *seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((*seed >> 40) as i32 as i16).wrapping_shr(16u32.saturating_sub(loudness).min(15)) * i16::from(loudness > 0)
        })
        .collect()
}

fn heard(mixer: &Mixer, id: PartyId) -> Vec<i16> {
    mixer
        .heard(id)
        .unwrap()
        .samples()
        .map_or(vec![0; TICK], <[i16]>::to_vec)
}

fn mixer_with(instructions: Instructions) -> Mixer {
    let mut config = MixerConfig::default();
    config.instructions = instructions;
    Mixer::new(config)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any parties, roles, gains and changes between the ticks, on every path of instructions.
    #[test]
    fn every_listener_hears_the_defined_sum(steps in proptest::collection::vec(step(), 1..40)) {
        let mut mixers = [Instructions::baseline(), Instructions::best()].map(mixer_with);
        let mut models: Vec<Model> = Vec::new();
        for step in steps {
            match step {
                Step::Join(kind) if models.len() < 8 => {
                    let settings = settings(kind, 4_096, 4_096, models.last().map(|model| model.id));
                    let ids = mixers.each_mut().map(|mixer| mixer.join(Rate::Hz8000, settings).unwrap());
                    prop_assert_eq!(ids[0], ids[1]);
                    let public = if settings.role == Role::Participant && !settings.muted { 1.0 } else { 0.0 };
                    models.push(Model { id: ids[0], settings, public, whisper: None });
                }
                Step::Leave(n) if !models.is_empty() => {
                    let gone = models.remove(n % models.len());
                    for mixer in &mut mixers {
                        prop_assert_eq!(mixer.leave(gone.id), Ok(()));
                        prop_assert_eq!(mixer.leave(gone.id), Err(MixerError::UnknownParty));
                    }
                }
                Step::Set(n, kind, gain, volume, to) if !models.is_empty() => {
                    let (n, to) = (n % models.len(), models[to % models.len()].id);
                    let settings = settings(kind, gain, volume, Some(to));
                    let refused = settings.role == (Role::Whisper { to: models[n].id });
                    let expected = if refused { Err(MixerError::WhisperToSelf) } else { Ok(()) };
                    for mixer in &mut mixers {
                        prop_assert_eq!(mixer.set(models[n].id, settings), expected);
                    }
                    if !refused {
                        models[n].settings = settings;
                    }
                }
                Step::Tick(loudness, mut seed) => {
                    let frames: Vec<Option<Vec<i16>>> = loudness[..models.len()]
                        .iter()
                        .map(|loudness| loudness.map(|loudness| noise(loudness, &mut seed)))
                        .collect();
                    for mixer in &mut mixers {
                        for (model, frame) in models.iter().zip(&frames) {
                            if let Some(frame) = frame {
                                mixer.push(model.id, frame).unwrap();
                            }
                        }
                        mixer.mix();
                    }
                    let expected = defined(&mut models, &frames);
                    for (model, expected) in models.iter().zip(expected) {
                        for mixer in &mixers {
                            prop_assert_eq!(&heard(mixer, model.id), &expected);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn loud_voices_are_cut_once_after_one_s_own_is_taken_out() {
    let mut mixer = Mixer::new(MixerConfig::default());
    let [a, b, c] = [30_000i16, 30_000, -30_000].map(|level| {
        let id = mixer.join(Rate::Hz8000, Settings::default()).unwrap();
        mixer.push(id, &[level; TICK]).unwrap();
        id
    });
    mixer.mix();
    assert_eq!([a, b, c].map(|id| heard(&mixer, id)[0]), [0, 0, 32_767]);
}

#[test]
fn who_says_nothing_shares_one_frame_and_silence_is_told() {
    let mut mixer = Mixer::new(MixerConfig::default());
    let ids: Vec<PartyId> = (0..100)
        .map(|_| mixer.join(Rate::Hz8000, Settings::default()).unwrap())
        .collect();
    mixer.mix();
    assert!(ids.iter().all(|id| mixer.heard(*id) == Ok(Heard::Silence)));
    mixer.push(ids[0], &[5; TICK]).unwrap();
    mixer.push(ids[1], &[0; TICK]).unwrap();
    mixer.mix();
    assert_eq!(mixer.heard(ids[0]), Ok(Heard::Silence), "the only voice is its own");
    let shared = mixer.heard(ids[1]).unwrap();
    assert_eq!(shared, Heard::Shared(&[5; TICK]));
    let Heard::Shared(first) = shared else { unreachable!() };
    for id in &ids[2..] {
        let Ok(Heard::Shared(samples)) = mixer.heard(*id) else {
            unreachable!()
        };
        assert_eq!(samples.as_ptr(), first.as_ptr());
    }
    mixer.mix();
    assert!(
        ids.iter().all(|id| mixer.heard(*id) == Ok(Heard::Silence)),
        "nothing is left of the tick before"
    );
}

#[test]
fn a_supervisor_listens_whispers_and_barges_in_without_a_click() {
    let mut mixer = Mixer::new(MixerConfig::default());
    let [caller, agent] = [(); 2].map(|()| mixer.join(Rate::Hz8000, Settings::default()).unwrap());
    let supervisor = mixer.join(Rate::Hz8000, Settings::new(Role::Monitor)).unwrap();
    let tick = |mixer: &mut Mixer| {
        for (id, level) in [(caller, 1_000), (agent, 200), (supervisor, 8_000)] {
            mixer.push(id, &[level; TICK]).unwrap();
        }
        mixer.mix();
        [caller, agent, supervisor].map(|id| heard(mixer, id))
    };
    let steady = |frame: &[i16], level: i16| frame.iter().all(|sample| *sample == level);
    let expect = |frames: [Vec<i16>; 3], levels: [i16; 3]| {
        for (frame, level) in frames.iter().zip(levels) {
            assert!(steady(frame, level), "{level}: {frame:?}");
        }
    };
    expect(tick(&mut mixer), [200, 1_000, 1_200]);
    mixer
        .set(supervisor, Settings::new(Role::Whisper { to: agent }))
        .unwrap();
    let [to_caller, to_agent, to_supervisor] = tick(&mut mixer);
    assert!(steady(&to_caller, 200) && steady(&to_supervisor, 1_200));
    assert!(
        to_agent.windows(2).all(|pair| (0..=51).contains(&(pair[1] - pair[0]))),
        "it fades in"
    );
    expect(tick(&mut mixer), [200, 9_000, 1_200]);
    mixer.set(supervisor, Settings::new(Role::Participant)).unwrap();
    let [to_caller, to_agent, to_supervisor] = tick(&mut mixer);
    assert!(
        to_agent.iter().all(|sample| (sample - 9_000).abs() <= 1),
        "who heard him already, hears no difference"
    );
    assert!(to_caller.windows(2).all(|pair| (0..=51).contains(&(pair[1] - pair[0]))) && steady(&to_supervisor, 1_200));
    expect(tick(&mut mixer), [8_200, 9_000, 1_200]);
    let mut muted = Settings::default();
    muted.muted = true;
    mixer.set(supervisor, muted).unwrap();
    tick(&mut mixer);
    expect(tick(&mut mixer), [200, 1_000, 1_200]);
}

fn sine(hertz: f64, rate: Rate, tick: usize) -> Vec<i16> {
    let length = rate.samples(20);
    (tick * length..(tick + 1) * length)
        .map(|n| (8_000.0 * (core::f64::consts::TAU * hertz * n as f64 / f64::from(rate.hertz())).sin()).round() as i16)
        .collect()
}

/// The amplitude of a frequency, and what else there is.
fn parts(sound: &[i16], hertz: f64, rate: Rate) -> (f64, f64) {
    let step = core::f64::consts::TAU * hertz / f64::from(rate.hertz());
    let sum = |phase: fn(f64) -> f64| {
        sound
            .iter()
            .enumerate()
            .map(|(n, s)| f64::from(*s) * phase(step * n as f64))
            .sum::<f64>()
    };
    let amplitude = 2.0 * sum(f64::cos).hypot(sum(f64::sin)) / sound.len() as f64;
    let all = sound.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / sound.len() as f64;
    (amplitude, (all - amplitude * amplitude / 2.0).max(0.0).sqrt())
}

#[test]
fn parties_of_other_rates_hear_each_other_and_never_themselves() {
    let mut mixer = Mixer::new(MixerConfig::default());
    let parties: Vec<(PartyId, Rate, f64)> = Rate::ALL
        .into_iter()
        .zip([300.0, 500.0, 700.0, 1_100.0])
        .map(|(rate, hertz)| (mixer.join(rate, Settings::default()).unwrap(), rate, hertz))
        .collect();
    let mut sounds = vec![Vec::new(); parties.len()];
    for tick in 0..60 {
        for (id, rate, hertz) in &parties {
            mixer.push(*id, &sine(*hertz, *rate, tick)).unwrap();
        }
        mixer.mix();
        for ((id, ..), sound) in parties.iter().zip(&mut sounds) {
            if tick >= 10 {
                sound.extend_from_slice(mixer.heard(*id).unwrap().samples().unwrap());
            }
        }
    }
    for ((id, rate, own), sound) in parties.iter().zip(&sounds) {
        for (_, _, hertz) in &parties {
            let (amplitude, _) = parts(sound, *hertz, *rate);
            let expected = if hertz == own { 0.0 } else { 8_000.0 };
            assert!(
                (amplitude - expected).abs() < 10.0,
                "{id:?} at {rate:?} hears {hertz} at {amplitude}"
            );
        }
    }
    // One speaks alone: he hears not even an echo from another rate.
    let (id, rate, hertz) = parties[0];
    for tick in 0..10 {
        mixer.push(id, &sine(hertz, rate, tick)).unwrap();
        mixer.mix();
        assert!(tick < 2 || mixer.heard(id) == Ok(Heard::Silence));
    }
    for _ in 0..2 {
        mixer.mix();
    }
    assert!(
        parties.iter().all(|(id, ..)| mixer.heard(*id) == Ok(Heard::Silence)),
        "the filters run dry"
    );
}

#[test]
fn a_whisper_crosses_rates_and_reaches_nobody_else() {
    let mut mixer = Mixer::new(MixerConfig::default());
    let agent = mixer.join(Rate::Hz8000, Settings::default()).unwrap();
    let caller = mixer.join(Rate::Hz16000, Settings::default()).unwrap();
    let supervisor = mixer
        .join(Rate::Hz48000, Settings::new(Role::Whisper { to: agent }))
        .unwrap();
    let mut sound = Vec::new();
    for tick in 0..30 {
        mixer.push(supervisor, &sine(440.0, Rate::Hz48000, tick)).unwrap();
        mixer.mix();
        assert_eq!([caller, supervisor].map(|id| mixer.heard(id)), [Ok(Heard::Silence); 2]);
        if tick >= 5 {
            sound.extend_from_slice(mixer.heard(agent).unwrap().samples().unwrap());
        }
    }
    let (amplitude, rest) = parts(&sound, 440.0, Rate::Hz8000);
    assert!((amplitude - 8_000.0).abs() < 10.0 && rest < 2.0, "{amplitude} {rest}");
    mixer.mix();
    mixer.mix();
    assert_eq!(mixer.heard(agent), Ok(Heard::Silence));
}

#[test]
fn the_speaker_is_found() {
    let mut mixer = Mixer::new(MixerConfig::default());
    let [a, b] = [(); 2].map(|()| mixer.join(Rate::Hz8000, Settings::default()).unwrap());
    for tick in 0..20 {
        mixer.push(a, &sine(400.0, Rate::Hz8000, tick)).unwrap();
        mixer.mix();
    }
    assert_eq!(
        (mixer.active_speaker(), mixer.is_speaking(a), mixer.is_speaking(b)),
        (Some(a), Ok(true), Ok(false))
    );
    assert!((4_000..6_000).contains(&mixer.level(a).unwrap()), "8,000 · 2/π");
    mixer.leave(a).unwrap();
    mixer.mix();
    assert_eq!(
        (mixer.active_speaker(), mixer.level(a)),
        (None, Err(MixerError::UnknownParty))
    );
}

#[test]
fn a_mixer_takes_as_many_as_it_may_and_frames_of_a_tick() {
    let mut config = MixerConfig::default();
    config.parties = 2;
    let mut mixer = Mixer::new(config);
    let one = mixer.join(Rate::Hz8000, Settings::default()).unwrap();
    let two = mixer.join(Rate::Hz16000, Settings::default()).unwrap();
    assert_eq!(mixer.join(Rate::Hz8000, Settings::default()), Err(MixerError::Full));
    assert_eq!(mixer.push(one, &[0; 161]), Err(MixerError::Length));
    assert_eq!(mixer.push(two, &[0; 160]), Err(MixerError::Length));
    assert_eq!(mixer.frame_mut(two).unwrap().len(), 320);
    mixer.leave(two).unwrap();
    assert_eq!(mixer.push(two, &[0; 320]), Err(MixerError::UnknownParty));
    assert_eq!(mixer.frame_mut(two).err(), Some(MixerError::UnknownParty));
    assert_eq!(mixer.set(two, Settings::default()), Err(MixerError::UnknownParty));
    assert!(mixer.join(Rate::Hz8000, Settings::default()).is_ok());
    config.parties = usize::MAX;
    let mut mixer = Mixer::new(config);
    let joined = (0..3_000)
        .filter(|_| mixer.join(Rate::Hz8000, Settings::default()).is_ok())
        .count();
    assert_eq!(joined, rtp_media::mixer::MAX_PARTIES);
}

#[test]
fn the_fullest_mixer_at_its_loudest_does_not_overflow() {
    let mut mixer = Mixer::new(MixerConfig::default());
    let mut loudest = Settings::default();
    (loudest.gain, loudest.volume) = (Gain::MAX, Gain::MAX);
    let ids: Vec<PartyId> = (0..2_048)
        .map(|n| mixer.join(Rate::ALL[n % 4], loudest).unwrap())
        .collect();
    for level in [i16::MIN, i16::MAX, i16::MIN] {
        for id in &ids {
            mixer.frame_mut(*id).unwrap().fill(level);
        }
        mixer.mix();
    }
    for id in &ids {
        assert_eq!(*mixer.heard(*id).unwrap().samples().unwrap().last().unwrap(), i16::MIN);
    }
}

#[test]
fn a_mixer_that_was_saved_goes_on() {
    let mut mixer = Mixer::new(MixerConfig::default());
    let ids = [Rate::Hz8000, Rate::Hz16000].map(|rate| mixer.join(rate, Settings::default()).unwrap());
    let mut again = mixer.clone();
    for tick in 0..20 {
        for mixer in [&mut mixer, &mut again] {
            mixer.push(ids[0], &sine(400.0, Rate::Hz8000, tick)).unwrap();
            mixer.push(ids[1], &sine(800.0, Rate::Hz16000, tick)).unwrap();
            mixer.mix();
        }
        for id in ids {
            assert_eq!(mixer.heard(id), again.heard(id));
        }
        again = serde_json::from_str(&serde_json::to_string(&mixer).unwrap()).unwrap();
    }
}

#[test]
fn mixing_allocates_nothing() {
    let mut mixer = Mixer::new(MixerConfig::default());
    let agent = mixer.join(Rate::Hz8000, Settings::default()).unwrap();
    let roles = [
        Settings::default(),
        Settings::new(Role::Monitor),
        Settings::new(Role::Whisper { to: agent }),
    ];
    let ids: Vec<PartyId> = (0..12)
        .map(|n| mixer.join(Rate::ALL[n % 4], roles[n % 3]).unwrap())
        .collect();
    let mut run = || {
        for tick in 0..100i16 {
            for (n, id) in ids.iter().enumerate() {
                if !(tick as usize + n).is_multiple_of(3) {
                    mixer.frame_mut(*id).unwrap().fill(tick * 100);
                }
            }
            mixer.mix();
        }
    };
    run();
    assert_eq!(allocation_counter::measure(run).count_total, 0);
}
