//! `b2bua --listen 192.0.2.1:5060 --next-hop 192.0.2.9:5060`: a back-to-back user agent. Each call that comes in becomes a call
//! to the next hop, and what happens in one happens in the other: ringing, answer, hold, DTMF by INFO, the end.
//!
//! Each of the two calls is a session of one [`Endpoint`], which sees to all that SIP asks of it; what remains to be done here
//! is to know which two belong together. SDP and unknown headers are passed on untouched, so media go their own way.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the command line"
)]

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use sip_core::{Body, Endpoint, EndpointConfig, EndpointError, Event, Flow, Invite, Method, Reply};
use sip_core::{RequestId, SessionId, StatusCode};
use sip_sockets::{Sockets, now};

/// A back-to-back user agent: each call that comes in becomes a call to the next hop.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where to listen, over UDP and TCP. Port 0: any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5060")]
    listen: SocketAddr,
    /// Where the calls go, over UDP.
    #[arg(long, value_name = "ADDRESS:PORT")]
    next_hop: SocketAddr,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let Err(error) = run(&args);
    eprintln!("b2bua: {}: {error}", args.listen);
    ExitCode::FAILURE
}

fn run(args: &Args) -> io::Result<std::convert::Infallible> {
    let mut sockets = Sockets::bind(args.listen)?;
    println!("listening on {}", sockets.local());
    let mut config = EndpointConfig::new(sockets.listen());
    // REFER gets 405, as all that is not in the list: who is transferred here at whose cost is nobody's choice.
    let other = [
        Method::Refer,
        Method::Register,
        Method::Subscribe,
        Method::Notify,
        Method::Message,
    ];
    config.methods.retain(|method| !other.contains(method));
    let mut b2bua = B2bua {
        endpoint: Endpoint::new(config, sip_sockets::seed()?),
        next_hop: Flow::udp(sockets.local(), args.next_hop),
        peers: BTreeMap::new(),
        requests: BTreeMap::new(),
    };
    loop {
        sockets.wait(&mut b2bua.endpoint, None);
        while let Some(event) = sockets.poll_event(&mut b2bua.endpoint) {
            // An error means that the other call ended at the same time. Its event is about to come.
            let _: Result<(), EndpointError> = b2bua.handle(event);
        }
    }
}

struct B2bua {
    endpoint: Endpoint,
    next_hop: Flow,
    /// Each session's other one, in both directions.
    peers: BTreeMap<SessionId, SessionId>,
    /// For each request that was passed on, the one it came from.
    requests: BTreeMap<RequestId, RequestId>,
}

impl B2bua {
    fn handle(&mut self, event: Event) -> Result<(), EndpointError> {
        let (now, sip) = (now(), &mut self.endpoint);
        let session = event.session();
        let peer = session.and_then(|session| self.peers.get(&session).copied());
        if let Event::Failed { .. } | Event::Cancelled { .. } | Event::Ended { .. } = event {
            for over in session.into_iter().chain(peer) {
                self.peers.remove(&over);
            }
        }
        match (event, peer) {
            (Event::Invite { session, request, .. }, _) => {
                match Invite::relay(&request, self.next_hop).and_then(|invite| sip.invite(now, invite)) {
                    Ok(callee) => self.peers.extend([(session, callee), (callee, session)]),
                    Err(_) => sip.reject(now, session, StatusCode::SERVICE_UNAVAILABLE, Reply::new())?,
                }
            }
            // The callee rings, answers, or takes or refuses a change: so do we, towards the caller.
            (Event::Progress { response, .. }, Some(peer))
            | (Event::Answered { response, .. }, Some(peer))
            | (Event::Reinvited { response, .. }, Some(peer)) => {
                sip.answer_with(now, peer, response.status(), Reply::relay_response(&response))?;
            }
            (Event::Failed { status, response, .. }, Some(caller)) => {
                let reply = response.as_ref().map(Reply::relay_response).unwrap_or_default();
                // The next hop challenged us; the caller could not answer that.
                let challenged = matches!(status.code(), 401 | 407);
                sip.reject(
                    now,
                    caller,
                    if challenged { StatusCode::FORBIDDEN } else { status },
                    reply,
                )?;
            }
            // The caller's ACK. Where the callee made the offer, it has the answer, and the callee waits for it.
            (Event::Confirmed { body, .. }, Some(peer)) => sip.acknowledge(now, peer, body.map(Body::sdp))?,
            // Hold, resume, another codec. If the other side wants a change at the same time, this one has to wait.
            (Event::Reinvite { session, request }, Some(peer)) => {
                let sent = sip.reinvite(now, peer, Reply::relay_request(&request));
                sent.or_else(|_| sip.reject(now, session, StatusCode::REQUEST_PENDING, Reply::new()))?;
            }
            // INFO with DTMF, UPDATE, OPTIONS; outside of a call only OPTIONS: is anybody there?
            (
                Event::Request {
                    request_id, request, ..
                },
                Some(peer),
            ) => {
                let sent = sip.request(now, peer, request.method().clone(), Reply::relay_request(&request));
                let kept = sent.map(|sent| self.requests.extend([(sent, request_id)]));
                kept.or_else(|_| sip.respond(now, request_id, StatusCode::REQUEST_PENDING, Reply::new()))?;
            }
            (Event::Request { request_id, .. }, None) => sip.respond(now, request_id, StatusCode::OK, Reply::new())?,
            (
                Event::Response {
                    request_id,
                    response,
                    status,
                },
                _,
            ) => {
                let request = self.requests.remove(&request_id).ok_or(EndpointError::Gone)?;
                let reply = response.as_ref().map(Reply::relay_response).unwrap_or_default();
                sip.respond(now, request, status, reply)?;
            }
            (Event::Cancelled { .. }, Some(peer)) => sip.hang_up(now, peer, None)?,
            (Event::Ended { cause, .. }, Some(peer)) => sip.hang_up(now, peer, cause.reason())?,
            _ => {}
        }
        Ok(())
    }
}
