//! The limits of a proxy, at the limit and one past.

use sip_core::proxy::{ProxyConfig, Target, TargetSet};
use sip_core::{HeaderName, Response, Transport};

use crate::forks::{Forks, all, forks_with, request};
use crate::network::ms;

#[test]
fn a_503_early_and_without_state_at_the_limit_and_one_past() {
    let mut f = forks_with(1, |config| config.limits.server_transactions = 2);
    f.ask_the_test();
    for n in 0..2 {
        f.send(request("MESSAGE", &format!("m{n}"), ""));
    }
    assert_eq!(f.told(), Vec::<u16>::new());
    f.send(request("MESSAGE", "m2", ""));
    assert_eq!(f.told(), [503]);
    let refusal = f.net.last_received(f.alice, "SIP/2.0 503");
    assert!(refusal.headers().contains(&HeaderName::RetryAfter));
    assert_eq!(f.net.proxy_at(f.proxy).live().contexts, 2);
    // Established calls outlive it.
    let bye = request("BYE", "b", "Route: <sip:192.0.2.1;lr>\r\n")
        .replace("sip:bob@example.com SIP", "sip:bob@192.0.2.21 SIP")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b");
    f.send(bye);
    assert_eq!(f.asked(0), ["BYE"]);
    let response: Response = f.response(0, "BYE", 200);
    f.reply_with(0, &response);
    f.net.run(ms(20));
    assert_eq!(f.told(), [503, 200]);
    f.net.settle();
}

#[test]
fn targets_and_branches_at_the_limit_and_one_past() {
    use sip_core::proxy::ProxyError;
    let mut f = forks_with(3, |config| config.limits.targets = 2);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    let forward = |f: &mut Forks, n| {
        f.net
            .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, all(n)))
    };
    assert_eq!(forward(&mut f, 3), Err(ProxyError::TooManyTargets));
    assert_eq!(forward(&mut f, 2), Ok(()));
    assert_eq!(forward(&mut f, 1), Err(ProxyError::TooManyTargets));
    f.pause();
    f.reply(0, 200);
    f.net.settle();
    let mut f = forks_with(3, |config| config.limits.client_transactions = 2);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    let forward = |f: &mut Forks, n| {
        f.net
            .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, all(n)))
    };
    assert_eq!(forward(&mut f, 3), Err(ProxyError::Full));
    assert_eq!(forward(&mut f, 2), Ok(()));
    f.pause();
    f.reply(0, 200);
    f.net.settle();
}

#[test]
fn resolutions_at_the_limit_and_one_past() {
    let mut f = forks_with(0, |config| config.limits.resolutions = 1);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    let target = |n: u8| Target::new(format!("sip:bob@gw{n}.example.net").parse().unwrap());
    f.net
        .act_proxy(f.proxy, |proxy, now| {
            proxy.forward(now, context, TargetSet::parallel([target(0), target(1)]))
        })
        .unwrap();
    let live = f.net.proxy_at(f.proxy).live();
    assert_eq!((live.resolutions, live.branches), (1, 1));
    assert_eq!(f.net.proxy_at(f.proxy).stats().overloaded, 1);
    f.net.settle();
}

#[test]
fn waiting_output_at_the_limit_and_one_past() {
    use machine::Machine as _;
    use sip_core::Flow;
    use sip_core::proxy::Proxy;
    let here = "192.0.2.1:5060".parse().unwrap();
    let flow = Flow::udp(here, "192.0.2.11:5060".parse().unwrap());
    let mut config = ProxyConfig::new([(Transport::Udp, here)], ["example.com"]);
    config.limits.proxy_output = 10;
    let mut proxy = Proxy::new(config, [1; 32]);
    let now = crate::network::START;
    for n in 0..11 {
        let text = request("MESSAGE", &format!("m{n}"), "").replace("Forwards: 70", "Forwards: 0");
        proxy.receive(now, flow, text.into());
    }
    let waiting = core::iter::from_fn(|| proxy.poll_output()).count();
    assert_eq!((waiting, proxy.stats().overloaded), (10, 1));
}
