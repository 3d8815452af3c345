//! The body of the fuzz target `digest`, a plain function so that tests replay the corpus.

use machine::Time;

use super::{Client, Secret, Server, ServerConfig};
use crate::Method;
use crate::header::{AuthenticationInfo, Challenge, Credentials, TypedHeader};

/// Reads `data` as every header of digest authentication, and lets it play both sides.
///
/// # Panics
///
/// If printing is no fixpoint, if a stranger's credentials are accepted or enter the nonce table, or if an answer
/// of the client cannot be read.
pub fn digest(data: &[u8]) {
    if let Ok(challenge) = Challenge::parse(data) {
        assert_eq!(
            Challenge::parse(challenge.to_string().as_bytes()).as_ref(),
            Ok(&challenge)
        );
    }
    if let Ok(info) = AuthenticationInfo::parse(data) {
        let mut text = String::new();
        assert!(info.write(&mut text).is_ok());
        assert_eq!(AuthenticationInfo::parse(text.as_bytes()), Ok(info));
    }
    let mut config = ServerConfig::default();
    (config.allow_legacy, config.auth_int) = (true, true);
    let mut server = Server::new("r", config, [1; 32]);
    if let Ok(credentials) = Credentials::parse(data) {
        assert_eq!(
            Credentials::parse(credentials.to_string().as_bytes()).as_ref(),
            Ok(&credentials)
        );
        let secret = Secret::from_password("u", "r", "a password that the fuzzer does not know");
        let verdict = server.verify(Time::ZERO, &Method::Register, b"sip:r", data, &credentials, |_| {
            Some(&secret)
        });
        assert!(verdict.is_err());
        assert_eq!(server.used_nonces(), 0);
    }
    let mut client = Client::new("u", "p");
    for _ in 0..=Client::MAX_ATTEMPTS {
        if let Some(answer) = client.answer(&Method::Register, b"sip:r", b"", &[data], 1) {
            assert!(Credentials::parse(&answer).is_ok());
        }
    }
    assert!(client.answer(&Method::Register, b"sip:r", b"", &[data], 1).is_none());
}
