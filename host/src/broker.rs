//! Every byte that leaves for a remote system.
//!
//! It never touches the store and knows no channels: what a channel may do
//! comes to it as a [`Scope`], what a step may still use as a [`Meter`], what
//! the operator allows as a [`Config`].
//!
//! A [`Request`] passes a fixed list of stages, which `send` reads as: bounds
//! and headers, egress decision, circuit breaker, throttle, credential,
//! connection, redirects, classes of failure, retries. What is known of an origin
//! is shared by all gateways, as [`Origins`]. Only the egress decision can make the value that the
//! client accepts, so that no later change can send past it.

mod addresses;
mod auth;
mod body;
mod breaker;
mod bucket;
mod budget;
mod cassette;
mod classify;
mod client;
mod coding;
mod config;
mod draft;
mod egress;
mod fingerprint;
mod gate;
mod gateway;
mod headers;
mod marks;
mod meter;
mod oauth;
mod origin;
mod origins;
mod path;
mod peer;
mod places;
mod rate;
mod redirect;
mod request;
mod resolver;
mod retry;
mod rules;
mod scope;
mod send;
mod snippet;
mod throttle;
mod tls;

#[cfg(test)]
mod tests;

pub use body::Body;
pub use breaker::{Config as BreakerConfig, NoShare, Share};
pub use cassette::{Answered, Asked, End, Exchange, Got, Player, Recording, Tape};
pub use config::Config;
pub use gateway::{Broker, Gateway, Reach};
pub use meter::{Allowance, Meter, Used};
pub use oauth::{
    Asking, Callback, Client as OAuthClient, Granted, INVALID_GRANT, Nonce, Provider, Returned, Sending,
    Tokens, same,
};
pub use origin::OriginPattern;
pub use origins::{Keeper, Origins};
pub use request::{Method, Request, Response, Streamed};
pub use resolver::{Lookup, SystemLookup};
pub use scope::{Credential, Scope};
pub use tls::trust;
