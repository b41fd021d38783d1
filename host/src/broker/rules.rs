//! What the operator's configuration lets any channel reach.
//!
//! Pure: it judges a URL's origin. Which of the allowed origins a channel has
//! is the business of `egress`.

use super::{Config, OriginPattern, addresses::Addresses, origin};
use crate::model::{Class, Failure};
use std::net::IpAddr;
use url::{Host, Url};

/// The operator's rules, made once from the configuration.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    addresses: Addresses,
    allow_plain_http: bool,
    allow_origins: Vec<OriginPattern>,
}

/// Ports on which something else than HTTP listens, so that a request to them
/// can be taken for a command: the Fetch standard's list of bad ports, and 0.
const BAD_PORTS: [u16; 84] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514,
    515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723,
    2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 10081,
];

impl Rules {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            addresses: Addresses::new(config.allow_addresses.clone()),
            allow_plain_http: config.allow_plain_http,
            allow_origins: config.allow_origins.clone(),
        }
    }

    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Whether a channel may reach the URL's origin at all. Names are judged
    /// again by their addresses, when they are resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), Failure> {
        self.scheme_is_http(url)?;
        self.host_is_plain(url)?;
        self.address_is_allowed(url)?;
        self.transport_is_safe(url)?;
        self.port_is_for_http(url)?;
        self.origin_is_allowed(url)
    }

    /// Of the rules, those about encryption.
    pub(super) fn check_encryption(&self, url: &Url) -> Result<(), Failure> {
        self.scheme_is_http(url)?;
        self.host_is_plain(url)?;
        self.transport_is_safe(url)
    }

    fn scheme_is_http(&self, url: &Url) -> Result<(), Failure> {
        if matches!(url.scheme(), "http" | "https") {
            return Ok(());
        }
        denied("egress.scheme", format!("the scheme '{}' is not one of https and http", url.scheme()))
    }

    fn host_is_plain(&self, url: &Url) -> Result<(), Failure> {
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() {
            return denied("egress.origin", "the URL names no host");
        }
        if host.ends_with('.') {
            return denied("egress.origin", format!("the host '{host}' ends in a dot: write it without"));
        }
        if origin::has_user(url) {
            return denied(
                "egress.origin",
                format!("the URL of {host} has a user before the host: leave it out"),
            );
        }
        Ok(())
    }

    /// HTTP clients dial IP literals without asking the resolver. `Url` has
    /// already turned every spelling (`0x7f.1`, `2130706433`) into the address.
    fn address_is_allowed(&self, url: &Url) -> Result<(), Failure> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        let host = url.host_str().unwrap_or_default();
        self.addresses.check(address).map_err(|special| self.addresses.denied(host, special))
    }

    fn transport_is_safe(&self, url: &Url) -> Result<(), Failure> {
        if url.scheme() == "https" || self.allow_plain_http {
            return Ok(());
        }
        denied(
            "egress.plain-http",
            format!(
                "{} is not encrypted: use https, or put allow-plain-http = true under [broker] in the configuration",
                origin::text(url)
            ),
        )
    }

    fn port_is_for_http(&self, url: &Url) -> Result<(), Failure> {
        match url.port() {
            Some(port) if BAD_PORTS.contains(&port) => denied(
                "egress.port",
                format!("port {port} of {} is not one for HTTP", url.host_str().unwrap_or_default()),
            ),
            _ => Ok(()),
        }
    }

    fn origin_is_allowed(&self, url: &Url) -> Result<(), Failure> {
        if self.allow_origins.is_empty() || self.allow_origins.iter().any(|pattern| pattern.matches(url)) {
            return Ok(());
        }
        let origin = origin::text(url);
        denied(
            "egress.origin",
            format!(
                "{origin} is not among the origins that the operator allows: \
                 to allow it, add \"{origin}\" to allow-origins under [broker] in the configuration"
            ),
        )
    }
}

fn denied(code: &str, message: impl Into<String>) -> Result<(), Failure> {
    Err(Failure::new(Class::Denied, code, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Rules {
        Rules::new(&toml::from_str(text).expect("a configuration"))
    }

    #[track_caller]
    fn check(config: &str, url: &str, expected: Result<(), (&str, &str)>) {
        let outcome = rules(config).check(&Url::parse(url).expect(url));
        match (outcome, expected) {
            (Ok(()), Ok(())) => {}
            (Err(failure), Err((code, part))) => {
                assert_eq!(
                    (failure.class, failure.code.as_str()),
                    (Class::Denied, code),
                    "{url}: {}",
                    failure.message
                );
                assert!(failure.message.contains(part), "{url}: {}", failure.message);
            }
            (outcome, _) => panic!("{url}: {outcome:?}"),
        }
    }

    #[test]
    fn by_default_any_public_https_origin_passes() {
        for url in
            ["https://example.com", "https://example.com:8443/api", "https://8.8.8.8", "https://[2600::1]"]
        {
            check("", url, Ok(()));
        }
        check("", "http://example.com", Err(("egress.plain-http", "allow-plain-http = true")));
        check("", "ftp://example.com", Err(("egress.scheme", "'ftp'")));
        check("", "file:///etc/passwd", Err(("egress.scheme", "'file'")));
        check("", "https://user@example.com", Err(("egress.origin", "user before the host")));
        check("", "https://:pass@example.com", Err(("egress.origin", "user before the host")));
        check("", "https://example.com.", Err(("egress.origin", "ends in a dot")));
    }

    #[test]
    fn ip_literals_are_judged_in_every_spelling() {
        for url in [
            "https://127.0.0.1",
            "https://127.1",
            "https://0x7f.1",
            "https://0177.0.0.1",
            "https://2130706433",
            "https://0x7f000001",
            "https://127.0.0.1.",
            "https://１２７.0.0.1",
            "https://[::ffff:127.0.0.1]",
            "https://[::1]",
            "https://[0:0:0:0:0:0:0:1]",
            "https://0",
            "https://0.0.0.0",
            "https://[::]",
            "https://169.254.169.254",
            "https://2852039166",
            "https://[fd00:ec2::254]",
            "https://10.0.0.1:8443",
            "https://[64:ff9b::a00:1]",
            "https://[2002:a00:1::]",
        ] {
            check("", url, Err(("egress.address", "allow-addresses = [")));
        }
        check("allow-addresses = ['127.0.0.0/8']", "https://0x7f.1:8443", Ok(()));
        check(
            "allow-addresses = ['127.0.0.0/8']",
            "https://10.0.0.1",
            Err(("egress.address", "\"127.0.0.0/8\", \"10.0.0.0/8\"")),
        );
    }

    #[test]
    fn address_is_named_before_the_missing_encryption() {
        check("", "http://127.0.0.1:8080", Err(("egress.address", "127.0.0.1")));
        check(
            "allow-addresses = ['127.0.0.0/8']",
            "http://127.0.0.1:8080",
            Err(("egress.plain-http", "127.0.0.1:8080")),
        );
        check("allow-addresses = ['127.0.0.0/8']\nallow-plain-http = true", "http://127.0.0.1:8080", Ok(()));
    }

    #[test]
    fn ports_of_other_protocols_are_refused() {
        for port in [0, 22, 25, 110, 143, 587, 6667, 10080] {
            check("", &format!("https://example.com:{port}"), Err(("egress.port", &port.to_string())));
        }
    }

    #[test]
    fn allowed_origins_cut_down_what_channels_reach() {
        let config = "allow-origins = ['https://*.example.com', 'https://other.net:8443']";
        check(config, "https://acme.example.com/api", Ok(()));
        check(config, "https://other.net:8443", Ok(()));
        check(
            config,
            "https://other.net",
            Err(("egress.origin", "add \"https://other.net\" to allow-origins")),
        );
        check(config, "https://example.com", Err(("egress.origin", "https://example.com")));
        check(config, "https://acme.example.com.evil.net", Err(("egress.origin", "evil.net")));
    }
}
