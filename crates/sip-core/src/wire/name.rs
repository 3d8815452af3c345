use super::lexer::is_token_byte;
use super::text::Source;
use super::{ParseError, ParseErrorKind, Token};
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

macro_rules! header_names {
    ($($variant:ident $name:literal $($compact:literal)?;)*) => {
        /// A header name. Names compare without regard to case, and a compact form is its long form.
        ///
        /// ```
        /// use sip_core::HeaderName;
        ///
        /// assert_eq!(HeaderName::parse(b"cAlL-iD")?, HeaderName::CallId);
        /// assert_eq!(HeaderName::parse(b"i")?, HeaderName::CallId);
        /// assert_eq!(HeaderName::CallId.as_str(), "Call-ID");
        /// # Ok::<(), sip_core::ParseError>(())
        /// ```
        #[derive(Clone)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
        #[non_exhaustive]
        pub enum HeaderName {
            $(
                #[doc = concat!("`", $name, "`.")]
                $variant,
            )*
            /// Any other token.
            Other(Token),
        }

        /// The known names, with their numbers as index.
        const KNOWN: &[&str] = &[$($name),*];

        /// The compact forms, with the numbers that they stand for.
        const COMPACT: &[(u8, u8)] = &[$($(($compact, Known::$variant as u8),)?)*];

        /// The numbers of the known names.
        #[repr(u8)]
        enum Known {
            $($variant),*
        }

        impl HeaderName {
            /// The number of a known name.
            pub(super) fn id(&self) -> u8 {
                match self {
                    $(Self::$variant => Known::$variant as u8,)*
                    Self::Other(token) => lookup(token.as_str().as_bytes()),
                }
            }

            /// The name with the number `id`.
            pub(super) fn from_id(id: u8) -> Option<Self> {
                const NAMES: &[HeaderName] = &[$(HeaderName::$variant),*];
                NAMES.get(usize::from(id)).cloned()
            }
        }
    };
}

header_names! {
    Accept "Accept";
    AcceptContact "Accept-Contact" b'a';
    AcceptEncoding "Accept-Encoding";
    AcceptLanguage "Accept-Language";
    AcceptResourcePriority "Accept-Resource-Priority";
    AlertInfo "Alert-Info";
    Allow "Allow";
    AllowEvents "Allow-Events" b'u';
    AnswerMode "Answer-Mode";
    AuthenticationInfo "Authentication-Info";
    Authorization "Authorization";
    CallId "Call-ID" b'i';
    CallInfo "Call-Info";
    Contact "Contact" b'm';
    ContentDisposition "Content-Disposition";
    ContentEncoding "Content-Encoding" b'e';
    ContentId "Content-ID";
    ContentLanguage "Content-Language";
    ContentLength "Content-Length" b'l';
    ContentTransferEncoding "Content-Transfer-Encoding";
    ContentType "Content-Type" b'c';
    CSeq "CSeq";
    Date "Date";
    Diversion "Diversion";
    ErrorInfo "Error-Info";
    Event "Event" b'o';
    Expires "Expires";
    FeatureCaps "Feature-Caps";
    FlowTimer "Flow-Timer";
    From "From" b'f';
    Geolocation "Geolocation";
    GeolocationError "Geolocation-Error";
    GeolocationRouting "Geolocation-Routing";
    HistoryInfo "History-Info";
    Identity "Identity" b'y';
    InReplyTo "In-Reply-To";
    InfoPackage "Info-Package";
    Join "Join";
    MaxBreadth "Max-Breadth";
    MaxForwards "Max-Forwards";
    MimeVersion "MIME-Version";
    MinExpires "Min-Expires";
    MinSe "Min-SE";
    Organization "Organization";
    PAccessNetworkInfo "P-Access-Network-Info";
    PAssertedIdentity "P-Asserted-Identity";
    PAssertedService "P-Asserted-Service";
    PAssociatedUri "P-Associated-URI";
    PCalledPartyId "P-Called-Party-ID";
    PChargingFunctionAddresses "P-Charging-Function-Addresses";
    PChargingVector "P-Charging-Vector";
    PEarlyMedia "P-Early-Media";
    PPreferredIdentity "P-Preferred-Identity";
    PPreferredService "P-Preferred-Service";
    PServedUser "P-Served-User";
    PVisitedNetworkId "P-Visited-Network-ID";
    Path "Path";
    Priority "Priority";
    PrivAnswerMode "Priv-Answer-Mode";
    Privacy "Privacy";
    ProxyAuthenticate "Proxy-Authenticate";
    ProxyAuthenticationInfo "Proxy-Authentication-Info";
    ProxyAuthorization "Proxy-Authorization";
    ProxyRequire "Proxy-Require";
    RAck "RAck";
    Reason "Reason";
    RecordRoute "Record-Route";
    RecvInfo "Recv-Info";
    ReferEventsAt "Refer-Events-At";
    ReferSub "Refer-Sub";
    ReferTo "Refer-To" b'r';
    ReferredBy "Referred-By" b'b';
    RejectContact "Reject-Contact" b'j';
    RemotePartyId "Remote-Party-ID";
    Replaces "Replaces";
    ReplyTo "Reply-To";
    RequestDisposition "Request-Disposition" b'd';
    Require "Require";
    ResourcePriority "Resource-Priority";
    RetryAfter "Retry-After";
    Route "Route";
    RSeq "RSeq";
    SecurityClient "Security-Client";
    SecurityServer "Security-Server";
    SecurityVerify "Security-Verify";
    Server "Server";
    ServiceRoute "Service-Route";
    SessionExpires "Session-Expires" b'x';
    SessionId "Session-ID";
    SipEtag "SIP-ETag";
    SipIfMatch "SIP-If-Match";
    Subject "Subject" b's';
    SubscriptionState "Subscription-State";
    Supported "Supported" b'k';
    SuppressIfMatch "Suppress-If-Match";
    TargetDialog "Target-Dialog";
    Timestamp "Timestamp";
    To "To" b't';
    Unsupported "Unsupported";
    UserAgent "User-Agent";
    UserToUser "User-to-User";
    Via "Via" b'v';
    Warning "Warning";
    WwwAuthenticate "WWW-Authenticate";
}

/// The numbers of names that are told apart while a message is read or answered.
pub(super) const VIA: u8 = Known::Via as u8;
pub(super) const CONTACT: u8 = Known::Contact as u8;
pub(super) const CONTENT_LENGTH: u8 = Known::ContentLength as u8;
pub(super) const FROM: u8 = Known::From as u8;
pub(super) const TO: u8 = Known::To as u8;
pub(super) const CALL_ID: u8 = Known::CallId as u8;
pub(super) const CSEQ: u8 = Known::CSeq as u8;
pub(super) const ROUTE: u8 = Known::Route as u8;
pub(super) const RECORD_ROUTE: u8 = Known::RecordRoute as u8;
pub(super) const TIMESTAMP: u8 = Known::Timestamp as u8;

/// The number that stands for no known name.
pub(super) const OTHER: u8 = u8::MAX;

const SLOTS: usize = 1024;

/// Open addressing; filled at compile time.
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time, where a mistake does not compile; there are fewer than 255 names"
)]
static TABLE: [u8; SLOTS] = {
    let mut table = [OTHER; SLOTS];
    let mut id = 0;
    while id < KNOWN.len() {
        let mut slot = hash(KNOWN[id].as_bytes());
        while table[slot] != OTHER {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = id as u8;
        id += 1;
    }
    table
};

/// The number that each letter stands for, in either case.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where a mistake does not compile"
)]
static COMPACT_TABLE: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut at = 0;
    while at < COMPACT.len() {
        let (letter, id) = COMPACT[at];
        table[letter as usize] = id;
        table[letter.to_ascii_uppercase() as usize] = id;
        at += 1;
    }
    table
};

#[inline]
const fn hash(name: &[u8]) -> usize {
    let (front, back) = name.split_at(name.len() / 2);
    match (front, back, name) {
        ([first, ..], [middle, ..], [.., last]) => {
            let (first, middle, last) = (*first | 0x20, *middle | 0x20, *last | 0x20);
            (name.len() * 37 + first as usize * 7 + middle as usize * 59 + last as usize * 131) % SLOTS
        }
        _ => 0,
    }
}

/// Names of fewer octets than this are looked up as one number.
const SHORT: usize = 16;

/// What of sixteen octets belongs to a name of so many.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where a mistake does not compile"
)]
static NAME_MASK: [u128; SHORT] = {
    let mut masks = [0; SHORT];
    let mut len = 1;
    while len < SHORT {
        masks[len] = masks[len - 1] << 8 | 0xff;
        len += 1;
    }
    masks
};

/// A bit that makes capitals small. Of other octets that a header line can begin with, it makes no letter and no `-`.
const SMALL: u128 = u128::from_le_bytes([0x20; SHORT]);

/// The known names as numbers, small letters; the long ones are 0, which no name is.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where a mistake does not compile"
)]
static SHORT_NAMES: [u128; KNOWN.len()] = {
    let mut names = [0; KNOWN.len()];
    let mut id = 0;
    while id < KNOWN.len() {
        let name = KNOWN[id].as_bytes();
        let mut at = name.len();
        while name.len() < SHORT && at > 0 {
            at -= 1;
            names[id] = names[id] << 8 | name[at] as u128 | 0x20;
        }
        id += 1;
    }
    names
};

/// Open addressing over [`SHORT_NAMES`].
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time, where a mistake does not compile; there are fewer than 255 names"
)]
static SHORT_TABLE: [u8; SLOTS] = {
    let mut table = [OTHER; SLOTS];
    let mut id = 0;
    while id < KNOWN.len() {
        let mut slot = hash_short(SHORT_NAMES[id]);
        while SHORT_NAMES[id] != 0 && table[slot] != OTHER {
            slot = (slot + 1) % SLOTS;
        }
        if SHORT_NAMES[id] != 0 {
            table[slot] = id as u8;
        }
        id += 1;
    }
    table
};

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves are meant, and ten bits")]
const fn hash_short(name: u128) -> usize {
    let folded = name as u64 ^ ((name >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS.ilog2())) as usize
}

/// The number of the known name that the first `len` octets of a header line are, or [`OTHER`] if it is not one of those
/// or not a short one.
#[inline]
pub(super) fn lookup_short(line: &[u8; SHORT], len: usize) -> u8 {
    if len == 1 {
        return line.first().map_or(OTHER, |letter| lookup_letter(*letter));
    }
    let Some(mask) = NAME_MASK.get(len) else { return OTHER };
    let name = (u128::from_le_bytes(*line) | SMALL) & mask;
    let mut slot = hash_short(name);
    loop {
        let Some(&id) = SHORT_TABLE.get(slot) else { return OTHER };
        match SHORT_NAMES.get(usize::from(id)) {
            Some(known) if *known == name => return id,
            Some(_) => slot = (slot + 1) % SLOTS,
            None => return OTHER,
        }
    }
}

#[inline]
fn lookup_letter(letter: u8) -> u8 {
    COMPACT_TABLE.get(usize::from(letter)).copied().unwrap_or(OTHER)
}

/// The number of the known name that `name` is, long or compact, or [`OTHER`].
pub(super) fn lookup(name: &[u8]) -> u8 {
    if let [letter] = *name {
        return lookup_letter(letter);
    }
    let mut slot = hash(name);
    loop {
        let Some(&id) = TABLE.get(slot) else { return OTHER };
        match KNOWN.get(usize::from(id)) {
            // Nearly always it is spelled as usual, which is found out faster.
            Some(known) if known.as_bytes() == name || known.as_bytes().eq_ignore_ascii_case(name) => return id,
            Some(_) => slot = (slot + 1) % SLOTS,
            None => return OTHER,
        }
    }
}

impl HeaderName {
    /// Reads a name, long or compact.
    ///
    /// # Errors
    ///
    /// `HeaderName` if the bytes are not a token.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.is_empty() || !bytes.iter().copied().all(is_token_byte) {
            return Err(ParseError::new(ParseErrorKind::HeaderName, 0));
        }
        let other = || Self::Other(Token::from_checked(bytes, Source::NONE));
        Ok(Self::from_id(lookup(bytes)).unwrap_or_else(other))
    }

    /// The long name, as it is usually written; an unknown name as it came.
    pub fn as_str(&self) -> &str {
        if let Self::Other(token) = self {
            return token.as_str();
        }
        KNOWN.get(usize::from(self.id())).copied().unwrap_or_default()
    }

    /// The long name of a known header, for errors.
    pub(crate) fn known_str(&self) -> &'static str {
        KNOWN.get(usize::from(self.id())).copied().unwrap_or("extension")
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        let id = self.id();
        id == other.id() && (id != OTHER || self.as_str().eq_ignore_ascii_case(other.as_str()))
    }
}

impl Eq for HeaderName {}

impl PartialOrd for HeaderName {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HeaderName {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        let lower = |name: &str| name.to_ascii_lowercase();
        self.id().cmp(&other.id()).then_with(|| match self.id() {
            OTHER => lower(self.as_str()).cmp(&lower(other.as_str())),
            _ => core::cmp::Ordering::Equal,
        })
    }
}

impl Hash for HeaderName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let id = self.id();
        id.hash(state);
        if id == OTHER {
            self.as_str()
                .bytes()
                .for_each(|byte| byte.to_ascii_lowercase().hash(state));
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HeaderName {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text.as_bytes())
    }
}

impl TryFrom<String> for HeaderName {
    type Error = ParseError;
    fn try_from(text: String) -> Result<Self, ParseError> {
        Self::parse(text.as_bytes())
    }
}

impl From<HeaderName> for String {
    fn from(name: HeaderName) -> Self {
        name.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (id, name) in KNOWN.iter().enumerate() {
            for spelling in [(*name).to_owned(), name.to_lowercase(), name.to_uppercase()] {
                assert_eq!(usize::from(lookup(spelling.as_bytes())), id, "{spelling}");
            }
            let known = HeaderName::parse(name.as_bytes()).unwrap();
            assert_eq!(known.as_str(), *name);
            assert_eq!(HeaderName::Other(Token::new(name).unwrap()), known);
        }
    }

    #[test]
    fn short_names_are_found_in_the_line_they_begin() {
        for (id, name) in KNOWN.iter().enumerate() {
            for line in [name.to_lowercase(), name.to_uppercase(), (*name).to_owned()] {
                let line = format!("{line}: 0123456789abcdef");
                let found = lookup_short(line.as_bytes().first_chunk().unwrap(), name.len());
                let expected = if name.len() < SHORT { id } else { usize::from(OTHER) };
                assert_eq!(usize::from(found), expected, "{name}");
            }
        }
        for (line, len) in [
            (b"Via: 0123456789 ", 2),
            (b"Vi\0: 0123456789 ", 3),
            (b": 0123456789 abc", 0),
        ] {
            assert_eq!(lookup_short(line, len), OTHER);
        }
        assert_eq!(lookup_short(b"V: 0123456789 ab", 1), VIA);
    }

    #[test]
    fn compact_forms_are_the_registered_ones() {
        let forms = "aAccept-Contact bReferred-By cContent-Type dRequest-Disposition eContent-Encoding fFrom iCall-ID \
            jReject-Contact kSupported lContent-Length mContact oEvent rRefer-To sSubject tTo uAllow-Events vVia \
            xSession-Expires yIdentity";
        for form in forms.split(' ') {
            let (letter, name) = form.split_at(1);
            assert_eq!(HeaderName::parse(letter.as_bytes()).unwrap().as_str(), name);
            assert_eq!(
                HeaderName::parse(letter.to_uppercase().as_bytes()).unwrap().as_str(),
                name
            );
        }
        assert_eq!(COMPACT.len(), 19);
        assert_eq!(HeaderName::parse(b"z").unwrap().as_str(), "z");
    }

    #[test]
    fn unknown_names_compare_without_case() {
        assert_eq!(
            HeaderName::parse(b"X-Foo").unwrap(),
            HeaderName::parse(b"x-fOO").unwrap()
        );
        assert_ne!(
            HeaderName::parse(b"X-Foo").unwrap(),
            HeaderName::parse(b"X-Fo").unwrap()
        );
        assert!(HeaderName::parse(b"X Foo").is_err());
        assert!(HeaderName::parse(b"").is_err());
    }
}
