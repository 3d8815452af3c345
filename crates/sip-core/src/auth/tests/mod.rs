//! Client against server for all algorithms, and everything that must not pass.

mod client;

use core::time::Duration;
use std::net::IpAddr;

use bytes::Bytes;
use machine::Time;
use proptest::prelude::*;

use super::*;
use crate::Method;
use crate::header::{Challenge, Credentials};

const REALM: &str = "pbx.example";
const URI: &[u8] = b"sip:pbx.example";
const NOW: Time = Time::from_secs(1_000_000);

fn server_with(change: impl FnOnce(&mut ServerConfig)) -> Server {
    let mut config = ServerConfig::default();
    change(&mut config);
    Server::new(REALM, config, [3; 32])
}

fn server() -> Server {
    server_with(|_| {})
}

fn users(user: &str) -> Option<Secret> {
    (user == "1001").then(|| Secret::from_password("1001", REALM, "secret"))
}

fn answer(client: &mut Client, challenges: &[Bytes], method: &Method, uri: &[u8], body: &[u8]) -> Option<Credentials> {
    let offered: Vec<&[u8]> = challenges.iter().map(|value| &value[..]).collect();
    client
        .answer(method, uri, body, &offered, 1)
        .map(|value| Credentials::parse(&value).unwrap())
}

/// Fresh, right credentials for a REGISTER.
fn register(server: &mut Server) -> Credentials {
    let challenges = server.challenges(NOW, false);
    answer(
        &mut Client::new("1001", "secret"),
        &challenges,
        &Method::Register,
        URI,
        b"",
    )
    .unwrap()
}

fn verify(server: &mut Server, now: Time, credentials: &Credentials) -> Result<(), AuthError> {
    server.verify(now, &Method::Register, URI, b"", credentials, users)
}

/// The credentials with parameters set or, where the value is `None`, taken away.
fn edited(credentials: &Credentials, edits: &[(&'static str, Option<&str>)]) -> Credentials {
    let mut changed = Credentials::digest();
    let names = [
        "username",
        "realm",
        "nonce",
        "uri",
        "response",
        "algorithm",
        "cnonce",
        "qop",
        "nc",
        "opaque",
        "userhash",
    ];
    for name in names {
        let edit = edits.iter().find(|(edited, _)| *edited == name);
        let value = edit.map_or_else(|| credentials.params().get(name), |(_, value)| *value);
        if let Some(value) = value {
            changed.params_mut().set_quoted(name, value);
        }
    }
    changed
}

#[test]
fn every_algorithm_and_protection_passes() {
    for algorithm in Algorithm::ALL {
        for (auth_int, legacy) in [(false, false), (true, false), (false, true)] {
            let mut server = server_with(|config| {
                config.algorithms = vec![algorithm];
                (config.auth_int, config.allow_legacy) = (auth_int, legacy);
            });
            let mut challenges = server.challenges(NOW, false);
            assert_eq!(challenges.len(), 1);
            let mut challenge = Challenge::parse(&challenges[0]).unwrap();
            assert_eq!(challenge.algorithm(), Some(algorithm.as_str()));
            if auth_int {
                challenge.params_mut().set_quoted("qop", "auth-int");
                challenges = vec![challenge.to_string().into()];
            } else if legacy {
                let without = challenge.to_string().replace(", qop=\"auth\"", "");
                challenges = vec![without.into()];
            }
            let mut client = Client::new("1001", "secret");
            let sent = answer(&mut client, &challenges, &Method::Invite, URI, b"body").unwrap();
            assert_eq!(
                sent.qop(),
                if auth_int {
                    Some("auth-int")
                } else {
                    (!legacy).then_some("auth")
                }
            );
            let check = |server: &mut Server, body: &[u8]| server.verify(NOW, &Method::Invite, URI, body, &sent, users);
            if auth_int {
                assert_eq!(check(&mut server, b"other"), Err(AuthError::WrongPassword));
            }
            assert_eq!(check(&mut server, b"body"), Ok(()), "{algorithm} {auth_int} {legacy}");
            assert_eq!(check(&mut server, b"body"), Err(AuthError::Replayed));
        }
    }
}

#[test]
fn the_strongest_algorithm_is_chosen_wherever_it_stands() {
    let mut server = server_with(|config| config.algorithms = vec![Algorithm::Md5, Algorithm::Sha256]);
    let challenges = server.challenges(NOW, false);
    let sent = answer(
        &mut Client::new("1001", "secret"),
        &challenges,
        &Method::Register,
        URI,
        b"",
    )
    .unwrap();
    assert_eq!(sent.algorithm(), Some("SHA-256"));
    assert_eq!(server_names(&mut self::server()), ["SHA-512-256", "SHA-256", "MD5"]);
}

fn server_names(server: &mut Server) -> Vec<String> {
    let challenges = server.challenges(NOW, false);
    challenges
        .iter()
        .map(|value| Challenge::parse(value).unwrap().algorithm().unwrap().to_owned())
        .collect()
}

#[test]
fn wrong_password_and_unknown_user() {
    let mut server = server();
    for (user, password, error) in [
        ("1001", "Secret", AuthError::WrongPassword),
        ("1001", "", AuthError::WrongPassword),
        ("1002", "secret", AuthError::UnknownUser),
        ("", "secret", AuthError::Malformed),
    ] {
        let challenges = server.challenges(NOW, false);
        let sent = answer(
            &mut Client::new(user, password),
            &challenges,
            &Method::Register,
            URI,
            b"",
        )
        .unwrap();
        assert_eq!(verify(&mut server, NOW, &sent), Err(error), "{user} {password}");
        assert!(!error.is_stale());
    }
    assert_eq!(server.used_nonces(), 0);
}

#[test]
fn a_user_without_a_secret_for_the_algorithm_is_refused() {
    let mut server = server();
    let sent = register(&mut server);
    let md5_only = Secret::from_ha1(Algorithm::Md5, "939e7578ed9e3c518a452acee763bce9").unwrap();
    let result = server.verify(NOW, &Method::Register, URI, b"", &sent, |_| Some(&md5_only));
    assert_eq!(result, Err(AuthError::WrongPassword));
}

#[test]
fn a_proof_is_good_for_its_own_request_only() {
    let mut server = server();
    let sent = register(&mut server);
    for method in [Method::Invite, Method::Message, Method::Subscribe, Method::Bye] {
        assert_eq!(
            server.verify(NOW, &method, URI, b"", &sent, users),
            Err(AuthError::WrongPassword)
        );
    }
    for uri in [
        &b"sip:other.example"[..],
        b"sip:1001@pbx.example",
        b"sip:pbx.example:5070",
        b"tel:1",
        b"",
        b"\xff",
    ] {
        let result = server.verify(NOW, &Method::Register, uri, b"", &sent, users);
        assert_eq!(result, Err(AuthError::UriMismatch), "{uri:?}");
    }
    for uri in [
        URI,
        b"sip:PBX.example",
        b"sips:pbx.example:5060",
        b"sip:pbx.example:5060;transport=tcp",
    ] {
        let sent = register(&mut server);
        assert_eq!(
            server.verify(NOW, &Method::Register, uri, b"", &sent, users),
            Ok(()),
            "{uri:?}"
        );
    }
}

#[test]
fn replays_are_stale() {
    let mut server = server();
    let sent = register(&mut server);
    assert_eq!(verify(&mut server, NOW, &sent), Ok(()));
    assert_eq!(verify(&mut server, NOW, &sent), Err(AuthError::Replayed));
    assert!(AuthError::Replayed.is_stale());

    let lifetime = Duration::from_secs(300);
    for (age, result) in [
        (lifetime - Duration::from_nanos(1), Ok(())),
        (lifetime, Err(AuthError::Stale)),
    ] {
        let sent = register(&mut self::server());
        assert_eq!(
            verify(&mut self::server_after_one_challenge(), NOW + age, &sent),
            result
        );
    }

    // A nonce of another server or of a run with another seed: the phone need not ask its user. A wrong password is not
    // told from the right one, or it could be guessed without a challenge.
    let mut other = Server::new(REALM, ServerConfig::default(), [4; 32]);
    for password in ["secret", "guess"] {
        let challenges = other.challenges(NOW, false);
        let sent = answer(
            &mut Client::new("1001", password),
            &challenges,
            &Method::Register,
            URI,
            b"",
        );
        assert_eq!(verify(&mut server, NOW, &sent.unwrap()), Err(AuthError::UnknownNonce));
    }
    assert!(AuthError::UnknownNonce.is_stale());
}

/// The same seed gives the same nonce: a server that issued the first one.
fn server_after_one_challenge() -> Server {
    let mut server = server();
    server.challenges(NOW, false);
    server
}

#[test]
fn one_nonce_serves_many_requests_in_any_near_order() {
    let mut server = server();
    let mut client = Client::new("1001", "secret");
    let challenges = server.challenges(NOW, false);
    let mut sent = vec![answer(&mut client, &challenges, &Method::Register, URI, b"").unwrap()];
    for seed in 2..=65 {
        let value = client.authorize(&Method::Register, URI, b"", seed).unwrap();
        sent.push(Credentials::parse(&value).unwrap());
    }
    assert_eq!(sent[64].nc(), Some("00000041"));
    assert_eq!(verify(&mut server, NOW, &sent[64]), Ok(()));
    assert_eq!(verify(&mut server, NOW, &sent[0]), Err(AuthError::Replayed)); // 64 behind: too far
    for credentials in sent[1..64].iter().rev() {
        assert_eq!(verify(&mut server, NOW, credentials), Ok(()));
        assert_eq!(verify(&mut server, NOW, credentials), Err(AuthError::Replayed));
    }
    assert_eq!(server.used_nonces(), 1);
}

#[test]
fn the_table_of_used_nonces_is_bounded() {
    let mut server = server_with(|config| config.max_nonces = 3);
    let all: Vec<Credentials> = (0..4).map(|_| register(&mut server)).collect();
    for (index, credentials) in all.iter().enumerate() {
        assert_eq!(verify(&mut server, NOW, credentials), Ok(()));
        assert_eq!(server.used_nonces(), (index + 1).min(3));
    }
    assert_eq!(verify(&mut server, NOW, &all[0]), Err(AuthError::Stale));
    assert_eq!(verify(&mut server, NOW, &all[1]), Err(AuthError::Replayed));
    let fresh = register(&mut server);
    assert_eq!(verify(&mut server, NOW, &fresh), Ok(()));
}

#[test]
fn a_flood_of_challenges_and_guesses_costs_nothing() {
    let mut server = server();
    for _ in 0..2000 {
        let challenges = server.challenges(NOW, false);
        let guess = answer(
            &mut Client::new("1001", "guess"),
            &challenges,
            &Method::Register,
            URI,
            b"",
        )
        .unwrap();
        assert_eq!(verify(&mut server, NOW, &guess), Err(AuthError::WrongPassword));
    }
    assert_eq!(server.used_nonces(), 0);
}

#[test]
fn nonces_can_be_bound_to_a_source() {
    let (here, there): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
    let mut server = server();
    for (source, result) in [
        (Some(there), Err(AuthError::UnknownNonce)),
        (None, Err(AuthError::UnknownNonce)),
        (Some(here), Ok(())),
    ] {
        let challenges = server.challenges_for(NOW, false, here);
        let sent = answer(
            &mut Client::new("1001", "secret"),
            &challenges,
            &Method::Register,
            URI,
            b"",
        )
        .unwrap();
        let request = SignedRequest {
            method: &Method::Register,
            uri: URI,
            body: b"",
            source,
        };
        assert_eq!(server.verify_request(NOW, &request, &sent, users), result);
    }
}

#[test]
fn malformed_and_unsupported_credentials() {
    let mut server = server();
    let good = register(&mut server);
    for (name, value, error) in [
        ("username", None, AuthError::Malformed),
        ("username", Some(""), AuthError::Malformed),
        ("realm", None, AuthError::Malformed),
        ("realm", Some("PBX.example"), AuthError::ForeignRealm),
        ("realm", Some(""), AuthError::ForeignRealm),
        ("nonce", None, AuthError::Malformed),
        ("nonce", Some(""), AuthError::Malformed),
        ("nonce", Some("junk"), AuthError::UnknownNonce),
        ("uri", None, AuthError::Malformed),
        ("uri", Some("sip:elsewhere"), AuthError::UriMismatch),
        ("uri", Some("sip:pbx.example;x"), AuthError::WrongPassword),
        ("response", None, AuthError::Malformed),
        ("response", Some(""), AuthError::Malformed),
        ("response", Some("0"), AuthError::WrongPassword),
        ("algorithm", None, AuthError::WrongPassword), // counts as MD5
        ("algorithm", Some("MD5-sess"), AuthError::UnsupportedAlgorithm),
        ("algorithm", Some(""), AuthError::UnsupportedAlgorithm),
        ("qop", None, AuthError::UnsupportedQop),
        ("qop", Some("auth-int"), AuthError::UnsupportedQop), // not offered
        ("qop", Some("auth,auth-int"), AuthError::UnsupportedQop),
        ("cnonce", None, AuthError::Malformed),
        ("cnonce", Some("x"), AuthError::WrongPassword),
        ("nc", None, AuthError::Malformed),
        ("nc", Some("00000000"), AuthError::Malformed),
        ("nc", Some("1"), AuthError::Malformed),
        ("nc", Some("+0000001"), AuthError::Malformed),
        ("nc", Some("0000000g"), AuthError::Malformed),
        ("nc", Some("100000001"), AuthError::Malformed),
        ("nc", Some("00000002"), AuthError::WrongPassword),
        ("userhash", Some("true"), AuthError::UnsupportedQop),
    ] {
        let changed = edited(&good, &[(name, value)]);
        assert_eq!(verify(&mut server, NOW, &changed), Err(error), "{name} {value:?}");
    }
    assert_eq!(
        verify(&mut server, NOW, &Credentials::digest()),
        Err(AuthError::UnsupportedQop)
    );
    let basic = Credentials::parse(b"Basic MTAwMTpzZWNyZXQ=").unwrap();
    assert_eq!(verify(&mut server, NOW, &basic), Err(AuthError::UnsupportedScheme));
    assert_eq!(server.used_nonces(), 0);
    assert_eq!(verify(&mut server, NOW, &good), Ok(()), "untouched, they pass");
}

#[test]
fn an_empty_header_under_every_option_is_refused() {
    let mut server = server_with(|config| (config.allow_legacy, config.auth_int) = (true, true));
    let null = Credentials::digest();
    assert_eq!(verify(&mut server, NOW, &null), Err(AuthError::Malformed));
    let names = ["username", "realm", "nonce", "uri", "response"];
    let empty = edited(&null, &names.map(|name| (name, Some(""))));
    assert_eq!(verify(&mut server, NOW, &empty), Err(AuthError::Malformed));
}

#[test]
fn algorithms_that_are_not_configured_are_refused() {
    let mut server = server_with(|config| config.algorithms = vec![Algorithm::Sha256]);
    let sent = register(&mut self::server());
    assert_eq!(verify(&mut server, NOW, &sent), Err(AuthError::UnsupportedAlgorithm));
    let unnamed = edited(&sent, &[("algorithm", None)]);
    assert_eq!(verify(&mut server, NOW, &unnamed), Err(AuthError::UnsupportedAlgorithm));
}

#[test]
fn what_phones_do_differently_is_tolerated() {
    let mut server = server();
    let sent = register(&mut server);
    let upper = sent.response().unwrap().to_uppercase();
    let changed = edited(
        &sent,
        &[
            ("response", Some(&upper)),
            ("algorithm", Some("sha-512-256")),
            ("qop", Some("AUTH")),
        ],
    );
    assert_eq!(verify(&mut server, NOW, &changed), Ok(()));
}

#[test]
fn names_with_quotes_and_backslashes_work() {
    let (user, realm, password) = ("o\"ha\\ra", "the \"realm\"", "p:\"");
    let mut server = Server::new(realm, ServerConfig::default(), [0; 32]);
    let challenges = server.challenges(NOW, false);
    let sent = answer(
        &mut Client::new(user, password),
        &challenges,
        &Method::Register,
        URI,
        b"",
    )
    .unwrap();
    let secret = Secret::from_password(user, realm, password);
    let lookup = |name: &str| (name == user).then_some(&secret);
    assert_eq!(server.verify(NOW, &Method::Register, URI, b"", &sent, lookup), Ok(()));
}

#[test]
fn secrets_do_not_show() {
    let mut client = Client::new("1001", "s3cr3t");
    answer(&mut client, &server().challenges(NOW, false), &Method::Bye, URI, b"").unwrap();
    assert!(!format!("{client:?}").contains("s3cr3t"));
    assert!(!format!("{:?}", server()).contains("key"));
}

#[test]
fn equal_seeds_give_equal_challenges() {
    assert_eq!(server().challenges(NOW, false), server().challenges(NOW, false));
    let mut one = server();
    assert_ne!(one.challenges(NOW, false), one.challenges(NOW, false));
}

proptest! {
    /// Whatever is changed in right credentials, other than the case of hexadecimal digits, they no longer pass.
    #[test]
    fn changed_credentials_do_not_pass(at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
        let mut server = server();
        let sent = register(&mut server);
        let mut value = sent.to_string().into_bytes();
        let at = at.index(value.len());
        prop_assume!(!value[at].eq_ignore_ascii_case(&byte));
        value[at] = byte;
        if let Ok(changed) = Credentials::parse(&value) && changed != sent {
            // Quotes lost around a token change nothing; anything else does.
            let same = sent.params().iter().all(|(name, value)| changed.params().get(name) == Some(value));
            prop_assert_eq!(verify(&mut server, NOW, &changed).is_ok(), same);
        }
    }

    #[test]
    fn fuzz_body_holds(data in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::digest(&data);
    }

    #[test]
    fn fuzz_body_holds_for_plausible_values(
        value in "[Dd]igest (((username|realm|nonce|uri|response|algorithm|qop|nc|cnonce|stale)=(\"[ -~]{0,6}\"|u|r|sip:r|MD5|auth|00000001|true)), ?){0,10}x=y"
    ) {
        fuzz::digest(value.as_bytes());
    }
}
