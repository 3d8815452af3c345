//! The limits of tables of their own: registrar, digest, guard.

use std::time::Duration;

use bytes::Bytes;
use sip_core::auth::{Client, Secret, Server, ServerConfig};
use sip_core::guard::{Guard, GuardConfig, PacketKind, Verdict};
use sip_core::header::{Authorization, TypedHeader};
use sip_core::registrar::{Registrar, RegistrarConfig};
use sip_core::{Message, Method, Request};

use crate::{EMPTY, NOW, fill, request, row, udp};

fn register(contacts: &str, call_id: usize) -> Request {
    let text = request("REGISTER", call_id, &format!("{contacts}{EMPTY}"), "");
    let Ok(Message::Request(request)) = Message::parse(text.into()) else {
        panic!("{contacts}")
    };
    request
}

#[test]
fn of_one_registrar() {
    let registrar = |limit: fn(&mut RegistrarConfig)| {
        let mut config = RegistrarConfig::default();
        limit(&mut config);
        Registrar::new(config)
    };
    let kind = |error: sip_core::registrar::RegisterError| format!("{error:?}");
    let one = |n: usize| format!("Contact: <sip:{n}@h>\r\n");
    row("bindings of an address of record", 5, "TooManyContacts", |n| {
        let mut registrar = registrar(|config| config.max_contacts = 5);
        let results = (0..n).map(|n| registrar.register(NOW, "a", &register(&one(n), n), udp()).map(drop));
        results.last().unwrap().map_err(kind)
    });
    row("contacts in one REGISTER", 10, "TooManyContacts", |n| {
        // Five to be removed, five to be added.
        let mut registrar = registrar(|config| config.max_contacts = 5);
        let contacts: String = (0..n).map(|n| format!("Contact: <sip:{n}@h>;expires=0\r\n")).collect();
        registrar
            .register(NOW, "a", &register(&contacts, 1), udp())
            .map(drop)
            .map_err(kind)
    });
    row("bindings", 5, "Full", |n| {
        let mut registrar = registrar(|config| config.max_bindings = 5);
        let results = (0..n).map(|n| {
            registrar
                .register(NOW, &(n / 2).to_string(), &register(&one(n), n), udp())
                .map(drop)
        });
        results.last().unwrap().map_err(kind)
    });
    row("addresses of record", 5, "Full", |n| {
        let mut registrar = registrar(|config| config.max_aors = 5);
        let results = (0..n).map(|n| {
            registrar
                .register(NOW, &n.to_string(), &register(&one(n), n), udp())
                .map(drop)
        });
        results.last().unwrap().map_err(kind)
    });
    row("octets of a contact", 50, "TooLong", |n| {
        let mut registrar = registrar(|config| config.max_contact_len = 50);
        let contact = fill("<sip:~@h>".to_owned(), n);
        let request = register(&format!("Contact: {contact}\r\n"), 1);
        registrar.register(NOW, "a", &request, udp()).map(drop).map_err(kind)
    });
}

#[test]
fn of_one_authentication_server() {
    row("nonces in use", 5, "Stale", |n| {
        let mut config = ServerConfig::default();
        config.max_nonces = 5;
        let mut server = Server::new("r", config, [1; 32]);
        let secret = Secret::from_password("u", "r", "p");
        let verify = |server: &mut Server, client: &mut Client| {
            let answer = client.authorize(&Method::Register, b"sip:r", b"", 1).unwrap();
            let credentials = Authorization::parse(&answer).unwrap();
            let found = server.verify(NOW, &Method::Register, b"sip:r", b"", &credentials, |_| Some(&secret));
            found.map_err(|error| format!("{error:?}"))
        };
        let mut clients = Vec::new();
        for _ in 0..n {
            let challenges = server.challenges(NOW, false);
            let values: Vec<&[u8]> = challenges.iter().map(Bytes::as_ref).collect();
            let mut client = Client::new("u", "p");
            client.answer(&Method::Register, b"sip:r", b"", &values, 1).unwrap();
            verify(&mut server, &mut client).unwrap();
            clients.push(client);
        }
        // The first is pushed out by one too many, and asked anew.
        verify(&mut server, &mut clients[0])
    });
}

#[test]
fn of_one_guard() {
    let guard = |limit: fn(&mut GuardConfig)| {
        let mut config = GuardConfig::default();
        limit(&mut config);
        Guard::new(config)
    };
    let ip = |n: usize| std::net::IpAddr::from([198, 51, 100, n as u8]);
    let within = |held: usize, n: usize| if held == n { Ok(()) } else { Err(held.to_string()) };
    row("sources", 5, "5", |n| {
        let mut guard = guard(|config| config.max_sources = 5);
        for n in 0..n {
            assert_eq!(guard.packet(NOW, ip(n), PacketKind::Request, || false), Verdict::Pass);
        }
        within(guard.live().sources, n)
    });
    row("sources that have authenticated", 5, "5", |n| {
        let mut guard = guard(|config| config.max_authenticated = 5);
        (0..n).for_each(|n| guard.authenticated(NOW, ip(n)));
        within(guard.live().authenticated, n)
    });
    row("sources and names that failed", 5, "5", |n| {
        let mut guard = guard(|config| config.max_failures = 5);
        (0..n).for_each(|n| guard.authentication_failed(NOW, ip(n), &n.to_string()));
        assert_eq!(guard.live().failing, guard.live().users);
        within(guard.live().failing, n)
    });
    row("bans", 5, "5", |n| {
        let mut guard = guard(|config| config.max_bans = 5);
        (0..n).for_each(|n| guard.ban(NOW, ip(n), Duration::from_secs(60)));
        within(guard.live().bans, n)
    });
    row("connections of one source", 5, "closed", |n| {
        let mut guard = guard(|config| config.connections = 5);
        let taken = (0..n).filter(|_| guard.connection_opened(NOW, ip(1))).count();
        if taken == n { Ok(()) } else { Err("closed".to_owned()) }
    });
    row("failures", 4, "banned", |n| {
        // One short of a ban, and the one that is it.
        let mut guard = guard(|config| config.failures = 5);
        (0..n).for_each(|_| guard.authentication_failed(NOW, ip(1), "a"));
        guard.banned_until(ip(1)).map_or(Ok(()), |_| Err("banned".to_owned()))
    });
}
