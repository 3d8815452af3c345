//! Who is believed, who is asked for credentials, and what others are told.

use sip_core::HeaderName;
use sip_core::proxy::{Event, TargetSet};

use crate::forks::{Forks, all, contact, forks_with, request};
use crate::network::secs;

fn identity(trusted: &[&str], extra: &str) -> Option<Vec<u8>> {
    let mut f = forks_with(1, |config| {
        config.trusted = trusted.iter().map(|ip| ip.parse().unwrap()).collect();
    })
    .locate(all(1));
    let asserted = format!("P-Asserted-Identity: <sip:alice@example.org>\r\n{extra}");
    f.send(request("INVITE", "i", &asserted));
    let came = f.last_request(0, "INVITE");
    let found = came.headers().get(&HeaderName::PAssertedIdentity).map(<[u8]>::to_vec);
    f.reply(0, 200);
    f.net.settle();
    found
}

/// RFC 3325: an asserted identity is believed of the trusted, and told to others unless its owner minds.
#[test]
fn an_asserted_identity_stays_among_the_trusted() {
    let (alice, phone) = ("192.0.2.11", "192.0.2.21");
    let kept = Some(b"<sip:alice@example.org>".to_vec());
    for (trusted, extra, expected) in [
        (&[][..], "", &None),
        (&[phone], "", &None),
        (&[alice], "", &kept),
        (&[alice], "Privacy: id\r\n", &None),
        (&[alice, phone], "Privacy: id\r\n", &kept),
        (&[alice, phone], "", &kept),
    ] {
        assert_eq!(&identity(trusted, extra), expected, "{trusted:?} {extra}");
    }
}

#[test]
fn an_asserted_identity_in_a_response_of_a_stranger_is_taken_out() {
    for trusted in [false, true] {
        let mut f = forks_with(1, |config| {
            config.trusted = if trusted {
                vec!["192.0.2.21".parse().unwrap()]
            } else {
                vec![]
            };
        })
        .locate(all(1));
        f.invite();
        let mut answer = f.response(0, "INVITE", 200);
        answer
            .headers_mut()
            .push(HeaderName::PAssertedIdentity, "<sip:bob@example.com>");
        f.reply_with(0, &answer);
        let seen = f.net.last_received(f.alice, "SIP/2.0 200");
        assert_eq!(seen.headers().contains(&HeaderName::PAssertedIdentity), trusted);
        f.net.settle();
    }
}

#[test]
fn credentials_for_our_realm_end_here() {
    let mut f = forks_with(1, |config| config.realm = Some("example.com".into())).locate(all(1));
    let of = |realm: &str| {
        format!(
            "Proxy-Authorization: Digest username=\"a\", realm=\"{realm}\", nonce=\"n\", uri=\"sip:b\", response=\"{}\"\r\n",
            "0".repeat(32)
        )
    };
    f.send(request(
        "MESSAGE",
        "m",
        &format!("{}{}", of("example.com"), of("example.org")),
    ));
    let came = f.last_request(0, "MESSAGE");
    let values: Vec<_> = came.headers().values(&HeaderName::ProxyAuthorization).collect();
    assert_eq!(values.len(), 1);
    assert!(String::from_utf8_lossy(values[0]).contains("example.org"));
    f.net.run(secs(40));
    f.net.settle();
}

/// The history of a call that two phones did not take (RFC 7044).
#[test]
fn history_says_how_the_call_came_here() {
    let mut f = forks_with(2, |config| config.history = true).locate(TargetSet::serial([contact(0), contact(1)]));
    f.invite();
    let history = |f: &Forks, phone: usize| -> Vec<String> {
        let came = f.last_request(phone, "INVITE");
        came.headers()
            .items(&HeaderName::HistoryInfo)
            .map(|entry| String::from_utf8(entry.to_vec()).unwrap())
            .collect()
    };
    assert_eq!(
        history(&f, 0),
        ["<sip:bob@example.com>;index=1", "<sip:bob@192.0.2.21>;index=1.1;mp=1"]
    );
    f.reply(0, 486);
    let second = history(&f, 1);
    assert_eq!(second.len(), 3, "{second:?}");
    assert!(
        second[1].starts_with("<sip:bob@192.0.2.21?Reason=SIP%3Bcause%3D486"),
        "{second:?}"
    );
    assert_eq!(second[2], "<sip:bob@192.0.2.22>;index=1.2;mp=1");
    f.reply(1, 200);
    f.net.settle();
    // Whoever wants it kept private is masked.
    let mut f = forks_with(1, |config| config.history = true).locate(all(1));
    f.send(request("INVITE", "i", "Privacy: history\r\n"));
    assert_eq!(history(&f, 0)[0], "<sip:anonymous@anonymous.invalid>;index=1");
    f.reply(0, 200);
    f.net.settle();
}

#[test]
fn a_proxy_asks_for_credentials() {
    use sip_core::auth::{Client, Secret, Server, ServerConfig};
    use sip_core::header::{ProxyAuthorization, TypedHeader};
    let mut f = forks_with(1, |config| config.realm = Some("example.com".into()));
    let mut server = Server::new("example.com", ServerConfig::default(), [7; 32]);
    let secret = Secret::from_password("alice", "example.com", "open sesame");
    f.net.router(f.proxy).policy(move |proxy, now, event| {
        let Event::Request { context, request, .. } = event else {
            return false;
        };
        let credentials = request.headers().typed::<ProxyAuthorization>().and_then(Result::ok);
        let verified = credentials.is_some_and(|ProxyAuthorization(credentials)| {
            let lookup = |user: &str| (user == "alice").then_some(&secret);
            server
                .verify(
                    now,
                    request.method(),
                    request.uri(),
                    request.body(),
                    &credentials,
                    lookup,
                )
                .is_ok()
        });
        if verified {
            proxy.forward(now, *context, all(1)).unwrap();
        } else {
            let challenges = server.challenges(now, false);
            proxy.challenge(now, *context, &challenges).unwrap();
        }
        true
    });
    f.invite();
    assert_eq!(f.told(), [407]);
    f.ack_failure();
    let refusal = f.net.last_received(f.alice, "SIP/2.0 407");
    let offered: Vec<&[u8]> = refusal.headers().values(&HeaderName::ProxyAuthenticate).collect();
    let mut client = Client::new("alice", "open sesame");
    let answer = client
        .answer(&sip_core::Method::Invite, b"sip:bob@example.com", b"", &offered, 1)
        .unwrap();
    let line = format!(
        "Proxy-Authorization: {}\r\n",
        String::from_utf8(answer.to_vec()).unwrap()
    );
    assert!(ProxyAuthorization::parse(&answer).is_ok());
    f.send(request("INVITE", "j", &line));
    let came = f.last_request(0, "INVITE");
    assert!(!came.headers().contains(&HeaderName::ProxyAuthorization));
    f.reply(0, 200);
    assert_eq!(f.told(), [407, 200]);
    f.net.settle();
}
