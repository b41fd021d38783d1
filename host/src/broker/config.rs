//! What the operator sets.
//!
//! Plain values with their defaults; the rules that follow from them stand in
//! `rules`, `addresses` and `retry`.

use super::{OriginPattern, breaker};
use crate::model::{Size, Span};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[broker]` of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Special address ranges that channels may reach all the same, such as
    /// `"10.0.0.0/8"`. Empty by default: public addresses only.
    pub allow_addresses: Vec<IpNet>,
    /// Whether channels may use `http://`. False by default.
    pub allow_plain_http: bool,
    /// The only origins that channels may reach, such as
    /// `"https://*.example.com"` or `"https://example.com:8443"`. Empty by
    /// default: whatever the settings of a channel name.
    pub allow_origins: Vec<OriginPattern>,
    /// PEM file with certificates that are trusted beside those of the system.
    /// None by default. Read when the first `https` gateway is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The longest time for finding the address, connecting and the TLS
    /// handshake together. 10 s by default.
    pub connect_timeout: Span,
    /// The longest silence: until the head of the answer has come, and between
    /// two pieces of its body. 30 s by default.
    pub read_timeout: Span,
    /// The longest time for one attempt, redirects and the whole body included;
    /// a streamed body is not bound by it. 60 s by default.
    pub total_timeout: Span,
    /// The largest body of a request. 16 MiB by default.
    pub request_bytes: Size,
    /// The largest body of a response, decompressed. 16 MiB by default.
    pub response_bytes: Size,
    /// The largest body of a compressed response as it comes over the wire.
    /// 16 MiB by default.
    pub compressed_bytes: Size,
    /// How many redirects are followed. 5 by default, 0 to 255.
    pub redirects: u8,
    /// How often a request is sent at most, the first time included. 2 by
    /// default: one quick retry, because longer patience is the run's, which holds
    /// no worker; 0 means 1.
    pub attempts: u8,
    /// The backoff before the second attempt at its longest; it doubles from
    /// one attempt to the next. 500 ms by default.
    pub backoff_base: Span,
    /// The longest backoff. 30 s by default.
    pub backoff_max: Span,
    /// The longest that a remote can ask to be left alone and still be waited for;
    /// what asks for more fails at once. 10 s by default.
    pub retry_after_max: Span,
    /// When an origin that fails is left alone.
    pub breaker: breaker::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow_addresses: Vec::new(),
            allow_plain_http: false,
            allow_origins: Vec::new(),
            ca_file: None,
            connect_timeout: Span::secs(10),
            read_timeout: Span::secs(30),
            total_timeout: Span::secs(60),
            request_bytes: Size::mib(16),
            response_bytes: Size::mib(16),
            compressed_bytes: Size::mib(16),
            redirects: 5,
            attempts: 2,
            backoff_base: Span::millis(500),
            backoff_max: Span::secs(30),
            retry_after_max: Span::secs(10),
            breaker: breaker::Config::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kebab_case_and_unknown_ones_are_refused() {
        let config: Config = toml::from_str(
            "allow-addresses = ['127.0.0.0/8', 'fd00::/8']\n\
             allow-plain-http = true\n\
             allow-origins = ['https://*.example.com']\n\
             read-timeout = '5s'\n\
             response-bytes = '1MiB'\n\
             [breaker]\n\
             failures = 3\n\
             error-rate = 0.25",
        )
        .expect("valid");
        assert_eq!(config.allow_addresses.len(), 2);
        assert_eq!(config.read_timeout, Span::secs(5));
        assert_eq!(config.attempts, Config::default().attempts);
        assert_eq!((config.breaker.failures, config.breaker.pause), (3, Span::secs(15)));
        for wrong in [
            "allow-adresses = []",
            "allow-addresses = ['10.0.0.0/33']",
            "allow-origins = ['example.com']",
            "read-timeout = 5",
            "[breaker]\nerror-rate = 2",
            "[breaker]\nfailure = 3",
        ] {
            assert!(toml::from_str::<Config>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn defaults_survive_a_round_trip_through_the_file() {
        let text = toml::to_string(&Config::default()).expect("serialisable");
        assert_eq!(toml::from_str::<Config>(&text).expect("as written"), Config::default());
    }
}
