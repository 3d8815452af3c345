//! The configuration that is used where none is given, and the place to start from for one's own.

use super::{ConfigError, Settings, parse};

/// What `--print-config` writes, with the passwords left out.
const TEMPLATE: &str = include_str!("default.toml");
/// Stands in the template for each password.
const PASSWORD: &str = "{password}";
/// Letters and digits that are told apart on any screen: 32 of them, five bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters in a password: 80 bits.
const PASSWORD_LENGTH: usize = 16;

/// Makes the embedded configuration, with a new password for each extension.
///
/// # Errors
/// Where the system has no randomness to give.
pub(crate) fn text() -> Result<String, getrandom::Error> {
    let mut text = String::with_capacity(TEMPLATE.len() * 2);
    let mut parts = TEMPLATE.split(PASSWORD);
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        text.push_str(&password()?);
        text.push_str(part);
    }
    Ok(text)
}

/// The embedded configuration, read as any file is.
///
/// # Errors
/// Where the system has no randomness to give, and where the embedded file is wrong, which a test excludes.
pub(crate) fn embedded() -> Result<Settings, EmbeddedError> {
    Ok(parse("(embedded configuration)", text()?, std::path::Path::new(""))?)
}

/// Why there is no embedded configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EmbeddedError {
    /// No randomness for passwords.
    #[error("the system gives no random numbers for passwords: {0}")]
    Random(#[from] getrandom::Error),
    /// The embedded file is wrong.
    #[error(transparent)]
    Wrong(#[from] ConfigError),
}

/// A password that nobody guesses.
///
/// # Errors
/// Where the system has no randomness to give.
pub(crate) fn password() -> Result<String, getrandom::Error> {
    let mut random = [0; PASSWORD_LENGTH];
    getrandom::fill(&mut random)?;
    Ok(random
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|byte| char::from(*byte))
        .collect())
}
