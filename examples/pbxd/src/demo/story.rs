//! The story, act by act.

use std::time::Duration;

use rtp_media::Sound;
use sim::{Call, CallId, CallState, Happening};
use sip_core::StatusCode;

use super::stage::{Failed, Ring, Stage, Who};
use crate::sounds;

/// Plays everything; succeeds only if all of it happened.
pub(super) fn play(stage: &mut Stage, reception: Who, sales: Who, support: Who) -> Result<(), Failed> {
    register(
        stage,
        &[
            (reception, "1001 Reception"),
            (sales, "1002 Sales"),
            (support, "1003 Support (by TCP)"),
        ],
    )?;
    wrong_password(stage, support)?;
    let (caller, called) = call(stage, reception, sales)?;
    hold(stage, reception, sales, called)?;
    park(stage, reception, sales, called)?;
    let retrieved = retrieve(stage, reception, support)?;
    recall(stage, reception, support, retrieved)?;
    hang_up(stage, reception, support, caller)
}

fn register(stage: &mut Stage, phones: &[(Who, &str)]) -> Result<(), Failed> {
    for (who, name) in phones {
        stage.act(*who, |phone, now| phone.register(now))?;
        stage.until(&format!("{name} is registered"), *who, |device| {
            device.phone.is_registered().then_some(())
        })?;
        stage.tell(&format!("{name} is registered"));
    }
    Ok(())
}

/// Somebody who does not know the password gets nowhere.
fn wrong_password(stage: &mut Stage, who: Who) -> Result<(), Failed> {
    let password = std::mem::replace(
        &mut stage.device(who)?.phone.config_mut().password,
        "guessed".to_owned(),
    );
    let since = stage.log_length(who)?;
    stage.act(who, |phone, now| phone.dial(now, "1001"))?;
    let status = stage.until_logged("a call with a wrong password is refused", who, since, |what| {
        if let Happening::Failed { status, .. } = what {
            Some(*status)
        } else {
            None
        }
    })?;
    if !matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED
    ) {
        return Err(Failed::Missed(format!("a wrong password is told ({status})")));
    }
    stage.device(who)?.phone.config_mut().password = password;
    stage.tell(&format!("a call with a wrong password is refused: {status}"));
    Ok(())
}

fn call(stage: &mut Stage, reception: Who, sales: Who) -> Result<(CallId, CallId), Failed> {
    let since = stage.log_length(sales)?;
    let caller = stage.act(reception, |phone, now| phone.dial(now, "1002"))?;
    let Ring {
        call: called,
        from,
        display,
        ..
    } = stage.rings(sales, since)?;
    expect(
        from == "1001" && display.as_deref() == Some("Reception"),
        "the caller's number and name are shown",
    )?;
    stage.tell("1001 calls 1002, whose phone rings and shows \"Reception\" 1001");
    stage.act(sales, |phone, now| phone.answer(now, called))?;
    stage.until("1001 is told of the answer", reception, |device| {
        talking(device.phone.get(caller))
    })?;
    let forth = stage.hears(sales, reception)?;
    let back = stage.hears(reception, sales)?;
    stage.tell(&format!(
        "1002 answers; each hears the other ({forth:.0} and {back:.0} dB above the difference)"
    ));
    Ok((caller, called))
}

fn hold(stage: &mut Stage, reception: Who, sales: Who, called: CallId) -> Result<(), Failed> {
    let music = sound("default")?;
    stage.act(sales, |phone, now| phone.hold(now, called))?;
    stage.until("the hold is accepted", sales, |device| {
        device.phone.get(called).filter(|call| call.holding()).map(drop)
    })?;
    let decibels = stage.hears_music(reception, &music)?;
    stage.tell(&format!(
        "1002 puts 1001 on hold, who hears the music ({decibels:.0} dB)"
    ));
    stage.act(sales, |phone, now| phone.resume(now, called))?;
    stage.hears(reception, sales)?;
    stage.hears(sales, reception)?;
    stage.tell("1002 takes 1001 back; each hears the other again");
    Ok(())
}

fn park(stage: &mut Stage, reception: Who, sales: Who, called: CallId) -> Result<(), Failed> {
    let words = ["parked-at", "digits/7", "digits/0", "digits/1"];
    let sounds = words
        .iter()
        .map(|word| Ok((*word, sound(word)?)))
        .collect::<Result<Vec<_>, Failed>>()?;
    let words: Vec<_> = sounds.iter().map(|(word, sound)| (*word, sound)).collect();
    stage.device(sales)?.prick_up_ears();
    let since = stage.log_length(sales)?;
    stage.act(sales, |phone, now| phone.transfer(now, called, "700"))?;
    stage.hears_words(sales, &words)?;
    stage.tell("1002 transfers 1001 to 700 and hears \"parked at seven zero one\"");
    stage.until_logged("the transfer succeeds", sales, since, |what| {
        matches!(what, Happening::Transfer { status, done: true, .. } if status.is_success()).then_some(())
    })?;
    stage.until("1002 is free", sales, |device| {
        (device.phone.calls().count() == 0).then_some(())
    })?;
    let decibels = stage.hears_music(reception, &sound("default")?)?;
    stage.tell(&format!("1002 is free; 1001 hears the lot's music ({decibels:.0} dB)"));
    Ok(())
}

fn retrieve(stage: &mut Stage, reception: Who, support: Who) -> Result<CallId, Failed> {
    let call = stage.act(support, |phone, now| phone.dial(now, "701"))?;
    stage.until("1003 gets the parked call", support, |device| {
        talking(device.phone.get(call))
    })?;
    let forth = stage.hears(support, reception)?;
    let back = stage.hears(reception, support)?;
    let heard = |stage: &mut Stage, who| Ok::<_, Failed>(format!("{:?}", stage.device(who)?.heard_as));
    let codecs = (heard(stage, support)?, heard(stage, reception)?);
    tracing::info!(?codecs, "codecs of 1003 and 1001");
    stage.tell(&format!(
        "1003 dials 701 and has 1001; each hears the other ({forth:.0} and {back:.0} dB)"
    ));
    Ok(call)
}

fn recall(stage: &mut Stage, reception: Who, support: Who, call: CallId) -> Result<(), Failed> {
    let since = stage.log_length(support)?;
    stage.act(support, |phone, now| phone.transfer(now, call, "710"))?;
    stage.until("1003 is free", support, |device| {
        (device.phone.calls().count() == 0).then_some(())
    })?;
    stage.hears_music(reception, &sound("default")?)?;
    stage.tell("1003 parks 1001 in slot 710 and nobody fetches the call");
    let ring = stage.rings(support, since)?;
    let shown = ring.display.unwrap_or_default();
    expect(
        shown.contains("710"),
        &format!("the recall shows its slot (it shows \"{shown}\")"),
    )?;
    expect(ring.alert.is_some(), "the recall has a ring pattern of its own")?;
    stage.tell(&format!("after six seconds 1003 is rung back and sees \"{shown}\""));
    stage.act(support, |phone, now| phone.answer(now, ring.call))?;
    stage.hears(support, reception)?;
    stage.hears(reception, support)?;
    stage.tell("1003 answers; 1001 and 1003 hear each other");
    Ok(())
}

fn hang_up(stage: &mut Stage, reception: Who, support: Who, caller: CallId) -> Result<(), Failed> {
    stage.act(reception, |phone, now| phone.hang_up(now, caller))?;
    stage.until("1003 is told that it is over", support, |device| {
        (device.phone.calls().count() == 0).then_some(())
    })?;
    // A late retransmission would show up now.
    stage.pass(Duration::from_millis(500))?;
    expect(stage.device(reception)?.phone.calls().count() == 0, "no call is left")?;
    stage.tell("1001 hangs up, and 1003 is told");
    Ok(())
}

fn talking(call: Option<&Call>) -> Option<()> {
    call.filter(|call| call.state() == CallState::Talking).map(drop)
}

fn expect(happened: bool, what: &str) -> Result<(), Failed> {
    if happened {
        Ok(())
    } else {
        Err(Failed::Missed(what.to_owned()))
    }
}

/// A sound that comes with the program.
fn sound(name: &str) -> Result<Sound, Failed> {
    let all = sounds::built_in().map_err(crate::server::StartError::from)?;
    let found = all.into_iter().find(|sound| sound.name == name);
    found
        .map(|sound| sound.sound)
        .ok_or_else(|| Failed::Missed(format!("there is a sound {name}")))
}
