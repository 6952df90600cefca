//! The host is killed in the middle of a turn and started again on what it left.
//! The editor that was there comes back by itself and is told what became of the
//! turn; another one that loads the session gets every line that was delivered.

use std::{
    io::{Write as _, stdout},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{
    Steps,
    acp::{Client, Message, said},
    harness::Harness,
    host::Host,
    orphans,
    replay::{ending, first_missing},
};

/// Pieces of text after which a turn is in its middle.
const ENOUGH: usize = 12;

/// A session whose host was killed, and the client that was there.
struct Interrupted {
    client: Client,
    session: String,
    /// What the client has received.
    received: Vec<Value>,
    /// The turn had ended before.
    over: bool,
}

pub(super) fn show(
    steps: &mut Steps,
    host: &mut Host,
    harness: Harness,
    workspace: &Path,
) -> Result<()> {
    let mut before = steps.next(
        "A second turn in an editor, and `kill -9` of the host in its middle",
        || interrupt(host, harness, workspace),
    )?;
    steps.next("Starting the host again on what is left", || {
        host.start_again()?;
        host.list_sessions()
    })?;
    steps.next(
        "The editor, which has noticed nothing, is told what became of its turn",
        || come_back(&mut before),
    )?;
    steps.next(
        "Another editor loads the session: is every line there?",
        || load(host, &before, workspace),
    )?;
    steps.next(
        "A third turn in the first editor: the conversation goes on",
        || go_on(before.client, harness, &before.session),
    )
}

fn interrupt(host: &mut Host, harness: Harness, workspace: &Path) -> Result<Interrupted> {
    let mut received = Vec::new();
    let mut client = Client::start(host.command(&["acp", "--harness", harness.id()]))?;
    let new = json!({"cwd": workspace, "mcpServers": []});
    let answer = client.ask("session/new", &new, |line| received.push(line))?;
    let session = answer["sessionId"].as_str();
    let session = session.context("the new session has no id")?.to_owned();
    println!("The prompt: {}\n", harness.long_prompt());
    client.begin_prompt(&session, harness.long_prompt())?;

    let (mut over, mut pieces) = (false, 0);
    while pieces < ENOUGH && !over {
        let next = client.next()?;
        match next.context("the connection ended before the host was killed")? {
            Message::Line(line) => {
                pieces += usize::from(print_text(&line)?);
                received.push(line);
            }
            Message::Answer(Err(error)) => bail!("{}", said(&error)),
            Message::Answer(Ok(_)) => over = true,
        }
    }
    ensure!(pieces > 0, "the agent said nothing that could be lost");
    println!("\n");
    host.kill()?;
    println!("\n{} lines had come by then.", received.len());
    if over {
        println!("The agent was quick: its turn had ended already.");
    }
    orphans::none_left(Some(client.bridge()))?;
    Ok(Interrupted {
        client,
        session,
        received,
        over,
    })
}

/// The bridge has kept the prompt open; what was on its way comes before its
/// answer.
fn come_back(before: &mut Interrupted) -> Result<()> {
    if before.over {
        println!("Its turn had ended: there is nothing to tell.");
        return Ok(());
    }
    loop {
        let next = before.client.next()?;
        match next.context("`hostler acp` ended although the host is back")? {
            Message::Line(line) => {
                print_text(&line)?;
                before.received.push(line);
            }
            Message::Answer(Ok(_)) => {
                before.over = true;
                println!("\nThe turn had ended in the last moment.");
                return Ok(());
            }
            Message::Answer(Err(error)) => {
                println!("\nThe answer to its prompt: {}", said(&error));
                return Ok(());
            }
        }
    }
}

fn load(host: &Host, before: &Interrupted, workspace: &Path) -> Result<()> {
    let mut client = Client::start(host.command(&["acp"]))?;
    let mut replayed = Vec::new();
    let session = json!({"sessionId": before.session, "cwd": workspace, "mcpServers": []});
    client.ask("session/load", &session, |line| replayed.push(line))?;
    for line in &replayed {
        print_text(line)?;
    }
    if let Some(lost) = first_missing(&before.received, &replayed) {
        bail!("this was delivered and is not there, or not in its place: {lost}");
    }
    println!(
        "\n\nAll of the {} lines that were delivered are in the {} that come back, in their order: \
         pieces of\none message come back as one, and the prompt and the turn's end with them.",
        before.received.len(),
        replayed.len(),
    );
    println!("{}", ending(&replayed, before.over)?);
    client.end()
}

fn go_on(mut client: Client, harness: Harness, session: &str) -> Result<()> {
    println!("The prompt: {}\n", harness.next_prompt());
    client.begin_prompt(session, harness.next_prompt())?;
    let mut printed = Ok(());
    let end = client.answer(|line| {
        if let Err(error) = print_text(&line) {
            printed = Err(error);
        }
    })?;
    printed?;
    let reason = &end["stopReason"];
    ensure!(reason == "end_turn", "the turn was stopped: {reason}");
    println!("\n\nThe same session, {session}, has answered.");
    client.end()
}

/// Shows what the agent says, as it comes. Whether this line was that.
fn print_text(line: &Value) -> Result<bool> {
    let Some(text) = line["content"]["text"].as_str() else {
        return Ok(false);
    };
    let said = line["sessionUpdate"] == "agent_message_chunk";
    if said {
        print!("{text}");
        stdout().flush()?;
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_agent_says_counts_as_its_text() {
        let line = |kind: &str| json!({"sessionUpdate": kind, "content": {"text": ""}});
        assert!(print_text(&line("agent_message_chunk")).unwrap());
        assert!(!print_text(&line("user_message_chunk")).unwrap());
        assert!(!print_text(&json!({"sessionUpdate": "plan"})).unwrap());
    }
}
