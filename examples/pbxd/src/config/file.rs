//! The shape of a configuration file. Values remember where they stand, so that every complaint can say so.

use serde::Deserialize;
use toml::Spanned;

use super::queue::{Agent, Codes, Queue, Tongue};
use super::values::{
    Address, Choice, Digest, Domain, Interval, Ip, Level, Mode, Number, Otherwise, Password, Plain, Ports, RecallTo,
    Slots, Source,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) domain: Domain,
    pub(crate) language: Option<Tongue>,
    pub(crate) park_code: Option<Spanned<Number>>,
    #[serde(default)]
    pub(crate) supervision: Supervision,
    #[serde(default)]
    pub(crate) log: Log,
    pub(crate) sip: Spanned<Sip>,
    pub(crate) media: Media,
    #[serde(default)]
    pub(crate) extension: Vec<Extension>,
    #[serde(default)]
    pub(crate) lot: Vec<Lot>,
    #[serde(default)]
    pub(crate) group: Vec<Group>,
    #[serde(default)]
    pub(crate) agent_codes: Codes,
    #[serde(default)]
    pub(crate) queue: Vec<Queue>,
    #[serde(default)]
    pub(crate) agent: Vec<Agent>,
    #[serde(default)]
    pub(crate) music: Vec<Music>,
}

/// What supervisors dial, and what others hear then.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Supervision {
    pub(crate) listen: Option<Spanned<Number>>,
    pub(crate) whisper: Option<Spanned<Number>>,
    pub(crate) barge: Option<Spanned<Number>>,
    pub(crate) take_over: Option<Spanned<Number>>,
    pub(crate) sound: Option<Spanned<Plain>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) level: Option<Level>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sip {
    #[serde(default)]
    pub(crate) udp: Vec<Spanned<Address>>,
    #[serde(default)]
    pub(crate) tcp: Vec<Spanned<Address>>,
    pub(crate) digest: Option<Spanned<Vec<Digest>>>,
    pub(crate) t1: Option<Spanned<Interval>>,
    pub(crate) ring_timeout: Option<Spanned<Interval>>,
    pub(crate) session_expires: Option<Spanned<Interval>>,
    #[serde(default)]
    pub(crate) guard: Guard,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Guard {
    pub(crate) enabled: Option<bool>,
    pub(crate) requests: Option<Spanned<u32>>,
    pub(crate) all_requests: Option<Spanned<u32>>,
    pub(crate) failures: Option<u32>,
    pub(crate) window: Option<Spanned<Interval>>,
    pub(crate) ban: Option<Spanned<Interval>>,
    pub(crate) max_ban: Option<Spanned<Interval>>,
    pub(crate) trusted: Option<Vec<Source>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Media {
    pub(crate) address: Spanned<Ip>,
    pub(crate) ports: Spanned<Ports>,
    pub(crate) rtp_timeout: Option<Spanned<Interval>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extension {
    pub(crate) number: Spanned<Number>,
    pub(crate) name: Option<Plain>,
    pub(crate) password: Spanned<Password>,
    pub(crate) find_me: Option<Spanned<FindMe>>,
    #[serde(default)]
    pub(crate) supervises: Vec<Spanned<Plain>>,
}

/// The same keys as those of a group without a number of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindMe {
    pub(crate) mode: Option<Mode>,
    #[serde(default)]
    pub(crate) members: Vec<Spanned<Number>>,
    #[serde(default)]
    pub(crate) member: Vec<Member>,
    pub(crate) skip_busy: Option<bool>,
    pub(crate) timeout: Option<Spanned<Interval>>,
    pub(crate) otherwise: Option<Spanned<Otherwise>>,
    pub(crate) prefix: Option<Plain>,
    pub(crate) alert: Option<Plain>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) number: Spanned<Number>,
    pub(crate) name: Option<Plain>,
    pub(crate) mode: Option<Mode>,
    #[serde(default)]
    pub(crate) members: Vec<Spanned<Number>>,
    #[serde(default)]
    pub(crate) member: Vec<Member>,
    pub(crate) skip_busy: Option<bool>,
    pub(crate) timeout: Option<Spanned<Interval>>,
    pub(crate) otherwise: Option<Spanned<Otherwise>>,
    pub(crate) prefix: Option<Plain>,
    pub(crate) alert: Option<Plain>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    pub(crate) number: Spanned<Number>,
    pub(crate) delay: Option<Spanned<Interval>>,
    pub(crate) ring: Option<Spanned<Interval>>,
}

/// Whom a group or an extension rings.
pub(crate) struct Chase<'a> {
    pub(crate) mode: Option<Mode>,
    pub(crate) members: &'a [Spanned<Number>],
    pub(crate) member: &'a [Member],
    pub(crate) skip_busy: Option<bool>,
    pub(crate) timeout: Option<&'a Spanned<Interval>>,
    pub(crate) otherwise: Option<&'a Spanned<Otherwise>>,
    pub(crate) prefix: Option<&'a Plain>,
    pub(crate) alert: Option<&'a Plain>,
}

macro_rules! chase {
    ($($name:ty),*) => {$(
        impl $name {
            pub(crate) fn chase(&self) -> Chase<'_> {
                Chase {
                    mode: self.mode,
                    members: &self.members,
                    member: &self.member,
                    skip_busy: self.skip_busy,
                    timeout: self.timeout.as_ref(),
                    otherwise: self.otherwise.as_ref(),
                    prefix: self.prefix.as_ref(),
                    alert: self.alert.as_ref(),
                }
            }
        }
    )*};
}

chase!(Group, FindMe);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lot {
    pub(crate) number: Spanned<Number>,
    pub(crate) slots: Spanned<Slots>,
    pub(crate) choice: Option<Choice>,
    pub(crate) recall_after: Option<Spanned<Interval>>,
    pub(crate) recall_ring: Option<Spanned<Interval>>,
    pub(crate) recall_to: Option<Spanned<RecallTo>>,
    pub(crate) recall_then: Option<Spanned<RecallTo>>,
    pub(crate) retrieve: Option<Spanned<Number>>,
    pub(crate) music: Option<Spanned<Plain>>,
    pub(crate) queue: Option<Spanned<Number>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Music {
    pub(crate) name: Spanned<Plain>,
    pub(crate) file: Spanned<String>,
}
