//! `registrar --realm example.com --user alice:secret --user bob:hush`: phones register here, over UDP or TCP.
//!
//! Three machines of `sip-core` do the work: an [`Endpoint`] (messages, transactions, connections), an [`auth::Server`]
//! (digest) and a [`Registrar`] (who is where, until when). None of them has a socket or a clock; `sip-sockets` hands in
//! what arrives together with the time, and sends what they want sent.
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
use machine::Machine;
use sip_core::auth::{self, Algorithm, Secret, ServerConfig};
use sip_core::registrar::{Registrar, RegistrarConfig};
use sip_core::{Endpoint, EndpointConfig, Event, Flow, Method, Reply, Request, StatusCode};
use sip_sockets::{Sockets, now};

/// A SIP registrar with digest authentication.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where to listen, over UDP and TCP. Port 0: any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5060")]
    listen: SocketAddr,
    /// The realm that phones show to their users; also the domain of the addresses.
    #[arg(long, default_value = "example.com")]
    realm: String,
    /// A user; once for each.
    #[arg(long, value_name = "NAME:PASSWORD", required = true, value_parser = user)]
    user: Vec<(String, String)>,
    /// A digest algorithm to offer: MD5, SHA-256, SHA-512-256. Many phones give up when they are offered more than MD5.
    #[arg(long, default_value = "MD5")]
    algorithm: Vec<Algorithm>,
}

fn user(text: &str) -> Result<(String, String), &'static str> {
    let (name, password) = text.split_once(':').ok_or("a user is written NAME:PASSWORD")?;
    Ok((name.to_owned(), password.to_owned()))
}

fn main() -> ExitCode {
    let args = Args::parse();
    let Err(error) = run(&args);
    eprintln!("registrar: {}: {error}", args.listen);
    ExitCode::FAILURE
}

fn run(args: &Args) -> io::Result<std::convert::Infallible> {
    let mut sockets = Sockets::bind(args.listen)?;
    println!("listening on {}", sockets.local());

    let mut config = EndpointConfig::new(sockets.listen());
    config.methods = vec![Method::Register, Method::Options]; // others are refused, with 405 or 501
    let mut endpoint = Endpoint::new(config, sip_sockets::seed()?);
    let mut office = Office::new(args, sip_sockets::seed()?);

    // The loop of every program around such machines: let in what comes and what is due, take out what they have to say.
    loop {
        if let Some(connection) = sockets.wait(&mut endpoint, office.table.poll_timeout()) {
            // Whoever registered over it can be reached no more.
            office.table.remove_flow(now(), connection);
        }
        office.table.handle_timeout(now());
        while let Some(event) = sockets.poll_event(&mut endpoint) {
            // Of all that an endpoint can tell, only requests outside of dialogs happen here.
            if let Event::Request {
                request_id,
                request,
                flow,
                ..
            } = event
            {
                let (status, reply) = office.answer(&request, flow);
                if let Err(error) = endpoint.respond(now(), request_id, status, reply) {
                    eprintln!("registrar: cannot answer {status}: {error}");
                }
            }
        }
        while let Some(event) = office.table.poll_output() {
            println!("{event}");
        }
    }
}

/// Where it is decided who may register, and kept who did.
struct Office {
    digest: auth::Server,
    users: BTreeMap<String, Secret>,
    table: Registrar,
}

impl Office {
    fn new(args: &Args, seed: [u8; 32]) -> Self {
        let mut config = ServerConfig::default();
        config.algorithms.clone_from(&args.algorithm);
        // Not the passwords are kept, but their hashes.
        let secret =
            |(name, password): &(String, String)| (name.clone(), Secret::from_password(name, &args.realm, password));
        Self {
            digest: auth::Server::new(&args.realm, config, seed),
            users: args.user.iter().map(secret).collect(),
            table: Registrar::new(RegistrarConfig::default()),
        }
    }

    fn answer(&mut self, request: &Request, flow: Flow) -> (StatusCode, Reply) {
        // Phones ask with OPTIONS whether we are alive.
        if *request.method() == Method::Options {
            return (StatusCode::OK, Reply::new());
        }
        let user = match self.digest.authenticate(now(), request, |user| self.users.get(user)) {
            Ok(user) => user,
            Err(refusal) => return (refusal.status, refusal.into()),
        };
        // The address to be registered stands in To; users register for themselves alone.
        let address = request.to().map(|to| to.uri.user().map(|user| user.into_owned()));
        if address.ok().flatten().as_ref() != Some(&user) {
            return (StatusCode::FORBIDDEN, Reply::new());
        }
        let aor = format!("{user}@{}", self.digest.realm());
        let answer = self.table.register(now(), &aor, request, flow);
        let response = answer.unwrap_or_else(|error| error.to_response(request));
        (response.status(), Reply::from_response(&response))
    }
}
