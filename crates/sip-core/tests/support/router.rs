//! What the proxies of the network know and decide.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use machine::Time;
use sip_core::proxy::{self, Destination, Proxy, TargetSet};
use sip_core::{Reply, StatusCode, Transport};

/// What a proxy of the network does with requests: where users are, and where names lead.
#[derive(Default)]
pub struct Router {
    users: BTreeMap<String, TargetSet>,
    names: BTreeMap<String, (Transport, SocketAddr)>,
    /// Asked first; whether it has dealt with the event.
    policy: Option<Policy>,
}

pub type Policy = Box<dyn FnMut(&mut Proxy, Time, &proxy::Event) -> bool>;

impl Router {
    /// Requests to `aor` (`user@host`) go to these targets.
    pub fn locate(&mut self, aor: &str, targets: TargetSet) {
        self.users.insert(aor.to_owned(), targets);
    }

    /// The host `name` is at an address.
    pub fn name(&mut self, name: &str, transport: Transport, address: &str) {
        self.names
            .insert(name.to_owned(), (transport, address.parse().unwrap()));
    }

    /// Asks `policy` first.
    pub fn policy(&mut self, policy: impl FnMut(&mut Proxy, Time, &proxy::Event) -> bool + 'static) {
        self.policy = Some(Box::new(policy));
    }

    pub fn handle(&mut self, proxy: &mut Proxy, now: Time, event: &proxy::Event) {
        if self.policy.as_mut().is_some_and(|policy| policy(proxy, now, event)) {
            return;
        }
        match event {
            proxy::Event::Request {
                context,
                request,
                destination,
                ..
            } => {
                let uri = request.request_uri().unwrap();
                let aor = format!("{}@{}", uri.user().unwrap_or_default(), uri.host().unwrap());
                let targets = match destination {
                    Destination::Location => self.users.get(&aor).cloned(),
                    _ => Some(TargetSet::as_is()),
                };
                match targets {
                    Some(targets) => proxy.forward(now, *context, targets).unwrap(),
                    None => proxy
                        .respond(now, *context, StatusCode::NOT_FOUND, Reply::new())
                        .unwrap(),
                }
            }
            proxy::Event::Resolve { hop, uri } => {
                let found = self.names.get(&uri.host().unwrap().to_string());
                let flow = found.and_then(|(transport, address)| proxy.flow_to(*transport, *address));
                proxy.resolved(now, *hop, &Vec::from_iter(flow)).unwrap();
            }
            _ => {}
        }
    }
}
