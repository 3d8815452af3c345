//! Where the story takes place: the phones, the time, and what is told of it.

use std::io;
use std::time::{Duration, Instant};

use machine::Time;
use rtp_media::Sound;
use sim::{CallId, Happening, Phone};

use super::audio::{self, BLOCK};
use super::device::Device;
use crate::clock::Clock;

/// The longest that anything in the story may take.
const PATIENCE: Duration = Duration::from_secs(6);
/// Packets that have to be understood without a gap: half a second.
const UNDERSTOOD: usize = 25;

/// What did not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// Something that was waited for.
    #[error("this did not happen: {0}")]
    Missed(String),
    /// A phone could not do what it was to do.
    #[error("{0}")]
    Phone(#[from] sim::PhoneError),
    /// The system refused something.
    #[error("{0}")]
    System(#[from] io::Error),
    /// No random numbers.
    #[error("{0}")]
    Random(#[from] getrandom::Error),
    /// The demo's own configuration is wrong.
    #[error("{0}")]
    Config(#[from] crate::config::ConfigError),
    /// The server did not start.
    #[error("{0}")]
    Start(#[from] crate::server::StartError),
    /// The server did not end as it should.
    #[error("{0}")]
    Run(#[from] crate::server::RunError),
    /// The server panicked.
    #[error("the server panicked")]
    Panicked,
}

/// One of the phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who(pub(super) usize);

pub(super) struct Stage {
    clock: Clock,
    began: Instant,
    devices: Vec<Device>,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::new(),
            began: Instant::now(),
            devices: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, device: Device) -> Who {
        self.devices.push(device);
        Who(self.devices.len() - 1)
    }

    /// Tells a line of the story.
    pub(super) fn tell(&self, line: &str) {
        crate::say(
            io::stdout(),
            &format!("{:5.1} s  {line}\n", self.began.elapsed().as_secs_f64()),
        );
    }

    pub(super) fn device(&mut self, who: Who) -> Result<&mut Device, Failed> {
        self.devices
            .get_mut(who.0)
            .ok_or_else(|| Failed::Missed("a phone that is not there was looked for".to_owned()))
    }

    /// Has somebody do something with his phone.
    pub(super) fn act<R>(
        &mut self,
        who: Who,
        act: impl FnOnce(&mut Phone, Time) -> Result<R, sim::PhoneError>,
    ) -> Result<R, Failed> {
        let now = self.clock.now();
        let done = act(&mut self.device(who)?.phone, now)?;
        self.turn()?;
        Ok(done)
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) -> Result<(), Failed> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    /// Waits until something has happened to somebody's phone.
    pub(super) fn until<R>(
        &mut self,
        what: &str,
        who: Who,
        mut happened: impl FnMut(&Device) -> Option<R>,
    ) -> Result<R, Failed> {
        let end = Instant::now() + PATIENCE;
        loop {
            self.turn()?;
            if let Some(result) = happened(self.device(who)?) {
                return Ok(result);
            }
            if Instant::now() > end {
                for entry in self
                    .device(who)?
                    .phone
                    .log()
                    .rev()
                    .take(8)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                {
                    tracing::error!(phone = who.0 + 1, "{:?}", entry.what);
                }
                return Err(Failed::Missed(what.to_owned()));
            }
        }
    }

    /// Waits until something is in the phone's log after `since` entries.
    pub(super) fn until_logged<R>(
        &mut self,
        what: &str,
        who: Who,
        since: usize,
        like: impl Fn(&Happening) -> Option<R>,
    ) -> Result<R, Failed> {
        self.until(what, who, |device| {
            device.phone.log().skip(since).find_map(|entry| like(&entry.what))
        })
    }

    /// How long the phone's log is.
    pub(super) fn log_length(&mut self, who: Who) -> Result<usize, Failed> {
        Ok(self.device(who)?.phone.log().count())
    }

    /// Waits for the phone to ring; gives the call and what is shown of the caller.
    pub(super) fn rings(&mut self, who: Who, since: usize) -> Result<Ring, Failed> {
        self.until_logged("the phone rings", who, since, |what| {
            let Happening::Rung {
                call,
                from,
                display,
                alert,
            } = what
            else {
                return None;
            };
            let (from, display, alert) = (from.clone(), display.clone(), alert.clone());
            Some(Ring {
                call: *call,
                from,
                display,
                alert,
            })
        })
    }

    /// Waits until `listener` has understood half a second of `speaker` without a gap; tells how well, in decibels.
    pub(super) fn hears(&mut self, listener: Who, speaker: Who) -> Result<f64, Failed> {
        self.device(listener)?.prick_up_ears();
        let end = Instant::now() + PATIENCE;
        loop {
            self.pass(Duration::from_millis(100))?;
            let (voice, spoken) = {
                let speaker = self.device(speaker)?;
                (speaker.voice, speaker.spoken)
            };
            let heard = &self.device(listener)?.heard;
            if let Some(latest) = heard
                .len()
                .checked_sub(UNDERSTOOD * BLOCK)
                .and_then(|from| heard.get(from..))
            {
                let said = voice.samples(spoken.saturating_sub(4 * UNDERSTOOD), spoken);
                if let Some((_, decibels)) = audio::find(&said, latest) {
                    return Ok(decibels);
                }
            }
            if Instant::now() > end {
                return Err(Failed::Missed("the one hears what the other says".to_owned()));
            }
        }
    }

    /// Waits until `listener` has heard half a second of music, from wherever in the piece.
    pub(super) fn hears_music(&mut self, listener: Who, music: &Sound) -> Result<f64, Failed> {
        // The piece is played over and over: what is heard may go from its end to its beginning.
        let lead = music.samples().get(..UNDERSTOOD * BLOCK).unwrap_or_default();
        let whole = [music.samples(), lead].concat();
        self.device(listener)?.prick_up_ears();
        let end = Instant::now() + PATIENCE;
        loop {
            self.pass(Duration::from_millis(200))?;
            let heard = &self.device(listener)?.heard;
            if let Some(latest) = heard
                .len()
                .checked_sub(UNDERSTOOD * BLOCK)
                .and_then(|from| heard.get(from..))
                && let Some((_, decibels)) = audio::find(&whole, latest)
            {
                return Ok(decibels);
            }
            if Instant::now() > end {
                return Err(Failed::Missed("the music is heard".to_owned()));
            }
        }
    }

    /// Waits until `listener` has heard these sounds, one after the other.
    pub(super) fn hears_words(&mut self, listener: Who, words: &[(&str, &Sound)]) -> Result<(), Failed> {
        let mut from = 0;
        for (name, sound) in words {
            let what = format!("the announcement says \"{name}\"");
            let (at, _) = self.until(&what, listener, |device| {
                audio::find(device.heard.get(from..).unwrap_or_default(), sound.samples())
            })?;
            from += at + sound.samples().len();
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<(), Failed> {
        let now = self.clock.now();
        for device in &mut self.devices {
            device.turn(now)?;
        }
        std::thread::sleep(Duration::from_millis(1));
        Ok(())
    }
}

/// A phone that rings.
pub(super) struct Ring {
    pub(super) call: CallId,
    pub(super) from: String,
    pub(super) display: Option<String>,
    pub(super) alert: Option<String>,
}
