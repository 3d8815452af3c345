//! The subscriber's side: documents put together to what is known of an entity's dialogs (RFC 4235 §4.3).

use super::{DialogElement, DialogInfo, DialogState, DocumentState, MAX_DIALOGS};
use std::collections::BTreeMap;

/// What is known of the dialogs of one entity: full documents replace it, partial ones change it.
///
/// A version that is missing means that a change was lost: the watcher then keeps what it has and asks for everything
/// anew, by a refresh of the subscription, to which the notifier answers with a full document.
///
/// ```
/// use sip_core::event::dialog_info::{
///     DialogElement, DialogInfo, DialogState, DialogWatcher, DocumentState, Watched,
/// };
///
/// let document = |version, state, id: &str, dialog| {
///     let mut info = DialogInfo::new("sip:701@pbx.example", version, state);
///     info.dialogs.push(DialogElement::new(id, dialog));
///     info
/// };
/// let mut watcher = DialogWatcher::new();
/// watcher.receive(&document(0, DocumentState::Full, "a", DialogState::Early))?;
/// watcher.receive(&document(1, DocumentState::Partial, "b", DialogState::Early))?;
/// assert_eq!(watcher.dialogs().count(), 2);
///
/// let Watched::Changed(changes) = watcher.receive(&document(2, DocumentState::Partial, "a", DialogState::Terminated))?
/// else { unreachable!() };
/// assert_eq!((changes[0].before, changes[0].now), (Some(DialogState::Early), DialogState::Terminated));
/// assert_eq!(watcher.dialogs().count(), 1);
///
/// // Version 3 was lost.
/// assert_eq!(watcher.receive(&document(4, DocumentState::Partial, "b", DialogState::Confirmed))?, Watched::Refresh);
/// # Ok::<(), sip_core::event::dialog_info::WatchError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DialogWatcher {
    /// Of the latest document that was taken.
    version: Option<u32>,
    /// Whether partial documents are of no use until a full one comes.
    lost: bool,
    dialogs: BTreeMap<String, DialogElement>,
}

/// What a document did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Watched {
    /// It was taken; these dialogs changed their state, in the order of their ids.
    Changed(Vec<DialogChange>),
    /// It is not newer than what is known, and was passed over.
    Old,
    /// A document before it was lost: refresh the subscription now. Until a full document comes, what is known is out
    /// of date.
    Refresh,
}

/// A dialog whose state is another than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogChange {
    /// The dialog's id in the document.
    pub id: String,
    /// Its state before; `None` if it is new.
    pub before: Option<DialogState>,
    /// Its state now; [`Terminated`](DialogState::Terminated) too where a full document no longer lists it.
    pub now: DialogState,
}

/// Why a document was refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// More than [`MAX_DIALOGS`] would be known.
    #[error("too many dialogs")]
    TooManyDialogs,
}

impl DialogWatcher {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The subscription begins anew, with a dialog of its own: versions count from the start again. What is known stays
    /// until a full document comes.
    pub fn restart(&mut self) {
        self.version = None;
        self.lost = false;
    }

    /// The dialogs that are known and not over, in the order of their ids.
    pub fn dialogs(&self) -> impl Iterator<Item = &DialogElement> {
        self.dialogs.values()
    }

    /// The dialog with this id, if it is not over.
    #[must_use]
    pub fn dialog(&self, id: &str) -> Option<&DialogElement> {
        self.dialogs.get(id)
    }

    /// Whether what is known is out of date, or nothing is known yet.
    #[must_use]
    pub const fn is_out_of_date(&self) -> bool {
        self.lost || self.version.is_none()
    }

    /// Takes the document of a NOTIFY.
    ///
    /// # Errors
    ///
    /// [`WatchError`] if it would exceed a limit. Nothing has changed then.
    pub fn receive(&mut self, info: &DialogInfo) -> Result<Watched, WatchError> {
        if self.version.is_some_and(|version| info.version <= version) {
            return Ok(Watched::Old);
        }
        match info.state {
            DocumentState::Full => self.replace(info),
            DocumentState::Partial if self.is_next(info.version) => self.merge(info),
            DocumentState::Partial => {
                self.lost = true;
                Ok(Watched::Refresh)
            }
        }
    }

    /// Whether nothing was lost before the partial document `version`.
    fn is_next(&self, version: u32) -> bool {
        !self.lost
            && self
                .version
                .is_some_and(|latest| latest.checked_add(1) == Some(version))
    }

    fn replace(&mut self, info: &DialogInfo) -> Result<Watched, WatchError> {
        let mut dialogs: BTreeMap<String, DialogElement> = BTreeMap::new();
        for dialog in &info.dialogs {
            dialogs.insert(dialog.id.clone(), dialog.clone());
        }
        if dialogs.len() > MAX_DIALOGS {
            return Err(WatchError::TooManyDialogs);
        }
        let mut changes = Vec::new();
        for (id, dialog) in &dialogs {
            let before = self.dialogs.get(id).map(|dialog| dialog.state);
            note(&mut changes, id, before, dialog.state);
        }
        for (id, gone) in self.dialogs.iter().filter(|(id, _)| !dialogs.contains_key(*id)) {
            note(&mut changes, id, Some(gone.state), DialogState::Terminated);
        }
        changes.sort_by(|a, b| a.id.cmp(&b.id));
        dialogs.retain(|_, dialog| dialog.state != DialogState::Terminated);
        (self.dialogs, self.version, self.lost) = (dialogs, Some(info.version), false);
        Ok(Watched::Changed(changes))
    }

    fn merge(&mut self, info: &DialogInfo) -> Result<Watched, WatchError> {
        // The last word on a dialog counts.
        let latest: BTreeMap<&str, &DialogElement> =
            info.dialogs.iter().map(|dialog| (dialog.id.as_str(), dialog)).collect();
        let is_over = |dialog: &DialogElement| dialog.state == DialogState::Terminated;
        let known = |id: &str| self.dialogs.contains_key(id);
        let gone = latest
            .iter()
            .filter(|(id, dialog)| is_over(dialog) && known(id))
            .count();
        let new = latest
            .iter()
            .filter(|(id, dialog)| !is_over(dialog) && !known(id))
            .count();
        if self.dialogs.len() + new - gone > MAX_DIALOGS {
            return Err(WatchError::TooManyDialogs);
        }
        let mut changes = Vec::new();
        for (id, dialog) in latest {
            let before = if is_over(dialog) {
                self.dialogs.remove(id)
            } else {
                self.dialogs.insert(id.to_owned(), dialog.clone())
            };
            note(&mut changes, id, before.map(|dialog| dialog.state), dialog.state);
        }
        self.version = Some(info.version);
        Ok(Watched::Changed(changes))
    }
}

/// Notes a change, if there is one. A dialog that was over before it was known is none.
fn note(changes: &mut Vec<DialogChange>, id: &str, before: Option<DialogState>, now: DialogState) {
    let never_known = before.is_none() && now == DialogState::Terminated;
    if before != Some(now) && !never_known {
        let id = id.to_owned();
        changes.push(DialogChange { id, before, now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn document(version: u32, state: DocumentState, dialogs: &[(&str, DialogState)]) -> DialogInfo {
        let mut info = DialogInfo::new("sip:a@b", version, state);
        info.dialogs = dialogs
            .iter()
            .map(|(id, state)| DialogElement::new(*id, *state))
            .collect();
        info
    }

    const EARLY: DialogState = DialogState::Early;
    const TERMINATED: DialogState = DialogState::Terminated;
    use DocumentState::{Full, Partial};

    fn ids(watcher: &DialogWatcher) -> Vec<&str> {
        watcher.dialogs().map(|dialog| dialog.id.as_str()).collect()
    }

    #[test]
    fn a_partial_document_is_of_no_use_alone() {
        let mut watcher = DialogWatcher::new();
        assert!(watcher.is_out_of_date());
        assert_eq!(
            watcher.receive(&document(0, Partial, &[("a", EARLY)])),
            Ok(Watched::Refresh)
        );
        assert_eq!(
            watcher.receive(&document(1, Partial, &[("a", EARLY)])),
            Ok(Watched::Refresh)
        );
        assert!(ids(&watcher).is_empty());
        assert!(matches!(
            watcher.receive(&document(2, Full, &[("b", EARLY)])),
            Ok(Watched::Changed(_))
        ));
        assert_eq!((ids(&watcher), watcher.is_out_of_date()), (vec!["b"], false));
    }

    #[test]
    fn a_gap_asks_for_a_refresh_until_a_full_document_comes() {
        let mut watcher = DialogWatcher::new();
        watcher.receive(&document(7, Full, &[("a", EARLY)])).unwrap();
        assert_eq!(
            watcher.receive(&document(9, Partial, &[("a", TERMINATED)])),
            Ok(Watched::Refresh)
        );
        assert_eq!(
            watcher.receive(&document(8, Partial, &[("b", EARLY)])),
            Ok(Watched::Refresh),
            "late: still lost"
        );
        assert_eq!(ids(&watcher), ["a"], "kept, out of date");
        let Ok(Watched::Changed(changes)) = watcher.receive(&document(10, Full, &[("c", EARLY)])) else {
            panic!()
        };
        let seen: Vec<_> = changes
            .iter()
            .map(|change| (change.id.as_str(), change.before, change.now))
            .collect();
        assert_eq!(seen, [("a", Some(EARLY), TERMINATED), ("c", None, EARLY)]);
    }

    #[test]
    fn old_documents_change_nothing() {
        let mut watcher = DialogWatcher::new();
        watcher.receive(&document(u32::MAX, Full, &[("a", EARLY)])).unwrap();
        for state in [Full, Partial] {
            assert_eq!(watcher.receive(&document(u32::MAX, state, &[])), Ok(Watched::Old));
            assert_eq!(
                watcher.receive(&document(0, state, &[])),
                Ok(Watched::Old),
                "versions do not wrap"
            );
        }
        watcher.restart();
        assert_eq!(
            watcher.receive(&document(0, Full, &[])).unwrap(),
            Watched::Changed(vec![DialogChange {
                id: "a".into(),
                before: Some(EARLY),
                now: TERMINATED,
            }])
        );
    }

    #[test]
    fn at_the_limit_and_one_past() {
        let names: Vec<String> = (0..=MAX_DIALOGS).map(|number| format!("{number:05}")).collect();
        let some = |range: core::ops::Range<usize>| -> Vec<(&str, DialogState)> {
            names[range].iter().map(|name| (name.as_str(), EARLY)).collect()
        };
        let mut watcher = DialogWatcher::new();
        watcher.receive(&document(0, Full, &some(0..MAX_DIALOGS))).unwrap();
        let past = document(1, Partial, &some(MAX_DIALOGS..MAX_DIALOGS + 1));
        assert_eq!(watcher.receive(&past), Err(WatchError::TooManyDialogs));
        assert_eq!(ids(&watcher).len(), MAX_DIALOGS, "nothing changed");
        let mut instead = past;
        instead.dialogs.push(DialogElement::new("00000", TERMINATED));
        assert!(watcher.receive(&instead).is_ok(), "one went, one came");
        let all = document(2, Full, &some(0..MAX_DIALOGS + 1));
        assert_eq!(watcher.receive(&all), Err(WatchError::TooManyDialogs));
    }

    proptest! {
        /// A watcher that misses documents and refreshes knows in the end what one that misses none knows.
        #[test]
        fn losses_are_made_good(
            steps in prop::collection::vec((prop::collection::vec((0_u8..6, 0_usize..5), 0..4), any::<bool>()), 1..30),
        ) {
            let states = [DialogState::Trying, DialogState::Proceeding, EARLY, DialogState::Confirmed, TERMINATED];
            let mut truth: BTreeMap<String, DialogState> = BTreeMap::new();
            let mut watcher = DialogWatcher::new();
            let full = |version, truth: &BTreeMap<String, DialogState>| {
                let all: Vec<_> = truth.iter().map(|(id, state)| (id.as_str(), *state)).collect();
                document(version, Full, &all)
            };
            let mut version = 0;
            watcher.receive(&full(version, &truth)).unwrap();
            for (changes, lost) in steps {
                let named: Vec<(String, DialogState)> =
                    changes.iter().map(|(id, state)| (id.to_string(), states[*state])).collect();
                for (id, state) in &named {
                    truth.insert(id.clone(), *state);
                }
                truth.retain(|_, state| *state != TERMINATED);
                version += 1;
                let partial: Vec<_> = named.iter().map(|(id, state)| (id.as_str(), *state)).collect();
                if !lost && watcher.receive(&document(version, Partial, &partial)).unwrap() == Watched::Refresh {
                    version += 1;
                    watcher.receive(&full(version, &truth)).unwrap();
                }
                if !lost {
                    let known: BTreeMap<String, DialogState> =
                        watcher.dialogs().map(|dialog| (dialog.id.clone(), dialog.state)).collect();
                    prop_assert_eq!(&known, &truth);
                }
            }
        }
    }
}
