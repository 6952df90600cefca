//! Goals: while Codex has one it goes on by itself, turn after turn (`alone`), until it
//! is reached.

use hostler_sdk::{Failure, RequestId, Result, acp, client, log};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{cli::Request, session::Codex, start::Reply};

/// What a prompt wants of the goal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Tell,
    Clear,
    /// The members of `thread/goal/set` beside the thread.
    Set(Value),
}

impl Wish {
    /// The words behind the command.
    pub(crate) fn read(words: &str) -> Self {
        match words {
            "" => Self::Tell,
            "clear" => Self::Clear,
            "pause" => Self::Set(json!({"status": "paused"})),
            "resume" => Self::Set(json!({"status": "active"})),
            words => Self::Set(json!({"objective": words, "status": "active"})),
        }
    }
}

/// Whether Codex goes on by itself, as far as it has said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Towards {
    /// There is no goal, or it rests.
    #[default]
    Nothing,
    Active,
    /// It was told to let the goal rest and has not answered.
    Stopping,
}

/// A goal as Codex tells of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Goal {
    objective: String,
    status: String,
    #[serde(default)]
    tokens_used: u64,
    token_budget: Option<u64>,
}

/// Of `thread/goal/*`: some have none.
#[derive(Debug, Deserialize)]
struct About {
    goal: Option<Goal>,
}

impl Goal {
    fn text(&self) -> String {
        let status = match self.status.as_str() {
            "active" => "Codex works on it; cancel to let it rest",
            "paused" => "it rests; `/goal resume` goes on",
            "complete" => "it is reached",
            "blocked" => "Codex cannot go on by itself",
            "usageLimited" => "the limit of the account is reached",
            "budgetLimited" => "its budget is used up",
            other => other,
        };
        let budget = self.token_budget.map(|budget| format!(" of {budget}"));
        let budget = budget.unwrap_or_default();
        let used = self.tokens_used;
        format!(
            "Goal: {}\n- {status}\n- Tokens: {used}{budget}",
            self.objective
        )
    }
}

impl Codex {
    /// Asks Codex what a prompt wants.
    pub(crate) fn wish(&mut self, prompt: RequestId, wish: &Wish) -> Result {
        let (Some(cli), Some(thread)) = (&mut self.cli, &self.thread) else {
            return Ok(());
        };
        let mut params = json!({"threadId": thread});
        let method = match wish {
            Wish::Tell => "thread/goal/get",
            Wish::Clear => "thread/goal/clear",
            Wish::Set(members) => {
                params["origin"] = "user".into();
                for (name, value) in members.as_object().into_iter().flatten() {
                    params[name] = value.clone();
                }
                "thread/goal/set"
            }
        };
        cli.request(Request::Goal(prompt), method, &params)
    }

    /// Codex has answered that.
    pub(crate) fn goal_answered(&mut self, prompt: RequestId, reply: Reply<'_>) -> Result {
        // It was cancelled meanwhile.
        if self.turn.as_ref().is_none_or(|turn| turn.request != prompt) {
            return Ok(());
        }
        let about = match reply.map(|reply| serde_json::from_str::<About>(reply.get())) {
            Ok(Ok(about)) => about,
            Ok(Err(error)) => {
                let message = format!("this version of Codex is not understood: {error}");
                return self.end_turn(Err(Failure::internal(message)));
            }
            Err(error) => {
                let message = format!("Codex did not do that with its goal: {error}");
                return self.end_turn(Err(Failure::internal(message)));
            }
        };
        self.goal_is(about.goal.as_ref());
        let text = match about.goal {
            Some(goal) => goal.text(),
            None => "There is no goal.".into(),
        };
        let said = client::message(text);
        said.and(self.end_turn(Ok(acp::StopReason::EndTurn)))
    }

    /// Codex tells of its goal, or that there is none.
    pub(crate) fn goal_changed(&mut self, params: &str) -> serde_json::Result<()> {
        let about: About = serde_json::from_str(params)?;
        self.goal_is(about.goal.as_ref());
        Ok(())
    }

    fn goal_is(&mut self, goal: Option<&Goal>) {
        if self.towards != Towards::Stopping {
            self.towards = match goal.is_some_and(|goal| goal.status == "active") {
                true => Towards::Active,
                false => Towards::Nothing,
            };
        }
    }

    /// Lets the goal rest, if Codex works on one: it would go on after the next prompt.
    pub(crate) fn rest_goal(&mut self) -> Result {
        let (Towards::Active, Some(cli), Some(thread)) =
            (self.towards, &mut self.cli, &self.thread)
        else {
            return Ok(());
        };
        self.towards = Towards::Stopping;
        let params = json!({"threadId": thread, "status": "paused", "origin": "user"});
        cli.request(Request::Rest, "thread/goal/set", &params)
    }

    /// Codex has answered that, and begins nothing more.
    pub(crate) fn goal_rests(&mut self, reply: Reply<'_>) {
        if let Err(error) = reply {
            log::warn(format_args!("Codex does not let its goal rest: {error}"));
        }
        self.towards = Towards::Nothing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_told_with_what_can_be_done() {
        let goal = |status: &str| Goal {
            objective: "A poem".into(),
            status: status.into(),
            tokens_used: 5,
            token_budget: Some(9),
        };
        let rests = "Goal: A poem\n- it rests; `/goal resume` goes on\n- Tokens: 5 of 9";
        assert_eq!(goal("paused").text(), rests);
        assert!(goal("odd").text().contains("- odd\n"));
    }

    #[test]
    fn words_that_are_none_of_the_few_are_the_goal() {
        assert_eq!(Wish::read(""), Wish::Tell);
        let paused = Wish::Set(json!({"status": "paused"}));
        assert_eq!(Wish::read("pause"), paused);
        let poem = json!({"objective": "pause and write", "status": "active"});
        assert_eq!(Wish::read("pause and write"), Wish::Set(poem));
    }
}
