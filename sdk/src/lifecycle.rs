//! Optional export: a say in what a person is about to do with a channel.

use crate::{
    Error, Json, Settings,
    bindings::{lifecycle as wit, types},
    export::Exported,
};
use serde::Deserialize;

/// Says whether a channel may be enabled, disabled or deleted.
///
/// ```
/// use tidegate_sdk::{Error, Lifecycle, lifecycle::{Question, Step}};
///
/// struct Mine;
///
/// impl Lifecycle for Mine {
///     fn may(question: &Question) -> Result<(), Error> {
///         let unsent = question.holdings()?.unsent();
///         if question.step == Step::Delete && unsent > 0 {
///             let words = format!("{unsent} changes are not sent yet: sync the channel first");
///             return Err(Error::conflict("mine.unsent", words));
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Lifecycle {
    /// Whether the step may be done. Pure: no transport, and the answer within a few seconds.
    ///
    /// # Errors
    /// A refusal. Its message is shown, so it says what stands in the way and what to do
    /// about it. A person can overrule it, except where a channel is to be enabled.
    fn may(question: &Question) -> Result<(), Error>;
}

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Runs are to be let start.
    Enable,
    /// Runs are to be kept from starting.
    Disable,
    /// The channel and everything that the host holds of it is to be removed.
    Delete,
}

/// What a person is about to do, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is about to be done.
    pub step: Step,
    /// The channel type of the channel.
    pub channel_type: String,
    /// The channel's settings. Where they no longer fit the form, as they are stored.
    pub settings: Settings,
    /// What the host holds of the channel; [`Question::holdings`] reads it.
    pub raw_holdings: Json,
}

impl Question {
    /// What the host holds of the channel.
    ///
    /// # Errors
    /// `invalid-data`: the host says it in another way than this version understands.
    pub fn holdings(&self) -> Result<Holdings, Error> {
        self.raw_holdings.read()
    }
}

/// What the host holds of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Holdings {
    /// Whether local changes are exported.
    pub two_way: bool,
    /// By connector, switched on or not.
    pub connectors: Vec<Held>,
}

impl Holdings {
    /// Local changes that the remote system has not got yet, of all connectors.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        self.connectors.iter().map(|held| held.unsent).sum()
    }
}

/// What the host holds of one connector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Held {
    /// Its name.
    pub connector: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Records.
    pub records: u64,
    /// Keys that wait to be fetched.
    pub due: u64,
    /// Records that were set aside with a reason.
    pub quarantined: u64,
    /// Local changes that the remote system has not got yet.
    pub unsent: u64,
}

impl From<wit::Step> for Step {
    fn from(step: wit::Step) -> Self {
        match step {
            wit::Step::Enable => Self::Enable,
            wit::Step::Disable => Self::Disable,
            wit::Step::Delete => Self::Delete,
        }
    }
}

impl<T: Lifecycle> wit::Guest for Exported<T> {
    fn may(question: wit::Question) -> Result<(), types::Error> {
        let question = Question {
            step: question.step.into(),
            channel_type: question.channel_type,
            settings: Settings::from_bytes(question.settings),
            raw_holdings: Json::from_bytes(question.holdings),
        };
        Ok(T::may(&question)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holdings_may_have_more_or_less_than_is_known() {
        let question = |holdings: &str| Question {
            step: Step::Delete,
            channel_type: "a".to_owned(),
            settings: Settings::from_bytes(b"{}".to_vec()),
            raw_holdings: Json::from_bytes(holdings.as_bytes().to_vec()),
        };
        let told = question(
            r#"{"two-way": true, "later": 1, "connectors": [
                {"connector": "ticket", "enabled": true, "records": 4, "due": 0, "quarantined": 1, "unsent": 2},
                {"connector": "user", "unsent": 3, "later": {}}
            ]}"#,
        );
        let holdings = told.holdings().unwrap();
        assert_eq!((holdings.two_way, holdings.unsent(), holdings.connectors[0].records), (true, 5, 4));
        assert_eq!(question("{}").holdings().unwrap(), Holdings::default());
        assert!(question("3").holdings().is_err());
    }
}
