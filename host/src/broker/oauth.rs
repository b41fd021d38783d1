//! OAuth 2.0 as it goes over the wire: what is asked of a provider and what its answers
//! mean (RFC 6749, 7009, 7636, 9207).
//!
//! It keeps no token and decides on no time: floors above hold grants. What is sent goes the
//! same way as every request, past the same rules.

mod answer;
mod authorize;
mod callback;
mod endpoint;
mod form;
mod provider;
mod random;

pub use answer::Granted;
pub use authorize::Sending;
pub use callback::{Callback, Returned};
pub use form::Asking;
pub use provider::{Client, Provider};
pub use random::{Nonce, same};

use crate::model::{Failure, Secret};
use futures_util::future::BoxFuture;
use std::fmt;

/// The code of a grant that the provider has ended, or never gave.
pub const INVALID_GRANT: &str = "oauth.invalid-grant";

/// Where a gateway has its access tokens from. They change while it is used.
pub trait Tokens: Send + Sync {
    /// A token that is thought to be valid. Many ask at the same time.
    fn current(&self) -> BoxFuture<'static, Result<Secret, Failure>>;

    /// Another one than that, which a remote system has just refused.
    fn instead_of(&self, refused: Secret) -> BoxFuture<'static, Result<Secret, Failure>>;

    /// The same for all tokens that follow from one another, and for no others. No secret.
    fn identity(&self) -> &str;

    /// What a person has to do where no token helps any more.
    fn way_out(&self) -> String;
}

impl fmt::Debug for dyn Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.identity())
    }
}
