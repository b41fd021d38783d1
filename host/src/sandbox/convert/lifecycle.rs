//! What a plugin is asked before something is done with a channel.

use crate::{
    model::{LifecycleQuestion, LifecycleStep},
    sandbox::bindings::exports::tidegate::connect::lifecycle::{Question, Step},
};

/// The question as the guest gets it.
pub(in crate::sandbox) fn question(question: LifecycleQuestion) -> Question {
    let LifecycleQuestion { step, channel_type, settings, holdings } = question;
    Question {
        step: match step {
            LifecycleStep::Enable => Step::Enable,
            LifecycleStep::Disable => Step::Disable,
            LifecycleStep::Delete => Step::Delete,
        },
        channel_type: channel_type.to_string(),
        settings: settings.into(),
        holdings: holdings.into(),
    }
}
