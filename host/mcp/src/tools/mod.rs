//! The tools. Each is a name, a description that says what to do next, and a
//! type for its arguments, whose schema clients see.

mod act;
mod args;
mod look;
mod open;
mod wait;

use std::sync::LazyLock;

use futures_util::future::BoxFuture;
use hostler_device::json::FailureBody;
use hostler_provider::{Answer, Call};
use rmcp::{
    handler::server::tool::schema_for_type,
    model::{JsonObject, Tool, ToolAnnotations},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

use crate::{
    caller::Caller,
    hand::{Held, Taken},
    reply::Reply,
};

/// How long a command may take: a page that loads slowly, a list that scrolls.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// A tool and what runs it.
pub(crate) struct Entry {
    pub(crate) tool: Tool,
    pub(crate) run: Run,
}

type Run = Box<dyn Fn(JsonObject, Caller, Taken) -> BoxFuture<'static, Reply> + Send + Sync>;

/// What a tool does to the world, for clients that ask their user before.
#[derive(Debug, Clone, Copy)]
enum Effect {
    /// Nothing.
    Looks,
    /// Something to a device.
    Acts,
}

static TOOLS: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut tools = open::tools();
    tools.extend(look::tools());
    tools.extend(act::tools());
    tools.extend(wait::tools());
    tools
});

/// All of them, as clients list them.
pub(crate) fn list() -> Vec<Tool> {
    TOOLS.iter().map(|entry| entry.tool.clone()).collect()
}

/// The one of that name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    TOOLS.iter().find(|entry| entry.tool.name == name)
}

/// A tool with arguments of that type.
fn tool<A, F>(
    name: &'static str,
    effect: Effect,
    description: &'static str,
    run: impl Fn(A, Caller, Taken) -> F + Send + Sync + Clone + 'static,
) -> Entry
where
    A: DeserializeOwned + JsonSchema + Send + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let mut schema = (*schema_for_type::<A>()).clone();
    schema.remove("title");
    schema.remove("description");
    let looks = matches!(effect, Effect::Looks);
    let hints = ToolAnnotations::new().read_only(looks).open_world(false);
    let hints = if looks {
        hints
    } else {
        hints.destructive(false)
    };
    Entry {
        tool: Tool::new(name, description, schema).with_annotations(hints),
        run: Box::new(move |arguments, caller, taken| {
            let run = run.clone();
            Box::pin(async move {
                let arguments = serde_json::from_value(Value::Object(arguments));
                let arguments = arguments.map_err(|error| {
                    let message = format!("the arguments of {name} are wrong: {error}");
                    FailureBody::new("INVALID_ARGS", message)
                })?;
                run(arguments, caller, taken).await
            })
        }),
    }
}

/// Runs one command on a device that is held.
async fn run(caller: &mut Caller, held: &Held, call: Call) -> Result<Answer, FailureBody> {
    run_within(caller, held, call, COMMAND_LIMIT).await
}

async fn run_within(
    caller: &mut Caller,
    held: &Held,
    call: Call,
    limit: Duration,
) -> Result<Answer, FailureBody> {
    let (devices, who) = (caller.hand.devices.clone(), caller.hand.who.clone());
    let work = devices.run(&who, held.id, call, limit);
    let answer = caller.until_cancelled("still at it", work).await?;
    answer.map_err(|refusal| FailureBody::from(&refusal))
}

/// What a device answered that it should not.
fn odd(held: &Held) -> FailureBody {
    let message = format!("{} gave an answer of another kind; report this", held.key);
    FailureBody::new("PROVIDER_FAILED", message)
}

#[cfg(test)]
mod tests;
