//! Which network addresses channels may reach.
//!
//! Public ones, and what the operator granted. It judges one address at a time
//! and resolves nothing.

use crate::model::{Class, Failure};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The operator's grants over the fixed table of special ranges.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    granted: Vec<IpNet>,
}

/// An address that is not public, and not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Special {
    address: IpAddr,
    range: IpNet,
    name: &'static str,
}

impl Addresses {
    pub(super) fn new(granted: Vec<IpNet>) -> Self {
        Self { granted }
    }

    /// Passes addresses that anybody on the internet may have, and granted ones.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Special> {
        // The system dials `::ffff:10.0.0.1` as 10.0.0.1: so it is judged as that.
        let canonical = address.to_canonical();
        let granted = |address| self.granted.iter().any(|range| range.contains(&address));
        match special(canonical) {
            Some((range, name)) if !granted(canonical) => Err(Special { address, range, name }),
            _ => Ok(()),
        }
    }

    /// The failure for a host that has no other address, with the line of
    /// configuration that would allow it.
    pub(super) fn denied(&self, host: &str, special: Special) -> Failure {
        let Special { address, range, name } = special;
        let granted = self.granted.iter().copied().chain([special.grant()]);
        let line = granted.map(|range| format!("\"{range}\"")).collect::<Vec<_>>().join(", ");
        let message = format!(
            "{host} is at {address}, in a range that channels may not reach ({name}, {range}); \
             to allow it, put allow-addresses = [{line}] under [broker] in the configuration"
        );
        Failure::new(Class::Denied, "egress.address", message)
    }
}

impl Special {
    /// The range to grant: networks of one's own as a whole, of all else, such as
    /// the metadata service of a cloud, the single address.
    fn grant(self) -> IpNet {
        match self.name {
            LOOPBACK | PRIVATE | SHARED | UNIQUE_LOCAL => self.range,
            _ => IpNet::from(self.address.to_canonical()),
        }
    }
}

const LOOPBACK: &str = "loopback";
const PRIVATE: &str = "private network";
const SHARED: &str = "shared by a carrier's customers";
const UNIQUE_LOCAL: &str = "unique local";
const DOCUMENTATION: &str = "documentation";
const RELAY: &str = "relays and sinks of the internet's own";

/// IANA's IPv4 special-purpose registry, multicast and class E, and the one
/// address beyond them that a cloud answers on from inside.
const SPECIAL_V4: [(Ipv4Net, &str); 20] = [
    (v4(0, 0, 0, 0, 8), "unspecified, this network"),
    (v4(10, 0, 0, 0, 8), PRIVATE),
    (v4(100, 64, 0, 0, 10), SHARED),
    (v4(127, 0, 0, 0, 8), LOOPBACK),
    (v4(168, 63, 129, 16, 32), "Azure's platform service"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), PRIVATE),
    (v4(192, 0, 0, 0, 24), "protocol assignments"),
    (v4(192, 0, 2, 0, 24), DOCUMENTATION),
    (v4(192, 31, 196, 0, 24), RELAY),
    (v4(192, 52, 193, 0, 24), RELAY),
    (v4(192, 88, 99, 0, 24), RELAY),
    (v4(192, 168, 0, 0, 16), PRIVATE),
    (v4(192, 175, 48, 0, 24), RELAY),
    (v4(198, 18, 0, 0, 15), "benchmarks"),
    (v4(198, 51, 100, 0, 24), DOCUMENTATION),
    (v4(203, 0, 113, 0, 24), DOCUMENTATION),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// Names for the IPv6 ranges; the first that fits is taken.
const SPECIAL_V6: [(Ipv6Net, &str); 19] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), LOOPBACK),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), "IPv4-compatible"),
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), "IPv4-mapped"),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), "IPv4-translated"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "local NAT64"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "discard"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "Teredo"),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), "benchmarks"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "protocol assignments"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), DOCUMENTATION),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "6to4"),
    (v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), RELAY),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), DOCUMENTATION),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "segment routing"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), UNIQUE_LOCAL),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
];

/// All that is assigned to the internet at large. What lies outside is special,
/// whether it has a name in the table or not.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Networks with IPv6 only reach the IPv4 internet through this range, so it is
/// as public as the IPv4 address that it carries.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), prefix)
}

fn special(address: IpAddr) -> Option<(IpNet, &'static str)> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<(IpNet, &'static str)> {
    let found = SPECIAL_V4.iter().find(|(range, _)| range.contains(&address));
    found.map(|(range, name)| (IpNet::V4(*range), *name))
}

fn special_v6(address: Ipv6Addr) -> Option<(IpNet, &'static str)> {
    if NAT64.contains(&address) {
        let [.., a, b, c, d] = address.octets();
        let carried = special_v4(Ipv4Addr::new(a, b, c, d));
        return carried.map(|_| (IpNet::V6(NAT64), "NAT64 of a special address"));
    }
    let found = SPECIAL_V6.iter().find(|(range, _)| range.contains(&address));
    match found {
        Some((range, name)) => Some((IpNet::V6(*range), *name)),
        None if GLOBAL_V6.contains(&address) => None,
        None => Some((IpNet::from(IpAddr::V6(address)), "not assigned to the internet")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(granted: &[&str]) -> Addresses {
        Addresses::new(granted.iter().map(|range| range.parse().expect("a range")).collect())
    }

    /// Refused without a grant, passed with a grant of exactly this address.
    #[track_caller]
    fn refused(text: &str, name: &str) {
        let address: IpAddr = text.parse().expect(text);
        let special = addresses(&[]).check(address).expect_err(text);
        assert_eq!(special.name, name, "{text}");
        let grant = IpNet::from(address.to_canonical()).to_string();
        assert_eq!(addresses(&[&grant]).check(address), Ok(()), "{text}");
    }

    #[track_caller]
    fn passed(text: &str) {
        assert_eq!(addresses(&[]).check(text.parse().expect(text)), Ok(()), "{text}");
    }

    #[test]
    fn special_ipv4_ranges_are_refused_from_their_first_to_their_last_address() {
        for (first, last, name) in [
            ("0.0.0.0", "0.255.255.255", "unspecified, this network"),
            ("10.0.0.0", "10.255.255.255", PRIVATE),
            ("100.64.0.0", "100.127.255.255", SHARED),
            ("127.0.0.0", "127.255.255.255", LOOPBACK),
            ("168.63.129.16", "168.63.129.16", "Azure's platform service"),
            ("169.254.0.0", "169.254.255.255", "link-local"),
            ("172.16.0.0", "172.31.255.255", PRIVATE),
            ("192.0.0.0", "192.0.0.255", "protocol assignments"),
            ("192.0.2.0", "192.0.2.255", DOCUMENTATION),
            ("192.31.196.0", "192.31.196.255", RELAY),
            ("192.52.193.0", "192.52.193.255", RELAY),
            ("192.88.99.0", "192.88.99.255", RELAY),
            ("192.168.0.0", "192.168.255.255", PRIVATE),
            ("192.175.48.0", "192.175.48.255", RELAY),
            ("198.18.0.0", "198.19.255.255", "benchmarks"),
            ("198.51.100.0", "198.51.100.255", DOCUMENTATION),
            ("203.0.113.0", "203.0.113.255", DOCUMENTATION),
            ("224.0.0.0", "239.255.255.255", "multicast"),
            ("240.0.0.0", "255.255.255.254", "reserved"),
            ("255.255.255.255", "255.255.255.255", "broadcast"),
        ] {
            refused(first, name);
            refused(last, name);
        }
    }

    #[test]
    fn neighbours_of_special_ipv4_ranges_are_public() {
        for address in [
            "1.0.0.0",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.114.0",
            "223.255.255.255",
        ] {
            passed(address);
        }
    }

    #[test]
    fn special_ipv6_ranges_are_refused() {
        for (address, name) in [
            ("::", "unspecified"),
            ("::1", LOOPBACK),
            ("::8.8.8.8", "IPv4-compatible"),
            ("::127.0.0.1", "IPv4-compatible"),
            ("::ffff:0:8.8.8.8", "IPv4-translated"),
            ("64:ff9b:1::8.8.8.8", "local NAT64"),
            ("64:ff9b::10.0.0.1", "NAT64 of a special address"),
            ("64:ff9b::169.254.169.254", "NAT64 of a special address"),
            ("64:ff9b::7f00:1", "NAT64 of a special address"),
            ("100::1", "discard"),
            ("2001::1", "Teredo"),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"),
            ("2001:2::1", "benchmarks"),
            ("2001:10::1", "protocol assignments"),
            ("2001:20::1", "protocol assignments"),
            ("2001:1ff:ffff::1", "protocol assignments"),
            ("2001:db8::1", DOCUMENTATION),
            ("2002:0a00:0001::", "6to4"),
            ("2002:7f00:0001::1", "6to4"),
            ("2002:0808:0808::1", "6to4"),
            ("2620:4f:8000::1", RELAY),
            ("3fff:fff::1", DOCUMENTATION),
            ("5f00::1", "segment routing"),
            ("fc00::1", UNIQUE_LOCAL),
            ("fd00:ec2::254", UNIQUE_LOCAL),
            ("fdff:ffff::1", UNIQUE_LOCAL),
            ("fe80::1", "link-local"),
            ("febf::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("4000::1", "not assigned to the internet"),
            ("200::1", "not assigned to the internet"),
        ] {
            refused(address, name);
        }
    }

    #[test]
    fn mapped_ipv4_is_judged_as_the_ipv4_address() {
        refused("::ffff:127.0.0.1", LOOPBACK);
        refused("::ffff:a00:1", PRIVATE);
        refused("::ffff:169.254.169.254", "link-local");
        passed("::ffff:8.8.8.8");
    }

    #[test]
    fn public_ipv6_is_passed() {
        for address in
            ["2600::1", "2a00:1450:4001::1", "2001:4860:4860::8888", "2001:200::1", "64:ff9b::8.8.8.8"]
        {
            passed(address);
        }
    }

    #[test]
    fn grant_covers_its_range_and_no_more() {
        let granted = addresses(&["10.0.0.0/8", "fd00::/8"]);
        for (address, allowed) in [
            ("10.200.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("fd12::1", true),
            ("fc12::1", false),
            ("11.0.0.1", true),
            ("127.0.0.1", false),
            ("192.168.0.1", false),
            // A tunnel to a granted address is not the granted address.
            ("2002:0a00:0001::1", false),
            ("64:ff9b::10.0.0.1", false),
            ("::10.0.0.1", false),
        ] {
            assert_eq!(granted.check(address.parse().expect(address)).is_ok(), allowed, "{address}");
        }
    }

    #[test]
    fn denial_names_host_and_address_and_the_line_that_allows_it() {
        #[track_caller]
        fn check(granted: &[&str], address: &str, parts: &[&str]) {
            let addresses = addresses(granted);
            let special = addresses.check(address.parse().expect(address)).expect_err(address);
            let failure = addresses.denied("desk.example.com", special);
            assert_eq!((failure.class, failure.code.as_str()), (Class::Denied, "egress.address"));
            for part in parts.iter().chain(&["desk.example.com", address, "[broker]"]) {
                assert!(failure.message.contains(part), "{part}: {}", failure.message);
            }
        }
        check(&[], "10.0.0.1", &["private network", "allow-addresses = [\"10.0.0.0/8\"]"]);
        check(&[], "127.0.0.1", &["loopback", "allow-addresses = [\"127.0.0.0/8\"]"]);
        check(&["127.0.0.0/8"], "fd00::1", &["allow-addresses = [\"127.0.0.0/8\", \"fc00::/7\"]"]);
        check(&[], "169.254.169.254", &["link-local", "allow-addresses = [\"169.254.169.254/32\"]"]);
        check(&[], "::ffff:10.0.0.1", &["allow-addresses = [\"10.0.0.0/8\"]"]);
        check(&[], "fe80::1", &["allow-addresses = [\"fe80::1/128\"]"]);
    }

    proptest::proptest! {
        #[test]
        fn every_ipv6_address_outside_global_unicast_is_refused(bits: u128) {
            let address = Ipv6Addr::from(bits);
            let allowed = addresses(&[]).check(IpAddr::V6(address)).is_ok();
            let may_be = GLOBAL_V6.contains(&address) || NAT64.contains(&address) || address.to_ipv4_mapped().is_some();
            proptest::prop_assert!(may_be || !allowed);
        }

        #[test]
        fn mapped_and_plain_ipv4_are_judged_alike(bits: u32) {
            let address = Ipv4Addr::from(bits);
            let plain = addresses(&[]).check(IpAddr::V4(address)).is_ok();
            let mapped = addresses(&[]).check(IpAddr::V6(address.to_ipv6_mapped())).is_ok();
            let nat64 = Ipv6Addr::from(u128::from(NAT64.addr()) | u128::from(bits));
            proptest::prop_assert_eq!(plain, mapped);
            proptest::prop_assert_eq!(plain, addresses(&[]).check(IpAddr::V6(nat64)).is_ok());
        }
    }
}
