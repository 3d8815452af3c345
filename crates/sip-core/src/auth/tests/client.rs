//! What the client answers, and where it stops.

use super::*;

#[test]
fn the_client_answers_its_own_realm_only() {
    let foreign = Server::new("evil.example", ServerConfig::default(), [9; 32]).challenges(NOW, false);
    let own = server().challenges(NOW, false);
    let mut client = Client::new("1001", "secret").with_realm(REALM);
    assert!(answer(&mut client, &foreign, &Method::Invite, URI, b"").is_none());
    let both: Vec<Bytes> = foreign.iter().chain(&own[2..]).cloned().collect();
    let sent = answer(&mut client, &both, &Method::Invite, URI, b"").unwrap();
    assert_eq!((sent.realm(), sent.algorithm()), (Some(REALM), Some("MD5")));

    // Without a realm it stays with the first that it met.
    let mut client = Client::new("1001", "secret");
    assert!(answer(&mut client, &own, &Method::Invite, URI, b"").is_some());
    client.accepted();
    assert!(answer(&mut client, &foreign, &Method::Invite, URI, b"").is_none());
}

#[test]
fn the_client_does_not_loop() {
    // The nonce just refused, without stale: the password is wrong.
    let mut server = server();
    let challenges = server.challenges(NOW, false);
    let mut client = Client::new("1001", "wrong");
    assert!(answer(&mut client, &challenges, &Method::Invite, URI, b"").is_some());
    assert!(answer(&mut client, &challenges, &Method::Invite, URI, b"").is_none());

    // A server that never has enough, with or without stale.
    for stale in [false, true] {
        let mut client = Client::new("1001", "secret");
        let mut challenge = || server.challenges(NOW, stale);
        let answers = (0..10)
            .filter(|_| answer(&mut client, &challenge(), &Method::Invite, URI, b"").is_some())
            .count();
        assert_eq!(answers, usize::from(Client::MAX_ATTEMPTS));
        client.accepted();
        assert!(answer(&mut client, &challenge(), &Method::Invite, URI, b"").is_some());
    }
}

#[test]
fn a_stale_nonce_is_replaced_without_asking() {
    let mut server = server();
    let mut client = Client::new("1001", "secret");
    let challenges = server.challenges(NOW, false);
    let first = answer(&mut client, &challenges, &Method::Register, URI, b"").unwrap();
    assert_eq!(verify(&mut server, NOW, &first), Ok(()));
    client.accepted();

    let later = NOW + Duration::from_secs(3600);
    let value = client.authorize(&Method::Register, URI, b"", 2).unwrap();
    let error = verify(&mut server, later, &Credentials::parse(&value).unwrap()).unwrap_err();
    assert_eq!(error, AuthError::Stale);
    let challenges = server.challenges(later, error.is_stale());
    assert!(Challenge::parse(&challenges[0]).unwrap().is_stale());
    let again = answer(&mut client, &challenges, &Method::Register, URI, b"").unwrap();
    assert_eq!(again.nc(), Some("00000001"));
    assert_eq!(verify(&mut server, later, &again), Ok(()));
}

#[test]
fn the_client_ignores_what_it_cannot_answer() {
    for challenge in [
        &b"Basic realm=\"pbx\""[..],
        b"Digest realm=\"pbx\"",
        b"Digest nonce=\"n\"",
        b"Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess, qop=\"auth\"",
        b"Digest realm=\"r\", nonce=\"n\", qop=\"token\"",
        b"Digest realm=\"r",
        b"",
    ] {
        assert!(
            Client::new("u", "p")
                .answer(&Method::Invite, URI, b"", &[challenge], 1)
                .is_none()
        );
    }
    assert!(
        Client::new("u", "p")
            .answer(&Method::Invite, URI, b"", &[], 1)
            .is_none()
    );
    assert!(Client::new("u", "p").authorize(&Method::Invite, URI, b"", 1).is_none());
}

#[test]
fn opaque_comes_back_and_cnonces_differ() {
    let challenge: &[u8] = b"Digest realm=\"r\", nonce=\"n\", opaque=\"5ccc\", qop=\"auth\"";
    let mut client = Client::new("u", "p");
    let first = Credentials::parse(&client.answer(&Method::Bye, URI, b"", &[challenge], 1).unwrap()).unwrap();
    let second = Credentials::parse(&client.authorize(&Method::Bye, URI, b"", 2).unwrap()).unwrap();
    assert_eq!((first.opaque(), first.algorithm()), (Some("5ccc"), None));
    assert_ne!(first.cnonce(), second.cnonce());
    assert_eq!((first.nc(), second.nc()), (Some("00000001"), Some("00000002")));
}
