//! Random words of four phones and a media engine to one switch, among them such as no phone should say: its tables agree after each,
//! commands and events are consistent, and when all phones have vanished nothing is left.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use rtp_media::CommandError;
use sip_core::{Body, Event as Sip, HeaderName, Method, NameAddr, Reply, SessionId, SessionState, StatusCode};
use support::*;
use switch::acd::AgentState;
use switch::{
    Agent, Config, Group, KeyAction, Lot, Member, Mode, NotTaken, Otherwise, Queue, QueueEvent, QueueMember,
    RecallTarget,
};

const NUMBERS: [&str; 20] = [
    "1001", "1002", "1003", "1004", "700", "701", "702", "*88", "4711", "500", "501", "502", "600", "600", "610",
    "*45", "*46", "*475", "*48", "*452001",
];

/// All at once, going on to the next; in turn with delays, ending in a message; one within the other, going round.
fn groups() -> Vec<Group> {
    let mut all = Group::new("500", ["1002", "1003", "1004"]);
    all.chase.timeout = SECOND * 20;
    all.chase.otherwise = Otherwise::Number("501".to_owned());
    let mut in_turn = Group::new("501", ["1001", "1002"]);
    in_turn.chase.mode = Mode::Circular;
    in_turn.chase.members[1].delay = SECOND;
    in_turn.chase.skip_busy = false;
    in_turn.chase.otherwise = Otherwise::Message("closed".to_owned());
    let mut nested = Group::new("502", ["501", "1004"]);
    nested.chase.members[1].delay = SECOND * 3;
    nested.chase.members[1].ring = Some(SECOND * 5);
    nested.chase.otherwise = Otherwise::Number("500".to_owned());
    vec![all, in_turn, nested]
}
const DIRECTIONS: [&str; 4] = ["sendrecv", "sendonly", "recvonly", "inactive"];

#[derive(Clone, Debug)]
enum Word {
    Dial(&'static str),
    DialLate(&'static str),
    /// An INVITE with `Replaces`, naming a dialog of this phone or of another.
    DialReplacing(usize, Index),
    Ring,
    Answer,
    Reject(StatusCode),
    HangUp,
    Change(&'static str),
    ChangeLate,
    Acknowledge(bool),
    Refer(&'static str),
    /// Naming a dialog of this phone, or of whichever.
    ReferAttended(Option<usize>, Index),
    Digits(&'static str),
    Register(u32),
    Watch(&'static str),
    Vanish,
    Return,
}

#[derive(Clone, Debug)]
enum Step {
    Phone(usize, Index, Word),
    PlayEnded(Index),
    Silent(Index),
    NoPort(Index),
    NoSound(Index),
    Digit(Index, char),
    Wait(u64),
    Configure(usize),
    Copy,
}

/// As it was, most often; and with lots, slots, extensions, passwords and groups added, changed and taken away.
const CHANGES: [fn(&mut Config); 9] = [
    |_| {},
    |_| {},
    |_| {},
    |_| {},
    |config| config.lots.clear(),
    |config| config.lots[0].slots = 702..=704,
    |config| config.lots = vec![Lot::new("710", 711..=712)],
    |config| config.lots.insert(0, Lot::new("710", 711..=711)),
    |config| {
        config.extensions.remove(2);
        config.extensions[2].password = "other".to_owned();
        config.groups.remove(0);
        config.groups[1].chase.otherwise = Otherwise::Refuse;
        config.groups[0].chase.members.remove(0);
        config.groups[0].chase.members.push(Member::new("1004"));
        config.max_calls = 3;
    },
];

fn word() -> impl Strategy<Value = Word> {
    let number = || prop::sample::select(NUMBERS.to_vec());
    let direction = prop::sample::select(DIRECTIONS.to_vec());
    let digits = prop::sample::select(vec!["*68", "*6", "8", "12", "0", "2", "2", "47#"]);
    let status = prop::sample::select(vec![
        StatusCode::BUSY_HERE,
        StatusCode::DECLINE,
        StatusCode::MOVED_TEMPORARILY,
    ]);
    prop_oneof![
        8 => number().prop_map(Word::Dial),
        2 => number().prop_map(Word::DialLate),
        2 => (0..4_usize, any::<Index>()).prop_map(|(phone, call)| Word::DialReplacing(phone, call)),
        2 => Just(Word::Ring),
        10 => Just(Word::Answer),
        2 => status.prop_map(Word::Reject),
        3 => Just(Word::HangUp),
        4 => direction.prop_map(Word::Change),
        2 => Just(Word::ChangeLate),
        4 => any::<bool>().prop_map(Word::Acknowledge),
        6 => number().prop_map(Word::Refer),
        6 => any::<Index>().prop_map(|call| Word::ReferAttended(None, call)),
        1 => (0..4_usize, any::<Index>()).prop_map(|(phone, call)| Word::ReferAttended(Some(phone), call)),
        3 => digits.prop_map(Word::Digits),
        1 => prop::sample::select(vec![0, 60, 3600]).prop_map(Word::Register),
        1 => number().prop_map(Word::Watch),
        1 => Just(Word::Vanish),
        2 => Just(Word::Return),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let any = any::<Index>;
    prop_oneof![
        60 => (0..4_usize, any(), word()).prop_map(|(phone, call, word)| Step::Phone(phone, call, word)),
        9 => any().prop_map(Step::PlayEnded),
        3 => any().prop_map(Step::Silent),
        3 => any().prop_map(Step::NoPort),
        3 => any().prop_map(Step::NoSound),
        3 => (any(), prop::sample::select(vec!['*', '6', '8', '2', '2'])).prop_map(|(leg, digit)| Step::Digit(leg, digit)),
        9 => prop_oneof![0..3_000_u64, 10_000..70_000_u64].prop_map(Step::Wait),
        1 => (0..CHANGES.len()).prop_map(Step::Configure),
        3 => Just(Step::Copy),
    ]
}

/// A queue that answers and one that only rings; two agents who are there from the start, and two who may come.
fn centre(config: &mut Config, seed: u8) {
    let mut sales = Queue::new("600", "Sales");
    sales.keys = vec![('0', KeyAction::Leave("1001".to_owned())), ('2', KeyAction::CallBack)];
    sales.rules.max_wait = Some(SECOND * 50);
    sales.rules.call_backs.attempts = 1;
    sales.call_back_within = SECOND * 90;
    sales.rules.ring_time = SECOND * 10;
    sales.raise = 1;
    if seed & 16 != 0 {
        sales.rules.strategy = switch::acd::Strategy::RingAll;
    }
    if seed & 32 != 0 {
        sales.overflow = Some(switch::Elsewhere::Number("610".to_owned()));
        sales.rules.wrap_up = switch::acd::WrapUp::Fixed(SECOND * 5);
    }
    let mut support = Queue::new("610", "Support");
    support.answers = false;
    support.rules.max_wait = Some(SECOND * 40);
    let parks = seed & 64 == 0 && config.lots.iter().any(|lot| lot.number == "700");
    support.overflow = Some(switch::Elsewhere::Number(if parks { "700" } else { "1001" }.to_owned()));
    config.queues = vec![sales, support];
    for (number, at) in [("1003", true), ("1004", true), ("1002", false), ("2001", false)] {
        let mut agent = Agent::new(number, "Somebody");
        let there = config.extensions.iter().any(|extension| extension.number == number);
        agent.at = (at && there).then(|| number.to_owned());
        agent.rings_in_use = seed & 128 != 0;
        agent.pin = (number == "2001").then(|| "47".to_owned());
        agent.queues = vec![QueueMember::new("600"), QueueMember::new("610")];
        config.agents.push(agent);
    }
    if let Some(lot) = config.lots.iter_mut().find(|lot| lot.number == "700" && seed & 3 == 3) {
        lot.queue = Some("600".to_owned());
    }
}

struct Story {
    desk: Desk,
    seed: u8,
    dialled: Vec<Vec<SessionId>>,
}

impl Story {
    /// Every session that a phone ever had.
    fn sessions(&self, phone: usize) -> Vec<SessionId> {
        let mut sessions = self.dialled[phone].clone();
        sessions.extend(self.desk.inbox[phone].iter().filter_map(|event| match event {
            Sip::Invite { session, .. } => Some(*session),
            _ => None,
        }));
        sessions.retain(|session| self.desk.phones[phone].session_info(*session).is_some());
        sessions
    }

    fn session(&self, phone: usize, index: &Index) -> Option<SessionId> {
        let sessions = self.sessions(phone);
        (!sessions.is_empty()).then(|| *index.get(&sessions))
    }

    /// The call that rings longest.
    fn ringing(&self, phone: usize) -> Option<SessionId> {
        self.sessions(phone).into_iter().find(|session| {
            let info = self.desk.phones[phone].session_info(*session);
            info.is_some_and(|info| info.state == SessionState::Incoming)
        })
    }

    fn dial(&mut self, phone: usize, number: &str, late: bool, replaces: Option<String>) {
        let body = (!late).then(|| sdp(phone, "sendrecv"));
        let mut invite = Desk::invitation(phone, number, body);
        invite
            .headers
            .extend(replaces.map(|value| (HeaderName::Replaces, value.into())));
        let now = self.desk.now;
        if let Ok(session) = self.desk.phones[phone].invite(now, invite) {
            self.dialled[phone].push(session);
        }
    }

    fn replaces(&self, phone: usize, index: &Index) -> Option<String> {
        self.session(phone, index).map(|other| self.desk.replaces(phone, other))
    }

    /// What the story begins with, so that it need not come about by chance: calls, one of them parked, or due.
    fn begin(&mut self, opening: u8) {
        let has = |bit: u8| opening & bit != 0;
        let (caller, callee) = self.desk.call(0, 1);
        self.dialled[0].push(caller);
        if has(1) {
            self.desk.refer(1, callee, "700");
            self.desk.announced(1);
        }
        if has(2) {
            let (caller, _) = self.desk.call(0, 2);
            self.dialled[0].push(caller);
        }
        if has(4) {
            let (caller, _) = self.desk.call(3, 1);
            self.dialled[3].push(caller);
        }
        if has(8) {
            self.desk.wait(SECOND * 46);
        }
    }

    /// What a phone cannot say in its state, it does not.
    fn say(&mut self, phone: usize, index: &Index, word: &Word) {
        let now = self.desk.now;
        let ringing = matches!(word, Word::Ring | Word::Answer | Word::Reject(_));
        let session = if ringing {
            self.ringing(phone)
        } else {
            self.session(phone, index)
        };
        let body = |direction: &str| Reply::new().body(Body::sdp(sdp(phone, direction)));
        match (word, session) {
            (Word::Dial(number), _) => self.dial(phone, number, false, None),
            (Word::DialLate(number), _) => self.dial(phone, number, true, None),
            (Word::DialReplacing(other, index), _) => {
                let replaces = self.replaces(*other, index);
                self.dial(phone, "1001", false, replaces);
            }
            (Word::Register(seconds), _) => self.desk.register(phone, *seconds),
            (Word::Watch(number), _) => {
                self.desk.watch(phone, number);
            }
            (Word::Vanish, _) => self.desk.deaf.push(phone),
            (Word::Return, _) => self.desk.deaf.retain(|deaf| *deaf != phone),
            (_, None) => {}
            (word, Some(session)) => {
                let referred = |target| NameAddr::new(target);
                let attended = match word {
                    Word::ReferAttended(other, index) => self.replaces(other.unwrap_or(phone), index),
                    _ => None,
                };
                let endpoint = &mut self.desk.phones[phone];
                let _ = match word {
                    Word::Ring => endpoint.provisional(now, session, StatusCode::RINGING, Reply::new()),
                    Word::Answer => endpoint.answer(now, session, body("sendrecv")),
                    Word::Reject(status) => endpoint.reject(now, session, *status, Reply::new()),
                    Word::HangUp => endpoint.hang_up(now, session, None),
                    Word::Change(direction) => endpoint.reinvite(now, session, body(direction)),
                    Word::ChangeLate => endpoint.reinvite(now, session, Reply::new()),
                    Word::Acknowledge(answers) => {
                        let answer = answers.then(|| Body::sdp(sdp(phone, "sendrecv")));
                        endpoint.acknowledge(now, session, answer)
                    }
                    Word::Refer(number) => endpoint
                        .refer(now, session, referred(uri(number)), Reply::new())
                        .map(drop),
                    Word::ReferAttended(..) => {
                        let target = uri("1001").with_header("Replaces", &attended.unwrap_or_default());
                        endpoint.refer(now, session, referred(target), Reply::new()).map(drop)
                    }
                    Word::Digits(digits) => {
                        for digit in digits.chars() {
                            let body = Body::new("application/dtmf-relay", format!("Signal={digit}\r\n"));
                            let _ = endpoint.request(now, session, Method::Info, Reply::new().body(body));
                        }
                        Ok(())
                    }
                    _ => Ok(()),
                };
            }
        }
    }

    fn act(&mut self, step: &Step) {
        let leg = |index: &Index| {
            let legs: Vec<_> = self.desk.switch.legs().collect();
            (!legs.is_empty()).then(|| index.get(&legs).stream)
        };
        let failed = |stream, error| rtp_media::Event::Failed { stream, error };
        let event = match step {
            Step::Phone(phone, index, word) => {
                self.say(*phone, index, word);
                None
            }
            Step::PlayEnded(index) => {
                let playing: Vec<_> = self.desk.media.prompts().collect();
                (!playing.is_empty()).then(|| {
                    let (stream, play) = *index.get(&playing);
                    self.desk.media.playing.remove(&stream);
                    rtp_media::Event::PlayEnded {
                        stream,
                        play,
                        completed: true,
                    }
                })
            }
            Step::Silent(index) => leg(index).map(|stream| rtp_media::Event::Silent {
                stream,
                quiet_for: SECOND,
            }),
            Step::NoPort(index) => leg(index).map(|stream| failed(stream, CommandError::Full)),
            Step::NoSound(index) => {
                let playing: Vec<_> = self.desk.media.prompts().collect();
                (!playing.is_empty()).then(|| {
                    let (stream, _) = *index.get(&playing);
                    self.desk.media.playing.remove(&stream);
                    failed(stream, CommandError::UnknownSound)
                })
            }
            Step::Digit(index, digit) => leg(index).map(|stream| rtp_media::Event::Digit {
                stream,
                digit: *digit,
                duration: SECOND,
            }),
            Step::Wait(millis) => {
                self.desk.wait(Duration::from_millis(*millis));
                None
            }
            Step::Configure(change) => {
                self.configure(CHANGES[*change]);
                None
            }
            Step::Copy => {
                #[cfg(feature = "serde")]
                {
                    let text = serde_json::to_string(&self.desk.switch).unwrap();
                    self.desk.switch = serde_json::from_str(&text).unwrap();
                }
                None
            }
        };
        match event {
            Some(event) => self.desk.media(event),
            None => self.desk.pump(),
        }
        self.check();
    }

    /// Another configuration touches no call.
    fn configure(&mut self, change: fn(&mut Config)) {
        let mut config = config();
        config.groups = groups();
        change(&mut config);
        centre(&mut config, self.seed);
        let (legs, commands) = (self.desk.switch.legs().collect::<Vec<_>>(), self.desk.commands.len());
        self.desk.input(switch::Input::Configure(Box::new(config)));
        assert_eq!(self.desk.switch.legs().collect::<Vec<_>>(), legs);
        assert_eq!(self.desk.commands.len(), commands);
        assert!(
            self.desk
                .events
                .iter()
                .rev()
                .any(|event| matches!(event, switch::Event::Configured(_)))
        );
    }

    /// The events, the tables and the phones' lots tell the same.
    fn check(&self) {
        let desk = &self.desk;
        assert_eq!(desk.ledger.calls.len(), desk.switch.call_count());
        assert_eq!(desk.ledger.contacts.len(), desk.switch.contact_count());
        for agent in desk.switch.agents() {
            let told = desk.ledger.agents.get(&agent.number).copied();
            assert_eq!(told.unwrap_or(AgentState::Off), agent.state, "{agent:?}");
        }
        let lots = ["700", "710"].into_iter().filter_map(|lot| desk.switch.slots(lot));
        let slots: Vec<u32> = lots.flatten().map(|(slot, _)| slot.0).collect();
        assert!(desk.ledger.slots.keys().all(|slot| slots.contains(slot)), "{slots:?}");
    }

    /// Nobody says anything any more. What is watched is told of; the rest the switch must find out by itself.
    fn end(&mut self, shutdown: bool) {
        if shutdown {
            self.desk.input(switch::Input::Shutdown);
            assert_eq!(self.desk.switch.legs().count(), 0);
        }
        self.desk.deaf = (0..4).collect();
        for _ in 0..3 {
            self.desk.wait(SECOND * 61);
            for stream in self.desk.media.watched() {
                if self.desk.switch.legs().any(|leg| leg.stream == stream) {
                    self.desk.media(rtp_media::Event::Silent {
                        stream,
                        quiet_for: SECOND * 30,
                    });
                }
            }
        }
        self.desk.check_idle();
        assert!(self.desk.ledger.calls.is_empty() && self.desk.ledger.slots.is_empty());
        assert_eq!(self.desk.ledger.contacts.len(), 0, "{:?}", self.desk.ledger.contacts);
        assert_eq!(self.desk.switch.contact_count(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_the_switch_stays_sound(
        opening in any::<u8>(),
        steps in prop::collection::vec(step(), 1..120),
        small in any::<bool>(),
        shutdown in any::<bool>(),
    ) {
        let mut desk = Desk::new(|config| {
            config.groups = groups();
            centre(config, opening);
            if opening & 16 != 0 {
                config.lots[0].recall_to = vec![RecallTarget::Parker, RecallTarget::Number("502".to_owned())];
            }
            if small {
                config.media_ports = 20000..=20015;
                config.max_calls = 4;
            }
        });
        desk.alerting = opening & 32 != 0;
        let mut story = Story { desk, seed: opening, dialled: vec![Vec::new(); 4] };
        story.begin(opening);
        for step in &steps {
            story.act(step);
        }
        story.end(shutdown);
    }
}

/// What of a queue's events makes a story richer.
fn in_queue(what: &QueueEvent) -> Option<&'static str> {
    Some(match what {
        QueueEvent::Answered { .. } => "answered in a queue",
        QueueEvent::Handled { .. } => "handled",
        QueueEvent::Abandoned { .. } => "left a queue",
        QueueEvent::Moved { cause: None, .. } => "moved to a queue",
        QueueEvent::Overflowed { .. } => "overflowed",
        QueueEvent::AgentLost { .. } => "lost an agent",
        QueueEvent::CallBackDialled { .. } => "called back",
        QueueEvent::Left { .. } => "left by a key",
        QueueEvent::Retrieved { .. } => "fetched",
        QueueEvent::NotTaken {
            why: NotTaken::Taken, ..
        } => "taken by another",
        QueueEvent::NotTaken {
            why: NotTaken::Gone, ..
        } => "gone while it rang",
        QueueEvent::NotTaken {
            why: NotTaken::NotAnswered,
            ..
        } => "let ring",
        _ => return None,
    })
}

/// The stories are worth their name: sooner or later, everything happens that can.
#[test]
fn the_stories_are_rich() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use std::collections::BTreeSet;
    use switch::{EndCause, Event};

    let mut runner = TestRunner::deterministic();
    let mut happened: BTreeSet<&'static str> = BTreeSet::new();
    for opening in 0..1500_u16 {
        if happened.len() == 29 {
            break;
        }
        let [opening, _] = opening.to_le_bytes();
        let steps = prop::collection::vec(step(), 40..120)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let desk = Desk::new(|config| {
            config.groups = groups();
            centre(config, opening);
        });
        let mut story = Story {
            desk,
            seed: opening,
            dialled: vec![Vec::new(); 4],
        };
        for step in &steps {
            story.act(step);
        }
        story.end(false);
        happened.extend(story.desk.events.iter().filter_map(|event| {
            Some(match event {
                Event::CallAnswered { .. } => "answered",
                Event::Transferred { attended: false, .. } => "blind transfer",
                Event::Transferred { attended: true, .. } => "attended transfer",
                Event::TransferFailed { .. } => "failed transfer",
                Event::Parked { .. } => "parked",
                Event::RecallStarted { .. } => "recall",
                Event::Diverted { .. } => "diverted",
                Event::ParkedAgain { .. } => "parked again",
                Event::Retrieved { recall: false, .. } => "retrieved",
                Event::Retrieved { recall: true, .. } => "retrieved by recall",
                Event::Abandoned { .. } => "abandoned",
                Event::Queue { what, .. } => return in_queue(what),
                Event::CallEnded(record) => match record.cause {
                    EndCause::HungUp => "hung up",
                    EndCause::Vanished => "vanished",
                    EndCause::Cancelled => "cancelled",
                    EndCause::Refused(486) => "busy",
                    EndCause::Refused(488) => "no answer in an ACK",
                    _ => return None,
                },
                _ => return None,
            })
        }));
        let replaced = |event: &Sip| matches!(event, Sip::Ended { .. });
        if story.desk.inbox.iter().flatten().any(replaced) {
            happened.insert("told of an end");
        }
    }
    assert_eq!(happened.len(), 29, "{happened:?}");
}
