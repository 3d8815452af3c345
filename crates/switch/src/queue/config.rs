//! Queues and agents as data.

use core::fmt;
use core::time::Duration;

use acd::{Membership, QueueConfig, QueueId, Skills, Strategy, WrapUp};
use rtp_media::say::Language;

use crate::config::{ConfigError, can_be_dialled};

/// The most queues of one switch.
pub const MAX_QUEUES: usize = 1_000;
/// The most agents of one switch.
pub const MAX_AGENTS: usize = 20_000;

/// A queue: who calls its number waits until an agent is free.
///
/// ```
/// use std::time::Duration;
/// use switch::{KeyAction, Queue};
///
/// let mut sales = Queue::new("600", "Sales");
/// sales.rules.ring_time = Duration::from_secs(20);
/// sales.rules.max_wait = Some(Duration::from_secs(600));
/// // Where those go who waited for too long, or come while the queue is closed or full.
/// sales.overflow = Some(switch::Elsewhere::Number("1001".to_owned()));
/// // Who presses 0 is put through to the operator.
/// sales.keys.push(('0', KeyAction::Leave("1001".to_owned())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Queue {
    /// The number that is called.
    pub number: String,
    /// The name that agents see.
    pub name: String,
    /// How callers and agents are brought together. The switch itself sets its `overflow` and the numbers of its messages, from
    /// the fields below.
    pub rules: QueueConfig,
    /// Whether it lets callers in at first; later [`Input::QueueOpen`](crate::Input::QueueOpen) says so.
    pub open: bool,
    /// Whether callers are answered at once and hear music and announcements. Otherwise they hear ringing until an agent
    /// answers, and wait for at most [`Queue::RING_ONLY_WAIT`]. Default `true`.
    pub answers: bool,
    /// What an agent must be able to do.
    pub needs: Skills,
    /// The priority of who calls it: the higher is served first, as far as the rules look at it. Default 0.
    pub priority: i16,
    /// How much higher the priority of a caller becomes whom somebody transfers to it. Default 0: it stays as it was.
    pub raise: i16,
    /// In which language callers are spoken to. `None`: in [`Config::language`](crate::Config::language).
    pub language: Option<Language>,
    /// The sound that is played at first.
    pub welcome: Option<String>,
    /// The music of those who wait: the name of a sound in the engine's library. `None`: silence.
    pub music: Option<String>,
    /// Sounds that are played at the intervals of `rules.announcements.message_every`, one after the other.
    pub messages: Vec<String>,
    /// Whether the position is told, at the times of `rules.announcements`. Default `true`.
    pub tells_position: bool,
    /// Whether the expected wait is told then. Default `true`.
    pub tells_wait: bool,
    /// What the keys do that a waiting caller presses.
    pub keys: Vec<(char, KeyAction)>,
    /// Where callers go whom it does not let in or keep. `None`: they are refused, or hear a farewell.
    pub overflow: Option<Elsewhere>,
    /// The `Alert-Info` with which agents are rung, by which phones choose a ring tone.
    pub alert: Option<String>,
    /// Whether a caller whose agent's phone vanished during the talk waits again, in the place that his arrival gives him,
    /// instead of being hung up. Default `true`.
    pub keeps_orphans: bool,
    /// After how long a caller who gave up is called back by itself. `None`: not at all.
    pub call_back_abandoned: Option<Duration>,
    /// After how long since he asked for it, or gave up, a customer is not called back any more. Default 8 hours.
    pub call_back_within: Duration,
}

impl Queue {
    /// The longest wait in a queue that does not answer: phones and trunks give up an unanswered call after some minutes.
    pub const RING_ONLY_WAIT: Duration = Duration::from_secs(170);

    /// A queue with the defaults: the agent who has been free for longest is rung for 15 s, music `default`.
    #[must_use]
    pub fn new(number: &str, name: &str) -> Self {
        Self {
            number: number.to_owned(),
            name: name.to_owned(),
            rules: QueueConfig::new(Strategy::LongestIdle),
            open: true,
            answers: true,
            needs: Skills::new(),
            priority: 0,
            raise: 0,
            language: None,
            welcome: None,
            music: Some(crate::DEFAULT_MUSIC.to_owned()),
            messages: Vec::new(),
            tells_position: true,
            tells_wait: true,
            keys: Vec::new(),
            overflow: None,
            alert: None,
            keeps_orphans: true,
            call_back_abandoned: None,
            call_back_within: Duration::from_secs(8 * 3600),
        }
    }
}

/// Where a caller goes whom a queue does not let in or keep.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Elsewhere {
    /// To a number: an extension, a lot, or another queue, where he keeps his arrival and priority.
    Number(String),
    /// He hears this sound and is hung up.
    Message(String),
}

/// What a key does that a waiting caller presses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum KeyAction {
    /// He leaves the queue and is put through to this number.
    Leave(String),
    /// He hangs up and keeps his place: when his turn comes he is called back.
    CallBack,
}

/// Somebody who serves queues, at whichever phone he signs on.
///
/// ```
/// use switch::{Agent, QueueMember};
///
/// let mut anna = Agent::new("2001", "Anna");
/// anna.pin = Some("4711".to_owned());
/// anna.queues.push(QueueMember::new("600"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Agent {
    /// His number, by which he signs on. It may be an extension's, who then needs not name it at that phone.
    pub number: String,
    /// His name.
    pub name: String,
    /// The digits that he must dial to sign on. `None`: whoever has a phone of this switch may sign on for him.
    pub pin: Option<String>,
    /// The extension at which he is signed on from the start. `None`: he signs on himself.
    pub at: Option<String>,
    /// What he can do.
    pub skills: Skills,
    /// The queues that he serves.
    pub queues: Vec<QueueMember>,
    /// Whether he is also rung while his phone is in another call. Default `false`.
    pub rings_in_use: bool,
    /// How long he is left alone after a call. `None`: as the queue says.
    pub wrap_up: Option<WrapUp>,
}

impl Agent {
    /// An agent without queues.
    #[must_use]
    pub fn new(number: &str, name: &str) -> Self {
        Self {
            number: number.to_owned(),
            name: name.to_owned(),
            pin: None,
            at: None,
            skills: Skills::new(),
            queues: Vec::new(),
            rings_in_use: false,
            wrap_up: None,
        }
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("number", &self.number)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// An agent's place in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct QueueMember {
    /// The queue's number.
    pub queue: String,
    /// How he serves it. Which queue that is, the switch fills in.
    pub place: Membership,
}

impl QueueMember {
    /// An ordinary place in the queue of this number.
    #[must_use]
    pub fn new(queue: &str) -> Self {
        Self {
            queue: queue.to_owned(),
            place: Membership::new(QueueId(0)),
        }
    }
}

/// What agents dial to say what they do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct AgentCodes {
    /// He comes to work (default `*45`), also followed by his number.
    pub sign_on: Option<String>,
    /// He goes (default `*46`).
    pub sign_off: Option<String>,
    /// He pauses (default `*47`), also followed by the number of the reason.
    pub pause: Option<String>,
    /// He works again: his pause or his wrap-up is over (default `*48`).
    pub ready: Option<String>,
}

impl Default for AgentCodes {
    fn default() -> Self {
        let code = |code: &str| Some(code.to_owned());
        Self {
            sign_on: code("*45"),
            sign_off: code("*46"),
            pause: code("*47"),
            ready: code("*48"),
        }
    }
}

impl AgentCodes {
    /// The codes that are given, with what they mean.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&str, AgentCode)> {
        let codes = [
            (&self.sign_on, AgentCode::SignOn),
            (&self.sign_off, AgentCode::SignOff),
            (&self.pause, AgentCode::Pause),
            (&self.ready, AgentCode::Ready),
        ];
        codes
            .into_iter()
            .filter_map(|(code, what)| Some((code.as_deref()?, what)))
    }
}

/// What an agent's code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum AgentCode {
    SignOn,
    SignOff,
    Pause,
    Ready,
}

impl crate::Config {
    /// Whether queues and agents fit together, and to the numbers that there are.
    pub(crate) fn check_queues(&self, numbers: &std::collections::BTreeSet<String>) -> Result<(), ConfigError> {
        if self.queues.len() > MAX_QUEUES.min(self.queue_limits.queues)
            || self.agents.len() > MAX_AGENTS.min(self.queue_limits.agents)
        {
            return Err(ConfigError::TooManyQueues);
        }
        // Without agents a code is a number like any other.
        for (code, _) in self.agent_codes.given().filter(|_| !self.agents.is_empty()) {
            if !can_be_dialled(code) {
                return Err(ConfigError::BadCode(code.to_owned()));
            }
            if numbers.contains(code) || self.agent_codes.given().filter(|(other, _)| *other == code).count() > 1 {
                return Err(ConfigError::NumberTwice(code.to_owned()));
            }
        }
        for queue in &self.queues {
            check_queue(queue, numbers)?;
        }
        let queues: std::collections::BTreeSet<&str> = self.queues.iter().map(|queue| queue.number.as_str()).collect();
        let extensions: std::collections::BTreeSet<&str> = self
            .extensions
            .iter()
            .map(|extension| extension.number.as_str())
            .collect();
        let (mut agents, mut desks) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for agent in &self.agents {
            let number = &agent.number;
            if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
                return Err(ConfigError::BadAgent(number.clone()));
            }
            if !agents.insert(number) {
                return Err(ConfigError::AgentTwice(number.clone()));
            }
            if agent
                .pin
                .as_ref()
                .is_some_and(|pin| pin.is_empty() || !pin.bytes().all(|digit| digit.is_ascii_digit()))
            {
                return Err(ConfigError::BadPin(number.clone()));
            }
            if let Some(at) = &agent.at
                && (!extensions.contains(at.as_str()) || !desks.insert(at))
            {
                return Err(ConfigError::BadDesk(number.clone(), at.clone()));
            }
            if agent.queues.len() > acd::Limits::MEMBERSHIPS || agent.skills.len() > acd::Limits::SKILLS {
                return Err(ConfigError::TooManyPlaces(number.clone()));
            }
            for (index, member) in agent.queues.iter().enumerate() {
                let twice = agent.queues.iter().take(index).any(|other| other.queue == member.queue);
                if twice || !queues.contains(member.queue.as_str()) {
                    return Err(ConfigError::UnknownQueue(number.clone(), member.queue.clone()));
                }
            }
        }
        Ok(())
    }
}

fn check_queue(queue: &Queue, numbers: &std::collections::BTreeSet<String>) -> Result<(), ConfigError> {
    let keys_differ = |key: char| queue.keys.iter().filter(|(other, _)| *other == key).count() == 1;
    for (key, action) in &queue.keys {
        if !can_be_dialled(key.encode_utf8(&mut [0; 4])) || !keys_differ(*key) {
            return Err(ConfigError::BadKey(queue.number.clone(), *key));
        }
        if let KeyAction::Leave(number) = action
            && (!numbers.contains(number) || *number == queue.number)
        {
            return Err(ConfigError::BadTarget(queue.number.clone(), number.clone()));
        }
    }
    if let Some(Elsewhere::Number(number)) = &queue.overflow
        && (!numbers.contains(number) || *number == queue.number)
    {
        return Err(ConfigError::BadTarget(queue.number.clone(), number.clone()));
    }
    let rules = &queue.rules;
    if rules.rings.len() > acd::Limits::RINGS
        || rules.tiers.len() + rules.penalties.len() > MAX_STAGES
        || queue.messages.len() > MAX_MESSAGES
        || queue.needs.len() > acd::Limits::SKILLS
    {
        return Err(ConfigError::TooManyRules(queue.number.clone()));
    }
    if rules.ring_time.is_zero() || rules.max_wait.is_some_and(|wait| wait.is_zero()) {
        return Err(ConfigError::NoTime);
    }
    Ok(())
}

/// The most waits at which somebody more is asked.
const MAX_STAGES: usize = 250;
/// The most messages of a queue.
pub(crate) const MAX_MESSAGES: usize = 100;
