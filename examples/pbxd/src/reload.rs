//! SIGHUP: the configuration file is read again, and the difference takes effect without touching calls.
//!
//! Files are read by a thread of their own, so that a slow disk or much music holds up nobody.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use mio::Waker;
use tracing_subscriber::filter::Targets;

use crate::config::{self, ConfigError, Settings};
use crate::hours::Hours;
use crate::sounds::Named;

/// Changes what is logged.
pub(crate) type SetLevel = Box<dyn Fn(Targets) + Send>;

/// Where the configuration comes from, to be read again.
pub(crate) struct Source {
    /// The file; `None` for the embedded configuration.
    pub(crate) file: Option<PathBuf>,
    /// `None` where the command line says what is logged.
    pub(crate) set_level: Option<SetLevel>,
}

/// What a file said that was read again.
pub(crate) struct News {
    /// For the switch.
    pub(crate) switch: switch::Config,
    /// When its queues are open.
    pub(crate) hours: Vec<(String, Hours)>,
    /// Music that is new or sounds otherwise than before.
    pub(crate) music: Vec<Named>,
}

/// Reads the file again whenever it is asked to.
pub(crate) struct Reload {
    source: Source,
    /// What the engine knows already.
    music: Vec<Named>,
    reading: Option<Receiver<Result<Settings, ConfigError>>>,
    /// Asked while it was being read: it may have been changed since it was opened.
    again: bool,
    waker: Arc<Waker>,
}

impl Reload {
    /// `waker` wakes the thread that calls [`poll`](Self::poll) when there is something.
    pub(crate) fn new(source: Source, music: Vec<Named>, waker: Arc<Waker>) -> Self {
        Self {
            source,
            music,
            reading: None,
            again: false,
            waker,
        }
    }

    /// Begins to read the file.
    pub(crate) fn ask(&mut self) {
        let Some(file) = self.source.file.clone() else {
            tracing::warn!("SIGHUP, but the server runs without a configuration file (--config): nothing to read");
            return;
        };
        if self.reading.is_some() {
            self.again = true;
            return;
        }
        tracing::info!(file = %file.display(), "SIGHUP: reading the configuration again");
        match self.read(file) {
            Ok(reading) => self.reading = Some(reading),
            Err(error) => tracing::error!(%error, "the configuration cannot be read now; the old one stays"),
        }
    }

    fn read(&self, file: PathBuf) -> io::Result<Receiver<Result<Settings, ConfigError>>> {
        let (done, reading) = channel();
        let waker = Arc::clone(&self.waker);
        std::thread::Builder::new().name("reload".to_owned()).spawn(move || {
            // If nobody waits for it any more, the server is ending.
            let _ = done.send(config::load(&file));
            let _ = waker.wake();
        })?;
        Ok(reading)
    }

    /// What was read, if it was and is right. Every mistake goes to the log, with its line.
    pub(crate) fn poll(&mut self) -> Option<News> {
        let read = match self.reading.as_ref()?.try_recv() {
            Ok(read) => Some(read),
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => None,
        };
        self.reading = None;
        if std::mem::take(&mut self.again) {
            self.ask();
            return None;
        }
        match read {
            Some(Ok(settings)) => Some(self.take(settings)),
            Some(Err(error)) => {
                for mistake in error.to_string().lines() {
                    tracing::error!("{mistake}");
                }
                tracing::error!("the configuration is wrong; the old one stays");
                None
            }
            None => {
                tracing::error!("the configuration could not be read; the old one stays");
                None
            }
        }
    }

    fn take(&mut self, settings: Settings) -> News {
        if let Some(set_level) = &self.source.set_level {
            set_level(settings.level);
        }
        let is_new = |sound: &Named| {
            let same = |known: &Named| known.name == sound.name && known.sound.samples() == sound.sound.samples();
            !self.music.iter().any(same)
        };
        let music: Vec<Named> = settings.music.into_iter().filter(is_new).collect();
        for sound in &music {
            self.music.retain(|known| known.name != sound.name);
            self.music.push(sound.clone());
        }
        News {
            switch: settings.switch,
            hours: settings.hours,
            music,
        }
    }
}
