//! What is asked of the DNS, and what it says.

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smol_str::SmolStr;

use super::DnsName;

/// A record type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Servers of a service (RFC 2782).
    Srv,
    /// Services of a domain (RFC 3403).
    Naptr,
}

impl Kind {
    /// The number of the type in a DNS message: 1, 28, 33 or 35.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
            Self::Srv => 33,
            Self::Naptr => 35,
        }
    }
}

/// One DNS question.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Question {
    /// The name asked for.
    pub name: DnsName,
    /// The type asked for.
    pub kind: Kind,
}

impl Question {
    /// A question.
    #[must_use]
    pub const fn new(name: DnsName, kind: Kind) -> Self {
        Self { name, kind }
    }
}

/// One record of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Record {
    /// Whose record it is: the name asked for, or one that an alias led to. Others are not looked at.
    pub name: DnsName,
    /// For how many seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: RecordData,
}

impl Record {
    /// A record.
    #[must_use]
    pub const fn new(name: DnsName, ttl: u32, data: RecordData) -> Self {
        Self { name, ttl, data }
    }
}

/// What a record says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RecordData {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A server (RFC 2782).
    Srv {
        /// The lower, the earlier it is tried.
        priority: u16,
        /// Its share among those of the same priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The server; the root: the service is not offered.
        target: DnsName,
    },
    /// A service (RFC 3403). Of use is only what has flag `s`, no regular expression and a service that is known.
    Naptr {
        /// The lower, the earlier it is looked at.
        order: u16,
        /// The lower, the better among those of the same order.
        preference: u16,
        /// e.g. `s`.
        flags: SmolStr,
        /// e.g. `SIPS+D2T`.
        service: SmolStr,
        /// Where to go on: a name with SRV records.
        replacement: DnsName,
    },
    /// The name is another name for this one.
    Cname(DnsName),
}

impl RecordData {
    /// The type; `None` for an alias, which answers questions of every type.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        match self {
            Self::A(_) => Some(Kind::A),
            Self::Aaaa(_) => Some(Kind::Aaaa),
            Self::Srv { .. } => Some(Kind::Srv),
            Self::Naptr { .. } => Some(Kind::Naptr),
            Self::Cname(_) => None,
        }
    }

    pub(super) fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::A(ip) => Some(IpAddr::V4(*ip)),
            Self::Aaaa(ip) => Some(IpAddr::V6(*ip).to_canonical()),
            Self::Srv { .. } | Self::Naptr { .. } | Self::Cname(_) => None,
        }
    }
}

impl From<IpAddr> for RecordData {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::A(address),
            IpAddr::V6(address) => Self::Aaaa(address),
        }
    }
}

/// What the DNS says to a question.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Answer {
    /// The answer section, in its order.
    Records(Vec<Record>),
    /// There is no such name, or it has no such records (NXDOMAIN, NODATA).
    Absent {
        /// For how long that may be kept, as the SOA record says (RFC 2308 §5); `None`:
        /// [`ResolverConfig::absent_ttl`](super::ResolverConfig::absent_ttl).
        ttl: Option<Duration>,
    },
    /// No server could say: SERVFAIL, REFUSED, no reply.
    Failed,
}

/// What is known of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Found {
    /// Records of the type asked for; perhaps none.
    Data(Vec<RecordData>),
    /// The same question has to be asked for another name.
    Alias(DnsName),
    Failed,
}

impl Found {
    /// What `records` say to `question`, following aliases as far as they go, and the least TTL on the way. `max`: the
    /// records to take.
    pub(super) fn read(question: &Question, records: &[Record], max: usize) -> (Self, Option<u32>) {
        let mut name = &question.name;
        let mut ttl: Option<u32> = None;
        let mut note = |seconds: u32| ttl = Some(ttl.map_or(seconds, |ttl| ttl.min(seconds)));
        for _ in 0..=MAX_ALIASES {
            let fits = |record: &&Record| record.name == *name && record.data.kind() == Some(question.kind);
            let data: Vec<_> = records.iter().filter(fits).take(max).collect();
            if !data.is_empty() {
                data.iter().for_each(|record| note(record.ttl));
                let data = data.into_iter().map(|record| record.data.clone()).collect();
                return (Self::Data(data), ttl);
            }
            let alias = records.iter().find_map(|record| match &record.data {
                RecordData::Cname(to) if record.name == *name => Some((to, record.ttl)),
                RecordData::Cname(_)
                | RecordData::A(_)
                | RecordData::Aaaa(_)
                | RecordData::Srv { .. }
                | RecordData::Naptr { .. } => None,
            });
            let Some((to, seconds)) = alias.filter(|(to, _)| !to.is_root()) else {
                break;
            };
            note(seconds);
            name = to;
        }
        if *name == question.name {
            (Self::Data(Vec::new()), ttl)
        } else {
            (Self::Alias(name.clone()), ttl)
        }
    }
}

/// Aliases in a row that are followed.
pub(super) const MAX_ALIASES: usize = 8;
