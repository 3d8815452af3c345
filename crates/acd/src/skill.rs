use smallvec::SmallVec;

/// The number of a skill, as the embedder counts them: a language, a product, a certificate.
///
/// ```
/// use acd::{SkillId, Skills};
///
/// const PERSIAN: SkillId = SkillId(7);
/// let mut anna = Skills::new();
/// anna.set(PERSIAN, 5);
/// assert_eq!(anna.level(PERSIAN), Some(5));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SkillId(pub u16);

/// Skills with their levels: what an agent can do, or what a contact needs. A higher level is a better one; the
/// scale is the embedder's (1 to 5 is usual).
///
/// ```
/// use acd::{SkillId, Skills};
///
/// let (persian, billing) = (SkillId(1), SkillId(2));
/// let agent = Skills::from([(persian, 5), (billing, 2)]);
/// assert!(agent.meet(&Skills::from([(persian, 3)])));
/// assert!(!agent.meet(&Skills::from([(persian, 3), (billing, 3)])));
/// assert_eq!(agent.level(billing), Some(2));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Skills(SmallVec<[(SkillId, u8); 4]>);

impl Skills {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The level of a skill that is there.
    #[must_use]
    pub fn level(&self, skill: SkillId) -> Option<u8> {
        let at = self.0.binary_search_by_key(&skill, |(skill, _)| *skill).ok()?;
        self.0.get(at).map(|(_, level)| *level)
    }

    /// Adds a skill, or changes its level.
    pub fn set(&mut self, skill: SkillId, level: u8) {
        match self.0.binary_search_by_key(&skill, |(skill, _)| *skill) {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = level;
                }
            }
            Err(at) => self.0.insert(at, (skill, level)),
        }
    }

    /// Takes a skill away; whether it was there.
    pub fn remove(&mut self, skill: SkillId) -> bool {
        let found = self.0.binary_search_by_key(&skill, |(skill, _)| *skill);
        found.map(|at| self.0.remove(at)).is_ok()
    }

    /// Whether each of the `needed` skills is here at the needed level or a higher one.
    #[must_use]
    pub fn meet(&self, needed: &Skills) -> bool {
        needed
            .iter()
            .all(|(skill, least)| self.level(skill).is_some_and(|level| level >= least))
    }

    /// How good an agent with these skills is at what is `needed`: the sum of his levels in it.
    #[must_use]
    pub fn score(&self, needed: &Skills) -> u32 {
        needed
            .iter()
            .filter_map(|(skill, _)| self.level(skill))
            .map(u32::from)
            .sum()
    }

    /// The skills with their levels, by number.
    pub fn iter(&self) -> impl Iterator<Item = (SkillId, u8)> {
        self.0.iter().copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of a skill that is named twice, the last level counts.
impl FromIterator<(SkillId, u8)> for Skills {
    fn from_iter<I: IntoIterator<Item = (SkillId, u8)>>(skills: I) -> Self {
        let mut all = Self::new();
        for (skill, level) in skills {
            all.set(skill, level);
        }
        all
    }
}

/// Of a skill that is there already, the level becomes the new one.
impl Extend<(SkillId, u8)> for Skills {
    fn extend<I: IntoIterator<Item = (SkillId, u8)>>(&mut self, skills: I) {
        for (skill, level) in skills {
            self.set(skill, level);
        }
    }
}

impl<const N: usize> From<[(SkillId, u8); N]> for Skills {
    fn from(skills: [(SkillId, u8); N]) -> Self {
        skills.into_iter().collect()
    }
}
