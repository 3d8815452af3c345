//! Which of several failures the caller hears of (RFC 3261 §16.7 steps 6 and 7).

use bytes::Bytes;

use crate::{HeaderName, Response, StatusCode};

/// Challenges that one response can carry.
const CHALLENGES: usize = 32;

/// The best failure so far.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Best {
    found: Option<(StatusCode, Option<Response>)>,
    /// Those of all 401 and 407 together.
    challenges: Vec<(HeaderName, Bytes)>,
}

impl Best {
    /// Adds a failure; without `response` it is the proxy's own finding.
    pub(super) fn add(&mut self, status: StatusCode, response: Option<Response>) {
        if matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        ) && let Some(response) = &response
        {
            for name in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
                for value in response.headers().values(&name) {
                    if self.challenges.len() < CHALLENGES {
                        self.challenges.push((name.clone(), Bytes::copy_from_slice(value)));
                    }
                }
            }
        }
        let better = self.found.as_ref().is_none_or(|(found, _)| rank(status) < rank(*found));
        if better {
            self.found = Some((status, response));
        }
    }

    /// The best status so far.
    pub(super) fn status(&self) -> Option<StatusCode> {
        self.found.as_ref().map(|(status, _)| *status)
    }

    /// The choice: its status, and the response that it came with, all challenges in it. A 503 has become a 500: that one
    /// server is overloaded does not mean that this proxy is.
    pub(super) fn take(&mut self) -> Option<(StatusCode, Option<Response>)> {
        let (status, mut response) = self.found.take()?;
        let challenges = core::mem::take(&mut self.challenges);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            if let Some(response) = &mut response {
                response.set_status(StatusCode::SERVER_INTERNAL_ERROR);
                response.headers_mut().remove(&HeaderName::RetryAfter);
            }
            return Some((StatusCode::SERVER_INTERNAL_ERROR, response));
        }
        if let Some(response) = &mut response
            && matches!(
                status,
                StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
            )
        {
            let headers = response.headers_mut();
            let own = headers.values(&HeaderName::WwwAuthenticate).count()
                + headers.values(&HeaderName::ProxyAuthenticate).count();
            if own != challenges.len() {
                headers.remove(&HeaderName::WwwAuthenticate);
                headers.remove(&HeaderName::ProxyAuthenticate);
                for (name, value) in challenges {
                    headers.push(name, value);
                }
            }
        }
        Some((status, response))
    }
}

/// The lower, the better: a 6xx; then the lowest class; within it what helps the caller to do better first, and what
/// says least about the callee last. Of equals the first that came counts.
fn rank(status: StatusCode) -> u16 {
    let within = match status.code() {
        401 | 407 => 0,
        415 | 420 | 484 => 1,
        440 | 482 | 483 => 3,
        430 => 4,
        408 | 503 => 5,
        _ => 2,
    };
    let class = match status.code() / 100 {
        6 => 0,
        class => class,
    };
    class * 10 + within
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn status(code: u16) -> StatusCode {
        StatusCode::try_from(code).unwrap()
    }

    fn response(code: u16, headers: &[(HeaderName, &str)]) -> Response {
        let mut response = Response::new(status(code));
        for (name, value) in headers {
            response.headers_mut().push(name.clone(), (*value).to_owned());
        }
        response
    }

    fn best_of(codes: &[u16]) -> Option<u16> {
        let mut best = Best::default();
        for code in codes {
            best.add(status(*code), Some(response(*code, &[])));
        }
        best.take().map(|(status, _)| status.code())
    }

    /// What the text of §16.7 step 6 says, rule by rule, for each pair of failures.
    #[test]
    fn every_pair_of_failures() {
        let helps = |code: u16| matches!(code, 401 | 407 | 415 | 420 | 484);
        for first in 300..700 {
            for second in 300..700 {
                let chosen = best_of(&[first, second]).unwrap();
                let shown = |code: u16| if code == 503 { 500 } else { code };
                let (low, high) = (first.min(second), first.max(second));
                let case = format!("{first}, {second}: {chosen}");
                assert!(chosen == shown(first) || chosen == shown(second), "{case}");
                assert_ne!(chosen, 503, "never passed on");
                match (low / 100, high / 100) {
                    (_, 6) => assert_eq!(chosen / 100, 6, "{case}"),
                    (a, b) if a != b => assert_eq!(chosen, shown(low), "{case}"),
                    (4, 4) if helps(first) != helps(second) => assert!(helps(chosen), "{case}"),
                    (4, 4) if (first == 408) != (second == 408) => assert_ne!(chosen, 408, "{case}"),
                    (5, 5) if (first == 503) != (second == 503) => {
                        assert_eq!(chosen, if first == 503 { second } else { first }, "{case}");
                    }
                    _ => {}
                }
                if rank(status(first)) == rank(status(second)) {
                    assert_eq!(chosen, shown(first), "the first of equals: {case}");
                }
            }
        }
    }

    #[test]
    fn choices_among_many() {
        for (codes, chosen) in [
            (&[486, 404, 480][..], Some(486)),
            (&[503, 503], Some(500)),
            (&[503, 486], Some(486)),
            (&[408, 480], Some(480)),
            (&[486, 600, 302], Some(600)),
            (&[486, 302, 500], Some(302)),
            (&[404, 407, 401], Some(407)),
            (&[404, 484, 401], Some(401)),
            (&[482, 404], Some(404)),
            (&[430, 408], Some(430)),
            (&[], None),
        ] {
            assert_eq!(best_of(codes), chosen, "{codes:?}");
        }
    }

    #[test]
    fn the_order_of_arrival_only_decides_between_equals() {
        let codes = [302, 401, 404, 415, 408, 482, 500, 503, 603];
        for first in codes {
            for second in codes {
                assert_eq!(best_of(&[first, second]), best_of(&[second, first]), "{first} {second}");
            }
        }
    }

    #[test]
    fn challenges_of_all_forks_are_in_the_one_that_is_chosen() {
        let mut best = Best::default();
        let proxy = (HeaderName::ProxyAuthenticate, "Digest realm=\"a\"");
        let user = (HeaderName::WwwAuthenticate, "Digest realm=\"b\"");
        let other = (HeaderName::WwwAuthenticate, "Digest realm=\"c\"");
        best.add(status(407), Some(response(407, std::slice::from_ref(&proxy))));
        best.add(status(404), Some(response(404, &[])));
        best.add(status(401), Some(response(401, &[user.clone(), other.clone()])));
        let (status, response) = best.take().unwrap();
        assert_eq!(status.code(), 407);
        let bytes = response.unwrap().to_bytes();
        let Ok(Message::Response(response)) = Message::parse(bytes) else {
            unreachable!()
        };
        let values = |name| response.headers().values(&name).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(values(HeaderName::ProxyAuthenticate), [proxy.1.as_bytes()]);
        assert_eq!(
            values(HeaderName::WwwAuthenticate),
            [user.1.as_bytes(), other.1.as_bytes()]
        );
    }

    #[test]
    fn challenges_have_a_limit() {
        let mut best = Best::default();
        for realm in 0..=CHALLENGES {
            let value = format!("Digest realm=\"{realm}\"");
            best.add(
                status(401),
                Some(response(401, &[(HeaderName::WwwAuthenticate, &value)])),
            );
        }
        let (_, response) = best.take().unwrap();
        let count = response.unwrap().headers().values(&HeaderName::WwwAuthenticate).count();
        assert_eq!(count, CHALLENGES);
    }
}
