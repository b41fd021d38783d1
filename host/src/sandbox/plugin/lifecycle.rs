//! The call in which a plugin has a say before something is done with a channel.

use super::{Plugin, not_exported};
use crate::{
    model::{Failure, LifecycleQuestion},
    sandbox::{
        convert,
        step::{Outcome, Step},
    },
};

impl Plugin {
    /// Asks whether a channel may be enabled, disabled or deleted. The inner result is the
    /// guest's word, the outer one tells whether it came to one. Cancel safe: dropping the
    /// future ends the guest.
    pub async fn may(&self, step: Step, question: LifecycleQuestion) -> Outcome<Result<(), Failure>> {
        let Some(indices) = self.0.indices.lifecycle.clone() else {
            return not_exported("lifecycle");
        };
        let question = convert::question(question);
        self.run(step, |store, instance| {
            Box::pin(async move {
                let guest = indices.load(&mut *store, &instance)?;
                let word = guest.call_may(store, &question).await?;
                Ok(Ok(word.map_err(convert::failure)))
            })
        })
        .await
    }
}
