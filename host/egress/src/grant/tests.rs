use super::*;

fn grants(text: &str) -> Vec<HttpGrant> {
    vec![toml::from_str(text).unwrap()]
}

fn target(url: &str) -> Target {
    Target::parse(url).unwrap().1
}

#[test]
fn nothing_is_granted_by_default_and_the_denial_names_the_line() {
    let target = target("https://api.example/v1?q");
    let denial = Allowed::find("demo", &[], &target, "GET").unwrap_err();
    let line = r#"[[plugins.demo.grants.http]] hosts = ["https://api.example"]"#;
    assert!(denial.contains(line), "{denial}");
    // What the denial names is what allows it.
    let granted = grants(r#"hosts = ["https://api.example"]"#);
    assert!(Allowed::find("demo", &granted, &target, "GET").is_ok());
}

#[test]
fn a_method_that_is_not_listed_is_denied() {
    let target = target("https://api.example");
    let granted = grants("hosts = [\"api.example\"]\nmethods = [\"GET\"]");
    assert!(Allowed::find("demo", &granted, &target, "GET").is_ok());
    let denial = Allowed::find("demo", &granted, &target, "POST").unwrap_err();
    assert!(denial.contains(r#"add "POST" to `methods`"#), "{denial}");
}

#[test]
fn an_address_that_is_not_public_needs_an_entry_of_its_own() {
    let target = target("http://localhost:9515");
    let granted = grants("hosts = [\"localhost\"]\naddresses = [\"127.0.0.1/32\"]");
    let allowed = Allowed::find("demo", &granted, &target, "GET").unwrap();
    assert!(allowed.address("127.0.0.1".parse().unwrap()).is_ok());
    assert!(allowed.address("1.1.1.1".parse().unwrap()).is_ok());
    let denial = allowed.address("::1".parse().unwrap()).unwrap_err();
    assert!(denial.contains("loopback"), "{denial}");
    assert!(
        denial.contains("add \"::1/128\" to `addresses`"),
        "{denial}"
    );
}

#[test]
fn the_entry_of_one_host_is_not_that_of_another() {
    let mut granted = grants("hosts = [\"a.example\"]\naddresses = [\"10.0.0.0/8\"]");
    granted.extend(grants("hosts = [\"b.example\"]\nsecrets = [\"KEY\"]"));
    let (a, b) = (target("https://a.example"), target("https://b.example"));
    let key = "KEY".parse().unwrap();
    let on_a = Allowed::find("demo", &granted, &a, "GET").unwrap();
    let on_b = Allowed::find("demo", &granted, &b, "GET").unwrap();
    let private = "10.0.0.1".parse().unwrap();
    assert!(on_a.address(private).is_ok() && on_b.address(private).is_err());
    assert!(on_b.secret(&key).is_ok());
    let denial = on_a.secret(&key).unwrap_err();
    assert!(denial.contains("add \"KEY\" to `secrets`"), "{denial}");
}

#[test]
fn a_secret_goes_without_tls_only_where_the_host_is_granted_as_http() {
    let key = "KEY".parse().unwrap();
    let plain = target("http://a.example:81");
    let granted = grants("hosts = [\"a.example\"]\nsecrets = [\"KEY\"]");
    let allowed = Allowed::find("demo", &granted, &plain, "GET").unwrap();
    let denial = allowed.secret(&key).unwrap_err();
    assert!(denial.contains("\"http://a.example:81\""), "{denial}");
    let granted = grants("hosts = [\"http://a.example:81\"]\nsecrets = [\"KEY\"]");
    let allowed = Allowed::find("demo", &granted, &plain, "GET").unwrap();
    assert!(allowed.secret(&key).is_ok());
}

#[test]
fn an_unknown_key_is_an_error() {
    let read = |text: &str| toml::from_str::<HttpGrant>(text).unwrap_err().to_string();
    assert!(read("hosts = []\nadress = []").contains("adress"));
    assert!(read("hosts = [\"https://a/b\"]").contains("names no host"));
    assert!(read("hosts = []\naddresses = [\"x\"]").contains("no block"));
    assert!(read("hosts = []\nsecrets = [\"a b\"]").contains("no name"));
}
