//! Is Codex there?

use hostler_codex::Codex;
use hostler_sdk::{
    Error, Readiness, Result, Status,
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
