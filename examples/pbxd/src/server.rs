//! The server: everything bound first, then two threads, then a clean end.
//!
//! The control thread (the caller's own) has the SIP sockets and the switch, the media thread has the RTP sockets and the
//! engine. No call has a thread or a task.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use mio::{Poll, Waker};
use rtp_media::{Engine, EngineConfig};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook_mio::v1_0::Signals;
use switch::Switch;

use crate::clock::Clock;
use crate::config::Settings;
use crate::control::{Control, WAKE};
use crate::hours::Hours;
use crate::mailbox::mailbox;
use crate::media_io::{MediaIo, MediaPorts};
use crate::reload::{Reload, Source};
use crate::sip_io::{BindError, Bound};
use crate::sounds;

/// Why the server does not start. Nothing has been started then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// An address of the configuration cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The address for media is not this host's, or there may not be so many sockets.
    #[error("cannot receive media on {address}: {error} (two sockets for each pair of media.ports are needed)")]
    Media {
        /// The address.
        address: std::net::IpAddr,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The switch refuses its configuration.
    #[error(transparent)]
    Config(#[from] switch::ConfigError),
    /// A sound does not fit into the engine's library.
    #[error("sound {name}: {error}")]
    Sound {
        /// The sound's name.
        name: String,
        /// Why.
        #[source]
        error: rtp_media::SoundError,
    },
    /// An embedded sound is not one, which a test excludes.
    #[error(transparent)]
    BuiltIn(#[from] sounds::BuiltInError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The system refuses something that any program needs.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// A server with all its sockets open, not yet running.
pub(crate) struct Server {
    poll: Poll,
    clock: Clock,
    bound: Bound,
    switch: Switch,
    engine: Engine,
    ports: MediaPorts,
    stop: Stop,
    /// Signals that are listened to, and what is read again for one of them.
    signals: Option<(Signals, Reload)>,
    hours: Vec<(String, Hours)>,
}

/// Ends a running server, from any thread.
#[derive(Clone)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stop {
    /// Asks the server to end its calls and then itself.
    pub(crate) fn stop(&self) {
        self.asked.store(true, Ordering::Release);
        // If it cannot be woken, it sees the wish at its next turn.
        let _ = self.waker.wake();
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }
}

impl Server {
    /// Binds every address and makes the machines. With a `source`, SIGINT and SIGTERM end the server from now on, SIGHUP
    /// has its configuration read again, and SIGUSR1 the board written to the log.
    pub(crate) fn bind(settings: Settings, source: Option<Source>) -> Result<Self, StartError> {
        let Settings {
            mut switch,
            music,
            hours,
            ..
        } = settings;
        allow_many_sockets();
        let bound = Bound::bind(&switch.listen)?;
        let address = switch.media_address;
        let ports =
            MediaPorts::bind(address, &switch.media_ports).map_err(|error| StartError::Media { address, error })?;
        if let Some(first) = ports.taken().first() {
            let count = ports.taken().len();
            tracing::warn!(count, first, "media ports that another program has are left out");
        }
        switch.media_ports_taken = ports.taken().to_vec();
        let mut engine = Engine::new(EngineConfig::default(), seed()?);
        for sounds::Named { name, sound } in sounds::built_in()?.into_iter().chain(music.iter().cloned()) {
            engine
                .add_sound(&name, sound)
                .map_err(|error| StartError::Sound { name, error })?;
        }
        let switch = Switch::new(switch, seed()?)?;
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let signals = match source {
            Some(source) => {
                let reload = Reload::new(source, music, Arc::clone(&waker));
                Some((Signals::new([SIGHUP, SIGINT, SIGTERM, SIGUSR1])?, reload))
            }
            None => None,
        };
        let stop = Stop {
            asked: Arc::new(AtomicBool::new(false)),
            waker,
        };
        Ok(Self {
            poll,
            clock: Clock::new(),
            bound,
            switch,
            engine,
            ports,
            stop,
            signals,
            hours,
        })
    }

    /// A handle to end the server with.
    pub(crate) fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }

    /// Runs until somebody asks for its end.
    pub(crate) fn run(self) -> Result<(), RunError> {
        let Self {
            poll,
            clock,
            bound,
            switch,
            engine,
            ports,
            stop,
            signals,
            hours,
        } = self;
        let (events, inbox) = mailbox(Arc::clone(&stop.waker));
        let (media, commands, sounds) = MediaIo::new(clock, engine, ports, events)?;
        let media: JoinHandle<io::Result<()>> = std::thread::Builder::new()
            .name("media".to_owned())
            .spawn(move || media.run())?;
        let mut control = Control::new(poll, clock, bound, switch, stop, inbox, (commands, sounds), signals)?;
        control.keep_hours(hours);
        // Control drops its end of the mailbox when it returns, and media follows.
        let controlled = control.run();
        let played = media.join().map_err(|_| RunError::MediaPanicked)?;
        played.map_err(RunError::Media)?;
        Ok(controlled?)
    }
}

/// Why a running server ended otherwise than it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The control thread could go on no longer.
    #[error("control: {0}")]
    Control(#[from] io::Error),
    /// The media thread could go on no longer.
    #[error("media: {0}")]
    Media(#[source] io::Error),
    /// The media thread panicked; its message is above.
    #[error("the media thread panicked")]
    MediaPanicked,
}

fn seed() -> Result<[u8; 32], getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

/// Each media port is a socket, and the usual 1024 of a process are soon used up. Raises that to what the system allows.
fn allow_many_sockets() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, allowed)| setrlimit(Resource::RLIMIT_NOFILE, allowed, allowed).map(|()| allowed));
    match raised {
        Ok(allowed) => tracing::debug!(allowed, "open files"),
        Err(error) => {
            tracing::warn!(%error, "the number of open files could not be raised: media ports are limited by it")
        }
    }
}
