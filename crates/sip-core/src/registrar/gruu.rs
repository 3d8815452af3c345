//! Globally routable user agent URIs (RFC 5627).

use core::fmt;

use super::Binding;
use crate::outbound::{keyed_hash, read_hex, write_hex};
use crate::{Host, NameAddr, Request, StatusCode, Uri};

/// Makes and reads GRUUs.
///
/// A public one is the address of record with the device's URN; a temporary one is a random-looking user name, another at each
/// registration, that only this key can take back to a device. It is valid for as long as the device's registration goes on
/// under the same Call-ID, and no table of them is kept.
///
/// ```
/// use machine::Time;
/// use sip_core::registrar::{GruuKey, Registrar, RegistrarConfig};
/// use sip_core::{Flow, Message, Uri};
///
/// let datagram = b"REGISTER sip:example.com SIP/2.0\r\n\
///     Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKnashds7\r\n\
///     From: Callee <sip:callee@example.com>;tag=a73kszlfl\r\n\
///     To: Callee <sip:callee@example.com>\r\n\
///     Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.1\r\n\
///     CSeq: 1 REGISTER\r\n\
///     Supported: gruu\r\n\
///     Contact: <sip:callee@192.0.2.1>;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"\r\n\
///     Content-Length: 0\r\n\r\n";
/// let Message::Request(request) = Message::parse(datagram.to_vec().into())? else { unreachable!() };
/// let flow = Flow::udp("192.0.2.9:5060".parse()?, "192.0.2.1:5060".parse()?);
///
/// let mut config = RegistrarConfig::default();
/// config.gruu = Some(GruuKey::new("example.com", [7; 32])); // random bytes that are kept through restarts
/// let mut registrar = Registrar::new(config);
/// let response = registrar.register(Time::from_secs(1_000), "callee@example.com", &request, flow)?;
/// let contact = &response.headers().typed_all::<sip_core::header::Contact>()?[0];
/// let gruu: Uri = contact.address().unwrap().params.value("pub-gruu").unwrap().parse()?;
/// assert_eq!(gruu.to_string(), "sip:callee@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
/// assert_eq!(registrar.reach("callee@example.com", &gruu)?.len(), 1);
///
/// let temporary: Uri = contact.address().unwrap().params.value("temp-gruu").unwrap().parse()?;
/// assert_eq!(registrar.reach("", &temporary)?[0].flow, flow);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GruuKey {
    host: Host,
    key: [u8; 32],
}

/// Why a GRUU leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GruuError {
    /// It was never given, or is no longer valid.
    #[error("no such GRUU")]
    Unknown,
    /// The device is not registered at present.
    #[error("the device is not registered")]
    NotRegistered,
}

impl GruuError {
    /// 404 or 480 (RFC 5627 §5.1).
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::NotRegistered => StatusCode::TEMPORARILY_UNAVAILABLE,
        }
    }
}

/// How a temporary GRUU's user name begins.
const PREFIX: &str = "tgruu.";
/// Octets of what a temporary GRUU says: era, serial number.
const PLAIN: usize = 16;
/// Octets of the synthetic initialisation vector, which is also what proves it genuine.
const IV: usize = 16;

impl GruuKey {
    /// `domain`: of temporary GRUUs, one whose requests come to this registrar. `key`: random; whoever has it can tell whom a
    /// temporary GRUU belongs to. With another key all temporary GRUUs are void.
    #[must_use]
    pub fn new(domain: impl Into<Host>, key: [u8; 32]) -> Self {
        Self {
            host: domain.into(),
            key,
        }
    }

    /// Adds the GRUUs of a binding with an instance to its contact in the answer to `request`. `serial`: never used before.
    pub(super) fn add(&self, contact: &mut NameAddr, binding: &Binding, request: &Request, serial: u64) {
        let (Some(urn), Some(era), Ok(to)) = (binding.instance_urn(), binding.era, request.to()) else {
            return;
        };
        let mut public = to.uri.without_headers();
        let names: Vec<String> = public.params().iter().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            public.params_mut().remove(&name);
        }
        public.params_mut().set("gr", Some(urn));
        contact.params.set("pub-gruu", Some(&public.to_string()));
        let user = self.seal(era, serial);
        let temporary = Uri::sip(Some(&user), self.host.clone(), None).with_param("gr", None);
        contact.params.set("temp-gruu", Some(&temporary.to_string()));
    }

    /// The era that a temporary GRUU names, if it was made with this key.
    pub(super) fn read(&self, uri: &Uri) -> Option<u64> {
        let user = uri.user()?;
        let bytes = read_hex(user.strip_prefix(PREFIX)?)?;
        let (iv, sealed) = bytes.split_first_chunk::<IV>()?;
        let plain = self.cipher(*iv, sealed.try_into().ok()?);
        let genuine: bool = subtle::ConstantTimeEq::ct_eq(&self.iv(&plain)[..], &iv[..]).into();
        let (era, _) = plain.split_first_chunk().filter(|_| genuine)?;
        Some(u64::from_be_bytes(*era))
    }

    /// Encryption with a synthetic initialisation vector, as RFC 5297 §2.6 composes it, from HMAC-SHA-256: the vector is a
    /// pseudo-random function of the text, and the key stream one of the vector. Two GRUUs of one device therefore have
    /// nothing in common that can be seen.
    fn seal(&self, era: u64, serial: u64) -> String {
        let mut plain = [0; PLAIN];
        let fields = [era, serial];
        for (place, field) in plain.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        let iv = self.iv(&plain);
        let sealed = self.cipher(iv, plain);
        let mut user = PREFIX.to_owned();
        write_hex(&mut user, &iv);
        write_hex(&mut user, &sealed);
        user
    }

    fn iv(&self, plain: &[u8; PLAIN]) -> [u8; IV] {
        let hash = self.prf(b"iv", plain);
        core::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
    }

    /// Its own inverse.
    fn cipher(&self, iv: [u8; IV], text: [u8; PLAIN]) -> [u8; PLAIN] {
        let stream = self.prf(b"stream", &iv);
        let mut out = text;
        out.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
        out
    }

    fn prf(&self, purpose: &[u8], input: &[u8]) -> [u8; 32] {
        keyed_hash(&self.key, &[purpose, input])
    }
}

impl fmt::Debug for GruuKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GruuKey")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
