//! Words for the turn that runs: they reach the model with its next request,
//! while a prompt would wait for the end of the turn.

use hostler_sdk::{Failure, RequestId, Result, acp, client, random};
use serde::Deserialize;
use serde_json::json;

use crate::{blocks, cli::Request, session::Codex, start::Reply};

/// The host's extension of ACP for it.
pub(crate) const METHOD: &str = "_hostler/session/steer";

/// Words on their way to Codex.
#[derive(Debug)]
pub(crate) struct Words {
    pub request: RequestId,
    blocks: Vec<acp::ContentBlock>,
}

#[derive(Deserialize)]
struct Params {
    prompt: Vec<acp::ContentBlock>,
}

impl Codex {
    pub(crate) fn steer(&mut self, request: RequestId, params: &str) -> Result {
        let turn = self.turn.as_ref().filter(|turn| turn.can_be_steered());
        let turn = turn.and_then(|turn| turn.id.as_ref());
        let (Some(turn), Some(thread), Some(cli)) = (turn, &self.thread, &mut self.cli) else {
            let message = "no turn runs that could take this; send it as a prompt";
            return client::fail(request, Failure::invalid_params(message));
        };
        let read = serde_json::from_str::<Params>(params)
            .map_err(|error| Failure::invalid_params(format!("{METHOD}: {error}")));
        let read = read.and_then(|params| {
            let input = blocks::input(params.prompt.clone())?;
            Ok((params.prompt, input))
        });
        let (blocks, input) = match read {
            Ok(read) => read,
            Err(failure) => return client::fail(request, failure),
        };
        let params = json!({"threadId": thread, "expectedTurnId": turn, "input": input});
        let words = Words { request, blocks };
        cli.request(Request::Steer(words), "turn/steer", &params)
    }

    /// Codex has taken the words, or has not. The host shows prompts by itself,
    /// these it does not know.
    pub(crate) fn steered(&mut self, words: Words, reply: Reply<'_>) -> Result {
        if let Err(error) = reply {
            let message = format!(
                "Codex did not take it ({}); send it as a prompt",
                error.message
            );
            return client::fail(words.request, Failure::internal(message));
        }
        let id = random::uuid()?;
        let mut done = Ok(());
        for block in words.blocks {
            let chunk = acp::ContentChunk::new(block).message_id(acp::MessageId::new(id.clone()));
            done = done.and(client::update(&acp::SessionUpdate::UserMessageChunk(chunk)));
        }
        done.and(client::answer(words.request, &json!({})))
    }
}
