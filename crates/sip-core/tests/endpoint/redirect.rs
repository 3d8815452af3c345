//! Calls that are sent elsewhere (RFC 3261 §8.1.3.4).

use sip_core::{
    Credentials, EndpointError, Event, HeaderName, Invite, Message, NameAddr, Reply, Request, SessionId, StatusCode,
    Transport, Uri,
};

use crate::link::{World, ms, secs};

/// A call from node 0 to node 1, of which redirections are to be told.
fn calling(world: &mut World, change: impl FnOnce(&mut Invite)) -> SessionId {
    let mut invite = world.invite_to(0, 1);
    invite.follow_redirects = true;
    change(&mut invite);
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    caller
}

/// A node sends the call that came to it elsewhere.
fn redirect(world: &mut World, node: usize, contacts: &str) {
    let session = world.incoming(node);
    let reply = Reply::new().header(HeaderName::Contact, contacts.to_owned());
    world
        .act(node, |endpoint, now| {
            endpoint.reject(now, session, StatusCode::MOVED_TEMPORARILY, reply)
        })
        .unwrap();
    world.run(ms(30));
}

fn redirected(world: &mut World) -> Vec<NameAddr> {
    match world.events(0).pop() {
        Some(Event::Redirected { contacts, .. }) => contacts,
        other => panic!("not redirected: {other:?}"),
    }
}

fn follow(world: &mut World, session: SessionId, target: &Uri) {
    world
        .act(0, |endpoint, now| {
            endpoint.redirect(now, session, target, [] as [sip_core::Hop; 0])
        })
        .unwrap();
    world.run(ms(15));
}

fn invites(world: &World) -> Vec<Request> {
    let sent = world.nodes[0].sent.iter();
    let parsed = sent.filter_map(|(_, _, data)| match Message::parse(data.clone()) {
        Ok(Message::Request(request)) if data.starts_with(b"INVITE") => Some(request),
        _ => None,
    });
    parsed.collect()
}

#[test]
fn a_call_goes_on_where_it_is_sent() {
    let mut world = World::new(3, 1);
    let caller = calling(&mut world, |_| {});
    redirect(
        &mut world,
        1,
        "<sip:last@192.0.2.9>;q=0.1, <sip:user2@192.0.2.3:5060?Subject=moved&Route=%3Csip:evil%3E>;q=0.7, \
         <sip:user1@192.0.2.2:5060>",
    );
    let contacts = redirected(&mut world);
    let users: Vec<_> = contacts
        .iter()
        .map(|contact| contact.uri.user().unwrap().into_owned())
        .collect();
    assert_eq!(users, ["user2", "last"], "the best first, and nobody twice");
    assert!(world.endpoint(0).session_info(caller).is_none());
    follow(&mut world, caller, &contacts[0].uri);
    let callee = world.incoming(2);
    world.answer(2, callee);
    world.run(secs(1));
    assert_eq!(world.names(0), ["Answered"]);
    let sent = invites(&world);
    let [first, second] = &sent[..] else { panic!("two") };
    for name in [
        HeaderName::CallId,
        HeaderName::From,
        HeaderName::To,
        HeaderName::Contact,
        HeaderName::MaxForwards,
    ] {
        assert_eq!(first.headers().get(&name), second.headers().get(&name), "{name:?}");
    }
    assert_eq!(second.uri(), b"sip:user2@192.0.2.3:5060");
    assert_eq!(second.headers().get(&HeaderName::Subject), Some(&b"moved"[..]));
    assert!(!second.headers().contains(&HeaderName::Route));
    assert_eq!(second.body(), first.body());
    assert_eq!(second.cseq().unwrap().number, first.cseq().unwrap().number + 1);
    assert_eq!(world.count_sent(0, "ACK"), 2, "of the 302, and of the 200");
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_name_is_resolved_by_the_embedder_and_fails_over() {
    let mut world = World::new(3, 2);
    let caller = calling(&mut world, |_| {});
    redirect(&mut world, 1, "<sip:carol@carol.example.com>");
    let target = redirected(&mut world).remove(0).uri;
    let none = || [] as [sip_core::Hop; 0];
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.redirect(now, caller, &target, none())),
        Err(EndpointError::NoAddress),
        "and nothing has changed"
    );
    let nobody = sip_core::Hop::new(Transport::Tcp, "192.0.2.77:5060".parse().unwrap(), None);
    let there = sip_core::Hop::new(Transport::Udp, world.address(2), None);
    world
        .act(0, |endpoint, now| {
            endpoint.redirect(now, caller, &target, [nobody, there])
        })
        .unwrap();
    world.run(ms(50));
    assert_eq!(world.names(0), ["HopFailed"]);
    let callee = world.incoming(2);
    world.answer(2, callee);
    world.run(secs(1));
    assert_eq!(world.names(0).last(), Some(&"Answered"));
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.redirect(now, caller, &target, none())),
        Err(EndpointError::WrongState)
    );
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_circle_of_redirections_ends() {
    // Two phones that send calls to each other: what was tried is not tried again.
    let mut world = World::new(3, 3);
    let caller = calling(&mut world, |_| {});
    redirect(&mut world, 1, "<sip:user2@192.0.2.3:5060>");
    let target = redirected(&mut world).remove(0).uri;
    follow(&mut world, caller, &target);
    redirect(&mut world, 2, "<sip:user1@192.0.2.2:5060>, <sip:user2@192.0.2.3:5060>");
    let failed = world.events(0);
    assert!(
        matches!(
            &failed[..],
            [Event::Failed {
                status: StatusCode::MOVED_TEMPORARILY,
                response: Some(_),
                ..
            }]
        ),
        "{failed:?}"
    );
    world.settle();
    // One that makes up addresses ends after five.
    let mut world = World::new(2, 4);
    let caller = calling(&mut world, |_| {});
    for n in 0..5 {
        redirect(&mut world, 1, &format!("<sip:{n}@192.0.2.2:5060>"));
        let target = redirected(&mut world).remove(0).uri;
        follow(&mut world, caller, &target);
    }
    redirect(&mut world, 1, "<sip:again@192.0.2.2:5060>");
    assert_eq!(world.names(0), ["Failed"]);
    assert_eq!(invites(&world).len(), 6);
    world.settle();
}

#[test]
fn a_call_that_waits_to_be_sent_on_can_be_given_up() {
    for seed in 0..3 {
        let mut world = World::new(2, 5 + seed);
        let caller = calling(&mut world, |invite| invite.no_answer = (seed == 1).then(|| secs(20)));
        redirect(&mut world, 1, "<sip:x@192.0.2.9>");
        world.events(0);
        match seed {
            0 => {
                world.hang_up(0, caller);
                assert_eq!(world.names(0), [""; 0]);
            }
            1 => {
                world.run(secs(25));
                assert_eq!(world.names(0), ["Failed"], "the patience goes on");
            }
            _ => {
                world.run(secs(16 * 60));
                assert_eq!(world.names(0), ["Failed"], "and ours ends, too");
            }
        }
        assert_eq!(world.live(0).sessions, 0);
        assert!(
            world
                .act(0, |endpoint, now| endpoint.hang_up(now, caller, None))
                .is_err()
        );
        world.settle();
    }
}

#[test]
fn without_asking_or_contacts_a_redirection_is_a_failure() {
    for (asks, contacts) in [
        (false, "<sip:x@192.0.2.9>"),
        (true, "*"),
        (true, "<sip:user1@192.0.2.2:5060>"),
    ] {
        let mut world = World::new(2, 9);
        calling(&mut world, |invite| invite.follow_redirects = asks);
        redirect(&mut world, 1, contacts);
        assert_eq!(world.names(0), ["Failed"], "{contacts}");
        world.settle();
    }
}

#[test]
fn credentials_are_for_whom_they_were_asked() {
    // The first target asked for a password; the second does not get what was answered.
    let mut world = World::new(3, 10);
    let caller = calling(&mut world, |invite| {
        invite.credentials = Some(Credentials::new("a", "b"))
    });
    let challenge = Reply::new().header(HeaderName::WwwAuthenticate, "Digest realm=\"r\",nonce=\"n\"");
    let session = world.incoming(1);
    world
        .act(1, |endpoint, now| {
            endpoint.reject(now, session, StatusCode::UNAUTHORIZED, challenge)
        })
        .unwrap();
    world.run(ms(50));
    redirect(&mut world, 1, "<sip:user2@192.0.2.3:5060>");
    let target = redirected(&mut world).remove(0).uri;
    follow(&mut world, caller, &target);
    let sent = invites(&world);
    let has = |n: usize| sent[n].headers().contains(&HeaderName::Authorization);
    assert_eq!((sent.len(), has(1), has(2)), (3, true, false));
    world.hang_up(0, caller);
    world.settle();
}

#[cfg(feature = "serde")]
#[test]
fn a_redirected_call_survives_being_written_and_read_back() {
    let mut world = World::new(3, 11);
    world.reload = true;
    let caller = calling(&mut world, |_| {});
    redirect(&mut world, 1, "<sip:user2@192.0.2.3:5060>");
    let target = redirected(&mut world).remove(0).uri;
    follow(&mut world, caller, &target);
    let callee = world.incoming(2);
    world.answer(2, callee);
    world.run(secs(1));
    assert_eq!(world.names(0), ["Answered"]);
    world.hang_up(0, caller);
    world.settle();
}
