//! How a request came to its targets (RFC 7044).

use super::forward::is_in_dialog;
use crate::header::{HistoryIndex, HistoryInfo, Reason, Retarget};
use crate::{HeaderName, Limits, Request, StatusCode, Uri};

/// The entries of one request, as far as they are known.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct History {
    entries: Vec<HistoryInfo>,
    /// The entry that the targets come from, and how many there were.
    from: Option<HistoryIndex>,
    targets: u16,
    /// How many entries there were before this proxy's.
    inherited: usize,
}

impl History {
    /// What the request says itself, completed by what it asks for (RFC 7044 §9.1). `None` if it can say no more, or is in
    /// a dialog.
    pub(super) fn of(request: &Request) -> Option<Self> {
        if is_in_dialog(request) {
            return None;
        }
        let mut entries = request.headers().typed_all::<HistoryInfo>().ok()?;
        if entries.len() >= Limits::VALUES / 2 {
            return None;
        }
        if entries.is_empty() {
            let first = HistoryInfo::new(request.request_uri().ok()?, &HistoryIndex::first());
            entries.push(first);
        }
        let from = entries.last()?.index()?;
        Some(Self {
            from: Some(from),
            targets: 0,
            inherited: entries.len(),
            entries,
        })
    }

    /// Adds a target; its place among the entries.
    pub(super) fn add(&mut self, target: &Uri, retarget: Retarget) -> Option<usize> {
        let from = self.from.as_ref()?;
        self.targets = self.targets.checked_add(1)?;
        let entry = HistoryInfo::new(target.clone(), &from.child(self.targets)).with_retarget(retarget, Some(from));
        self.entries.push(entry);
        self.entries.len().checked_sub(1)
    }

    /// Notes why a target was left.
    pub(super) fn left(&mut self, at: usize, status: StatusCode) {
        if let Some(entry) = self.entries.get_mut(at) {
            *entry = entry.clone().with_reason(&Reason::sip(status));
        }
    }

    /// The entries that the request to the target at `at` carries: what came with the request, targets that have failed,
    /// and itself.
    pub(super) fn up_to(&self, at: usize) -> Self {
        let entries = self.entries.iter().enumerate();
        let told = entries.filter(|(place, entry)| {
            *place < self.inherited || *place == at || (*place < at && !entry.reasons().is_empty())
        });
        Self {
            entries: told.map(|(_, entry)| entry.clone()).collect(),
            ..Self::default()
        }
    }

    /// Writes the entries into a request.
    pub(super) fn write(&self, request: &mut Request) {
        let headers = request.headers_mut();
        headers.remove(&HeaderName::HistoryInfo);
        for entry in &self.entries {
            headers.push_typed(entry);
        }
    }
}
