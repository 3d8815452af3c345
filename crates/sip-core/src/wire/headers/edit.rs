//! Changes of a message's headers, which leave every other one as it came.

use super::field::{Field, OWN};
use super::{HeaderName, Headers};
use crate::header::TypedHeader;
use crate::wire::lexer::{split_item, trim};
use bytes::Bytes;

impl Headers {
    /// Adds a field at the end. Line ends in `value` become spaces, so that a value can never end its line.
    pub fn push(&mut self, name: HeaderName, value: impl Into<Bytes>) {
        let field = self.add(name, value.into());
        self.table.push(field);
    }

    /// Adds a field before all others.
    pub fn push_front(&mut self, name: HeaderName, value: impl Into<Bytes>) {
        let field = self.add(name, value.into());
        self.table.insert(0, field);
    }

    /// Replaces all fields `name` by one, in the place of the first, or at the end if there was none.
    pub fn set(&mut self, name: HeaderName, value: impl Into<Bytes>) {
        let Some(at) = self.position(&name) else {
            return self.push(name, value);
        };
        self.replace(at, name.clone(), value.into());
        self.remove_from(at + 1, &name);
    }

    /// Removes all fields `name`; whether there was one.
    pub fn remove(&mut self, name: &HeaderName) -> bool {
        self.position(name).is_some_and(|first| self.remove_from(first, name))
    }

    /// Removes the first item of the list header `name` and nothing else; whether there was one.
    pub fn pop_item(&mut self, name: &HeaderName) -> bool {
        let Some(at) = self.position(name) else {
            return false;
        };
        let Some(field) = self.table.get(at).copied() else {
            return false;
        };
        let value = self.bytes_of(&field);
        let (_, rest) = split_item(&value);
        let rest = value.slice_ref(trim(rest));
        if rest.is_empty() {
            self.table.remove(at);
            self.edited = true;
        } else {
            self.replace(at, name.clone(), rest);
        }
        true
    }

    /// Adds a typed field at the end.
    pub fn push_typed<H: TypedHeader>(&mut self, header: &H) {
        self.push(H::NAME, print(header));
    }

    /// Adds a typed field before all others.
    pub fn push_front_typed<H: TypedHeader>(&mut self, header: &H) {
        self.push_front(H::NAME, print(header));
    }

    /// Replaces all fields of the type by one.
    pub fn set_typed<H: TypedHeader>(&mut self, header: &H) {
        self.set(H::NAME, print(header));
    }

    fn remove_from(&mut self, from: usize, name: &HeaderName) -> bool {
        let mut table = core::mem::take(&mut self.table);
        let before = table.len();
        let id = name.id();
        let mut at = 0;
        table.retain(|field| {
            at += 1;
            at <= from || !self.is_named(field, id, name)
        });
        let removed = table.len() != before;
        self.table = table;
        self.edited |= removed;
        removed
    }

    fn add(&mut self, name: HeaderName, value: Bytes) -> Field {
        self.edited = true;
        let index = u32::try_from(self.own.len()).unwrap_or(u32::MAX);
        let id = name.id();
        self.own.push((name, sanitise(value)));
        Field {
            start: index,
            value: 0,
            value_end: 0,
            end: 0,
            name_len: OWN,
            id,
            clean: false,
        }
    }

    /// Puts another value in the place of the field at `at`.
    fn replace(&mut self, at: usize, name: HeaderName, value: Bytes) {
        let own = self
            .table
            .get(at)
            .filter(|field| field.name_len == OWN)
            .map(|field| field.start as usize);
        if let Some(slot) = own.and_then(|index| self.own.get_mut(index)) {
            *slot = (name, sanitise(value));
            self.edited = true;
            return;
        }
        let field = self.add(name, value);
        if let Some(slot) = self.table.get_mut(at) {
            *slot = field;
        }
    }
}

fn print<H: TypedHeader>(header: &H) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = header.write(&mut text);
    text
}

/// A value that stays on its line.
fn sanitise(value: Bytes) -> Bytes {
    let trimmed = trim(&value);
    if memchr::memchr2(b'\r', b'\n', trimmed).is_none() {
        return if trimmed.len() == value.len() {
            value
        } else {
            value.slice_ref(trimmed)
        };
    }
    trimmed
        .iter()
        .map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte })
        .collect()
}
