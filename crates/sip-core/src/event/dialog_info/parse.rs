//! Reading a document that a stranger wrote.

use super::{
    Cause, DialogElement, DialogId, DialogInfo, DialogState, Direction, DocumentState, NAMESPACE, Participant,
    Referrer, SessionDescription,
};
use crate::body::xml::{Attributes, Builder, Element, Wanted, XmlError, XmlErrorKind as Kind, read};

/// Most dialogs in a document.
pub const MAX_DIALOGS: usize = 1000;
/// Most hops in a route set, and most parameters of a target.
pub const MAX_HOPS: usize = 64;

impl DialogInfo {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`XmlError`] if it is not a well-formed document of RFC 4235, or exceeds a limit of this module or of
    /// [`body::xml`](crate::body::xml).
    pub fn parse(document: &[u8]) -> Result<Self, XmlError> {
        let mut reader = Reader::default();
        read(document, &mut reader)?;
        reader.info.ok_or(XmlError {
            kind: Kind::WrongDocument,
            offset: document.len(),
        })
    }
}

/// The elements that are read; all others are skipped with their contents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    DialogInfo,
    Dialog,
    State,
    Duration,
    Replaces,
    ReferredBy,
    RouteSet,
    Hop,
    Local,
    Remote,
    Identity,
    Target,
    Param,
    SessionDescription,
    CSeq,
    Skipped,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    info: Option<DialogInfo>,
    dialog: Option<(DialogElement, Option<DialogState>)>,
}

impl Builder for Reader {
    fn open(&mut self, element: &Element<'_>) -> Result<(), Kind> {
        let ours = element.namespace == Some(NAMESPACE);
        let open = classify(self.open.last().copied(), element.name, ours);
        let attributes = &element.attributes;
        match open {
            Open::DialogInfo => self.info = Some(read_root(attributes)?),
            Open::Dialog => {
                if self.info.as_ref().is_some_and(|info| info.dialogs.len() >= MAX_DIALOGS) {
                    return Err(Kind::TooManyElements);
                }
                self.dialog = Some((read_dialog(attributes)?, None));
            }
            Open::Skipped if self.open.is_empty() => return Err(Kind::WrongDocument),
            Open::Identity | Open::Target | Open::Param | Open::SessionDescription => {
                if let Some(participant) = self.participant() {
                    open_in_participant(participant, open, attributes)?;
                }
            }
            Open::State | Open::Replaces | Open::ReferredBy | Open::Hop | Open::Local | Open::Remote => {
                if let Some((dialog, _)) = &mut self.dialog {
                    open_in_dialog(dialog, open, attributes)?;
                }
            }
            Open::Duration | Open::RouteSet | Open::CSeq | Open::Skipped => {}
        }
        self.open.push(open);
        Ok(())
    }

    fn wanted(&self) -> Wanted {
        use Open::{CSeq, Duration, Hop, Identity, ReferredBy, State};
        match self.open.last() {
            Some(Open::SessionDescription) => Wanted::Lines,
            Some(State | Duration | ReferredBy | Hop | Identity | CSeq) => Wanted::Line,
            Some(_) | None => Wanted::Nothing,
        }
    }

    fn close(&mut self, text: String) -> Result<(), Kind> {
        let open = self.open.pop().ok_or(Kind::Syntax)?;
        let line = text.trim();
        match open {
            Open::Dialog => {
                let (mut dialog, state) = self.dialog.take().ok_or(Kind::Syntax)?;
                dialog.state = state.ok_or(Kind::MissingElement)?;
                self.info.as_mut().ok_or(Kind::Syntax)?.dialogs.push(dialog);
            }
            Open::State => {
                if let Some((_, state)) = &mut self.dialog {
                    *state = Some(DialogState::from_word(line).ok_or(Kind::BadValue)?);
                }
            }
            Open::Duration | Open::ReferredBy | Open::Hop => {
                if let Some((dialog, _)) = &mut self.dialog {
                    close_in_dialog(dialog, open, line)?;
                }
            }
            Open::Identity | Open::CSeq => {
                if let Some(participant) = self.participant() {
                    if open == Open::Identity {
                        line.clone_into(&mut participant.identity);
                    } else {
                        participant.cseq = Some(line.parse().map_err(|_| Kind::BadValue)?);
                    }
                }
            }
            Open::SessionDescription => {
                let description = self.participant().and_then(|of| of.session_description.as_mut());
                if let Some(description) = description {
                    description.text = text;
                }
            }
            Open::DialogInfo
            | Open::Replaces
            | Open::RouteSet
            | Open::Local
            | Open::Remote
            | Open::Target
            | Open::Param
            | Open::Skipped => {}
        }
        Ok(())
    }
}

impl Reader {
    /// The participant whose element is the innermost open one that has a side.
    fn participant(&mut self) -> Option<&mut Participant> {
        let is_side = |open: &Open| matches!(open, Open::Local | Open::Remote);
        let side = self.open.iter().rev().copied().find(is_side)?;
        let (dialog, _) = self.dialog.as_mut()?;
        if side == Open::Local {
            dialog.local.as_mut()
        } else {
            dialog.remote.as_mut()
        }
    }
}

fn classify(parent: Option<Open>, name: &str, ours: bool) -> Open {
    match (parent, name) {
        _ if !ours => Open::Skipped,
        (None, "dialog-info") => Open::DialogInfo,
        (Some(Open::DialogInfo), "dialog") => Open::Dialog,
        (Some(Open::Dialog), "state") => Open::State,
        (Some(Open::Dialog), "duration") => Open::Duration,
        (Some(Open::Dialog), "replaces") => Open::Replaces,
        (Some(Open::Dialog), "referred-by") => Open::ReferredBy,
        (Some(Open::Dialog), "route-set") => Open::RouteSet,
        (Some(Open::RouteSet), "hop") => Open::Hop,
        (Some(Open::Dialog), "local") => Open::Local,
        (Some(Open::Dialog), "remote") => Open::Remote,
        (Some(Open::Local | Open::Remote), "identity") => Open::Identity,
        (Some(Open::Local | Open::Remote), "target") => Open::Target,
        (Some(Open::Target), "param") => Open::Param,
        (Some(Open::Local | Open::Remote), "session-description") => Open::SessionDescription,
        (Some(Open::Local | Open::Remote), "cseq") => Open::CSeq,
        _ => Open::Skipped,
    }
}

fn open_in_dialog(dialog: &mut DialogElement, open: Open, attributes: &Attributes) -> Result<(), Kind> {
    if open == Open::State {
        dialog.cause = attributes.get("event").and_then(Cause::from_word);
        dialog.code = attributes.get("code").map(read_code).transpose()?;
    } else if open == Open::Replaces {
        dialog.replaces = Some(DialogId {
            call_id: attributes.required("call-id")?.to_owned(),
            local_tag: attributes.required("local-tag")?.to_owned(),
            remote_tag: attributes.required("remote-tag")?.to_owned(),
        });
    } else if open == Open::ReferredBy {
        dialog.referred_by = Some(Referrer {
            uri: String::new(),
            display: attributes.owned("display"),
        });
    } else if open == Open::Hop {
        if dialog.route_set.len() >= MAX_HOPS {
            return Err(Kind::TooManyElements);
        }
        dialog.route_set.push(String::new());
    } else if open == Open::Local {
        dialog.local = Some(Participant::default());
    } else {
        dialog.remote = Some(Participant::default());
    }
    Ok(())
}

fn open_in_participant(participant: &mut Participant, open: Open, attributes: &Attributes) -> Result<(), Kind> {
    if open == Open::Identity {
        participant.display = attributes.owned("display");
    } else if open == Open::Target {
        participant.target = attributes.owned("uri");
        participant.target_params.clear();
    } else if open == Open::Param {
        if participant.target_params.len() >= MAX_HOPS {
            return Err(Kind::TooManyElements);
        }
        let (name, value) = (attributes.required("pname")?, attributes.required("pval")?);
        participant.target_params.push((name.to_owned(), value.to_owned()));
    } else {
        participant.session_description = Some(SessionDescription {
            media_type: attributes.required("type")?.to_owned(),
            text: String::new(),
        });
    }
    Ok(())
}

fn close_in_dialog(dialog: &mut DialogElement, open: Open, line: &str) -> Result<(), Kind> {
    if open == Open::Duration {
        dialog.duration = Some(line.parse().map_err(|_| Kind::BadValue)?);
    } else if open == Open::ReferredBy {
        if let Some(referrer) = &mut dialog.referred_by {
            line.clone_into(&mut referrer.uri);
        }
    } else if let Some(hop) = dialog.route_set.last_mut() {
        line.clone_into(hop);
    }
    Ok(())
}

fn read_root(attributes: &Attributes) -> Result<DialogInfo, Kind> {
    let version = attributes.required("version")?.trim().parse();
    let version = version.map_err(|_| Kind::BadValue)?;
    let state = DocumentState::from_word(attributes.required("state")?).ok_or(Kind::BadValue)?;
    Ok(DialogInfo::new(attributes.required("entity")?, version, state))
}

fn read_dialog(attributes: &Attributes) -> Result<DialogElement, Kind> {
    // The state is an element that follows; until then any will do.
    let mut dialog = DialogElement::new(attributes.required("id")?, DialogState::Trying);
    dialog.call_id = attributes.owned("call-id");
    dialog.local_tag = attributes.owned("local-tag");
    dialog.remote_tag = attributes.owned("remote-tag");
    dialog.direction = match attributes.get("direction") {
        None => None,
        Some(word) => Some(Direction::from_word(word).ok_or(Kind::BadValue)?),
    };
    Ok(dialog)
}

fn read_code(code: &str) -> Result<u16, Kind> {
    let code = code.trim().parse().ok();
    code.filter(|code| (100..700).contains(code)).ok_or(Kind::BadValue)
}
