use super::*;

fn what(text: &str) -> Option<&'static str> {
    special(text.parse().unwrap())
}

#[test]
fn addresses_of_the_public_internet_are_nothing_special() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2000::1",
        "2001:200::1",
        "2606:4700::1111",
        "2a00::1",
        "3fff:1000::1",
    ] {
        assert_eq!(what(text), None, "{text}");
    }
}

#[test]
fn all_others_are_named() {
    for (text, name) in [
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("10.1.2.3", "private"),
        ("100.64.0.1", "carrier"),
        ("100.127.255.255", "carrier"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("169.254.1.1", "link-local"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.0.0.1", "reserved"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "6to4"),
        ("192.168.0.1", "private"),
        ("198.18.0.1", "benchmarks"),
        ("198.19.255.255", "benchmarks"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "IPv4-mapped"),
        ("::ffff:8.8.8.8", "IPv4-mapped"),
        ("::8.8.8.8", "IPv4-compatible"),
        ("64:ff9b::7f00:1", "NAT64"),
        ("64:ff9b:1::1", "NAT64"),
        ("100::1", "reserved"),
        ("2001::1", "Teredo"),
        ("2001:10::1", "reserved"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "6to4"),
        ("3fff::1", "documentation"),
        ("4000::1", "reserved"),
        ("5f00::1", "reserved"),
        ("fc00::1", "private"),
        ("fd12::1", "private"),
        ("fe80::1", "link-local"),
        ("febf::1", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
        ("169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("::ffff:169.254.169.254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
    ] {
        let found = what(text).unwrap_or("public");
        assert!(found.contains(name), "{text} is {found} and not {name}");
    }
}

#[test]
fn a_network_grants_its_addresses_and_no_other_spelling_of_them() {
    let grants = |network: &str, address: &str| {
        let network: Network = network.parse().unwrap();
        network.grants(address.parse().unwrap())
    };
    assert!(grants("127.0.0.1/32", "127.0.0.1"));
    assert!(grants("127.0.0.1", "127.0.0.1"));
    assert!(!grants("127.0.0.1/32", "127.0.0.2"));
    assert!(grants("127.0.0.1/8", "127.9.9.9"), "a host in a block");
    assert!(!grants("127.0.0.0/8", "::ffff:127.0.0.1"));
    assert!(grants("::ffff:127.0.0.1/128", "::ffff:127.0.0.1"));
    assert!(grants("fd00::/8", "fd12::1"));
}

#[test]
fn the_metadata_service_is_granted_by_its_own_address_alone() {
    let address = "169.254.169.254".parse().unwrap();
    let grants = |text: &str| text.parse::<Network>().unwrap().grants(address);
    assert!(!grants("169.254.0.0/16"));
    assert!(!grants("0.0.0.0/0"));
    assert!(grants("169.254.169.254/32"));
}

#[test]
fn what_is_no_block_is_refused() {
    for bad in ["", "localhost", "127.0.0.1/33", "127.0.0.1:80", "10/8"] {
        let error = bad.parse::<Network>().unwrap_err();
        assert!(error.contains(&format!("`{bad}`")), "{error}");
    }
}
