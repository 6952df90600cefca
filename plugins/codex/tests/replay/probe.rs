//! Is Codex there?

use hostler_codex::Codex;
use hostler_sdk::{
    Error, Mode, Readiness, Result, Status, TierKind,
    process::{Exit, Output},
    testing::Bench,
};

fn printed(code: i32, stdout: &str, stderr: &str) -> Result<Output> {
    Ok(Output {
        exit: Exit::code(code),
        stdout: stdout.into(),
        stderr: stderr.into(),
    })
}

fn with_login(login: Result<Output>) -> Status {
    let version = printed(0, "codex-cli 0.169.0\n", "");
    let bench = Bench::<Codex>::new().program(&["codex", "--version"], version);
    bench
        .program(&["codex", "login", "status"], login)
        .probe()
        .unwrap()
}

#[test]
fn with_a_login_it_is_ready() {
    let status = with_login(printed(
        0,
        "",
        "WARNING: odd\nLogged in using an API key - sk-***\n",
    ));
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.version.as_deref(), Some("0.169.0"));
    assert_eq!(
        status.detail,
        "Codex 0.169.0: Logged in using an API key - sk-***"
    );
}

#[test]
fn without_a_login_it_says_what_to_run() {
    let status = with_login(printed(1, "", "Not logged in\n"));
    assert_eq!(status.readiness, Readiness::NotLoggedIn);
    assert_eq!(status.fix.as_deref(), Some("codex login"));
}

#[test]
fn a_broken_configuration_is_told_in_its_own_words() {
    let status = with_login(printed(
        1,
        "",
        "Error loading configuration: config.toml:1:16: unclosed array\n",
    ));
    assert_eq!(status.readiness, Readiness::Broken);
    assert!(
        status.detail.contains("config.toml:1:16"),
        "{}",
        status.detail
    );
}

#[test]
fn without_the_program_it_is_missing() {
    let status = Bench::<Codex>::new().probe().unwrap();
    assert_eq!(status.readiness, Readiness::Missing);
    assert_eq!(status.fix.as_deref(), Some("npm install -g @openai/codex"));
}

#[test]
fn a_program_that_hangs_or_is_denied_is_told_apart() {
    let hangs = Err(Error::Limit("killed after 10 s".into()));
    let status = Bench::<Codex>::new()
        .program(&["codex", "--version"], hangs)
        .probe()
        .unwrap();
    assert_eq!(status.readiness, Readiness::Broken);
    let denied = Err(Error::Denied("codex".into()));
    let status = Bench::<Codex>::new()
        .program(&["codex", "--version"], denied)
        .probe();
    assert!(matches!(status, Err(Error::Denied(_))));
}

fn offered(models: Result<Output>) -> (Vec<(TierKind, String)>, Vec<Mode>) {
    let bench = Bench::<Codex>::new();
    let offer = bench.program(&["codex", "debug", "models"], models).offer();
    let offer = offer.unwrap();
    assert!(offer.local);
    let tiers = offer.tiers.into_iter();
    (
        tiers.map(|tier| (tier.kind, tier.model)).collect(),
        offer.modes,
    )
}

#[test]
fn tiers_are_of_the_models_that_codex_lists() {
    let models = r#"{"models": [
        {"slug": "old", "display_name": "Old", "visibility": "list", "priority": 9},
        {"slug": "big", "display_name": "Big", "visibility": "list", "priority": 2,
         "description": "Frontier intelligence for the most demanding work."},
        {"slug": "quick", "display_name": "Quick", "visibility": "list", "priority": 3,
         "description": "Fast and affordable model for easier tasks."},
        {"slug": "usual", "display_name": "Usual", "visibility": "list", "priority": 1,
         "description": "Latest workhorse model."},
        {"slug": "secret", "display_name": "Fast", "visibility": "hide", "priority": 0,
         "description": "Fast."}
    ]}"#;
    let (tiers, modes) = offered(printed(0, models, ""));
    let expected = [
        (TierKind::Fast, "quick"),
        (TierKind::Smart, "usual"),
        (TierKind::Thinking, "big"),
    ];
    assert_eq!(tiers, expected.map(|(kind, model)| (kind, model.into())));
    let modes: Vec<_> = modes.iter().map(|mode| mode.id.as_str()).collect();
    assert_eq!(modes, ["read-only", "agent", "full-access", "plan"]);
}

#[test]
fn a_codex_that_lists_no_models_has_no_tiers() {
    for outcome in [
        printed(2, "", "unknown command"),
        printed(0, "{\"models\": [{\"slug\": \"cut", ""),
        printed(0, "no json", ""),
        Err(Error::Limit("10 s".into())),
    ] {
        let (tiers, modes) = offered(outcome);
        assert_eq!((tiers.len(), modes.len()), (0, 4));
    }
}
