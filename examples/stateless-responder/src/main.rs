//! `stateless-responder`: answers every SIP request with one status and remembers nothing.
//!
//! It is what to put in front of a server under maintenance (`--status 503`), and the smallest use of `sip-core`: of all its
//! layers only the parser and the printer, and one UDP socket.
//!
//! ```sh
//! stateless-responder --listen 192.0.2.1:5060 --status 503 --retry-after 120
//! ```
//!
//! Statelessness has rules (RFC 3261 §8.2.7): no provisional responses, nothing retransmitted, ACK and CANCEL without effect,
//! and the same answer, tag included, to every copy of a request.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the command line"
)]

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;

use bytes::Bytes;
use clap::Parser;
use sip_core::wire::salvage_request;
use sip_core::{HeaderName, Message, Method, Request, Response, StatusCode};

/// Answers every SIP request with one status and remembers nothing.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where to listen, over UDP. Port 0: any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5060")]
    listen: SocketAddr,
    /// The final status of each answer, 200 to 699.
    #[arg(long, default_value = "200", value_parser = final_status)]
    status: StatusCode,
    /// Seconds for a Retry-After header.
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<u32>,
}

fn final_status(text: &str) -> Result<StatusCode, String> {
    let code = text
        .parse::<u16>()
        .ok()
        .and_then(|code| StatusCode::try_from(code).ok());
    code.filter(|status| status.is_final())
        .ok_or_else(|| "a final status is a number from 200 to 699".to_owned())
}

fn main() -> ExitCode {
    let args = Args::parse();
    match serve(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stateless-responder: {}: {error}", args.listen);
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &Args) -> io::Result<()> {
    let socket = UdpSocket::bind(args.listen)?;
    println!("listening on {}", socket.local_addr()?);
    let responder = Responder {
        status: args.status,
        retry_after: args.retry_after,
        tags: RandomState::new(),
    };
    let mut buffer = vec![0; 65_535];
    loop {
        let (length, source) = socket.recv_from(&mut buffer)?;
        let datagram = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
        if let Some((answer, target)) = responder.respond(datagram, source) {
            // An address that nothing can be sent to is its owner's trouble, not a reason to end.
            let _ = socket.send_to(&answer, target);
        }
    }
}

struct Responder {
    status: StatusCode,
    retry_after: Option<u32>,
    /// Turns a request into a tag that nobody else can make.
    tags: RandomState,
}

impl Responder {
    /// The answer to a datagram, and where it goes; `None` for all that is not to be answered.
    fn respond(&self, datagram: Bytes, source: SocketAddr) -> Option<(Bytes, SocketAddr)> {
        let (mut request, status) = match Message::parse(datagram.clone()) {
            Ok(Message::Request(request)) => {
                // What can be read may still be against the rules: a missing From, another CSeq method, …
                let status = request.validate().map_or_else(|error| error.status(), |()| self.status);
                (request, status)
            }
            Ok(Message::Response(_)) => return None,
            // Of a broken request, whatever can still be answered.
            Err(error) => (salvage_request(&datagram)?, error.status()),
        };
        // ACK is never answered; a CANCEL finds no transaction to cancel (RFC 3261 §9.2).
        let status = if *request.method() == Method::Cancel {
            StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST
        } else {
            status
        };
        if *request.method() == Method::Ack {
            return None;
        }
        let target = request.note_source(source).ok()?;
        let mut response = Response::to_request(&request, status, None);
        response.set_to_tag(&self.tag(&request));
        if let Some(seconds) = self.retry_after.filter(|_| status == self.status) {
            response.headers_mut().push(HeaderName::RetryAfter, seconds.to_string());
        }
        Some((response.to_bytes(), target))
    }

    /// The same for each copy of a request.
    fn tag(&self, request: &Request) -> String {
        let headers = request.headers();
        let of_request =
            [HeaderName::Via, HeaderName::From, HeaderName::CallId, HeaderName::CSeq].map(|name| headers.get(&name));
        format!("{:016x}", self.tags.hash_one(of_request))
    }
}
