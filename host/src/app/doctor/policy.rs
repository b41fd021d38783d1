//! What the configuration opens further than is wise.

use crate::{api::view::Check, config::Config};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// Where clouds hand out their machines' credentials.
const METADATA_SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// Every setting that somebody should look at.
pub(super) fn check(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(config.broker.allow_addresses.iter().filter_map(range));
    if config.broker.allow_plain_http {
        checks.push(Check::warn(
            "configuration",
            "[broker] allow-plain-http: credentials and records may travel unencrypted",
            "leave it out, unless every channel stays on this machine",
        ));
    }
    checks
}

fn range(range: &IpNet) -> Option<Check> {
    let warn = |what: &str, advice: &str| {
        Some(Check::warn("configuration", format!("[broker] allow-addresses: {range} {what}"), advice))
    };
    let is_wide = range.prefix_len() < if range.addr().is_ipv4() { 8 } else { 16 };
    if is_wide {
        warn("opens most of all addresses, private ones included", "name the ranges that channels need")
    } else if range.contains(&METADATA_SERVICE) {
        warn(
            "reaches the cloud's metadata service, which hands out credentials",
            "leave 169.254.169.254 out of it",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_ranges_and_the_metadata_service_are_told() {
        for (text, is_told) in [
            ("127.0.0.0/8", false),
            ("10.1.2.0/24", false),
            ("0.0.0.0/0", true),
            ("128.0.0.0/1", true),
            ("::/0", true),
            ("fd00::/16", false),
            ("169.254.0.0/16", true),
            ("169.254.169.254/32", true),
        ] {
            assert_eq!(range(&text.parse().expect(text)).is_some(), is_told, "{text}");
        }
    }

    #[test]
    fn the_defaults_are_wise() {
        assert_eq!(check(&Config::default()), []);
    }
}
