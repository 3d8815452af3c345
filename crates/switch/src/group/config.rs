//! What a configuration says of groups and of extensions that are to be found elsewhere.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, ConfigError};

/// The most members that one group may list.
pub const MAX_MEMBERS: usize = 50;

/// How many groups may be within each other.
pub const MAX_GROUP_DEPTH: usize = 4;

/// The most phones' numbers that one call may ring, counted through groups within groups.
pub const MAX_RUNG: usize = 200;

/// The longest that one group may ring; six of them may follow each other ([`MAX_DIVERSIONS`]).
pub const MAX_CHASE: Duration = Duration::from_secs(600);

/// How often one call may be sent on to another number because nobody answered.
pub const MAX_DIVERSIONS: u32 = 5;

/// A number behind which several others are (chase or hunt group).
///
/// ```
/// use std::time::Duration;
/// use switch::{Config, Extension, Group, Member, Mode, Otherwise};
///
/// let mut config = Config::new("pbx.test");
/// for number in ["1001", "1002", "1003"] {
///     config.extensions.push(Extension::new(number, "Sales", "secret"));
/// }
/// let mut sales = Group::new("500", ["1002", "1003"]);
/// sales.chase.mode = Mode::Sequential;
/// sales.chase.timeout = Duration::from_secs(45);
/// sales.chase.otherwise = Otherwise::Number("1001".to_owned());
/// config.groups.push(sales);
/// assert!(config.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Group {
    /// What others dial.
    pub number: String,
    /// The name shown to others.
    pub name: String,
    /// Whom it rings.
    pub chase: Chase,
}

impl Group {
    /// A group that rings all its members at once, for a minute.
    #[must_use]
    pub fn new<'a>(number: &str, members: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            number: number.to_owned(),
            name: String::new(),
            chase: Chase::new(members.into_iter().map(Member::new)),
        }
    }
}

/// Whom a number rings, in which order, and what follows if nobody answers.
///
/// The caller's own phones are never rung, nor is a number that rings for the same call already (it may be in several of
/// the groups within a group). A member that is refused, busy or not to be reached is over at once. If nobody rings any more and the
/// others' delays are not over, the next of them is rung at once, and the rest follow it as far apart as before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Chase {
    /// All at once, or one after the other.
    pub mode: Mode,
    /// At least one, at most [`MAX_MEMBERS`].
    pub members: Vec<Member>,
    /// Whether members that are in a call are passed over (default). Whoever only rings is not in a call.
    pub skip_busy: bool,
    /// How long the whole may take (default 60 s, at most [`MAX_CHASE`]). Of a group within a group the outer one's counts too. A
    /// recall from a parking lot rings for the lot's own time instead.
    pub timeout: Duration,
    /// What the caller gets if nobody answers. Of a group within a group only the outer one's counts.
    pub otherwise: Otherwise,
    /// Shown before the caller's name, so that who answers knows for whom: `Sales: Miller`.
    pub prefix: Option<String>,
    /// The `Alert-Info` of its calls, by which phones choose a ring tone.
    pub alert: Option<String>,
}

impl Chase {
    /// All of these at once, for a minute.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = Member>) -> Self {
        Self {
            mode: Mode::Simultaneous,
            members: members.into_iter().collect(),
            skip_busy: true,
            timeout: Duration::from_secs(60),
            otherwise: Otherwise::Refuse,
            prefix: None,
            alert: None,
        }
    }

    fn check(&self, number: &str) -> Result<(), ConfigError> {
        if self.members.is_empty() || self.members.len() > MAX_MEMBERS {
            return Err(ConfigError::BadMembers(number.to_owned()));
        }
        let rings = self.members.iter().filter_map(|member| member.ring);
        if rings.chain([self.timeout]).any(|time| time.is_zero()) {
            return Err(ConfigError::NoTime);
        }
        let delays = self.members.iter().map(|member| member.delay);
        let rings = self.members.iter().filter_map(|member| member.ring);
        if delays.chain(rings).chain([self.timeout]).any(|time| time > MAX_CHASE) {
            return Err(ConfigError::TooLong(number.to_owned()));
        }
        match self.otherwise {
            Otherwise::Status(status) if !(400..=699).contains(&status) => Err(ConfigError::BadStatus(status)),
            Otherwise::Status(_) | Otherwise::Refuse | Otherwise::Number(_) | Otherwise::Message(_) => Ok(()),
        }
    }
}

/// The order in which members are rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Mode {
    /// All at once, each when its own delay is over.
    Simultaneous,
    /// One after the other, from the first on; the next when the one before has refused or its time is over. A member's
    /// delay is a pause before it.
    Sequential,
    /// As sequential, but each call begins with the member after the one with which the call before began.
    Circular,
}

/// A number that a group rings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Member {
    /// An extension, whose phones ring (where it is to be found otherwise is not asked), or another group.
    pub number: String,
    /// How long to wait before it is rung (default: not at all).
    pub delay: Duration,
    /// How long it is rung. `None`: until the group's time is over, or 15 s where members are rung one after the other.
    pub ring: Option<Duration>,
}

impl Member {
    /// A member that is rung without delay.
    #[must_use]
    pub fn new(number: &str) -> Self {
        Self {
            number: number.to_owned(),
            delay: Duration::ZERO,
            ring: None,
        }
    }

    /// Rung after this delay.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Rung for so long.
    #[must_use]
    pub fn ring(mut self, ring: Duration) -> Self {
        self.ring = Some(ring);
        self
    }
}

/// What a caller gets if nobody of a group answers.
///
/// A call that was transferred to the group goes on to a [`Number`](Self::Number), too; otherwise it returns to who transferred it. A
/// recall from a parking lot goes on as the lot says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Otherwise {
    /// The call is refused: 486 if a member was busy, otherwise 480.
    Refuse,
    /// The call is refused with this status, 400 to 699.
    Status(u16),
    /// The call goes on to this number. A number that it has come by before ends it, as do more than [`MAX_DIVERSIONS`].
    Number(String),
    /// The call is answered, this sound of the engine's library is played, and the call is ended.
    Message(String),
}

/// Whether groups and the places where extensions are to be found fit together, and into the other numbers.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let groups: BTreeMap<&str, &Chase> = config.groups.iter().map(|g| (g.number.as_str(), &g.chase)).collect();
    let somebody: BTreeSet<&str> = config
        .extensions
        .iter()
        .map(|extension| extension.number.as_str())
        .chain(groups.keys().copied())
        .collect();
    let found = config
        .extensions
        .iter()
        .filter_map(|extension| Some((extension.number.as_str(), extension.find_me.as_ref()?)));
    let chases = config.groups.iter().map(|g| (g.number.as_str(), &g.chase)).chain(found);
    for (number, chase) in chases {
        chase.check(number)?;
        for member in &chase.members {
            if !somebody.contains(member.number.as_str()) {
                return Err(ConfigError::BadMember(member.number.clone()));
            }
        }
        if let Otherwise::Number(other) = &chase.otherwise
            && !config.can_take_calls(other)
        {
            return Err(ConfigError::BadOtherwise(other.clone()));
        }
        let mut rung = 0;
        depth(&groups, number, chase, &mut vec![number], &mut rung)?;
    }
    Ok(())
}

/// Follows groups into groups, as far as is allowed.
fn depth<'a>(
    groups: &BTreeMap<&'a str, &'a Chase>,
    outermost: &str,
    chase: &'a Chase,
    path: &mut Vec<&'a str>,
    rung: &mut usize,
) -> Result<(), ConfigError> {
    for member in &chase.members {
        let number = member.number.as_str();
        let Some(inner) = groups.get(number) else {
            *rung += 1;
            if *rung > MAX_RUNG {
                return Err(ConfigError::TooManyRung(outermost.to_owned()));
            }
            continue;
        };
        if path.contains(&number) {
            return Err(ConfigError::GroupLoop(number.to_owned()));
        }
        if path.len() >= MAX_GROUP_DEPTH {
            return Err(ConfigError::TooDeep(outermost.to_owned()));
        }
        path.push(number);
        depth(groups, outermost, inner, path, rung)?;
        path.pop();
    }
    Ok(())
}
