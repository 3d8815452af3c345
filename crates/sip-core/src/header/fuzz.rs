//! The bodies of the fuzz targets `sip_header_*`, one for each typed header, so that plain tests replay the corpora.

use super::TypedHeader;
use core::fmt::Debug;

macro_rules! targets {
    ($($name:ident $type:ident;)*) => {
        $(
            #[doc = concat!("Any bytes as the value of [`", stringify!($type), "`](super::", stringify!($type), ").")]
            pub fn $name(data: &[u8]) {
                round_trip::<super::$type>(data);
            }
        )*

        /// Every target with its name.
        pub const ALL: &[(&str, fn(&[u8]))] = &[$((concat!("sip_header_", stringify!($name)), $name)),*];
    };
}

targets! {
    accept Accept;
    accept_contact AcceptContact;
    accept_encoding AcceptEncoding;
    accept_language AcceptLanguage;
    alert_info AlertInfo;
    allow Allow;
    allow_events AllowEvents;
    answer_mode AnswerMode;
    authentication_info AuthenticationInfo;
    authorization Authorization;
    call_info CallInfo;
    contact Contact;
    content_disposition ContentDisposition;
    content_encoding ContentEncoding;
    content_id ContentId;
    content_language ContentLanguage;
    content_length ContentLength;
    content_transfer_encoding ContentTransferEncoding;
    content_type ContentType;
    cseq CSeq;
    date Date;
    diversion Diversion;
    error_info ErrorInfo;
    event EventHeader;
    expires Expires;
    feature_caps FeatureCaps;
    flow_timer FlowTimer;
    from From;
    geolocation Geolocation;
    history_info HistoryInfo;
    in_reply_to InReplyTo;
    info_package InfoPackage;
    join Join;
    max_breadth MaxBreadth;
    max_forwards MaxForwards;
    mime_version MimeVersion;
    min_expires MinExpires;
    min_se MinSe;
    organization Organization;
    p_access_network_info PAccessNetworkInfo;
    p_asserted_identity PAssertedIdentity;
    p_associated_uri PAssociatedUri;
    p_called_party_id PCalledPartyId;
    p_charging_function_addresses PChargingFunctionAddresses;
    p_charging_vector PChargingVector;
    p_early_media PEarlyMedia;
    p_preferred_identity PPreferredIdentity;
    p_served_user PServedUser;
    p_visited_network_id PVisitedNetworkId;
    path Path;
    priority Priority;
    priv_answer_mode PrivAnswerMode;
    privacy Privacy;
    proxy_authenticate ProxyAuthenticate;
    proxy_authorization ProxyAuthorization;
    proxy_require ProxyRequire;
    rack RAck;
    reason Reason;
    record_route RecordRoute;
    recv_info RecvInfo;
    refer_sub ReferSub;
    refer_to ReferTo;
    referred_by ReferredBy;
    reject_contact RejectContact;
    remote_party_id RemotePartyId;
    replaces Replaces;
    reply_to ReplyTo;
    request_disposition RequestDisposition;
    require Require;
    retry_after RetryAfter;
    route Route;
    rseq RSeq;
    security_client SecurityClient;
    security_server SecurityServer;
    security_verify SecurityVerify;
    server Server;
    service_route ServiceRoute;
    session_expires SessionExpires;
    sip_etag SipEtag;
    sip_if_match SipIfMatch;
    subject Subject;
    subscription_state SubscriptionState;
    supported Supported;
    suppress_if_match SuppressIfMatch;
    target_dialog TargetDialog;
    timestamp Timestamp;
    to To;
    unsupported Unsupported;
    user_agent UserAgent;
    via Via;
    warning Warning;
    www_authenticate WwwAuthenticate;
}

/// The first octet chooses the header, in the order of [`ALL`], and the rest is its value.
pub fn any(data: &[u8]) {
    if let Some((first, value)) = data.split_first()
        && let Some((_, body)) = ALL.get(usize::from(*first))
    {
        body(value);
    }
}

/// What is read prints on one line, and what is printed reads and prints the same.
fn round_trip<H: TypedHeader + Debug>(value: &[u8]) {
    let Ok(header) = H::parse(value) else { return };
    let print = |header: &H| {
        let mut text = String::new();
        assert!(header.write(&mut text).is_ok(), "writing to a string does not fail");
        text
    };
    let printed = print(&header);
    assert!(!printed.contains(['\r', '\n']), "a value stays on its line");
    // A letter of Latin-1 may become two escapes, a value gains quotes or brackets, a date its usual length.
    assert!(
        printed.len() <= 8 * value.len() + 32,
        "no more than a few times what was read"
    );
    let again = H::parse(printed.as_bytes()).map(|again| print(&again));
    assert_eq!(again.as_ref(), Ok(&printed), "{header:?}");
}
