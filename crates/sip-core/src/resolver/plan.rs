//! What follows from the answers so far, without any state: the questions that are missing, or the targets.

use std::net::{IpAddr, SocketAddr};

use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;

use super::order::{Server, by_weight, interleave};
use super::record::{Found, MAX_ALIASES};
use super::{Destination, DnsName, Families, Kind, Question, RecordData, ResolverConfig, Target, Unresolved};
use crate::{Host, Transport};

/// What to do next.
#[derive(Debug)]
pub(super) enum Plan {
    Ask(Vec<Question>),
    Done(Result<Vec<Target>, Unresolved>),
}

/// Looks at everything that is known through `known`. With `hurry`, what is not known counts as failed.
pub(super) fn plan<'a>(
    destination: &Destination,
    config: &ResolverConfig,
    seed: u64,
    hurry: bool,
    known: impl Fn(&Question) -> Option<&'a Found>,
) -> Plan {
    let mut planner = Planner {
        destination,
        config,
        known,
        hurry,
        missing: Vec::new(),
        failed: false,
        rng: ChaCha12Rng::seed_from_u64(seed),
    };
    let targets = planner.targets();
    if !planner.missing.is_empty() {
        return Plan::Ask(planner.missing);
    }
    let failed = planner.failed;
    Plan::Done(targets.and_then(|targets| match (targets.is_empty(), failed) {
        (false, _) => Ok(targets),
        (true, true) => Err(Unresolved::Failed),
        (true, false) => Err(Unresolved::NoAddress),
    }))
}

struct Planner<'p, F> {
    destination: &'p Destination,
    config: &'p ResolverConfig,
    known: F,
    hurry: bool,
    missing: Vec<Question>,
    /// Whether an answer counts as failed.
    failed: bool,
    rng: ChaCha12Rng,
}

/// A transport with its servers.
struct Service {
    transport: Transport,
    servers: Servers,
}

/// What SRV records say of a service.
enum Servers {
    /// There are none.
    None,
    /// The domain does not offer the service.
    Refused,
    Some(Vec<Server>),
}

impl<'a, F: Fn(&Question) -> Option<&'a Found>> Planner<'_, F> {
    /// RFC 3263 §4.1 and §4.2.
    fn targets(&mut self) -> Result<Vec<Target>, Unresolved> {
        let destination = self.destination;
        let name = match &destination.target {
            Host::Name(name) => DnsName::new(name).map_err(|_| Unresolved::NoAddress)?,
            Host::V4(ip) => return self.numeric((*ip).into()),
            Host::V6(ip) => return self.numeric((*ip).into()),
        };
        if destination.port.is_some() {
            let transport = self.supported(destination.transport.unwrap_or(self.usual()))?;
            return Ok(self.at_host(&name, transport));
        }
        let services = match destination.transport {
            Some(transport) => {
                let transport = self.supported(transport)?;
                vec![self.own_service(&name, transport)]
            }
            None => self.services(&name)?,
        };
        if !self.missing.is_empty() {
            return Ok(Vec::new());
        }
        let offered = |service: &&Service| !matches!(service.servers, Servers::None);
        let mut targets = Vec::new();
        for service in services.iter().filter(offered) {
            let Servers::Some(servers) = &service.servers else {
                continue;
            };
            let servers = by_weight(servers.clone(), &mut self.rng);
            for server in servers {
                let ips = self.addresses(&server.target);
                self.push(&mut targets, service.transport, server.port, ips);
            }
        }
        // Only where there is no SRV record at all are the host's own addresses looked at.
        if services.iter().any(|service| offered(&service)) {
            return Ok(targets);
        }
        let transport = match services.first() {
            Some(service) => service.transport,
            None => self.supported(self.usual())?,
        };
        Ok(self.at_host(&name, transport))
    }

    fn numeric(&self, ip: IpAddr) -> Result<Vec<Target>, Unresolved> {
        let transport = self.supported(self.destination.transport.unwrap_or(self.usual()))?;
        let mut targets = Vec::new();
        let port = self.destination.port.unwrap_or(transport.default_port());
        self.push(&mut targets, transport, port, vec![ip.to_canonical()]);
        Ok(targets)
    }

    /// The host's own addresses.
    fn at_host(&mut self, name: &DnsName, transport: Transport) -> Vec<Target> {
        let ips = self.addresses(name);
        let port = self.destination.port.unwrap_or(transport.default_port());
        let mut targets = Vec::new();
        self.push(&mut targets, transport, port, ips);
        targets
    }

    /// The transport where nothing says which (RFC 3263 §4.1).
    const fn usual(&self) -> Transport {
        if self.destination.secure {
            Transport::Tls
        } else {
            Transport::Udp
        }
    }

    fn supported(&self, transport: Transport) -> Result<Transport, Unresolved> {
        let fits = transport.is_secure() || !self.destination.secure;
        if fits && self.config.transports.contains(&transport) {
            Ok(transport)
        } else {
            Err(Unresolved::NoTransport)
        }
    }

    /// The services of a domain: as its NAPTR records say, else all that can be asked for.
    fn services(&mut self, name: &DnsName) -> Result<Vec<Service>, Unresolved> {
        let Some(records) = self.ask(name, Kind::Naptr) else {
            return Ok(Vec::new());
        };
        let replacements = self.usable(&records);
        if !replacements.is_empty() {
            let service = |(transport, replacement): (Transport, DnsName)| Service {
                transport,
                servers: self.servers(&replacement),
            };
            return Ok(replacements.into_iter().map(service).collect());
        }
        let mut services = Vec::new();
        for transport in self.config.transports.clone() {
            // Without NAPTR, `sip` is not asked for over TLS, and WebSockets have no SRV records.
            if transport.is_secure() == self.destination.secure && srv_prefix(transport).is_some() {
                services.push(self.own_service(name, transport));
            }
        }
        if services.is_empty() {
            return Err(Unresolved::NoTransport);
        }
        // What to use where none has SRV records.
        if let Some(usual) = services.iter().position(|service| service.transport == self.usual())
            && services.iter().all(|service| matches!(service.servers, Servers::None))
        {
            services.swap(0, usual);
        }
        Ok(services)
    }

    /// The NAPTR records of the lowest order that has any of use, by preference (RFC 3403 §4.1, RFC 3263 §4.1).
    fn usable(&self, records: &[RecordData]) -> Vec<(Transport, DnsName)> {
        let mut usable = Vec::new();
        for record in records {
            let RecordData::Naptr {
                order,
                preference,
                flags,
                service,
                replacement,
            } = record
            else {
                continue;
            };
            let transport = naptr_service(service).and_then(|transport| self.supported(transport).ok());
            if let Some(transport) = transport.filter(|_| flags.eq_ignore_ascii_case("s") && !replacement.is_root()) {
                usable.push((*order, *preference, transport, replacement.clone()));
            }
        }
        usable.sort_by_key(|(order, preference, _, _)| (*order, *preference));
        let lowest = usable.first().map(|(order, ..)| *order);
        usable.retain(|(order, ..)| Some(*order) == lowest);
        usable
            .into_iter()
            .map(|(_, _, transport, replacement)| (transport, replacement))
            .collect()
    }

    fn own_service(&mut self, name: &DnsName, transport: Transport) -> Service {
        let under = srv_prefix(transport).and_then(|prefix| name.under(prefix));
        Service {
            transport,
            servers: under.map_or(Servers::None, |name| self.servers(&name)),
        }
    }

    fn servers(&mut self, name: &DnsName) -> Servers {
        let records = self.ask(name, Kind::Srv).unwrap_or_default();
        let mut servers = Vec::new();
        for record in &records {
            if let RecordData::Srv {
                priority,
                weight,
                port,
                target,
            } = record
            {
                servers.push(Server {
                    priority: *priority,
                    weight: *weight,
                    port: *port,
                    target: target.clone(),
                });
            }
        }
        if servers.is_empty() {
            return Servers::None;
        }
        servers.retain(|server| !server.target.is_root());
        if servers.is_empty() {
            Servers::Refused
        } else {
            Servers::Some(servers)
        }
    }

    fn addresses(&mut self, name: &DnsName) -> Vec<IpAddr> {
        let families = self.config.families;
        let mut of = |kind, unwanted: Families| -> Vec<IpAddr> {
            if families == unwanted {
                return Vec::new();
            }
            let records = self.ask(name, kind).unwrap_or_default();
            records.iter().filter_map(RecordData::ip).collect()
        };
        let v6 = of(Kind::Aaaa, Families::V4Only);
        let v4 = of(Kind::A, Families::V6Only);
        interleave(v4, v6, families)
    }

    /// The records, through all aliases; `None` if they have to be asked for first.
    fn ask(&mut self, name: &DnsName, kind: Kind) -> Option<Vec<RecordData>> {
        let mut question = Question::new(name.clone(), kind);
        for _ in 0..=MAX_ALIASES {
            match (self.known)(&question) {
                Some(Found::Data(data)) => return Some(data.clone()),
                Some(Found::Alias(to)) => question.name = to.clone(),
                Some(Found::Failed) => break,
                None if self.hurry => break,
                None => {
                    let room = self.missing.len() < self.config.max_questions_per_lookup;
                    if room && !self.missing.contains(&question) {
                        self.missing.push(question);
                    }
                    return None;
                }
            }
        }
        self.failed = true;
        Some(Vec::new())
    }

    fn push(&self, targets: &mut Vec<Target>, transport: Transport, port: u16, ips: Vec<IpAddr>) {
        for ip in ips {
            let target = Target {
                transport,
                address: SocketAddr::new(ip, port),
                name: self.destination.name.clone(),
            };
            if targets.len() < self.config.max_targets && !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
}

/// The prefix of a transport's SRV records (RFC 3263 §4.1); WebSockets have none.
const fn srv_prefix(transport: Transport) -> Option<&'static str> {
    match transport {
        Transport::Udp => Some("_sip._udp"),
        Transport::Tcp => Some("_sip._tcp"),
        Transport::Tls => Some("_sips._tcp"),
        Transport::Ws | Transport::Wss => None,
    }
}

/// The transport of a NAPTR service (RFC 3263 §4.1, RFC 7118 §11).
fn naptr_service(service: &str) -> Option<Transport> {
    const SERVICES: [(&str, Transport); 5] = [
        ("SIP+D2U", Transport::Udp),
        ("SIP+D2T", Transport::Tcp),
        ("SIPS+D2T", Transport::Tls),
        ("SIP+D2W", Transport::Ws),
        ("SIPS+D2W", Transport::Wss),
    ];
    SERVICES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(service))
        .map(|(_, transport)| *transport)
}
