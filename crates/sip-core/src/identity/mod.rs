//! Who somebody is, as the trusted say it, and what of it strangers may see (RFC 3323, RFC 3325).
//!
//! Functions on the headers of one message, for whoever stands at the border of a trust domain: a PBX before its
//! provider, a proxy before its phones. Which peers are trusted, the embedder decides.
//!
//! ```
//! use sip_core::header::{PAssertedIdentity, TypedHeader};
//! use sip_core::identity::{self, Disclosure};
//! use sip_core::{HeaderName, Headers, NameAddr};
//!
//! let mut headers = Headers::new();
//! headers.push(HeaderName::From, "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1");
//! headers.push(HeaderName::Privacy, "id");
//! headers.push(HeaderName::PAssertedIdentity, "<sip:boss@example.com>");
//! headers.push(HeaderName::PPreferredIdentity, "<tel:+15550002>");
//!
//! // A phone is not trusted: what it asserts is dropped. Of its own identities it may choose.
//! assert!(identity::distrust(&mut headers));
//! let own = ["\"Alice\" <sip:alice@example.com>".parse()?, "<tel:+15550002>".parse()?];
//! identity::assert(&mut headers, &own);
//! assert_eq!(identity::asserted(&headers).tel, Some(own[1].clone()));
//!
//! // The provider is no friend either, and the phone asked for privacy.
//! identity::withhold(&mut headers, Disclosure::Unless);
//! assert!(!headers.contains(&PAssertedIdentity::NAME));
//! # Ok::<(), sip_core::ParseError>(())
//! ```

mod asserted;
mod privacy;

pub use asserted::{Disclosure, Identities, assert, asserted, distrust, withhold};
pub use privacy::{Hidden, PrivacyError, PrivacyService};

#[cfg(test)]
mod tests;
