//! Queues and agents in the file.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;
use switch::acd::{self, Counted, Order, SkillId, Skills, Strategy, WrapUp};
use toml::Spanned;

use crate::hours::{self, Day, Hours, Shift};

use super::values::{Interval, Number, Pin, Plain, Text};

/// A `[[queue]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Queue {
    pub(crate) number: Spanned<Number>,
    pub(crate) name: Option<Plain>,
    pub(crate) strategy: Option<Distribution>,
    pub(crate) order: Option<Sequence>,
    pub(crate) weight: Option<u16>,
    pub(crate) service_target: Option<Spanned<Interval>>,
    pub(crate) ring_time: Option<Spanned<Interval>>,
    pub(crate) wrap_up: Option<Rest>,
    pub(crate) reject_pause: Option<Spanned<Interval>>,
    pub(crate) busy_pause: Option<Spanned<Interval>>,
    pub(crate) no_answer_pause: Option<Spanned<Interval>>,
    pub(crate) max_no_answer: Option<u8>,
    #[serde(default)]
    pub(crate) tiers: Vec<Spanned<Interval>>,
    #[serde(default)]
    pub(crate) penalties: Vec<Penalty>,
    #[serde(default)]
    pub(crate) rings: Vec<Ring>,
    pub(crate) skip_empty_tiers: Option<bool>,
    pub(crate) preferred_wait: Option<Spanned<Interval>>,
    pub(crate) sticky: Option<Spanned<Interval>>,
    pub(crate) max_waiting: Option<usize>,
    pub(crate) max_wait: Option<Spanned<Interval>>,
    pub(crate) max_expected_wait: Option<Spanned<Interval>>,
    pub(crate) join_when: Option<Presence>,
    pub(crate) stay_when: Option<Presence>,
    pub(crate) overflow: Option<Spanned<Number>>,
    pub(crate) overflow_message: Option<Spanned<Plain>>,
    pub(crate) answers: Option<bool>,
    #[serde(default)]
    pub(crate) needs: BTreeMap<String, u8>,
    pub(crate) priority: Option<i16>,
    pub(crate) raise: Option<i16>,
    pub(crate) language: Option<Tongue>,
    pub(crate) welcome: Option<Spanned<Plain>>,
    pub(crate) music: Option<Spanned<Plain>>,
    #[serde(default)]
    pub(crate) messages: Vec<Spanned<Plain>>,
    pub(crate) message_every: Option<Spanned<Interval>>,
    pub(crate) tell_first: Option<Spanned<Interval>>,
    pub(crate) tell_every: Option<Spanned<Interval>>,
    pub(crate) tell_position: Option<bool>,
    pub(crate) tell_wait: Option<bool>,
    #[serde(default)]
    pub(crate) keys: BTreeMap<Spanned<String>, Spanned<Key>>,
    pub(crate) call_back_attempts: Option<u8>,
    pub(crate) call_back_retry: Option<Spanned<Interval>>,
    pub(crate) call_back_abandoned: Option<Spanned<Interval>>,
    pub(crate) call_back_within: Option<Spanned<Interval>>,
    pub(crate) keeps_orphans: Option<bool>,
    pub(crate) alert: Option<Plain>,
    #[serde(default)]
    pub(crate) hours: Vec<Opening>,
    #[serde(default)]
    pub(crate) closed_on: Vec<Holiday>,
    pub(crate) time_zone: Option<Zone>,
}

/// From when on agents of higher penalties are asked as well.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Penalty {
    pub(crate) after: Spanned<Interval>,
    pub(crate) up_to: u8,
}

/// From when on less is needed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ring {
    pub(crate) after: Spanned<Interval>,
    #[serde(default)]
    pub(crate) drop: Vec<String>,
    #[serde(default)]
    pub(crate) lower: u8,
}

/// An `[[agent]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agent {
    pub(crate) number: Spanned<Number>,
    pub(crate) name: Option<Plain>,
    pub(crate) pin: Option<Spanned<Pin>>,
    pub(crate) at: Option<Spanned<Number>>,
    #[serde(default)]
    pub(crate) skills: BTreeMap<String, u8>,
    #[serde(default)]
    pub(crate) queues: Vec<Spanned<Place>>,
    pub(crate) rings_in_use: Option<bool>,
    pub(crate) wrap_up: Option<Rest>,
}

/// An agent's place in a queue: its number alone, or with more about it.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a queue's number, or a table such as { queue = \"600\", tier = 1 }"
)]
pub(crate) enum Place {
    Plain(Number),
    Full(FullPlace),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullPlace {
    queue: Number,
    #[serde(default)]
    tier: u8,
    #[serde(default)]
    penalty: u8,
    #[serde(default)]
    position: u16,
    weight: Option<u16>,
    delay: Option<Interval>,
    #[serde(default)]
    rank: u8,
}

impl Place {
    pub(crate) fn queue(&self) -> &str {
        match self {
            Self::Plain(number) => &number.0,
            Self::Full(place) => &place.queue.0,
        }
    }
}

/// `[agent_codes]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Codes {
    pub(crate) sign_on: Option<Spanned<Number>>,
    pub(crate) sign_off: Option<Spanned<Number>>,
    pub(crate) pause: Option<Spanned<Number>>,
    pub(crate) ready: Option<Spanned<Number>>,
}

/// How an agent is chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Distribution(pub(crate) Strategy);

/// The strategies by their names.
const STRATEGIES: [(&str, Strategy); 18] = [
    ("ring-all", Strategy::RingAll),
    ("longest-idle", Strategy::LongestIdle),
    ("least-recent", Strategy::LeastRecent),
    ("fewest-calls", Strategy::FewestCalls),
    ("least-talk-time", Strategy::LeastTalkTime),
    ("least-occupied", Strategy::LeastOccupied),
    ("round-robin", Strategy::RoundRobin),
    ("top-down", Strategy::TopDown),
    ("sequential", Strategy::Sequential),
    ("random", Strategy::Random),
    ("weighted-random", Strategy::WeightedRandom),
    (
        "ring-progressively",
        Strategy::RingProgressively(Duration::from_secs(10)),
    ),
    ("skill-based", Strategy::SkillBased),
    ("ucd-mia", Strategy::UcdMia),
    ("ucd-loa", Strategy::UcdLoa),
    ("ead-mia", Strategy::EadMia),
    ("ead-loa", Strategy::EadLoa),
    ("percent-allocation", Strategy::PercentAllocation),
];

impl Text for Distribution {
    const EXPECTED: &'static str = "\"ring-all\", \"longest-idle\", \"least-recent\", \"fewest-calls\", \"least-talk-time\", \
        \"least-occupied\", \"round-robin\", \"top-down\", \"sequential\", \"random\", \"weighted-random\", \
        \"ring-progressively\" (also with its step: \"ring-progressively 5s\"), \"skill-based\", \"ucd-mia\", \"ucd-loa\", \
        \"ead-mia\", \"ead-loa\" or \"percent-allocation\"";

    fn read(text: &str) -> Option<Self> {
        if let Some(step) = text.strip_prefix("ring-progressively ") {
            return Interval::read(step).map(|step| Self(Strategy::RingProgressively(step.0)));
        }
        STRATEGIES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, strategy)| Self(*strategy))
    }
}

/// In which order callers are served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence(pub(crate) Order);

impl Text for Sequence {
    const EXPECTED: &'static str = "\"arrival\", \"priority\", \"ageing 60s\" (a step of priority is worth as long a wait) or \
        \"service-target 60s\"";

    fn read(text: &str) -> Option<Self> {
        let worth = |text: &str| Interval::read(text).map(|step| step.0);
        match text.split_once(' ') {
            None if text == "arrival" => Some(Self(Order::Arrival)),
            None if text == "priority" => Some(Self(Order::Priority)),
            Some(("ageing", step)) => Some(Self(Order::Ageing(worth(step)?))),
            Some(("service-target", step)) => Some(Self(Order::ServiceTarget(worth(step)?))),
            _ => None,
        }
    }
}

/// How long an agent is left alone after a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rest(pub(crate) WrapUp);

impl Text for Rest {
    const EXPECTED: &'static str = "\"none\", a time such as \"30s\", \"up to 60s\" or \"open\"";

    fn read(text: &str) -> Option<Self> {
        let time = |text: &str| Interval::read(text).map(|time| time.0);
        Some(Self(match text {
            "none" => WrapUp::None,
            "open" => WrapUp::Open,
            _ => match text.strip_prefix("up to ") {
                Some(most) => WrapUp::Capped(time(most)?),
                None => WrapUp::Fixed(time(text)?),
            },
        }))
    }
}

/// Who must be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presence(pub(crate) Option<Counted>);

impl Text for Presence {
    const EXPECTED: &'static str = "\"always\", \"signed-on\" (somebody is signed on), \"working\" (not all are paused or out of \
        reach) or \"free\" (somebody is ready)";

    fn read(text: &str) -> Option<Self> {
        Some(Self(match text {
            "always" => None,
            "signed-on" => Some(Counted::SIGNED_ON),
            "working" => Some(Counted::WORKING),
            "free" => {
                let mut nobody_else = Counted::WORKING;
                (nobody_else.busy, nobody_else.wrap_up) = (false, false);
                Some(nobody_else)
            }
            _ => return None,
        }))
    }
}

/// A language of prompts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tongue(pub(crate) switch::Language);

impl Text for Tongue {
    const EXPECTED: &'static str = "\"en\" (English), \"de\" (German) or \"fa\" (Persian)";

    fn read(text: &str) -> Option<Self> {
        switch::Language::ALL
            .into_iter()
            .find(|language| language.code() == text)
            .map(Self)
    }
}

/// When a queue is open.
#[derive(Debug, Clone)]
pub(crate) struct Opening(pub(crate) Shift);

impl Text for Opening {
    const EXPECTED: &'static str =
        "days and times such as \"mon-fri 08:00-18:00\", \"sat,sun 10:00-12:30\" or \"daily 00:00-24:00\"";

    fn read(text: &str) -> Option<Self> {
        hours::read_shift(text).map(Self)
    }
}

/// A day on which it is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holiday(pub(crate) Day);

impl Text for Holiday {
    const EXPECTED: &'static str = "a day such as \"2026-12-24\", or \"12-25\" for every year";

    fn read(text: &str) -> Option<Self> {
        hours::read_day(text).map(Self)
    }
}

/// Whose clock counts.
#[derive(Debug, Clone)]
pub(crate) struct Zone(pub(crate) TimeZone);

impl Text for Zone {
    const EXPECTED: &'static str = "a time zone such as \"Europe/Berlin\" or \"UTC\"";

    fn read(text: &str) -> Option<Self> {
        TimeZone::get(text).ok().map(Self)
    }
}

impl Queue {
    /// Its working hours; `None`: it is always open.
    pub(crate) fn hours(&self) -> Option<Hours> {
        let always = || Shift {
            days: [true; 7],
            from: 0,
            until: 24 * 60,
        };
        let mut open: Vec<Shift> = self.hours.iter().map(|opening| opening.0.clone()).collect();
        if open.is_empty() && self.closed_on.is_empty() {
            return None;
        }
        if open.is_empty() {
            open.push(always());
        }
        Some(Hours {
            zone: self.time_zone.as_ref().map_or(TimeZone::UTC, |zone| zone.0.clone()),
            open,
            closed: self.closed_on.iter().map(|day| day.0).collect(),
        })
    }
}

/// What a key does.
#[derive(Debug, Clone)]
pub(crate) struct Key(pub(crate) switch::KeyAction);

impl Text for Key {
    const EXPECTED: &'static str = "\"call-back\" or a number to which the caller goes";

    fn read(text: &str) -> Option<Self> {
        Some(Self(match text {
            "call-back" => switch::KeyAction::CallBack,
            _ => switch::KeyAction::Leave(Number::read(text)?.0),
        }))
    }
}

super::values::deserialize_as_text!(
    Distribution,
    Sequence,
    Rest,
    Presence,
    Key,
    Tongue,
    Opening,
    Holiday,
    Zone
);

/// The skills of a file, each with its number.
#[derive(Debug, Default)]
pub(crate) struct SkillBook(BTreeMap<String, SkillId>);

impl SkillBook {
    /// All that agents can do and queues need.
    pub(crate) fn of(queues: &[Queue], agents: &[Agent]) -> Self {
        let needed = queues.iter().flat_map(|queue| {
            let dropped = queue.rings.iter().flat_map(|ring| &ring.drop);
            queue.needs.keys().chain(dropped)
        });
        let names: std::collections::BTreeSet<&String> = agents
            .iter()
            .flat_map(|agent| agent.skills.keys())
            .chain(needed)
            .collect();
        let numbered = names.into_iter().zip(0_u16..);
        Self(numbered.map(|(name, number)| (name.clone(), SkillId(number))).collect())
    }

    fn skills(&self, levels: &BTreeMap<String, u8>) -> Skills {
        let known = |(name, level): (&String, &u8)| Some((*self.0.get(name)?, *level));
        levels.iter().filter_map(known).collect()
    }

    /// A queue as the switch wants it.
    pub(crate) fn queue(&self, queue: &Queue) -> switch::Queue {
        let number = &queue.number.get_ref().0;
        let mut config = switch::Queue::new(number, queue.name.as_ref().map_or(number, |name| &name.0));
        config.rules = self.rules(queue);
        config.needs = self.skills(&queue.needs);
        let text = |value: &Spanned<Plain>| value.get_ref().0.clone();
        config.answers = queue.answers.unwrap_or(config.answers);
        config.priority = queue.priority.unwrap_or(config.priority);
        config.raise = queue.raise.unwrap_or(config.raise);
        config.language = queue.language.map(|language| language.0);
        config.welcome = queue.welcome.as_ref().map(text);
        if let Some(music) = &queue.music {
            config.music = Some(text(music)).filter(|music| music != "none");
        }
        config.messages = queue.messages.iter().map(text).collect();
        config.tells_position = queue.tell_position.unwrap_or(config.tells_position);
        config.tells_wait = queue.tell_wait.unwrap_or(config.tells_wait);
        let key = |(key, action): (&Spanned<String>, &Spanned<Key>)| {
            Some((key.get_ref().chars().next()?, action.get_ref().0.clone()))
        };
        config.keys = queue.keys.iter().filter_map(key).collect();
        config.overflow = match (&queue.overflow, &queue.overflow_message) {
            (Some(number), _) => Some(switch::Elsewhere::Number(number.get_ref().0.clone())),
            (None, Some(sound)) => Some(switch::Elsewhere::Message(text(sound))),
            (None, None) => None,
        };
        config.alert = queue.alert.as_ref().map(|alert| alert.0.clone());
        config.keeps_orphans = queue.keeps_orphans.unwrap_or(config.keeps_orphans);
        config.call_back_abandoned = queue.call_back_abandoned.as_ref().map(|after| after.get_ref().0);
        if let Some(within) = &queue.call_back_within {
            config.call_back_within = within.get_ref().0;
        }
        config
    }

    fn rules(&self, queue: &Queue) -> acd::QueueConfig {
        let mut rules = acd::QueueConfig::new(queue.strategy.map_or(Strategy::LongestIdle, |strategy| strategy.0));
        let set = |to: &mut Duration, value: &Option<Spanned<Interval>>| {
            if let Some(value) = value {
                *to = value.get_ref().0;
            }
        };
        rules.order = queue.order.map_or(rules.order, |order| order.0);
        rules.weight = queue.weight.unwrap_or(rules.weight);
        set(&mut rules.service_target, &queue.service_target);
        set(&mut rules.ring_time, &queue.ring_time);
        rules.wrap_up = queue.wrap_up.map_or(rules.wrap_up, |wrap_up| wrap_up.0);
        set(&mut rules.reject_pause, &queue.reject_pause);
        set(&mut rules.busy_pause, &queue.busy_pause);
        set(&mut rules.no_answer_pause, &queue.no_answer_pause);
        rules.max_no_answer = queue.max_no_answer.unwrap_or(rules.max_no_answer);
        rules.tiers = queue.tiers.iter().map(|after| after.get_ref().0).collect();
        rules.penalties = queue
            .penalties
            .iter()
            .map(|step| (step.after.get_ref().0, step.up_to))
            .collect();
        rules.rings = queue.rings.iter().map(|ring| self.ring(ring)).collect();
        rules.skip_empty_tiers = queue.skip_empty_tiers.unwrap_or(rules.skip_empty_tiers);
        set(&mut rules.preferred_wait, &queue.preferred_wait);
        set(&mut rules.sticky, &queue.sticky);
        rules.max_waiting = queue.max_waiting;
        rules.max_wait = queue.max_wait.as_ref().map(|wait| wait.get_ref().0);
        rules.max_expected_wait = queue.max_expected_wait.as_ref().map(|wait| wait.get_ref().0);
        rules.join_needs = queue.join_when.and_then(|needed| needed.0);
        rules.stay_needs = queue.stay_when.and_then(|needed| needed.0);
        rules.announcements.first = queue.tell_first.as_ref().map(|after| after.get_ref().0);
        set(&mut rules.announcements.every, &queue.tell_every);
        set(&mut rules.announcements.message_every, &queue.message_every);
        rules.call_backs.attempts = queue.call_back_attempts.unwrap_or(rules.call_backs.attempts);
        set(&mut rules.call_backs.retry_after, &queue.call_back_retry);
        rules
    }

    fn ring(&self, ring: &Ring) -> acd::Ring {
        let mut config = acd::Ring::new(ring.after.get_ref().0);
        config.drop = ring.drop.iter().filter_map(|name| self.0.get(name).copied()).collect();
        config.lower = ring.lower;
        config
    }

    /// An agent as the switch wants him.
    pub(crate) fn agent(&self, agent: &Agent) -> switch::Agent {
        let number = &agent.number.get_ref().0;
        let mut config = switch::Agent::new(number, agent.name.as_ref().map_or(number, |name| &name.0));
        config.pin = agent.pin.as_ref().map(|pin| pin.get_ref().0.clone());
        config.at = agent.at.as_ref().map(|at| at.get_ref().0.clone());
        config.skills = self.skills(&agent.skills);
        config.queues = agent.queues.iter().map(|place| member(place.get_ref())).collect();
        config.rings_in_use = agent.rings_in_use.unwrap_or(config.rings_in_use);
        config.wrap_up = agent.wrap_up.map(|wrap_up| wrap_up.0);
        config
    }
}

fn member(place: &Place) -> switch::QueueMember {
    let mut member = switch::QueueMember::new(place.queue());
    if let Place::Full(full) = place {
        let to = &mut member.place;
        (to.tier, to.penalty, to.position, to.rank) = (full.tier, full.penalty, full.position, full.rank);
        to.weight = full.weight.unwrap_or(to.weight);
        to.delay = full.delay.map_or(to.delay, |delay| delay.0);
    }
    member
}

/// The codes as the switch wants them.
pub(crate) fn codes(codes: &Codes) -> switch::AgentCodes {
    let mut config = switch::AgentCodes::default();
    let given = [
        (&mut config.sign_on, &codes.sign_on),
        (&mut config.sign_off, &codes.sign_off),
        (&mut config.pause, &codes.pause),
        (&mut config.ready, &codes.ready),
    ];
    for (to, code) in given {
        if let Some(code) = code {
            *to = Some(code.get_ref().0.clone());
        }
    }
    config
}
