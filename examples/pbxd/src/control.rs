//! The control thread: the switch, the SIP sockets, and the turn in which everything happens.

use std::io;
use std::time::Duration;

use machine::{Machine, Time};
use mio::{Events, Poll, Token};
use rtp_media::{Command, Event as MediaEvent};
use signal_hook::consts::{SIGHUP, SIGUSR1};
use signal_hook_mio::v1_0::Signals;
use switch::{Input, Output, Switch};

use crate::clock::{Clock, until};
use crate::hours::{Hours, Schedule};
use crate::journal;
use crate::load::{Gathering, Load};
use crate::mailbox::{Inbox, Outbox};
use crate::reload::{News, Reload};
use crate::server::Stop;
use crate::sip_io::{Bound, SipIo};
use crate::sounds::Named;

/// The token of messages from the media thread and of the wish to stop.
pub(crate) const WAKE: Token = Token(0);
const SIGNALS: Token = Token(1);
const FIRST_SOCKET: usize = 2;
/// How long phones have to answer the BYEs of a server that stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Nobody who waits for a ring or an answer notices some milliseconds, and SIP's shortest timer is hundreds of them.
const GATHERING: Gathering = Gathering {
    from: 200,
    time: Duration::from_millis(10),
    enough: 32,
};

/// The same while callers are in queues: whoever comes free is rung for the next of them as soon as his BYE is read.
const QUEUE_GATHERING: Duration = Duration::from_millis(1);

/// How long streams may wait to be opened or closed, so that one wake-up of the media thread serves several.
const PATIENCE: Duration = Duration::from_millis(20);

/// Whether a party would hear it if this came late.
fn is_urgent(command: &Command) -> bool {
    !matches!(command, Command::Open { .. } | Command::Close { .. })
}

/// The control side.
pub(crate) struct Control {
    poll: Poll,
    clock: Clock,
    switch: Switch,
    sip: SipIo,
    signals: Option<(Signals, Reload)>,
    stop: Stop,
    inbox: Inbox<MediaEvent>,
    outbox: Outbox<Command>,
    sounds: Outbox<Named>,
    /// When to end at the latest; set when the end was asked for.
    ends: Option<Time>,
    load: Load,
    schedule: Schedule,
    inputs: Vec<Input>,
    news: Vec<MediaEvent>,
    commands: Vec<Command>,
    /// When those that can wait have waited long enough.
    commands_due: Option<Time>,
}

impl Control {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one server, put together in one place"
    )]
    pub(crate) fn new(
        poll: Poll,
        clock: Clock,
        bound: Bound,
        switch: Switch,
        stop: Stop,
        inbox: Inbox<MediaEvent>,
        (outbox, sounds): (Outbox<Command>, Outbox<Named>),
        mut signals: Option<(Signals, Reload)>,
    ) -> io::Result<Self> {
        if let Some((signals, _)) = &mut signals {
            poll.registry().register(signals, SIGNALS, mio::Interest::READABLE)?;
        }
        let sip = SipIo::new(bound, poll.registry().try_clone()?, FIRST_SOCKET)?;
        let (inputs, news, commands) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self {
            poll,
            clock,
            switch,
            sip,
            signals,
            stop,
            inbox,
            outbox,
            sounds,
            ends: None,
            load: Load::new(GATHERING),
            schedule: Schedule::default(),
            inputs,
            news,
            commands,
            commands_due: None,
        })
    }

    /// Opens and closes these queues by their hours from now on.
    pub(crate) fn keep_hours(&mut self, hours: Vec<(String, Hours)>) {
        self.schedule = Schedule::new(self.clock.now(), hours);
        for (queue, open) in self.schedule.present() {
            self.inputs.push(Input::QueueOpen { queue, open });
        }
    }

    /// Runs until the end that was asked for.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            self.wait(&mut events)?;
            let now = self.clock.now();
            for event in &events {
                match event.token() {
                    WAKE => {}
                    SIGNALS => self.signalled(),
                    _ => self.sip.ready(event, &mut self.inputs),
                }
            }
            self.reconfigure()?;
            if self.stop.is_asked() && self.ends.is_none() {
                self.begin_end(now);
            }
            let media_lives = self.turn(now);
            self.send_commands(now)?;
            if !media_lives {
                return Err(io::Error::other("the media thread has ended"));
            }
            if self.ends.is_some_and(|ends| ends <= now) {
                return Ok(());
            }
            // Nor is there anything to do while media has so much to do that nothing more is taken in.
            if self.outbox.is_congested() {
                std::thread::sleep(Duration::from_millis(1));
            } else if let Some(pause) = self.load.pause() {
                let waits = self.switch.contact_count() > 0;
                std::thread::sleep(if waits { pause.min(QUEUE_GATHERING) } else { pause });
            }
        }
    }

    /// Ends the calls. Phones that were in one have some time to answer, and to be told again if a packet was lost.
    fn begin_end(&mut self, now: Time) {
        let calls = self.switch.call_count();
        tracing::info!(calls, "stopping");
        self.ends = Some(if calls > 0 { now + FAREWELL } else { now });
        self.inputs.push(Input::Shutdown);
    }

    /// Hands the commands to media: at once if somebody would hear the delay, else when there is more or after [`PATIENCE`].
    fn send_commands(&mut self, now: Time) -> io::Result<()> {
        if self.commands.is_empty() {
            return Ok(());
        }
        let due = *self.commands_due.get_or_insert(now + PATIENCE);
        if due <= now || self.ends.is_some() || self.commands.iter().any(is_urgent) {
            self.commands_due = None;
            self.outbox.send(&mut self.commands, true)?;
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let now = self.clock.now();
        let wait = if self.sip.has_more() || !self.inputs.is_empty() {
            Some(Duration::ZERO)
        } else {
            until(
                now,
                [
                    self.switch.poll_timeout(),
                    self.sip.poll_timeout(),
                    self.ends,
                    self.commands_due,
                    self.schedule.poll_timeout(),
                ],
            )
        };
        match self.poll.poll(events, wait) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn signalled(&mut self) {
        let Some((signals, reload)) = &mut self.signals else {
            return;
        };
        let mut end = false;
        for signal in signals.pending() {
            match signal {
                SIGHUP => reload.ask(),
                SIGUSR1 => journal::board(&self.switch.board(self.clock.now())),
                _ => end = true,
            }
        }
        if end {
            if self.ends.is_some() {
                // Who asks twice does not want to wait.
                self.ends = Some(Time::ZERO);
            }
            self.stop.stop();
        }
    }

    /// A configuration that was read again goes to the switch, its sounds to the engine.
    fn reconfigure(&mut self) -> io::Result<()> {
        let Some((_, reload)) = &mut self.signals else {
            return Ok(());
        };
        let news = reload.poll();
        if let Some(News {
            switch,
            hours,
            mut music,
        }) = news
        {
            self.sounds.send(&mut music, true)?;
            self.inputs.push(Input::Configure(Box::new(switch)));
            self.keep_hours(hours);
        }
        Ok(())
    }

    /// Everything that came goes in, everything that follows goes out. `false` where the media thread is gone.
    fn turn(&mut self, now: Time) -> bool {
        let media_lives = self.inbox.receive(&mut self.news);
        for event in self.news.drain(..) {
            self.switch.handle(now, Input::Media(event));
        }
        // While media is behind, packets stay in the kernel, which drops what is too much.
        if !self.outbox.is_congested() {
            self.sip.receive(now, &mut self.inputs);
        }
        self.sip.handle_timeout(now, &mut self.inputs);
        for (queue, open) in self.schedule.handle_timeout(now) {
            self.inputs.push(Input::QueueOpen { queue, open });
        }
        self.load.add(now, self.inputs.len());
        for input in self.inputs.drain(..) {
            self.switch.handle(now, input);
        }
        if self.switch.poll_timeout().is_some_and(|due| due <= now) {
            self.switch.handle_timeout(now);
        }
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Sip(transmit) => self.sip.send(now, transmit, &mut self.inputs),
                Output::CloseConnection(id) => self.sip.close(now, id, &mut self.inputs),
                Output::Media(command) => self.commands.push(command),
                Output::Event(event) => journal::tell(&event),
                _ => {}
            }
        }
        self.sip.flush(&mut self.inputs);
        media_lives
    }
}
