//! Feature codes: digits that a party dials during a call.

use machine::Time;
use rtp_media::Command;

use crate::leg::{LegId, Place};
use crate::switch::Switch;

impl Switch {
    /// A digit was pressed. The last digits, if no pause was too long, may be a code.
    pub(crate) fn on_digit(&mut self, now: Time, id: LegId, digit: char) {
        match self.legs.get(id).map(|leg| leg.place) {
            Some(Place::Queued) => return self.key_in_queue(now, id, digit),
            Some(Place::SigningOn) => return self.key_of_agent(now, id, digit),
            Some(Place::Supervising(_)) => return self.key_of_supervisor(now, id, digit),
            _ => {}
        }
        let Some(code) = self.config.park_code.clone() else {
            return;
        };
        let Some(leg) = self.legs.get_mut(id) else { return };
        if !matches!(leg.place, Place::Talking(_)) {
            return;
        }
        if now - leg.digits.last > self.config.digit_timeout {
            leg.digits.dialled.clear();
        }
        leg.digits.last = now;
        leg.digits.dialled.push(digit);
        if leg.digits.dialled.len() > code.len() {
            leg.digits.dialled.remove(0); // digits are ASCII
        }
        if leg.digits.dialled == code {
            leg.digits.dialled.clear();
            self.park_by_code(now, id);
        }
    }

    /// A digit that came by SIP INFO reaches the other party as RFC 4733, which the engine relays by itself otherwise.
    pub(crate) fn pass_digit_on(&mut self, id: LegId, digit: char) {
        let Some(Place::Talking(peer)) = self.legs.get(id).map(|leg| leg.place) else {
            return;
        };
        let Some(peer) = self.legs.get(peer) else { return };
        if peer
            .media
            .negotiation
            .agreed()
            .is_some_and(|agreed| agreed.dtmf_send.is_some())
        {
            let stream = peer.media.stream;
            self.command(Command::SendDigits {
                stream,
                digits: digit.to_string(),
            });
        }
    }
}

/// The digit in an `application/dtmf-relay` body: a line `Signal=5`.
pub(crate) fn dtmf_relay_digit(body: &[u8]) -> Option<char> {
    let text = core::str::from_utf8(body).ok()?;
    let line = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
    })?;
    let mut digits = line.chars();
    let digit = digits.next()?.to_ascii_uppercase();
    (digits.next().is_none() && matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(digit)
}

#[cfg(test)]
mod tests {
    use super::dtmf_relay_digit;

    #[test]
    fn a_digit_is_read_from_an_info_body() {
        assert_eq!(dtmf_relay_digit(b"Signal=5\r\nDuration=160\r\n"), Some('5'));
        assert_eq!(dtmf_relay_digit(b"signal = *\r\n"), Some('*'));
        assert_eq!(dtmf_relay_digit(b"Signal=d"), Some('D'));
    }

    #[test]
    fn anything_else_is_no_digit() {
        for body in ["", "Signal=", "Signal=55", "Signal=x", "Duration=5", "\u{ff}"] {
            assert_eq!(dtmf_relay_digit(body.as_bytes()), None, "{body:?}");
        }
        assert_eq!(dtmf_relay_digit(&[0xff, 0xfe]), None);
    }
}
