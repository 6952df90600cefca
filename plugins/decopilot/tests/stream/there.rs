//! Is the service there, and what is there to choose?

use hostler_decopilot::Decopilot;
use hostler_sdk::{
    Error, Readiness, Status, TierKind,
    testing::{Bench, Exchange, Script},
};
use serde_json::{Value, json};

use crate::stage::config;

const MODELS: &str = "https://deco.example/api/acme/decopilot/allowed-models";

fn probed(exchange: Exchange) -> Status {
    let bench = Bench::<Decopilot>::new().config(config());
    bench.outside(Script::new().then(exchange)).probe().unwrap()
}

fn models() -> Exchange {
    Exchange::new("GET", MODELS)
}

#[test]
fn a_service_that_takes_the_key_is_ready() {
    let script = Script::new().then(models().json(200, &json!({})));
    let mut bench = Bench::<Decopilot>::new()
        .config(config())
        .outside(script.clone());
    assert_eq!(bench.probe().unwrap().readiness, Readiness::Ready);
    let key = (
        "authorization".to_owned(),
        "Bearer {{secret:decopilot}}".to_owned(),
    );
    assert!(script.sent()[0].headers.contains(&key));
}

#[test]
fn a_key_that_is_refused_or_missing_is_no_login() {
    let status = probed(models().json(401, &json!({"error": "Unauthorized"})));
    assert_eq!(status.readiness, Readiness::NotLoggedIn);
    assert_eq!(status.fix.as_deref(), Some("hostler secret set decopilot"));
    let status = probed(models().fails(Error::other("there is no secret `decopilot`")));
    assert_eq!(status.readiness, Readiness::NotLoggedIn);
}

#[test]
fn a_service_that_is_away_or_wrong_is_broken() {
    let status = probed(models().fails(Error::other("connection refused")));
    assert_eq!(status.readiness, Readiness::Broken);
    assert!(
        status.detail.contains("https://deco.example"),
        "{}",
        status.detail
    );
    for code in [302, 404, 500] {
        let status = probed(models().json(code, &Value::Null));
        assert_eq!(status.readiness, Readiness::Broken, "{code}");
        assert!(status.detail.contains(&code.to_string()));
    }
}

#[test]
fn without_a_configuration_it_is_missing_and_says_what_to_write() {
    let status = Bench::<Decopilot>::new().probe().unwrap();
    assert_eq!(status.readiness, Readiness::Missing);
    assert!(status.detail.contains("base_url"));
    assert!(status.fix.unwrap().contains("[plugins.decopilot.config]"));
}

#[test]
fn what_is_not_granted_is_an_error() {
    let denied = Bench::<Decopilot>::new().config(config()).probe();
    assert!(matches!(denied, Err(Error::Denied(_))), "{denied:?}");
}

#[test]
fn it_is_a_service_with_three_tiers() {
    let choices = Bench::<Decopilot>::new().offer().unwrap();
    assert!(!choices.local);
    let tiers: Vec<_> = choices
        .tiers
        .iter()
        .map(|tier| (tier.kind, tier.model.as_str()))
        .collect();
    let expected = [
        (TierKind::Fast, "fast"),
        (TierKind::Smart, "smart"),
        (TierKind::Thinking, "thinking"),
    ];
    assert_eq!(tiers, expected);
    assert_eq!(choices.modes[0].id, "readonly");
}

#[test]
fn it_says_what_prompts_may_hold() {
    let description = Bench::<Decopilot>::new().describe();
    assert_eq!(description.title, "Decopilot");
    assert!(description.prompt.image && description.prompt.embedded_context);
    assert!(!description.prompt.audio);
}
