//! What can happen in a sequence, and how it is drawn.

use super::model::{FIELDS, RecordId};
use fastrand::Rng;
use std::fmt;

/// Who is right about what both sides changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The remote system.
    RemoteWins,
    /// The local record.
    LocalWins,
    /// Whoever came last.
    NewestWins,
    /// A person.
    Manual,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::RemoteWins, Self::LocalWins, Self::NewestWins, Self::Manual];

    /// As the host calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RemoteWins => "remote-wins",
            Self::LocalWins => "local-wins",
            Self::NewestWins => "newest-wins",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One of the two places of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Local,
    Remote,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if *self == Self::Local { "local" } else { "remote" })
    }
}

/// How the remote system fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It does what it is asked, and its answer is lost: this many writes.
    LostAnswers(u64),
    /// The connection breaks before it has done anything: this many requests.
    Resets(u64),
    /// It answers 503: this many requests.
    Unavailable(u64),
    /// It asks for a second's rest.
    Throttled,
    /// It never answers one write, which it has done.
    Hang,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create(Side),
    /// A field, by its place in `FIELDS`.
    Edit(Side, RecordId, usize),
    Delete(Side, RecordId),
    /// A sync that is waited for, whatever comes of it.
    Sync,
    FullSync,
    /// A sync that is asked for, and nothing more.
    Nudge,
    /// A sync in which the host is killed after so many microseconds.
    Kill(u64),
    /// The host is stopped in an orderly way, and started.
    Restart,
    Trouble(Trouble),
    /// The remote system is well again.
    Well,
    /// From now on nothing runs until `Enable`: what both sides do now meets for certain.
    Disable,
    Enable,
    /// All is left to come to rest, and judged.
    Rest,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(side) => write!(f, "create {side}"),
            Self::Edit(side, id, field) => write!(f, "edit {side} {id} {}", FIELDS[*field].name),
            Self::Delete(side, id) => write!(f, "delete {side} {id}"),
            Self::Kill(after) => write!(f, "kill after {after} µs"),
            Self::Trouble(trouble) => write!(f, "trouble {trouble:?}"),
            other => write!(f, "{}", format!("{other:?}").to_lowercase()),
        }
    }
}

/// Draws the next step. `records` is how many there have been.
pub(super) fn draw(dice: &mut Rng, records: usize) -> Step {
    let side = if dice.bool() { Side::Local } else { Side::Remote };
    let id = RecordId(dice.usize(..records.max(1)));
    let field = dice.usize(..FIELDS.len());
    // Drawn in any case, so that sequences of one seed differ in what is left out only.
    let (amount, moment) = (dice.u64(1..=3), dice.u64(..150_000));
    match dice.u32(..100) {
        _ if records == 0 => Step::Create(side),
        0..10 => Step::Create(side),
        10..50 => Step::Edit(side, id, field),
        50..57 => Step::Delete(side, id),
        57..69 => Step::Sync,
        69..71 => Step::FullSync,
        71..75 => Step::Nudge,
        75..83 => Step::Kill(moment),
        83..84 => Step::Restart,
        84..92 => Step::Trouble(trouble(amount, moment)),
        92..94 => Step::Well,
        94..97 => Step::Disable,
        97..99 => Step::Enable,
        _ => Step::Rest,
    }
}

fn trouble(amount: u64, moment: u64) -> Trouble {
    match moment % 8 {
        0..=3 => Trouble::LostAnswers(amount),
        4 => Trouble::Resets(amount),
        5 => Trouble::Unavailable(amount),
        6 => Trouble::Throttled,
        _ => Trouble::Hang,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_steps_and_every_kind_of_them() {
        let draw_all = || {
            let mut dice = Rng::with_seed(7);
            (0..3_000).map(|_| draw(&mut dice, 4)).collect::<Vec<_>>()
        };
        let steps = draw_all();
        assert_eq!(steps, draw_all());
        let kinds = [
            "create local",
            "create remote",
            "edit local",
            "edit remote",
            "delete local",
            "delete remote",
            "sync",
            "fullsync",
            "nudge",
            "kill",
            "restart",
            "trouble LostAnswers",
            "trouble Resets",
            "trouble Unavailable",
            "trouble Throttled",
            "trouble Hang",
            "well",
            "disable",
            "enable",
            "rest",
        ];
        for kind in kinds {
            assert!(steps.iter().any(|step| step.to_string().starts_with(kind)), "{kind}");
        }
        assert!(matches!(draw(&mut Rng::with_seed(1), 0), Step::Create(_)), "there is nothing to edit");
    }
}
