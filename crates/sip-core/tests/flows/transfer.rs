//! Who takes part in a transfer (RFC 5589): transferor, transferee and target, and the ladders that its flows share.

use sip_core::{EndpointConfig, Event, Method, NameAddr, Referral, Reply, SessionId, SubscriptionId, Uri};

use crate::stage::Stage;

/// The transferee has called the transferor, who has put the call on hold.
pub struct Transfer {
    pub stage: Stage,
    pub transferor: usize,
    pub transferee: usize,
    pub target: usize,
    /// The call between the two, as each of them knows it.
    pub of_transferor: SessionId,
    pub of_transferee: SessionId,
}

pub const HELD: &str = "
    F1 transferee → transferor INVITE
    F2 transferor → transferee 200 INVITE
    -  transferee → transferor ACK
    -  transferor → transferee INVITE
    -  transferee → transferor 200 INVITE
    -  transferor → transferee ACK";

pub const CONSULTED: &str = "
    - transferor → target     INVITE
    - target     → transferor 200 INVITE
    - transferor → target     ACK
    - transferor → target     INVITE
    - target     → transferor 200 INVITE
    - transferor → target     ACK";

pub const REFERRED: &str = "
    F3 transferor → transferee REFER
    -  transferee → transferor 202 REFER
    F4 transferee → transferor NOTIFY
    -  transferor → transferee 200 NOTIFY
    F5 transferee → target     INVITE";

pub const TRANSFERRED: &str = "
    -  target     → transferee 200 INVITE
    -  transferee → target     ACK
    F6 transferee → transferor NOTIFY
    -  transferor → transferee 200 NOTIFY";

/// The target answers the transferee's INVITE with Replaces, and hangs up the consultation.
pub const REPLACED: &str = "
    -  target     → transferee 200 INVITE
    -  transferee → target     ACK
    F6 target     → transferor BYE
    -  transferor → target     200 BYE
    F7 transferee → transferor NOTIFY
    -  transferor → transferee 200 NOTIFY";

pub const LEFT: &str = "
    - transferor → transferee BYE
    - transferee → transferor 200 BYE";

pub const OVER: &str = "
    - target     → transferee BYE
    - transferee → target     200 BYE";

impl Transfer {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// `plain`: who has no REFER.
    pub fn with(plain: &[&str]) -> Self {
        Self::configured(|name, config| {
            if plain.contains(&name) {
                config.methods.retain(|method| *method != Method::Refer);
            }
        })
    }

    /// The target supports no extensions.
    pub fn knowing_nothing_of_replaces() -> Self {
        Self::configured(|name, config| {
            if name == "target" {
                config.supported.clear();
            }
        })
    }

    fn configured(configure: impl Fn(&str, &mut EndpointConfig)) -> Self {
        let mut stage = Stage::new();
        let [transferor, transferee, target] = ["transferor", "transferee", "target"]
            .map(|name| stage.phone_with(name, "example.com", |config| configure(name, config)));
        let (of_transferee, of_transferor) = stage.talk(transferee, transferor);
        stage.change(transferor, of_transferor, "hold", transferee);
        Self {
            stage,
            transferor,
            transferee,
            target,
            of_transferor,
            of_transferee,
        }
    }

    /// The transferor calls the target, and puts that call on hold too. As both of them know it.
    pub fn consult(&mut self) -> (SessionId, SessionId) {
        let (ours, theirs) = self.stage.talk(self.transferor, self.target);
        self.stage.change(self.transferor, ours, "hold", self.target);
        (ours, theirs)
    }

    pub fn target_uri(&self) -> Uri {
        self.stage.contact(self.target)
    }

    pub fn refer(&mut self, session: SessionId, refer_to: Uri) {
        self.refer_with(session, refer_to, Reply::new());
    }

    pub fn refer_with(&mut self, session: SessionId, refer_to: Uri, more: Reply) {
        let refer_to = NameAddr::new(refer_to);
        self.stage
            .act(self.transferor, |endpoint, now| {
                endpoint.refer(now, session, refer_to, more)
            })
            .unwrap();
    }

    /// A REFER outside of the dialog with the transferee, which it names (RFC 4538).
    pub fn refer_outside(&mut self, refer_to: Uri) -> SubscriptionId {
        let known = self
            .stage
            .net
            .endpoint(self.transferor)
            .session_info(self.of_transferor);
        let referral = Referral::beside(&known.unwrap(), NameAddr::new(refer_to)).unwrap();
        self.stage
            .act(self.transferor, |endpoint, now| endpoint.send_refer(now, referral))
            .unwrap()
    }

    /// The transferor asks in a call what the other party can do.
    pub fn options(&mut self, session: SessionId, party: usize) {
        self.stage
            .act(self.transferor, |endpoint, now| {
                endpoint.request(now, session, Method::Options, Reply::new())
            })
            .unwrap();
        self.stage.answer_options(party);
    }

    /// What the transferor hears of the referral: statuses, and whether it was the last word.
    pub fn told(&mut self) -> Vec<(u16, bool)> {
        let told = |event| match event {
            Event::ReferNotified { status, terminated, .. } => Some((status.code(), terminated)),
            _ => None,
        };
        self.stage
            .net
            .events(self.transferor)
            .into_iter()
            .filter_map(told)
            .collect()
    }
}

/// A call named to its peer, as a header in a URI.
pub fn replacing(mut uri: Uri, replaces: &str) -> Uri {
    uri = uri.with_header("Replaces", replaces);
    uri.with_header("Require", "replaces")
}
