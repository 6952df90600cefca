//! Words for the turn that runs: they reach the model at its next step, while a
//! prompt would wait for the end of the turn.

use hostler_sdk::{Failure, RequestId, Result, acp, client, random};
use serde::Deserialize;
use serde_json::json;

use crate::{blocks, outgoing, session::ClaudeCode};

/// The host's extension of ACP for it.
pub(crate) const METHOD: &str = "_hostler/session/steer";

/// Words that Claude Code has, and the model not yet.
#[derive(Debug)]
pub(crate) struct Words {
    /// Ours for them: a turn of their own is named by it.
    pub uuid: String,
    /// Until Claude Code says that it has them.
    pub request: Option<RequestId>,
    blocks: Vec<acp::ContentBlock>,
}

#[derive(Deserialize)]
struct Params {
    prompt: Vec<acp::ContentBlock>,
}

impl ClaudeCode {
    pub(crate) fn steer(&mut self, request: RequestId, params: &str) -> Result {
        let turn = self.turn.as_mut().filter(|turn| turn.can_be_steered());
        let (Some(turn), Some(cli)) = (turn, &mut self.cli) else {
            let message = "no turn runs that could take this; send it as a prompt";
            return client::fail(request, Failure::invalid_params(message));
        };
        let read = serde_json::from_str::<Params>(params)
            .map_err(|error| Failure::invalid_params(format!("{METHOD}: {error}")));
        let read = read.and_then(|params| {
            let content = blocks::content(params.prompt.clone())?;
            Ok((params.prompt, content))
        });
        let (blocks, content) = match read {
            Ok(read) => read,
            Err(failure) => return client::fail(request, failure),
        };
        let uuid = random::uuid()?;
        if let Err(error) = cli.write(&outgoing::prompt(&uuid, &content)) {
            return client::fail(request, error);
        }
        turn.steered.push(Words {
            uuid,
            request: Some(request),
            blocks,
        });
        Ok(())
    }

    /// What became of the words `uuid`; says whether it is about some.
    pub(crate) fn words_became(&mut self, uuid: &str, state: &str) -> Result<bool> {
        let Some(turn) = &mut self.turn else {
            return Ok(false);
        };
        let Some(at) = turn.steered.iter().position(|words| words.uuid == uuid) else {
            return Ok(false);
        };
        match state {
            "queued" => turn.steered.get_mut(at).map_or(Ok(()), Words::taken),
            "started" | "completed" => turn.steered.remove(at).taken(),
            _ => turn.steered.remove(at).not_taken(),
        }?;
        Ok(true)
    }
}

impl Words {
    /// The host shows prompts by itself, these it does not know.
    pub(crate) fn taken(&mut self) -> Result {
        let Some(request) = self.request.take() else {
            return Ok(());
        };
        let id = acp::MessageId::new(self.uuid.as_str());
        let mut done = Ok(());
        for block in std::mem::take(&mut self.blocks) {
            let chunk = acp::ContentChunk::new(block).message_id(id.clone());
            done = done.and(client::update(&acp::SessionUpdate::UserMessageChunk(chunk)));
        }
        done.and(client::answer(request, &json!({})))
    }

    /// The turn does without them.
    pub(crate) fn not_taken(self) -> Result {
        match self.request {
            Some(request) => client::fail(
                request,
                Failure::internal("the turn ended before this was taken; send it as a prompt"),
            ),
            None => Ok(()),
        }
    }
}
