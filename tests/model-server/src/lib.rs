//! A model that does what the prompt says: an Anthropic Messages API, an OpenAI
//! Responses API and a Gemini API on loopback, for tests that drive a real coding
//! agent without an account.
//!
//! How a request flows:
//!
//! 1. `server` takes `POST /v1/messages`, `/v1/responses` or
//!    `/v1beta/models/MODEL:streamGenerateContent` and records it.
//! 2. `conversation` finds the last thing the user wrote and how many tools
//!    have answered since. Nothing else but what was dropped is remembered between
//!    requests, so a conversation may be resumed against another server.
//! 3. `script` reads the directives of that prompt (`[[bash ls]]`) and says
//!    what the model answers at this point of the turn.
//! 4. `sse` writes the answer as events or as one JSON message, `responses` and
//!    `content` as the events of the other APIs.
//!
//! The directives, several of which may stand in one prompt and run in order:
//!
//! | Directive | The model |
//! |---|---|
//! | `[[text WORDS]]` | says it |
//! | `[[think WORDS]]` | thinks it |
//! | `[[bash COMMAND]]` | calls Bash |
//! | `[[write PATH\|CONTENT]]` | calls Write |
//! | `[[edit PATH\|OLD\|NEW]]` | calls Read, then Edit |
//! | `[[call NAME JSON]]` | calls any tool; `SPACE/NAME` is one of a namespace |
//! | `[[mcp SERVER/TOOL JSON]]` | calls a tool of an MCP server by the name that the agent gives it |
//! | `[[todo STEP\|STEP…]]` | writes a plan, whose first step is being done |
//! | `[[deltas N]]` | says `word0 word1 …` in N deltas, as fast as they are read |
//! | `[[slow N MS]]` | the same with a pause of MS milliseconds after each |
//! | `[[hang]]` | says one sentence, then nothing: the stream stays open |
//! | `[[drop]]` | breaks the connection off, the first time that it is asked this |
//! | `[[max-tokens]]`, `[[refuse]]` | says one sentence and stops for that reason |
//! | `[[status CODE]]` | answers with this HTTP error, 400 to 599, each time it is asked |
//!
//! Over the Responses API the tools are those of Codex: Bash is `exec_command`,
//! Write and Edit are `apply_patch`, where OLD and NEW are whole lines, and a plan
//! is written with `update_plan` in place of `TaskCreate` and `TaskUpdate`. A tool
//! that a request in code mode does not offer by itself is called by a script. The
//! directives of a sub-agent stand in the message that begins it, in `{{ }}`. Over the
//! Gemini API they are those of Gemini CLI.
//!
//! After the last tool call it says `Done. Tool calls: N, failed: M.`, unless
//! the prompt has words for it. A prompt without directives is repeated:
//! `You said: …`. A directive that is not in the table is named in the answer.
//! A directive ends at the first `]]`; `\n` in it is a line break. Paths go to
//! the tools as they are written; a real model writes absolute ones.
//!
//! Deliberately absent: any check of the key, token counting worth the name,
//! and every content type that no directive needs.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let model = model_server::ModelServer::start().await?;
//! // run an agent with ANTHROPIC_BASE_URL or GOOGLE_GEMINI_BASE_URL = model.url(), or
//! // with base_url = model.url() + "/v1"
//! assert!(model.requests().is_empty());
//! # Ok(()) }
//! ```

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod content;
mod conversation;
mod responses;
mod script;
mod server;
mod sse;
mod tools;

pub use server::{ModelServer, Recorded};
