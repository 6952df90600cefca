//! Decopilot without a cluster: the routes of its HTTP API on loopback, and runs
//! that do what the prompt says, for tests of whoever talks to it.
//!
//! How a prompt flows:
//!
//! 1. `server` checks the key and takes `POST …/threads/ID/messages`; `schema`
//!    says what is wrong with the body.
//! 2. `thread` queues it: one run at a time, and a message that was sent before
//!    starts none.
//! 3. `script` reads the directives of the prompt (`[[bash ls]]`), `run` turns
//!    them into chunks of a UI message stream and `parts` of a message, `tools`
//!    says what each tool brings.
//! 4. `stream` gives every reader of the thread the chunks of the run so far and
//!    then those that come, as server-sent events.
//!
//! The directives, several of which may stand in one prompt and run in order:
//!
//! | Directive | The run |
//! |---|---|
//! | `[[text WORDS]]`, `[[think WORDS]]` | says it, thinks it |
//! | `[[deltas N]]`, `[[slow N MS]]` | says `word0 word1 …` in N pieces, with MS milliseconds after each |
//! | `[[bash COMMAND]]`, `[[read PATH]]`, `[[write PATH\|CONTENT]]`, `[[edit PATH\|OLD\|NEW]]` | calls that tool |
//! | `[[todo STEP\|STEP…]]` | calls `todo_write`; the first step is being done |
//! | `[[ask TYPE\|QUESTION\|OPTION…]]` | calls `user_ask`; TYPE is `text`, `choice` or `confirm` |
//! | `[[plan WORDS]]` | calls `propose_plan` |
//! | `[[call NAME JSON]]` | calls any other tool |
//! | `[[mcp SERVER/TOOL JSON]]` | calls a tool of an MCP server, one of its agent's connections |
//! | `[[chunk JSON]]` | sends this chunk as it is |
//! | `[[key]]` | says the API key, in one piece |
//! | `[[drop]]`, `[[drop STATUS TIMES]]` | cuts every stream of the thread in the middle of an event and goes on; the next TIMES streams are answered with STATUS |
//! | `[[pause MS]]`, `[[hang]]` | is silent for that time, or for ever |
//! | `[[max-tokens]]`, `[[refuse]]` | ends for that reason |
//! | `[[error WORDS]]` | fails with these words |
//! | `[[expire]]` | ends without a word; the thread is `expired` |
//! | `[[status CODE]]`, `[[status CODE TIMES]]` | the message is refused with this HTTP status, so many times |
//!
//! After the last tool it says `Done. Tools: N, denied: M.`, unless the prompt has
//! words for it. A prompt without directives is repeated: `You said: …`, with what
//! came along. A directive that is not in the table is named in the answer. A
//! directive ends at the first `]]`; `\n` in it is a line break.
//!
//! With `toolApprovalLevel: "readonly"` tools that change something are asked
//! about first. No tool does anything: `bash` brings its command back, when a
//! `sleep SECONDS` at its end is over, files live in the thread. [`DecopilotServer::ran`] says which were let through.
//!
//! Deliberately absent: models, memory of earlier turns, the older synchronous
//! routes, and whatever of the API a client of threads has no use for.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod parts;
mod routes;
mod run;
mod schema;
mod script;
mod server;
mod stream;
mod thread;
mod tools;

pub use server::{AGENT, DecopilotServer, KEY, ORG, Recorded};
