//! Flows (RFC 5626 §6), GRUUs (RFC 5627), Path (RFC 3327), Service-Route (RFC 3608), push parameters (RFC 8599).

use super::*;
use crate::{HeaderName, StatusCode, Uri};

const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
const OTHER: &str = "urn:uuid:00000000-0000-1000-8000-aabbccddeeff";

fn contact(uri: &str, urn: &str, rest: &str) -> String {
    format!("Contact: <{uri}>;+sip.instance=\"<{urn}>\"{rest}")
}

/// A REGISTER over a flow of outbound.
fn over_flow(call_id: &str, cseq: u32, uri: &str, reg_id: u32) -> Request {
    let contact = contact(uri, URN, &format!(";reg-id={reg_id}"));
    request(call_id, cseq, &[&contact, "Supported: path, outbound"])
}

fn status(registrar: &mut Registrar, request: &Request) -> StatusCode {
    let result = registrar.register(NOW, AOR, request, flow());
    result.map_or_else(
        |error| error.to_response(request).status(),
        |response| response.status(),
    )
}

fn requires_outbound(response: &Response) -> bool {
    response.headers().get_str(&HeaderName::Require) == Some("outbound")
}

#[test]
fn rfc5626_6_a_flow_is_replaced_by_the_same_reg_id_whatever_its_address() {
    let mut registrar = registrar();
    let response = registrar
        .register(NOW, AOR, &over_flow("a", 1, "sip:1001@192.0.2.7", 1), tcp(1))
        .unwrap();
    assert!(requires_outbound(&response));
    let id = registrar.bindings(AOR)[0].id;
    registrar
        .register(NOW, AOR, &over_flow("b", 1, "sip:1001@203.0.113.9:40000", 1), tcp(2))
        .unwrap();
    assert_eq!(uris(&registrar), ["sip:1001@203.0.113.9:40000"]);
    assert_eq!(
        (registrar.bindings(AOR)[0].id, registrar.bindings(AOR)[0].flow),
        (id, tcp(2))
    );
    registrar.remove_flow(NOW, ConnectionId(1));
    assert_eq!(registrar.len(), 1, "the old connection is nobody's");
    registrar
        .register(NOW, AOR, &over_flow("b", 2, "sip:1001@203.0.113.9:40000", 2), tcp(3))
        .unwrap();
    assert_eq!(registrar.len(), 2, "another flow, though the address is the same");
}

#[test]
fn a_flow_is_ended_by_its_reg_id() {
    let mut registrar = registrar();
    for reg_id in [1, 2] {
        registrar
            .register(NOW, AOR, &over_flow("a", reg_id, "sip:1001@192.0.2.7", reg_id), flow())
            .unwrap();
    }
    let contact = contact("sip:1001@192.0.2.99", URN, ";reg-id=1;expires=0");
    registrar
        .register(NOW, AOR, &request("a", 9, &[&contact, "Supported: outbound"]), flow())
        .unwrap();
    assert_eq!(
        registrar
            .bindings(AOR)
            .iter()
            .map(|binding| binding.reg_id)
            .collect::<Vec<_>>(),
        [Some(2)]
    );
}

#[test]
fn rfc5626_7_a_dead_flow_leaves_the_next_of_the_same_device() {
    let mut registrar = registrar();
    for (second, reg_id) in [(0, 1), (1, 2)] {
        let request = over_flow(&format!("c{reg_id}"), 1, "sip:1001@192.0.2.7", reg_id);
        registrar
            .register(NOW + secs(second), AOR, &request, tcp(reg_id.into()))
            .unwrap();
    }
    let plain = request("p", 1, &["Contact: <sip:desk@192.0.2.8>"]);
    registrar.register(NOW + secs(2), AOR, &plain, flow()).unwrap();
    let devices = |registrar: &Registrar| -> Vec<Vec<Option<u32>>> {
        let devices = registrar.instances(AOR);
        devices
            .iter()
            .map(|device| device.iter().map(|binding| binding.reg_id).collect())
            .collect()
    };
    assert_eq!(
        devices(&registrar),
        [vec![None], vec![Some(2), Some(1)]],
        "the newest flow first"
    );
    while registrar.poll_output().is_some() {}
    let newest = registrar.instances(AOR)[1][0].id;
    assert!(registrar.flow_failed(NOW + secs(3), newest));
    assert!(!registrar.flow_failed(NOW + secs(3), newest), "a stale handle");
    assert_eq!(
        events(&mut registrar),
        [("flow failed", "sip:1001@192.0.2.7".to_owned())]
    );
    assert_eq!(devices(&registrar), [vec![None], vec![Some(1)]]);
}

#[test]
fn reg_ids_count_only_with_an_instance_and_outbound_on_both_sides() {
    let plain = |lines: &[&str]| {
        let mut registrar = registrar();
        let response = registrar.register(NOW, AOR, &request("a", 1, lines), flow()).unwrap();
        !requires_outbound(&response) && registrar.bindings(AOR)[0].reg_id.is_none()
    };
    assert!(
        plain(&["Contact: <sip:1001@192.0.2.7>;reg-id=1", "Supported: outbound"]),
        "no instance"
    );
    assert!(
        plain(&[&contact("sip:1001@192.0.2.7", URN, ";reg-id=1"), "Supported: path"]),
        "no outbound"
    );
    assert!(
        plain(&[&contact("sip:1001@192.0.2.7", URN, ";reg-id=0"), "Supported: outbound"]),
        "no number"
    );
    assert!(
        plain(&[&contact("sip:1001@192.0.2.7", URN, ""), "Supported: outbound"]),
        "no reg-id"
    );
}

#[test]
fn rfc5626_6_one_flow_registers_one_contact() {
    let two = [
        &contact("sip:1001@192.0.2.7", URN, ";reg-id=1")[..],
        "Contact: <sip:other@192.0.2.7>",
        "Supported: outbound",
    ];
    let mut registrar = registrar();
    assert_eq!(status(&mut registrar, &request("a", 1, &two)), StatusCode::BAD_REQUEST);
    let one_ended = [two[0], "Contact: <sip:other@192.0.2.7>;expires=0", two[2]];
    assert_eq!(status(&mut registrar, &request("a", 1, &one_ended)), StatusCode::OK);
}

#[test]
fn rfc5626_6_a_first_hop_without_outbound_is_439() {
    let via = "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKphone";
    let lines = |path: &[&str]| {
        let contact = contact("sip:1001@192.0.2.7", URN, ";reg-id=1");
        let mut lines = vec![via, "Supported: path, outbound"];
        lines.extend(path);
        let mut request = request("a", 1, &lines);
        request
            .headers_mut()
            .push(HeaderName::Contact, contact.trim_start_matches("Contact: ").to_owned());
        request
    };
    for (path, expected) in [
        (&[][..], StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT),
        (&["Path: <sip:edge;lr>"], StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT),
        (
            &["Path: <sip:inner;lr;ob>, <sip:edge;lr>"],
            StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT,
        ),
        (&["Path: <sip:token@edge;lr;ob>"], StatusCode::OK),
        (
            &["Path: <sip:inner;lr>", "Path: <sip:token@edge;lr;ob>"],
            StatusCode::OK,
        ),
    ] {
        assert_eq!(status(&mut registrar(), &lines(path)), expected, "{path:?}");
    }
}

#[test]
fn outbound_can_be_required() {
    let mut registrar = limited(|config| config.require_outbound = true);
    let plain = request("a", 1, &["Contact: <sip:1001@192.0.2.7>"]);
    let error = registrar.register(NOW, AOR, &plain, flow()).unwrap_err();
    let response = error.to_response(&plain);
    assert_eq!(
        (response.status(), requires_outbound(&response)),
        (StatusCode::EXTENSION_REQUIRED, true)
    );
    assert_eq!(
        status(&mut registrar, &request("q", 1, &[])),
        StatusCode::OK,
        "to ask is free"
    );
    assert_eq!(
        status(&mut registrar, &over_flow("a", 2, "sip:1001@192.0.2.7", 1)),
        StatusCode::OK
    );
}

#[test]
fn the_flow_timer_is_told_to_whoever_registers_straight_by_outbound() {
    let mut registrar = limited(|config| config.flow_timer = Some(secs(90)));
    let mut timer = |request: &Request| {
        let response = registrar.register(NOW, AOR, request, flow()).unwrap();
        response.headers().get_str(&HeaderName::FlowTimer).map(str::to_owned)
    };
    assert_eq!(
        timer(&over_flow("a", 1, "sip:1001@192.0.2.7", 1)).as_deref(),
        Some("90")
    );
    assert_eq!(timer(&request("b", 1, &["Contact: <sip:x@192.0.2.7>"])), None);
    let mut by_edge = over_flow("a", 2, "sip:1001@192.0.2.7", 1);
    by_edge
        .headers_mut()
        .push(HeaderName::Via, "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKphone");
    by_edge.headers_mut().push(HeaderName::Path, "<sip:edge;lr;ob>");
    assert_eq!(timer(&by_edge), None, "the edge proxy has its own");
}

#[test]
fn rfc3327_a_path_is_kept_as_route_and_refused_on_request() {
    let lines = ["Contact: <sip:1001@192.0.2.7>", "Path: <sip:p1;lr>, <sip:p2;lr>"];
    let mut open = registrar();
    assert_eq!(status(&mut open, &request("a", 1, &lines)), StatusCode::OK);
    let route: Vec<_> = open.bindings(AOR)[0].route().iter().map(Uri::to_string).collect();
    assert_eq!(route, ["sip:p1;lr", "sip:p2;lr"]);

    let mut strict = limited(|config| config.require_path_support = true);
    let unaware = request("a", 1, &lines);
    let error = strict.register(NOW, AOR, &unaware, flow()).unwrap_err();
    let response = error.to_response(&unaware);
    assert_eq!(response.status(), StatusCode::BAD_EXTENSION);
    assert_eq!(response.headers().get_str(&HeaderName::Unsupported), Some("path"));
    let aware = request("a", 1, &[lines[0], lines[1], "Supported: timer, Path"]);
    assert_eq!(status(&mut strict, &aware), StatusCode::OK);
}

#[test]
fn rfc3608_the_service_route_is_in_each_200() {
    let route = ["sip:P2.example.com;lr", "sip:HSP.example.com;lr"];
    let mut registrar = limited(|config| config.service_route = route.map(|uri| uri.parse().unwrap()).to_vec());
    for lines in [&["Contact: <sip:1001@192.0.2.7>"][..], &[]] {
        let response = registrar.register(NOW, AOR, &request("a", 1, lines), flow()).unwrap();
        let values: Vec<_> = response
            .headers()
            .items(&HeaderName::ServiceRoute)
            .map(<[u8]>::to_vec)
            .collect();
        assert_eq!(values, route.map(|uri| format!("<{uri}>").into_bytes()));
    }
}

#[test]
fn rfc8599_push_parameters_are_kept_with_the_binding() {
    let mut registrar = registrar();
    let uri = "sip:1001@192.0.2.7;pn-provider=acme;pn-param=acme-param;pn-prid=ZTY4ZDJlMzODE1NmUgKi0K;ob";
    let line = format!("Contact: <{uri}>");
    registrar
        .register(NOW, AOR, &request("a", 1, &[&line]), flow())
        .unwrap();
    let push = registrar.bindings(AOR)[0].push().unwrap();
    assert_eq!(
        (push.provider, push.param, push.prid),
        (Some("acme"), Some("acme-param"), Some("ZTY4ZDJlMzODE1NmUgKi0K"))
    );
    assert_eq!(push.purr, None);
    registrar
        .register(NOW, AOR, &request("b", 1, &["Contact: <sip:plain@192.0.2.7>"]), flow())
        .unwrap();
    let plain = registrar.bindings(AOR).iter().find(|binding| binding.push().is_none());
    assert_eq!(plain.unwrap().contact.uri.to_string(), "sip:plain@192.0.2.7");
}

fn with_gruu() -> Registrar {
    limited(|config| config.gruu = Some(GruuKey::new("example.com", [7; 32])))
}

/// Registers a device, and gives its public and temporary GRUU.
fn gruus(registrar: &mut Registrar, call_id: &str, cseq: u32, urn: &str) -> (Uri, Uri) {
    let contact = contact(&format!("sip:1001@{}.example", &urn[9..13]), urn, "");
    let request = request(call_id, cseq, &[&contact, "Supported: gruu"]);
    let response = registrar.register(NOW, AOR, &request, flow()).unwrap();
    let contacts = response.headers().typed_all::<crate::header::Contact>().unwrap();
    let own = contacts.iter().filter_map(|contact| contact.address());
    let own = own
        .clone()
        .find(|address| address.params.value("+sip.instance") == Some(&format!("<{urn}>")))
        .unwrap();
    let gruu = |name| own.params.value(name).unwrap().parse().unwrap();
    (gruu("pub-gruu"), gruu("temp-gruu"))
}

fn reached(registrar: &Registrar, uri: &Uri) -> Result<Vec<String>, GruuError> {
    let found = registrar.reach(AOR, uri)?;
    Ok(found.iter().map(|binding| binding.contact.uri.to_string()).collect())
}

#[test]
fn rfc5627_a_gruu_leads_to_its_device_alone() {
    let mut registrar = with_gruu();
    let (public, temporary) = gruus(&mut registrar, "a", 1, URN);
    gruus(&mut registrar, "b", 1, OTHER);
    assert_eq!(public.to_string(), format!("sip:{AOR};gr={URN}"));
    assert_eq!(temporary.host(), Some(&"example.com".into()));
    for gruu in [&public, &temporary] {
        assert_eq!(reached(&registrar, gruu).unwrap(), ["sip:1001@f81d.example"], "{gruu}");
    }
    let aor: Uri = format!("sip:{AOR}").parse().unwrap();
    assert_eq!(
        reached(&registrar, &aor).unwrap().len(),
        2,
        "the address of record means all"
    );
}

#[test]
fn rfc5627_temporary_gruus_differ_each_time_and_end_with_the_call_id() {
    let mut registrar = with_gruu();
    let (public, first) = gruus(&mut registrar, "a", 1, URN);
    let (again, second) = gruus(&mut registrar, "a", 2, URN);
    assert_eq!(public, again);
    assert_ne!(first, second);
    assert!(reached(&registrar, &first).is_ok() && reached(&registrar, &second).is_ok());
    let (_, third) = gruus(&mut registrar, "new", 1, URN);
    assert_eq!(reached(&registrar, &first), Err(GruuError::Unknown));
    assert_eq!(reached(&registrar, &second), Err(GruuError::Unknown));
    assert!(reached(&registrar, &third).is_ok() && reached(&registrar, &public).is_ok());
    registrar.handle_timeout(NOW + secs(3600));
    assert_eq!(reached(&registrar, &third), Err(GruuError::Unknown));
    assert_eq!(reached(&registrar, &public), Err(GruuError::NotRegistered));
    assert_eq!(
        (
            GruuError::Unknown.status().code(),
            GruuError::NotRegistered.status().code()
        ),
        (404, 480)
    );
}

#[test]
fn forged_and_foreign_temporary_gruus_are_unknown() {
    let mut registrar = with_gruu();
    let (_, temporary) = gruus(&mut registrar, "a", 1, URN);
    let user = temporary.user().unwrap().into_owned();
    let forge = |user: &str| Uri::sip(Some(user), "example.com", None).with_param("gr", None);
    for at in 6..user.len() {
        let mut changed = user.clone().into_bytes();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(
            reached(&registrar, &forge(&changed)),
            Err(GruuError::Unknown),
            "{changed}"
        );
    }
    for user in ["tgruu.", "x", "tgruu.zz", &user[..user.len() - 2], &format!("{user}00")] {
        assert_eq!(reached(&registrar, &forge(user)), Err(GruuError::Unknown), "{user}");
    }
    let mut other = limited(|config| config.gruu = Some(GruuKey::new("example.com", [8; 32])));
    gruus(&mut other, "a", 1, URN);
    assert_eq!(reached(&other, &temporary), Err(GruuError::Unknown), "another key");
    assert_eq!(
        reached(&self::registrar(), &temporary),
        Err(GruuError::Unknown),
        "no key"
    );
    assert!(!format!("{:?}", with_gruu()).contains("7, 7"), "the key is not shown");
}

#[test]
fn gruus_are_for_those_who_ask_and_say_who_they_are() {
    let mut registrar = with_gruu();
    for lines in [
        &[&contact("sip:1001@192.0.2.7", URN, "")[..]][..],
        &["Contact: <sip:1001@192.0.2.8>", "Supported: gruu"],
    ] {
        let mut alone = registrar.clone();
        let response = alone.register(NOW, AOR, &request("a", 1, lines), flow()).unwrap();
        assert!(!contacts(&response)[0].contains("gruu"), "{lines:?}");
    }
    // A phone cannot smuggle one in.
    let forged = contact(
        "sip:1001@192.0.2.7",
        URN,
        ";pub-gruu=\"sip:boss@pbx.example;gr\";temp-gruu=\"sip:x@y;gr\"",
    );
    let response = registrar
        .register(NOW, AOR, &request("a", 1, &[&forged]), flow())
        .unwrap();
    assert!(!contacts(&response)[0].contains("gruu"));
}

#[test]
fn a_temporary_gruu_reaches_all_flows_of_the_device() {
    let mut registrar = with_gruu();
    let mut temporary = None;
    for reg_id in [1, 2] {
        let mut request = over_flow(&format!("c{reg_id}"), 1, "sip:1001@192.0.2.7", reg_id);
        request.headers_mut().push(HeaderName::Supported, "gruu");
        let response = registrar.register(NOW, AOR, &request, tcp(reg_id.into())).unwrap();
        let contacts = response.headers().typed_all::<crate::header::Contact>().unwrap();
        let text = contacts[0]
            .address()
            .unwrap()
            .params
            .value("temp-gruu")
            .unwrap()
            .to_owned();
        temporary = Some(text.parse::<Uri>().unwrap());
    }
    let found = registrar.reach("", &temporary.unwrap()).unwrap();
    assert_eq!(
        found.iter().map(|binding| binding.reg_id).collect::<Vec<_>>(),
        [Some(2), Some(1)]
    );
}

/// RFC 5627 §5.1, with the flows of RFC 5626: GRUUs are the device's, and void when one of its flows begins anew, or none is
/// left.
#[test]
fn rfc5627_temporary_gruus_belong_to_the_device_whatever_its_flows_do() {
    let mut registrar = with_gruu();
    let given = |registrar: &mut Registrar, call_id: &str, cseq, reg_id: u32| {
        let mut request = over_flow(call_id, cseq, "sip:1001@192.0.2.7", reg_id);
        request.headers_mut().push(HeaderName::Supported, "gruu");
        let response = registrar.register(NOW, AOR, &request, tcp(reg_id.into())).unwrap();
        let contacts = response.headers().typed_all::<crate::header::Contact>().unwrap();
        let all = contacts.iter().map(|contact| contact.address().unwrap());
        let all: Vec<Uri> = all
            .map(|contact| contact.params.value("temp-gruu").unwrap().parse().unwrap())
            .collect();
        assert!(all.iter().all(|uri| *uri == all[0]), "the same for each flow");
        all[0].clone()
    };
    let first = given(&mut registrar, "a", 1, 1);
    // A second flow, with a Call-ID of its own, voids nothing; a refresh neither.
    let second = given(&mut registrar, "b", 1, 2);
    let third = given(&mut registrar, "a", 2, 1);
    for uri in [&first, &second, &third] {
        assert_eq!(reached(&registrar, uri).unwrap().len(), 2, "{uri}");
    }
    // The flow that the first came by is gone, and the device still there.
    let one = registrar
        .bindings(AOR)
        .iter()
        .find(|binding| binding.reg_id == Some(1))
        .unwrap()
        .id;
    assert!(registrar.flow_failed(NOW, one));
    for uri in [&first, &second, &third] {
        assert_eq!(reached(&registrar, uri).unwrap().len(), 1, "{uri}");
    }
    // It comes back, whatever its Call-ID; but a flow that is there begins anew.
    let back = given(&mut registrar, "c", 1, 1);
    assert_eq!(reached(&registrar, &first).unwrap().len(), 2);
    let anew = given(&mut registrar, "d", 1, 2);
    for uri in [&first, &second, &third, &back] {
        assert_eq!(reached(&registrar, uri), Err(GruuError::Unknown), "{uri}");
    }
    assert_eq!(reached(&registrar, &anew).unwrap().len(), 2, "by both flows");
    registrar.handle_timeout(NOW + secs(3600));
    assert_eq!(reached(&registrar, &anew), Err(GruuError::Unknown));
    let later = given(&mut registrar, "d", 2, 2);
    assert_eq!(reached(&registrar, &anew), Err(GruuError::Unknown), "gone is gone");
    assert_eq!(reached(&registrar, &later).unwrap().len(), 1);
}

#[test]
fn rfc5627_a_device_cannot_register_what_leads_back() {
    let mut registrar = with_gruu();
    let (public, temporary) = gruus(&mut registrar, "a", 1, URN);
    let refused = |registrar: &Registrar, address: &str| {
        let line = contact(address, OTHER, "");
        let request = request("b", 1, &[&line, "Supported: gruu"]);
        registrar.clone().register(NOW, AOR, &request, flow()).err()
    };
    for own in [format!("sip:{AOR}"), public.to_string(), temporary.to_string()] {
        let error = refused(&registrar, &own).unwrap();
        assert_eq!((&error, error.status().code()), (&RegisterError::Loop, 403), "{own}");
    }
    let error = refused(&registrar, "tel:+15550100").unwrap();
    assert_eq!((&error, error.status().code()), (&RegisterError::NotSip, 403));
    assert_eq!(refused(&registrar, "sips:1001@192.0.2.8"), None);
    // Without GRUUs nothing of this is looked at, nor of who says no instance.
    let plain = request("b", 1, &["Contact: <tel:+15550100>", "Supported: gruu"]);
    assert!(registrar.register(NOW, AOR, &plain, flow()).is_ok());
    let line = contact(&format!("sip:{AOR}"), OTHER, "");
    assert!(
        self::registrar()
            .register(NOW, AOR, &request("b", 1, &[&line]), flow())
            .is_ok()
    );
}

#[cfg(feature = "serde")]
#[test]
fn temporary_gruus_outlive_a_restart() {
    let mut registrar = with_gruu();
    let (_, temporary) = gruus(&mut registrar, "a", 1, URN);
    let text = serde_json::to_string(&registrar).unwrap();
    let again: Registrar = serde_json::from_str(&text).unwrap();
    assert!(reached(&again, &temporary).is_ok());
}
