//! How much of the account is used.

use serde_json::{Value, json};

use crate::stage::Stage;

fn used(stage: &mut Stage, primary: &Value, secondary: &Value) -> Vec<String> {
    stage.clear();
    let limits = json!({"rateLimits": {"limitId": "codex", "limitName": null, "primary": primary,
        "secondary": secondary, "rateLimitReachedType": null}});
    stage.tell("account/rateLimits/updated", &limits);
    stage.shown()
}

fn window(percent: u64) -> Value {
    json!({"usedPercent": percent, "windowDurationMins": 300, "resetsAt": null})
}

#[test]
fn a_limit_that_nears_is_told_once_per_change() {
    let mut stage = Stage::prompted();
    let nothing = json!(null);
    let none = [""; 0];
    assert_eq!(used(&mut stage, &nothing, &nothing), none);
    assert_eq!(used(&mut stage, &window(40), &nothing), none);
    assert_eq!(
        used(&mut stage, &window(80), &nothing),
        ["warning: Codex's account has used 80 % of its limit of 5 hours."]
    );
    assert_eq!(used(&mut stage, &window(82), &nothing), none);
    // What is null is not known: nothing has changed.
    assert_eq!(used(&mut stage, &nothing, &window(10)), none);
    assert_eq!(used(&mut stage, &window(83), &nothing), none);
    assert_eq!(
        used(&mut stage, &window(100), &nothing),
        ["error: Codex's account has reached its limit of 5 hours."]
    );
    assert_eq!(
        used(&mut stage, &window(2), &nothing),
        ["info: Codex's account is at 2 % of its limit of 5 hours now."]
    );
}

#[test]
fn a_limit_without_a_window_is_told() {
    let mut stage = Stage::prompted();
    let limits =
        json!({"rateLimits": {"rateLimitReachedType": "workspace_owner_credits_depleted"}});
    for _ in 0..2 {
        stage.tell("account/rateLimits/updated", &limits);
    }
    let told = "error: Codex's account can do no more: workspace owner credits depleted.";
    assert_eq!(stage.shown(), [told]);
}
