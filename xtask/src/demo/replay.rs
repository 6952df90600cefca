//! What the replay of a session tells.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// The end of a turn that its host did not live to see.
const RESTARTED: &str = "HOST_RESTARTED";

/// The first of the received lines, or the first letter of a message, that is not
/// in the replay after those before it.
pub(super) fn first_missing(received: &[Value], replayed: &[Value]) -> Option<Value> {
    let mut rest = parts(replayed).into_iter();
    parts(received)
        .into_iter()
        .find(|part| !rest.any(|replayed| replayed == *part))
}

/// A replay joins the pieces of a message: so texts are taken letter by letter.
fn parts(lines: &[Value]) -> Vec<Value> {
    let mut parts = Vec::new();
    for line in lines {
        match line["content"]["text"].as_str() {
            Some(text) => {
                let kind = &line["sessionUpdate"];
                parts.extend(text.chars().map(|letter| json!([kind, letter])));
            }
            None => parts.push(line.clone()),
        }
    }
    parts
}

/// How the last turn of a replay ended, in a sentence. `over`: its end was known
/// before the host was killed.
pub(super) fn ending(replayed: &[Value], over: bool) -> Result<String> {
    let mut turns = replayed
        .iter()
        .map(|line| &line["_meta"]["hostler"]["turn"]);
    let end = turns.rfind(|turn| turn["state"] == "ended");
    let end = end.context("the replay does not say how the turn ended")?;
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let (code, reason) = (&end["error"]["code"], &end["stopReason"]);
    ensure!(
        !over || reason.is_string(),
        "the turn had ended before, and is told to have ended with {end}"
    );
    if reason.is_string() {
        return Ok(format!(
            "The turn had ended before the host was killed: {}.",
            text(reason)
        ));
    }
    ensure!(
        code == RESTARTED,
        "the turn ended with another error: {end}"
    );
    let message = text(&end["error"]["message"]);
    Ok(format!("The turn that ran is over: {RESTARTED}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(turn: &Value) -> Value {
        json!({"sessionUpdate": "session_info_update", "_meta": {"hostler": {"turn": turn}}})
    }

    #[test]
    fn what_was_received_may_have_others_between_but_must_be_in_order() {
        let lines = |texts: &str| -> Vec<_> { texts.chars().map(|c| json!(c)).collect() };
        let replayed = lines("abc");
        assert_eq!(first_missing(&lines("ac"), &replayed), None);
        assert_eq!(first_missing(&lines("ca"), &replayed), Some(json!('a')));
        assert_eq!(first_missing(&lines("bb"), &replayed), Some(json!('b')));
        assert_eq!(first_missing(&lines("a"), &[]), Some(json!('a')));
    }

    #[test]
    fn pieces_of_a_message_may_come_back_as_one() {
        let said = |text: &str| json!({"sessionUpdate": "m", "content": {"text": text}});
        let received = [said("one "), said("two")];
        assert_eq!(first_missing(&received, &[said("one two three")]), None);
        let lost = first_missing(&received, &[said("one to")]);
        assert_eq!(lost, Some(json!(["m", "w"])));
    }

    #[test]
    fn the_last_turn_tells_how_it_ended() {
        let done = ended(&json!({"state": "ended", "stopReason": "end_turn"}));
        let error = json!({"code": RESTARTED, "message": "the host ended"});
        let killed = ended(&json!({"state": "ended", "error": error}));
        let told = ending(&[done.clone(), killed.clone()], false).unwrap();
        assert!(told.contains("HOST_RESTARTED: the host ended"), "{told}");
        let told = ending(&[killed.clone(), done.clone()], true).unwrap();
        assert!(told.contains("end_turn"), "{told}");
        // It may have ended in the last moment, its answer still on its way.
        assert!(ending(&[done], false).is_ok());
        assert!(ending(&[killed], true).is_err(), "it was over before");
        assert!(
            ending(&[json!({})], false).is_err(),
            "nothing is said of an end"
        );
    }

    #[test]
    fn another_error_is_no_restart() {
        let error = json!({"code": "HARNESS_EXITED", "message": ""});
        let failed = ended(&json!({"state": "ended", "error": error}));
        let told = ending(&[failed], false).unwrap_err().to_string();
        assert!(told.contains("HARNESS_EXITED"), "{told}");
    }
}
