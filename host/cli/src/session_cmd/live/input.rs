//! What somebody types, or a script writes.

use hostler_server::close_codes::MAX_MESSAGE;
use tokio::sync::mpsc;

use crate::{
    acp::input::{Line, Lines},
    client::ask::Asks,
};

/// Where prompts come from.
#[derive(Debug)]
pub(super) enum Input {
    /// A terminal, which questions are asked on too.
    Terminal,
    /// Stdin that is none: a prompt a line.
    Lines(mpsc::Receiver<String>),
    /// Nothing is read.
    Nothing,
}

impl Input {
    pub(super) fn lines() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            // Half of a message: escapes and the envelope come on top.
            let mut lines = Lines::new(tokio::io::stdin(), MAX_MESSAGE / 2);
            loop {
                let line = match lines.next().await {
                    Ok(Some(Line::Whole(line))) => String::from_utf8_lossy(&line).into_owned(),
                    Ok(Some(Line::TooLong(_))) => {
                        tracing::warn!("a line of stdin is longer than a prompt can be; left out");
                        continue;
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!("stdin cannot be read: {error}");
                        break;
                    }
                };
                if sender.send(line).await.is_err() {
                    break;
                }
            }
        });
        Self::Lines(receiver)
    }

    /// The next line; none at the end. Can be dropped at any time.
    pub(super) async fn next(&mut self, asks: &mut Asks) -> Option<String> {
        match self {
            Self::Terminal => {
                asks.listen();
                asks.typed().await
            }
            Self::Lines(lines) => lines.recv().await,
            Self::Nothing => std::future::pending().await,
        }
    }
}

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    Nothing,
    Prompt(&'a str),
    Take,
    Release,
    Cancel,
    Who,
    Detach,
    Help,
}

impl<'a> Typed<'a> {
    /// Words with a slash that are not known here are for the agent.
    pub(super) fn of(line: &'a str) -> Self {
        let line = line.trim();
        match line {
            "" => Self::Nothing,
            "/take" => Self::Take,
            "/release" => Self::Release,
            "/cancel" => Self::Cancel,
            "/who" => Self::Who,
            "/detach" | "/exit" | "/quit" => Self::Detach,
            "/help" => Self::Help,
            prompt => Self::Prompt(prompt),
        }
    }
}

pub(super) const HINT: &str = "Type a prompt and press Enter. /help shows what else there is; \
                               /detach or Ctrl-D leaves, and the session goes on.";

pub(super) const HELP: &[&str] = &[
    "A line is a prompt. While a turn runs it waits for its turn.",
    "  /who      who is here, who drives, what waits",
    "  /cancel   ends the running turn and takes back what you have waiting; also Ctrl-C",
    "  /take     you drive from now on, where one drives at a time",
    "  /release  you drive no more",
    "  /detach   leaves; the session goes on; also Ctrl-D, or Ctrl-C twice",
    "Other words with a slash go to the agent.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_prompt_unless_it_is_a_word_of_ours() {
        assert_eq!(Typed::of(" /take \n"), Typed::Take);
        assert_eq!(Typed::of(" \n"), Typed::Nothing);
        for prompt in ["hi", "/compact", "/take it", "take"] {
            assert_eq!(Typed::of(prompt), Typed::Prompt(prompt));
        }
        // The help names what is read.
        for word in ["/who", "/cancel", "/take", "/release", "/detach"] {
            assert!(HELP.iter().any(|line| line.contains(word)), "{word}");
            assert!(!matches!(Typed::of(word), Typed::Prompt(_)), "{word}");
        }
    }
}
