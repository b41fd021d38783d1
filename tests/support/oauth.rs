//! A fake provider of OAuth 2.0 with a small API behind it: a to-do list of made-up tasks.
//!
//! It is written from the standards, and from no client: RFC 6749 (codes, refresh, client
//! authentication), RFC 7636 (PKCE, S256 alone), RFC 7009 (revocation), RFC 9207 (`iss`), RFC
//! 9700 (exact redirect URIs, rotation, the end of a whole family of tokens when a used one
//! comes again). Where they leave a choice it does what makes a careless client fail.
//!
//! Whoever opens the authorization page is a person who lets the client in at once, unless he
//! was told to refuse.

mod api;
mod authorize;
mod control;
mod family;
mod handle;
mod provider;
mod token;

pub use handle::{Builder, OAuth};
pub use provider::Counts;

/// The client that is registered.
pub const CLIENT_ID: &str = "tidegate-test";
/// Its secret, with characters that have to be encoded.
pub const CLIENT_SECRET: &str = "fake+client/secret&1";
