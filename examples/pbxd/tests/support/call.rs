//! A call between two phones, to see whether it is still well.

use std::time::Duration;

use super::phone::{Dialog, Phone, sdp, sdp_type};
use super::rtp::{Media, assert_one_stream};
use super::server::Server;

/// Two phones in a conversation.
pub(crate) struct Call {
    caller: (Phone, Dialog, Media),
    called: (Phone, Dialog, Media),
}

impl Call {
    /// Registers `to`, calls it from `from` and answers.
    pub(crate) fn connect(server: &Server, from: &str, to: &str) -> Self {
        let (caller, called) = (Phone::new(server, from), Phone::new(server, to));
        called.register();
        let (caller_media, called_media) = (Media::new(), Media::new());
        let call_id = format!("call-{}", caller.address().port());
        let (answer, invite) = std::thread::scope(|scope| {
            let ringing = scope.spawn(|| {
                let invite = called.wait_for("INVITE", |message| message.method() == Some("INVITE"));
                called.reply(&invite, "180 Ringing", &[], "");
                called.reply(&invite, "200 OK", &[sdp_type()], &sdp(called_media.port()));
                called.wait_for("ACK", |message| message.method() == Some("ACK"));
                invite
            });
            let answer = caller.ask("INVITE", to, &call_id, &[sdp_type()], &sdp(caller_media.port()));
            assert_eq!(answer.status(), Some(200), "{}", answer.0);
            caller.in_dialog(&mut Dialog::of_caller(&answer), "ACK", &[], "");
            (answer, ringing.join().unwrap())
        });
        let called_dialog = Dialog::of_called(&invite, &called);
        Self {
            caller: (caller, Dialog::of_caller(&answer), caller_media),
            called: (called, called_dialog, called_media),
        }
    }

    /// Both hear each other, and the server knows the dialog.
    pub(crate) fn assert_well(&mut self) {
        let (phone, dialog, caller) = &mut self.caller;
        let (_, other, called) = &mut self.called;
        assert_relayed(caller, dialog, called);
        assert_relayed(called, other, caller);
        let answer = phone.ask_in(dialog, "OPTIONS", &[], "");
        assert_eq!(answer.status(), Some(200), "{}", answer.0);
    }

    /// The caller hangs up, the called phone is told.
    pub(crate) fn hang_up(mut self) {
        let (phone, dialog, _) = &mut self.caller;
        let (other, other_dialog, _) = &self.called;
        let answer = phone.ask_in(dialog, "BYE", &[], "");
        assert_eq!(answer.status(), Some(200), "{}", answer.0);
        let bye = other.request_in(other_dialog, "BYE");
        other.reply(&bye, "200 OK", &[], "");
    }

    /// The caller's phone and dialog, for a test that has more to say.
    pub(crate) fn caller(&mut self) -> (&Phone, &mut Dialog) {
        (&self.caller.0, &mut self.caller.1)
    }
}

/// Every packet that the one says reaches the other unchanged.
fn assert_relayed(from: &mut Media, dialog: &Dialog, to: &Media) {
    to.forget();
    let said = from.say(dialog.media, 713.0, 20, Duration::from_millis(5));
    let heard = to.listen(Duration::from_millis(300));
    assert_one_stream(&heard);
    let relayed = said
        .iter()
        .filter(|payload| heard.iter().any(|packet| packet.payload == **payload))
        .count();
    assert_eq!(relayed, said.len(), "{} packets were heard", heard.len());
}
