//! Is Claude Code there?

use hostler_claude_code::ClaudeCode;
use hostler_sdk::{
    Error, Readiness, TierKind,
    process::{Exit, Output},
    testing::Bench,
};

fn printed(code: i32, stdout: &str) -> Result<Output, Error> {
    Ok(Output {
        exit: Exit::code(code),
        stdout: stdout.into(),
        stderr: String::new(),
    })
}

fn with_login(code: i32, status: &str) -> Bench<ClaudeCode> {
    Bench::new()
        .program(
            &["claude", "--version"],
            printed(0, "2.1.328 (Claude Code)\n"),
        )
        .program(
            &["claude", "auth", "status", "--json"],
            printed(code, status),
        )
}

#[test]
fn with_a_login_it_is_ready() {
    let status = with_login(0, r#"{"loggedIn": true, "authMethod": "api_key", "x": 1}"#).probe();
    let status = status.unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.version.as_deref(), Some("2.1.328"));
    assert_eq!(status.detail, "Claude Code 2.1.328, logged in (api_key)");
    assert_eq!(status.fix, None);
}

#[test]
fn without_a_login_it_says_how_to_log_in() {
    let status = with_login(1, r#"{"loggedIn": false, "authMethod": "none"}"#)
        .probe()
        .unwrap();
    assert_eq!(status.readiness, Readiness::NotLoggedIn);
    assert_eq!(status.fix.as_deref(), Some("claude auth login"));
    assert!(status.detail.contains("ANTHROPIC_API_KEY"));
}

#[test]
fn without_the_program_it_says_how_to_install_it() {
    let status = Bench::<ClaudeCode>::new().probe().unwrap();
    assert_eq!(status.readiness, Readiness::Missing);
    assert_eq!(
        status.fix.as_deref(),
        Some("npm install -g @anthropic-ai/claude-code")
    );
}

#[test]
fn a_program_that_does_not_work_is_broken() {
    let status = with_login(0, "Usage: claude").probe().unwrap();
    assert_eq!(status.readiness, Readiness::Broken);
    assert!(status.detail.contains("Usage: claude"), "{}", status.detail);
    let mut bench = Bench::<ClaudeCode>::new().program(&["claude", "--version"], printed(139, ""));
    let status = bench.probe().unwrap();
    assert_eq!(status.readiness, Readiness::Broken);
    assert!(status.detail.contains("exit code 139"), "{}", status.detail);
}

#[test]
fn what_it_says_of_itself_is_what_it_can_do() {
    let description = Bench::<ClaudeCode>::new().describe();
    assert_eq!(description.title, "Claude Code");
    assert!(description.prompt.image && description.prompt.embedded_context);
    assert!(!description.prompt.audio);
}

#[test]
fn each_tier_is_a_model_by_an_alias_that_does_not_grow_old() {
    let offer = Bench::<ClaudeCode>::new().offer().unwrap();
    let tiers = offer.tiers.iter();
    let tiers: Vec<_> = tiers.map(|tier| (tier.kind, tier.model.as_str())).collect();
    let expected = [
        (TierKind::Fast, "haiku"),
        (TierKind::Smart, "sonnet"),
        (TierKind::Thinking, "opus"),
    ];
    assert_eq!(tiers, expected);
    let modes: Vec<_> = offer.modes.iter().map(|mode| mode.id.as_str()).collect();
    assert_eq!(modes, ["default", "acceptEdits", "plan"]);
    assert!(offer.local);
}
