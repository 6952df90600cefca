//! `[server]` and `[notify]`.

use super::*;

#[test]
fn what_protects_the_host_is_read() {
    let config = parse("[server]\nhosts = [\"a\", \"b\"]\ntls_own = true\nmax_clients = 9\n");
    assert_eq!(config.cover, Cover::Own);
    assert_eq!(config.names, ["a", "b"]);
    assert_eq!(config.max_clients, 9);
    let config = parse("[server]\nbehind_proxy = true\ntls_own = false\n");
    assert_eq!(config.cover, Cover::Proxy);
    let config = parse("[server]\ntls_cert = \"c.pem\"\ntls_key = \"~/k.pem\"\n");
    let files = Cover::Files {
        certificate: "/etc/h/c.pem".into(),
        key: "/home/u/k.pem".into(),
    };
    assert_eq!(config.cover, files);
    assert_eq!(parse("").cover, Cover::Loopback);
    assert_eq!(parse("").max_clients, MAX_CLIENTS);
}

#[test]
fn who_is_notified_is_read() {
    let config = parse("[notify]\nwebhook = \"https://h/x\"\ncommand = [\"say\", \"-v\"]\n");
    assert_eq!(config.notify.webhook.unwrap().path, "/x");
    assert_eq!(config.notify.command.unwrap(), ["say", "-v"]);
    let config = parse("");
    assert!(config.notify.webhook.is_none() && config.notify.command.is_none());
}

#[test]
fn what_cannot_protect_the_host_is_told_with_its_line() {
    for (text, expected) in [
        (
            "[server]\ntls_cert = \"a\"\n",
            "hostler.toml:2: `tls_cert` and `tls_key` belong together",
        ),
        (
            "[server]\ntls_own = true\nbehind_proxy = true\n",
            "hostler.toml:3: only one of",
        ),
        (
            "[server]\ntls_cert = \"a\"\ntls_key = \"b\"\ntls_own = true\n",
            "hostler.toml:4: only one of",
        ),
        (
            "[server]\nmax_clients = 0\n",
            "hostler.toml:2: `max_clients` is between 1 and 65536",
        ),
        (
            "[notify]\nwebhook = \"box\"\n",
            "hostler.toml:2: \"box\" is no address: it must begin with https://",
        ),
        (
            "[notify]\ncommand = []\n",
            "hostler.toml:2: `command` is a program and its arguments",
        ),
    ] {
        let message = refused(text);
        assert!(
            message.contains(expected),
            "{expected:?} is missing in {message}"
        );
    }
}
